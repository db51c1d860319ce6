"""Runs of jobs: one at a time, none orphaned, all recorded."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import psycopg
import pytest

from tests.database.acting import Actor, Database, Person, at_once


@pytest.fixture
def job() -> str:
    return "t" + "".join(c for c in uuid4().hex if c.isalpha())


def begin(db: Database, job: str) -> dict[str, Any] | None:
    found: dict[str, Any] | None = db.service.call("begin_job", job=job, lease_seconds=60)
    return found


def begun(db: Database, job: str) -> str:
    found = begin(db, job)
    assert found is not None
    return str(found["id"])


def end(db: Database, run: str, outcome: str = "done") -> bool:
    return bool(db.service.call("end_job", run=run, outcome=outcome, counts={"sent": 3}))


def kill(db: Database, run: str) -> None:
    """As if its process had died and its lease were over."""
    db.owner.rows("update private.job_runs set leased_until = clock_timestamp() where id = %s", run)


@pytest.mark.parametrize("round_", range(3))
def test_of_ten_calls_at_once_one_runs(db: Database, job: str, round_: int) -> None:
    found = [each for each in at_once(10, lambda _: begin(db, job)) if each]
    assert len(found) == 1
    assert begin(db, job) is None
    assert end(db, found[0]["id"])
    assert begin(db, job) is not None


def test_jobs_do_not_wait_for_each_other(db: Database, job: str) -> None:
    begun(db, job)
    begun(db, job + "a")


def test_a_killed_run_is_taken_over_by_one(db: Database, job: str) -> None:
    killed = begun(db, job)
    kill(db, killed)
    found = [each for each in at_once(10, lambda _: begin(db, job)) if each]
    assert [each["after_abandoned"] for each in found] == [killed]
    assert not end(db, killed)  # it wasn't dead after all: the run isn't its own any more
    assert end(db, found[0]["id"])
    assert [row[0] for row in runs(db, job)] == ["abandoned", "done"]


def runs(db: Database, job: str) -> list[tuple[Any, ...]]:
    return db.owner.rows("select outcome, counts, error from private.job_runs where job = %s order by started_at", job)


def test_what_it_did_is_recorded(db: Database, job: str) -> None:
    run = begun(db, job)
    db.service.call("end_job", run=run, outcome="failed", counts={"sent": 1}, error="upstream_unavailable")
    assert runs(db, job) == [("failed", {"sent": 1}, "upstream_unavailable")]
    assert not end(db, run)


def test_ended_again_for_the_lack_of_an_answer_it_is_still_ended(db: Database, job: str) -> None:
    run = begun(db, job)
    assert end(db, run)
    known = db.owner.rows("select outcome, counts, ended_at from private.job_runs where id = %s", run)
    assert db.service.call("end_job", run=run, outcome="done", counts={"sent": 4})
    assert not end(db, run, "failed")
    assert db.owner.rows("select outcome, counts, ended_at from private.job_runs where id = %s", run) == known


class TestListing:
    @pytest.fixture
    def admin(self, db: Database) -> Person:
        person = db.sign_up(name="Ada")
        db.owner.rows("insert into public.platform_admins (user_id) values (%s)", person.user_id)
        return person

    def test_is_for_platform_admins(self, db: Database, job: str, admin: Person, owner: Person) -> None:
        first, second = begun(db, job), None
        end(db, first)
        second = begun(db, job)
        listed = [run for run in admin.call("list_job_runs", page_size=101)["body"] if run["job"] == job]
        assert [(run["id"], run["outcome"], run["counts"]) for run in listed] == [
            (second, "running", {}),
            (first, "done", {"sent": 3}),
        ]
        assert listed[1]["duration_ms"] >= 0
        assert owner.call("list_job_runs")["status"] == 404

    def test_goes_page_by_page(self, db: Database, job: str, admin: Person) -> None:
        for _ in range(5):
            end(db, begun(db, job))
        whole = admin.call("list_job_runs", page_size=101)["body"]
        assert admin.call("list_job_runs", after=whole[1]["id"], page_size=2)["body"] == whole[2:4]


@pytest.mark.parametrize("who", ["anon", "person"])
def test_people_run_nothing(db: Database, owner: Person, job: str, who: str) -> None:
    actor: Actor = db.anon if who == "anon" else owner
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        actor.call("begin_job", job=job, lease_seconds=1)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        actor.call("end_job", run=uuid4(), outcome="done", counts={})
