"""What there is when `make fuzz` begins, and what exists put where a case names something."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any
from uuid import uuid4

import psycopg
from PIL import Image, ImageDraw
from psycopg.types.json import Jsonb
from schemathesis import Case
from schemathesis.core.parameters import ParameterLocation
from schemathesis.generation import GenerationMode
from schemathesis.generation.meta import TestPhase

from functions.email_service import templates
from functions.jobs.registry import JOBS
from functions.quote_generator import typesetting
from tests.clients.strangers import Gathered
from tests.invoicing import invoice, let_invoice
from tests.ordering import create_order
from tests.people import People, Person

SCHEDULED = "/api/jobs/{name}"
WEBHOOK = "/api/email-service/webhooks/resend"
STRIPE = "/api/stripe-webhook"
RECONCILE = "/api/payment-intent/reconcile"
TYPESET = "/api/invoice/quotes"
NAMES = {
    (SCHEDULED, "name"): tuple(JOBS),
    ("/api/email-service/templates/{name}/preview", "name"): templates.NAMES,
}
PERMISSIONS = ["detect.use", "inventory.read", "members.read"]
CURRENCIES = ("EUR", "USD", "JPY")
OF_EACH = 5


def prepare(people: People, gathered: Gathered) -> None:
    """Members to be changed and removed, mails that failed, that wait or may be unsubscribed from, suppressions, and a
    seller with orders, invoices and drafts."""
    for _ in range(10):
        people.member(gathered.owner.workspace_id, "staff")
    follow_up = Jsonb(templates.find("quote-followup").sample)
    with psycopg.connect(people.database_url) as database:
        rows = database.execute(
            """
            with failed as (
              insert into private.email_messages (workspace_id, template, recipient, data, state)
              select %(workspace)s, 'quote-followup', 'a@example.com', %(data)s, 'failed'
              from generate_series(1, %(of_each)s) returning id
            ), waiting as (
              select private.queue_email(%(workspace)s, 'quote-followup', 'b@example.com', %(data)s,
                _send_at => now() + interval '1 day') ->> 'id' as id
              from generate_series(1, %(of_each)s)
            ), suppressed as (
              insert into private.email_suppressions (workspace_id, address, reason)
              select %(workspace)s, 'c' || n || '@example.com', 'bounced'
              from generate_series(1, %(of_each)s) as n returning id
            )
            select 'message_id', id::text from failed
            union all select 'message_id', id from waiting
            union all select 'suppression_id', id::text from suppressed
            """,
            {"workspace": gathered.owner.workspace_id, "data": follow_up, "of_each": OF_EACH},
        ).fetchall()
        rows += database.execute("select 'token', unsubscribe_token::text from private.email_messages").fetchall()
        owner, workspace_id = gathered.owner.user_id, gathered.owner.workspace_id
        let_invoice(database, workspace_id, owner)
        orders = [create_order(database, workspace_id) for _ in range(OF_EACH)]
        invoices = [
            invoice(database, owner, create_order(database, workspace_id, _currency="EUR"), draft=draft)
            for draft in (True, False)
            for _ in range(OF_EACH)
        ]
    rows += [("order_id", str(each)) for each in orders] + [("invoice_id", str(each)) for each in invoices]
    for parameter, value in rows:
        gathered.add(parameter, value)


def admin(people: People) -> Person:
    """A platform admin."""
    person = people.sign_up("Admin")
    with psycopg.connect(people.database_url) as database:
        database.execute("insert into public.platform_admins (user_id) values (%s)", [person.user_id])
    return person


def put_real(case: Case[Any], people: People, gathered: Gathered) -> None:
    """Put what exists where something valid must name it; which cases is told by what was drawn."""
    if case.meta is None:
        return
    # A sequence of calls names what its own calls made.
    if case.meta.phase.name is not TestPhase.STATEFUL:
        if not case.meta.is_negative_at(ParameterLocation.PATH):
            real_names(case, case.path_parameters, gathered)
        if not case.meta.is_negative_at(ParameterLocation.QUERY):
            real_names(case, case.query, gathered)
    if case.meta.generation.mode is not GenerationMode.POSITIVE:
        return
    if case.operation.path == WEBHOOK and isinstance(case.body, bytes):
        case.body = event(gathered, len(case.body))
    elif case.operation.path == STRIPE and isinstance(case.body, bytes):
        case.body = stripe_event(gathered, len(case.body))
    elif case.operation.path == RECONCILE:
        case.body = json.dumps({"next": None, "begun_at": datetime.now(UTC).isoformat()}).encode()
    elif case.operation.path == TYPESET:
        case.body = quote_to_typeset(people, gathered)
    elif isinstance(case.body, dict):
        real_body(case.body, people)
        orders = list(gathered.ids["order_id"])
        if case.operation.path == "/api/payment-intent":
            case.body.update(order_id=orders[len(repr(case.body)) % len(orders)])
            case.body.pop("token", None)
        if case.operation.path == "/api/invoice":
            case.body.update(order_id=order_to_invoice(people, gathered, len(repr(case.body))))
        if case.operation.path == "/api/email-service":
            real_mail(case.body)


def real_names(case: Case[Any], parameters: dict[str, Any] | None, gathered: Gathered) -> None:
    """Half of the parameters name what exists."""
    for name, drawn in list((parameters or {}).items()):
        known = NAMES.get((case.operation.path, name)) or tuple(gathered.ids.get(name, ()))
        number = sum(repr((drawn, case.body)).encode(errors="replace"))  # the body too: ids may be alike for hundreds
        if known and parameters and number % 2 == 0:
            parameters[name] = known[number // 2 % len(known)]


def real_body(body: dict[str, Any], people: People) -> None:
    """Half of the images are some, half of the roles and tokens are known."""
    images = body.get("images")
    for photo in images if isinstance(images, list) else [body]:
        if isinstance(photo, dict) and isinstance(drawn := photo.get("image"), str) and len(drawn) % 2 == 0:
            photo["image"] = base64.b64encode(IMAGES[len(drawn) % len(IMAGES)]).decode()
    if isinstance(drawn := body.get("permissions"), list):
        body["permissions"] = PERMISSIONS[: len(drawn)]
    if isinstance(drawn := body.get("role"), str) and len(drawn) % 2 == 0:
        body["role"] = "readonly"
    if isinstance(drawn := body.get("refresh_token"), str) and len(drawn) % 2 == 0:
        body["refresh_token"] = people.sign_up("Refreshed").refresh_token


def real_mail(body: dict[str, Any]) -> None:
    """Half of the mails go to an address, at a time to come; half of those say what their template's sample says."""
    number = sum(json.dumps(body).encode())
    if number % 2 == 0:
        body["to"] = f"robin.{number}@example.com"
        body.pop("attachments", None)
        if body.get("send_at"):
            body["send_at"] = (datetime.now(UTC) + timedelta(days=1)).isoformat()
        if number % 4 == 0 and body.get("template") in templates.NAMES:
            body["data"] = templates.find(body["template"]).sample


def order_to_invoice(people: People, gathered: Gathered, number: int) -> str:
    """Half of them weren't invoiced before."""
    orders = list(gathered.ids["order_id"])
    if number % 2:
        return orders[number % len(orders)]
    currency = CURRENCIES[number // 2 % len(CURRENCIES)]
    with psycopg.connect(people.database_url) as database:
        return str(create_order(database, gathered.owner.workspace_id, _currency=currency))


def quote_to_typeset(people: People, gathered: Gathered) -> bytes:
    """A quote of the owner's as the function that typesets it is given it."""
    with psycopg.connect(people.database_url) as database:
        quote = next(iter(gathered.ids["quote_id"]))
        row = database.execute(
            "select public.quote_document(%s, %s, null) -> 'body'", [gathered.owner.user_id, quote]
        ).fetchone()
    assert row is not None
    return json.dumps(typesetting.document(row[0])).encode()


def event(gathered: Gathered, number: int) -> bytes:
    """A webhook's body; it tells of a mail that there is, or of none."""
    messages = [*gathered.ids["message_id"], str(uuid4())]
    kinds = ("delivered", "bounced", "complained", "opened", "clicked", "delivery_delayed", "never_heard_of")
    told = {
        "type": f"email.{kinds[number % len(kinds)]}",
        "created_at": datetime.now(UTC).isoformat(),
        "data": {
            "email_id": str(uuid4()),
            "tags": {"message": messages[number % len(messages)]},
            "bounce": {"type": "Permanent", "subType": "General"},
        },
    }
    return json.dumps(told).encode()


def stripe_event(gathered: Gathered, number: int) -> bytes:
    """An event; it tells of a payment that there is, or of none."""
    intents = [*gathered.ids["payment_intent_id"], "pi_nobodys"]
    kinds = ("payment_intent.succeeded", "payment_intent.canceled", "charge.refunded", "customer.created")
    intent, kind = intents[number % len(intents)], kinds[number % len(kinds)]
    about = {"object": "charge", "id": "ch_1", "payment_intent": intent}
    told = {
        "object": "event",
        "id": f"evt_{uuid4().hex}",
        "type": kind,
        "created": int(datetime.now(UTC).timestamp()),
        "livemode": False,
        "data": {"object": {"object": "payment_intent", "id": intent} if "intent" in kind else about},
    }
    return json.dumps(told).encode()


def picture(kind: str, word: str) -> bytes:
    """A small image with a word on it."""
    image = Image.new("RGB", (160, 60), "white")
    ImageDraw.Draw(image).text((8, 8), word, "black", font_size=28)
    written = BytesIO()
    image.save(written, kind)
    return written.getvalue()


IMAGES = [picture(kind, word) for kind, word in (("JPEG", "OATS"), ("PNG", "RICE"), ("WEBP", "TEA"), ("GIF", "SALT"))]
