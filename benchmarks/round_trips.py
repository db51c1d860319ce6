"""Database round trips of every signed-in write, as the functions' own log lines count them."""

from __future__ import annotations

import base64
import io
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import UUID, uuid4

import psycopg

from benchmarks.report import Bound, Report
from local.functions import FunctionsServer
from local.pictures import labels
from local.stack import Stack
from local.stripe import Sandbox
from tests.api import FUNCTIONS, InProcess, Response
from tests.database.invoicing import SETTINGS
from tests.functions.quote_generator.cards import CONTENTS
from tests.functions.quote_generator.storing import REQUEST as HOODIES
from tests.invoicing import let_invoice
from tests.ordering import create_order
from tests.people import PASSWORD, People, Person

METHOD = (
    "Each signed-in write once, with an Idempotency-Key, against the embedded stack: `database_round_trips` of the\n"
    "log line it writes. Once more with a body that is refused after the key was taken, where there is a body."
)

# Detecting looks for today's answer to the same question first, and a batch takes a unit for each of its photos.
# A price needs its rate card first, and a revision the quote before.
MORE = {
    ("detect", "POST /"): 3,
    ("detect", "POST /batch"): 4,
    ("quote-generator", "POST /"): 3,
    ("quote-generator", "POST /<quote_id>/revise"): 4,
    # Guests may start one too: its limit is taken apart.
    ("payment-intent", "POST /"): 3,
    # Set aside, then asked for at Stripe, then read there under a number, then written down.
    ("payment-intent", "POST /<payment_intent_id>/refunds"): 4,
}
MAIL = {"template": "plain", "to": "robin@example.com", "data": {"subject": "A", "paragraphs": ["b"]}}


@dataclass(frozen=True)
class Write:
    """What one request took: its route as the log names it, status, round trips."""

    function: str
    route: str
    status: int
    round_trips: int


def run() -> Report:
    """Send them all. Fails for a signed-in write that no request here reaches."""
    done, refused = Writes(), Writes()
    with (
        TemporaryDirectory() as folder,
        Path(os.devnull).open("wb") as nowhere,
        Stack(Path(folder), seed=False) as stack,
        FunctionsServer(stack.env, output=nowhere) as server,
        environment({**stack.env, "API_URL": server.url}),
    ):
        tell(done, refused, People(stack.env), stack.stripe)
    missing = all_writes() - {(write.function, write.route) for write in done.found}
    if missing:
        raise RuntimeError(f"no request reaches {sorted(missing)}: add one to benchmarks.round_trips")
    refusals = {(write.function, write.route): str(write.round_trips) for write in refused.found}
    return Report(
        "Database round trips of signed-in writes",
        METHOD,
        ["write", "status", "round trips", "refused (422)"],
        [
            [
                f"{write.function}: {write.route}",
                str(write.status),
                str(write.round_trips),
                refusals.get((write.function, write.route), ""),
            ]
            for write in done.found
        ],
        [
            Bound(
                "database round trips of a signed-in write",
                max(write.round_trips for write in done.found if (write.function, write.route) not in MORE),
                2,
            ),
            *(
                Bound(
                    f"of {write.function}, {write.route}",
                    write.round_trips,
                    MORE[write.function, write.route],
                )
                for write in done.found
                if (write.function, write.route) in MORE
            ),
            Bound("database round trips of a refused one", max(write.round_trips for write in refused.found), 2),
        ],
    )


class Writes:
    """Sends requests through WSGI and reads the log lines."""

    def __init__(self) -> None:
        self.found: list[Write] = []
        self._api = InProcess()

    def __call__(self, method: str, path: str, token: str, content: object = None) -> Response:
        headers = {"Idempotency-Key": uuid4().hex}
        body, content = (content, None) if isinstance(content, bytes) else (None, content)
        if body:
            headers["Content-Type"] = "image/png"
        printed = io.StringIO()
        with redirect_stdout(printed):
            response = self._api(method, path, token=token, json=content, body=body, headers=headers)
        line = json.loads(printed.getvalue().splitlines()[-1])
        self.found.append(Write(line["function"], line["route"], response.status, line["database_round_trips"]))
        return response


def tell(done: Writes, refused: Writes, people: People, stripe: Sandbox) -> None:
    """Every write there is, in an order in which each succeeds."""
    owner, guest = people.sign_up("Owner"), people.sign_up("Guest")

    def write(method: str, path: str, content: object = None, person: str = owner.token) -> Response:
        if content is not None:
            answer = refused(method, path, person, b"no image" if isinstance(content, bytes) else {"unknown": True})
            assert answer.status == 422, answer.body
        answer = done(method, path, person, content)
        assert answer.status < 300, answer.body
        return answer

    made = write("POST", "/api/workspaces", {"name": "Workshop", "currency": "EUR"}).json["id"]
    workspace = f"/api/workspaces/{made}"
    write("PATCH", workspace, {"name": "Atelier"})
    write("POST", f"{workspace}/logo", swatch())
    write("DELETE", f"{workspace}/logo")
    write("POST", f"{workspace}/roles", {"name": "auditor", "permissions": ["audit.read"]})
    write("PATCH", f"{workspace}/roles/auditor", {"permissions": ["audit.read", "reports.read"]})
    invite = write("POST", f"{workspace}/invites", {"role": "staff"}).json
    write("POST", "/api/workspaces/join", {"code": invite["code"]}, guest.token)
    write("PATCH", f"{workspace}/members/{guest.user_id}", {"role": "designer"})
    write("DELETE", f"{workspace}/members/{guest.user_id}")
    write("DELETE", f"{workspace}/roles/auditor")
    write("DELETE", f"{workspace}/invites/{invite['id']}")
    photo = {"image": base64.b64encode(labels()[0].image).decode()}
    seen = write("POST", "/api/detect", photo).json["detection_id"]
    write("POST", "/api/detect/batch", {"images": [{**photo, "kind": "pantry"}]})
    write("POST", f"/api/detect/{seen}/corrections", {"items": [{"name": "Ethiopia Yirgacheffe"}]})
    write("POST", "/api/detect/uploads", {"content_type": "image/jpeg"})
    later = write("POST", "/api/email-service", {**MAIL, "send_at": tomorrow()}).json["id"]
    write("POST", f"/api/email-service/messages/{later}/cancel")
    write("POST", "/api/email-service/attachments", {"name": "a.pdf", "content_type": "application/pdf"})
    failed, suppressed = fail(people, owner)
    write("POST", f"/api/email-service/messages/{failed}/retry")
    write("DELETE", f"/api/email-service/suppressions/{suppressed}")
    quotes = "/api/quote-generator"
    write("POST", f"{quotes}/parse", {"description": "500 hoodies"})
    write("POST", f"{quotes}/rate-cards", {"product_type": "t_shirt", "card": CONTENTS["t_shirt"]})
    quote = write("POST", quotes, HOODIES).json["id"]
    quote = write("POST", f"{quotes}/{quote}/revise", HOODIES).json["id"]
    write("POST", f"{quotes}/{quote}/decline", {})
    quote = write("POST", f"{quotes}/{quote}/revise", HOODIES).json["id"]
    write("POST", f"{quotes}/{quote}/code")
    write("POST", f"{quotes}/{quote}/convert", {})
    payments, unpaid = "/api/payment-intent", str(place(people, owner))
    for instalment in ("deposit", "full"):
        payment = {"order_id": unpaid, "payment_type": instalment}
        intent = write("POST", payments, payment).json["payment_intent_id"]
        if instalment == "deposit":
            write("POST", f"{payments}/{intent}/cancel")
    stripe.pay(intent)
    done("POST", payments, owner.token, payment)  # which is how we learn of it
    write("POST", f"{payments}/{intent}/refunds", {"amount_minor": 1000})
    invoices = "/api/invoice"
    write("PUT", f"{invoices}/settings", SETTINGS)
    seller(people, owner)
    invoice = write("POST", invoices, {"order_id": str(place(people, owner)), "kind": "full"}).json["id"]
    write("POST", f"{invoices}/{invoice}/send")
    write("POST", f"{invoices}/{invoice}/credit-notes", {"full": True, "reason": "Returned"})
    for what in ("issue", "void"):
        draft = {"order_id": str(place(people, owner)), "kind": "full", "draft": True}
        write("POST", f"{invoices}/{done('POST', invoices, owner.token, draft).json['id']}/{what}")
    order = f"/api/orders/{place(people, owner)}"
    write("POST", f"{order}/transitions", {"to": "on_hold"})
    write("POST", f"{order}/assign", {"user_id": None})
    write("POST", f"{order}/cancel", {})
    write("POST", "/api/auth/password", {"password": f"{PASSWORD}, and a longer one"})
    write("POST", "/api/auth/sign-out")


def tomorrow() -> str:
    """When a mail that waits is to be sent."""
    return (datetime.now(UTC) + timedelta(days=1)).isoformat()


def fail(people: People, owner: Person) -> tuple[str, str]:
    """A mail that could not be sent, and an address that gets none any more."""
    with psycopg.connect(people.database_url) as connection:
        rows = connection.execute(
            """
            with failed as (
              insert into private.email_messages (workspace_id, template, recipient, data, state)
              values (%(workspace)s, 'plain', 'a@example.com', '{}', 'failed') returning id
            ), suppressed as (
              insert into private.email_suppressions (workspace_id, address, reason)
              values (%(workspace)s, 'b@example.com', 'bounced') returning id
            )
            select failed.id, suppressed.id from failed, suppressed
            """,
            {"workspace": owner.workspace_id},
        ).fetchall()
    return str(rows[0][0]), str(rows[0][1])


def place(people: People, owner: Person) -> UUID:
    """An order that waits for its payment."""
    with psycopg.connect(people.database_url) as connection:
        return create_order(connection, owner.workspace_id)


def seller(people: People, owner: Person) -> None:
    """Say of the workspace what invoices must say."""
    with psycopg.connect(people.database_url) as connection:
        let_invoice(connection, owner.workspace_id, owner.user_id)


def swatch() -> bytes:
    """A picture that may be a logo."""
    from PIL import Image

    out = io.BytesIO()
    Image.new("RGB", (64, 64), "#7a3e1d").save(out, "PNG")
    return out.getvalue()


def all_writes() -> set[tuple[str, str]]:
    """Function and route of every signed-in write that the functions declare."""
    apps = [import_module(f"functions.{module}.handler").app for module in FUNCTIONS.values()]
    return {
        (app.name, f"{route.method} {route.path}")
        for app in apps
        for route in app.routes
        if route.signature.caller and route.method != "GET"
    }


@contextmanager
def environment(values: dict[str, str]) -> Iterator[None]:
    """The functions in this process read these settings for a while."""
    before = dict(os.environ)
    os.environ.update(values)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
