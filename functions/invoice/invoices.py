"""An invoice as its template takes it: every figure and day written out, nothing left to compute."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from itertools import accumulate
from typing import Any

from functions.invoice import drawing
from functions.invoice.document import Content, Line, Reference, Tax
from functions.invoice.letters import aligned, grouped, headed, letter, lettered, widest
from functions.invoice.wording import Words
from shared.money import Money, decimals

# Digits after the decimal point of a unit price. More of them nobody reads; the amount beside it is exact.
PRICE_DIGITS = 4


def laid_out(content: Content, logo: bytes | None, paid_on: date | None) -> dict[str, Any]:
    """What templates/invoice.typ takes."""
    words = Words(content.language, content.currency, content.seller.country)
    prices = [price(line, content.currency) for line in content.lines]
    rounded = any(exact != shown for exact, shown in prices if exact is not None)
    payable = words.money(content.payable_minor)
    title = words(f"title.{content.kind}")
    rows = lines(content, [shown for _, shown in prices], words)
    return {
        **letter(content.seller, content.buyer, words, content.colour, logo),
        "title": title,
        "number": content.number,
        "facts": facts(content, words),
        "remarks": remarks(content, words),
        "columns": {
            **headed(rows, words),
            "rate": words.taxed("rate"),
            "amount": words("amount", currency=content.currency),
        },
        "lines": rows,
        "widest": widest(rows, ("position", "description", "quantity", "unit", "price", "rate", "amount")),
        "rounded_prices": words("rounded_prices") if rounded else None,
        "taxes": {
            "title": words.taxed("tax_summary"),
            "columns": [words("tax_rate"), words("tax_net"), words.taxed("tax_amount")],
            "rows": [tax(each, words) for each in content.taxes],
            "reasons": reasons(content.taxes, words),
            "foreign": foreign(content, words),
        },
        "totals": totals(content, words),
        "payable": {"label": words("credited" if content.kind == "credit_note" else "payable"), "amount": payable},
        "payment": payment(content, words, paid=paid_on is not None),
        "notes": {"title": words("notes"), "texts": [lettered(note) for note in content.notes if note.strip()]},
        "paid": words("paid_on", date=words.day(paid_on)) if paid_on else None,
    }


def facts(content: Content, words: Words) -> list[list[str]]:
    """Number, days, order, and the buyer's tax number: label and value."""
    found = [
        (words(f"number.{content.kind}"), content.number),
        (words("issued_on"), words.day(content.issued_on)),
        (words("delivered_on"), words.day(content.delivered_on) if content.delivered_on else None),
        (words("due_on"), words.day(content.due_on) if content.due_on else None),
        (words("order_number"), content.order_number),
        (words("buyer_tax_id" if words.other_tax else "buyer_vat_id"), content.buyer.vat_id),
        (words("buyer_tax_id"), content.buyer.tax_number if not content.buyer.vat_id else None),
    ]
    return [[label, value] for label, value in found if value]


def remarks(content: Content, words: Words) -> list[dict[str, Any]]:
    """What stands between the title and the lines: what this is, and which invoices it speaks of."""
    found = []
    if content.kind == "proforma":
        found.append(words("no_tax_invoice"))
    if content.credits:
        found.append(words("credits", **told(content.credits, words)))
    found += [words("deducts", **told(each, words)) for each in deducted(content)]
    if content.reason:
        found.append(words("reason", reason=content.reason))
    return [lettered(text) for text in found]


def deducted(content: Content) -> list[Reference]:
    """The earlier invoices taken off this one, each once."""
    return list({line.deducts.number: line.deducts for line in content.lines if line.deducts}.values())


def told(reference: Reference, words: Words) -> dict[str, str]:
    """A reference in words."""
    return {"number": reference.number, "date": words.day(reference.issued_on)}


def price(line: Line, currency: str) -> tuple[Decimal | None, Decimal | None]:
    """What one of it costs: exactly, and as shown. Nothing where nothing is counted, or something is taken off."""
    if not line.quantity or line.deducts:
        return None, None
    exact = Money(line.net_minor, currency).decimal() / line.quantity
    digits = max(PRICE_DIGITS, decimals(currency))
    return exact, exact.quantize(Decimal(1).scaleb(-digits))


def lines(content: Content, prices: list[Decimal | None], words: Words) -> list[dict[str, Any]]:
    """The lines, each with what all lines up to it add up to: the next page begins with that."""
    least = decimals(content.currency)
    counted = [None if line.deducts else line.quantity for line in content.lines]
    quantities = aligned(["" if each is None else words.number(each) for each in counted], words)
    costs = aligned(["" if each is None else words.number(each, least) for each in prices], words)
    running = accumulate(line.net_minor for line in content.lines)
    return [
        {
            "position": str(line.position),
            "description": lettered(line.description),
            "detail": lettered(detail(line, words)),
            "quantity": quantity,
            "unit": words.known("unit", line.unit) if line.unit and quantity["figure"] else "",
            "price": cost,
            "rate": rate(line.category, line.rate, words),
            "amount": words.amount(line.net_minor),
            "running": words.amount(so_far),
        }
        for line, quantity, cost, so_far in zip(content.lines, quantities, costs, running, strict=True)
    ]


def detail(line: Line, words: Words) -> str:
    """The small print of a line; of one that takes an invoice off, which."""
    less = words("less", **told(line.deducts, words)) if line.deducts else ""
    return "\n".join(part for part in (line.detail or "", less) if part)


def rate(category: str, percent: Decimal, words: Words) -> str:
    """A rate in its narrow column."""
    return "–" if category == "O" else words.percent(percent)


def tax(group: Tax, words: Words) -> list[str]:
    """A row of the tax table: rate, net, tax."""
    name = words.percent(group.rate) if group.category == "S" else words(f"category.{group.category}")
    return [name, words.amount(group.net_minor), words.amount(group.tax_minor)]


def reasons(taxes: list[Tax], words: Words) -> list[dict[str, Any]]:
    """Why there is no tax, each once."""
    found = [
        group.reason or words(f"exemption.{group.category}")
        for group in taxes
        if group.reason or group.category not in ("S", "Z")
    ]
    return [lettered(text) for text in dict.fromkeys(found)]


def foreign(content: Content, words: Words) -> list[str] | None:
    """The tax in the seller's own currency: label, amount, and the rate it was computed by."""
    own = content.foreign_tax
    if own is None:
        return None
    rate = words("foreign_rate", rate=words.number(own.rate), currency=own.currency, other=content.currency)
    return [words("foreign_tax", currency=own.currency), words.amount(own.tax_minor, own.currency), rate]


def totals(content: Content, words: Words) -> list[list[str]]:
    """Label and amount. Rounding only where there is some."""
    found = [
        [words("net"), words.amount(content.net_minor)],
        [words.taxed("tax"), words.amount(content.tax_minor)],
        [words("total"), words.amount(content.total_minor)],
    ]
    if content.rounding_minor:
        found.append([words("rounding"), words.amount(content.rounding_minor)])
    return found


def payment(content: Content, words: Words, *, paid: bool) -> dict[str, Any]:
    """How to pay: a sentence, the account, and a code for a bank's app (none once it is paid)."""
    seller, amount = content.seller, words.money(content.payable_minor)
    found: dict[str, Any] = {"title": words("payment"), "text": "", "account": [], "code": None, "scan": words("qr")}
    if content.kind == "credit_note":
        return {**found, "text": words("refund", amount=amount)}
    if content.payable_minor <= 0:
        return {**found, "text": words("nothing_due")}
    day = words.day(content.due_on) if content.due_on else ""
    found["text"] = words("pay_by" if day else "pay", amount=amount, date=day, number=content.number)
    if not seller.iban:
        return found
    account = [
        [words("account_holder"), seller.name],
        [words("iban"), grouped(seller.iban)],
        [words("bic"), seller.bic or ""],
        [words("reference"), content.number],
    ]
    due = Money(content.payable_minor, content.currency)
    code = None if paid else drawing.payment_code(seller.name, seller.iban, seller.bic, due, content.number)
    return {**found, "account": [row for row in account if row[1]], "code": code}
