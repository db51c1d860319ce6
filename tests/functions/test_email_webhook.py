"""The provider's webhook: what is signed is heard, once."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

import pytest
import resend

from local.resend import signed
from local.stack import Stack
from tests.api import InProcess, Response
from tests.functions.mailing import WEBHOOK


class TestWebhook:
    """Signed by whoever knows the secret, about now; read to the byte."""

    BODY = json.dumps(
        {"type": "email.delivered", "created_at": "2026-01-01T00:00:00Z", "data": {"email_id": "e"}}
    ).encode()

    def post(self, api: InProcess, stack: Stack, **changed: Any) -> Response:
        secret = changed.get("secret", stack.env["RESEND_WEBHOOK_SECRET"])
        headers = signed(secret, "msg_1", self.BODY, int(time.time()) + changed.get("late", 0))
        headers |= changed.get("headers", {})
        return api("POST", WEBHOOK, body=changed.get("body", self.BODY), headers=headers)

    def test_the_vendors_library_agrees(self, api: InProcess, stack: Stack) -> None:
        headers = signed(stack.env["RESEND_WEBHOOK_SECRET"], "msg_1", self.BODY, int(time.time()))
        resend.Webhooks.verify(
            {
                "payload": self.BODY.decode(),
                "headers": {
                    "id": headers["svix-id"],
                    "timestamp": headers["svix-timestamp"],
                    "signature": headers["svix-signature"],
                },
                "webhook_secret": stack.env["RESEND_WEBHOOK_SECRET"],
            }
        )
        assert self.post(api, stack).json == {"outcome": "unknown"}

    @pytest.mark.parametrize("late", [-290, 290])
    def test_near_enough_to_now(self, api: InProcess, stack: Stack, late: int) -> None:
        assert self.post(api, stack, late=late).status == 200

    @pytest.mark.parametrize(
        "changed",
        [
            {"late": -301},
            {"late": 310},
            {"late": 31_536_000},
            {"body": BODY.replace(b"delivered", b"delivereD")},
            {"body": BODY + b" "},
            {"secret": "whsec_" + base64.b64encode(b"another secret, as long").decode()},
            {"headers": {"svix-id": "msg_2"}},
            {"headers": {"svix-id": ""}},
            {"headers": {"svix-timestamp": ""}},
            {"headers": {"svix-timestamp": "٣"}},
            {"headers": {"svix-timestamp": "-1"}},
            {"headers": {"svix-signature": ""}},
            {"headers": {"svix-signature": "v1,"}},
            {"headers": {"svix-signature": "v1,é"}},
            {"headers": {"svix-signature": "v2,AAAA"}},
        ],
        ids=lambda changed: str(changed)[:60],
    )
    def test_refuses_all_else(self, api: InProcess, stack: Stack, changed: dict[str, Any]) -> None:
        answer = self.post(api, stack, **changed)
        assert (answer.status, answer.code) == (401, "signature_invalid")

    def test_takes_one_of_several_signatures(self, api: InProcess, stack: Stack) -> None:
        right = signed(stack.env["RESEND_WEBHOOK_SECRET"], "msg_1", self.BODY, int(time.time()))["svix-signature"]
        assert self.post(api, stack, headers={"svix-signature": f"v1,AAAA v2,x {right}"}).status == 200

    def test_takes_the_secret_before_too(self, api: InProcess, stack: Stack, environment: pytest.MonkeyPatch) -> None:
        environment.setenv("RESEND_WEBHOOK_SECRET_PREVIOUS", stack.env["RESEND_WEBHOOK_SECRET"])
        environment.setenv("RESEND_WEBHOOK_SECRET", "whsec_" + base64.b64encode(b"n" * 24).decode())
        assert self.post(api, stack).status == 200

    @pytest.mark.parametrize("secret", ["", "whsec_", "whsec_!!", "whsec_" + base64.b64encode(b"short").decode()])
    def test_is_closed_without_a_secret(
        self, api: InProcess, stack: Stack, environment: pytest.MonkeyPatch, secret: str
    ) -> None:
        environment.setenv("RESEND_WEBHOOK_SECRET", secret)
        assert self.post(api, stack).code == "not_configured"

    @pytest.mark.parametrize(
        "body", [b"", b"[]", b"{}", b'{"type": "email.sent"}', b"\xff", b'{"type": ["a"]}', b"[" * 9999], ids=range(7)
    )
    def test_says_what_it_cannot_read(self, api: InProcess, stack: Stack, body: bytes) -> None:
        headers = signed(stack.env["RESEND_WEBHOOK_SECRET"], "msg_1", body, int(time.time()))
        answer = api("POST", WEBHOOK, body=body, headers=headers)
        assert answer.code == "unreadable" or answer.json == {"outcome": "ignored"}

    @pytest.mark.parametrize(
        ("created_at", "email_id"),
        [("infinity", "a"), ("now", "a"), ("", "a"), (5, "a")]
        + [("2026-01-01T00:00:00Z", id_) for id_ in ("", "a\0b", "a" * 101, None, {"a": 1}, "\ud800")],
    )
    def test_says_so_of_an_event_that_cannot_be(
        self, api: InProcess, stack: Stack, created_at: object, email_id: object
    ) -> None:
        event = {"type": "email.sent", "created_at": created_at, "data": {"email_id": email_id}}
        body = json.dumps(event).encode()
        headers = signed(stack.env["RESEND_WEBHOOK_SECRET"], "msg_1", body, int(time.time()))
        assert api("POST", WEBHOOK, body=body, headers=headers).code == "unreadable"

    def test_acknowledges_what_it_keeps_nothing_of(self, api: InProcess, stack: Stack) -> None:
        body = b'{"type": "domain.created", "created_at": "2026-01-01T00:00:00Z", "data": {}}'
        headers = signed(stack.env["RESEND_WEBHOOK_SECRET"], "msg_1", body, int(time.time()))
        assert api("POST", WEBHOOK, body=body, headers=headers).json == {"outcome": "ignored"}
