"""The Stripe sandbox's webhooks, verified by the vendor's own SDK."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from itertools import permutations
from pathlib import Path

import pytest
import stripe

from local.stripe import Sandbox, signature
from tests.local.sandboxes import Endpoint, until
from tests.local.test_stripe import Shop


@pytest.fixture
def held(endpoint: Endpoint) -> Iterator[Sandbox]:
    """One whose webhooks wait for `flush_webhooks`."""
    with Sandbox(webhook_url=endpoint.url, hold_webhooks=True) as sandbox:
        yield sandbox


@pytest.fixture
def shop(held: Sandbox) -> Shop:
    return Shop(held)


def verified(sandbox: Sandbox, headers: dict[str, str], body: str, secret: str | None = None) -> stripe.Event:
    client = stripe.StripeClient(sandbox.env["STRIPE_SECRET_KEY"])
    return client.construct_event(body, headers["stripe-signature"], secret or sandbox.env["STRIPE_WEBHOOK_SECRET"])


class TestSignatures:
    def test_are_the_vendors(self, held: Sandbox, endpoint: Endpoint, shop: Shop) -> None:
        made = shop.create(metadata={"order": "7é"})
        held.flush_webhooks()
        ((headers, body),) = endpoint.taken
        event = verified(held, headers, body)
        assert (event.type, event.data.object["id"]) == ("payment_intent.created", made.id)
        assert event.data.object["metadata"]["order"] == "7é"
        assert event.id == shop.client.v1.events.list().data[0].id
        vendors = stripe.WebhookSignature.generate_signature_header(body, held.env["STRIPE_WEBHOOK_SECRET"], 1_700_000)
        assert vendors == f"t=1700000,v1={signature(held.env['STRIPE_WEBHOOK_SECRET'], body.encode(), 1_700_000)}"

    def test_hold_for_no_other_body_and_no_other_secret(self, held: Sandbox, endpoint: Endpoint, shop: Shop) -> None:
        shop.create()
        held.flush_webhooks()
        ((headers, body),) = endpoint.taken
        for other, secret in ((body.replace("1250", "1251"), None), (body, "whsec_other")):
            with pytest.raises(stripe.SignatureVerificationError):
                verified(held, headers, other, secret)


class TestDelivery:
    def test_is_tried_again_with_the_same_event(self, held: Sandbox, endpoint: Endpoint, shop: Shop) -> None:
        endpoint.statuses = [500, 302, 200]
        shop.create()
        event = shop.client.v1.events.list().data[0]
        assert event.pending_webhooks == 1
        attempts = held.flush_webhooks()
        assert [(attempt.id, attempt.status) for attempt in attempts] == [(event.id, each) for each in (500, 302, 200)]
        assert shop.client.v1.events.retrieve(event.id).pending_webhooks == 0
        for headers, body in endpoint.taken:
            verified(held, headers, body)

    def test_ends_after_the_last_try(self, held: Sandbox, endpoint: Endpoint, shop: Shop) -> None:
        endpoint.statuses = [500] * 100
        shop.create()
        assert Counter(attempt.id for attempt in held.flush_webhooks()).most_common()[0][1] == 4
        assert held.pending_webhooks == 0

    def test_can_be_double_and_backwards(self, held: Sandbox, endpoint: Endpoint, shop: Shop) -> None:
        paid = shop.paid()
        shop.refund(payment_intent=paid.id)
        held.flush_webhooks(times=2, backwards=True)
        order = ["charge.refunded", "refund.created", "payment_intent.succeeded", "charge.succeeded"]
        assert endpoint.types == [each for each in [*order, "payment_intent.created"] for _ in range(2)]

    def test_can_be_in_any_order(self, held: Sandbox, endpoint: Endpoint, shop: Shop) -> None:
        made = shop.create(currency="usd", confirm=True, payment_method="pm_usBankAccount")
        held.settle(made.id, ok=False)
        shop.confirm(made.id)
        shop.refund(payment_intent=made.id)
        held.flush_webhooks()
        kinds = {"payment_intent.processing", "payment_intent.payment_failed", "payment_intent.succeeded"}
        events = [each for each in held.all("event") if each["type"] in {*kinds, "charge.refunded"}]
        assert len(events) == 4
        orders = list(permutations(events))
        endpoint.taken.clear()
        for order in orders:
            held.deliver(*(each["id"] for each in order))
        assert endpoint.types == [each["type"] for order in orders for each in order]

    def test_is_of_the_types_that_are_wanted(self, endpoint: Endpoint) -> None:
        wanted = {"payment_intent.succeeded", "charge.refunded"}
        with Sandbox(webhook_url=endpoint.url, webhook_events=wanted, hold_webhooks=True) as sandbox:
            shop = Shop(sandbox)
            shop.refund(payment_intent=shop.paid().id)
            sandbox.flush_webhooks()
            assert endpoint.types == ["payment_intent.succeeded", "charge.refunded"]

    def test_waits_for_nobody_comes_later_and_backs_off(self, endpoint: Endpoint) -> None:
        endpoint.statuses = [500]
        with Sandbox(webhook_url=endpoint.url, webhook_delay=0.3, backoff=[0.2]) as sandbox:
            Shop(sandbox).create()
            began = time.monotonic()
            assert endpoint.taken == []
            until(lambda: [attempt.status for attempt in sandbox.webhooks] == [500, 200])
            assert time.monotonic() - began > 0.4

    def test_of_what_nobody_took_goes_on_after_a_restart(self, endpoint: Endpoint, tmp_path: Path) -> None:
        endpoint.statuses = [500, 200]
        with Sandbox(tmp_path, webhook_url=endpoint.url, backoff=[60]) as first:
            shop = Shop(first)
            shop.create()
            until(lambda: len(first.webhooks) == 1)
            shop.create()
            until(lambda: len(first.webhooks) == 2)
            failed = first.webhooks[0].id
        with Sandbox(tmp_path, webhook_url=endpoint.url) as second:
            until(lambda: len(second.webhooks) == 1)
            assert [(attempt.id, attempt.status) for attempt in second.webhooks] == [(failed, 200)]
