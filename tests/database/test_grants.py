"""Who may touch what, by PostgreSQL's own catalogue and by trying."""

from __future__ import annotations

from collections import defaultdict

import psycopg
import pytest
from psycopg import sql

from tests.database.acting import Actor, Connection, Database, Person
from tests.database.systems import System

PEOPLE, SERVICE = frozenset({"authenticated"}), frozenset({"service_role"})

# Functions not named here may be executed by their owner alone. Each in public is the entrance to one in private.
EXECUTE = {
    # The policies ask these for whoever reads a table.
    "private.my_workspaces": PEOPLE,
    "private.visible_workspaces": PEOPLE,
    "private.workspaces_permitting": PEOPLE,
    # What a person may ask for; each checks the person's permission itself.
    **dict.fromkeys(
        (
            f"{schema}.{name}"
            for schema in ("public", "private")
            for name in (
                "create_workspace",
                "read_workspace",
                "update_workspace",
                "set_logo",
                "me",
                "list_members",
                "change_member",
                "remove_member",
                "list_roles",
                "create_role",
                "update_role",
                "delete_role",
                "list_audit",
                "verify_workspace_audit",
                "create_invite",
                "list_invites",
                "revoke_invite",
                "join_workspace",
                "read_detection",
                "list_detections",
                "correct_detection",
                "detection_accuracy",
                "list_job_runs",
                "list_rate_cards",
                "list_quotes",
                "list_emails",
                "explain_email",
                "retry_email",
                "cancel_email",
                "list_email_suppressions",
                "remove_email_suppression",
                "list_orders",
                "read_order",
                "transition_order",
                "cancel_order",
                "assign_order",
                "begin_refund",
                "list_invoices",
                "read_invoice",
                "issue_invoice",
                "void_invoice",
                "credit_invoice",
                "send_invoice",
                "read_invoice_document",
                "read_invoice_settings",
            )
        ),
        PEOPLE,
    ),
    # What a guest may ask for too, through our functions, by the token of an order.
    **dict.fromkeys(
        (
            f"{schema}.{name}"
            for schema in ("public", "private")
            for name in ("start_payment", "list_payments", "begin_cancelling")
        ),
        PEOPLE | SERVICE,
    ),
    # What only our own functions may ask for.
    **dict.fromkeys(
        (
            f"{schema}.{name}"
            for schema in ("public", "private")
            for name in (
                "append_audit",
                "verify_audit_log",
                "release_idempotent",
                "invite_works",
                "bootstrap_admin",
                "begin_request",
                "find_detection",
                "record_detections",
                "reserve_ai_call",
                "settle_ai_call",
                "set_ai_budget",
                "lease_outbox",
                "keep_request",
                "settle_outbox",
                "add_rate_card",
                "quote_basis",
                "brief_basis",
                "create_quote",
                "revise_quote",
                "read_quote",
                "decline_quote",
                "expire_quotes",
                "send_quote_code",
                "convert_quote",
                "record_exchange_rates",
                "send_email",
                "lease_email",
                "record_email_event",
                "unsubscribe",
                "track_order",
                "end_refund",
                "abandon_refund",
                "refunds_unknown",
                "record_intent",
                "abandon_payment",
                "payments_unread",
                "miss_payment",
                "compare_intents",
                "next_reading",
                "begin_event",
                "record_event",
                "create_invoice",
                "change_invoice_settings",
                "documents_to_render",
                "keep_invoice_document",
                "remind_invoices",
                "quote_document",
                "begin_job",
                "end_job",
                "purge_expired",
                "forgotten_files",
                "watch",
            )
        ),
        SERVICE,
    ),
    "public.audit_heads": SERVICE,
    "private.audit_heads_export": SERVICE,
}

# Nobody but the owner may do anything else with any table.
SELECT = {
    "public.detection_corrections": PEOPLE | SERVICE,
    "public.detections": PEOPLE | SERVICE,
    "public.members": PEOPLE | SERVICE,
    "public.orders": SERVICE,
    "public.permissions": PEOPLE | SERVICE,
    "public.platform_admins": SERVICE,
    "public.profiles": PEOPLE | SERVICE,
    "public.role_permissions": PEOPLE | SERVICE,
    "public.roles": PEOPLE | SERVICE,
    "public.workspaces": PEOPLE | SERVICE,
}

# Of these, only some columns: who sees an order isn't therefore told what it costs.
for column in (
    "id workspace_id number summary expected_on workflow_state payment_state tracking created_at updated_at revision"
).split():
    SELECT[f"public.orders.{column}"] = PEOPLE

INSUFFICIENT_PRIVILEGE = "42501"


def executors(database: Database) -> dict[str, frozenset[str]]:
    """Who but its owner may execute each function, by the catalogue."""
    found = defaultdict(set)
    for function, grantee in database.owner.rows(
        """
        select p.pronamespace::regnamespace || '.' || p.proname, coalesce(nullif(a.grantee, 0)::regrole::text, 'public')
        from pg_proc as p, aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) as a
        where p.pronamespace = any ('{public,private}'::regnamespace[]) and a.grantee <> p.proowner
        """
    ):
        found[function].add(grantee)
    return {function: frozenset(grantees) for function, grantees in found.items()}


def table_grants(database: Database) -> set[tuple[str, ...]]:
    """(table or column, role, privilege) of everybody but the owners."""
    return set(
        database.owner.rows(
            """
            select c.relnamespace::regnamespace || '.' || c.relname,
              coalesce(nullif(a.grantee, 0)::regrole::text, 'public'), a.privilege_type
            from pg_class as c, aclexplode(coalesce(c.relacl, acldefault('r', c.relowner))) as a
            where c.relnamespace = any ('{public,private}'::regnamespace[])
              and c.relkind in ('r', 'p', 'v', 'm', 'f', 'S') and a.grantee <> c.relowner
            union all
            select c.relnamespace::regnamespace || '.' || c.relname || '.' || t.attname, a.grantee::regrole::text,
              a.privilege_type
            from pg_class as c join pg_attribute as t on t.attrelid = c.oid, aclexplode(t.attacl) as a
            where c.relnamespace = any ('{public,private}'::regnamespace[])
            """
        )
    )


def tables(database: Database, having: str = "true") -> list[str]:
    """The tables in our schemas, or those of which a condition on pg_class holds."""
    query = sql.SQL(
        """
        select relnamespace::regnamespace || '.' || relname from pg_class
        where relnamespace in ('public'::regnamespace, 'private'::regnamespace)
          and relkind in ('r', 'p') and relname not like 'contract%' and {}
        order by 1
        """
    ).format(sql.SQL(having))
    with database.owner.transaction() as connection:
        return [row[0] for row in connection.execute(query)]


def functions(database: Database, having: str) -> list[tuple[str, str, list[str]]]:
    """(schema, name, types of the arguments) of our functions of which a condition on pg_proc holds."""
    query = sql.SQL(
        """
        select pronamespace::regnamespace::text, proname::text,
          array(select format_type(t, null) from unnest(proargtypes) as t)
        from pg_proc
        where pronamespace in ('public'::regnamespace, 'private'::regnamespace)
          and proname not like 'contract%' and {}
        """
    ).format(sql.SQL(having))
    with database.owner.transaction() as connection:
        return [(row[0], row[1], row[2]) for row in connection.execute(query)]


class TestCatalogue:
    def test_every_table_has_row_level_security(self, migrated: Database) -> None:
        assert len(tables(migrated)) >= 15
        assert tables(migrated, "not relrowsecurity") == []

    def test_every_table_says_what_it_is(self, migrated: Database) -> None:
        assert tables(migrated, "coalesce(obj_description(oid, 'pg_class'), '') = ''") == []

    def test_execute_is_granted_to_those_named_here_alone(self, migrated: Database) -> None:
        assert executors(migrated) == EXECUTE

    def test_only_reading_is_granted_and_only_where_named_here(self, migrated: Database) -> None:
        wanted = {(table, role, "SELECT") for table, roles in SELECT.items() for role in roles}
        assert table_grants(migrated) == wanted

    def test_definers_live_in_private(self, migrated: Database) -> None:
        assert len(functions(migrated, "prosecdef")) >= 25
        assert {schema for schema, _, _ in functions(migrated, "prosecdef")} == {"private"}

    def test_every_function_has_an_empty_search_path(self, migrated: Database) -> None:
        assert functions(migrated, """not coalesce(proconfig @> array['search_path=""'], false)""") == []

    def test_what_people_may_execute_in_private_is_only_policies_and_definers_that_check(
        self, migrated: Database
    ) -> None:
        public = {name.removeprefix("public.") for name in EXECUTE if name.startswith("public.")}
        private = {name.removeprefix("private.") for name, roles in EXECUTE.items() if name.startswith("private.")}
        policies = {"my_workspaces", "visible_workspaces", "workspaces_permitting"}
        assert private - policies - {"audit_heads_export"} == public - {"audit_heads"}

    def test_nobody_says_what_their_limits_are(self, migrated: Database) -> None:
        """Else they would also say whose: whoever takes up another's limit shuts them out."""
        told = migrated.owner.rows(
            """
            select p.oid::regprocedure::text from pg_proc as p
            where p.pronamespace = any ('{public,private}'::regnamespace[])
              and p.proargnames && '{limits,_limits,_wanted,caller,_caller}'
              and has_function_privilege('authenticated', p.oid, 'execute')
            """
        )
        assert told == []

    def test_anonymous_requests_cannot_even_look_into_private(self, migrated: Database) -> None:
        assert migrated.owner.rows("""
            select grantee::regrole::text from pg_namespace, aclexplode(nspacl)
            where nspname = 'private' and grantee <> nspowner order by 1
        """) == [("authenticated",), ("service_role",)]

    def test_a_function_of_a_later_migration_is_closed_until_granted(self, system: System) -> None:
        database = system.database()
        database.owner.rows("create function public.later() returns int language sql as 'select 1'")
        database.owner.rows("create function private.later() returns int language sql as 'select 1'")
        assert executors(database) == EXECUTE

    def test_a_table_of_a_later_migration_is_closed_until_granted(self, system: System) -> None:
        database = system.database()
        before = table_grants(database)
        database.owner.rows("create table public.later (id bigint generated always as identity)")
        assert table_grants(database) == before


def columns(database: Database, table: str) -> list[str]:
    """The columns of a table that may be written."""
    found = database.owner.rows(
        """
        select attname::text from pg_attribute
        where attrelid = %s::regclass and attnum > 0 and not attisdropped and attgenerated = ''
        order by attnum
        """,
        table,
    )
    return [row[0] for row in found]


def refused(connection: Connection, statement: sql.Composed) -> str:
    """The SQLSTATE with which a statement is refused; fails when it isn't."""
    with pytest.raises(psycopg.Error) as caught, connection.transaction():
        connection.execute(statement)
    return str(caught.value.sqlstate)


class TestTrying:
    """As somebody who holds every permission there is and knows every id."""

    @pytest.fixture(params=["anon", "stranger", "owner", "service"])
    def actor(self, request: pytest.FixtureRequest, db: Database, owner: Person) -> Actor:
        return {"anon": db.anon, "stranger": db.sign_up(), "owner": owner, "service": db.service}[request.param]

    def test_nobody_inserts_updates_deletes_or_truncates(self, actor: Actor, db: Database, owner: Person) -> None:
        ids = {"workspace_id": owner.home, "user_id": owner.id, "chain": owner.home, "caller": owner.id}
        ids |= {"id": owner.home, "created_by": owner.id, "admin_id": owner.id, "default_workspace_id": owner.home}
        asked = 0
        with actor.transaction() as connection:
            for table in tables(db):
                names = columns(db, table)
                target = sql.Identifier(*table.split("."))
                column = sql.Identifier(names[0])
                # With the victim's ids: an update that matches no row would look refused without being so.
                given: dict[str, str | None] = {name: ids[name] for name in names if name in ids} or {names[0]: None}
                for statement in (
                    sql.SQL("insert into {} ({}) values ({})").format(
                        target,
                        sql.SQL(", ").join(map(sql.Identifier, given)),
                        sql.SQL(", ").join(map(sql.Literal, given.values())),
                    ),
                    sql.SQL("update {} set {} = {}").format(target, column, column),
                    sql.SQL("delete from {}").format(target),
                    sql.SQL("truncate {} cascade").format(target),
                ):
                    assert refused(connection, statement) == INSUFFICIENT_PRIVILEGE, statement.as_string(None)
                    asked += 1
        assert asked >= 60

    def test_anonymous_requests_read_nothing(self, db: Database) -> None:
        with db.anon.transaction() as connection:
            for table in tables(db):
                query = sql.SQL("select from {}").format(sql.Identifier(*table.split(".")))
                assert refused(connection, query) == INSUFFICIENT_PRIVILEGE

    def test_people_read_only_what_is_theirs_to_read(self, db: Database, owner: Person) -> None:
        closed = [table for table in tables(db) if "authenticated" not in SELECT.get(table, ())]
        assert len(closed) >= 8
        with owner.transaction() as connection:
            for table in closed:
                query = sql.SQL("select * from {}").format(sql.Identifier(*table.split(".")))
                assert refused(connection, query) == INSUFFICIENT_PRIVILEGE

    @pytest.mark.parametrize("role", ["anon", "authenticated", "service_role"])
    def test_functions_that_are_not_granted_are_refused(self, role: str, db: Database, owner: Person) -> None:
        actor: Actor = {"anon": db.anon, "authenticated": owner, "service_role": db.service}[role]
        asked = 0
        with actor.transaction() as connection:
            for schema, name, types in functions(db, "prorettype <> 'trigger'::regtype"):
                if role in EXECUTE.get(f"{schema}.{name}", ()):
                    continue
                nulls = sql.SQL(", ").join(sql.SQL("null::" + type) for type in types)
                query = sql.SQL("select {}({})").format(sql.Identifier(schema, name), nulls)
                assert refused(connection, query) == INSUFFICIENT_PRIVILEGE, name
                asked += 1
        assert asked >= 40
