"""The Stripe sandbox, asked through the vendor's own SDK: what passes here would pass there."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import stripe

from local.stripe import Books, Drops, Fails, Hangs, Sandbox, Slow
from tests.local.sandboxes import Clock, until

DAY = 24 * 3600
HERE: Any = {"enabled": True, "allow_redirects": "never"}


@pytest.fixture(scope="module")
def running(clock: Clock) -> Iterator[Sandbox]:
    with Sandbox(clock=clock) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running: Sandbox) -> Sandbox:
    running.forget()
    return running


class Shop:
    """The SDK, and what a shop does with it."""

    def __init__(self, sandbox: Sandbox, *, retries: int = 0, seconds: float = 5, key: str | None = None) -> None:
        self.client = stripe.StripeClient(
            key or sandbox.env["STRIPE_SECRET_KEY"],
            base_addresses={"api": sandbox.env["STRIPE_API_BASE"]},
            max_network_retries=retries,
            http_client=stripe.RequestsClient(timeout=seconds),
        )
        self.intents = self.client.v1.payment_intents
        self.refunds = self.client.v1.refunds

    def create(self, key: str | None = None, **fields: Any) -> stripe.PaymentIntent:
        params: Any = {"amount": 1250, "currency": "eur", "automatic_payment_methods": HERE, **fields}
        return self.intents.create(params, {"idempotency_key": key} if key else {})

    def paid(self, **fields: Any) -> stripe.PaymentIntent:
        return self.create(confirm=True, payment_method="pm_card_visa", **fields)

    def refund(self, key: str | None = None, **fields: Any) -> stripe.Refund:
        params: Any = fields
        return self.refunds.create(params, {"idempotency_key": key} if key else {})

    def confirm(self, id_: str, by: str = "pm_card_visa") -> stripe.PaymentIntent:
        return self.intents.confirm(id_, {"payment_method": by})


@pytest.fixture
def shop(sandbox: Sandbox) -> Shop:
    return Shop(sandbox)


def refusal(act: Any, *told: Any, **named: Any) -> stripe.StripeError:
    with pytest.raises(stripe.StripeError) as caught:
        act(*told, **named)
    return caught.value


def code(error: stripe.StripeError) -> tuple[Any, Any]:
    return error.http_status, error.code


def types(sandbox: Sandbox) -> list[str]:
    return [each["type"] for each in sandbox.all("event")]


class TestIntents:
    def test_are_made_as_told_and_read_again(self, sandbox: Sandbox, shop: Shop) -> None:
        made = shop.create(metadata={"order": "7", "instalment": "deposit"}, description="Balloons, 3 & more")
        assert made.id.startswith("pi_")
        assert str(made.client_secret).startswith(f"{made.id}_secret_")
        read = shop.intents.retrieve(made.id)
        assert (read.amount, read.currency, read.status) == (1250, "eur", "requires_payment_method")
        assert (read.metadata["order"], read.metadata["instalment"]) == ("7", "deposit")
        assert (read.description, read.livemode, read.latest_charge) == ("Balloons, 3 & more", False, None)
        assert types(sandbox) == ["payment_intent.created"]

    def test_go_from_a_method_to_confirmation_to_money(self, sandbox: Sandbox, shop: Shop) -> None:
        made = shop.create()
        assert shop.intents.update(made.id, {"payment_method": "pm_card_visa"}).status == "requires_confirmation"
        done = shop.intents.confirm(made.id, {"expand": ["latest_charge"]})
        assert (done.status, done.amount_received) == ("succeeded", 1250)
        assert isinstance(done.latest_charge, stripe.Charge)
        assert (done.latest_charge.paid, done.latest_charge.payment_intent) == (True, made.id)
        assert types(sandbox)[1:] == ["charge.succeeded", "payment_intent.succeeded"]
        assert sandbox.books() == {"eur": Books(1250, 0, 0)}

    @pytest.mark.parametrize(
        ("by", "decline"),
        [
            ("pm_card_chargeDeclined", ("card_declined", "generic_decline")),
            ("pm_card_visa_chargeDeclinedInsufficientFunds", ("card_declined", "insufficient_funds")),
            ("pm_card_chargeDeclinedExpiredCard", ("expired_card", None)),
        ],
    )
    def test_are_declined_and_can_be_paid_otherwise(
        self, sandbox: Sandbox, shop: Shop, by: str, decline: tuple[str, str | None]
    ) -> None:
        error = refusal(shop.create, confirm=True, payment_method=by)
        assert isinstance(error, stripe.CardError)
        told: Any = error.json_body
        assert (error.http_status, error.code, told["error"].get("decline_code")) == (402, *decline)
        id_ = told["error"]["payment_intent"]["id"]
        read = shop.intents.retrieve(id_)
        assert (read.status, read.payment_method) == ("requires_payment_method", None)
        assert read.last_payment_error
        assert read.last_payment_error.code == decline[0]
        assert types(sandbox)[-2:] == ["charge.failed", "payment_intent.payment_failed"]
        assert shop.confirm(id_).status == "succeeded"
        assert [each["status"] for each in sandbox.all("charge")] == ["failed", "succeeded"]

    @pytest.mark.parametrize(("ok", "status"), [(True, "succeeded"), (False, "requires_payment_method")])
    def test_ask_the_payer(self, sandbox: Sandbox, shop: Shop, ok: bool, status: str) -> None:
        made = shop.create(confirm=True, payment_method="pm_card_authenticationRequired")
        assert made.status == "requires_action"
        assert made.next_action
        assert sandbox.authenticate(made.id, ok)["status"] == status
        assert sandbox.books() == ({"eur": Books(1250, 0, 0)} if ok else {})
        last = "succeeded" if ok else "payment_failed"
        assert (types(sandbox)[1], types(sandbox)[-1]) == ("payment_intent.requires_action", f"payment_intent.{last}")

    @pytest.mark.parametrize(
        ("by", "ok", "status"),
        [
            ("pm_usBankAccount_success", None, "succeeded"),
            ("pm_usBankAccount_insufficientFunds", None, "requires_payment_method"),
            ("pm_usBankAccount", False, "requires_payment_method"),
        ],
    )
    def test_wait_for_the_bank(self, sandbox: Sandbox, shop: Shop, by: str, ok: bool | None, status: str) -> None:
        made = shop.create(currency="usd", confirm=True, payment_method=by)
        assert made.status == "processing"
        assert code(refusal(shop.intents.cancel, made.id)) == (400, "payment_intent_unexpected_state")
        assert sandbox.settle(made.id, ok)["status"] == status
        assert len(sandbox.all("charge")) == 1
        assert "payment_intent.processing" in types(sandbox)

    def test_are_paid_by_the_payers_browser(self, sandbox: Sandbox, shop: Shop) -> None:
        made = shop.create(automatic_payment_methods={"enabled": True})
        assert sandbox.pay(made.id, "pm_card_chargeDeclined")["status"] == "requires_payment_method"
        assert sandbox.pay(made.id)["status"] == "succeeded"
        assert shop.intents.retrieve(made.id).amount_received == 1250

    def test_are_cancelled_until_they_are_paid(self, sandbox: Sandbox, shop: Shop) -> None:
        made, paid = shop.create(), shop.paid()
        gone = shop.intents.cancel(made.id, {"cancellation_reason": "abandoned"})
        assert (gone.status, gone.cancellation_reason) == ("canceled", "abandoned")
        assert types(sandbox)[-1] == "payment_intent.canceled"
        for id_ in (made.id, paid.id):
            error = refusal(shop.intents.cancel, id_)
            assert code(error) == (400, "payment_intent_unexpected_state")
            told: Any = error.json_body
            assert told["error"]["payment_intent"]["id"] == id_
            assert code(refusal(shop.confirm, id_)) == (400, "payment_intent_unexpected_state")
            assert code(refusal(shop.intents.update, id_, {"amount": 99})) == (400, "payment_intent_unexpected_state")

    def test_are_updated_and_their_metadata_merged(self, shop: Shop) -> None:
        made = shop.create(metadata={"a": "1", "b": "2"})
        after = shop.intents.update(made.id, {"amount": 900, "metadata": {"b": "", "c": "3"}})
        assert (after.amount, after.metadata.to_dict()) == (900, {"a": "1", "c": "3"})
        assert shop.intents.update(made.id, {"metadata": ""}).metadata.to_dict() == {}

    def test_keep_metadata_whatever_its_names(self, shop: Shop) -> None:
        made = shop.create(metadata={"7": "seven", "a b": "c=d&e"})
        assert made.metadata.to_dict() == {"7": "seven", "a b": "c=d&e"}

    def test_take_only_the_methods_they_are_for(self, sandbox: Sandbox, shop: Shop) -> None:
        made = shop.create(automatic_payment_methods=None, payment_method_types=["card"])
        error = refusal(shop.confirm, made.id, "pm_usBankAccount")
        assert code(error) == (400, "payment_intent_incompatible_payment_method")
        assert sandbox.find(made.id)["status"] == "requires_payment_method"

    def test_show_what_is_referred_to(self, shop: Shop) -> None:
        made = shop.paid(expand=["latest_charge.payment_intent"])
        assert isinstance(made.latest_charge, stripe.Charge)
        assert isinstance(made.latest_charge.payment_intent, stripe.PaymentIntent)
        (listed,) = shop.intents.list({"expand": ["data.latest_charge"]}).data
        assert isinstance(listed.latest_charge, stripe.Charge)
        assert shop.intents.retrieve(made.id).latest_charge == made.latest_charge.id
        assert "cannot be expanded" in str(refusal(shop.create, expand=["amount"]))

    def test_need_a_method_and_a_place_to_come_back_to(self, shop: Shop) -> None:
        made = shop.create(automatic_payment_methods={"enabled": True})
        error = refusal(shop.confirm, made.id)
        assert "return_url" in str(error)
        params: Any = {"return_url": "https://shop.example/"}
        error = refusal(shop.intents.confirm, made.id, params)
        assert "missing a payment method" in str(error)

    def test_are_listed_newest_first(self, shop: Shop, clock: Clock) -> None:
        made = []
        for _ in range(5):
            clock.now += 10
            made.append(shop.create().id)
        made.reverse()
        first = shop.intents.list({"limit": 2})
        assert ([each.id for each in first.data], first.has_more) == (made[:2], True)
        rest = shop.intents.list({"limit": 3, "starting_after": made[1]})
        assert ([each.id for each in rest.data], rest.has_more) == (made[2:], False)
        assert [each.id for each in shop.intents.list({"limit": 2}).auto_paging_iter()] == made
        recent = shop.intents.list({"created": {"gte": int(clock.now) - 10}})
        assert [each.id for each in recent.data] == made[:2]


class TestRefusals:
    @pytest.mark.parametrize(
        ("fields", "param", "reason"),
        [
            ({"amount": 49}, "amount", "amount_too_small"),
            ({"amount": 49, "currency": "jpy"}, "amount", "amount_too_small"),
            ({"amount": 29, "currency": "gbp"}, "amount", "amount_too_small"),
            ({"amount": 100_000_000}, "amount", "amount_too_large"),
            ({"amount": 0}, "amount", "parameter_invalid_integer"),
            ({"amount": "12.5"}, "amount", "parameter_invalid_integer"),
            ({"amount": 1001, "currency": "kwd"}, "amount", None),
            ({"amount": None}, "amount", "parameter_missing"),
            ({"currency": None}, "currency", "parameter_missing"),
            ({"currency": "xxy"}, "currency", None),
            ({"colour": "red"}, "colour", "parameter_unknown"),
            ({"payment_method": "pm_nobody"}, "payment_method", "resource_missing"),
            ({"metadata": {"a": "b" * 501}}, "metadata[a]", None),
            ({"capture_method": "manual"}, "capture_method", None),
        ],
    )
    def test_name_the_parameter(
        self, sandbox: Sandbox, shop: Shop, fields: Any, param: str, reason: str | None
    ) -> None:
        error = refusal(shop.create, **fields)
        assert isinstance(error, stripe.InvalidRequestError)
        assert (error.http_status, error.param, error.code) == (400, param, reason)
        assert sandbox.all("payment_intent") == []

    def test_an_unknown_object_is_404_and_a_wrong_key_401(self, sandbox: Sandbox, shop: Shop) -> None:
        assert code(refusal(shop.intents.retrieve, "pi_nobody")) == (404, "resource_missing")
        assert isinstance(refusal(Shop(sandbox, key="sk_test_other").create), stripe.AuthenticationError)
        assert code(refusal(shop.client.v1.customers.list))[0] == 404


class TestIdempotency:
    def test_the_same_request_gets_the_first_answer(self, sandbox: Sandbox, shop: Shop) -> None:
        first, again = shop.create("order/7", metadata={"a": "1"}), shop.create("order/7", metadata={"a": "1"})
        assert first.to_dict() == again.to_dict()
        assert len(sandbox.all("payment_intent")) == 1
        headers: Any = [each.last_response.headers for each in (first, again)]  # type: ignore[union-attr]
        assert [told.get("Idempotent-Replayed") for told in headers] == [None, "true"]
        assert headers[1]["Original-Request"] == headers[0]["Request-Id"] != headers[1]["Request-Id"]

    def test_the_first_answer_stays_whatever_became_of_the_object(self, shop: Shop) -> None:
        made = shop.create("order/7")
        shop.intents.cancel(made.id)
        assert shop.create("order/7").status == "requires_payment_method"

    @pytest.mark.parametrize("fields", [{"amount": 1251}, {"metadata": {"a": "1"}}])
    def test_other_parameters_are_refused(self, sandbox: Sandbox, shop: Shop, fields: Any) -> None:
        shop.create("order/7")
        error = refusal(shop.create, "order/7", **fields)
        assert isinstance(error, stripe.IdempotencyError)
        assert error.http_status == 400
        assert len(sandbox.all("payment_intent")) == 1

    def test_another_endpoint_is_refused(self, shop: Shop) -> None:
        one, other = shop.create(), shop.create()
        shop.intents.cancel(one.id, {}, {"idempotency_key": "cancel/7"})
        error = refusal(shop.intents.cancel, other.id, {}, {"idempotency_key": "cancel/7"})
        assert isinstance(error, stripe.IdempotencyError)
        assert "same endpoint" in str(error)

    def test_an_error_that_came_of_doing_it_is_kept(self, sandbox: Sandbox, shop: Shop) -> None:
        fields: Any = {"confirm": True, "payment_method": "pm_card_chargeDeclined"}
        errors = [refusal(shop.create, "order/7", **fields) for _ in range(2)]
        assert errors[0].json_body == errors[1].json_body
        assert (errors[1].headers or {})["Idempotent-Replayed"] == "true"
        assert len(sandbox.all("charge")) == 1

    def test_a_request_that_was_wrong_leaves_its_key_free(self, shop: Shop) -> None:
        refusal(shop.create, "order/7", amount=1)
        assert shop.create("order/7").amount == 1250

    def test_while_the_first_is_in_progress_others_are_409(self, sandbox: Sandbox, shop: Shop) -> None:
        sandbox.script(Slow(0.5))
        with ThreadPoolExecutor(1) as thread:
            first = thread.submit(shop.create, "order/7")
            until(lambda: bool(sandbox.asked))
            assert refusal(shop.create, "order/7").http_status == 409
            assert Shop(sandbox, retries=3).create("order/7").id == first.result().id
        assert len(sandbox.all("payment_intent")) == 1

    def test_of_many_at_once_one_is_made(self, sandbox: Sandbox) -> None:
        def attempt(_: int) -> str:
            return Shop(sandbox, retries=4).create("order/7").id

        with ThreadPoolExecutor(8) as threads:
            made = set(threads.map(attempt, range(24)))
        assert made == {each["id"] for each in sandbox.all("payment_intent")}
        assert len(made) == 1

    def test_a_key_lives_a_day(self, shop: Shop, clock: Clock) -> None:
        first = shop.create("order/7").id
        clock.now += DAY - 1
        assert shop.create("order/7").id == first
        clock.now += 1
        assert shop.create("order/7").id != first


class TestFailures:
    def test_before_it_is_done_a_retry_does_it(self, sandbox: Sandbox, shop: Shop) -> None:
        sandbox.script(Fails(503), Drops())
        assert refusal(shop.create, "order/7").http_status == 503
        assert isinstance(refusal(shop.create, "order/7"), stripe.APIConnectionError)
        assert sandbox.all("payment_intent") == []
        shop.create("order/7")

    @pytest.mark.parametrize("behaviour", [Drops(accepted=True), Hangs(accepted=True)])
    def test_an_answer_that_is_lost_is_found_by_its_key(self, sandbox: Sandbox, behaviour: Any) -> None:
        sandbox.script(behaviour, behaviour)
        impatient = Shop(sandbox, seconds=0.5)
        for _ in range(2):
            assert isinstance(refusal(impatient.create, "order/7"), stripe.APIConnectionError)
        assert impatient.create("order/7").id == sandbox.all("payment_intent")[0]["id"]
        assert len(sandbox.all("payment_intent")) == 1

    def test_an_error_after_it_was_done_stays_the_answer(self, sandbox: Sandbox, shop: Shop) -> None:
        sandbox.script(Fails(500, accepted=True))
        for _ in range(2):
            error = refusal(Shop(sandbox, retries=2).create, "order/7")
            assert (error.http_status, type(error)) == (500, stripe.APIError)
        assert len(sandbox.all("payment_intent")) == 1
        assert len(sandbox.asked) == 2  # the SDK is told not to try again

    def test_one_that_hangs_lets_its_key_go_when_the_caller_does(self, sandbox: Sandbox, shop: Shop) -> None:
        sandbox.script(Hangs())
        refusal(Shop(sandbox, seconds=0.3).create, "order/7")
        assert Shop(sandbox, retries=3).create("order/7").id
        assert len(sandbox.all("payment_intent")) == 1

    def test_are_for_the_requests_that_are_named(self, sandbox: Sandbox, shop: Shop) -> None:
        sandbox.script(Fails(429, retry_after=2), on="GET /v1/payment_intents/")
        made = shop.create()
        error = refusal(shop.intents.retrieve, made.id)
        assert isinstance(error, stripe.RateLimitError)
        assert (error.headers or {})["Retry-After"] == "2"
        shop.intents.retrieve(made.id)


class TestRefunds:
    def test_are_partial_until_nothing_is_left(self, sandbox: Sandbox, shop: Shop) -> None:
        paid = shop.paid()
        part = shop.refund(payment_intent=paid.id, amount=250, reason="requested_by_customer", metadata={"a": "1"})
        assert (part.amount, part.status, part.charge) == (250, "succeeded", paid.latest_charge)
        error = refusal(shop.refund, payment_intent=paid.id, amount=1001)
        assert isinstance(error, stripe.InvalidRequestError)
        assert (error.http_status, error.param, error.code) == (400, "amount", None)
        assert "greater than unrefunded amount on charge" in str(error)
        assert shop.refund(charge=str(paid.latest_charge)).amount == 1000
        for fields in ({}, {"amount": 1}):
            error = refusal(shop.refund, payment_intent=paid.id, **fields)
            assert code(error) == (400, "charge_already_refunded")
        assert sandbox.books() == {"eur": Books(1250, 1250, 0)}
        charge = shop.client.v1.charges.retrieve(str(paid.latest_charge))
        assert (charge.refunded, charge.amount_refunded) == (True, 1250)
        told = [each["data"] for each in sandbox.all("event") if each["type"] == "charge.refunded"]
        assert [each["object"]["amount_refunded"] for each in told] == [250, 1250]
        assert [each["previous_attributes"]["amount_refunded"] for each in told] == [0, 250]

    def test_are_read_and_listed(self, shop: Shop) -> None:
        one, other = shop.paid(), shop.paid()
        made = [shop.refund(payment_intent=one.id, amount=amount).id for amount in (100, 200)]
        shop.refund(payment_intent=other.id)
        assert [each.id for each in shop.refunds.list({"payment_intent": one.id}).data] == made[::-1]
        assert shop.refunds.retrieve(made[0]).payment_intent == one.id

    def test_need_money_that_came(self, shop: Shop) -> None:
        error = refusal(shop.refund, payment_intent=shop.create().id)
        assert "does not have a successful charge" in str(error)
        assert code(refusal(shop.refund, payment_intent="pi_nobody")) == (400, "resource_missing")

    def test_many_at_once_give_back_no_more_than_came(self, sandbox: Sandbox, shop: Shop) -> None:
        paid = shop.paid()

        def attempt(_: int) -> bool:
            try:
                return bool(Shop(sandbox).refund(payment_intent=paid.id, amount=400))
            except stripe.InvalidRequestError:
                return False

        with ThreadPoolExecutor(8) as threads:
            assert sum(threads.map(attempt, range(20))) == 3
        assert sandbox.books() == {"eur": Books(1250, 1200, 0)}

    def test_the_same_key_gives_back_once(self, sandbox: Sandbox, shop: Shop) -> None:
        paid = shop.paid()
        assert len({shop.refund("refund/1", payment_intent=paid.id, amount=400).id for _ in range(3)}) == 1
        assert sandbox.books() == {"eur": Books(1250, 400, 0)}

    def test_one_that_fails_is_money_again(self, sandbox: Sandbox, shop: Shop) -> None:
        refund = shop.refund(payment_intent=shop.paid().id)
        assert sandbox.fail_refund(refund.id)["status"] == "failed"
        assert sandbox.books() == {"eur": Books(1250, 0, 0)}


class TestDisputes:
    @pytest.mark.parametrize(("won", "status", "lost"), [(True, "won", 0), (False, "lost", 1250)])
    def test_take_the_money_until_they_are_won(
        self, sandbox: Sandbox, shop: Shop, won: bool, status: str, lost: int
    ) -> None:
        paid = shop.paid()
        dispute = sandbox.dispute(paid.id)
        assert sandbox.books() == {"eur": Books(1250, 0, 1250)}
        assert code(refusal(shop.refund, payment_intent=paid.id)) == (400, "charge_disputed")
        sandbox.close_dispute(dispute["id"], won)
        read = shop.client.v1.disputes.retrieve(dispute["id"])
        assert (read.status, read.payment_intent) == (status, paid.id)
        assert sandbox.books() == {"eur": Books(1250, 0, lost)}
        assert {"charge.dispute.created", "charge.dispute.closed"} <= set(types(sandbox))


class TestEvents:
    def test_are_listed_and_read_with_the_object_as_it_was(self, shop: Shop) -> None:
        made = shop.create("order/7")
        shop.confirm(made.id)
        events = shop.client.v1.events
        listed = events.list({"types": ["payment_intent.created", "payment_intent.succeeded"]}).data
        assert [each.type for each in listed] == ["payment_intent.succeeded", "payment_intent.created"]
        first = events.retrieve(listed[1].id)
        assert first.data.object["status"] == "requires_payment_method"
        assert first.request
        assert first.request.idempotency_key == "order/7"

    def test_show_each_state_that_one_request_went_through(self, sandbox: Sandbox, shop: Shop) -> None:
        shop.paid()
        told = [each["data"]["object"] for each in sandbox.all("event")]
        assert [each["status"] for each in told if each["object"] == "payment_intent"] == [
            "requires_confirmation",
            "succeeded",
        ]


class TestRemembering:
    def test_a_later_sandbox_knows_objects_and_keys(self, tmp_path: Path) -> None:
        with Sandbox(tmp_path) as first:
            shop = Shop(first)
            paid = shop.paid(key="order/7")
            shop.refund(payment_intent=paid.id, amount=250)
            declined = {"payment_method": "pm_card_chargeDeclined", "confirm": True}
            error = refusal(shop.create, "order/8", **declined)
        with (tmp_path / "journal.jsonl").open("ab") as journal:
            journal.write(b'{"kind": "object", "val')  # killed while it wrote
        with Sandbox(tmp_path, api_key=first.env["STRIPE_SECRET_KEY"]) as second:
            shop = Shop(second)
            assert shop.paid(key="order/7").id == paid.id
            assert refusal(shop.create, "order/8", **declined).json_body == error.json_body
            assert second.books() == {"eur": Books(1250, 250, 0)}
            assert code(refusal(shop.refund, payment_intent=paid.id, amount=1001))[0] == 400

    @pytest.mark.parametrize("line", ['{"kind": "key", "key": "a", "colour": 7}', '{"kind": "object"}', "{}", "?"])
    def test_what_another_version_left_is_forgotten(self, tmp_path: Path, line: str) -> None:
        (tmp_path / "journal.jsonl").write_text(line + "\n")
        with Sandbox(tmp_path) as sandbox:
            assert sandbox.all("payment_intent") == []
        assert (tmp_path / "journal.jsonl").read_text() == ""

    def test_its_threads_end(self) -> None:
        before = threading.active_count()
        with Sandbox():
            assert threading.active_count() > before
        until(lambda: threading.active_count() <= before)


def test_parameters_come_in_brackets() -> None:
    from local.stripe.forms import parsed

    assert parsed("a=1&b[c]=2&b[d][0]=3&b[d][1]=4&e[]=5&e[]=6&f[0][g]=7") == {
        "a": "1",
        "b": {"c": "2", "d": ["3", "4"]},
        "e": ["5", "6"],
        "f": [{"g": "7"}],
    }
    assert json.dumps(parsed("m[x]=%C3%A9&n=")) == '{"m": {"x": "\\u00e9"}, "n": ""}'
