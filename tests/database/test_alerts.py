"""What is wrong is told once until it clears, whoever asks and however often."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from tests.database.acting import Actor, Database, at_once
from tests.database.systems import System

MARA = "mara@northside.example"


@pytest.fixture(scope="module")
def own(system: System) -> Iterator[Database]:
    """A database of its own: in the shared one much is wrong on purpose."""
    database = system.database()
    yield database
    database.close()


@pytest.fixture
def alerting(own: Database) -> Database:
    """Nothing is wrong, and nothing was."""
    for table in ("email_messages", "outbox", "alerts", "job_runs", "jobs", "ai_breakers"):
        own.owner.rows(f"delete from private.{table}")  # noqa: S608
    return own


def watch(db: Database, email: str = MARA, *, slack: bool = True) -> tuple[int, int]:
    """How many alerts were raised, and cleared."""
    found: dict[str, int] = db.service.call("watch", email=email, slack=slack)
    return found["raised"], found["cleared"]


def by_mail(db: Database, recipient: str = MARA) -> list[str]:
    """The subjects sent, in order."""
    query = "select template, data ->> 'subject' from private.email_messages where recipient = %s order by created_at"
    found = db.owner.rows(query, recipient)
    assert {template for template, _ in found} <= {"plain"}
    return [subject for _, subject in found]


def by_slack(db: Database) -> list[str]:
    """The texts sent, in order."""
    query = (
        "select payload ->> 'text' from private.outbox where topic = 'slack' and state = 'waiting' order by position"
    )
    return [text for (text,) in db.owner.rows(query)]


def conditions(db: Database) -> dict[str, str]:
    return dict(db.owner.rows("select condition, detail from private.conditions()"))


def die(db: Database, topic: str, *, ago: str = "0", error: str | None = "rejected") -> None:
    db.owner.rows(
        """
        insert into private.outbox (topic, payload, give_up_at, state, ended_at, error)
        values (%s, %s, now(), 'dead', now() - %s::interval, %s)
        """,
        topic,
        Jsonb({}),
        ago,
        error,
    )


def run(db: Database, job: str, *outcomes: str | None, error: str | None = None) -> None:
    """Runs that ended so, one after the other; None is under way."""
    for outcome in outcomes:
        db.owner.rows("insert into private.jobs (name) values (%s) on conflict do nothing", job)
        db.owner.rows(
            """
            insert into private.job_runs (job, leased_until, outcome, ended_at, error)
            values (%s, now(), %s, case when %s::text is not null then now() end, %s)
            """,
            job,
            outcome,
            outcome,
            error if outcome == "failed" else None,
        )


def breaker(db: Database, provider: str, opened_until: str | None) -> None:
    db.owner.rows(
        f"""
        insert into private.ai_breakers (provider, failures, opened_until) values (%s, 5, {opened_until or "null"})
        on conflict (provider) do update set opened_until = excluded.opened_until
        """,  # noqa: S608
        provider,
    )


class TestConditions:
    def test_are_none_where_all_is_well(self, alerting: Database) -> None:
        run(alerting, "watch", "done", None)
        breaker(alerting, "gemini", None)
        alerting.owner.rows("select private.enqueue('email', '{}')")
        assert conditions(alerting) == {}

    def test_dead_letters_of_the_last_day_by_topic(self, alerting: Database) -> None:
        die(alerting, "email", ago="25 hours", error="old")
        assert conditions(alerting) == {}
        die(alerting, "email", ago="23 hours", error="first")
        die(alerting, "email", ago="1 hour", error="last")
        die(alerting, "slack", error=None)
        found = conditions(alerting)
        assert set(found) == {"outbox.email", "outbox.slack"}
        assert found["outbox.email"].startswith("Messages of the topic email were given up: 2 within a day")
        assert found["outbox.email"].endswith("for last.")

    @pytest.mark.parametrize(
        ("outcomes", "wrong"),
        [
            (["done", "failed"], True),
            (["failed", "done"], False),
            (["failed"], True),
            (["failed", None], True),
            (["failed", "abandoned"], False),
            (["done", "abandoned"], False),
            (["abandoned"], False),
            (["abandoned", "abandoned"], True),
            (["abandoned", "abandoned", None], True),
            (["abandoned", "abandoned", "done"], False),
            (["abandoned", "done", "abandoned"], False),
            ([None], False),
        ],
    )
    def test_a_job_that_fails_or_never_ends(self, alerting: Database, outcomes: list[str | None], wrong: bool) -> None:
        run(alerting, "purge-expired", *outcomes, error="database_unavailable")
        run(alerting, "watch", "done")
        assert set(conditions(alerting)) == ({"job.purge-expired"} if wrong else set())

    def test_say_why(self, alerting: Database) -> None:
        run(alerting, "purge-expired", "failed", error="database_unavailable")
        run(alerting, "watch", "abandoned", "abandoned")
        found = conditions(alerting)
        assert found["job.purge-expired"] == "The job purge-expired failed: database_unavailable."
        assert found["job.watch"].startswith("The job watch was not ended twice in a row")

    def test_a_breaker_that_is_not_closed(self, alerting: Database) -> None:
        breaker(alerting, "gemini", "now() + interval '20 seconds'")
        breaker(alerting, "anthropic", "now() - interval '5 minutes'")
        assert set(conditions(alerting)) == {"ai.gemini", "ai.anthropic"}
        breaker(alerting, "gemini", None)
        assert set(conditions(alerting)) == {"ai.anthropic"}


class TestWatching:
    def test_tells_once_until_it_clears(self, alerting: Database) -> None:
        assert watch(alerting) == (0, 0)
        die(alerting, "email")
        assert watch(alerting) == (1, 0)
        for _ in range(3):
            die(alerting, "email")
            assert watch(alerting) == (0, 0)
        assert by_mail(alerting) == ["Alert: outbox.email"]
        alerting.owner.rows("update private.outbox set ended_at = now() - interval '25 hours' where state = 'dead'")
        assert watch(alerting) == (0, 1)
        assert watch(alerting) == (0, 0)
        assert by_mail(alerting) == ["Alert: outbox.email"]
        die(alerting, "email")
        assert watch(alerting) == (1, 0)
        assert by_mail(alerting) == ["Alert: outbox.email"] * 2
        assert len(by_slack(alerting)) == 2
        query = "select condition, cleared_at is not null from private.alerts order by raised_at"
        assert alerting.owner.rows(query) == [("outbox.email", True), ("outbox.email", False)]

    def test_tells_each_by_itself(self, alerting: Database) -> None:
        die(alerting, "email", error="rejected")
        run(alerting, "purge-expired", "failed", error="database_unavailable")
        assert watch(alerting) == (2, 0)
        breaker(alerting, "gemini", "now()")
        run(alerting, "purge-expired", "done")
        assert watch(alerting) == (1, 1)
        assert sorted(by_mail(alerting)) == ["Alert: ai.gemini", "Alert: job.purge-expired", "Alert: outbox.email"]
        assert sorted(by_slack(alerting))[1:] == [
            "Alert: job.purge-expired\nThe job purge-expired failed: database_unavailable.",
            f"Alert: outbox.email\n{conditions(alerting)['outbox.email']}",
        ]

    @pytest.mark.parametrize(
        ("email", "slack", "mailed", "posted"),
        [(MARA, True, 1, 1), (MARA, False, 1, 0), ("", True, 0, 1), ("", False, 0, 0)],
    )
    def test_tells_by_the_channels_there_are(
        self, alerting: Database, email: str, slack: bool, mailed: int, posted: int
    ) -> None:
        die(alerting, "x")
        assert watch(alerting, email, slack=slack) == (1, 0)
        assert (len(by_mail(alerting)), len(by_slack(alerting))) == (mailed, posted)

    @pytest.mark.parametrize("round_", range(3))
    def test_ten_at_once_tell_once(self, alerting: Database, round_: int) -> None:
        die(alerting, "email")
        breaker(alerting, "gemini", "now()")
        found = at_once(10, lambda _: watch(alerting))
        assert sorted(found)[-1] == (2, 0)
        assert sum(raised for raised, _ in found) == 2
        assert len(by_mail(alerting)) == len(by_slack(alerting)) == 2
        breaker(alerting, "gemini", None)
        assert sum(cleared for _, cleared in at_once(10, lambda _: watch(alerting))) == 1

    def test_what_cannot_be_told_is_not_raised(self, alerting: Database) -> None:
        die(alerting, "email")
        alerting.owner.rows("alter function private.enqueue rename to enqueue_away")
        try:
            with pytest.raises(psycopg.errors.UndefinedFunction):
                watch(alerting, "", slack=True)
        finally:
            alerting.owner.rows("alter function private.enqueue_away rename to enqueue")
        assert alerting.owner.rows("select from private.alerts") == []
        assert watch(alerting) == (1, 0)

    def test_that_the_alert_itself_dies_starts_no_storm(self, alerting: Database) -> None:
        die(alerting, "slack")
        assert watch(alerting) == (1, 0)
        alerting.owner.rows("update private.outbox set state = 'dead', ended_at = now() where state = 'waiting'")
        topics: Any = alerting.owner.value("select count(distinct topic) from private.outbox")
        assert watch(alerting)[0] == topics - 1, "those of the other channel are news"
        assert watch(alerting) == (0, 0)


@pytest.mark.parametrize("who", ["anon", "person"])
def test_people_watch_nothing(own: Database, who: str) -> None:
    actor: Actor = own.anon if who == "anon" else own.sign_up()
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        actor.call("watch", email="", slack=False)
