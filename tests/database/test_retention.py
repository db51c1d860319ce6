"""The purge obeys the retention table, and nothing that isn't in it goes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import psycopg
import pytest

from tests.database.acting import Actor, Database
from tests.database.systems import System

KEPT = {
    "private.idempotency": "24 hours",
    "private.rate_limits": "1 day",
    "public.invites": "90 days",
    "public.detections": "2 years",
    "private.ai_calls": "2 years",
    "private.ai_spending": "3 days",
    "private.outbox": "90 days",
    "private.job_runs": "90 days",
    "private.email_messages": "1 year",
    "private.exchange_rates": "3650 days",
    "private.quote_codes": "1 day",
    "private.alerts": "90 days",
    "private.payment_findings": "400 days",
}
# A date's age is known to the day, any other row's to far less than a minute.
STEPS = {"private.ai_spending": "1 day", "private.exchange_rates": "1 day"}
# Each makes a row of the age given, in a workspace of its own.
ROWS = {
    "private.idempotency": """
        insert into private.idempotency (caller, route, key, fingerprint, leased_until, created_at)
        values (gen_random_uuid(), 'r', 'k', 'f', now(), now() - %s::interval)
    """,
    "private.rate_limits": """
        insert into private.rate_limits (name, subject, taken)
        values ('t', gen_random_uuid(), array[now() - interval '9 days', now() - %s::interval])
    """,
    "public.invites": """
        insert into public.invites (workspace_id, role_id, code_hash, max_uses, expires_at)
        select w.id, private.owner_role(), sha256(gen_random_uuid()::text::bytea), 1, now() - %s::interval
        from public.workspaces as w limit 1
    """,
    "public.detections": """
        insert into public.detections
          (workspace_id, kind, image_sha256, prompt_sha256, items, text, confidence, provider, model,
           cost_micro_usd, processing_time_ms, created_at)
        select w.id, 'general', repeat('0', 64), repeat('0', 64), '[]', '', 0, 'local', 'test',
          0, 0, now() - %s::interval
        from public.workspaces as w limit 1
    """,
    "private.ai_calls": """
        insert into private.ai_calls
          (workspace_id, capability, provider, model, day, reserved_micro_usd, leased_until, outcome, micro_usd,
           created_at)
        select w.id, 'seeing', 'gemini', 'test', '2020-01-01', 0, now(), 'answered', 0, now() - %s::interval
        from public.workspaces as w limit 1
    """,
    "private.ai_spending": """
        insert into private.ai_spending (subject, day) values (gen_random_uuid(), now() - %s::interval)
    """,
    "private.outbox": """
        insert into private.outbox (topic, payload, give_up_at, state, ended_at)
        values ('test', '{}', now(), 'delivered', now() - %s::interval)
    """,
    "private.job_runs": """
        insert into private.job_runs (job, leased_until, ended_at, outcome, started_at)
        values ('test', now(), now(), 'done', now() - %s::interval)
    """,
    "private.quote_codes": """
        insert into private.quote_codes (family, workspace_id, code_hash, expires_at)
        select gen_random_uuid(), w.id, '', now() - %s::interval from public.workspaces as w limit 1
    """,
    "private.exchange_rates": """
        insert into private.exchange_rates (currency, as_of, rate, source)
        select 'XTS', (now() - %s::interval)::date, 1, 'test'
    """,
    "private.email_messages": """
        insert into private.email_messages (template, recipient, created_at)
        values ('plain', 'somebody@example.com', now() - %s::interval)
    """,
    "private.payment_findings": """
        insert into private.payment_findings (stripe_id, kind, seen_at)
        values ('pi_' || gen_random_uuid(), 'unknown', now() - %s::interval)
    """,
    "private.alerts": """
        insert into private.alerts (condition, detail, cleared_at) values ('test', '', now() - %s::interval)
    """,
}


@pytest.fixture(scope="module")
def apart(system: System) -> Iterator[Database]:
    """A database of its own: the purge takes what other tests still need."""
    database = system.database()
    database.sign_up()
    database.owner.rows("insert into private.jobs (name) values ('test')")
    yield database
    database.close()


def count(database: Database, relation: str) -> int:
    return int(database.owner.value(f"select count(*) from {relation}"))  # noqa: S608


def test_the_rules_are_these(apart: Database) -> None:
    rules = dict(
        apart.owner.rows("""
            select c.relnamespace::regnamespace || '.' || c.relname, r.keep
            from private.retention as r join pg_class as c on c.oid = r.relation
        """)
    )
    assert rules == {relation: interval(apart, keep) for relation, keep in KEPT.items()}
    assert apart.owner.rows("select relation from private.retention where reason = ''") == []


@pytest.mark.parametrize("relation", KEPT)
def test_what_is_over_goes_and_the_rest_stays(apart: Database, relation: str) -> None:
    apart.owner.rows(f"delete from {relation}")  # noqa: S608
    step = STEPS.get(relation, "1 minute")
    for age in ("0", f"{KEPT[relation]} - {step}"):
        apart.owner.rows(ROWS[relation], interval(apart, age))
    for age in (f"{KEPT[relation]} + {step}", f"{KEPT[relation]} + 3 years"):
        apart.owner.rows(ROWS[relation], interval(apart, age))
    removed = apart.service.call("purge_expired")
    assert removed == {name: 2 if name == relation else 0 for name in KEPT}
    assert count(apart, relation) == 2


def test_no_more_goes_at_a_time_than_asked_for(apart: Database) -> None:
    apart.owner.rows("delete from private.ai_spending")
    for _ in range(5):
        apart.owner.rows(ROWS["private.ai_spending"], timedelta(days=9))
    removed = [apart.service.call("purge_expired", most=2)["private.ai_spending"] for _ in range(4)]
    assert removed == [2, 2, 1, 0]


def interval(database: Database, age: str) -> timedelta:
    """'1 day - 1 minute' as one interval."""
    keep, _, less = age.partition(" - ")
    keep, _, more = keep.partition(" + ")
    query = "select %s::interval - %s::interval + %s::interval"
    found: timedelta = database.owner.value(query, keep, less or "0", more or "0")
    return found


def test_a_limit_nobody_took_goes(apart: Database) -> None:
    apart.owner.rows("insert into private.rate_limits (name, subject) values ('t', 'empty')")
    apart.service.call("purge_expired")
    assert apart.owner.rows("select from private.rate_limits where subject = 'empty'") == []


def test_nothing_else_goes(apart: Database) -> None:
    counted = ["auth.users", "public.workspaces", "public.members", "public.profiles", "public.permissions"]
    before = [count(apart, relation) for relation in counted]
    audited = count(apart, "private.audit_log")
    apart.service.call("purge_expired")
    assert [count(apart, relation) for relation in counted] == before
    assert min(before) > 0
    assert count(apart, "private.audit_log") == audited + 1


def test_what_it_did_is_told(apart: Database) -> None:
    removed = apart.service.call("purge_expired")
    details = apart.owner.value("""
        select details from private.audit_log where action = 'retention.obeyed' order by sequence desc limit 1
    """)
    assert details == removed


@pytest.mark.parametrize("who", ["anon", "person"])
def test_people_cannot_purge(apart: Database, who: str) -> None:
    actor: Actor = apart.anon if who == "anon" else apart.sign_up()
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        actor.call("purge_expired")


def test_a_mail_for_later_is_kept_from_when_it_is_due(apart: Database) -> None:
    apart.owner.rows(
        """
        insert into private.email_messages (template, recipient, created_at, send_at)
        values ('plain', 'later@example.com', now() - interval '370 days', now() - interval '5 days')
        """
    )
    apart.service.call("purge_expired")
    assert apart.owner.value("select count(*) from private.email_messages where recipient = 'later@example.com'") == 1
