"""The UN/CEFACT Cross Industry Invoice as drafthorse models it, with what EN 16931 has and drafthorse lacks.

Imported where an invoice is written, and nowhere else: it loads drafthorse.
"""

from __future__ import annotations

from xml.etree import ElementTree

from drafthorse.models.document import Document
from drafthorse.models.fields import Field, MultiField
from drafthorse.models.references import InvoiceReferencedDocument
from drafthorse.models.trade import TradeSettlement, TradeTransaction

DECLARATION = b'<?xml version="1.0" encoding="UTF-8"?>\n'


class Settlement(TradeSettlement):
    """Refers to any number of earlier invoices (BG-3), not to one."""

    invoice_referenced_document = MultiField(InvoiceReferencedDocument)


class Transaction(TradeTransaction):
    """With that settlement."""

    settlement = Field(Settlement, required=True)


class Invoice(Document):
    """With that transaction."""

    trade = Field(Transaction, required=True)

    def written(self) -> bytes:
        """As XML. drafthorse's own `serialize` writes it twice and reads it twice: half of the time that all takes."""
        return DECLARATION + ElementTree.tostring(self.to_etree(), "unicode").encode()
