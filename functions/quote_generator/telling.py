"""A quote told to people: in a few sentences, and by mail."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import UUID

from shared.ai.ledger import Asker
from shared.money import Money

# What asking a model may add to making a quote.
SECONDS = 5.0


def narrative(quote: dict[str, Any], user_id: UUID | None, workspace_id: UUID) -> dict[str, str]:
    """`{text, provider}`: a model's sentences, or the built-in ones."""
    from functions.quote_generator import narrating

    told = narrating.narrate(in_decimals(quote), Asker(user_id, workspace_id), seconds=SECONDS)
    return {"text": told.text, "provider": told.provider}


def in_decimals(quote: dict[str, Any]) -> dict[str, Any]:
    """What may be told of a quote, its amounts as people write them: no customer, no notes."""
    price, terms = quote["price"], quote["terms"]

    def amount(minor: int) -> str:
        return f"{Money(minor, price['currency']).decimal():f}"

    def lines(of: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [
            {
                "description": line["description"],
                "rule": line["rule"],
                "quantity": line["quantity"],
                "unit_price": line["unit_price"],
                "amount": amount(line["amount_minor"]),
            }
            for line in of
        ]

    return {
        "product_type": quote["specification"]["product"],
        "product": terms["product"],
        "quantity": quote["specification"]["quantity"],
        "currency": price["currency"],
        "lines": lines(price["lines"]),
        "setup": lines(price["setup"]),
        "unit_price": price["unit_price"],
        "subtotal": amount(price["subtotal_minor"]),
        "total": amount(price["total_minor"]),
        "deposit": amount(price["deposit_minor"]),
        "balance": amount(price["balance_minor"]),
        "valid_until": quote["valid_until"],
        "timeline": terms["timeline"],
        "lead_time_days": terms["lead_time_days"],
        "earliest_date": terms["earliest_date"],
        "savings": [
            {
                "description": each["description"],
                "unit_price": each["unit_price"],
                "total": amount(each["total_minor"]),
                "saves_each": each["saves_each"],
            }
            for each in quote["savings"]
        ],
    }


def mail(quote: dict[str, Any]) -> dict[str, Any]:
    """The data of its mail (template `quote`), but for the number and the name, which the database gives."""
    price, terms = quote["price"], quote["terms"]
    currency = price["currency"]

    def money(minor: int) -> dict[str, Any]:
        return {"amount_minor": minor, "currency": currency}

    return {
        "items": [
            {
                "description": line["description"],
                "quantity": str(line["quantity"]),
                "unit": "pcs",
                "amount": money(line["amount_minor"]),
            }
            for line in price["lines"]
        ],
        "fees": [
            {"description": line["description"], "amount": money(line["amount_minor"])} for line in price["setup"]
        ],
        "subtotal": money(price["subtotal_minor"]),
        "total": money(price["total_minor"]),
        "deposit": money(price["deposit_minor"]),
        "balance": money(price["balance_minor"]),
        "valid_until": quote["valid_until"],
        "ready_on": terms["earliest_date"],
        "timeline": [
            {
                "name": stage["name"].replace("_", " ").capitalize(),
                "starts_on": stage["starts_on"],
                "ends_on": stage["ends_on"],
            }
            for stage in terms["timeline"]
        ],
        "savings": [
            {"description": each["description"], "saves": money(saved)}
            for each in quote["savings"]
            if (saved := price["total_minor"] - each["total_minor"]) > 0
        ],
        "note": note(terms),
    }


def note(terms: dict[str, Any]) -> str:
    """What isn't in the price, and how exact the quantity is."""
    tolerance = Decimal(terms["tolerance_percent"])
    sentences = [f"Quantities may vary by {tolerance.normalize():f} %, and you pay for what is shipped."]
    if terms["excluded"]:
        sentences.insert(0, f"Not included: {', '.join(terms['excluded']).lower()}.")
    return " ".join(sentences)
