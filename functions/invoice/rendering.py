"""The documents as files: an invoice a person reads and a program reads too, and a quote."""

from __future__ import annotations

from datetime import date

from functions.invoice import einvoice, hybrid, invoices, quotes
from functions.invoice.document import Content, QuoteContent
from functions.invoice.expressing import NotExpressible
from functions.invoice.typesetting import typeset


def render(content: Content, *, logo: bytes | None, paid_on: date | None) -> bytes:
    """The PDF/A-3b of an invoice with the EN 16931 XML in it, where it can be expressed: the same bytes each time.

    `logo`: a PNG or JPEG; bytes that are neither are left out. `paid_on` makes the copy stamped as paid.
    """
    try:
        xml = einvoice.to_xml(content)
    except NotExpressible:
        xml = None
    pdf = typeset("invoice", invoices.laid_out(content, logo, paid_on), content.issued_on, xml)
    return hybrid.declared(pdf) if xml else pdf


def render_quote(content: QuoteContent, *, logo: bytes | None) -> bytes:
    """The PDF/A-3b of a quote: the same bytes each time."""
    return typeset("quote", quotes.laid_out(content, logo), content.issued_on)
