"""Paying and giving back under fire: two server processes, 50 ms to the database, twenty at once, five rounds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from uuid import UUID

import psycopg
import pytest

from local.stack import Stack
from local.stripe import Refused, Slow
from tests.api import Response
from tests.end_to_end.crowd import at_once, wait_until
from tests.end_to_end.selling import OPEN, Market, Shop
from tests.end_to_end.test_exactness import LATENCY_SECONDS
from tests.functions.paying import PAYMENTS
from tests.ordering import DEPOSIT, TOTAL

ROUNDS = 5
ASKERS = 20


@pytest.fixture(scope="module")
def market(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Market]:
    with ExitStack() as closing:
        yield Market(stack, tmp_path_factory.mktemp("stripe"), closing)


@pytest.fixture
def shop(market: Market) -> Shop:
    market.deployment.proxy.delay_seconds = LATENCY_SECONDS
    return market.open()


def twenty(ask: Callable[[], Response]) -> list[Response]:
    return at_once(ASKERS, lambda _: ask())


class TestStarting:
    def test_twenty_at_once_are_given_one_intent(self, shop: Shop) -> None:
        for _ in range(ROUNDS):
            order = shop.order()
            answers = twenty(partial(shop.start, order))
            assert Counter(answer.status for answer in answers) == {200: ASKERS}
            [intent] = shop.intents(order)
            assert intent["amount"] == DEPOSIT
            assert {
                (each.json["payment_intent_id"], each.json["amount_minor"], each.json["client_secret"])
                for each in answers
            } == {(intent["id"], DEPOSIT, intent["client_secret"])}
            shop.agrees(order)

    def test_of_two_instalments_at_once_only_one_can_be_paid(self, shop: Shop) -> None:
        for _ in range(ROUNDS):
            order = shop.order()

            def ask(number: int, order: UUID = order) -> Response:
                return shop.start(order, ("deposit", "full")[number // 2 % 2])

            answers = at_once(ASKERS, ask)
            assert {(answer.status, answer.code) for answer in answers} <= {(200, None), (409, "payment_under_way")}
            intents = shop.intents(order)
            open_ones = [intent for intent in intents if intent["status"] in OPEN]
            assert len(open_ones) <= 1
            assert {intent["status"] for intent in intents} <= {"canceled", "requires_payment_method"}
            shop.agrees(order)
            for intent in intents:
                if intent in open_ones:
                    assert shop.stripe.pay(intent["id"])["status"] == "succeeded"
                else:
                    with pytest.raises(Refused):
                        shop.stripe.pay(intent["id"])
            received = sum(intent["amount"] for intent in open_ones)
            shop.hear()
            assert shop.books(order).received == shop.state(order)[1] == received <= TOTAL
            again = shop.start(order, "full")
            assert again.status == (409 if open_ones else 200), again.body

    def test_what_is_paid_meanwhile_stays_paid(self, shop: Shop) -> None:
        for _ in range(ROUNDS):
            order = shop.order()

            def act(number: int, order: UUID = order) -> int:
                if number:
                    return shop.start(order).status
                wait_until(lambda: bool(shop.intents(order)))
                shop.stripe.pay(shop.intents(order)[0]["id"])
                shop.hear()
                return 0

            assert set(at_once(ASKERS + 1, act)) <= {0, 200, 409}
            assert shop.state(order) == ("deposit_paid", DEPOSIT, 0)
            assert shop.mails(order).count("payment-received") == 1
            assert shop.start(order).code == "already_paid"
            shop.agrees(order)

    def test_an_answer_of_before_the_payment_sets_nothing_back(self, shop: Shop) -> None:
        order, proxy = shop.order(), shop.deployment.proxy
        proxy.hold_requests(b"rpc/record_intent")
        with ThreadPoolExecutor(2) as threads:
            asked = [threads.submit(shop.start, order) for _ in range(2)]
            assert proxy.holding.wait(20)
            [intent] = shop.intents(order)
            shop.stripe.pay(intent["id"])
            assert "applied" in shop.hear()
            assert shop.state(order) == ("deposit_paid", DEPOSIT, 0)
            proxy.release()
            assert {answer.result().json["status"] for answer in asked} == {"succeeded"}
        assert shop.state(order) == ("deposit_paid", DEPOSIT, 0)
        shop.agrees(order)

    def test_what_was_cancelled_is_whatever_was_read_meanwhile(self, shop: Shop) -> None:
        order = shop.order()
        intent = shop.started(order)
        path = f"/v1/payment_intents/{intent}/cancel"
        shop.stripe.script(Slow(1), on=f"POST {path}")
        with ThreadPoolExecutor(1) as threads:
            cancelling = threads.submit(
                shop.deployment.ask, 0, "POST", f"{PAYMENTS}/{intent}/cancel", token=shop.buyer.token
            )
            wait_until(lambda: any(request.path == path for request in shop.stripe.asked))
            assert shop.start(order).json["status"] == "requires_payment_method"
            answer = cancelling.result()
        assert (answer.status, answer.json.get("status")) == (200, "canceled"), answer.body
        shop.agrees(order)


class TestGivingBack:
    def test_twenty_tenths_at_once_are_ten(self, shop: Shop) -> None:
        orders = []
        for _ in range(ROUNDS):
            orders.append(shop.order())
            intent = shop.paid(orders[-1])
            answers = twenty(partial(shop.refund, intent, amount_minor=DEPOSIT // 10))
            assert Counter((answer.status, answer.code) for answer in answers) == {
                (201, None): 10,
                (409, "refund_too_large"): 10,
            }
            assert len({answer.json["refund_id"] for answer in answers if answer.status == 201}) == 10
            self.all_went_back(shop, orders[-1])
        self.nothing_is_new(shop, orders)

    def test_twenty_of_all_at_once_are_one(self, shop: Shop) -> None:
        orders = []
        for _ in range(ROUNDS):
            orders.append(shop.order())
            intent = shop.paid(orders[-1])
            answers = twenty(partial(shop.refund, intent))
            assert Counter((answer.status, answer.code) for answer in answers) == {
                (201, None): 1,
                (409, "refund_too_large"): ASKERS - 1,
            }
            self.all_went_back(shop, orders[-1])
        self.nothing_is_new(shop, orders)

    def test_what_is_given_back_later_knows_of_what_was_before(self, shop: Shop) -> None:
        order = shop.order()
        intent = shop.paid(order)
        shop.stripe.script(Slow(1.5), on="POST /v1/refunds")
        with ThreadPoolExecutor(1) as threads:
            slow = threads.submit(shop.refund, intent, amount_minor=100)
            wait_until(lambda: any(request.path == "/v1/refunds" for request in shop.stripe.asked))
            assert shop.refund(intent, amount_minor=20).status == 201
            assert slow.result().status == 201
        assert shop.state(order) == ("partly_refunded", DEPOSIT, 120)
        shop.agrees(order)

    def all_went_back(self, shop: Shop, order: UUID) -> None:
        """At Stripe and here, though no webhook has told of it."""
        assert shop.books(order)[:2] == (DEPOSIT, DEPOSIT)
        assert shop.state(order) == ("refunded", DEPOSIT, DEPOSIT)
        shop.agrees(order)

    def nothing_is_new(self, shop: Shop, orders: list[UUID]) -> None:
        """In what the webhooks then tell."""
        shop.deployment.proxy.delay_seconds = 0
        assert set(shop.hear()) == {"unchanged"}
        for order in orders:
            self.all_went_back(shop, order)


class TestComparing:
    def test_does_not_deadlock_with_a_webhook(self, shop: Shop) -> None:
        """Both take locks of orders and of the workspace's audit chain."""
        orders = [shop.order() for _ in range(2)]
        intents = [shop.started(order) for order in orders]
        for intent in intents:
            shop.stripe.pay(intent)
        with psycopg.connect(shop.deployment.stack.database_url) as other, ThreadPoolExecutor(1) as threads:
            # The list's last is the one that it comes to when it has the chain already.
            other.execute("select from public.orders where id = %s for update", [orders[0]])
            running = threads.submit(shop.reconcile)
            blocked = "select from pg_locks where not granted"
            wait_until(lambda: bool(shop.rows(blocked)))
            other.execute("select private.audit(%s, null, 'order.payment', 'x')", [shop.owner.workspace_id])
            other.commit()
            counts = running.result()
        assert counts["mended"] >= 2
        for order in orders:
            assert shop.state(order) == ("deposit_paid", DEPOSIT, 0)
            shop.agrees(order)
