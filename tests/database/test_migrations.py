"""The migrations as files, and as they run: on PostgreSQL 18 and 17, twice, and where much is granted by default."""

from __future__ import annotations

import re
from pathlib import Path

import psycopg
import pytest

from local import migrations
from local.state import ROOT
from tests.database.acting import Database
from tests.database.systems import MIGRATIONS, System
from tests.database.test_grants import executors, table_grants

FILES = sorted(MIGRATIONS.glob("*"))

# What a schema consists of, so that two can be compared.
SHAPE = """
    select 'column', c.relnamespace::regnamespace || '.' || c.relname || '.' || a.attname,
      concat_ws(' ', format_type(a.atttypid, a.atttypmod), a.attnotnull, pg_get_expr(d.adbin, d.adrelid))
    from pg_class as c
    join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    left join pg_attrdef as d on d.adrelid = c.oid and d.adnum = a.attnum
    where c.relnamespace::regnamespace::text in ('public', 'private') and c.relkind = 'r'
    union all
    select 'index', indexname, indexdef from pg_indexes where schemaname in ('public', 'private')
    union all
    select 'constraint', conname, pg_get_constraintdef(oid) from pg_constraint
    where connamespace::regnamespace::text in ('public', 'private') and contype <> 'n'  -- those are 18's alone
    union all
    select 'function', oid::regprocedure::text, pg_get_functiondef(oid) from pg_proc
    where pronamespace::regnamespace::text in ('public', 'private')
    union all
    select 'policy', policyname, concat(roles, cmd, qual, with_check) from pg_policies where schemaname = 'public'
    union all
    select 'trigger', tgname, pg_get_triggerdef(oid) from pg_trigger where not tgisinternal
"""


def shape(database: Database) -> set[tuple[str, ...]]:
    return set(database.owner.rows(SHAPE))


class TestFiles:
    def test_are_named_by_time_and_subject(self) -> None:
        assert len(FILES) >= 11
        for path in FILES:
            assert re.fullmatch(r"\d{14}_[a-z]+(_[a-z]+)*\.sql", path.name), path.name
        versions = [path.name[:14] for path in FILES]
        assert versions == sorted(set(versions))

    @pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.stem[15:]))
    def test_start_with_a_comment_and_the_timeouts(self, path: Path) -> None:
        lines = path.read_text().splitlines()
        said = [line for line in lines if not line.startswith("--")]
        assert lines[0].startswith("-- ")
        assert said[:2] == ["set lock_timeout = '5s';", "set statement_timeout = '60s';"]

    @pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.stem[15:]))
    def test_are_in_lower_case(self, path: Path) -> None:
        code = re.sub(r"--.*|'(?:[^']|'')*'|\"[^\"]*\"", "", path.read_text())
        assert re.findall(r"\b[A-Z]{2,}\b", code) == []

    @pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.stem[15:]))
    def test_need_no_extension(self, path: Path) -> None:
        assert "extension" not in path.read_text()

    def test_are_forward_only(self) -> None:
        for path in FILES:
            assert not re.search(r"^drop (table|schema|function|column)", path.read_text(), re.MULTILINE), path.name


class TestRunning:
    def test_again_does_nothing(self, system: System) -> None:
        database = system.database()
        before = shape(database)
        with psycopg.connect(database.url, autocommit=True) as connection:
            assert migrations.migrate(connection, MIGRATIONS) == []
        assert shape(database) == before
        assert len(before) > 150

    def test_on_postgresql_17_the_same_comes_out(self, system17: System, migrated: Database) -> None:
        database = system17.database()
        assert database.owner.value("show server_version_num").startswith("17")
        assert shape(database) == shape(migrated)
        assert table_grants(database) == table_grants(migrated)
        assert executors(database) == executors(migrated)

    def test_on_postgresql_17_people_sign_up_join_and_are_limited(self, system17: System) -> None:
        database = system17.database()
        owner = database.sign_up(workspace_name="Juniper")
        owner.call("create_invite", workspace_id=owner.home, role="staff", code="ABCDEFGHJKMNPQRS")
        person = database.sign_up(invite_code="abcd-efgh-jkmn-pqrs")
        assert database.role_of(owner.workspace_id, person) == "staff"
        limit = {"name": "t", "subject": "x", "quota": 1, "window_seconds": 9, "units": 1}
        begun = [database.service.call("begin_request", limits=[limit])["refusal"] for _ in range(2)]
        assert [refusal and refusal["status"] for refusal in begun] == [None, 429]
        assert person.call("list_members", workspace_id=owner.home)["status"] == 200
        assert owner.call("verify_workspace_audit", workspace_id=owner.home)["body"]["intact"]

    def test_where_everything_is_granted_by_default_nothing_more_is_open(
        self, system: System, migrated: Database
    ) -> None:
        database = system.database(migrated=False)
        for kind in ("tables", "sequences", "functions"):  # as in projects made before 2026-10-30
            database.owner.rows(
                f"alter default privileges in schema public grant all on {kind} to anon, authenticated, service_role"
            )
        database.owner.rows("create table public.probe ()")
        assert database.owner.value("select has_table_privilege('anon', 'public.probe', 'truncate')")
        database.owner.rows("drop table public.probe")

        with psycopg.connect(database.url, autocommit=True) as connection:
            migrations.migrate(connection, MIGRATIONS)
        assert table_grants(database) == table_grants(migrated)
        assert executors(database) == executors(migrated)

    def test_the_seed_fits_and_runs_once(self, system: System) -> None:
        database = system.database()
        seed = ROOT / "supabase" / "seed.sql"
        with psycopg.connect(database.url, autocommit=True) as connection:
            assert migrations.seed(connection, seed)
            assert not migrations.seed(connection, seed)
        assert len(database.owner.rows("select id from public.workspaces")) == 5
        with pytest.raises(psycopg.errors.RaiseException, match="for an empty database"):
            database.owner.rows(seed.read_text())

    def test_the_seed_is_refused_in_production(self, system: System) -> None:
        database = system.database()
        script = b"set local backroom.environment = 'production'; " + (ROOT / "supabase" / "seed.sql").read_bytes()
        with (
            pytest.raises(psycopg.errors.RaiseException, match="production"),
            database.owner.transaction() as connection,
        ):
            connection.execute(script)
        assert database.owner.rows("select id from public.workspaces") == []
