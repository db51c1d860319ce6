"""Giving money back: a part, the rest, never more; and what banks and Stripe's own pages do besides."""

from __future__ import annotations

from uuid import uuid4

import pytest

from local.stripe import Drops, Fails
from tests.functions.paying import PAYMENTS, Till
from tests.functions.test_payment_intent import client
from tests.ordering import DEPOSIT, TOTAL


class TestRefunds:
    def test_a_part_then_the_rest(self, till: Till) -> None:
        order = till.order()
        intent = till.paid(order)
        part = till.refund(intent, amount_minor=2800, reason="duplicate")
        assert (part.status, part.json["amount_minor"], part.json["status"]) == (201, 2800, "succeeded")
        assert till.state(order) == ("partly_refunded", DEPOSIT, 2800)
        rest = till.refund(intent)
        assert rest.json["amount_minor"] == DEPOSIT - 2800
        assert till.state(order) == ("refunded", DEPOSIT, DEPOSIT)
        till.hear()
        assert till.state(order) == ("refunded", DEPOSIT, DEPOSIT)
        assert till.books(order)[:2] == (DEPOSIT, DEPOSIT)
        assert till.refund(intent).code == "refund_too_large"
        (payment,) = till.payments(order)
        assert [(each["amount_minor"], each["reason"]) for each in payment["refunds"]] == [
            (2800, "duplicate"),
            (DEPOSIT - 2800, "requested_by_customer"),
        ]
        assert till.start(order, "full").code == "order_not_payable"

    def test_never_more(self, till: Till) -> None:
        order = till.order()
        intent = till.paid(order)
        assert till.refund(intent, amount_minor=DEPOSIT + 1).code == "refund_too_large"
        assert till.refund(intent, amount_minor=0).status == 422
        assert till.refund(till.started(order, "balance"), amount_minor=1).code == "refund_too_large"

    def test_the_same_request_again_is_the_same_refund(self, till: Till) -> None:
        intent = till.paid(till.order())
        key = uuid4().hex
        first, again = (till.refund(intent, key=key, amount_minor=100) for _ in range(2))
        assert first.json == again.json
        assert len(till.stripe.all("refund")) == len({each["id"] for each in till.stripe.all("refund")})
        assert stripes_refunds(till, intent) == 1

    def test_a_key_is_for_one_refund_also_after_a_failure(self, till: Till) -> None:
        intent = till.paid(till.order())
        key = uuid4().hex
        till.stripe.script(*[Fails(503)] * 3, on="POST /v1/refunds")
        assert till.refund(intent, key=key, amount_minor=100).status == 503
        assert till.refund(intent, key=key, amount_minor=200).code == "idempotency_key_reused"
        assert till.refund(intent, key=key, amount_minor=100).json["amount_minor"] == 100

    @pytest.mark.parametrize(
        "trouble", [Drops(accepted=True), Drops(), Fails(500, accepted=True), Fails(500), Fails(429)]
    )
    def test_once_whatever_goes_wrong(self, till: Till, trouble: Drops | Fails) -> None:
        order = till.order()
        intent = till.paid(order)
        key = uuid4().hex
        till.stripe.script(trouble, on="POST /v1/refunds")
        answers = [till.refund(intent, key=key, amount_minor=100) for _ in range(3)]
        assert answers[-1].status == 201, answers[-1].body
        assert {each.status for each in answers} <= {201, 503}
        assert stripes_refunds(till, intent) == 1
        till.hear()
        assert till.state(order) == ("partly_refunded", DEPOSIT, 100)

    def test_once_though_it_was_asked_for_otherwise_before(self, till: Till) -> None:
        """By the release before ours, say, under the same key."""
        intent, key = till.paid(till.order()), uuid4().hex
        till.stripe.script(*[Fails(503)] * 3, on="POST /v1/refunds")
        assert till.refund(intent, key=key, amount_minor=100).status == 503
        row = till.database.execute(
            "select r.id from private.refunds as r join private.payments as p on p.id = r.payment_id "
            "where p.stripe_id = %s",
            [intent],
        ).fetchone()
        assert row is not None
        client(till).v1.refunds.create(
            {"payment_intent": intent, "amount": 100, "metadata": {"refund": str(row[0])}},
            {"idempotency_key": f"refund-{row[0]}"},
        )
        answer = till.refund(intent, key=key, amount_minor=100)
        assert (answer.status, answer.json.get("refund_id")) == (201, str(row[0])), answer.body
        assert stripes_refunds(till, intent) == 1

    def test_what_stripe_refuses_is_free_again(self, till: Till) -> None:
        order = till.order()
        intent = till.paid(order)
        till.stripe.dispute(intent)
        assert till.refund(intent, amount_minor=100).code == "refund_refused"
        (payment,) = till.payments(order)
        assert [each["status"] for each in payment["refunds"]] == ["abandoned"]
        assert till.state(order) == ("deposit_paid", DEPOSIT, 0)

    def test_those_made_at_stripe_count(self, till: Till) -> None:
        order = till.order()
        intent = till.paid(order)
        client(till).v1.refunds.create({"payment_intent": intent, "amount": 800})
        till.hear()
        assert till.state(order) == ("partly_refunded", DEPOSIT, 800)
        assert till.refund(intent, amount_minor=DEPOSIT - 799).code == "refund_too_large"
        assert till.refund(intent).json["amount_minor"] == DEPOSIT - 800

    def test_one_that_comes_back_is_told(self, till: Till) -> None:
        order = till.order()
        intent = till.paid(order)
        till.refund(intent, amount_minor=500)
        (refund,) = [each for each in till.stripe.all("refund") if each["payment_intent"] == intent]
        till.stripe.fail_refund(refund["id"])
        till.hear()
        assert till.findings(refund["id"]) == ["refund_failed"]
        (payment,) = till.payments(order)
        assert ([each["status"] for each in payment["refunds"]], payment["refunded_minor"]) == (["failed"], 0)
        assert till.state(order) == ("deposit_paid", DEPOSIT, 0)
        assert till.refund(intent).json["amount_minor"] == DEPOSIT  # all of it is there to be given back


class TestDisputes:
    @pytest.mark.parametrize("won", [True, False])
    def test_are_followed_and_told(self, till: Till, won: bool) -> None:
        order = till.order()
        intent = till.paid(order)
        dispute = till.stripe.dispute(intent)
        till.hear()
        (payment,) = till.payments(order)
        assert [(each["status"], each["amount_minor"]) for each in payment["disputes"]] == [("needs_response", DEPOSIT)]
        assert "payment.dispute" in conditions(till)
        till.stripe.close_dispute(dispute["id"], won)
        till.hear()
        (payment,) = till.payments(order)
        assert [each["status"] for each in payment["disputes"]] == ["won" if won else "lost"]
        assert "payment.dispute" not in conditions(till)


class TestWhatNobodyWanted:
    def test_money_for_a_cancelled_order_is_counted_and_told(self, till: Till) -> None:
        order = till.order()
        intent = till.started(order, "full")
        till.database.execute("update public.orders set workflow_state = 'cancelled' where id = %s", [order])
        till.stripe.pay(intent)
        till.hear()
        assert till.state(order) == ("paid", TOTAL, 0)
        assert till.findings(intent) == ["unwanted"]
        assert "payment.unwanted" in conditions(till)

    def test_the_audit_trail_says_who(self, till: Till) -> None:
        order = till.order()
        intent = till.paid(order)
        till.refund(intent, amount_minor=1)
        rows = till.database.execute(
            "select action, actor from private.audit_log where details ->> 'order' = %s or action = 'refund.requested' "
            "and chain = %s order by sequence",
            [str(order), till.owner.workspace_id],
        ).fetchall()
        assert ("payment.started", till.buyer.user_id) in rows
        assert ("refund.requested", till.owner.user_id) in rows


def stripes_refunds(till: Till, intent: str) -> int:
    return sum(each["payment_intent"] == intent for each in till.stripe.all("refund"))


def conditions(till: Till) -> list[str]:
    return [row[0] for row in till.database.execute("select condition from private.conditions()")]


class TestPaths:
    def test_an_id_that_is_none(self, till: Till) -> None:
        for path in ("x", "pi_", "pi_%00", "../refunds"):
            assert till.api("POST", f"{PAYMENTS}/{path}/refunds", token=till.owner.token, json={}).status in (400, 404)
