"""The kinds of fields that mails are filled in with: plain text, where markup is shown as it stands."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, Field, StringConstraints, WithJsonSchema

from shared import money
from shared.models import LINE, NOT_IN_LINE, SPACES, TEXT, WHOLE, Body

Line = Annotated[str, StringConstraints(max_length=120, pattern=LINE), AfterValidator(str.strip)]
LongLine = Annotated[str, StringConstraints(max_length=200, pattern=LINE), AfterValidator(str.strip)]
Text = Annotated[
    str,
    StringConstraints(max_length=2000, pattern=TEXT),
    AfterValidator(str.strip),
]
# Of a document or a payment, as people quote it: INV-2026-00001.
Number = Annotated[str, StringConstraints(max_length=40, pattern=LINE), AfterValidator(str.strip)]
Code = Annotated[str, StringConstraints(max_length=64, pattern=r"^[0-9A-Za-z](-?[0-9A-Za-z])*$")]
# Letters beyond ASCII come percent-encoded; quotes and brackets never.
Link = Annotated[
    str,
    StringConstraints(
        max_length=2000,
        pattern=rf"""^https://[^{NOT_IN_LINE}{SPACES}"'<>\\/?#@]+([/?#][^{NOT_IN_LINE}{SPACES}"'<>\\]*)?$""",
    ),
]

# Years that every locale's calendar and every time zone can show.
YEARS = "^2[01][0-9]{2}-"
Day = Annotated[
    date,
    Field(ge=date(2000, 1, 1), lt=date(2200, 1, 1)),
    WithJsonSchema({"type": "string", "format": "date", "pattern": YEARS}),
]
Moment = Annotated[
    AwareDatetime,
    Field(ge=datetime(2000, 1, 1, tzinfo=UTC), lt=datetime(2200, 1, 1, tzinfo=UTC)),
    WithJsonSchema({"type": "string", "format": "date-time", "pattern": YEARS}),
]


def _as_written(pattern: str, least: int) -> WithJsonSchema:
    """A number as JSON has them, or as decimal text, which loses nothing on the way."""
    number = {"type": "number", "minimum": least, "maximum": 10**12}
    return WithJsonSchema({"anyOf": [{"type": "string", "maxLength": 20, "pattern": pattern}, number]})


Quantity = Annotated[Decimal, Field(ge=0, le=10**12, decimal_places=6), _as_written(r"^[0-9]{1,13}(\.[0-9]{1,6})?$", 0)]
Figure = Annotated[
    Decimal,
    Field(ge=-(10**12), le=10**12, decimal_places=6),
    _as_written(r"^-?[0-9]{1,13}(\.[0-9]{1,6})?$", -(10**12)),
]
Percent = Annotated[int, Field(ge=1, le=99), WHOLE]


def known_currency(code: str) -> str:
    """ISO 4217."""
    if code not in money.CURRENCIES:
        raise ValueError("is an ISO 4217 code such as EUR")
    return code


class MailAmount(Body):
    """Money: 1250 and USD are 12.50 US dollars."""

    amount_minor: Annotated[int, Field(ge=-(10**15), le=10**15), WHOLE]
    currency: Annotated[
        str, AfterValidator(known_currency), WithJsonSchema({"type": "string", "enum": sorted(money.CURRENCIES)})
    ]


class MailItem(Body):
    """A line of a quote, an order or an invoice. `amount` is what the line comes to."""

    description: Line
    detail: Line | None = None
    quantity: Quantity | None = None
    unit: Annotated[str, StringConstraints(max_length=20, pattern=LINE)] | None = None
    unit_price: MailAmount | None = None
    amount: MailAmount


class MailFee(Body):
    """What is charged once: set-up, shipping, or one tax rate's tax."""

    description: Line
    amount: MailAmount


class Addressed(Body):
    """What every mail can say: whom it greets. Left out, it greets nobody by name."""

    recipient_name: Line | None = None


class Linked(Addressed):
    """A mail about something that has a number, and perhaps a page to look at."""

    number: Number
    link: Link | None = None


Items = Annotated[tuple[MailItem, ...], Field(min_length=1, max_length=200)]
Fees = Annotated[tuple[MailFee, ...], Field(max_length=20)]
