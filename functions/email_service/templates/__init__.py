"""The mails there are: `find(name)` gives what one needs to be filled in; `rendering.render` fills it in.

Importing this loads no template engine and no model: of those only the one in use is loaded, and built.
"""

from __future__ import annotations

import importlib
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from shared.models import Body

MAILS = Path(__file__).parent.parent / "mails"


@dataclass(frozen=True)
class Template:
    """A mail to be filled in.

    `shape` names the model of its data: module and class. `follow_up`: not the answer to what the recipient did, so
    that it can be unsubscribed from; all others are transactional. `secret`: its data opens a door and isn't kept
    once it is sent.
    """

    name: str
    shape: str
    follow_up: bool = False
    secret: bool = False

    @cached_property
    def model(self) -> type[Body]:
        """The shape of its data."""
        module, _, name = self.shape.rpartition(".")
        model: type[Body] = getattr(importlib.import_module(f"{__name__}.{module}"), name)
        return model

    @property
    def folder(self) -> Path:
        """Where its words, its HTML, its text and its sample are."""
        return MAILS / self.name

    @cached_property
    def sample(self) -> dict[str, Any]:
        """Data to preview it with, as JSON has it."""
        content: dict[str, Any] = json.loads((self.folder / "sample.json").read_text())
        return content

    def read(self, data: dict[str, Any]) -> Body:
        """The data as its model. Raises `Problem` 422, with pointers from the data's own root."""
        return self.model.from_json(json.dumps(data).encode())


_TEMPLATES = {
    template.name: template
    for template in (
        Template("quote", "selling.QuoteMail"),
        Template("quote-followup", "selling.QuoteFollowUpMail", follow_up=True),
        Template("order-confirmation", "selling.OrderConfirmationMail"),
        Template("order-status", "selling.OrderStatusMail"),
        Template("payment-received", "paying.PaymentReceivedMail"),
        Template("payment-failed", "paying.PaymentFailedMail"),
        Template("invoice", "paying.InvoiceMail"),
        Template("credit-note", "paying.CreditNoteMail"),
        Template("invite", "notifying.InviteMail", secret=True),
        Template("one-time-code", "notifying.OneTimeCodeMail", secret=True),
        Template("low-stock", "notifying.LowStockMail"),
        Template("supplier-status", "selling.SupplierStatusMail"),
        Template("usage-report", "notifying.UsageReportMail"),
        Template("plain", "notifying.PlainMail"),
    )
}
NAMES: tuple[str, ...] = tuple(_TEMPLATES)


def find(name: str) -> Template:
    """The template of this name. Raises `KeyError`."""
    return _TEMPLATES[name]
