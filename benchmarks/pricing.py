"""What a price costs: the pure function, and all of a quote but the database and a model."""

from __future__ import annotations

import json
import time
from decimal import Decimal
from statistics import median

from benchmarks.report import Bound, Report
from functions.quote_generator import quoting, saving, telling
from functions.quote_generator.cards import Card
from functions.quote_generator.models import QuoteRequest
from functions.quote_generator.narrating import built_in
from functions.quote_generator.pricing import price
from tests.functions.quote_generator.cards import CONTENTS

ROUNDS = 300
METHOD = (
    f"The median CPU time of {ROUNDS} rounds in this thread: 500 hoodies in three sizes, printed in three colours and\n"
    "labelled. `price` is the pure function; `quote` reads the request's JSON, checks it against a rate card read\n"
    "anew, prices it and each change that might lower it, dates it, hashes it and writes the built-in narrative."
)
REQUEST = json.dumps(
    {
        "product_type": "hoodie",
        "quantity": 500,
        "fabric": "fleece_350",
        "complexity": "medium",
        "sizes": {"M": 200, "L": 200, "XXL": 100},
        "decorations": [{"method": "screen_print", "colours": 3, "placements": ["front"]}, {"method": "label"}],
        "customer": {"email": "maya@northern.example"},
    }
).encode()
BASIS = {
    "rate_card": CONTENTS["hoodie"],
    "rate_card_id": "00000000-0000-4000-8000-000000000000",
    "today": "2026-11-21",
    "exchange_rate": {
        "from_currency": "USD",
        "to_currency": "EUR",
        "rate": "0.864",
        "as_of": "2026-11-20",
        "age_days": 1,
    },
}


def run() -> Report:
    """Measure each part."""
    card = Card(CONTENTS["hoodie"])
    kept = quoting.quoted(QuoteRequest.from_json(REQUEST), BASIS)
    specification, rate = quoting.restored(kept["specification"]), Decimal("0.864")
    made = price(specification, card, "EUR", rate)
    parts = {
        "price": lambda: price(specification, card, "EUR", rate),
        "savings": lambda: saving.savings(specification, card, made, rate),
        "quote": whole,
    }
    spent = {name: measured(part) for name, part in parts.items()}
    rows = [[name, f"{seconds * 1000:.3f}", f"{1 / seconds:,.0f}"] for name, seconds in spent.items()]
    return Report(
        "Prices",
        METHOD,
        ["", "CPU ms", "a second"],
        rows,
        [
            Bound("CPU ms of a quote without a model and the database", spent["quote"] * 1000, 10),
            Bound("CPU ms of a price (1,000 a second)", spent["price"] * 1000, 1),
        ],
    )


def whole() -> None:
    """All that making a quote computes."""
    quote = quoting.quoted(QuoteRequest.from_json(REQUEST), BASIS)
    built_in(telling.in_decimals(quote))


def measured(part: object) -> float:
    """Seconds of CPU, the median."""
    assert callable(part)
    times = []
    for _ in range(ROUNDS):
        started = time.thread_time()
        part()
        times.append(time.thread_time() - started)
    return median(times)
