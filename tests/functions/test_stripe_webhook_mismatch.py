"""What Stripe tells of something other than we asked for: kept, found, and not counted as paid."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest

from tests.functions.paying import Till
from tests.ordering import TOTAL

Json = dict[str, Any]
NOBODY = "5f0c6e5e-9d3b-4b6f-8a53-0d6b1f6a7c10"


def kept(till: Till, id_: str) -> tuple[str, UUID | None]:
    row = till.database.execute("select outcome, payment_id from private.stripe_events where id = %s", [id_]).fetchone()
    assert row is not None
    return row[0], row[1]


class TestMismatch:
    """Nothing that was not asked for is counted as paid."""

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("amount", TOTAL - 1),
            ("amount", 50),
            ("currency", "eur"),
            ("metadata[order]", NOBODY),
            ("metadata[order]", ""),
            ("metadata[instalment]", "balance"),
            ("metadata[instalment]", ""),
        ],
    )
    def test_is_found_and_not_paid(self, till: Till, name: str, value: object) -> None:
        order = till.order()
        intent = till.started(order, "full")
        till.by_hand(f"payment_intents/{intent}", **{name: value})
        till.stripe.pay(intent)
        assert set(till.hear()) == {"mismatch"}
        assert till.state(order) == ("unpaid", 0, 0)
        assert [each["received_minor"] for each in till.payments(order)] == [0]
        assert till.findings(intent) == ["mismatch"]
        conditions = till.database.execute("select condition, detail from private.conditions()").fetchall()
        assert any(condition == "payment.mismatch" and intent in detail for condition, detail in conditions)
        assert till.mails(order) == ["order-confirmation"]
        payment = till.database.execute("select id from private.payments where stripe_id = %s", [intent]).fetchone()
        assert payment is not None
        assert kept(till, till.stripe.all("event")[-1]["id"]) == ("mismatch", payment[0])

    @pytest.mark.parametrize("value", [NOBODY, NOBODY.upper(), "7", "é" * 9])
    def test_of_a_payment_that_is_not_known(self, till: Till, value: str) -> None:
        order = till.order()
        intent = till.started(order, "full")
        till.by_hand(f"payment_intents/{intent}", **{"metadata[payment]": value})
        till.stripe.pay(intent)
        assert set(till.hear()) == {"unknown"}
        assert till.findings(intent) == ["unknown"]
        assert till.state(order) == ("unpaid", 0, 0)

    @pytest.mark.parametrize(
        "changed", [{"metadata[environment]": "staging"}, {"metadata[environment]": ""}, {"metadata": ""}], ids=str
    )
    def test_of_somebody_elses_is_let_be(self, till: Till, changed: Json) -> None:
        order = till.order()
        intent = till.started(order, "full")
        till.by_hand(f"payment_intents/{intent}", **changed)
        till.stripe.pay(intent)
        assert set(till.hear()) == {"foreign"}
        assert till.findings(intent) == []
        assert till.state(order) == ("unpaid", 0, 0)

    @pytest.mark.parametrize("type_", ["invoice.paid", "payment_intent.invented", "charge.invented", "v9.x"])
    def test_of_an_unknown_kind_is_kept(self, till: Till, type_: str) -> None:
        thing = {"id": "in_1", "object": "invoice", "payment_intent": None}
        event = {"id": f"evt_{uuid4().hex}", "object": "event", "type": type_, "created": 1_790_000_000}
        event |= {"livemode": False, "data": {"object": thing}}
        assert till.tell(event).json == {"outcome": "ignored"}
        assert kept(till, str(event["id"])) == ("ignored", None)
        assert till.tell(event).json == {"outcome": "already_recorded"}
