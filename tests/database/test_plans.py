"""What every request asks of the database is found by index, however much there is beside it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from uuid import UUID, uuid4

import pytest

from tests.database.acting import Actor, Connection, Database, Person, call, run
from tests.database.systems import System

ROWS = 20_000

# As superuser without triggers: each of many people has a workspace of their own, and has left a trace in every table.
FILL = f"""
    set local session_replication_role = replica;
    create temporary table crowd on commit drop as
      select gen_random_uuid() as person, gen_random_uuid() as home from generate_series(1, {ROWS});
    insert into auth.users (id, email) select person, person || '@example.com' from crowd;
    insert into public.workspaces (id, name) select home, 'x' from crowd;
    insert into public.profiles (user_id, name, default_workspace_id) select person, 'x', home from crowd;
    insert into public.members (workspace_id, user_id, role_id) select home, person, private.owner_role() from crowd;
    insert into private.idempotency (caller, route, key, fingerprint, leased_until)
      select person, 'POST /api/workspaces', 'k', 'f', now() from crowd;
    insert into private.rate_limits (name, subject, taken)
      select 'detect', encode(sha256(person::text::bytea), 'hex'), array[now()] from crowd;
    insert into public.invites (workspace_id, role_id, code_hash, max_uses, expires_at, created_by)
      select home, private.owner_role(), sha256(home::text::bytea), 1, now(), person from crowd;
    insert into public.detections
      (workspace_id, user_id, kind, image_sha256, items, text, confidence, provider, model, processing_time_ms)
      select home, person, 'general', repeat('0', 64), '[]', '', 0, 'local', 'test', 0 from crowd;
    insert into private.audit_heads (chain, sequence, hash) select home, 1, '' from crowd;
    insert into private.audit_log (chain, sequence, at, action, details, hash)
      select home, 1, now(), 'a.b', '{{}}', '' from crowd;
"""  # noqa: S608
LARGE = {
    "users", "workspaces", "profiles", "members", "idempotency", "rate_limits", "invites", "detections",
    "audit_heads", "audit_log",
}  # fmt: skip


@pytest.fixture(scope="module")
def crowded(system: System) -> Database:
    database = system.database()
    with database.superuser.transaction() as connection:
        run(connection, FILL)
    database.superuser.rows("analyze")
    return database


@pytest.fixture(scope="module")
def somebody(crowded: Database) -> Person:
    person = crowded.sign_up()
    other = crowded.sign_up()
    crowded.owner.rows(
        "insert into public.members (workspace_id, user_id, role_id) values (%s, %s, private.owner_role())",
        other.workspace_id,
        person.user_id,
    )
    return person


def scans(connection: Connection) -> dict[str, tuple[int, int]]:
    """How often this backend read each large table whole, and by index, since it last reported."""
    run(connection, "reset role")
    counted = run(connection, "select relname, seq_scan, coalesce(idx_scan, 0) from pg_stat_xact_user_tables")
    return {name: (whole, by_index) for name, whole, by_index in counted if name in LARGE}


def scanned(actor: Actor, act: Callable[[Connection], object]) -> tuple[set[str], set[str]]:
    """The large tables that a transaction reads from end to end, and those it reads by index."""
    with actor.transaction() as connection:
        role = run(connection, "select current_user")[0][0]
        before = scans(connection)
        run(connection, f"set local role {role}")
        act(connection)
        after = scans(connection)
    new = {name: (after[name][0] - before[name][0], after[name][1] - before[name][1]) for name in after}
    return {name for name, (whole, _) in new.items() if whole}, {name for name, (_, by) in new.items() if by}


def test_a_limited_idempotent_permitted_request(crowded: Database, somebody: Person) -> None:
    limits = [{"name": "detect", "subject": somebody.id, "quota": 100, "window_seconds": 900, "units": 1}]

    def begin(connection: Connection, workspace: UUID | None) -> None:
        asked: dict[str, object] = {"caller": somebody.id, "limits": limits, "route": "POST /x", "fingerprint": "f"}
        asked |= {"key": uuid4().hex, "permission": "detect.use", "workspace_id": workspace}
        answer = call(connection, "begin_request", **asked)
        assert (answer["refusal"], answer["idempotency"]["state"]) == (None, "started")

    for workspace in (None, somebody.workspace_id):
        whole, by_index = scanned(crowded.service, partial(begin, workspace=workspace))
        assert whole == set()
        assert {"idempotency", "rate_limits", "members", "workspaces"} <= by_index


@pytest.mark.parametrize(
    ("query", "tables"),
    [
        ("select private.permission_scope(%s, 'detect.use', %s)", {"members"}),
        ("select private.is_member(%s, %s)", {"members"}),
        ("select private.holds(%s, '[\"detect.use\"]', %s)", {"members"}),
        ("select private.member_json(%s, %s)", {"members", "profiles", "users"}),
        ("select %s::uuid, private.default_workspace(%s)", {"members"}),
    ],
)
def test_what_permissions_are_made_of(crowded: Database, somebody: Person, query: str, tables: set[str]) -> None:
    def ask(connection: Connection) -> None:
        assert run(connection, query, somebody.workspace_id, somebody.user_id)[0][-1] is not None

    whole, by_index = scanned(crowded.owner, ask)
    assert whole == set()
    assert tables <= by_index


@pytest.mark.parametrize(
    ("query", "tables", "rows"),
    [
        ("select private.my_workspaces()", {"members"}, 2),
        ("select private.workspaces_permitting('inventory.read')", {"members"}, 2),
        ("select id from public.workspaces order by id limit 51", {"members", "workspaces"}, 2),
        ("select user_id from public.profiles", {"profiles"}, 1),
        ("select user_id from public.members", {"members"}, 3),
        ("select id from public.detections", {"detections"}, 0),
        (
            "select user_id from public.members where workspace_id = (select private.my_workspaces() limit 1)",
            {"members"},
            1,
        ),
    ],
)
def test_what_people_read(crowded: Database, somebody: Person, query: str, tables: set[str], rows: int) -> None:
    def read(connection: Connection) -> None:
        assert len(run(connection, query)) >= rows

    whole, by_index = scanned(somebody, read)
    assert whole == set()
    assert tables <= by_index


@pytest.mark.parametrize(
    ("procedure", "arguments"),
    [
        ("me", {}),
        ("list_members", {"workspace_id": "home"}),
        ("list_invites", {"workspace_id": "home"}),
        ("list_audit", {"workspace_id": "home"}),
        ("list_roles", {"workspace_id": "home"}),
        ("create_workspace", {"name": "x"}),
        ("update_workspace", {"workspace_id": "home", "changes": {"name": "x"}}),
        ("create_invite", {"workspace_id": "home", "role": "staff", "code": "ABCDEFGHJKMNPQRS"}),
        ("join_workspace", {"code": "ABCDEFGHJKMNPQRS"}),
        ("create_role", {"workspace_id": "home", "name": "barista", "permissions": ["stock.move"]}),
        ("delete_role", {"workspace_id": "home", "name": "barista"}),
    ],
)
def test_what_people_ask_for(crowded: Database, somebody: Person, procedure: str, arguments: dict[str, object]) -> None:
    given = {name: somebody.home if value == "home" else value for name, value in arguments.items()}

    def ask(connection: Connection) -> None:
        assert call(connection, procedure, **given)["status"] < 300

    whole, by_index = scanned(somebody, ask)
    assert whole == set()
    assert by_index


def test_the_check_would_see_a_table_read_whole(crowded: Database) -> None:
    def read(connection: Connection) -> None:
        run(connection, "select from public.workspaces where name = 'nobody''s'")

    assert scanned(crowded.owner, read) == ({"workspaces"}, set())
