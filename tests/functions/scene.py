"""A workspace with one of everything that a route can name, and the calls to ask for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import MappingProxyType
from uuid import UUID, uuid4

import psycopg

from functions.docs.handler import assets
from local.stripe import Sandbox
from tests.api import InProcess, Response
from tests.database.invoicing import SETTINGS
from tests.functions.quote_generator.cards import CONTENTS
from tests.functions.quote_generator.storing import REQUEST, store_quote
from tests.functions.routes import BY_WORKSPACE
from tests.invoicing import invoice, let_invoice
from tests.ordering import DEPOSIT, create_order
from tests.people import PASSWORD, Person
from tests.shared.hostile_images import picture, written

# A 1x1 GIF: read in no time, and nothing is in it.
IMAGE = "R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"
LOGO = written(picture(32, 32), "PNG")
PLAIN = {"subject": "Hello", "paragraphs": ["How are you?"]}


@dataclass
class Scene:
    """A workspace with one member of each role, a stranger, and things in the workspace to ask for."""

    people: dict[str, Person]
    workspace_id: UUID
    user_id: UUID
    invite_id: UUID
    detection_id: UUID
    role: str = "barista"
    waiting_id: UUID = field(default_factory=uuid4)
    failed_id: UUID = field(default_factory=uuid4)
    suppression_id: UUID = field(default_factory=uuid4)
    unsubscribe_token: UUID = field(default_factory=uuid4)
    order_id: UUID = field(default_factory=uuid4)
    quote_id: UUID = field(default_factory=uuid4)
    tracking_token: str = field(default_factory=lambda: uuid4().hex)
    open_payment: str = field(default_factory=lambda: f"pi_{uuid4().hex}")
    paid_payment: str = field(default_factory=lambda: f"pi_{uuid4().hex}")
    invoice_id: UUID = field(default_factory=uuid4)
    draft_id: UUID = field(default_factory=uuid4)

    def path(self, template: str) -> str:
        letters = {
            "W": self.workspace_id,
            "U": self.user_id,
            "R": self.role,
            "I": self.invite_id,
            "D": self.detection_id,
            "A": assets()["reference.js"].digest,
            "F": "reference.js",
            "J": "watch",
            "T": "plain",
            "M": self.waiting_id,
            "N": self.failed_id,
            "S": self.suppression_id,
            "K": self.unsubscribe_token,
            "O": self.order_id,
            "Q": self.quote_id,
            "P": self.open_payment,
            "V": self.paid_payment,
            "L": self.tracking_token,
            "X": self.invoice_id,
            "Y": self.draft_id,
        }
        return "/".join(str(letters.get(segment, segment)) for segment in template.split("/"))

    def query(self, method: str, template: str) -> str:
        """What a route wants to know besides: the workspace, or whose payments."""
        if (method, template) == ("GET", "/api/payment-intent"):
            return f"?order_id={self.order_id}"
        return f"?workspace_id={self.workspace_id}" if (method, template) in BY_WORKSPACE else ""


def furnish(database: psycopg.Connection, scene: Scene) -> None:
    """Put the member, the role and the invite that are asked for where they are expected, and forget tries."""
    database.execute("delete from private.rate_limits where name = 'auth.address'")
    database.execute(
        """
        insert into public.members (workspace_id, user_id, role_id)
        select %s, %s, id from public.roles where name = 'readonly' and workspace_id is null
        on conflict (workspace_id, user_id) do update set role_id = excluded.role_id
        """,
        [scene.workspace_id, scene.user_id],
    )
    database.execute(
        "insert into public.roles (workspace_id, name) values (%s, %s) on conflict do nothing",
        [scene.workspace_id, scene.role],
    )
    database.execute("delete from public.roles where workspace_id = %s and name = 'new'", [scene.workspace_id])
    database.execute("update public.invites set revoked_at = null where id = %s", [scene.invite_id])
    place_order(database, scene)
    database.execute("delete from private.outbox where topic = 'email' and workspace_id = %s", [scene.workspace_id])
    database.execute("delete from private.email_messages where workspace_id = %s", [scene.workspace_id])
    database.execute(
        """
        insert into private.email_messages (id, workspace_id, template, recipient, data, state, unsubscribe_token)
        values (%(waiting)s, %(workspace)s, 'plain', 'a@example.com', '{}', 'queued', gen_random_uuid()),
          (%(failed)s, %(workspace)s, 'plain', 'a@example.com', '{}', 'failed', gen_random_uuid()),
          (gen_random_uuid(), %(workspace)s, 'quote-followup', 'b@example.com', '{}', 'sent', %(token)s)
        """,
        {
            "waiting": scene.waiting_id,
            "failed": scene.failed_id,
            "workspace": scene.workspace_id,
            "token": scene.unsubscribe_token,
        },
    )
    database.execute(
        """
        update private.email_messages
        set outbox_id = private.enqueue('email', '{}', workspace_id, null, now() + interval '1 day')
        where id = %s
        """,
        [scene.waiting_id],
    )
    database.execute(
        """
        insert into private.email_suppressions (id, workspace_id, address, reason)
        values (%s, %s, 'c@example.com', 'bounced')
        on conflict do nothing
        """,
        [scene.suppression_id, scene.workspace_id],
    )


def place_order(database: psycopg.Connection, scene: Scene) -> None:
    """Put an order in production: the buyer's, and the supplier makes it."""
    put_order(database, scene)
    database.execute("select private.record_payment(%s, %s, 0)", [scene.order_id, DEPOSIT])
    database.execute(
        "update public.orders set workflow_state = 'in_production', assigned_to = %s where id = %s",
        [scene.people["supplier"].user_id, scene.order_id],
    )
    database.execute("delete from public.quotes where workspace_id = %s", [scene.workspace_id])
    scene.quote_id = store_quote(database, scene.workspace_id, scene.people["owner"].user_id)


def put_order(database: psycopg.Connection, scene: Scene) -> None:
    """Put an order of the buyer's in place of the others, but for those that were invoiced: they stay for ever."""
    database.execute(
        """
        delete from public.orders as o
        where o.workspace_id = %s
          and not exists (select from public.invoices where order_id = o.id and status = 'issued')
        """,
        [scene.workspace_id],
    )
    scene.tracking_token = uuid4().hex
    scene.order_id = create_order(
        database, scene.workspace_id, _buyer=scene.people["buyer"].user_id, _tracking_token=scene.tracking_token
    )


def invoice_orders(database: psycopg.Connection, scene: Scene) -> None:
    """Let the workspace invoice: one order of the buyer's is invoiced, one has a draft, and one nothing yet."""
    put_order(database, scene)
    owner, buyer = scene.people["owner"].user_id, scene.people["buyer"].user_id
    let_invoice(database, scene.workspace_id, owner)
    asked, waits = (create_order(database, scene.workspace_id, _buyer=buyer) for _ in range(2))
    scene.invoice_id = invoice(database, owner, asked)
    scene.draft_id = invoice(database, owner, waits, draft=True)


def take_payments(database: psycopg.Connection, scene: Scene, stripe: Sandbox) -> None:
    """Put an order whose deposit was paid at Stripe, and whose balance waits there."""
    put_order(database, scene)
    database.execute("delete from private.rate_limits where name = 'payments'")
    scene.paid_payment = started(scene, "deposit")
    stripe.pay(scene.paid_payment)
    started(scene, "deposit")  # asked again, it is read at Stripe
    database.execute(
        "update public.orders set assigned_to = %s where id = %s", [scene.people["supplier"].user_id, scene.order_id]
    )
    scene.open_payment = started(scene, "balance")


def started(scene: Scene, instalment: str) -> str:
    """The PaymentIntent of an instalment."""
    body = {"order_id": str(scene.order_id), "payment_type": instalment}
    answer = InProcess()("POST", "/api/payment-intent", token=scene.people["owner"].token, json=body)
    assert answer.status == 200, answer.body
    return str(answer.json["payment_intent_id"])


def send(
    method: str,
    path: str,
    template: str,
    person: Person,
    token: str | None,
    order_id: UUID | None = None,
    headers: Mapping[str, str] = MappingProxyType({}),
) -> Response:
    """A request with a body that the route would take."""
    # Each from elsewhere: what is limited by IP isn't what is asked here.
    api, content = InProcess(), body_of(method, template, person, order_id)
    if isinstance(content, bytes):
        return api(method, path, token=token, body=content, headers={"Content-Type": "image/png", **headers})
    return api(method, path, token=token, json=content, headers=headers)


def body_of(method: str, path: str, person: Person, order_id: UUID | None) -> object:
    """A body that the route would take."""
    bodies: dict[tuple[str, str], object] = {
        ("POST", "/api/bootstrap-admin"): {"email": person.email, "token": "wrong"},
        ("POST", "/api/auth/sign-up"): {
            "email": f"{uuid4().hex}@example.com",
            "password": PASSWORD,
            "name": "Somebody",
        },
        ("POST", "/api/auth/sign-in"): {"email": person.email, "password": PASSWORD},
        ("POST", "/api/auth/refresh"): {"refresh_token": "wrong"},
        ("POST", "/api/auth/password-reset"): {"email": person.email},
        ("POST", "/api/auth/verify"): {"type": "sign_up", "email": person.email, "code": "000000"},
        ("POST", "/api/auth/password"): {"password": "another long password"},
        ("POST", "/api/detect"): {"image": IMAGE, "prompt": person.email},  # each another question
        ("POST", "/api/detect/batch"): {"images": [{"image": IMAGE}]},
        ("POST", "/api/detect/uploads"): {"content_type": "image/png"},
        ("POST", "/api/detect/D/corrections"): {"items": [{"name": "Honey"}]},
        ("POST", "/api/email-service"): {"template": "plain", "to": person.email, "data": PLAIN},
        ("POST", "/api/email-service/attachments"): {"name": "a.pdf", "content_type": "application/pdf"},
        ("POST", "/api/orders/O/transitions"): {"to": "quality_check"},
        ("POST", "/api/orders/O/cancel"): {},
        ("POST", "/api/orders/O/assign"): {"user_id": None},
        ("POST", "/api/invoice"): {"order_id": str(order_id), "kind": "full"},
        ("PUT", "/api/invoice/settings"): SETTINGS,
        ("POST", "/api/invoice/X/credit-notes"): {"full": True, "reason": "Returned"},
        ("POST", "/api/payment-intent"): {"order_id": str(order_id), "payment_type": "balance"},
        ("POST", "/api/payment-intent/V/refunds"): {"amount_minor": 1},
        ("POST", "/api/quote-generator"): REQUEST,
        ("POST", "/api/quote-generator/rate-cards"): {"product_type": "t_shirt", "card": CONTENTS["t_shirt"]},
        ("POST", "/api/quote-generator/parse"): {"description": "500 hoodies"},
        ("POST", "/api/quote-generator/Q/revise"): REQUEST,
        ("POST", "/api/quote-generator/Q/decline"): {},
        ("POST", "/api/quote-generator/Q/convert"): {},
        ("POST", "/api/workspaces"): {"name": "New"},
        ("POST", "/api/workspaces/join"): {"code": "0000-0000-0000-0000"},
        ("PATCH", "/api/workspaces/W"): {"name": "New"},
        ("PATCH", "/api/workspaces/W/members/U"): {"role": "staff"},
        ("POST", "/api/workspaces/W/roles"): {"name": "new", "permissions": ["inventory.read"]},
        ("PATCH", "/api/workspaces/W/roles/R"): {"permissions": ["inventory.read"]},
        ("POST", "/api/workspaces/W/logo"): LOGO,
        ("POST", "/api/workspaces/W/invites"): {"role": "staff"},
    }
    return bodies.get((method, path))


def fingerprint(database: psycopg.Connection) -> dict[str, str]:
    """The content of every table a request could change, but for what is written about requests themselves."""
    kept = ("audit_log", "audit_heads", "rate_limits", "idempotency")
    tables = database.execute(
        """
        select format('%%I.%%I', n.nspname, c.relname)
        from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
        where c.relkind = 'r' and (n.nspname in ('public', 'private') and c.relname <> all (%s)
          or n.nspname = 'auth' and c.relname in ('users', 'identities'))
        """,
        [list(kept)],
    ).fetchall()
    query = " union all ".join(
        f"select '{table}', coalesce(md5(string_agg(t::text, '|' order by t::text)), '') from {table} as t"  # noqa: S608
        for (table,) in tables
    )
    return dict(database.execute(query.encode()).fetchall())


@contextmanager
def unchanged(database: psycopg.Connection) -> Iterator[None]:
    """Holds that the database is afterwards as before."""
    before = fingerprint(database)
    yield
    assert fingerprint(database) == before
