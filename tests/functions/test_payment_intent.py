"""Paying for an order, instalment by instalment: amounts, asking again, changing one's mind, who may."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest
import stripe
from psycopg.types.json import Jsonb

from local.stripe import Drops, Fails
from tests.functions.paying import PAYMENTS, Till
from tests.ordering import DEPOSIT, TOTAL


def priced(total: int, deposit: int, currency: str) -> dict[str, Any]:
    line = {"kind": "item", "description": "Hoodies", "amount_minor": total}
    amounts = {"_subtotal_minor": total, "_total_minor": total, "_deposit_minor": deposit}
    return {"_lines": Jsonb([line]), **amounts, "_currency": currency}


def stripes(till: Till, intent: str) -> dict[str, Any]:
    return till.stripe.find(intent)


class TestInstalments:
    def test_deposit_then_balance(self, till: Till) -> None:
        order = till.order()
        answer = till.start(order).json
        assert (answer["amount_minor"], answer["currency"], answer["instalment"]) == (DEPOSIT, "USD", "deposit")
        assert answer["status"] == "requires_payment_method"
        assert answer["client_secret"].startswith(answer["payment_intent_id"])
        assert till.state(order) == ("unpaid", 0, 0)
        till.stripe.pay(answer["payment_intent_id"])
        assert "applied" in till.hear()
        assert till.state(order) == ("deposit_paid", DEPOSIT, 0)
        balance = till.start(order, "balance").json
        assert balance["amount_minor"] == TOTAL - DEPOSIT
        till.stripe.pay(balance["payment_intent_id"])
        till.hear()
        assert till.state(order) == ("paid", TOTAL, 0)
        assert till.mails(order) == ["order-confirmation", "payment-received", "payment-received"]
        assert till.books(order).received == TOTAL

    def test_all_at_once(self, till: Till) -> None:
        order = till.order()
        till.paid(order, "full")
        assert till.state(order) == ("paid", TOTAL, 0)
        for instalment in ("deposit", "balance", "full"):
            assert till.start(order, instalment).code == "already_paid"

    def test_what_stripe_is_asked(self, till: Till) -> None:
        order = till.order()
        intent = stripes(till, till.started(order))
        payment = till.database.execute("select id from private.payments where order_id = %s", [order]).fetchone()
        assert payment is not None
        assert intent["metadata"] == {
            "payment": str(payment[0]),
            "order": str(order),
            "instalment": "deposit",
            "environment": "development",
        }
        assert intent["automatic_payment_methods"]["enabled"]
        (asked,) = [each for each in till.stripe.asked if str(payment[0]) in each.headers.get("idempotency-key", "")]
        assert asked.path == "/v1/payment_intents"

    @pytest.mark.parametrize(("instalment", "code"), [("balance", "deposit_needed"), ("full", None), ("deposit", None)])
    def test_first(self, till: Till, instalment: str, code: str | None) -> None:
        assert till.start(till.order(), instalment).code == code

    def test_after_the_deposit_nothing_twice(self, till: Till) -> None:
        order = till.order()
        till.paid(order)
        assert till.start(order, "deposit").code == "already_paid"
        assert till.start(order, "full").code == "already_paid"

    def test_without_a_deposit(self, till: Till) -> None:
        order = till.order(_deposit_minor=0)
        assert till.start(order, "deposit").code == "no_deposit"
        assert till.start(order, "balance").code == "deposit_needed"
        assert till.start(order, "full").json["amount_minor"] == TOTAL

    @pytest.mark.parametrize(("state", "code"), [("cancelled", "order_not_payable"), ("on_hold", None)])
    def test_of_an_order_in_a_state(self, till: Till, state: str, code: str | None) -> None:
        order = till.order()
        till.database.execute("update public.orders set workflow_state = %s where id = %s", [state, order])
        assert till.start(order).code == code

    def test_unknown(self, till: Till) -> None:
        answer = till.start(till.order(), "tip")
        assert (answer.status, answer.json["errors"][0]["pointer"]) == (422, "/payment_type")

    @pytest.mark.parametrize(
        ("total", "deposit", "currency", "instalment", "stripes_amount"),
        [
            (100_000, 30_000, "JPY", "deposit", 30_000),
            (10_000_000, 3_000_000, "BDT", "deposit", 3_000_000),
            (12_350, 3_705, "KWD", "deposit", 3_710),  # three decimals: a multiple of ten, upwards
            (12_350, 3_705, "KWD", "full", 12_350),
            (10_000, 3_000, "ISK", "deposit", 300_000),  # no decimals, and Stripe counts two
            (1_000_000, 300_000, "UGX", "deposit", 30_000_000),
            (5_000_000, 1_500_000, "MGA", "deposit", 15_000),  # two decimals, and Stripe counts none
            (50, 50, "USD", "deposit", 50),
            (30, 0, "GBP", "full", 30),
            (99_999_999, 0, "EUR", "full", 99_999_999),
        ],
    )
    def test_amounts_of_currencies(
        self, till: Till, total: int, deposit: int, currency: str, instalment: str, stripes_amount: int
    ) -> None:
        order = till.order(**priced(total, deposit, currency))
        intent = till.started(order, instalment)
        told = stripes(till, intent)
        assert (told["amount"], told["currency"]) == (stripes_amount, currency.lower())
        till.stripe.pay(intent)
        till.hear()
        received = till.state(order)[1]
        assert received == (total if instalment == "full" else max(deposit, received))
        assert till.state(order)[0] == ("paid" if received == total else "deposit_paid")
        if received < total:
            till.paid(order, "balance")
            assert till.state(order) == ("paid", total, 0)

    @pytest.mark.parametrize(
        ("total", "deposit", "currency", "instalment", "code"),
        [
            (49, 0, "USD", "full", "amount_not_payable"),
            (1_000, 49, "USD", "deposit", "amount_not_payable"),
            (100, 60, "USD", "deposit", "pay_in_full"),
            (12_345, 0, "KWD", "full", "amount_not_payable"),
            (100_000_000, 0, "USD", "full", "amount_not_payable"),
            (1_000_000, 0, "ISK", "full", "amount_not_payable"),
            (100_000, 0, "XCD", "full", "currency_not_payable"),
        ],
    )
    def test_amounts_that_stripe_takes_not(
        self, till: Till, total: int, deposit: int, currency: str, instalment: str, code: str
    ) -> None:
        before = len(till.stripe.all("payment_intent"))
        assert till.start(till.order(**priced(total, deposit, currency)), instalment).code == code
        assert len(till.stripe.all("payment_intent")) == before


class TestAskingAgain:
    def test_is_the_same_payment(self, till: Till) -> None:
        order = till.order()
        first, second, by_staff = till.start(order), till.start(order), till.start(order, by=till.owner)
        assert first.json == second.json == by_staff.json

    def test_after_a_decline_it_can_still_be_paid(self, till: Till) -> None:
        order = till.order()
        intent = till.started(order)
        till.stripe.pay(intent, "pm_card_visa_chargeDeclinedInsufficientFunds")
        till.stripe.pay(intent, "pm_card_visa_chargeDeclined")
        till.hear()
        (payment,) = till.payments(order)
        assert (payment["status"], payment["failure"]) == ("requires_payment_method", "generic_decline")
        assert till.started(order) == intent
        assert till.mails(order) == ["order-confirmation", "payment-failed"]  # told once
        till.stripe.pay(intent)
        till.hear()
        assert till.state(order)[0] == "deposit_paid"

    def test_once_it_was_paid_it_says_so(self, till: Till) -> None:
        order = till.order()
        intent = till.started(order)
        till.stripe.pay(intent)  # and its webhook is late
        answer = till.start(order).json
        assert (answer["payment_intent_id"], answer["status"]) == (intent, "succeeded")
        assert till.state(order) == ("deposit_paid", DEPOSIT, 0)

    def test_another_instalment_takes_the_first_back(self, till: Till) -> None:
        order = till.order()
        deposit = till.started(order)
        full = till.started(order, "full")
        assert stripes(till, deposit)["status"] == "canceled"
        assert stripes(till, full)["status"] == "requires_payment_method"
        assert [each["status"] for each in till.payments(order)] == ["canceled", "requires_payment_method"]

    def test_what_was_paid_meanwhile_is_not_taken_back(self, till: Till) -> None:
        order = till.order()
        till.stripe.pay(till.started(order))
        assert till.start(order, "full").code == "already_paid"
        assert till.state(order) == ("deposit_paid", DEPOSIT, 0)

    def test_while_the_bank_decides(self, till: Till) -> None:
        order = till.order()
        intent = till.started(order)
        till.stripe.pay(intent, "pm_usBankAccount_success")
        assert till.start(order, "full").code == "payment_under_way"
        assert till.started(order) == intent
        till.stripe.settle(intent)
        till.hear()
        assert till.state(order)[0] == "deposit_paid"

    def test_after_the_amount_has_changed(self, till: Till) -> None:
        order = till.order()
        paid = till.paid(order)
        balance = till.started(order, "balance")
        assert till.refund(paid, amount_minor=1000).status == 201
        again = till.start(order, "balance").json
        assert again["payment_intent_id"] != balance
        assert again["amount_minor"] == TOTAL - DEPOSIT + 1000
        assert stripes(till, balance)["status"] == "canceled"

    def test_one_that_was_cancelled_at_stripe(self, till: Till) -> None:
        order = till.order()
        intent = till.started(order)
        client(till).v1.payment_intents.cancel(intent)
        assert till.started(order) not in ("None", intent)

    def test_one_that_was_changed_at_stripe_is_given_to_nobody(self, till: Till) -> None:
        order = till.order()
        intent = till.started(order)
        client(till).v1.payment_intents.update(intent, {"amount": 100})
        assert till.start(order).code == "payment_changed"
        assert till.findings(intent) == ["mismatch"]

    def test_one_that_was_changed_at_stripe_can_be_taken_back(self, till: Till) -> None:
        order = till.order()
        intent = till.started(order)
        client(till).v1.payment_intents.update(intent, {"amount": 100})
        answer = till.api("POST", f"{PAYMENTS}/{intent}/cancel", token=till.buyer.token)
        assert answer.json.get("status") == "canceled", answer.body
        assert till.started(order) != intent

    def test_one_that_stripe_does_not_know_is_told_and_given_up(self, till: Till) -> None:
        order = till.order()
        gone = till.unknown(order)
        refused = till.start(order)
        assert (refused.status, refused.code) == (503, "stripe_unavailable")
        assert till.findings(gone) == ["missing"]
        assert till.started(order) != gone
        assert [each["status"] for each in till.payments(order)] == ["abandoned", "requires_payment_method"]

    def test_one_at_the_bank_that_stripe_does_not_know_is_not_given_up(self, till: Till) -> None:
        order = till.order()
        gone = till.unknown(order, "processing")
        assert till.start(order).status == 503
        assert till.start(order, "full").code == "payment_under_way"
        assert till.findings(gone) == ["missing"]


class TestTakingBack:
    def cancel(self, till: Till, intent: str) -> Any:
        return till.api("POST", f"{PAYMENTS}/{intent}/cancel", token=till.buyer.token)

    def test_what_nobody_has_paid(self, till: Till) -> None:
        order = till.order()
        intent = till.started(order)
        for _ in range(2):
            assert self.cancel(till, intent).json["status"] == "canceled"
        assert stripes(till, intent)["status"] == "canceled"
        assert till.started(order) != intent

    def test_not_what_was_paid(self, till: Till) -> None:
        order = till.order()
        intent = till.started(order)
        till.stripe.pay(intent)
        assert self.cancel(till, intent).code == "not_cancellable"
        assert till.state(order)[0] == "deposit_paid"  # that was how we learned of it
        assert self.cancel(till, intent).code == "not_cancellable"


class TestGuests:
    def test_pay_with_their_token(self, till: Till) -> None:
        token = uuid4().hex
        order = till.order(_buyer=None, _tracking_token=token)
        body = {"order_id": str(order), "payment_type": "deposit", "token": token}
        answer = till.api("POST", PAYMENTS, json=body)
        assert answer.status == 200, answer.body
        listed = till.api("GET", f"{PAYMENTS}?order_id={order}&token={token}").json["data"]
        assert [each["payment_intent_id"] for each in listed] == [answer.json["payment_intent_id"]]
        signed_in = till.api("POST", PAYMENTS, json=body, token=till.people.sign_up("Guest").token)
        assert signed_in.json == answer.json
        path = f"{PAYMENTS}/{answer.json['payment_intent_id']}/cancel"
        assert till.api("POST", path).status == 404
        assert till.api("POST", f"{path}?token={token}").json["status"] == "canceled"

    @pytest.mark.parametrize("owned", [True, False])
    def test_no_others(self, till: Till, owned: bool) -> None:
        token = uuid4().hex
        order = till.order(_tracking_token=token, **({} if owned else {"_buyer": None}))
        body = {"order_id": str(order), "payment_type": "deposit", "token": token if owned else uuid4().hex}
        refused = till.api("POST", PAYMENTS, json=body, headers={"X-Request-Id": "same"})
        nothing = till.api(
            "POST", PAYMENTS, json={**body, "order_id": str(UUID(int=1))}, headers={"X-Request-Id": "same"}
        )
        assert (refused.status, refused.body) == (404, nothing.body)


class TestStripeIsAway:
    def test_nothing_is_half_done(self, till: Till) -> None:
        order = till.order()
        till.stripe.script(*[Fails(503)] * 3, on="POST /v1/payment_intents")
        refused = till.start(order)
        assert (refused.status, refused.code) == (503, "stripe_unavailable")
        assert int(refused.headers["retry-after"]) > 0
        assert till.start(order).status == 200

    def test_an_answer_that_got_lost(self, till: Till) -> None:
        order = till.order()
        before = len(till.stripe.all("payment_intent"))
        till.stripe.script(Drops(accepted=True), on="POST /v1/payment_intents")
        assert till.start(order).status == 200
        assert len(till.stripe.all("payment_intent")) == before + 1

    def test_a_failure_that_is_told_again(self, till: Till) -> None:
        order = till.order()
        before = len(till.stripe.all("payment_intent"))
        till.stripe.script(Fails(500, accepted=True), on="POST /v1/payment_intents")
        assert till.start(order).status == 200  # it was made all the same, and is found
        assert len(till.stripe.all("payment_intent")) == before + 1

    def test_without_a_key(self, till: Till, environment: pytest.MonkeyPatch) -> None:
        environment.delenv("STRIPE_SECRET_KEY")
        refused = till.start(till.order())
        assert (refused.status, refused.code) == (503, "not_configured")


def client(till: Till) -> stripe.StripeClient:
    """Somebody at Stripe's own pages."""
    env = till.stripe.env
    return stripe.StripeClient(env["STRIPE_SECRET_KEY"], base_addresses={"api": env["STRIPE_API_BASE"]})
