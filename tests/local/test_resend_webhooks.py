"""The Resend sandbox's webhooks, verified by the vendor's own SDK."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import resend

from local.resend import Bounces, Complains, Delays, Delivers, Opens, Sandbox
from tests.local.sandboxes import Endpoint, until
from tests.local.test_resend import mail, send, send_batch, use


@pytest.fixture
def held(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """One whose webhooks wait for `flush_webhooks`."""
    with Sandbox(webhook_url=endpoint.url, hold_webhooks=True) as sandbox:
        use(sandbox, monkeypatch)
        yield sandbox


def ids(endpoint: Endpoint) -> list[str]:
    return [headers["svix-id"] for headers, _ in endpoint.taken]


def verified(sandbox: Sandbox, headers: dict[str, str], body: str, secret: str | None = None) -> Any:
    told = {"id": headers["svix-id"], "timestamp": headers["svix-timestamp"], "signature": headers["svix-signature"]}
    return resend.Webhooks.verify(
        {
            "payload": body,
            "headers": told,  # type: ignore[typeddict-item]
            "webhook_secret": secret or sandbox.env["RESEND_WEBHOOK_SECRET"],
        }
    )


class TestSignatures:
    def test_are_the_vendors(self, held: Sandbox, endpoint: Endpoint) -> None:
        send(tags=[{"name": "kind", "value": "receipt"}])
        held.flush_webhooks()
        headers, body = endpoint.taken[0]
        event = verified(held, headers, body)
        (kept,) = held.mails
        assert event["type"] == "email.sent"
        assert event["data"]["email_id"] == kept.id
        assert event["data"]["to"] == ["ada@juniper.example"]
        assert event["data"]["tags"] == {"kind": "receipt"}
        assert headers["content-type"] == "application/json"

    def test_hold_for_no_other_body_and_no_other_secret(self, held: Sandbox, endpoint: Endpoint) -> None:
        send()
        held.flush_webhooks()
        headers, body = endpoint.taken[0]
        with pytest.raises(ValueError, match="signature"):
            verified(held, headers, body.replace("sent", "open"))
        with pytest.raises(ValueError, match="signature"):
            verified(held, headers, body, "whsec_" + "A" * 32)


class TestEvents:
    @pytest.mark.parametrize(
        ("outcome", "types", "details"),
        [
            (
                Bounces(),
                ["sent", "bounced"],
                {
                    "bounce": {
                        "type": "Permanent",
                        "subType": "General",
                        "message": "The recipient's email provider sent a hard bounce message.",
                    }
                },
            ),
            (Complains(), ["sent", "delivered", "complained"], {}),
            (Opens(), ["sent", "delivered", "opened"], {}),
            (Delays(then=None), ["sent", "delivery_delayed"], {}),
        ],
    )
    def test_have_the_vendors_shapes(
        self, held: Sandbox, endpoint: Endpoint, outcome: Any, types: list[str], details: Any
    ) -> None:
        held.script(outcome)
        send()
        held.flush_webhooks()
        assert endpoint.types == types
        last = json.loads(endpoint.taken[-1][1])
        usual = {"created_at", "email_id", "message_id", "from", "to", "subject"}
        assert set(last) == {"type", "created_at", "data"}
        assert {name: value for name, value in last["data"].items() if name not in usual} == details

    def test_a_scheduled_mail_says_so_first(self, held: Sandbox, endpoint: Endpoint) -> None:
        send(scheduled_at="in 1 hour")
        held.flush_webhooks()
        assert endpoint.types == ["scheduled"]


class TestDelivery:
    def test_is_tried_again_with_the_same_id_and_a_new_signature(self, held: Sandbox, endpoint: Endpoint) -> None:
        endpoint.statuses = [500, 302, 200]
        send()
        attempts = held.flush_webhooks()
        assert [attempt.status for attempt in attempts] == [500, 302, 200, 200]
        assert endpoint.types == ["sent", "delivered"] * 2
        assert ids(endpoint)[:2] == ids(endpoint)[2:]
        for headers, body in endpoint.taken:
            verified(held, headers, body)

    def test_ends_after_the_last_try(self, held: Sandbox, endpoint: Endpoint) -> None:
        endpoint.statuses = [500] * 100
        send()
        assert Counter(attempt.id for attempt in held.flush_webhooks()).most_common()[0][1] == 8
        assert held.pending_webhooks == 0

    def test_nobody_there_counts_as_a_failure(self, held: Sandbox, endpoint: Endpoint) -> None:
        held.webhook_url = "http://127.0.0.1:9/"
        send()
        assert {attempt.status for attempt in held.flush_webhooks()} == {0}

    def test_can_be_double_and_backwards(self, held: Sandbox, endpoint: Endpoint) -> None:
        send()
        held.flush_webhooks(times=2, backwards=True)
        assert endpoint.types == ["delivered", "delivered", "sent", "sent"]
        assert len(set(ids(endpoint))) == 2

    def test_can_be_scripted_so(self, held: Sandbox, endpoint: Endpoint) -> None:
        held.script(Delivers(twice=True), Opens(backwards=True))
        send()
        held.flush_webhooks()
        assert endpoint.types == ["sent", "sent", "delivered", "delivered"]
        send(to="backwards@resend.test")
        held.flush_webhooks()
        assert endpoint.types[4:] == ["opened", "delivered", "sent"]

    def test_waits_for_nobody_and_keeps_nobody_waiting(
        self, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        endpoint.slow = 0.3
        with Sandbox(webhook_url=endpoint.url) as sandbox:
            use(sandbox, monkeypatch)
            began = time.monotonic()
            send()
            assert time.monotonic() - began < 0.3
            until(lambda: endpoint.types == ["sent", "delivered"])

    def test_backs_off(self, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
        endpoint.statuses = [500]
        with Sandbox(webhook_url=endpoint.url, backoff=[0.2]) as sandbox:
            use(sandbox, monkeypatch)
            send()
            until(lambda: [attempt.status for attempt in sandbox.webhooks] == [500, 200, 200])
            assert endpoint.types == ["sent", "delivered", "sent"]

    def test_has_a_pace(self, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
        with Sandbox(webhook_url=endpoint.url, pace=0.3) as sandbox:
            use(sandbox, monkeypatch)
            id_ = send()
            assert resend.Emails.get(id_)["last_event"] == "sent"
            until(lambda: endpoint.types == ["sent", "delivered"])

    def test_can_be_switched_off(self, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
        with Sandbox() as sandbox:
            use(sandbox, monkeypatch)
            send()
            assert (sandbox.flush_webhooks(), sandbox.pending_webhooks) == ([], 0)
            sandbox.webhook_url = endpoint.url
            send_batch([mail(), mail()])
            until(lambda: len(endpoint.taken) == 4)
