"""A quote on paper: the function invoice typesets it, in the design of what follows."""

from __future__ import annotations

import json
from typing import Any

from shared import peers
from shared.errors import Problem

SECONDS = 20.0


def pdf(quote: dict[str, Any]) -> bytes:
    """The PDF of a quote as `quote_document` tells it. Raises `Problem` 503."""
    reply = peers.call("invoice/quotes", json.dumps(document(quote)).encode(), timeout_seconds=SECONDS)
    if reply.status != 200:
        raise Problem(503, "function_refused", "A function we stand on doesn't do what it is asked.")
    return reply.body


def document(quote: dict[str, Any]) -> dict[str, Any]:
    """A quote as the function invoice is given it (functions/invoice/document.py)."""
    customer = quote["customer"]
    name = customer.get("company") or customer.get("name") or customer["email"]
    return {
        "number": quote["number"],
        "version": quote["version"],
        "issued_on": quote["approved_on"],
        "valid_until": quote["valid_until"],
        "language": quote["language"],
        "currency": quote["currency"],
        "seller": quote["seller"],
        "customer": {
            "name": name,
            "contact": customer.get("name") if customer.get("company") else None,
            "country": customer.get("country") or "",
            "email": customer["email"],
        },
        "narrative": quote["narrative"]["text"],
        "lines": [line(each, "pcs") for each in quote["lines"]],
        "fees": [line(each, None) for each in quote["setup"]],
        "subtotal_minor": quote["subtotal_minor"],
        "fees_minor": quote["setup_minor"],
        "total_minor": quote["total_minor"],
        "deposit_minor": quote["deposit_minor"] or None,
        "balance_minor": quote["balance_minor"] if quote["deposit_minor"] else None,
        "timeline": [{name: stage[name] for name in ("name", "starts_on", "ends_on")} for stage in quote["timeline"]],
        "incoterm": quote["specification"].get("incoterm"),
        "tolerance_percent": quote["tolerance_percent"],
        "excluded": quote["excluded"],
        "colour": quote["colour"],
        "logo": quote["logo"],
    }


def line(each: dict[str, Any], unit: str | None) -> dict[str, Any]:
    """A line of the price: its description, and how it comes to its amount."""
    return {
        "description": each["description"],
        "quantity": each["quantity"],
        "unit": unit,
        "unit_price": each["unit_price"],
        "amount_minor": each["amount_minor"],
    }
