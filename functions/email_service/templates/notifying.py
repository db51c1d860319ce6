"""What is filled into all other mails."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from functions.email_service.templates.fields import (
    Addressed,
    Code,
    Day,
    Figure,
    Line,
    Link,
    LongLine,
    MailAmount,
    Moment,
    Quantity,
    Text,
)
from shared.models import LINE, WHOLE, Body

LONGEST_PLAIN = 10_000  # characters of all paragraphs: a mail larger than 100 kB is cut off by who shows it


class InviteMail(Addressed):
    """An invitation to the workspace. `role` as people call it; with `link` the code needs no typing."""

    code: Code
    role: Line
    invited_by: Line | None = None
    expires_at: Moment
    link: Link | None = None


class OneTimeCodeMail(Addressed):
    """A code that works once, for so many minutes."""

    code: Code
    minutes: Annotated[int, Field(ge=1, le=1440), WHOLE]


class ShortItem(Body):
    """What is running out: what is there, and the level it fell to or below."""

    name: Line
    quantity: Quantity
    threshold: Quantity
    unit: Annotated[str, StringConstraints(max_length=20, pattern=LINE)] | None = None
    location: Line | None = None


class LowStockMail(Addressed):
    """Stock that crossed its level. `link` leads to the inventory."""

    items: Annotated[tuple[ShortItem, ...], Field(min_length=1, max_length=200)]
    link: Link | None = None


class UsageFigure(Body):
    """One figure of a period, beside that of the period before: a number, or an amount of money."""

    label: Line
    value: Figure | None = None
    previous: Figure | None = None
    amount: MailAmount | None = None
    previous_amount: MailAmount | None = None

    @model_validator(mode="after")
    def _is_one_of_two(self) -> Self:
        number, money = self.value is not None, self.amount is not None
        if number == money or (self.previous is not None and money) or (self.previous_amount is not None and number):
            raise ValueError("a figure has a value or an amount, and what came before is of the same kind")
        return self

    @property
    def change(self) -> Decimal | None:
        """By what part it rose, or fell if negative; None where nothing was before."""
        if self.amount is not None and self.previous_amount is not None:
            now, before = Decimal(self.amount.amount_minor), Decimal(self.previous_amount.amount_minor)
            if self.amount.currency != self.previous_amount.currency:
                return None
        elif self.value is not None and self.previous is not None:
            now, before = self.value, self.previous
        else:
            return None
        return (now - before) / before if before > 0 else None


class MailStorage(Body):
    """Bytes kept, and how many may be."""

    used_bytes: Annotated[int, Field(ge=0, le=10**15), WHOLE]
    quota_bytes: Annotated[int, Field(gt=0, le=10**15), WHOLE]


class UsageReportMail(Addressed):
    """What happened from one day to another, both included."""

    from_date: Day
    to_date: Day
    figures: Annotated[tuple[UsageFigure, ...], Field(min_length=1, max_length=30)]
    storage: MailStorage | None = None
    link: Link | None = None


class MailButton(Body):
    """A button."""

    label: Annotated[str, StringConstraints(max_length=40, pattern=LINE)]
    link: Link


class PlainMail(Addressed):
    """A mail in one's own words: paragraphs, and perhaps a button."""

    subject: LongLine
    paragraphs: Annotated[tuple[Text, ...], Field(min_length=1, max_length=20)]
    action: MailButton | None = None

    @model_validator(mode="after")
    def _is_not_cut_off(self) -> Self:
        if sum(map(len, self.paragraphs)) > LONGEST_PLAIN:
            raise ValueError(f"the paragraphs may have {LONGEST_PLAIN} characters in all")
        return self
