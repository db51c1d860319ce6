"""Any valid specification: lines add up, more pieces never cost more each, savings are true, replay is equal."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.quote_generator import pricing, quoting, saving, scheduling
from functions.quote_generator.cards import Card
from functions.quote_generator.checking import complete
from functions.quote_generator.models import QuoteRequest
from functions.quote_generator.pricing import Ordered, Price, Specification, price
from shared.money import decimals
from tests.functions.quote_generator.cards import CARDS, CONTENTS, specifications

ROOT = Path(__file__).resolve().parents[3]
MANY = settings(max_examples=300, deadline=None)
# Two, none and three decimals; rates of every size.
currencies = st.sampled_from(
    [("USD", "1"), ("EUR", "0.864"), ("BDT", "122.3"), ("JPY", "149.271"), ("KWD", "0.306918"), ("BHD", "0.376")]
)
ONE = Decimal(1)


def exchange(currency: str, rate: str) -> dict[str, object]:
    return {"from_currency": "USD", "to_currency": currency, "rate": rate, "as_of": "2026-11-20", "age_days": 1}


class TestAnyPrice:
    @MANY
    @given(specifications(), currencies)
    def test_is_what_its_lines_add_up_to(self, specification: Specification, currency: tuple[str, str]) -> None:
        made = price(specification, CARDS[specification.product], currency[0], Decimal(currency[1]))
        assert made.subtotal_minor == sum(line.amount_minor for line in made.lines)
        assert made.setup_minor == sum(line.amount_minor for line in made.setup)
        assert made.total_minor == made.subtotal_minor + made.setup_minor > 0
        assert made.deposit_minor + made.balance_minor == made.total_minor
        assert 0 < made.deposit_minor < made.total_minor
        assert abs(made.deposit_minor - Decimal(made.total_minor) * 30 / 100) <= Decimal("0.5")

    @MANY
    @given(specifications(), currencies)
    def test_has_lines_rounded_once(self, specification: Specification, currency: tuple[str, str]) -> None:
        made = price(specification, CARDS[specification.product], currency[0], Decimal(currency[1]))
        unit = ONE.scaleb(-decimals(currency[0]))
        for line in (*made.lines, *made.setup):
            exact = line.unit_price * line.quantity
            assert abs(exact - line.amount_minor * unit) <= unit / 2

    @MANY
    @given(specifications(most=50_000), st.integers(1, 50_000), currencies)
    def test_never_rises_for_each_piece_with_more_of_them(
        self, specification: Specification, more: int, currency: tuple[str, str]
    ) -> None:
        few = replace(specification, sizes=())
        many = replace(few, quantity=few.quantity + more)
        card, rate = CARDS[specification.product], Decimal(currency[1])
        assert price(many, card, currency[0], rate).unit_price <= price(few, card, currency[0], rate).unit_price

    @MANY
    @given(specifications(most=1000), currencies)
    def test_never_falls_with_more_of_anything(self, specification: Specification, currency: tuple[str, str]) -> None:
        card, rate = CARDS[specification.product], Decimal(currency[1])
        total = price(specification, card, currency[0], rate).total_minor
        plain = replace(specification, decorations=())
        assert price(plain, card, currency[0], rate).total_minor <= total
        for ordered in specification.decorations:
            more = replace(specification, decorations=(replace(ordered, colours=ordered.colours + 1),))
            less = replace(specification, decorations=(ordered,))
            assert price(more, card, currency[0], rate).total_minor >= price(less, card, currency[0], rate).total_minor

    @MANY
    @given(specifications())
    def test_is_a_percentage_of_the_base_whatever_comes_together(self, specification: Specification) -> None:
        """Nothing compounds: each line is the same with or without the others."""
        card = CARDS[specification.product]
        alone = replace(specification, complexity="simple", fabric=card.default_fabric, decorations=(), sizes=())
        together = {line.rule: line for line in price(specification, card, "USD", ONE).lines}
        for line in price(alone, card, "USD", ONE).lines:
            if line.rule.startswith(("base", "tier", "incoterm")):
                assert together[line.rule] == line

    def test_that_is_known(self) -> None:
        """By hand: 500 heavyweight hoodies, medium, 3-colour front print, 100 of them XXL, in euros."""
        specification = Specification(
            product="hoodie",
            quantity=500,
            fabric="fleece_350",
            complexity="medium",
            sizes=(("L", 400), ("XXL", 100)),
            decorations=(Ordered("screen_print", 3, 1),),
        )
        made = price(specification, CARDS["hoodie"], "USD", ONE)
        assert [(line.rule, str(line.unit_price.normalize()), line.amount_minor) for line in made.lines] == [
            ("base", "15.8", 790_000),
            ("fabric:fleece_350", "2.528", 126_400),
            ("complexity:medium", "1.896", 94_800),
            ("tier:500", "-2.212", -110_600),
            ("size:XXL", "1.4", 14_000),
            ("decoration:screen_print", "1.25", 62_500),
        ]
        assert [(line.rule, line.amount_minor) for line in made.setup] == [("setup:screen_print", 10_400)]
        assert (made.total_minor, made.deposit_minor, made.balance_minor) == (987_500, 296_250, 691_250)
        assert made.unit_price == Decimal("19.5420")

    def test_of_a_contracted_tier_stands_in_for_the_base(self) -> None:
        content = {**CONTENTS["t_shirt"], "tiers": [{"quantity": 100, "unit_price": "4.10"}]}
        specification = Specification("t_shirt", 100, "cotton_220", "simple")
        made = price(specification, Card(content), "USD", ONE)
        assert [(line.rule, str(line.unit_price.normalize())) for line in made.lines] == [
            ("tier:100", "4.1"),
            ("fabric:cotton_220", "0.728"),
        ]


class TestAnySaving:
    @MANY
    @given(specifications(), currencies)
    def test_is_true_when_it_is_quoted(self, specification: Specification, currency: tuple[str, str]) -> None:
        card, rate = CARDS[specification.product], Decimal(currency[1])
        made = price(specification, card, currency[0], rate)
        found = saving.savings(specification, card, made, rate)
        before = Decimal(made.total_minor) / specification.quantity
        request = asked(specification)
        assert complete(request, card) == specification
        for each in found:
            sent = {**request.model_dump(mode="json"), **quoting.change(each, request)}
            changed = complete(QuoteRequest.from_json(json.dumps(sent).encode()), card)
            again = price(changed, card, currency[0], rate)
            assert again == each.price
            assert Decimal(again.total_minor) / changed.quantity < before
        assert len(found) <= saving.MOST

    def test_next_tier_keeps_the_mix_of_sizes(self) -> None:
        specification = Specification("t_shirt", 90, "cotton_180", "simple", (("S", 30), ("M", 31), ("L", 29)))
        made = price(specification, CARDS["t_shirt"], "USD", ONE)
        (more,) = (s for s in saving.savings(specification, CARDS["t_shirt"], made, ONE) if s.kind == "quantity")
        expected = {"quantity": 100, "sizes": {"S": 33, "M": 35, "L": 32}}
        assert quoting.change(more, asked(specification)) == expected

    def test_there_is_none_of_the_cheapest(self) -> None:
        specification = Specification("t_shirt", 50_000, "polycotton", "simple")
        assert saving.savings(specification, CARDS["t_shirt"], made_of(specification), ONE) == ()


class TestAnyTimeline:
    @MANY
    @given(specifications(), st.dates(date(2026, 1, 1), date(2030, 12, 31)))
    def test_adds_up_from_approval(self, specification: Specification, approved_on: date) -> None:
        card = CARDS[specification.product]
        stages = scheduling.timeline(specification, card, approved_on)
        agreed = quoting.terms(specification, card, approved_on, None)
        ended_on = approved_on
        for stage in stages:
            assert stage.starts_on == ended_on + timedelta(days=1)
            assert (stage.ends_on - stage.starts_on).days + 1 == stage.days > 0
            ended_on = stage.ends_on
        assert agreed["lead_time_days"] == (ended_on - approved_on).days == sum(stage.days for stage in stages)
        assert agreed["earliest_date"] == ended_on.isoformat()

    @given(specifications(most=500), st.integers(-400, 400))
    def test_answers_a_wish_with_what_can_be_kept(self, specification: Specification, days: int) -> None:
        card = CARDS[specification.product]
        earliest = date.fromisoformat(quoting.terms(specification, card, date(2026, 11, 21), None)["earliest_date"])
        wish = earliest + timedelta(days=days)
        promise = quoting.terms(specification, card, date(2026, 11, 21), wish)["promise"]
        assert promise == {"target_date": wish.isoformat(), "kept": days >= 0, "days_late": max(-days, 0)}


class TestReplay:
    @MANY
    @given(specifications(), currencies)
    def test_of_what_was_stored_is_equal(self, specification: Specification, currency: tuple[str, str]) -> None:
        kept = json.loads(json.dumps(stored(specification, *currency)))
        assert quoting.restored(kept["specification"]) == specification
        assert quoting.replayed(kept) == {"equal": True, "differences": [], "input_hash": kept["input_hash"]}

    @pytest.mark.parametrize("place", ["lines", "setup", "totals", "rate_card", "exchange_rate"])
    def test_names_exactly_what_differs(self, place: str) -> None:
        specification = Specification("polo", 250, "pique_200", "medium", decorations=(Ordered("embroidery", 2),))
        kept = stored(specification, "EUR", "0.864")
        match place:
            case "lines" | "setup":
                kept["price"][place][0]["amount_minor"] += 1
                expected = [f"{place}/0"]
            case "totals":
                kept["price"]["total_minor"] += 1
                expected = ["totals/0"]
            case "rate_card":
                kept["rate_card"] = {
                    **kept["rate_card"],
                    "complexity": {"simple": "0", "medium": "13", "complex": "28"},
                }
                expected = ["lines/1", "totals/0", "input_hash"]
            case _:
                kept["exchange_rate"] = exchange("EUR", "0.865")
                expected = [*(f"lines/{n}" for n in range(4)), "setup/0", "totals/0", "input_hash"]
        assert [each["place"] for each in quoting.replayed(kept)["differences"]] == expected

    def test_gives_the_same_hash_and_cents_in_another_process(self) -> None:
        specification = Specification(
            "jacket", 333, "padded", "complex", (("M", 111), ("3XL", 222)), 3, (Ordered("label", 2, 2),), "DDP"
        )
        kept = stored(specification, "BDT", "122.3")
        program = """
import json, sys
from functions.quote_generator import quoting
print(json.dumps(quoting.replayed(json.load(sys.stdin))))
"""
        for seed in ("0", "1", "2"):
            run = subprocess.run(
                [sys.executable, "-c", program],
                input=json.dumps(kept),
                env={"PYTHONPATH": str(ROOT), "PYTHONHASHSEED": seed, "TZ": "Pacific/Kiritimati"},
                cwd=ROOT,
                capture_output=True,
                text=True,
                check=True,
            )
            assert json.loads(run.stdout) == {"equal": True, "differences": [], "input_hash": kept["input_hash"]}


def asked(specification: Specification) -> QuoteRequest:
    """A request for exactly this."""
    request = {
        "product_type": specification.product,
        "quantity": specification.quantity,
        "fabric": specification.fabric,
        "complexity": specification.complexity,
        "sizes": dict(specification.sizes) or None,
        "colours": [f"Colour {number}" for number in range(specification.colours)],
        "decorations": [
            {
                "method": each.method,
                "colours": each.colours,
                "placements": [f"place_{number}" for number in range(each.placements)],
            }
            for each in specification.decorations
        ],
        "incoterm": specification.incoterm,
        "customer": {"email": "robin@example.com"},
    }
    return QuoteRequest.from_json(json.dumps(request).encode())


def made_of(specification: Specification) -> Price:
    return price(specification, CARDS[specification.product], "USD", ONE)


def stored(specification: Specification, currency: str, rate: str) -> dict[str, Any]:
    """As `read_quote` gives a quote back."""
    card, content, approved_on = CARDS[specification.product], CONTENTS[specification.product], date(2026, 11, 21)
    kept = exchange(currency, rate)
    return {
        "specification": quoting.stored(specification),
        "price": pricing.document(price(specification, card, currency, Decimal(rate))),
        "rate_card": content,
        "exchange_rate": kept,
        "approved_on": approved_on.isoformat(),
        "timeline": quoting.terms(specification, card, approved_on, None)["timeline"],
        "input_hash": quoting.input_hash(specification, content, kept, approved_on),
    }
