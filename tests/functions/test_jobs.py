"""/api/jobs: who may call, one run at a time, and every run recorded, however it ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg.types.json import Jsonb

from functions.jobs import purging, running, sweeping
from functions.jobs.handler import app
from functions.jobs.registry import JOBS
from functions.jobs.running import Job, Run
from local.stack import Stack
from shared import storage
from shared.errors import Problem
from tests.api import InProcess, Response
from tests.functions.conftest import ailing, signed
from tests.people import People

Work = Callable[[Run], None]
Call = Callable[[str], Response]
AddJob = Callable[[Work], str]
Away = Callable[[str, int], None]
SECRET = "the secret that the scheduler shows, in tests"


def nothing(run: Run) -> None:
    """Work that is done at once."""


@pytest.fixture
def job(monkeypatch: pytest.MonkeyPatch) -> AddJob:
    """Adds a job to the registry; its name, which nobody else uses."""

    def add(work: Work) -> str:
        name = "t" + "".join(c for c in uuid4().hex if c.isalpha())
        monkeypatch.setitem(JOBS, name, Job("* * * * *", work))
        return name

    return add


@pytest.fixture
def call(api: InProcess, environment: pytest.MonkeyPatch) -> Call:
    """As the scheduler does."""
    environment.setenv("CRON_SECRET", SECRET)
    return lambda name: api("GET", f"/api/jobs/{name}", token=SECRET)


def runs(database: psycopg.Connection, name: str) -> list[tuple[Any, ...]]:
    """(outcome, counts, error) of a job's runs, in order."""
    query = "select outcome, counts, error from private.job_runs where job = %s order by started_at"
    return database.execute(query, [name]).fetchall()


def end_lease(database: psycopg.Connection, name: str) -> None:
    """As if its time had passed."""
    statement = "update private.job_runs set leased_until = clock_timestamp() where job = %s and ended_at is null"
    assert database.execute(statement, [name]).rowcount == 1


class TestWhoMayCall:
    @pytest.mark.parametrize(
        "authorization",
        [
            None,
            "",
            "Bearer ",
            "Bearer None",
            "Bearer undefined",
            "Bearer wrong",
            f"Bearer {SECRET} ",
            f"Bearer {SECRET}x",
            f"Basic {SECRET}",
            "Bearer üñ\xff",
            "Bearer " + "x" * 10_000,
        ],
    )
    def test_nobody_without_the_secret(
        self,
        api: InProcess,
        environment: pytest.MonkeyPatch,
        job: AddJob,
        database: psycopg.Connection,
        authorization: str | None,
    ) -> None:
        environment.setenv("CRON_SECRET", SECRET)
        name = job(nothing)
        headers = {} if authorization is None else {"Authorization": authorization}
        answer = api("GET", f"/api/jobs/{name}", headers=headers)
        assert (answer.status, answer.code) == (401, "token_invalid")
        assert runs(database, name) == []

    def test_neither_people_nor_our_own_functions(
        self, api: InProcess, stack: Stack, people: People, environment: pytest.MonkeyPatch
    ) -> None:
        environment.setenv("CRON_SECRET", SECRET)
        person = people.sign_up()
        for token in (person.token, stack.env["INTERNAL_TOKEN"], signed(stack.env, person.user_id)):
            assert api("GET", "/api/jobs/watch", token=token).status == 401

    @pytest.mark.parametrize("secret", [None, "", "None", "short", "x" * 31])
    @pytest.mark.parametrize("told", ["it", "nothing", "None"])
    def test_nobody_where_none_is_configured(
        self, api: InProcess, environment: pytest.MonkeyPatch, secret: str | None, told: str
    ) -> None:
        environment.delenv("CRON_SECRET")
        if secret is not None:
            environment.setenv("CRON_SECRET", secret)
        token = {"it": secret or "", "nothing": None, "None": "None"}[told]
        answer = api("GET", "/api/jobs/watch", token=token)
        assert (answer.status, answer.code) == (503, "not_configured")

    def test_the_secret_before_too_while_it_rotates(
        self, api: InProcess, environment: pytest.MonkeyPatch, job: AddJob
    ) -> None:
        name = job(nothing)
        environment.setenv("CRON_SECRET", SECRET[::-1])
        environment.setenv("CRON_SECRET_PREVIOUS", SECRET)
        for secret, status in ((SECRET, 200), (SECRET[::-1], 200), (SECRET[1:], 401)):
            assert api("GET", f"/api/jobs/{name}", token=secret).status == status
        environment.setenv("CRON_SECRET_PREVIOUS", "short")
        assert api("GET", f"/api/jobs/{name}", token="short").status == 401

    @pytest.mark.parametrize("name", ["unknown", "Watch", "watch%00", "..", "watch ", "%2e%2e", "x" * 5000])
    def test_an_unknown_job_is_not_there(self, call: Call, name: str) -> None:
        assert call(name).status == 404


class TestARun:
    def test_is_told_and_recorded(self, call: Call, job: AddJob, database: psycopg.Connection) -> None:
        def work(run: Run) -> None:
            run.counts.update({"sent": 2})
            run.counts.update({"sent": 1, "kept": 0})

        name = job(work)
        answer = call(name)
        assert answer.status == 200
        assert answer.json["outcome"] == "done"
        assert answer.json["counts"] == {"sent": 3, "kept": 0}
        query = "select id::text, outcome, counts, error, ended_at > started_at from private.job_runs where job = %s"
        [row] = database.execute(query, [name]).fetchall()
        assert row == (answer.json["run_id"], "done", {"sent": 3, "kept": 0}, None, True)

    def test_ends_within_what_the_platform_gives_and_its_lease_after_that(
        self, call: Call, job: AddJob, database: psycopg.Connection
    ) -> None:
        left = []
        name = job(lambda run: left.append(run.seconds_left))
        call(name)
        most = app.max_duration_seconds
        assert most - running.ENDING_SECONDS - 2 < left[0] <= most - running.ENDING_SECONDS
        assert running.ENDING_SECONDS > running.ANSWER_SECONDS
        query = "select extract(epoch from leased_until - started_at)::float from private.job_runs where job = %s"
        [(lease,)] = database.execute(query, [name]).fetchall()
        assert most < lease < most + 10

    def test_is_not_begun_while_another_is_under_way(
        self, call: Call, job: AddJob, database: psycopg.Connection
    ) -> None:
        worked, meanwhile = [], []

        def work(run: Run) -> None:
            worked.append(run)
            if len(worked) == 1:
                meanwhile.append(call(name))

        name = job(work)
        assert call(name).json["outcome"] == "done"
        assert [(answer.status, answer.json) for answer in meanwhile] == [
            (200, {"outcome": "already_running", "run_id": None, "counts": {}})
        ]
        assert len(worked) == 1
        assert len(runs(database, name)) == 1
        assert call(name).json["outcome"] == "done"

    @pytest.mark.parametrize(
        ("error", "status", "code", "recorded"),
        [
            (Problem(503, "function_unavailable", "Away."), 503, "function_unavailable", "function_unavailable"),
            (Problem(404, "not_found", "Nothing."), 500, "internal", "not_found"),
            (ZeroDivisionError("sk_live_123 of mara@northside.example"), 500, "internal", "internal"),
            (RecursionError(), 500, "internal", "internal"),
        ],
        ids=["away", "refused", "unexpected", "deep"],
    )
    def test_that_fails_says_so_and_gives_its_lease_back(
        self,
        call: Call,
        job: AddJob,
        database: psycopg.Connection,
        error: Exception,
        status: int,
        code: str,
        recorded: str,
    ) -> None:
        fails = [error]

        def work(run: Run) -> None:
            run.counts["done"] += 1
            if fails:
                raise fails.pop()

        name = job(work)
        answer = call(name)
        assert (answer.status, answer.code) == (status, code)
        assert runs(database, name) == [("failed", {"done": 1}, recorded)]
        assert call(name).json["outcome"] == "done", "at once"

    def test_that_outlives_its_lease_overwrites_nothing(
        self, call: Call, job: AddJob, database: psycopg.Connection
    ) -> None:
        others: list[Any] = []

        def work(run: Run) -> None:
            run.counts["n"] += len(others) + 1
            if not others:
                end_lease(database, name)
                others.append(None)
                others[0] = call(name).json

        name = job(work)
        assert call(name).json["outcome"] == "superseded"
        assert others[0]["outcome"] == "done"
        assert runs(database, name) == [("abandoned", {}, None), ("done", {"n": 2}, None)]

    def test_that_outlives_its_lease_and_fails_overwrites_nothing(
        self, call: Call, job: AddJob, database: psycopg.Connection
    ) -> None:
        def work(run: Run) -> None:
            end_lease(database, name)
            database.execute("select public.begin_job(%s, 60)", [name])
            raise ZeroDivisionError

        name = job(work)
        assert call(name).status == 500
        assert runs(database, name) == [("abandoned", {}, None), (None, {}, None)]


class TestTheDatabaseAway:
    @pytest.fixture
    def away(self, stack: Stack, environment: pytest.MonkeyPatch) -> Iterator[Away]:
        """From now on so many calls of a procedure are not answered."""
        unanswered: dict[str, int] = {}

        def ailment(path: str) -> int | None:
            procedure = path.rpartition("/")[2]
            if unanswered.get(procedure, 0) > 0:
                unanswered[procedure] -= 1
                return 503
            return None

        with ailing(stack.env["SUPABASE_URL"], ailment) as url:
            environment.setenv("SUPABASE_URL", url)
            yield unanswered.__setitem__

    def test_at_the_beginning_begins_nothing(
        self, call: Call, job: AddJob, database: psycopg.Connection, away: Away
    ) -> None:
        name = job(nothing)
        away("begin_job", 1)
        answer = call(name)
        assert (answer.status, answer.code) == (503, "database_unavailable")
        assert runs(database, name) == []
        assert call(name).status == 200

    def test_for_a_moment_at_the_end_does_no_harm(
        self, call: Call, job: AddJob, database: psycopg.Connection, away: Away
    ) -> None:
        name = job(nothing)
        away("end_job", 1)
        assert call(name).json["outcome"] == "done"
        assert runs(database, name) == [("done", {}, None)]

    def test_at_the_end_leaves_the_run_to_the_next_after_its_lease(
        self, call: Call, job: AddJob, database: psycopg.Connection, away: Away
    ) -> None:
        name = job(nothing)
        away("end_job", 100)
        answer = call(name)
        assert (answer.status, answer.code) == (503, "database_unavailable")
        away("end_job", 0)
        assert call(name).json["outcome"] == "already_running"
        end_lease(database, name)
        assert call(name).json["outcome"] == "done"
        assert [outcome for outcome, _, _ in runs(database, name)] == ["abandoned", "done"]

    def test_at_the_end_of_what_failed_hides_no_reason(
        self, call: Call, job: AddJob, database: psycopg.Connection, away: Away
    ) -> None:
        def work(run: Run) -> None:
            away("end_job", 100)
            raise Problem(503, "function_unavailable", "Away.")

        name = job(work)
        assert call(name).code == "function_unavailable"
        assert runs(database, name) == [(None, {}, None)]


class TestTheList:
    def test_is_for_platform_admins(
        self, api: InProcess, call: Call, job: AddJob, people: People, database: psycopg.Connection
    ) -> None:
        admin, other = people.sign_up("Admin"), people.sign_up()
        database.execute("insert into public.platform_admins (user_id) values (%s)", [admin.user_id])
        name = job(lambda run: run.counts.update({"sent": 1}))
        made = [call(name).json["run_id"] for _ in range(3)]
        listed = api("GET", "/api/jobs?limit=2", token=admin.token)
        assert [run["id"] for run in listed.json["data"]] == made[:0:-1]
        first = listed.json["data"][0]
        assert (first["job"], first["outcome"], first["counts"], first["error"]) == (name, "done", {"sent": 1}, None)
        more = api("GET", f"/api/jobs?limit=1&cursor={listed.json['next_cursor']}", token=admin.token)
        assert [run["id"] for run in more.json["data"]] == made[:1]
        assert api("GET", "/api/jobs", token=other.token).status == 404
        assert api("GET", "/api/jobs").status == 401
        assert api("GET", "/api/jobs", token=SECRET).status == 401


def test_every_job_is_scheduled() -> None:
    assert app.schedules == {f"/{name}": job.schedule for name, job in JOBS.items()}
    assert {"dispatch-outbox", "purge-expired", "sweep-uploads", "watch"} <= set(JOBS)


class TestPurgeExpired:
    def test_deletes_what_is_over_however_much_it_is(
        self, call: Call, database: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(purging, "MOST", 3)
        call("purge-expired")  # what other tests left
        database.execute(
            "insert into private.ai_spending (subject, day) "
            "select gen_random_uuid(), current_date - 9 from generate_series(1, 8)"
        )
        audited = "select count(*) from private.audit_log where action = 'retention.obeyed'"
        [before] = database.execute(audited).fetchall()
        answer = call("purge-expired")
        assert answer.json["counts"]["private.ai_spending"] == 8
        assert database.execute("select from private.ai_spending where day < current_date - 3").fetchall() == []
        assert database.execute(audited).fetchall() == [(before[0] + 3,)]

    def test_leaves_the_rest_for_the_next_when_its_time_is_over(
        self, environment: pytest.MonkeyPatch, database: psycopg.Connection
    ) -> None:
        run = Run(deadline=0.0)
        purging.purge_expired(run)
        assert run.counts == {}


class TestSweepUploads:
    def uploaded(self, database: psycopg.Connection, age: str, workspace: str) -> str:
        path = f"{workspace}/{uuid4()}.png"
        storage.upload("detect", path, b"\x89PNG", "image/png")
        statement = "update storage.objects set created_at = now() - %s::interval where name = %s"
        assert database.execute(statement, [age, path]).rowcount == 1
        return path

    def test_deletes_what_nobody_asked_about_for_a_day(
        self, call: Call, database: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        call("sweep-uploads")
        monkeypatch.setattr(sweeping, "MOST", 2)
        workspace = str(uuid4())
        old = [self.uploaded(database, age, workspace) for age in ("24 hours 1 minute", "2 days") for _ in range(3)]
        fresh = [self.uploaded(database, age, workspace) for age in ("0", "23 hours 59 minutes")]
        assert call("sweep-uploads").json["counts"] == {"detect": 6}
        left = database.execute("select name from storage.objects where name like %s", [f"{workspace}/%"]).fetchall()
        assert {name for (name,) in left} == set(fresh)
        for path in old:
            with pytest.raises(Problem, check=lambda problem: problem.status == 404):
                storage.download("detect", path)
        assert storage.download("detect", fresh[0]) == b"\x89PNG"
        assert call("sweep-uploads").json["counts"] == {}

    def test_leaves_other_buckets_alone(self, call: Call, database: psycopg.Connection) -> None:
        bucket = f"test-{uuid4().hex[:8]}"
        database.execute("insert into storage.buckets (id, name, public) values (%s, %s, false)", [bucket, bucket])
        storage.upload(bucket, "a/b.png", b"x", "image/png")
        aged = "update storage.objects set created_at = now() - interval '9 days' where bucket_id = %s"
        assert database.execute(aged, [bucket]).rowcount == 1
        call("sweep-uploads")
        assert storage.download(bucket, "a/b.png") == b"x"

    def test_fails_when_storage_is_away(
        self, call: Call, database: psycopg.Connection, stack: Stack, environment: pytest.MonkeyPatch
    ) -> None:
        path = self.uploaded(database, "2 days", str(uuid4()))
        with ailing(stack.env["SUPABASE_URL"], lambda p: 503 if p.startswith("/storage/") else None) as url:
            environment.setenv("SUPABASE_URL", url)
            answer = call("sweep-uploads")
        assert (answer.status, answer.code) == (503, "storage_unavailable")
        assert runs(database, "sweep-uploads")[-1] == ("failed", {}, "storage_unavailable")
        environment.setenv("SUPABASE_URL", stack.env["SUPABASE_URL"])
        assert call("sweep-uploads").json["counts"]["detect"] >= 1
        assert database.execute("select from storage.objects where name = %s", [path]).fetchall() == []


def test_no_counts_are_lost_on_the_way(call: Call, job: AddJob, database: psycopg.Connection) -> None:
    many = {f"public.{n}": n for n in range(200)}
    name = job(lambda run: run.counts.update(many))
    assert call(name).json["counts"] == many
    [row] = database.execute("select counts = %s from private.job_runs where job = %s", [Jsonb(many), name]).fetchall()
    assert row == (True,)
