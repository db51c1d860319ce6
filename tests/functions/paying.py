"""Paying for orders, and what Stripe tells of it."""

from __future__ import annotations

import json
import time
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import psycopg
import urllib3

from local.stripe import Books, Sandbox
from local.stripe.signing import signed
from tests.api import Api, Response
from tests.ordering import create_order
from tests.people import People, Person

Json = dict[str, Any]
PAYMENTS = "/api/payment-intent"
WEBHOOK = "/api/stripe-webhook"


class Till:
    """A workspace that sells, its people, and Stripe."""

    def __init__(self, api: Api, stripe: Sandbox, database: psycopg.Connection, people: People) -> None:
        self.api, self.stripe, self.database, self.people = api, stripe, database, people
        self.owner = people.sign_up("Farah")
        self.buyer = people.member(self.owner.workspace_id, "buyer")
        self.told = 0

    def begin(self) -> None:
        """With nothing at Stripe, and nobody having started too many payments."""
        self.stripe.forget()
        self.told = 0
        self.database.execute("delete from private.rate_limits where name = 'payments'")
        # What is told of them all is asked by tests of one.
        self.database.execute("delete from private.disputes")
        self.database.execute("delete from private.payment_findings")

    def order(self, **changes: Any) -> UUID:
        return create_order(self.database, self.owner.workspace_id, **{"_buyer": self.buyer.user_id, **changes})

    def start(self, order: UUID, instalment: str = "deposit", by: Person | None = None) -> Response:
        body = {"order_id": str(order), "payment_type": instalment}
        return self.api("POST", PAYMENTS, token=(by or self.buyer).token, json=body)

    def started(self, order: UUID, instalment: str = "deposit") -> str:
        answer = self.start(order, instalment)
        assert answer.status == 200, answer.body
        return str(answer.json["payment_intent_id"])

    def paid(self, order: UUID, instalment: str = "deposit") -> str:
        """Paid, and heard of."""
        intent = self.started(order, instalment)
        self.stripe.pay(intent)
        self.hear()
        return intent

    def refund(self, intent: str, by: Person | None = None, key: str | None = None, **body: Any) -> Response:
        headers = {"Idempotency-Key": key} if key else {}
        path = f"{PAYMENTS}/{intent}/refunds"
        return self.api("POST", path, token=(by or self.owner).token, json=body, headers=headers)

    def unknown(self, order: UUID, status: str = "requires_payment_method") -> str:
        """Started with another key than today's: Stripe doesn't know it."""
        intent = self.started(order)
        self.by_hand(f"payment_intents/{intent}", **{"metadata[environment]": "elsewhere"})  # the one it does know
        row = self.database.execute(
            """
            update private.payments set stripe_id = stripe_id || 'gone', status = %s where stripe_id = %s
            returning stripe_id
            """,
            [status, intent],
        ).fetchone()
        assert row is not None
        return str(row[0])

    def by_hand(self, path: str, **fields: Any) -> Json:
        """Ask Stripe as somebody does who has its key: `by_hand("refunds", payment_intent=…)`."""
        headers = {"Authorization": f"Bearer {self.stripe.env['STRIPE_SECRET_KEY']}"}
        answer = urllib3.request("POST", f"{self.stripe.url}/v1/{path}", headers=headers, body=urlencode(fields))
        assert answer.status == 200, answer.data
        done: Json = answer.json()
        return done

    def hear(self) -> list[str]:
        """All that Stripe has to tell since the last time, in its order; the outcomes."""
        events = self.stripe.all("event")[self.told :]
        self.told += len(events)
        return [self.tell(event).json["outcome"] for event in events]

    def tell(self, event: Json, **changed: Any) -> Response:
        body = json.dumps(event).encode()
        secret = changed.get("secret", self.stripe.env["STRIPE_WEBHOOK_SECRET"])
        headers = signed(secret, "", body, int(time.time()) + changed.get("late", 0)) | changed.get("headers", {})
        return self.api("POST", WEBHOOK, body=changed.get("body", body), headers=headers)

    def payments(self, order: UUID) -> list[Json]:
        answer = self.api("GET", f"{PAYMENTS}?order_id={order}", token=self.owner.token)
        assert answer.status == 200, answer.body
        found: list[Json] = answer.json["data"]
        return found

    def state(self, order: UUID) -> tuple[str, int, int]:
        row = self.database.execute(
            "select payment_state, received_minor, refunded_minor from public.orders where id = %s", [order]
        ).fetchone()
        assert row is not None
        return row[0], row[1], row[2]

    def books(self, order: UUID) -> Books:
        """Stripe's own."""
        return self.stripe.books(order=str(order)).get("usd", Books(0, 0, 0))

    def mails(self, order: UUID) -> list[str]:
        rows = self.database.execute(
            """
            select template from private.email_messages
            where data ->> 'number' = (select number from public.orders where id = %s) and workspace_id = %s
            order by created_at
            """,
            [order, self.owner.workspace_id],
        )
        return [row[0] for row in rows]

    def findings(self, intent: str) -> list[str]:
        rows = self.database.execute("select kind from private.payment_findings where stripe_id = %s", [intent])
        return [row[0] for row in rows]
