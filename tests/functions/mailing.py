"""Calls to /api/email-service, and the provider's webhooks."""

from __future__ import annotations

import json
import time
from typing import Any
from uuid import uuid4

from local.resend import Mail, Sandbox, signed
from local.stack import Stack
from tests.api import InProcess, Response
from tests.people import Person

HELLO = {"subject": "Hello", "paragraphs": ["How are you?"]}
WEBHOOK = "/api/email-service/webhooks/resend"


def address() -> str:
    return f"{uuid4().hex}@example.com"


def send(api: InProcess, person: Person, query: str = "", **fields: Any) -> Response:
    body = {"template": "plain", "to": address(), "data": HELLO} | fields
    return api("POST", f"/api/email-service{query}", token=person.token, json=body)


def deliver(api: InProcess, stack: Stack) -> dict[str, Any]:
    """One call of the worker."""
    answer = api(
        "POST", "/api/email-service/deliver", headers={"Authorization": f"Bearer {stack.env['INTERNAL_TOKEN']}"}
    )
    assert answer.status == 200, answer.body
    found: dict[str, Any] = answer.json
    return found


def explain(api: InProcess, person: Person, message: str) -> dict[str, Any]:
    answer = api("GET", f"/api/email-service/messages/{message}/explain", token=person.token)
    assert answer.status == 200, answer.body
    found: dict[str, Any] = answer.json
    return found


def tell(api: InProcess, stack: Stack, sandbox: Sandbox) -> list[int]:
    """The provider's webhooks about all that happened, last one first, each twice; the answers' statuses."""
    statuses = []
    for mail in sandbox.mails:
        for event in reversed(mail.events):
            body = json.dumps(mail.payload(event)).encode()
            headers = signed(stack.env["RESEND_WEBHOOK_SECRET"], f"msg_{event.type}_{mail.id}", body, int(time.time()))
            statuses += [api("POST", WEBHOOK, body=body, headers=headers).status for _ in range(2)]
    return statuses


def only(sandbox: Sandbox) -> Mail:
    (mail,) = sandbox.mails
    return mail
