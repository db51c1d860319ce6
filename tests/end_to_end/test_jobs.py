"""Jobs under fire: two server processes, 50 ms to the database, ten calls at once, processes killed in the middle."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psycopg
import pytest
import urllib3

from local.functions import FunctionsServer
from local.loopback import Loopback, Patient
from local.stack import Stack
from local.state import ROOT
from tests.api import OverHttp, Response
from tests.end_to_end.crowd import at_once
from tests.end_to_end.latency import Proxy
from tests.end_to_end.test_exactness import LATENCY_SECONDS, server_process

ROUNDS = 5
CALLS = 10
MARA = "mara@northside.example"
DELIVERER = '''"""POST /api/email-service/deliver: notes when it begins and ends; has no end while `hold` is there."""

import os
import time
from pathlib import Path

from shared import auth
from shared.web import Function

FOLDER = Path(os.environ["DELIVERER"])

app = Function("email-service")


def note(what: str) -> None:
    with (FOLDER / "noted").open("a") as noted:
        noted.write(what + "\\n")


@app.post("/deliver", signed_by=auth.internal)
def deliver(raw: bytes) -> dict[str, object]:
    note("begun")
    while (FOLDER / "hold").exists():
        time.sleep(0.01)
    note("ended")
    return {"delivered": 2, "refused": 0, "again": 0, "unknown": 0, "idle": True, "wait_seconds": None}
'''


class Channel:
    """Slack: notes what is posted; silent while `hangs`."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.hangs = False
        self.posted = threading.Event()
        channel = self

        class Handler(Patient):
            def do_POST(self) -> None:
                sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                channel.texts.append(sent["text"])
                channel.posted.set()
                if channel.hangs:
                    self.pause(None)
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

        self._server = Loopback(0, Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/services/x"
        self._server.start()

    def stop(self) -> None:
        self._server.stop()


class Scheduler:
    """Two processes that serve the jobs beside a deliverer of mails, and whoever calls them."""

    def __init__(self, stack: Stack, folder: Path, closing: ExitStack) -> None:
        self.folder = folder
        self.stack = stack
        self.channel = Channel()
        closing.callback(self.channel.stop)
        self.proxy = closing.enter_context(Proxy(stack.env["SUPABASE_URL"], delay_seconds=LATENCY_SECONDS))
        functions = folder / "functions"
        functions.mkdir()
        functions.joinpath("__init__.py").touch()
        for name in ("jobs", "invoice"):
            functions.joinpath(name).symlink_to(ROOT / "functions" / name)
        functions.joinpath("email_service").mkdir()
        functions.joinpath("email_service", "handler.py").write_text(DELIVERER)
        env = {**stack.env, "SUPABASE_URL": self.proxy.url, "VERCEL": "1", "DELIVERER": str(folder)}
        env |= {"SLACK_WEBHOOK_URL": self.channel.url, "ALERT_EMAIL": MARA}
        log = closing.enter_context((folder / "functions.log").open("ab"))
        self.servers = [closing.enter_context(FunctionsServer(env, functions=functions, output=log)) for _ in range(2)]
        self.clients = [OverHttp(server.url, timeout_seconds=60) for server in self.servers]
        self.database = closing.enter_context(psycopg.connect(stack.database_url, autocommit=True))
        self.forget()

    def forget(self) -> None:
        """Nothing was ever run, wrong or told."""
        for table in ("email_messages", "deliveries", "outbox", "alerts", "job_runs", "jobs", "ai_breakers"):
            self.database.execute(f"delete from private.{table}".encode())  # noqa: S608
        self.channel.texts.clear()
        self.channel.posted.clear()
        self.folder.joinpath("noted").write_text("")

    def call(self, number: int, job: str) -> Response:
        """To one process or the other, in turn."""
        return self.clients[number % 2]("GET", f"/api/jobs/{job}", token=self.stack.env["CRON_SECRET"])

    def all_at_once(self, job: str, held: bytes) -> Counter[str]:
        """The outcomes of ten calls, of which the one that works is held up until the others are answered."""
        answered: list[int] = []

        def call(number: int) -> Response:
            answer = self.call(number, job)
            answered.append(number)
            return answer

        self.proxy.hold_requests(held)
        with ThreadPoolExecutor(1) as threads:
            calling = threads.submit(at_once, CALLS, call)
            began = time.monotonic()
            while len(answered) < CALLS - 1 and time.monotonic() - began < 20:
                time.sleep(0.01)
            self.proxy.release()
            answers = calling.result()
        assert {answer.status for answer in answers} == {200}
        return Counter(answer.json["outcome"] for answer in answers)

    def rows(self, query: str, *parameters: object) -> list[tuple[Any, ...]]:
        return self.database.execute(query.encode(), parameters or None).fetchall()

    def runs(self, job: str) -> list[tuple[Any, ...]]:
        """(outcome, error) of its runs, in order."""
        return self.rows("select outcome, error from private.job_runs where job = %s order by started_at", job)

    def effects(self) -> int:
        """How often a purge took place."""
        [(count,)] = self.rows("select count(*) from private.audit_log where action = 'retention.obeyed'")
        return int(count)

    def noted(self) -> list[str]:
        """What the deliverer did, in order."""
        return self.folder.joinpath("noted").read_text().split()

    def await_noted(self, count: int) -> None:
        began = time.monotonic()
        while len(self.noted()) < count:
            assert time.monotonic() - began < 20
            time.sleep(0.01)

    def kill(self, number: int) -> None:
        os.kill(server_process(self.servers[number]), signal.SIGKILL)

    def end_lease(self, job: str) -> None:
        """As if the lease's seconds had passed; before, it must be no longer than what a run may take, and a little."""
        query = """
            update private.job_runs set leased_until = clock_timestamp() where job = %s and ended_at is null
            returning extract(epoch from leased_until - started_at)::float
        """
        longest = "select extract(epoch from leased_until - started_at)::float from private.job_runs where job = %s"
        assert all(60 < seconds < 70 for (seconds,) in self.rows(longest, job))
        assert len(self.rows(query, job)) == 1


@pytest.fixture(scope="module")
def served(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scheduler]:
    with ExitStack() as closing:
        yield Scheduler(stack, tmp_path_factory.mktemp("scheduler"), closing)


@pytest.fixture
def scheduler(served: Scheduler) -> Scheduler:
    served.forget()
    return served


@pytest.fixture
def doomed(stack: Stack, tmp_path: Path) -> Iterator[Scheduler]:
    """Of which processes will be killed."""
    with ExitStack() as closing:
        yield Scheduler(stack, tmp_path, closing)


class TestTenAtOnce:
    def test_purge_once(self, scheduler: Scheduler) -> None:
        for number in range(ROUNDS):
            before = scheduler.effects()
            outcomes = scheduler.all_at_once("purge-expired", b"/rpc/purge_expired")
            assert outcomes == {"done": 1, "already_running": CALLS - 1}
            assert scheduler.effects() == before + 1
            assert scheduler.runs("purge-expired") == [("done", None)] * (number + 1)

    def test_deliver_once(self, scheduler: Scheduler) -> None:
        for number in range(ROUNDS):
            scheduler.rows("select private.enqueue('slack', '{\"text\": \"once\"}')")
            outcomes = scheduler.all_at_once("dispatch-outbox", b"/rpc/lease_outbox")
            assert outcomes == {"done": 1, "already_running": CALLS - 1}
            assert scheduler.noted() == ["begun", "ended"] * (number + 1)
            assert scheduler.channel.texts == ["once"] * (number + 1)
            counts = {"delivered": 3, "refused": 0, "again": 0, "unknown": 0}
            assert scheduler.rows("select counts from private.job_runs") == [(counts,)] * (number + 1)

    def test_raise_an_alert_once_by_each_channel(self, scheduler: Scheduler) -> None:
        for _ in range(ROUNDS):
            scheduler.forget()
            scheduler.rows("insert into private.jobs (name) values ('backup') returning name")
            scheduler.rows(
                "insert into private.job_runs (job, leased_until, outcome, ended_at, error) "
                "values ('backup', now(), 'failed', now(), 'disk_full') returning id"
            )
            assert scheduler.all_at_once("watch", b"/rpc/watch")["done"] == 1
            assert scheduler.call(0, "watch").json["counts"] == {"raised": 0, "cleared": 0}
            mails = "select recipient, template, data ->> 'subject' from private.email_messages"
            assert scheduler.rows(mails) == [(MARA, "plain", "Alert: job.backup")]
            scheduler.call(1, "dispatch-outbox")
            assert scheduler.channel.texts == ["Alert: job.backup\nThe job backup failed: disk_full."]

    def test_whenever_they_come_runs_never_overlap_and_each_works_once(self, scheduler: Scheduler) -> None:
        before, done = scheduler.effects(), 0
        for _ in range(ROUNDS):
            answers = at_once(CALLS, lambda number: scheduler.call(number, "purge-expired"))
            assert {answer.status for answer in answers} == {200}
            done += sum(answer.json["outcome"] == "done" for answer in answers)
        assert done >= ROUNDS
        assert scheduler.effects() == before + done
        assert scheduler.runs("purge-expired") == [("done", None)] * done
        overlapping = """
            select from private.job_runs as a join private.job_runs as b on a.job = b.job and a.id < b.id
            where tstzrange(a.started_at, a.ended_at) && tstzrange(b.started_at, b.ended_at)
        """
        assert scheduler.rows(overlapping) == []


class TestKilled:
    """A process dies in the middle of a run; the other one goes on after the lease."""

    def killed(self, doomed: Scheduler, job: str, wait: Any) -> None:
        """Call the first process, and kill it as soon as `wait` returns; its run is there, and the lease stands."""
        with ThreadPoolExecutor(1) as threads:
            calling = threads.submit(doomed.call, 0, job)
            wait()
            doomed.kill(0)
            with pytest.raises(urllib3.exceptions.HTTPError):
                calling.result(20)
        assert doomed.runs(job) == [(None, None)]
        assert doomed.call(1, job).json["outcome"] == "already_running"

    def resumed(self, doomed: Scheduler, job: str) -> None:
        """After its lease, however many call then, one goes on and finishes."""
        doomed.end_lease(job)
        answers = [answer.json["outcome"] for answer in at_once(CALLS, lambda _: doomed.call(1, job))]
        assert "done" in answers
        assert set(answers) <= {"done", "already_running"}
        assert doomed.runs(job) == [("abandoned", None)] + [("done", None)] * answers.count("done")

    def test_before_its_procedure_the_next_does_the_work(self, doomed: Scheduler) -> None:
        before = doomed.effects()
        doomed.proxy.hold_requests(b"/rpc/purge_expired")
        self.killed(doomed, "purge-expired", lambda: doomed.proxy.holding.wait(20))
        assert doomed.effects() == before
        doomed.proxy.stop_holding()
        self.resumed(doomed, "purge-expired")
        assert doomed.effects() > before

    def test_after_its_procedure_the_next_finds_it_done(self, doomed: Scheduler) -> None:
        doomed.rows("insert into private.ai_spending values (gen_random_uuid(), current_date - 9, 0) returning day")
        before = doomed.effects()
        doomed.proxy.hold_answers(b"/rpc/purge_expired")
        self.killed(doomed, "purge-expired", lambda: doomed.proxy.holding.wait(20))
        assert doomed.effects() == before + 1
        doomed.proxy.stop_holding()
        self.resumed(doomed, "purge-expired")
        assert doomed.rows("select from private.ai_spending where day < current_date - 3") == []

    def test_before_it_ended_its_run_the_next_is_not_kept_out(self, doomed: Scheduler) -> None:
        doomed.proxy.hold_requests(b"/rpc/end_job")
        self.killed(doomed, "purge-expired", lambda: doomed.proxy.holding.wait(20))
        doomed.proxy.stop_holding()
        self.resumed(doomed, "purge-expired")
        # What the dead had sent arrives at last, and changes nothing.
        known = doomed.rows("select id, outcome, ended_at from private.job_runs order by started_at")
        doomed.proxy.release()
        time.sleep(0.5)
        assert doomed.rows("select id, outcome, ended_at from private.job_runs order by started_at") == known

    def test_while_mails_are_delivered_the_next_goes_on_delivering(self, doomed: Scheduler) -> None:
        doomed.folder.joinpath("hold").touch()
        self.killed(doomed, "dispatch-outbox", lambda: doomed.await_noted(1))
        doomed.folder.joinpath("hold").unlink()
        self.resumed(doomed, "dispatch-outbox")
        assert doomed.noted()[:3] == ["begun", "begun", "ended"]

    def test_while_slack_is_told_it_is_told_again_once(self, doomed: Scheduler) -> None:
        doomed.channel.hangs = True
        doomed.rows("select private.enqueue('slack', '{\"text\": \"at least once\"}')")
        self.killed(doomed, "dispatch-outbox", lambda: doomed.channel.posted.wait(20))
        doomed.channel.hangs = False
        doomed.rows("update private.deliveries set leased_until = now(), due_at = now() returning id")
        self.resumed(doomed, "dispatch-outbox")
        assert doomed.channel.texts == ["at least once"] * 2
        assert doomed.rows("select state, attempts from private.outbox where topic = 'slack'") == [("delivered", 2)]
        assert doomed.rows("select id from private.deliveries where topic = 'slack'") == []

    def test_twice_it_is_told_of(self, doomed: Scheduler) -> None:
        for _ in range(2):
            assert doomed.call(1, "watch").json["counts"] == {"raised": 0, "cleared": 0}
            doomed.rows("select public.begin_job('purge-expired', 0)")  # and its process died
        assert doomed.call(1, "watch").json["counts"]["raised"] == 0, "of the last nobody knows yet"
        doomed.rows("select public.begin_job('purge-expired', 60)")
        assert doomed.call(1, "watch").json["counts"] == {"raised": 1, "cleared": 0}
        doomed.rows("update private.job_runs set leased_until = now() where ended_at is null returning id")
        assert doomed.call(1, "purge-expired").json["outcome"] == "done"
        assert doomed.call(1, "watch").json["counts"] == {"raised": 0, "cleared": 1}
