"""Comparing with Stripe: what was missed is taken over, what nobody wants is taken back, the rest is told."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest

from local.functions import FunctionsServer
from local.stack import Stack
from tests.api import InProcess, Response
from tests.functions.paying import PAYMENTS, Till
from tests.ordering import DEPOSIT

Json = dict[str, Any]


class Comparison:
    """The steps of the job, one after another."""

    def __init__(self, till: Till, token: str) -> None:
        self.till, self.token = till, token

    def step(self, body: bytes) -> Response:
        return self.till.api("POST", f"{PAYMENTS}/reconcile", token=self.token, body=body)

    def __call__(self) -> list[Json]:
        begun_at, place, found = datetime.now(UTC).isoformat(), None, []
        for _ in range(20):
            answer = self.step(json.dumps({"next": place, "begun_at": begun_at}).encode())
            assert answer.status == 200, answer.body
            found += answer.json["differences"]
            place = answer.json["next"]
            if place is None:
                return found
        raise AssertionError("it has no end")


@pytest.fixture
def compare(till: Till, stack: Stack) -> Comparison:
    till.database.execute("delete from public.orders where workspace_id = %s", [till.owner.workspace_id])
    return Comparison(till, stack.env["INTERNAL_TOKEN"])


def age(till: Till, order: UUID, days: int = 1) -> None:
    """As if it had been started, and last read, days ago."""
    till.database.execute(
        """
        update private.payments
        set created_at = created_at - %(age)s::interval, read_at = read_at - %(age)s::interval
        where order_id = %(order)s
        """,
        {"age": f"{days} days", "order": order},
    )


class TestComparing:
    def test_finds_nothing_where_all_is_well(self, till: Till, compare: Comparison) -> None:
        till.paid(till.order())
        till.started(till.order())
        assert compare() == []

    def test_takes_over_what_no_webhook_told(self, till: Till, compare: Comparison) -> None:
        order = till.order()
        intent = till.started(order)
        till.stripe.pay(intent)
        assert compare() == [
            {
                "payment_intent_id": intent,
                "kind": "mended",
                "ours": "requires_payment_method",
                "stripes": "succeeded",
            }
        ]
        assert till.state(order) == ("deposit_paid", DEPOSIT, 0)
        assert till.mails(order) == ["order-confirmation", "payment-received"]
        assert compare() == []

    def test_takes_over_a_refund_made_at_stripe(self, till: Till, compare: Comparison) -> None:
        order = till.order()
        intent = till.paid(order)
        till.by_hand("refunds", payment_intent=intent, amount=900)
        assert [each["kind"] for each in compare()] == ["mended"]
        assert till.state(order) == ("partly_refunded", DEPOSIT, 900)

    def test_tells_what_it_must_not_count(self, till: Till, compare: Comparison) -> None:
        order = till.order()
        intent = till.started(order)
        till.by_hand(f"payment_intents/{intent}", amount=100)
        till.stripe.pay(intent)
        ours = {"metadata[payment]": str(uuid4()), "metadata[environment]": "development"}
        stray = till.by_hand("payment_intents", amount=500, currency="usd", **ours)["id"]
        told = {(each["payment_intent_id"], each["kind"]) for each in compare()}
        assert told == {(intent, "mismatch"), (stray, "unknown")}
        assert till.state(order) == ("unpaid", 0, 0)
        assert (till.findings(intent), till.findings(stray)) == (["mismatch"], ["unknown"])

    def test_takes_back_what_is_open_for_a_cancelled_order(self, till: Till, compare: Comparison) -> None:
        order = till.order()
        intent = till.started(order)
        age(till, order)
        till.database.execute("update public.orders set workflow_state = 'cancelled' where id = %s", [order])
        assert [(each["payment_intent_id"], each["kind"]) for each in compare()] == [(intent, "mended")]
        assert till.stripe.find(intent)["status"] == "canceled"
        assert compare() == []

    def test_gives_up_what_stripe_never_made(self, till: Till, compare: Comparison) -> None:
        order = till.order()
        till.database.execute(
            """
            insert into private.payments (workspace_id, order_id, instalment, amount_minor, currency, created_at)
            values (%s, %s, 'deposit', %s, 'USD', now() - interval '2 days')
            """,
            [till.owner.workspace_id, order, DEPOSIT],
        )
        assert [(each["kind"], each["ours"]) for each in compare()] == [("abandoned", "creating")]
        assert compare() == []
        assert till.start(order).status == 200

    def test_tells_of_a_payment_that_stripe_has_lost(self, till: Till, compare: Comparison) -> None:
        order = till.order()
        intent = till.started(order)
        age(till, order)
        till.stripe.forget()
        assert [(each["kind"], each["payment_intent_id"]) for each in compare()] == [("missing", intent)]
        assert till.findings(intent) == ["missing"]

    @pytest.mark.parametrize(
        "body", [b"", b"{}", b"[]", b'{"next": 1, "begun_at": "2026-01-01"}', b'{"next": null, "begun_at": "x"}']
    )
    def test_a_step_that_is_none(self, compare: Comparison, body: bytes) -> None:
        assert (compare.step(body).status, compare.step(body).code) == (400, "unreadable")


class TestWhatCannotBePutRight:
    """It stops nothing else, and is looked at once."""

    @pytest.fixture
    def cancelled(self, till: Till) -> Callable[[UUID], None]:
        def cancel(order: UUID) -> None:
            till.database.execute("update public.orders set workflow_state = 'cancelled' where id = %s", [order])
            age(till, order)

        return cancel

    def test_what_stripe_does_not_know_does_not_stop_the_rest(
        self, till: Till, compare: Comparison, cancelled: Callable[[UUID], None]
    ) -> None:
        order, other = till.order(), till.order()
        gone, left = till.unknown(order), till.started(other)
        cancelled(order)
        cancelled(other)
        found = {(each["payment_intent_id"], each["kind"]) for each in compare()}
        assert {(gone, "missing"), (left, "mended")} <= found
        assert [each["status"] for each in till.payments(order)] == ["abandoned"]
        assert [each["status"] for each in till.payments(other)] == ["canceled"]
        assert till.stripe.find(left)["status"] == "canceled"

    @pytest.mark.parametrize("changed", [{"amount": 100}, {"metadata[environment]": "staging"}], ids=str)
    def test_what_was_changed_and_paid_is_not_counted(
        self, till: Till, compare: Comparison, cancelled: Callable[[UUID], None], changed: dict[str, object]
    ) -> None:
        order = till.order()
        intent = till.started(order)
        till.by_hand(f"payment_intents/{intent}", **changed)
        till.stripe.pay(intent)
        cancelled(order)
        compare()
        assert till.state(order) == ("unpaid", 0, 0)

    def test_what_was_given_up_and_is_at_the_bank_is_left_there(self, till: Till, compare: Comparison) -> None:
        order = till.order()
        intent = till.started(order)
        till.stripe.pay(intent, "pm_usBankAccount_success")
        till.database.execute("update private.payments set status = 'abandoned' where stripe_id = %s", [intent])
        assert compare() == []
        till.stripe.settle(intent)
        till.hear()
        assert till.state(order)[0] == "deposit_paid"


class TestTheJob:
    def test_counts_and_lists_what_differed(
        self,
        till: Till,
        compare: Comparison,
        stack: Stack,
        server: FunctionsServer,
        environment: pytest.MonkeyPatch,
    ) -> None:
        environment.setenv("API_URL", server.url)
        till.paid(till.order())
        till.stripe.pay(till.started(till.order()))
        answer = InProcess()("GET", "/api/jobs/reconcile-payments", token=stack.env["CRON_SECRET"])
        assert (answer.status, answer.json["outcome"]) == (200, "done"), answer.body
        assert answer.json["counts"] == {"checked": 2, "mended": 1}

    def test_does_nothing_where_no_payments_are_taken(self, environment: pytest.MonkeyPatch, stack: Stack) -> None:
        environment.delenv("STRIPE_SECRET_KEY")
        answer = InProcess()("GET", "/api/jobs/reconcile-payments", token=stack.env["CRON_SECRET"])
        assert (answer.json["outcome"], answer.json["counts"]) == ("done", {})
