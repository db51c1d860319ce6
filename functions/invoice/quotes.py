"""A quote as its template takes it: every figure and day written out, nothing left to compute."""

from __future__ import annotations

from itertools import accumulate
from typing import Any

from functions.invoice.document import QuoteContent
from functions.invoice.letters import aligned, headed, letter, lettered, widest
from functions.invoice.wording import Words
from shared.money import decimals


def laid_out(content: QuoteContent, logo: bytes | None) -> dict[str, Any]:
    """What templates/quote.typ takes."""
    words = Words(content.language, content.currency, content.seller.country)
    total = words.money(content.total_minor)
    rows = lines(content, words)
    return {
        **letter(content.seller, content.customer, words, content.colour, logo),
        "title": words("title.quote"),
        "number": content.number,
        "facts": [
            [words("number.quote"), content.number],
            *([[words("version"), str(content.version)]] if content.version > 1 else []),
            [words("issued_on"), words.day(content.issued_on)],
            [words("valid_until"), words.day(content.valid_until)],
        ],
        "remarks": [lettered(text) for text in (content.narrative or "").split("\n") if text.strip()],
        "columns": {
            **headed(rows, words),
            "amount": words("gross_amount", currency=content.currency),
        },
        "lines": rows,
        "widest": widest(rows, ("position", "description", "quantity", "unit", "price", "amount")),
        "totals": totals(content, words),
        "payable": {"label": words("quoted"), "amount": total},
        "shares": shares(content, words),
        "timeline": {
            "title": words("timeline"),
            "stages": [
                [str(at), lettered(words.known("stage", stage.name)), words.days(stage.starts_on, stage.ends_on)]
                for at, stage in enumerate(content.timeline, 1)
            ],
        },
        "terms": {"title": words("terms"), "rows": terms(content, words)},
        "notes": {"title": words("notes"), "texts": [lettered(note) for note in content.notes if note.strip()]},
    }


def lines(content: QuoteContent, words: Words) -> list[dict[str, Any]]:
    """The lines and after them the fees, each with what all lines up to it add up to."""
    found = [*content.lines, *content.fees]
    least = decimals(content.currency)
    quantities = aligned(["" if each.quantity is None else words.number(each.quantity) for each in found], words)
    prices = aligned(["" if each.unit_price is None else words.number(each.unit_price, least) for each in found], words)
    running = accumulate(line.amount_minor for line in found)
    return [
        {
            "position": str(at),
            "description": lettered(line.description),
            "detail": lettered(line.detail or ""),
            "quantity": quantity,
            "unit": words.known("unit", line.unit) if line.unit and quantity["figure"] else "",
            "price": price,
            "amount": words.amount(line.amount_minor),
            "running": words.amount(so_far),
        }
        for at, (line, quantity, price, so_far) in enumerate(zip(found, quantities, prices, running, strict=True), 1)
    ]


def totals(content: QuoteContent, words: Words) -> list[list[str]]:
    """Label and amount, where there is more than one sum."""
    if not content.fees:
        return []
    return [
        [words("subtotal"), words.amount(content.subtotal_minor)],
        [words("fees"), words.amount(content.fees_minor)],
    ]


def shares(content: QuoteContent, words: Words) -> list[list[str]]:
    """What is paid when."""
    found = (("deposit", content.deposit_minor), ("balance", content.balance_minor))
    return [[words(name), words.amount(minor)] for name, minor in found if minor]


def terms(content: QuoteContent, words: Words) -> list[list[str]]:
    """Label and text."""
    tolerance = content.tolerance_percent
    found = [
        (words("incoterm"), f"{content.incoterm} (Incoterms 2020)" if content.incoterm else ""),
        (words("tolerance"), words("tolerance_value", percent=words.percent(tolerance)) if tolerance else ""),
        (words("not_included"), ", ".join(words.known("excluded", each) for each in content.excluded)),
    ]
    return [[label, text] for label, text in found if text]
