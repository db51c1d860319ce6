"""From a request to all that a quote says: priced, dated, hashed, with what would lower the price."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from functions.quote_generator import checking, pricing, saving, scheduling
from functions.quote_generator.cards import Card
from functions.quote_generator.models import QuoteRequest
from functions.quote_generator.pricing import Ordered, Price, Specification
from functions.quote_generator.saving import Saving
from shared.money import Money

VALID_DAYS = 30
# By the terms of delivery: what the buyer sees to. Prices include the seller's own tax, where there is any; what a
# border costs the buyer sees to, but under DDP.
EXCLUDED = {
    "EXW": ("Transport from our door", "Insurance", "Import duties and taxes"),
    "FCA": ("Main carriage", "Insurance", "Import duties and taxes"),
    "FOB": ("Ocean or air freight", "Insurance", "Import duties and taxes"),
    "CIF": ("Unloading and carriage from the port", "Import duties and taxes"),
    "DAP": ("Import duties and taxes",),
    "DDP": (),
}
# What a price depends on. Whoever changes how it is computed counts up, and old quotes are replayed by the old way.
ENGINE = 1


def quoted(request: QuoteRequest, basis: dict[str, Any]) -> dict[str, Any]:
    """The quote, as `create_quote` takes it but for the narrative. Raises `Problem` 422."""
    if basis["rate_card"] is None:
        raise checking.unknown_product(basis["known_products"])
    card = Card(basis["rate_card"])
    specification = checking.complete(request, card)
    approved_on = date.fromisoformat(basis["today"])
    exchange = basis["exchange_rate"]
    made = pricing.price(specification, card, exchange["to_currency"], Decimal(exchange["rate"]))
    agreed = terms(specification, card, approved_on, request.target_date)
    checking.orderable(made, date.fromisoformat(agreed["earliest_date"]))
    return {
        "request": request.model_dump(mode="json", exclude={"customer", "notes", "source_text"}),
        "customer": request.customer.model_dump(mode="json"),
        "notes": request.notes,
        "source_text": request.source_text,
        "specification": stored(specification),
        "price": pricing.document(made),
        "terms": agreed,
        "savings": [
            shown(each, made, specification, request)
            for each in saving.savings(specification, card, made, rate(exchange))
        ],
        "exchange_rate": exchange,
        "currency": made.currency,
        "total_minor": made.total_minor,
        "approved_on": approved_on.isoformat(),
        "valid_until": (approved_on + timedelta(days=VALID_DAYS)).isoformat(),
        "rate_card_id": basis["rate_card_id"],
        "input_hash": input_hash(specification, basis["rate_card"], exchange, approved_on),
    }


def rate(exchange: dict[str, Any]) -> Decimal:
    """The rate of an exchange-rate document."""
    return Decimal(exchange["rate"])


def terms(specification: Specification, card: Card, approved_on: date, target: date | None) -> dict[str, Any]:
    """What is agreed besides the price."""
    stages = scheduling.timeline(specification, card, approved_on)
    earliest = stages[-1].ends_on
    late = (earliest - target).days if target else 0
    return {
        "product": card.name,
        "summary": summary(specification, card),
        "timeline": [json.loads(json.dumps(asdict(stage), default=date.isoformat)) for stage in stages],
        "lead_time_days": sum(stage.days for stage in stages),
        "earliest_date": earliest.isoformat(),
        "promise": {"target_date": target.isoformat(), "kept": late <= 0, "days_late": max(late, 0)}
        if target
        else None,
        "tolerance_percent": f"{card.tolerance_percent.normalize():f}",
        "excluded": list(EXCLUDED[specification.incoterm]),
    }


def summary(specification: Specification, card: Card) -> str:
    """One line: "500 × Hoodie, Heavyweight fleece, 350 g/m²"."""
    return f"{specification.quantity} × {card.name}, {card.fabric_name(specification.fabric)}"


def shown(each: Saving, before: Price, specification: Specification, request: QuoteRequest) -> dict[str, Any]:
    """A saving as it is answered."""
    old = Decimal(before.total_minor) / specification.quantity
    new = Decimal(each.price.total_minor) / each.specification.quantity
    units = Money(1, before.currency).decimal()
    return {
        "kind": each.kind,
        "description": each.description,
        "change": change(each, request),
        "unit_price": f"{each.price.unit_price:f}",
        "total_minor": each.price.total_minor,
        "saves_each": f"{((old - new) * units).quantize(pricing.SHOWN):f}",
    }


def change(each: Saving, request: QuoteRequest) -> dict[str, Any]:
    """The fields of the request that would be other, as they would be sent."""
    made = each.specification
    match each.kind:
        case "quantity":
            return {"quantity": made.quantity, **({"sizes": dict(made.sizes)} if made.sizes else {})}
        case "decoration":
            fewer = [
                {"method": was.method, "colours": now.colours, "placements": list(was.placements[: now.placements])}
                for was, now in zip(request.decorations, made.decorations, strict=True)
            ]
            return {"decorations": fewer}
        case "colours":
            return {"colours": list(request.colours[: made.colours])}
        case kind:
            return {kind: getattr(made, kind)}


def stored(specification: Specification) -> dict[str, Any]:
    """A specification as JSON keeps it, and `restored` reads it."""
    found = asdict(specification)
    return {
        **found,
        "sizes": [list(each) for each in specification.sizes],
        "decorations": list(found["decorations"]),
        "engine": ENGINE,
    }


def restored(kept: dict[str, Any]) -> Specification:
    """The specification that was stored."""
    return Specification(
        product=kept["product"],
        quantity=kept["quantity"],
        fabric=kept["fabric"],
        complexity=kept["complexity"],
        sizes=tuple((size, count) for size, count in kept["sizes"]),
        colours=kept["colours"],
        decorations=tuple(Ordered(**each) for each in kept["decorations"]),
        incoterm=kept["incoterm"],
    )


def input_hash(specification: Specification, card: dict[str, Any], exchange: dict[str, Any], approved_on: date) -> str:
    """sha256 of all that the price and the dates are computed from: the same input, the same hash, in any process."""
    given = {
        "specification": stored(specification),
        "rate_card": card,
        "exchange_rate": {name: exchange[name] for name in ("from_currency", "to_currency", "rate")},
        "approved_on": approved_on.isoformat(),
    }
    text = json.dumps(given, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def replayed(kept: dict[str, Any]) -> dict[str, Any]:
    """A stored quote computed again: `{equal, differences, input_hash}`, to the line that differs."""
    specification, card = restored(kept["specification"]), Card(kept["rate_card"])
    approved_on, exchange = date.fromisoformat(kept["approved_on"]), kept["exchange_rate"]
    computed = pricing.document(pricing.price(specification, card, exchange["to_currency"], rate(exchange)))
    again = terms(specification, card, approved_on, None)
    differences = [
        *_different("lines", kept["price"]["lines"], computed["lines"]),
        *_different("setup", kept["price"]["setup"], computed["setup"]),
        *_different("totals", [_totals(kept["price"])], [_totals(computed)]),
        *_different("timeline", kept["timeline"], again["timeline"]),
    ]
    hashed = input_hash(specification, kept["rate_card"], exchange, approved_on)
    if hashed != kept["input_hash"]:
        was, now = {"input_hash": kept["input_hash"]}, {"input_hash": hashed}
        differences.append({"place": "input_hash", "stored": was, "computed": now})
    return {"equal": not differences, "differences": differences, "input_hash": hashed}


def _totals(document: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name not in ("lines", "setup")}


def _different(place: str, kept: list[Any], computed: list[Any]) -> list[dict[str, Any]]:
    found = []
    for index in range(max(len(kept), len(computed))):
        was = kept[index] if index < len(kept) else None
        now = computed[index] if index < len(computed) else None
        if was != now:
            found.append({"place": f"{place}/{index}", "stored": was, "computed": now})
    return found
