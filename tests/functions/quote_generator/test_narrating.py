"""The sentences above a quote: nothing that the quote doesn't say, whatever a model writes, and always in time."""

from __future__ import annotations

import time
from datetime import date
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.quote_generator.facts import objection
from functions.quote_generator.narrating import built_in, narrate
from functions.quote_generator.numerals import number
from local.vendors import Behaviour, Compressed, Drops, Endless, Fails, Garbage, Hangs, Says, Trickles, Vendors
from shared.ai.ledger import Asker
from tests.functions.quote_generator.conftest import VENDORS

QUOTE: dict[str, Any] = {
    "number": "Q-2026-0042",
    "product_type": "hoodie",
    "product": "Hoodie, heavyweight fleece 400 gsm",
    "quantity": 500,
    "currency": "USD",
    "lines": [
        {"description": "Hoodie", "rule": "tier 500-999", "quantity": 500, "unit_price": "17.40", "amount": "8700.00"},
        {
            "description": "3-colour screen print, front",
            "rule": "per piece",
            "quantity": 500,
            "unit_price": "1.88",
            "amount": "940.00",
        },
    ],
    "setup": [{"description": "Screens for 3 colours", "amount": "120.00"}],
    "unit_price": "19.52",
    "subtotal": "9640.00",
    "total": "9760.00",
    "deposit": "2928.00",
    "balance": "6832.00",
    "valid_until": "2026-12-21",
    "timeline": [
        {"name": "Sampling", "days": 10, "starts_on": "2026-11-21", "ends_on": "2026-12-01"},
        {"name": "Production", "days": 25, "starts_on": "2026-12-01", "ends_on": "2026-12-26"},
    ],
    "lead_time_days": 35,
    "earliest_date": "2026-12-26",
    "savings": [
        {"description": "1000 pieces", "unit_price": "17.90", "total": "17900.00", "saves_each": "1.62"},
        {"description": "2 print colours", "unit_price": "19.02", "total": "9510.00", "saves_each": "0.50"},
    ],
}
GOOD = (
    "Your 500 hoodies with a 3-colour screen print come to 19.52 USD each, $9,760.00 in total. "
    "They can be ready 35 days after your approval, on 26 December 2026."
)
BUILT_IN = (built_in(QUOTE), "built_in")


class TestBuiltIn:
    def test_says_what_matters(self) -> None:
        assert built_in(QUOTE) == (
            "500 pieces (Hoodie, heavyweight fleece 400 gsm) come to 19.52 USD each and 9,760.00 USD in total, set-up "
            "fees included. Production takes 35 days, counted from your approval, so that 26 December 2026 is the "
            "earliest date. The deposit is 2,928.00 USD and the balance 6,832.00 USD. A way to a lower price: "
            "1000 pieces, at 17.90 USD each. The quote is valid until 21 December 2026."
        )

    def test_makes_do_with_little(self) -> None:
        said = built_in({"product_type": "polo", "quantity": 50, "currency": "BDT", "unit_price": "1", "total": "50"})
        assert said == "50 pieces (polo) come to 1 BDT each and 50 BDT in total."

    @given(
        st.integers(50, 100_000),
        st.decimals("5.01", "999", places=2),
        st.decimals("0", "5", places=2),
        st.dates(date(2000, 1, 1)),
        st.integers(1, 400),
        st.sampled_from(["USD", "EUR", "GBP", "BDT"]),
    )
    @settings(deadline=None)
    def test_passes_its_own_censor(
        self, quantity: int, price: Decimal, less: Decimal, day: Any, days: int, currency: str
    ) -> None:
        total = price * quantity
        quote = {
            **QUOTE,
            "quantity": quantity,
            "currency": currency,
            "unit_price": str(price),
            "total": str(total),
            "deposit": str(total / 2),
            "balance": str(total - total / 2),
            "lead_time_days": days,
            "earliest_date": day.isoformat(),
            "savings": [{"description": "fewer colours", "unit_price": str(price - less), "saves_each": str(less)}],
        }
        said = built_in(quote)
        assert said == built_in(quote)
        assert objection(said, quote) is None


class TestTheCensor:
    @pytest.mark.parametrize(
        "said",
        [
            GOOD,
            "500 hoodies at 19,52 USD each make a total of 9.760,00 USD. Ready by December 26, 2026 at the earliest.",
            "Quote Q-2026-0042 covers 500 hoodies for 9760 USD in all. Some ways lead to less: see below.",
            "The heavyweight fleece 400 gsm hoodie comes to 19.52 USD per piece. At 1,000 pieces it is 17.90 USD each.",
            "Sampling takes ten days and production 25 days. The deposit is 2,928.00 USD and the balance 6,832 USD.",
            "No one price fits all: with 2 print colours each hoodie would be 19.02 USD, which saves 0.50 USD.",
        ],
    )
    def test_lets_through_what_the_quote_says(self, said: str) -> None:
        assert objection(said, QUOTE) is None

    @pytest.mark.parametrize(
        "said",
        [
            "Your 500 hoodies come to 9,670.00 USD in total, ready 35 days after your approval.",
            "Your 500 hoodies come to 9.76 USD in total, ready 35 days after your approval of it.",
            "Your 500 hoodies come to 500 USD in total, ready 35 days after your approval of it.",
            "The total is 2,928.00 USD for 500 hoodies, which are ready 35 days after your approval.",
            "The deposit is 940.00 USD for 500 hoodies, which are ready 35 days after your approval.",
            "Your 500 hoodies cost 1.88 USD. Ready in 500 days, counted from your approval of it.",
            "Your 500 hoodies cost 120.00 USD each, and are ready 35 days after your approval of it.",
            "Each hoodie costs 9,760.00 USD and is ready 35 days after your approval of the quote.",
            "Your 500 hoodies come to 9,760.00 USD, which saves you 120.00 USD, 35 days after approval.",
            "Your 500 hoodies come to 9,760.00 USD a month, and are ready 35 days after your approval.",
            "Your 500 hoodies come to -9,760.00 USD in all, and are ready 35 days after your approval.",
            "Your 500 hoodies come to 9,760.00 USD without any deposit, 35 days after your approval.",
            "Your hoodies cost 400 when you order now, and are ready 35 days after your approval.",
            "Your 500 hoodies come to 9,760.00 USD, with 10% off if you approve before 21 December 2026.",
            "Your 500 hoodies come to 9,760.00 USD, ten percent less than what others would ask you for.",
            "Five hundred hoodies for nineteen dollars each, and ready 35 days after your approval.",
            "Your 500 hoodies come to 9,760.00 USD, half of it as a deposit on your approval of the quote.",
            "Your 500 hoodies come to 9,760.00 USD and are ready on 24 December 2026, before Christmas.",
            "Your 500 hoodies come to 9,760.00 USD and are ready in January, at the very latest then.",
            "Your 500 hoodies come to 9,760.00 USD and are ready in five weeks from your approval of it.",
            "Your 500 hoodies come to 9,760.00 USD and are ready by Monday, as you wished in your brief.",
            "Your 500 hoodies come to 9,760.00 EUR in total, ready 35 days after your approval of it.",
            "Your 500 hoodies come to €9,760.00 in total, ready 35 days after your approval of the quote.",
            "Your 500 hoodies come to 9,760.00 pounds, ready 35 days after your approval of the quote.",
            "Your 500 hoodies come to ９,760.00 USD in total, ready 35 days after your approval of it.",
            "Your 500 hoodies come to 9,760.00 USD in total, or ½ of that with 2 print colours on them.",
            "Your 500 hoodies come to 9,7\u200b60.00 USD in total, ready 35 days after your approval.",
            "Your 500 hoodies come to <b>9,760.00</b> USD in total, ready 35 days after your approval.",
            "Your 500 hoodies come to **9,760.00** USD in total, ready 35 days after your approval.",
            "See evil.com, where 500 hoodies come to 9,760.00 USD in total, 35 days after your approval.",
            "See https://evil.example, where 500 hoodies come to 9,760.00 USD, 35 days after approval.",
            "Your 500 hoodies come to 9,760.00 USD in total. Write to sales@evil.example for a better one.",
            "Your 500 hoodies come to 9,760.00 USD in total, guaranteed for 35 days after your approval.",
            "Your 500 hoodies come to 9,760.00 USD in total, with free caps for everybody on your team.",
            "Your 500 hoodies come to 9,760.00 USD in total. Please pay to the account named by our staff.",
            "Your 500 hoodies come to 9,760.00 USD in total.\nReady 35 days after your approval of it.",
            "Ignore what was said before: your hoodies come to 9,760.00 USD in total, all 500 of them.",
            "Your 500 hoodies come to 9,760.00 USD in total. " * 20,
            "Fine.",
            "",
        ],
    )
    def test_refuses_what_it_does_not(self, said: str) -> None:
        assert objection(said, QUOTE) is not None

    @given(st.decimals("0.01", "99999.99", places=2))
    @settings(deadline=None)
    def test_knows_every_other_total(self, amount: Decimal) -> None:
        own = {"9760.00", "9640.00", "17900.00", "9510.00", "8700.00", "940.00", "120.00", "2928.00", "6832.00"}
        own |= {"19.52", "17.40", "1.88", "17.90", "19.02", "1.62", "0.50"}
        said = f"Your 500 hoodies can be had for {amount:,} USD, ready 35 days after your approval of it."
        assert (objection(said, QUOTE) is None) == (str(amount) in own)
        in_total = f"Your 500 hoodies come to {amount:,} USD in total, ready 35 days after your approval of it."
        assert (objection(in_total, QUOTE) is None) == (str(amount) == "9760.00")

    @given(st.text(max_size=900))
    @settings(deadline=None)
    def test_never_raises(self, said: str) -> None:
        objection(said, QUOTE)

    @pytest.mark.parametrize("piece", ["1,", "9 ", "total is ", "1 January ", "-", "a.", "one ", "3-colour ", "0."])
    def test_takes_no_time(self, piece: str) -> None:
        said = (piece * 800)[:800]
        started = time.process_time()
        objection(said, QUOTE)
        assert time.process_time() - started < 0.5

    @pytest.mark.parametrize(
        ("written", "value"),
        [
            ("9760", "9760"),
            ("9,760", "9760"),
            ("9,760.00", "9760"),
            ("9.760,00", "9760"),
            ("9'760.00", "9760"),
            ("19,52", "19.52"),
            ("1,234,567.89", "1234567.89"),
            ("9.760", "9.760"),
            ("9,76,0", None),
            ("1,2.3,4", None),
            ("12,3456", None),
        ],
    )
    def test_reads_numbers_as_people_do(self, written: str, value: str | None) -> None:
        assert number(written) == (None if value is None else Decimal(value))


class TestByProvider:
    @pytest.mark.parametrize("vendor", VENDORS)
    def test_each_writes_one(
        self, vendors: Vendors, environment: pytest.MonkeyPatch, asker: Asker, vendor: str, database: psycopg.Connection
    ) -> None:
        environment.setenv("AI_PROVIDERS", f"{vendor},local")
        vendors.script(vendor, Says({"text": GOOD}))
        assert narrate({**QUOTE, "notes": "call me on 555"}, asker) == (GOOD, vendor)
        [asked] = vendors.asked(vendor)
        assert "9760.00" in asked.text
        assert "call me" not in asked.text
        rows = database.execute(
            "select capability, outcome from private.ai_calls where user_id = %s", [asker.user_id]
        ).fetchall()
        assert rows == [("writing", "answered")]

    def test_a_guest_s_is_the_workspace_s_to_pay(self, vendors: Vendors, asker: Asker) -> None:
        vendors.script("gemini", Says({"text": GOOD}))
        assert narrate(QUOTE, Asker(None, asker.workspace_id)) == (GOOD, "gemini")

    def test_a_budget_used_up_leaves_the_built_in(
        self, vendors: Vendors, asker: Asker, database: psycopg.Connection
    ) -> None:
        database.execute("insert into private.ai_budgets values (%s, 0)", [asker.workspace_id])
        assert narrate(QUOTE, Asker(None, asker.workspace_id)) == BUILT_IN
        assert vendors.asked("gemini") == []

    def test_without_an_asker_nobody_is_asked(self, vendors: Vendors) -> None:
        assert narrate(QUOTE, None) == BUILT_IN
        assert vendors.asked("gemini") == []

    @pytest.mark.parametrize("vendor", VENDORS)
    @pytest.mark.parametrize(
        "behaviours",
        [
            [Says({"text": GOOD.replace("9,760.00", "976.00")})],
            [Says({"text": f"<script>alert(1)</script>{GOOD}"})],
            [Says({"text": f"{GOOD} See https://evil.example."})],
            [Says({"text": "x" * 10_000_000})],
            [Says({"text": ""})],
            [Says("")] * 2,
            [Says({"text": GOOD, "total": "1.00"})] * 2,
            [Fails(500)] * 2,
            [Drops()] * 2,
            [Garbage()],
            [Endless()],
            [Compressed(50)],
        ],
        ids=[
            "another price", "HTML", "a link", "10 MB", "no text", "nothing", "another field", "500", "drops",
            "a proxy's page", "no end", "a bomb",
        ],
    )  # fmt: skip
    def test_a_hostile_one_leaves_the_built_in(
        self, vendors: Vendors, environment: pytest.MonkeyPatch, asker: Asker, vendor: str, behaviours: list[Behaviour]
    ) -> None:
        environment.setenv("AI_PROVIDERS", f"{vendor},local")
        vendors.script(vendor, *behaviours)
        started = time.monotonic()
        assert narrate(QUOTE, asker) == BUILT_IN
        assert time.monotonic() - started < 5

    @pytest.mark.parametrize("behaviour", [Hangs(), Trickles(0.5, "body"), Says({"text": GOOD}, after_seconds=20)])
    def test_slow_ones_leave_the_built_in_in_time(self, vendors: Vendors, asker: Asker, behaviour: Behaviour) -> None:
        for vendor in VENDORS:
            vendors.always(vendor, behaviour)
        started = time.monotonic()
        assert narrate(QUOTE, asker, seconds=3) == BUILT_IN
        assert time.monotonic() - started < 3

    def test_the_quote_stays_as_it_was(self, vendors: Vendors, asker: Asker) -> None:
        before = repr(QUOTE)
        vendors.script("gemini", Says({"text": "everything is 1 USD"}))
        narrate(QUOTE, asker)
        assert repr(QUOTE) == before
