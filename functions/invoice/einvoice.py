"""An invoice as a program reads it: EN 16931 in UN/CEFACT's Cross Industry syntax (Factur-X and ZUGFeRD).

BT- and BG- are the standard's business terms, BR- its rules.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from functions.invoice import parties, units
from functions.invoice.document import Content, Line, Reference, Tax
from functions.invoice.expressing import CENT, NotExpressible, amount, plain
from functions.invoice.invoices import deducted, detail
from functions.invoice.wording import Words

GUIDELINE = "urn:cen.eu:en16931:2017"
# UNCL 1001. A pro forma invoice claims nothing, and is none to the standard.
TYPES = {"deposit": "386", "balance": "380", "full": "380", "credit_note": "381"}
# The reason by code (VATEX) where the content brings none.
REASONS = {"AE": "VATEX-EU-AE", "K": "VATEX-EU-IC", "G": "VATEX-EU-G", "O": "VATEX-EU-O"}
SEPA_TRANSFER, TRANSFER = "58", "30"  # UNCL 4461
PRICE = Decimal("0.0001")


def to_xml(content: Content) -> bytes:
    """The invoice as XML (UTF-8). Raises `NotExpressible` for a pro forma invoice, for amounts finer than two decimals,
    and where a party lacks a number that its kind of tax demands.
    """
    if content.kind not in TYPES:
        raise NotExpressible("a pro forma invoice is no invoice")
    parties.check(content)
    from functions.invoice.crossindustry import Invoice

    words = Words(content.language, content.currency, content.seller.country)
    invoice = Invoice()
    invoice.context.guideline_parameter.id = GUIDELINE
    invoice.header.id = plain(content.number)
    invoice.header.type_code = TYPES[content.kind]
    invoice.header.issue_date_time = content.issued_on
    _add_notes(invoice.header.notes, content)
    for line in content.lines:
        _add_line(invoice.trade.items, line, content.currency, words)
    _agree(invoice.trade.agreement, content)
    _deliver(invoice.trade.delivery, content)
    _settle(invoice.trade.settlement, content, words)
    return invoice.written()


def unit_price(net: Decimal, quantity: Decimal) -> tuple[Decimal, Decimal]:
    """The price (BT-146) and of how many (BT-149), so that quantity / of how many × price is the net exactly."""
    price = abs(net) / quantity
    if price == price.quantize(PRICE):
        return max(price.normalize(), price.quantize(CENT), key=lambda each: -int(each.as_tuple().exponent)), Decimal(1)
    return abs(net), quantity


def _add_notes(notes: Any, content: Content) -> None:
    from drafthorse.models.note import IncludedNote

    for text in (content.reason, *content.notes):
        if text and text.strip():
            note = IncludedNote()
            note.content = plain(text)
            notes.add(note)


def _add_line(items: Any, line: Line, currency: str, words: Words) -> None:
    from drafthorse.models.tradelines import LineItem

    item, net, unit = LineItem(), amount(line.net_minor, currency), units.code(line.unit)
    counted = line.quantity.normalize() if line.quantity else Decimal(1)
    price, each = unit_price(net, counted)
    item.document.line_id = str(line.position)
    item.product.name = plain(line.description)
    if small := plain(detail(line, words)):
        item.product.description = small
    item.agreement.net.amount = f"{price:f}"
    if each != 1:
        item.agreement.net.basis_quantity = (f"{each:f}", unit)
    # A price is never negative (BR-27): what is taken off is a negative quantity.
    item.delivery.billed_quantity = (f"{counted.copy_sign(net):f}", unit)
    item.settlement.trade_tax.type_code = "VAT"
    item.settlement.trade_tax.category_code = line.category
    if line.category != "O":  # BR-O-05
        item.settlement.trade_tax.rate_applicable_percent = f"{line.rate.normalize():f}"
    item.settlement.monetary_summation.total_amount = net
    items.add(item)


def _agree(agreement: Any, content: Content) -> None:
    """Who, for whom, on which order."""
    untaxed = any(group.category == "O" for group in content.taxes)
    order = plain(content.order_number)
    agreement.buyer_reference = order
    agreement.buyer_order.issuer_assigned_id = order
    agreement.seller_order.issuer_assigned_id = order
    parties.describe(agreement.seller, content.seller)
    parties.describe(agreement.buyer, content.buyer)
    parties.register_seller(agreement.seller, content.seller, untaxed=untaxed)
    if not untaxed:
        parties.register_buyer(agreement.buyer, content.buyer)


def _deliver(delivery: Any, content: Content) -> None:
    if content.delivered_on:
        delivery.event.occurrence = content.delivered_on
    if any(group.category == "K" for group in content.taxes):  # BR-IC-12
        delivery.ship_to.name = plain(content.buyer.name)
        parties.locate(delivery.ship_to.address, content.buyer)


def _settle(settlement: Any, content: Content, words: Words) -> None:
    settlement.payment_reference = plain(content.number)
    settlement.currency_code = content.currency
    for group in content.taxes:
        _add_tax(settlement.trade_tax, group, content.currency, words)
    for reference in (*deducted(content), *([content.credits] if content.credits else [])):
        _add_reference(settlement.invoice_referenced_document, reference)
    _ask_for_payment(settlement, content, words)
    _sum_up(settlement, content)


def _add_tax(taxes: Any, group: Tax, currency: str, words: Words) -> None:
    from drafthorse.models.accounting import ApplicableTradeTax

    tax = ApplicableTradeTax()
    tax.calculated_amount = amount(group.tax_minor, currency)
    tax.type_code = "VAT"
    tax.basis_amount = amount(group.net_minor, currency)
    tax.category_code = group.category
    if group.category not in ("S", "Z"):  # BR-S-10, BR-Z-10
        tax.exemption_reason = plain(group.reason) or words(f"exemption.{group.category}")
        if code := group.reason_code or REASONS.get(group.category):
            tax.exemption_reason_code = code
    if group.category != "O":
        tax.rate_applicable_percent = f"{group.rate.normalize():f}"
    taxes.add(tax)


def _add_reference(references: Any, reference: Reference) -> None:
    from drafthorse.models.references import InvoiceReferencedDocument

    earlier = InvoiceReferencedDocument()
    earlier.issuer_assigned_id = plain(reference.number)
    earlier.issue_date_time = reference.issued_on
    references.add(earlier)


def _ask_for_payment(settlement: Any, content: Content, words: Words) -> None:
    """By when (BT-9, BT-20) and to which account (BG-16): whatever is due says one of these (BR-CO-25)."""
    from drafthorse.models.payment import PaymentMeans, PaymentTerms

    if content.payable_minor <= 0:
        return
    terms = PaymentTerms()
    money, credit = words.money(content.payable_minor), content.kind == "credit_note"
    if content.due_on and not credit:
        terms.due = content.due_on
    day = words.day(content.due_on) if content.due_on else ""
    name = "refund" if credit else "pay_by" if day else "pay"
    told = words(name, amount=money, date=day, number=plain(content.number))
    terms.description = re.sub("[\xa0\u202f]", " ", told)
    settlement.terms.add(terms)
    if content.seller.iban and not credit:
        means = PaymentMeans()
        means.type_code = SEPA_TRANSFER if content.currency == "EUR" else TRANSFER
        means.payee_account.iban = "".join(content.seller.iban.split())
        means.payee_account.account_name = plain(content.seller.name)
        if content.seller.bic:
            means.payee_institution.bic = plain(content.seller.bic)
        settlement.payment_means.add(means)


def _sum_up(settlement: Any, content: Content) -> None:
    sums, currency = settlement.monetary_summation, content.currency
    sums.line_total = amount(content.net_minor, currency)
    sums.tax_basis_total = (amount(content.net_minor, currency), None)
    sums.tax_total = (amount(content.tax_minor, currency), currency)
    if content.foreign_tax and content.foreign_tax.currency != currency:
        settlement.tax_currency_code = content.foreign_tax.currency
        own = amount(content.foreign_tax.tax_minor, content.foreign_tax.currency)
        sums.tax_total_other_currency.add((own, content.foreign_tax.currency))
    if content.rounding_minor:
        sums.rounding_amount = amount(content.rounding_minor, currency)
    sums.grand_total = (amount(content.total_minor, currency), None)
    sums.due_amount = amount(content.payable_minor, currency)
