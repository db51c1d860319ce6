"""Who may call what: every route of every function, by everybody there is."""

from __future__ import annotations

import importlib
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from uuid import UUID, uuid4

import psycopg
import pytest

from functions.docs.handler import assets
from local.functions import FunctionsServer
from local.stack import Stack
from tests.api import FUNCTIONS, InProcess, Response
from tests.functions.conftest import signed, together
from tests.functions.quote_generator.cards import CONTENTS
from tests.functions.quote_generator.storing import REQUEST, store_quote
from tests.ordering import DEPOSIT, create_order
from tests.people import PASSWORD, People, Person
from tests.shared.hostile_images import picture, written

# Nobody: no token, or none that counts. A stranger owns another workspace. Then the roles, in the order of ROLES.
# Public routes take no notice of who asks.
TABLE = """
                                            nobod strng owner admin mangr inven desgn staff rdonl buyer suppl fact.
GET    /api/health                            200   200   200   200   200   200   200   200   200   200   200   200
POST   /api/bootstrap-admin                   401   401   401   401   401   401   401   401   401   401   401   401
POST   /api/auth/sign-up                      201   201   201   201   201   201   201   201   201   201   201   201
POST   /api/auth/sign-in                      200   200   200   200   200   200   200   200   200   200   200   200
POST   /api/auth/refresh                      401   401   401   401   401   401   401   401   401   401   401   401
POST   /api/auth/password-reset               202   202   202   202   202   202   202   202   202   202   202   202
POST   /api/auth/verify                       401   401   401   401   401   401   401   401   401   401   401   401
POST   /api/auth/sign-out                     401   204   204   204   204   204   204   204   204   204   204   204
POST   /api/auth/password                     401   204   204   204   204   204   204   204   204   204   204   204
GET    /api/auth/me                           401   200   200   200   200   200   200   200   200   200   200   200
GET    /api/docs                              200   200   200   200   200   200   200   200   200   200   200   200
GET    /api/docs/openapi.json                 200   200   200   200   200   200   200   200   200   200   200   200
GET    /api/docs/assets/A/F                   200   200   200   200   200   200   200   200   200   200   200   200
POST   /api/detect                            401   404   201   201   201   201   201   201   403   201   201   201
GET    /api/detect                            401   404   200   200   200   200   200   200   200   200   200   200
GET    /api/detect/accuracy                   401   404   200   200   200   200   403   403   403   403   403   403
GET    /api/detect/D                          401   404   200   200   200   200   200   200   200   404   404   404
POST   /api/detect/batch                      401   404   200   200   200   200   200   200   403   200   200   200
POST   /api/detect/uploads                    401   404   201   201   201   201   201   201   403   201   201   201
POST   /api/detect/D/corrections              401   404   201   201   201   201   201   201   403   404   404   404
POST   /api/detect-local                      401   401   401   401   401   401   401   401   401   401   401   401
GET    /api/jobs                              401   404   404   404   404   404   404   404   404   404   404   404
GET    /api/jobs/J                            401   401   401   401   401   401   401   401   401   401   401   401
POST   /api/email-service                     401   404   202   202   202   403   403   202   403   403   403   403
POST   /api/email-service/attachments         401   404   201   201   201   403   403   201   403   403   403   403
GET    /api/email-service/messages            401   404   200   200   200   403   403   200   403   403   403   403
GET    /api/email-service/messages/M/explain  401   404   200   200   200   403   403   200   403   403   403   403
POST   /api/email-service/messages/N/retry    401   404   202   202   202   403   403   202   403   403   403   403
POST   /api/email-service/messages/M/cancel   401   404   200   200   200   403   403   200   403   403   403   403
GET    /api/email-service/suppressions        401   404   200   200   200   403   403   200   403   403   403   403
DELETE /api/email-service/suppressions/S      401   404   204   204   204   403   403   204   403   403   403   403
GET    /api/email-service/templates           401   404   200   200   200   403   403   200   403   403   403   403
GET    /api/email-service/templates/T/preview 401   404   200   200   200   403   403   200   403   403   403   403
POST   /api/email-service/webhooks/resend     401   401   401   401   401   401   401   401   401   401   401   401
GET    /api/email-service/unsubscribe/K       200   200   200   200   200   200   200   200   200   200   200   200
POST   /api/email-service/unsubscribe/K       200   200   200   200   200   200   200   200   200   200   200   200
POST   /api/email-service/deliver             401   401   401   401   401   401   401   401   401   401   401   401
GET    /api/orders                            401   404   200   200   200   403   403   200   200   200   200   200
GET    /api/orders/O                          401   404   200   200   200   404   404   200   200   200   200   404
POST   /api/orders/O/transitions              401   404   200   200   200   404   404   403   403   403   200   404
POST   /api/orders/O/cancel                   401   404   200   200   200   404   404   403   403   403   403   404
POST   /api/orders/O/assign                   401   404   200   200   200   404   404   403   403   403   403   404
GET    /api/orders/track/L                    200   200   200   200   200   200   200   200   200   200   200   200
POST   /api/quote-generator                   404   404   201   201   201   403   403   201   403   201   403   403
GET    /api/quote-generator                   401   404   200   200   200   403   403   200   403   200   403   403
GET    /api/quote-generator/rate-cards        401   404   200   200   200   403   403   403   403   403   403   403
POST   /api/quote-generator/rate-cards        401   404   201   201   201   403   403   403   403   403   403   403
POST   /api/quote-generator/parse             404   404   200   200   200   403   403   200   403   200   403   403
GET    /api/quote-generator/Q                 404   404   200   200   200   404   404   200   404   404   404   404
GET    /api/quote-generator/Q/replay          404   404   200   200   200   404   404   200   404   404   404   404
POST   /api/quote-generator/Q/revise          404   404   201   201   201   404   404   201   404   404   404   404
POST   /api/quote-generator/Q/decline         404   404   200   200   200   404   404   200   404   404   404   404
POST   /api/quote-generator/Q/code            404   404   202   202   202   404   404   202   404   404   404   404
POST   /api/quote-generator/Q/convert         404   404   201   201   201   404   404   201   404   404   404   404
GET    /api/workspaces                        401   200   200   200   200   200   200   200   200   200   200   200
POST   /api/workspaces                        401   201   201   201   201   201   201   201   201   201   201   201
POST   /api/workspaces/join                   401   404   404   404   404   404   404   404   404   404   404   404
GET    /api/workspaces/W                      401   404   200   200   200   200   200   200   200   200   200   200
PATCH  /api/workspaces/W                      401   404   200   403   403   403   403   403   403   403   403   403
POST   /api/workspaces/W/logo                 401   404   200   403   403   403   403   403   403   403   403   403
DELETE /api/workspaces/W/logo                 401   404   200   403   403   403   403   403   403   403   403   403
GET    /api/workspaces/W/members              401   404   200   200   200   200   200   200   200   403   403   403
PATCH  /api/workspaces/W/members/U            401   404   200   200   403   403   403   403   403   403   403   403
DELETE /api/workspaces/W/members/U            401   404   204   204   403   403   403   403   403   403   403   403
GET    /api/workspaces/W/roles                401   404   200   200   200   200   200   200   200   403   403   403
POST   /api/workspaces/W/roles                401   404   201   403   403   403   403   403   403   403   403   403
PATCH  /api/workspaces/W/roles/R              401   404   200   403   403   403   403   403   403   403   403   403
DELETE /api/workspaces/W/roles/R              401   404   204   403   403   403   403   403   403   403   403   403
POST   /api/workspaces/W/invites              401   404   201   201   403   403   403   403   403   403   403   403
GET    /api/workspaces/W/invites              401   404   200   200   403   403   403   403   403   403   403   403
DELETE /api/workspaces/W/invites/I            401   404   204   204   403   403   403   403   403   403   403   403
GET    /api/workspaces/W/audit                401   404   200   200   200   403   403   403   403   403   403   403
GET    /api/workspaces/W/audit/verification   401   404   200   200   200   403   403   403   403   403   403   403
"""
ROLES = "owner admin manager inventory_manager designer staff readonly buyer supplier factory".split()
ACTORS = ("nobody", "stranger", *ROLES)
EXPECTED = {
    (method, path): dict(zip(ACTORS, map(int, statuses), strict=True))
    for method, path, *statuses in (line.split() for line in TABLE.strip().splitlines()[1:])
}

# A 1x1 GIF: read in no time, and nothing is in it.
IMAGE = "R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"
LOGO = written(picture(32, 32), "PNG")

PLAIN = {"subject": "Hello", "paragraphs": ["How are you?"]}

# Public, and each takes its half second: asked by everybody at once.
SLOW = ("/api/auth/sign-up", "/api/auth/sign-in", "/api/auth/password-reset", "/api/auth/verify")
# The caller is changed by it: each is somebody new.
SPENDING = ("/api/auth/sign-out", "/api/auth/password")


def registered() -> set[tuple[str, str]]:
    """Every route there is, in the table's terms."""
    short = {
        "<workspace_id>": "W",
        "<user_id>": "U",
        "<role>": "R",
        "<invite_id>": "I",
        "<detection_id>": "D",
        "<asset_digest>/<name>": "A/F",
        "templates/<name>": "templates/T",
        "<message_id>/retry": "N/retry",
        "<message_id>": "M",
        "<suppression_id>": "S",
        "track/<token>": "track/L",
        "<token>": "K",
        "<order_id>": "O",
        "<quote_id>": "Q",
        "<name>": "J",
    }
    found = set()
    for name, module in FUNCTIONS.items():
        for route in importlib.import_module(f"functions.{module}.handler").app.routes:
            path = f"/api/{name}{route.path}".rstrip("/")
            for long, letter in short.items():
                path = path.replace(long, letter)
            found.add((route.method, path))
    return found


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
            "L": self.tracking_token,
        }
        return "/".join(str(letters.get(segment, segment)) for segment in template.split("/"))


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
    database.execute("delete from public.orders where workspace_id = %s", [scene.workspace_id])
    scene.order_id = create_order(
        database,
        scene.workspace_id,
        _buyer=scene.people["buyer"].user_id,
        _tracking_token=scene.tracking_token,
    )
    database.execute("select private.record_payment(%s, %s, 0)", [scene.order_id, DEPOSIT])
    database.execute(
        "update public.orders set workflow_state = 'in_production', assigned_to = %s where id = %s",
        [scene.people["supplier"].user_id, scene.order_id],
    )
    database.execute("delete from public.quotes where workspace_id = %s", [scene.workspace_id])
    scene.quote_id = store_quote(database, scene.workspace_id, scene.people["owner"].user_id)


@pytest.fixture(scope="module")
def scene(people: People, stack: Stack) -> Scene:
    """The people and things of this module, made once."""
    owner = people.sign_up("owner")
    members = {role: people.member(owner.workspace_id, role) for role in ROLES[1:]}
    # Nobody's address, where one is asked for, is somebody's.
    actors = {"nobody": people.sign_up(), "stranger": people.sign_up(), "owner": owner, **members}
    with psycopg.connect(stack.database_url, autocommit=True) as connection:
        row = connection.execute(
            """
            insert into public.invites (workspace_id, role_id, code_hash, max_uses, expires_at, created_by)
            select %s, id, sha256(gen_random_uuid()::text::bytea), 1, now() + interval '1 day', %s from public.roles
            where name = 'staff' and workspace_id is null
            returning id
            """,
            [owner.workspace_id, owner.user_id],
        ).fetchone()
        assert row is not None
        seen = connection.execute(
            """
            insert into public.detections (
              workspace_id, user_id, kind, image_sha256, prompt_sha256, items, text, confidence, provider, model,
              cost_micro_usd, processing_time_ms)
            values (%s, %s, 'general', repeat('0', 64), repeat('0', 64), '[]', '', 0, 'local', 'a', 0, 1)
            returning id
            """,
            [owner.workspace_id, owner.user_id],
        ).fetchone()
        assert seen is not None
        made = Scene(actors, owner.workspace_id, people.sign_up("guest").user_id, row[0], seen[0])
        furnish(connection, made)
    return made


def send(method: str, path: str, template: str, person: Person, token: str | None, **headers: str) -> Response:
    """A request with a body that the route would take."""
    # Each from elsewhere: what is limited by IP isn't what is asked here.
    api, content = InProcess(), body_of(method, template, person)
    if isinstance(content, bytes):
        return api(method, path, token=token, body=content, headers={"Content-Type": "image/png", **headers})
    return api(method, path, token=token, json=content, headers=headers)


def body_of(method: str, path: str, person: Person) -> object:
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


def tokens_of_nobody(stack: Stack, user_id: UUID) -> dict[str, str | None]:
    """What isn't an access token, though it be well signed and for somebody who may."""
    sign = partial(signed, stack.env, user_id)
    valid = sign()
    header, claims, signature = valid.split(".")
    return {
        "none": None,
        "empty": "",
        "malformed": "not.a.token",
        "cut": f"{header}.{claims}",
        "unsigned": f"eyJhbGciOiJub25lIn0.{claims}.",
        "another's signature": f"{header}.{claims}.{signature[::-1]}",
        "expired": sign(exp=int(time.time()) - 60),
        "another audience": sign(aud="anon"),
        "another issuer": sign(iss="https://elsewhere.example.com/auth/v1"),
        "anonymous": sign(is_anonymous=True),
        "the service's": sign(role="service_role"),
        "the publishable key": stack.env["SUPABASE_PUBLISHABLE_KEY"],
    }


def ids(routes: list[tuple[str, str]]) -> list[str]:
    return [f"{method} {path}" for method, path in routes]


ROUTES = list(EXPECTED)
SIGNED_IN = [route for route, expected in EXPECTED.items() if expected["owner"] < 400 and expected["nobody"] == 401]
# Where the workspace is a parameter.
BY_QUERY = (
    "/api/detect",
    "/api/detect/accuracy",
    "/api/detect/batch",
    "/api/detect/uploads",
    "/api/quote-generator",
    "/api/quote-generator/rate-cards",
    "/api/quote-generator/parse",
    "/api/email-service",
    "/api/email-service/attachments",
    "/api/email-service/messages",
    "/api/email-service/suppressions",
    "/api/email-service/templates",
    "/api/email-service/templates/T/preview",
    "/api/orders",
)
FOR_GUESTS = [
    (method, path)
    for method, path in ROUTES
    if (path in ("/api/quote-generator", "/api/quote-generator/parse") and method == "POST") or "/Q" in path
]
WITH_ID = [route for route in ROUTES if "/W" in route[1]]


@pytest.fixture
def detecting(environment: pytest.MonkeyPatch, server: FunctionsServer) -> None:
    """Detect finds its engine on the server."""
    environment.setenv("API_URL", server.url)


class TestTheTable:
    def test_has_every_route_of_every_function(self) -> None:
        assert set(EXPECTED) == registered()

    def test_has_every_role(self, database: psycopg.Connection) -> None:
        rows = database.execute("select name from public.roles where workspace_id is null").fetchall()
        assert {name for (name,) in rows} == set(ROLES)


@pytest.mark.usefixtures("detecting")
class TestEveryRoute:
    def call(self, scene: Scene, method: str, path: str, person: Person, token: str | None) -> Response:
        query = f"?workspace_id={scene.workspace_id}" if path in BY_QUERY else ""
        return send(method, scene.path(path) + query, path, person, token)

    @pytest.mark.parametrize(("method", "path"), ROUTES, ids=ids(ROUTES))
    def test_answers_everybody_as_the_table_says_and_changes_nothing_where_it_refuses(
        self, database: psycopg.Connection, people: People, scene: Scene, method: str, path: str
    ) -> None:
        def call(actor: str) -> int:
            person = scene.people[actor]
            if path in SPENDING and actor != "nobody":
                person = people.sign_up() if actor == "stranger" else people.member(scene.workspace_id, actor)
            return self.call(scene, method, path, person, person.token if actor != "nobody" else None).status

        def call_watched(actor: str) -> int:
            furnish(database, scene)
            before = fingerprint(database)
            status = call(actor)
            assert status < 400 or fingerprint(database) == before, actor
            return status

        if path in SLOW:
            furnish(database, scene)
            before = fingerprint(database)
            statuses = dict(zip(ACTORS, together(*(partial(call, actor) for actor in ACTORS)), strict=True))
            assert min(statuses.values()) < 400 or fingerprint(database) == before
        else:
            statuses = {actor: call_watched(actor) for actor in ACTORS}
        assert statuses == EXPECTED[method, path]

    @pytest.mark.parametrize(("method", "path"), ROUTES, ids=ids(ROUTES))
    def test_takes_nothing_else_for_a_token(
        self, database: psycopg.Connection, stack: Stack, scene: Scene, method: str, path: str
    ) -> None:
        expected = EXPECTED[method, path]["nobody"]
        tokens = tokens_of_nobody(stack, scene.people["owner"].user_id)
        if expected != 401 or path in SLOW:  # public: four will do to show that it takes no notice
            tokens = {kind: tokens[kind] for kind in ("none", "malformed", "expired", "another audience")}
        furnish(database, scene)
        before = fingerprint(database)
        calls = (partial(self.call, scene, method, path, scene.people["nobody"], token) for token in tokens.values())
        answers = dict(zip(tokens, together(*calls), strict=True))
        statuses = dict.fromkeys(tokens, expected)
        if (method, path) in FOR_GUESTS:  # who says that they are somebody is no guest
            statuses = {**dict.fromkeys(tokens, 401), "none": expected}
        assert {kind: answer.status for kind, answer in answers.items()} == statuses
        if expected >= 400:
            assert fingerprint(database) == before
        if (method, path) in SIGNED_IN:
            codes = {kind: answer.code for kind, answer in answers.items()}
            assert codes == {**dict.fromkeys(tokens, "token_invalid"), "none": "token_missing"}
            assert {answer.headers["www-authenticate"] for answer in answers.values()} == {"Bearer"}


@pytest.mark.usefixtures("detecting")
class TestWhatIsNotMine:
    """Answers with the same bytes as what isn't there."""

    def ask(self, method: str, path: str, person: Person, template: str) -> Response:
        return send(method, path, template, person, person.token, **{"X-Request-Id": "same"})

    @pytest.fixture
    def stranger(self, scene: Scene) -> Person:
        return scene.people["stranger"]

    @pytest.mark.parametrize(("method", "path"), WITH_ID, ids=ids(WITH_ID))
    def test_as_a_workspace(
        self, database: psycopg.Connection, scene: Scene, stranger: Person, method: str, path: str
    ) -> None:
        furnish(database, scene)
        with unchanged(database):
            foreign = self.ask(method, scene.path(path), stranger, path)
            elsewhere = replace(scene, workspace_id=uuid4())
            absent = self.ask(method, elsewhere.path(path), stranger, path)
        assert foreign.status == 404
        assert foreign == absent

    @pytest.mark.parametrize(("method", "path"), [route for route in ROUTES if route[1] in BY_QUERY])
    def test_as_the_workspace_meant(
        self, database: psycopg.Connection, scene: Scene, people: People, method: str, path: str
    ) -> None:
        foreign, absent = (  # two strangers, for what is left of one's limit differs
            self.ask(method, f"{scene.path(path)}?workspace_id={workspace_id}", people.sign_up(), path)
            for workspace_id in (scene.workspace_id, uuid4())
        )
        assert foreign.status == 404
        assert foreign == absent

    @pytest.mark.parametrize(("method", "path"), [route for route in WITH_ID if route[1][-2:] in ("/U", "/I", "/R")])
    def test_as_a_thing_in_a_workspace(
        self, database: psycopg.Connection, scene: Scene, stranger: Person, method: str, path: str
    ) -> None:
        furnish(database, scene)
        mine = replace(scene, workspace_id=stranger.workspace_id)
        nothing = Scene(scene.people, stranger.workspace_id, uuid4(), uuid4(), uuid4(), "nothing")
        with unchanged(database):
            foreign = self.ask(method, mine.path(path), stranger, path)
            absent = self.ask(method, nothing.path(path), stranger, path)
        assert foreign.status == 404
        assert foreign == absent

    @pytest.mark.parametrize(("method", "path"), [route for route in ROUTES if "/D" in route[1]])
    def test_as_a_detection(
        self, database: psycopg.Connection, scene: Scene, stranger: Person, method: str, path: str
    ) -> None:
        with unchanged(database):
            foreign = self.ask(method, scene.path(path), stranger, path)
            absent = self.ask(method, replace(scene, detection_id=uuid4()).path(path), stranger, path)
        assert foreign.status == 404
        assert foreign == absent

    @pytest.mark.parametrize(("method", "path"), [route for route in ROUTES if {"O", "L"} & set(route[1].split("/"))])
    def test_as_an_order(
        self, database: psycopg.Connection, scene: Scene, stranger: Person, method: str, path: str
    ) -> None:
        furnish(database, scene)
        nothing = replace(scene, order_id=uuid4(), tracking_token=uuid4().hex)
        with unchanged(database):
            absent = self.ask(method, nothing.path(path), stranger, path)
            # Whoever has its link may follow an order.
            foreign = absent if "/L" in path else self.ask(method, scene.path(path), stranger, path)
        assert foreign.status == 404
        assert foreign == absent

    @pytest.mark.parametrize(
        ("method", "path"), [route for route in ROUTES if {"M", "N", "S", "K"} & set(route[1].split("/"))]
    )
    def test_as_a_mail_or_a_suppression(
        self, database: psycopg.Connection, scene: Scene, stranger: Person, method: str, path: str
    ) -> None:
        nothing = Scene(scene.people, scene.workspace_id, scene.user_id, scene.invite_id, scene.detection_id)
        furnish(database, scene)
        with unchanged(database):
            absent = self.ask(method, nothing.path(path), stranger, path)
            # Whoever has a link of a mail got it: that one needs no name.
            foreign = absent if "/K" in path else self.ask(method, scene.path(path), stranger, path)
        assert foreign.status == 404
        assert foreign == absent

    @pytest.mark.parametrize(("method", "path"), [route for route in ROUTES if "/Q" in route[1]])
    def test_as_a_quote(
        self, database: psycopg.Connection, scene: Scene, stranger: Person, method: str, path: str
    ) -> None:
        furnish(database, scene)
        with unchanged(database):
            foreign = self.ask(method, scene.path(path), stranger, path)
            absent = self.ask(method, replace(scene, quote_id=uuid4()).path(path), stranger, path)
        assert foreign.status == 404
        assert foreign == absent

    def test_as_a_role_to_give(self, database: psycopg.Connection, scene: Scene, people: People) -> None:
        furnish(database, scene)
        person = people.sign_up()
        foreign, absent = (
            InProcess()(
                "POST",
                f"/api/workspaces/{person.workspace_id}/invites",
                token=person.token,
                json={"role": role},
                headers={"X-Request-Id": "same"},
            )
            for role in (scene.role, "nothing")
        )
        assert foreign.status == 422
        assert foreign == absent
