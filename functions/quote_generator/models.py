"""Shapes of /api/quote-generator."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field, StringConstraints

from shared.models import WHOLE, Answer, Body, Email, Name, Page, Query

Currency = Literal["USD", "EUR", "CAD", "AUD", "GBP", "BDT"]
Complexity = Literal["simple", "medium", "complex"]
Method = Literal["screen_print", "embroidery", "label", "packaging"]
Incoterm = Literal["EXW", "FCA", "FOB", "CIF", "DAP", "DDP"]
Status = Literal["open", "superseded", "declined", "expired", "converted"]
Key = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
Size = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9]{1,8}$")]
Few = Annotated[int, Field(ge=1, le=12), WHOLE]
Notes = Annotated[str, StringConstraints(max_length=2000)]


class Decoration(Body):
    """Something put on each piece, in so many colours. `placements` are where: one, if none is named."""

    method: Method
    colours: Few = 1
    placements: Annotated[tuple[Key, ...], Field(max_length=6)] = ()


class Customer(Body):
    """Who the quote is for."""

    email: Email
    name: Name | None = None
    company: Name | None = None
    country: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")] | None = None


class QuoteRequest(Body):
    """What is to be made. Sizes add up to the quantity; `colours` are the garment's, one if none is named."""

    product_type: Key
    quantity: Annotated[int, Field(ge=50, le=100_000), WHOLE]
    fabric: Key | None = None
    complexity: Complexity = "simple"
    sizes: Annotated[dict[Size, Annotated[int, Field(ge=1, le=100_000), WHOLE]], Field(max_length=20)] | None = None
    colours: Annotated[tuple[Name, ...], Field(max_length=12)] = ()
    decorations: Annotated[tuple[Decoration, ...], Field(max_length=4)] = ()
    target_date: date | None = None
    currency: Currency | None = None
    incoterm: Incoterm = "EXW"
    notes: Notes = ""
    customer: Customer
    source_text: Annotated[str, StringConstraints(max_length=5000)] | None = None


class Line(Answer):
    """A line of the price. `rule` names the figure of the rate card that made it; `unit_price` is exact."""

    rule: str
    description: str
    quantity: int
    unit_price: str
    amount_minor: int


class Stage(Answer):
    """A stage of the work, its first and last day included."""

    name: str
    days: int
    starts_on: date
    ends_on: date


class Promise(Answer):
    """Whether the date wished for can be kept."""

    target_date: date
    kept: bool
    days_late: int


class Saving(Answer):
    """What would lower the price: send the quote's request again with `change`. `saves_each` includes set-up."""

    kind: str
    description: str
    change: dict[str, Any]
    unit_price: str
    total_minor: int
    saves_each: str


class ExchangeRate(Answer):
    """What one unit of the rate card's currency was worth, frozen into the quote."""

    from_currency: str
    to_currency: str
    rate: str
    as_of: date
    age_days: int


class Narrative(Answer):
    """A few sentences about the quote. Its figures are the quote's own."""

    text: str
    provider: str


class Quote(Answer):
    """A quote: a price that can be computed again to the cent."""

    id: UUID
    number: str
    version: int
    status: Status
    product_type: str
    product: str
    specification: dict[str, Any]
    customer: dict[str, Any]
    notes: str
    lines: list[Line]
    setup: list[Line]
    unit_price: str
    subtotal_minor: int
    setup_minor: int
    total_minor: int
    deposit_minor: int
    balance_minor: int
    currency: str
    exchange_rate: ExchangeRate
    timeline: list[Stage]
    lead_time_days: int
    earliest_date: date
    promise: Promise | None
    tolerance_percent: str
    excluded: list[str]
    valid_until: date
    rate_card_version: int
    input_hash: str
    narrative: Narrative
    savings: list[Saving]
    order_id: UUID | None
    created_at: AwareDatetime


class GuestQuote(Quote):
    """A new quote. `token` opens it for a guest, and is told this once; null for whoever is signed in."""

    token: str | None = None


class ListedQuote(Answer):
    """A quote in a list."""

    id: UUID
    number: str
    version: int
    status: Status
    product_type: str
    quantity: int
    total_minor: int
    currency: str
    customer: dict[str, Any]
    valid_until: date
    created_at: AwareDatetime


class Quotes(Answer):
    """A page of quotes, newest first."""

    data: list[ListedQuote]
    next_cursor: UUID | None


class QuotePage(Page):
    """Which quotes."""

    workspace_id: UUID | None = None
    status: Status | None = None


class Token(Query):
    """What opens a guest's quote."""

    token: Annotated[str, StringConstraints(min_length=20, max_length=100)] | None = None


class InWorkspace(Query):
    """Where; one's default workspace where it isn't said."""

    workspace_id: UUID | None = None


class Difference(Answer):
    """A line that is computed otherwise than it is stored; null where there is none."""

    place: str
    stored: dict[str, Any] | None
    computed: dict[str, Any] | None


class Replay(Answer):
    """The price computed again from what was stored."""

    equal: bool
    differences: list[Difference]
    input_hash: str


class Declining(Body):
    """Why, if anybody likes to say."""

    reason: Annotated[str, StringConstraints(max_length=500)] = ""


class Conversion(Body):
    """A guest's code, as it was mailed."""

    code: Annotated[str, StringConstraints(pattern=r"^[0-9]{6}$")] | None = None


class Converted(Answer):
    """The order that the quote became."""

    order_id: UUID
    order_number: str
    tracking_token: str | None


class CodeSent(Answer):
    """Where the code went, as far as the guest must know; when another may be asked for."""

    expires_in_seconds: int
    resend_after_seconds: int


class Description(Body):
    """A brief in somebody's own words."""

    description: Annotated[str, StringConstraints(min_length=1, max_length=5000)]
