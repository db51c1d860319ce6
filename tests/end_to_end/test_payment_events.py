"""A thousand webhooks of many orders to two processes, from both ends at once and many twice: each counts once."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
import urllib3

from local.stack import STRIPE_WEBHOOK, Stack
from local.stripe import Sandbox
from tests.api import fresh_ip
from tests.end_to_end.selling import Market, Shop
from tests.functions.paying import PAYMENTS
from tests.ordering import DEPOSIT

ORDERS = 115  # nine events each: made, declined (two), paid (two), twice given back from (two and two)
REFUNDS = (100, 20)
LEAST_EVENTS = 1000
LANES = 4


@pytest.fixture(scope="module")
def market(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Market]:
    with ExitStack() as closing:
        market = Market(stack, tmp_path_factory.mktemp("stripe"), closing)
        market.deployment.proxy.delay_seconds = 0
        yield market


def test_a_thousand_events_count_once(market: Market, capsys: pytest.CaptureFixture[str]) -> None:
    shop, stripe, log = market.open(), market.stripe, market.stack.state / "functions.log"
    stripe.webhook_url = market.deployment.servers[0].url + STRIPE_WEBHOOK
    orders = sold(shop)
    events = stripe.all("event")
    assert len(events) >= LEAST_EVENTS

    begun, twice = log.stat().st_size, events[-len(events) // 4 :]
    seconds = drained(market, events, twice)
    for order in orders:
        assert shop.state(order)[1:] == (DEPOSIT, sum(REFUNDS))
        assert shop.mails(order) == ["order-confirmation", "payment-received"]
    received, returned, _ = stripe.books()["usd"]
    sums = "select sum(received_minor), sum(refunded_minor) from public.orders where workspace_id = %s"
    assert shop.rows(sums, shop.owner.workspace_id) == [(received, returned)]
    assert (received, returned) == (DEPOSIT * ORDERS, sum(REFUNDS) * ORDERS)
    ids = [event["id"] for event in events]
    assert shop.rows("select count(*) from private.stripe_events where id = any(%s)", ids) == [(len(ids),)]

    lines = [line for line in since(begun, log) if line.get("function") == "stripe-webhook"]
    assert len(lines) == len(events) + len(twice)
    assert {line["status"] for line in lines} == {200}
    # (database, Stripe): what was known already costs one look, all else two and the one reading of Stripe.
    prices = [
        (line["database_round_trips"], sum(name == "stripe" for name, *_ in line["calls"]), len(line["calls"]))
        for line in lines
    ]
    assert set(prices) == {(1, 0, 1), (2, 1, 3)}
    assert len(events) <= prices.count((2, 1, 3)) < 1.1 * len(events)
    with capsys.disabled():
        rate = (
            f"{len(events)} events and {len(twice)} duplicates in {seconds:.1f} s: {len(lines) / seconds:.0f} a second"
        )
        sys.stdout.write(f"\n{rate}\n")


def sold(shop: Shop) -> list[UUID]:
    """Guests' orders, their deposits paid at the second try, a little given back by hand; nobody has heard of it."""
    tokens = [uuid4().hex for _ in range(ORDERS)]
    orders = [shop.order(_buyer=None, _tracking_token=token) for token in tokens]
    with ThreadPoolExecutor(LANES) as threads:
        intents = list(threads.map(lambda order, token: started(shop, order, token), orders, tokens))
    for intent in intents:
        shop.stripe.pay(intent, by="pm_card_chargeDeclined")
        shop.stripe.pay(intent)
        for amount_minor in REFUNDS:
            give_back_by_hand(shop.stripe, intent, amount_minor)
    return orders


def started(shop: Shop, order: UUID, token: str) -> str:
    body = {"order_id": str(order), "payment_type": "deposit", "token": token}
    answer = shop.api("POST", PAYMENTS, json=body, headers={"X-Real-IP": fresh_ip()})
    assert answer.status == 200, answer.body
    return str(answer.json["payment_intent_id"])


def give_back_by_hand(stripe: Sandbox, intent: str, amount_minor: int) -> None:
    headers = {
        "Authorization": f"Bearer {stripe.env['STRIPE_SECRET_KEY']}",
        "Content-Type": "application/x-www-form-urlencoded",
    }
    body = f"payment_intent={intent}&amount={amount_minor}".encode()
    reply = urllib3.request("POST", f"{stripe.url}/v1/refunds", body=body, headers=headers)
    assert reply.status == 200, reply.data


def drained(market: Market, events: list[dict[str, Any]], twice: list[dict[str, Any]]) -> float:
    """Stripe delivers all that waits to one process; the other one is told some of it too, the last first. Seconds."""
    teller = market.open()
    teller.api = market.deployment.clients[1]
    began = time.perf_counter()
    with ThreadPoolExecutor(LANES + 1) as threads:
        delivering = threads.submit(market.stripe.flush_webhooks)
        again = [threads.submit(teller.tell, event) for event in reversed(twice)]
        assert [sent.status for sent in delivering.result()] == [200] * len(events)
        assert {answer.result().status for answer in again} == {200}
    assert market.stripe.pending_webhooks == 0
    return time.perf_counter() - began


def since(begun: int, log: Path) -> list[dict[str, Any]]:
    """The lines of a log that were written since it was so long."""
    with log.open("rb") as file:
        file.seek(begun)
        return [json.loads(line) for line in file if line.startswith(b"{")]
