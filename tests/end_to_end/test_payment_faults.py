"""Paying and giving back while processes die, Stripe fails and PostgreSQL is killed: nothing stays half done."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from local.functions import FunctionsServer
from local.ports import free_port
from local.sandbox.behaviours import Answering
from local.stack import Stack
from local.stripe import Drops, Fails, Hangs
from tests.api import OverHttp, Response
from tests.end_to_end.crowd import wait_until
from tests.end_to_end.selling import Market, Shop
from tests.functions.paying import PAYMENTS, Till
from tests.ordering import DEPOSIT
from tests.people import People

CREATE, LIST, REFUND = "POST /v1/payment_intents", "GET /v1/payment_intents", "POST /v1/refunds"
# What a request may take with Stripe away.
MOST_SECONDS = 30
TRIES = 3  # of the SDK
NINE_DAYS_SECONDS = 9 * 86_400


@pytest.fixture(scope="module")
def market(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Market]:
    with ExitStack() as closing:
        market = Market(stack, tmp_path_factory.mktemp("stripe"), closing)
        market.deployment.proxy.delay_seconds = 0
        yield market


@pytest.fixture
def shop(market: Market) -> Shop:
    return market.open()


def start(client: OverHttp, shop: Shop, order: UUID) -> Response:
    body = {"order_id": str(order), "payment_type": "deposit"}
    return client("POST", PAYMENTS, token=shop.buyer.token, json=body)


def give_back(client: OverHttp, shop: Shop, intent: str, key: str) -> Response:
    path, headers = f"{PAYMENTS}/{intent}/refunds", {"Idempotency-Key": key}
    return client("POST", path, token=shop.owner.token, json={"amount_minor": 100}, headers=headers)


def age(shop: Shop, seconds: int = 900) -> None:
    """Let what is unfinished in this shop have begun so much earlier."""
    aged = """
        with earlier as (select make_interval(secs => %(seconds)s) as by),
          payments as (
            update private.payments set created_at = created_at - (select by from earlier)
            where status = 'creating' and workspace_id = %(workspace)s returning id),
          refunds as (
            update private.refunds as r set created_at = r.created_at - (select by from earlier)
            from private.payments as p
            where r.status = 'creating' and p.id = r.payment_id and p.workspace_id = %(workspace)s returning r.id)
        select id from payments union all select id from refunds
    """
    assert shop.database.execute(aged, {"seconds": seconds, "workspace": shop.owner.workspace_id}).fetchall()


def asked(shop: Shop, what: str) -> int:
    """How often Stripe was asked that."""
    return sum(f"{request.method} {request.path}" == what for request in shop.stripe.asked)


class TestKilledWhilePaying:
    """Between Stripe's answer and our commit."""

    def test_asked_again_or_not_there_is_one_intent(self, market: Market, shop: Shop) -> None:
        again, left = shop.order(), shop.order()
        with market.doomed() as doomed:
            doomed.proxy.hold_requests(b"rpc/record_intent")
            doomed.kill_while(
                *(lambda client, order=order: start(client, shop, order) for order in (again, left)),
                until=lambda: bool(shop.intents(again) and shop.intents(left)) and doomed.proxy.holding.is_set(),
            )
        for order in (again, left):
            assert [each["status"] for each in shop.payments(order)] == ["creating"]
        answer = shop.start(again)
        assert (answer.status, answer.json["payment_intent_id"]) == (200, shop.intents(again)[0]["id"])
        assert shop.reconcile()["mended"] == 1
        self.one_each(shop, again, left)

    def test_while_stripe_says_nothing_the_job_finds_out(self, market: Market, shop: Shop) -> None:
        orders, before = [shop.order(), shop.order()], asked(shop, CREATE)
        with market.doomed() as doomed:
            shop.stripe.script(Hangs(accepted=True), Hangs(), on=CREATE)
            doomed.kill_while(
                *(lambda client, order=order: start(client, shop, order) for order in orders),
                until=lambda: asked(shop, CREATE) == before + 2 and any(map(shop.intents, orders)),
            )
        [accepted] = [order for order in orders if shop.intents(order)]
        [lost] = [order for order in orders if order != accepted]
        assert shop.reconcile()["mended"] == 1
        assert [each["status"] for each in shop.payments(lost)] == ["creating"], "it may still be under way"
        age(shop)
        assert shop.reconcile()["abandoned"] == 1
        assert [each["status"] for each in shop.payments(lost)] == ["abandoned"]
        self.one_each(shop, *orders)

    def test_so_long_ago_that_stripe_is_asked_for_it_alone(self, market: Market, shop: Shop) -> None:
        order = shop.order()
        market.ago_seconds = NINE_DAYS_SECONDS
        with market.doomed() as doomed:
            doomed.proxy.hold_requests(b"rpc/record_intent")
            doomed.kill_while(lambda client: start(client, shop, order), until=doomed.proxy.holding.is_set)
        market.ago_seconds = 0
        age(shop, NINE_DAYS_SECONDS)
        assert shop.reconcile()["mended"] == 1
        self.one_each(shop, order)

    def one_each(self, shop: Shop, *orders: UUID) -> None:
        for order in orders:
            shop.paid(order)
            assert len(shop.intents(order)) == 1
            assert shop.state(order) == ("deposit_paid", DEPOSIT, 0)
            shop.agrees(order)


class TestKilledWhileGivingBack:
    def test_asked_again_or_not_there_is_one_refund(self, market: Market, shop: Shop) -> None:
        again, left = (shop.paid(shop.order()) for _ in range(2))
        key = uuid4().hex
        with market.doomed() as doomed:
            doomed.proxy.hold_requests(b"rpc/end_refund")
            doomed.kill_while(
                lambda client: give_back(client, shop, again, key),
                lambda client: give_back(client, shop, left, uuid4().hex),
                until=lambda: len(self.refunds(shop, again, left)) == 2 and doomed.proxy.holding.is_set(),
            )
        assert shop.refund(again, key=key, amount_minor=100).code == "request_in_progress", "until its lease ends"
        ended = "update private.idempotency set leased_until = now() - interval '1 second' where key = %s returning key"
        assert shop.rows(ended, key)
        answer = shop.refund(again, key=key, amount_minor=100)
        assert (answer.status, answer.json["status"]) == (201, "succeeded")
        shop.reconcile()
        assert self.statuses(shop) == ["creating", "succeeded"], "it may still be under way"
        age(shop)
        assert shop.reconcile()["mended"] == 1
        assert self.statuses(shop) == ["succeeded", "succeeded"]
        assert len(self.refunds(shop, again, left)) == 2
        for intent in (again, left):
            self.knows(shop, intent, 100)

    def test_before_stripe_made_it_what_was_set_aside_is_free_again(self, market: Market, shop: Shop) -> None:
        intent, before = shop.paid(shop.order()), asked(shop, REFUND)
        with market.doomed() as doomed:
            shop.stripe.script(Hangs(), on=REFUND)
            doomed.kill_while(
                lambda client: give_back(client, shop, intent, uuid4().hex),
                until=lambda: asked(shop, REFUND) == before + 1,
            )
        assert shop.refund(intent, amount_minor=DEPOSIT).code == "refund_too_large"
        age(shop)
        assert shop.reconcile()["abandoned"] == 1
        assert shop.refund(intent, amount_minor=DEPOSIT).status == 201
        self.knows(shop, intent, DEPOSIT)

    def refunds(self, shop: Shop, *intents: str) -> list[dict[str, Any]]:
        return [each for each in shop.stripe.all("refund") if each["payment_intent"] in intents]

    def statuses(self, shop: Shop) -> list[str]:
        query = """
            select r.status from private.refunds as r join private.payments as p on p.id = r.payment_id
            where p.workspace_id = %s order by r.status
        """
        return [status for (status,) in shop.rows(query, shop.owner.workspace_id)]

    def knows(self, shop: Shop, intent: str, refunded: int) -> None:
        order = UUID(shop.stripe.find(intent)["metadata"]["order"])
        assert shop.books(order)[:2] == shop.state(order)[1:] == (DEPOSIT, refunded)
        shop.agrees(order)


def away(answer: Response) -> None:
    assert (answer.status, answer.code) == (503, "stripe_unavailable"), answer.body
    assert 0 < int(answer.headers["retry-after"]) <= 60


class TestStripeFails:
    """It may have done what was asked, or not; whoever asks again gets it, once."""

    @pytest.mark.parametrize(
        "behaviours",
        [
            pytest.param([Fails(500)] * TRIES, id="500"),
            pytest.param([Fails(500, accepted=True)], id="500-accepted"),
            pytest.param([Drops()] * TRIES, id="dropped"),
            pytest.param([Drops(accepted=True)] * TRIES, id="dropped-accepted"),
        ],
    )
    def test_paying_and_giving_back(self, shop: Shop, behaviours: list[Answering]) -> None:
        order, key = shop.order(), uuid4().hex
        accepted = any(getattr(each, "accepted", False) for each in behaviours)
        shop.stripe.script(*behaviours, on=CREATE)
        first = shop.start(order)
        if behaviours == [Fails(500, accepted=True)]:
            assert first.status == 200, "where Stripe answers, we look for what it may have made"
        else:
            away(first)
            assert shop.state(order) == ("unpaid", 0, 0)
        assert len(shop.intents(order)) == accepted
        intent = shop.started(order)
        assert [each["id"] for each in shop.intents(order)] == [intent]
        shop.paid(order)

        shop.stripe.script(*behaviours, on=REFUND)
        first = shop.refund(intent, key=key, amount_minor=100)
        if first.status != 201:
            away(first)
        second = shop.refund(intent, key=key, amount_minor=100)
        assert second.status == 201, second.body
        assert [each["amount"] for each in shop.stripe.all("refund") if each["payment_intent"] == intent] == [100]
        assert shop.state(order) == ("partly_refunded", DEPOSIT, 100)
        shop.agrees(order)

    def test_hanging_is_waited_for_so_long(self, shop: Shop) -> None:
        order, paid, key = shop.order(), shop.paid(shop.order()), uuid4().hex
        for what in (CREATE, REFUND):
            shop.stripe.script(*[Hangs(accepted=True)] * TRIES, on=what)
        began = time.monotonic()
        with ThreadPoolExecutor(1) as threads:
            giving_back = threads.submit(shop.refund, paid, key=key, amount_minor=100)
            away(shop.start(order))
            away(giving_back.result())
        assert time.monotonic() - began < MOST_SECONDS
        assert [each["id"] for each in shop.intents(order)] == [shop.started(order)]
        assert shop.refund(paid, key=key, amount_minor=100).status == 201
        assert [each["amount"] for each in shop.stripe.all("refund") if each["payment_intent"] == paid] == [100]
        shop.agrees(order)


class TestOutage:
    def test_is_answered_with_503_until_it_is_over(self, shop: Shop) -> None:
        order, paid = shop.order(), shop.order()
        intent = shop.paid(paid)
        shop.stripe.pay(late := shop.started(shop.order()))
        [event] = [each for each in shop.stripe.all("event") if each["data"]["object"]["id"] == late][-1:]
        shop.stripe.stop()
        try:
            began = time.monotonic()
            away(shop.start(order))
            away(shop.refund(intent, amount_minor=100))
            away(shop.tell(event))
            assert time.monotonic() - began < MOST_SECONDS
        finally:
            shop.stripe.start()
        assert shop.rows("select from private.stripe_events where id = %s", event["id"]) == []
        assert shop.state(paid) == ("deposit_paid", DEPOSIT, 0)
        assert shop.tell(event).json["outcome"] == "applied"
        shop.started(order)
        assert len(shop.intents(order)) == 1
        shop.agrees(order)

    def test_of_503s_too(self, shop: Shop) -> None:
        order, before = shop.order(), (asked(shop, CREATE), asked(shop, LIST))
        shop.stripe.script(*[Fails(503)] * TRIES, on=CREATE)
        shop.stripe.script(Fails(503), on=LIST)  # and with more tries it would answer
        away(shop.start(order))
        # Each may take six seconds, and a moment lies between them.
        tried = asked(shop, CREATE) - before[0], asked(shop, LIST) - before[1]
        assert sum(tried) * 6 + 2 < MOST_SECONDS
        assert shop.intents(order) == []
        shop.started(order)
        assert len(shop.intents(order)) == 1
        shop.agrees(order)


class TestPostgresKilled:
    def test_in_the_middle_of_an_event_it_counts_once_when_it_comes_again(
        self, tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        with (
            Stack(tmp_path_factory.mktemp("fragile"), free_port(), seed=False) as fragile,
            FunctionsServer(fragile.env) as server,
            ThreadPoolExecutor(1) as threads,
        ):
            with psycopg.connect(fragile.database_url, autocommit=True) as database:
                till = Till(OverHttp(server.url), fragile.stripe, database, People(fragile.env))
                order = till.order()
                fragile.stripe.pay(till.started(order))
            event = fragile.stripe.all("event")[-1]
            holder = psycopg.connect(fragile.database_url)
            holder.execute("select from public.orders where id = %s for update", [order])
            telling = threads.submit(till.tell, event)
            wait_until(lambda: holder.execute("select from pg_locks where not granted").fetchone() is not None)
            fragile.postgres.kill()
            assert telling.result().status == 503
            holder.close()
            fragile.postgres.start()
            till.database = psycopg.connect(fragile.database_url, autocommit=True)
            with till.database:
                wait_until(lambda: till.tell(event).status == 200)
                assert till.tell(event).json["outcome"] == "already_recorded"
                outcomes = till.database.execute("select id, outcome from private.stripe_events").fetchall()
                assert outcomes == [(event["id"], "applied")]
                assert till.mails(order).count("payment-received") == 1
                assert till.state(order)[1:] == till.books(order)[:2] == (DEPOSIT, 0)
