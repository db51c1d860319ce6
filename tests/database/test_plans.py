"""What every request asks of the database is found by index, however much there is beside it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from uuid import UUID, uuid4

import psycopg
import pytest

from tests.database.acting import Actor, Connection, Database, Person, call, run
from tests.database.detecting import detection
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
      (workspace_id, user_id, kind, image_sha256, prompt_sha256, items, text, confidence, provider, model,
       cost_micro_usd, processing_time_ms)
      select home, person, 'general', repeat('0', 64), repeat('0', 64), '[]', '', 0, 'local', 'test', 0, 0 from crowd;
    insert into public.detection_corrections (detection_id, user_id, items, detected, present, correct)
      select id, user_id, '[]', 0, 0, 0 from public.detections;
    insert into private.ai_calls
      (workspace_id, user_id, capability, provider, model, day, reserved_micro_usd, leased_until, outcome, micro_usd)
      select home, person, 'seeing', 'gemini', 'test', current_date, 1, now(), 'answered', 1 from crowd;
    insert into private.ai_spending (subject, day, micro_usd)
      select home, current_date, 1 from crowd union all select person, current_date, 1 from crowd;
    insert into private.ai_budgets (subject, daily_micro_usd) select home, 1 from crowd;
    insert into public.orders
      (workspace_id, number, buyer_id, customer, summary, currency, lines, subtotal_minor, total_minor, deposit_minor,
       balance_minor, workflow_state, tracking_token_hash)
      select home, 'O-1', person, '{{}}', 'x', 'USD',
        '[{{"kind": "item", "description": "x", "amount_minor": 1}}]', 1, 1, 1, 0, 'draft', sha256(home::text::bytea)
      from crowd;
    insert into private.audit_heads (chain, sequence, hash) select home, 1, '' from crowd;
    insert into private.audit_log (chain, sequence, at, action, details, hash)
      select home, 1, now(), 'a.b', '{{}}', '' from crowd;
"""  # noqa: S608
# One workspace with as many detections and orders, its owner's but for every hundredth, and calls that are all settled
# but for a few. LAST is the image of the latest.
STOCK = f"""
    set local session_replication_role = replica;
    insert into public.detections
      (workspace_id, user_id, kind, image_sha256, prompt_sha256, items, text, confidence, provider, model,
       cost_micro_usd, processing_time_ms, created_at)
      select %(home)s, case when n %% 100 = 0 then %(buyer)s else %(owner)s end::uuid, 'general',
        lpad(n::text, 64, '0'), repeat('0', 64), '[]', '', 0, 'local', 'test', 0, 0, now() - n * interval '1 second'
      from generate_series(1, {ROWS}) as n;
    insert into public.orders
      (workspace_id, number, buyer_id, customer, summary, currency, lines, subtotal_minor, total_minor, deposit_minor,
       balance_minor, workflow_state, tracking_token_hash, created_at)
      select %(home)s, 'O-' || n, case when n %% 100 = 0 then %(buyer)s else %(owner)s end::uuid, '{{}}', 'x', 'USD',
        '[{{"kind": "item", "description": "x", "amount_minor": 1}}]', 1, 1, 1, 0,
        case when n %% 1000 < 500 then 'draft' else 'cancelled' end, sha256(n::text::bytea),
        now() - n * interval '1 second'
      from generate_series(1, {ROWS}) as n;
    insert into private.ai_calls
      (workspace_id, user_id, capability, provider, model, day, reserved_micro_usd, leased_until, outcome, micro_usd)
      select %(home)s, %(buyer)s, 'seeing', 'gemini', 'test', current_date, 1, now() + interval '1 day',
        case when n > 10 then 'answered' end, case when n > 10 then 1 end
      from generate_series(1, {ROWS}) as n;
    with mails as (
      insert into private.email_messages (workspace_id, template, recipient, data, outbox_id, created_at)
      select %(home)s, 'plain', n || '@example.com', '{{}}', gen_random_uuid(), now() - n * interval '1 second'
      from generate_series(1, {ROWS}) as n
      returning *)
    insert into private.outbox (id, topic, payload, workspace_id, ordering_key, give_up_at)
      select outbox_id, 'email', jsonb_build_object('message', id), workspace_id,
        case when recipient like '9%%' then id end, now() + interval '1 day'
      from mails;
    insert into private.attempts (outbox_id, delivery, attempt)
      select id, gen_random_uuid(), 1 from private.outbox;
    insert into private.email_events (id, message_id, provider_id, type, at)
      select id, id, id, 'delayed', now() from private.email_messages;
"""  # noqa: S608
LAST = "1".rjust(64, "0")
LARGE = {
    "users", "workspaces", "profiles", "members", "idempotency", "rate_limits", "invites", "detections",
    "audit_heads", "audit_log", "detection_corrections", "ai_calls", "ai_spending", "ai_budgets",
    "orders",
    "outbox", "attempts", "email_messages", "email_events",
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
        ("select detection_id from public.detection_corrections", {"detections"}, 0),
        ("select id from public.orders", {"orders"}, 0),
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
        ("list_orders", {"workspace_id": "home"}),
        ("create_workspace", {"name": "x"}),
        ("update_workspace", {"workspace_id": "home", "changes": {"name": "x"}}),
        ("set_logo", {"workspace_id": "home"}),
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


@dataclass(frozen=True)
class Shop:
    """A workspace with as much in it as all others together, and somebody who has a little of that."""

    owner: Person
    buyer: Person
    detection: UUID
    call: UUID


@pytest.fixture(scope="module")
def shop(crowded: Database) -> Shop:
    owner = crowded.sign_up()
    buyer = crowded.member(owner.workspace_id, "buyer")
    with crowded.superuser.transaction() as connection:
        ids = {"home": owner.workspace_id, "owner": owner.user_id, "buyer": buyer.user_id}
        psycopg.ClientCursor(connection).execute(STOCK.encode(), ids)
    crowded.superuser.rows("analyze")
    made, reserved = (
        crowded.owner.value(f"select min(id::text)::uuid from {table} where user_id = %s {condition}", buyer.user_id)  # noqa: S608
        for table, condition in (("public.detections", ""), ("private.ai_calls", "and outcome is null"))
    )
    return Shop(owner, buyer, made, reserved)


def fetched(actor: Actor, act: Callable[[Connection], object]) -> int:
    """How many rows of large tables a transaction reads, by index or not."""
    counts = """
        select coalesce(sum(seq_tup_read + coalesce(idx_tup_fetch, 0)), 0)
        from pg_stat_xact_user_tables where relname = any (%s)
    """
    with actor.transaction() as connection:
        role = run(connection, "select current_user")[0][0]
        run(connection, "reset role")
        before = run(connection, counts, sorted(LARGE))[0][0]
        run(connection, f"set local role {role}")
        act(connection)
        run(connection, "reset role")
        return int(run(connection, counts, sorted(LARGE))[0][0] - before)


class TestDetections:
    """Beside those of others, and of a workspace that has many, each reads about what it answers."""

    @pytest.mark.parametrize("who", ["owner", "buyer"])
    def test_a_page(self, shop: Shop, who: str) -> None:
        person: Person = getattr(shop, who)

        def turn_pages(connection: Connection) -> None:
            after = None
            for _ in range(8):  # from the sixth on, PostgreSQL may go by one plan for all
                page = call(connection, "list_detections", workspace_id=person.home, after=after, page_size=11)["body"]
                assert len(page) == 11
                after = page[9]["detection_id"]

        whole, _ = scanned(person, turn_pages)
        assert whole == set()
        assert fetched(person, turn_pages) < 8 * 100

    def test_one_of_them(self, shop: Shop) -> None:
        def read(connection: Connection) -> None:
            for _ in range(8):
                assert call(connection, "read_detection", detection_id=shop.detection)["status"] == 200

        whole, by_index = scanned(shop.buyer, read)
        assert (whole, {"detections", "detection_corrections"} <= by_index) == (set(), True)
        assert fetched(shop.buyer, read) < 8 * 20

    def test_one_to_give_again(self, crowded: Database, shop: Shop) -> None:
        asked = {"workspace_id": shop.owner.home, "kind": "general", "prompt_sha256": "0" * 64}

        def find(connection: Connection) -> None:
            for _ in range(8):
                assert call(connection, "find_detection", caller=shop.buyer.id, image_sha256=LAST, **asked)

        whole, by_index = scanned(crowded.service, find)
        assert (whole, by_index) == (set(), {"detections"})
        assert fetched(crowded.service, find) < 8 * 20

    def test_recording_giving_again_and_correcting(self, crowded: Database, shop: Shop) -> None:
        def record(connection: Connection) -> None:
            outcomes = [{"detection": detection()}, {"repeats": str(shop.detection)}]
            asked = {"workspace_id": shop.owner.home, "outcomes": outcomes, "batch": True}
            for person in (shop.buyer, shop.owner):
                assert call(connection, "record_detections", caller=person.id, **asked)["status"] == 200

        def correct(connection: Connection) -> None:
            assert call(connection, "correct_detection", detection_id=shop.detection, items=[])["status"] == 201

        assert scanned(crowded.service, record)[0] == set()
        assert fetched(crowded.service, record) < 150
        assert scanned(shop.buyer, correct)[0] == set()
        assert fetched(shop.buyer, correct) < 100

    def test_accuracy_reads_the_corrections_of_the_workspace_and_of_no_other(
        self, crowded: Database, somebody: Person, shop: Shop
    ) -> None:
        made = crowded.service.call(
            "record_detections", caller=somebody.id, workspace_id=somebody.workspace_id,
            outcomes=[{"detection": detection()}], batch=False,
        )["body"]["detection_id"]  # fmt: skip
        somebody.call("correct_detection", detection_id=made, items=[])

        def measure(connection: Connection) -> None:
            for _ in range(8):
                answer = call(connection, "detection_accuracy", workspace_id=somebody.home)
                assert answer["body"]["total"]["corrected"] == 1

        whole, by_index = scanned(somebody, measure)
        assert (whole, {"detections", "detection_corrections"} <= by_index) == (set(), True)
        assert fetched(somebody, measure) < 8 * 30


class TestBudgets:
    """However many calls there were, and are: those of the workspace and of the person under way are added up."""

    def test_reserving_and_settling(self, crowded: Database, shop: Shop) -> None:
        asked = {"capability": "seeing", "provider": "gemini", "model": "test", "micro_usd": 1, "lease_seconds": 10}

        def reserve(connection: Connection, person: Person = shop.buyer) -> UUID:
            answer = call(connection, "reserve_ai_call", caller=person.id, workspace_id=shop.owner.home, **asked)
            return UUID(answer["call"])

        def reserve_and_settle(connection: Connection) -> None:
            for _ in range(8):
                made = reserve(connection)
                call(
                    connection, "settle_ai_call", call=made, outcome="answered", healthy=True, micro_usd=1,
                    input_tokens=1, output_tokens=1, duration_ms=1,
                )  # fmt: skip

        whole, by_index = scanned(crowded.service, reserve_and_settle)
        assert whole == set()
        assert {"ai_calls", "ai_spending", "ai_budgets"} <= by_index
        assert fetched(crowded.service, reserve_and_settle) < 8 * 100


class TestOrders:
    """Likewise."""

    @pytest.mark.parametrize("state", [None, "cancelled"])
    @pytest.mark.parametrize("who", ["owner", "buyer"])
    def test_a_page(self, shop: Shop, who: str, state: str | None) -> None:
        person: Person = getattr(shop, who)

        def turn_pages(connection: Connection) -> None:
            after = None
            for _ in range(8):
                asked = {"workspace_id": person.home, "workflow_state": state, "after": after, "page_size": 11}
                page = call(connection, "list_orders", **asked)["body"]
                assert len(page) == 11
                after = page[9]["id"]

        whole, _ = scanned(person, turn_pages)
        assert whole == set()
        assert fetched(person, turn_pages) < 8 * 150

    def test_one_to_track(self, crowded: Database, shop: Shop) -> None:
        token = str(shop.owner.workspace_id)

        def track(connection: Connection) -> None:
            assert call(connection, "track_order", token=token)["status"] == 404

        assert scanned(crowded.service, track) == (set(), {"orders"})


def test_who_points_at_a_row_is_found_by_index(migrated: Database) -> None:
    """Deleting a person or a workspace would otherwise read every table that names it."""
    missing = migrated.owner.rows(
        """
        select k.conrelid::regclass::text, a.attname::text
        from pg_constraint as k join pg_attribute as a on a.attrelid = k.conrelid and a.attnum = k.conkey[1]
        where k.contype = 'f' and k.connamespace = any ('{public,private}'::regnamespace[])
          and k.confrelid = any ('{auth.users,public.workspaces,public.detections}'::regclass[])
          and not exists (
            select from pg_index as i where i.indrelid = k.conrelid and i.indkey[0] = k.conkey[1] and i.indpred is null)
        """
    )
    assert missing == []


def test_the_check_would_see_a_table_read_whole(crowded: Database) -> None:
    def read(connection: Connection) -> None:
        run(connection, "select from public.workspaces where name = 'nobody''s'")

    assert scanned(crowded.owner, read) == ({"workspaces"}, set())


class TestMails:
    """However many wait, and were sent before."""

    @pytest.mark.parametrize("which", [{}, {"recipient": "7777@Example.com"}, {"template": "plain"}])
    def test_a_page(self, shop: Shop, which: dict[str, str]) -> None:
        def read(connection: Connection) -> None:
            for _ in range(8):
                assert call(connection, "list_emails", page_size=11, **which)["body"]

        assert scanned(shop.owner, read)[0] == set()
        assert fetched(shop.owner, read) < 8 * 100

    def test_delivering_them_and_what_is_told_of_them(self, crowded: Database, shop: Shop) -> None:
        def work(connection: Connection) -> None:
            for n in range(8):
                leased = call(connection, "lease_email", most=10, lease_seconds=60)
                about = {"delivery": leased["id"], "attempt": 1}
                assert call(connection, "keep_request", **about, request="x")
                ids = [each["outbox_id"] for each in leased["messages"]]
                outcomes = [{"id": id_, "outcome": "delivered", "receipt": id_} for id_ in ids]
                call(connection, "settle_outbox", **about, outcomes=outcomes)
                event = {"type": "delivered", "at": "2026-01-01T00:00:00Z", "provider_id": ids[0]}
                assert call(connection, "record_email_event", id=f"{uuid4()}{n}", **event) == "recorded"

        assert scanned(crowded.service, work)[0] == set()
        assert fetched(crowded.service, work) < 8 * 10 * 40

    def test_the_story_of_one(self, crowded: Database, shop: Shop) -> None:
        one = crowded.owner.value("select id from private.email_messages where recipient = '5555@example.com'")

        def read(connection: Connection) -> None:
            for _ in range(8):
                assert len(call(connection, "explain_email", message_id=one)["body"]["attempts"]) == 1

        assert scanned(shop.owner, read)[0] == set()
        assert fetched(shop.owner, read) < 8 * 30
