"""What each function is asked once it is booted, for a real answer: signed in, on a stack of its own.

A function that isn't named here is asked too: its first route must answer JSON, and no 5xx.
"""

import base64
import importlib
import json
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from functions.email_service import templates
from local.pictures import labels
from local.stripe.signing import signed
from local.trouble import Trouble
from local.vercel.booting import Answer, Booted
from shared.web import Function

IN_JSON = {"Content-Type": "application/json"}
SCRIPTS = "Hoodies, толстовки, φούτερ, 卫衣, 후드티, パーカー, ฮู้ด, हुडी, هودي, קפוצ'ון"
MAIL = {"template": "plain", "data": {"subject": "Hello", "paragraphs": ["Hi."]}}


class WrongAnswer(Trouble):
    """A booted function answers, but not what it should."""


@dataclass(frozen=True)
class Call:
    """A request and the status it must have, once and for every further time (`again`); None: any below 500.

    `first` is asked before it, the first time: a call that uses what else is in the bundle.
    """

    method: str
    path: str
    status: int | None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    again: int | None = None
    holds: Callable[[Any], bool] = lambda answer: True
    first: "Call | None" = None

    def __call__(self, function: Booted, *, again: bool = False) -> Answer:
        """Ask. Raises WrongAnswer, with what was answered and what the function said."""
        if self.first and not again:
            self.first(function)
        answer = function.request(self.method, self.path, self.headers, self.body)
        wanted = self.again if again and self.again else self.status
        try:
            right = answer.status == wanted if wanted else answer.status < 500
            right = right and (answer.status == 204 or self.holds(answer.json()))
        except (ValueError, LookupError, TypeError):
            right = False
        if not right:
            shown = answer.body[:1000].decode(errors="replace")
            raise WrongAnswer(
                f"{function.name} answers {self.method} {self.path} with {answer.status}: {shown}\n{function.output}"
            )
        return answer


@dataclass(frozen=True)
class Person:
    """Somebody who signed up."""

    email: str
    token: str

    @property
    def headers(self) -> dict[str, str]:
        """Signed in, and sending JSON."""
        return {**IN_JSON, "Authorization": f"Bearer {self.token}"}


def sign_up(auth: Booted) -> Person:
    """A new person, by the booted function's own sign-up."""
    email = f"somebody.{secrets.token_hex(4)}@example.com"
    body = as_json({"email": email, "password": secrets.token_urlsafe(16), "name": "Somebody"})
    answer = Call("POST", "/api/auth/sign-up", 201, IN_JSON, body)(auth)
    return Person(email, answer.json()["access_token"])


def call(name: str, person: Person, env: Mapping[str, str]) -> Call:
    """What to ask a function, as this person, on the stack with these settings."""
    picture = labels()[0].image
    internal = {"Authorization": f"Bearer {env['INTERNAL_TOKEN']}", "Content-Type": "application/octet-stream"}
    scheduler = {"Authorization": f"Bearer {env['CRON_SECRET']}"}
    known = {
        "health": Call("GET", "/api/health", 200, holds=lambda a: a["checks"]["database"]["status"] == "ok"),
        "docs": Call("GET", "/api/docs/openapi.json", 200, holds=lambda a: a["openapi"].startswith("3.1")),
        "auth": Call(
            "GET", "/api/auth/me", 200, person.headers, holds=lambda a: a["user"]["email"] == person.email.lower()
        ),
        "workspaces": Call(
            "POST", "/api/workspaces", 201, person.headers, as_json({"name": "Workshop", "currency": "EUR"})
        ),
        "bootstrap-admin": Call(
            "POST",
            "/api/bootstrap-admin",
            201,
            IN_JSON,
            as_json({"email": person.email, "token": env["BOOTSTRAP_ADMIN_TOKEN"]}),
            again=409,
        ),
        "detect": Call(
            "POST",
            "/api/detect",
            201,
            person.headers,
            as_json({"image": base64.b64encode(picture).decode(), "kind": "pantry"}),
            again=200,
            holds=lambda a: bool(a["items"]) and a["provider"] == "local",
        ),
        "jobs": Call("GET", "/api/jobs/purge-expired", 200, scheduler, holds=lambda a: a["outcome"] == "done"),
        "orders": Call("GET", "/api/orders", 200, person.headers, holds=lambda a: a["data"] == []),
        "email-service": Call(
            "POST",
            "/api/email-service",
            202,
            person.headers,
            # Not at once: then it would wait for whoever delivers.
            as_json({**MAIL, "to": person.email, "send_at": (datetime.now(UTC) + timedelta(days=1)).isoformat()}),
            holds=lambda a: a["state"] == "queued",
        ),
        "quote-generator": Call(
            "POST",
            "/api/quote-generator",
            201,
            person.headers,
            as_json({"product_type": "hoodie", "quantity": 500, "customer": {"email": person.email}}),
            holds=lambda a: a["total_minor"] > 0,
        ),
        "detect-local": Call(
            "POST", "/api/detect-local?kind=pantry", 200, internal, picture, holds=lambda a: bool(a["items"])
        ),
    }
    if name == "email-service":
        return replace(known[name], first=delivery(person, env))
    if name == "invoice":
        return invoice(person, env)
    if name == "payment-intent":
        return payment(env)
    if name == "stripe-webhook":
        return event(env)
    return known.get(name) or first_route(name, person)


def delivery(person: Person, env: Mapping[str, str]) -> Call:
    """To deliver a mail of each template, filled with its sample, in German: all that mails are made of is used."""
    samples = {name: templates.find(name).sample for name in templates.NAMES}
    with psycopg.connect(env["DATABASE_URL"]) as database:
        database.execute(
            """
            with home as (
              update public.workspaces set locale = 'de-CH' where id in (
                select workspace_id from public.members join auth.users as u on u.id = user_id where u.email = %s)
              returning id
            )
            select private.queue_email(id, template, 'robin@example.com', data)
            from home, jsonb_each(%s) as sample (template, data)
            """,
            [person.email, Jsonb(samples)],
        )
    internal = {"Authorization": f"Bearer {env['INTERNAL_TOKEN']}", "Content-Type": "application/octet-stream"}
    return Call(
        "POST",
        "/api/email-service/deliver",
        200,
        internal,
        b"{}",
        holds=lambda a: a["delivered"] == len(samples),
    )


def invoice(person: Person, env: Mapping[str, str]) -> Call:
    """To read an invoice whose document is rendered first: in several scripts, with an e-invoice inside and a code to
    pay by, so that all that documents are made of is used. Of a workspace that nothing else is asked of."""
    with psycopg.connect(env["DATABASE_URL"]) as database:
        made = database.execute(
            """
            with shop as (
              insert into public.workspaces (name, legal_name, legal_address, country, currency)
              values ('Shop', 'Atelier Nord GmbH', 'Lindenstraße 12', 'DE', 'EUR') returning id
            )
            insert into public.members (workspace_id, user_id, role_id)
            select shop.id, u.id, private.owner_role() from shop, auth.users as u where u.email = %s
            returning workspace_id, user_id
            """,
            [person.email],
        ).fetchone()
        shop, owner = made or (None, None)
        settings = {"vat_id": "DE136695976", "iban": "DE89370400440532013000", "payment_days": 14, "supplies": "goods"}
        database.execute("select public.change_invoice_settings(%s, %s, %s)", [owner, shop, Jsonb(settings)])
        issued = database.execute(
            """
            select public.create_invoice(%(owner)s, (private.create_order(
              %(shop)s, gen_random_uuid(), null, '{"email": "no address", "country": "DE"}', 'Hoodies', 'EUR',
              %(lines)s, 1000, 1000, 300, '{}', null, %(token)s)).id, 'full', '{}', false) #>> '{body,id}'
            """,
            {
                "owner": owner,
                "shop": shop,
                "lines": Jsonb([{"kind": "item", "description": SCRIPTS, "quantity": "1", "amount_minor": 1000}]),
                "token": secrets.token_hex(16),
            },
        ).fetchone()
    internal = {"Authorization": f"Bearer {env['INTERNAL_TOKEN']}", "Content-Type": "application/octet-stream"}
    return Call(
        "GET",
        f"/api/invoice/{issued and issued[0]}",
        200,
        person.headers,
        holds=lambda a: a["document"]["state"] == "ready",
        first=Call("POST", "/api/invoice/deliver", 200, internal, b"{}", holds=lambda a: a["delivered"] == 1),
    )


def payment(env: Mapping[str, str]) -> Call:
    """To start paying, as a guest with its token, for an order of a workspace that nothing else is asked of."""
    token = secrets.token_hex(16)
    with psycopg.connect(env["DATABASE_URL"]) as database:
        shop = database.execute("insert into public.workspaces (name) values ('Shop') returning id").fetchone()
        order = database.execute(
            """
            select (private.create_order(
              %(shop)s, gen_random_uuid(), null, '{"email": "no address"}', 'Hoodies', 'USD', %(lines)s,
              1000, 1000, 300, '{}', null, %(token)s)).id
            """,
            {
                "shop": shop and shop[0],
                "lines": Jsonb([{"kind": "item", "description": "Hoodies", "amount_minor": 1000}]),
                "token": token,
            },
        ).fetchone()
    body = as_json({"order_id": str(order and order[0]), "payment_type": "deposit", "token": token})
    return Call("POST", "/api/payment-intent", 200, IN_JSON, body, holds=lambda a: a["amount_minor"] == 300)


def event(env: Mapping[str, str]) -> Call:
    """To take an event that Stripe has signed, of a payment that isn't ours: it is asked for at Stripe all the same."""
    told = {
        "object": "event",
        "id": f"evt_{secrets.token_hex(12)}",
        "type": "payment_intent.succeeded",
        "created": int(datetime.now(UTC).timestamp()),
        "livemode": False,
        "data": {"object": {"object": "payment_intent", "id": "pi_nobodys"}},
    }
    body = as_json(told)
    headers = signed(env["STRIPE_WEBHOOK_SECRET"], "", body, int(datetime.now(UTC).timestamp()))
    return Call(
        "POST",
        "/api/stripe-webhook",
        200,
        headers,
        body,
        holds=lambda a: a["outcome"] in ("ignored", "already_recorded"),
    )


def first_route(name: str, person: Person) -> Call:
    """The first route of any function, with made-up values for what its path names."""
    app: Function = importlib.import_module(f"functions.{name.replace('-', '_')}.handler").app
    route = app.routes[0]
    path = re.sub("<[^>]+>", "00000000-0000-4000-8000-000000000000", route.path).rstrip("/")
    body = b"{}" if route.method in ("POST", "PATCH") else None
    return Call(route.method, f"/api/{name}{path}", None, person.headers, body)


def as_json(content: object) -> bytes:
    """As a body."""
    return json.dumps(content).encode()
