"""Who may call what: every route of every function, by everybody there is."""

from __future__ import annotations

import time
from dataclasses import replace
from functools import partial
from uuid import UUID, uuid4

import psycopg
import pytest

from local.functions import FunctionsServer
from local.stack import Stack
from tests.api import InProcess, Response
from tests.functions.conftest import signed, together
from tests.functions.routes import (
    ACTORS,
    BY_WORKSPACE,
    EXPECTED,
    FOR_GUESTS,
    INVOICING,
    PAYING,
    ROLES,
    ROUTES,
    SIGNED_IN,
    SLOW,
    SPENDING,
    STANDING_ON_ANOTHER,
    WITH_ID,
    ids,
    registered,
)
from tests.functions.scene import Scene, fingerprint, furnish, invoice_orders, send, take_payments, unchanged
from tests.people import People, Person


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


class TestTheTable:
    def test_has_every_route_of_every_function(self) -> None:
        assert set(EXPECTED) == registered()

    def test_has_every_role(self, database: psycopg.Connection) -> None:
        rows = database.execute("select name from public.roles where workspace_id is null").fetchall()
        assert {name for (name,) in rows} == set(ROLES)


class TestEveryRoute:
    @pytest.fixture(autouse=True)
    def others(self, environment: pytest.MonkeyPatch, server: FunctionsServer, path: str) -> None:
        """Functions that are asked for an answer are there; nudges aren't heard, for they'd change things meanwhile."""
        if path in STANDING_ON_ANOTHER:
            environment.setenv("API_URL", server.url)

    def call(self, scene: Scene, method: str, path: str, person: Person, token: str | None) -> Response:
        address = scene.path(path) + scene.query(method, path)
        return send(method, address, path, person, token, scene.order_id)

    def furnish(self, database: psycopg.Connection, scene: Scene, stack: Stack, method: str, path: str) -> None:
        furnish(database, scene)
        if (method, path) in PAYING:
            take_payments(database, scene, stack.stripe)
        if (method, path) in INVOICING:
            invoice_orders(database, scene)

    @pytest.mark.parametrize(("method", "path"), ROUTES, ids=ids(ROUTES))
    def test_answers_everybody_as_the_table_says_and_changes_nothing_where_it_refuses(
        self, database: psycopg.Connection, people: People, stack: Stack, scene: Scene, method: str, path: str
    ) -> None:
        def call(actor: str) -> int:
            person = scene.people[actor]
            if path in SPENDING and actor != "nobody":
                person = people.sign_up() if actor == "stranger" else people.member(scene.workspace_id, actor)
            return self.call(scene, method, path, person, person.token if actor != "nobody" else None).status

        def call_watched(actor: str) -> int:
            self.furnish(database, scene, stack, method, path)
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
        self.furnish(database, scene, stack, method, path)
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


@pytest.mark.usefixtures("environment")
class TestWhatIsNotMine:
    """Answers with the same bytes as what isn't there."""

    def ask(self, method: str, path: str, person: Person, template: str) -> Response:
        return send(method, path, template, person, person.token, headers={"X-Request-Id": "same"})

    def hold(
        self, database: psycopg.Connection, person: Person, method: str, path: str, *, there: Scene, nowhere: Scene
    ) -> None:
        """Hold that what is there is answered as what is nowhere, and that asking changes nothing."""
        with unchanged(database):
            foreign = self.ask(method, there.path(path), person, path)
            absent = self.ask(method, nowhere.path(path), person, path)
        assert foreign.status == 404
        assert foreign == absent

    @pytest.fixture
    def stranger(self, scene: Scene) -> Person:
        return scene.people["stranger"]

    @pytest.mark.parametrize(("method", "path"), WITH_ID, ids=ids(WITH_ID))
    def test_as_a_workspace(
        self, database: psycopg.Connection, scene: Scene, stranger: Person, method: str, path: str
    ) -> None:
        furnish(database, scene)
        elsewhere = replace(scene, workspace_id=uuid4())
        self.hold(database, stranger, method, path, there=scene, nowhere=elsewhere)

    @pytest.mark.parametrize(("method", "path"), BY_WORKSPACE)
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
        self.hold(database, stranger, method, path, there=mine, nowhere=nothing)

    @pytest.mark.parametrize(("method", "path"), [route for route in ROUTES if "/D" in route[1]])
    def test_as_a_detection(
        self, database: psycopg.Connection, scene: Scene, stranger: Person, method: str, path: str
    ) -> None:
        nothing = replace(scene, detection_id=uuid4())
        self.hold(database, stranger, method, path, there=scene, nowhere=nothing)

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

    @pytest.mark.parametrize(
        ("method", "path"), [route for route in INVOICING if {"X", "Y"} & set(route[1].split("/"))]
    )
    def test_as_an_invoice(
        self, database: psycopg.Connection, scene: Scene, stranger: Person, method: str, path: str
    ) -> None:
        invoice_orders(database, scene)
        nothing = replace(scene, invoice_id=uuid4(), draft_id=uuid4())
        self.hold(database, stranger, method, path, there=scene, nowhere=nothing)

    def test_as_an_order_to_invoice(self, database: psycopg.Connection, scene: Scene, stranger: Person) -> None:
        invoice_orders(database, scene)
        with unchanged(database):
            foreign, absent = (
                InProcess()(
                    "POST",
                    "/api/invoice",
                    token=stranger.token,
                    json={"order_id": str(order_id), "kind": "full"},
                    headers={"X-Request-Id": "same"},
                )
                for order_id in (scene.order_id, uuid4())
            )
        assert foreign.status == 404
        assert foreign == absent

    @pytest.mark.parametrize(("method", "path"), PAYING)
    def test_as_a_payment(
        self, database: psycopg.Connection, stack: Stack, scene: Scene, stranger: Person, method: str, path: str
    ) -> None:
        furnish(database, scene)
        take_payments(database, scene, stack.stripe)
        nothing = replace(scene, order_id=uuid4(), open_payment="pi_nobodys", paid_payment="pi_nobodys")
        with unchanged(database):
            foreign, absent = (
                send(
                    method,
                    each.path(path) + each.query(method, path),
                    path,
                    stranger,
                    stranger.token,
                    each.order_id,
                    headers={"X-Request-Id": "same"},
                )
                for each in (scene, nothing)
            )
        assert foreign.status == 404
        bare = [(each.status, each.body) for each in (foreign, absent)]  # of one's limit less is left
        assert bare[0] == bare[1]

    @pytest.mark.parametrize(("method", "path"), [route for route in ROUTES if "/Q" in route[1]])
    def test_as_a_quote(
        self, database: psycopg.Connection, scene: Scene, stranger: Person, method: str, path: str
    ) -> None:
        furnish(database, scene)
        nothing = replace(scene, quote_id=uuid4())
        self.hold(database, stranger, method, path, there=scene, nowhere=nothing)

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
