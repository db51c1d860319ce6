"""Unexpected exceptions reach a Sentry by its own SDK, and bring nothing along that isn't ours to tell."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import shared
from local.ports import free_port
from local.state import ROOT
from shared import reporting, tracing
from shared.errors import Problem
from shared.models import Body
from shared.web import Function
from tests.api import Response
from tests.collecting import Collector
from tests.shared.test_canaries import sealed
from tests.shared.wsgi import call

TRACE = "0af7651916cd43dd8448eb211c80319c"

app = Function("probe")
does: dict[str, Callable[[str], Any]] = {}


class Said(Body):
    name: str


@app.post("/doing/<what>", public=True)
def doing(what: str, body: Said) -> dict[str, Any]:
    return {"result": does["x"](body.name)}


def ask(name: str = "Ana", what: str = "x", **environ: str) -> Response:
    return call(app, "POST", f"/api/probe/doing/{what}", body=json.dumps({"name": name}).encode(), **environ)


@pytest.fixture
def sentry(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    """Sentry is configured, and is here."""
    with Collector() as server:
        monkeypatch.setenv("SENTRY_DSN", server.dsn)
        monkeypatch.setenv("ENVIRONMENT", "staging")
        monkeypatch.setattr(reporting, "_impossible", False)
        monkeypatch.setattr(reporting, "_rests_until", float("-inf"))
        monkeypatch.setattr(reporting, "_clients", {})
        yield server


def fails(said: str) -> None:
    raise ValueError(f"no {said}")


class TestAnUnexpectedException:
    def test_is_there_when_the_answer_is_closed_and_says_where_it_belongs(
        self, sentry: Collector, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(does, "x", fails)
        answer = ask(HTTP_X_REQUEST_ID="this-one", HTTP_TRACEPARENT=f"00-{TRACE}-b7ad6b7169203331-01")
        assert (answer.status, answer.headers["x-request-id"]) == (500, "this-one")
        (event,) = sentry.events()
        assert event["tags"] == {
            "function": "probe",
            "route": "/api/probe/doing/<what>",
            "request_id": "this-one",
            "trace_id": TRACE,
        }
        assert event["transaction"] == "/api/probe/doing/<what>"
        assert event["contexts"]["trace"]["trace_id"] == TRACE
        assert (event["release"], event["environment"], event["level"]) == (shared.__version__, "staging", "error")
        (raised,) = event["exception"]["values"]
        assert raised["type"] == "ValueError"
        assert raised["stacktrace"]["frames"][-1]["function"] == "fails"

    def test_brings_only_what_is_listed(self, sentry: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(does, "x", fails)
        ask()
        (event,) = sentry.events()
        assert {name for name, value in event.items() if value} == {
            *("event_id", "timestamp", "platform", "sdk", "release", "environment", "level"),
            *("transaction", "tags", "contexts", "exception"),
        }
        assert set(event["contexts"]) == {"trace"}
        assert set(event["exception"]["values"][0]) <= {"type", "module", "stacktrace"}
        for frame in event["exception"]["values"][0]["stacktrace"]["frames"]:
            assert set(frame) <= set(reporting.FRAME)
        assert event["sdk"]["integrations"] == []

    def test_is_linked_to_its_span(self, sentry: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(does, "x", fails)
        monkeypatch.setattr(tracing, "_impossible", False)
        with Collector() as collector:
            monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
            ask()
            (root,) = collector.spans()
        assert sentry.events()[0]["contexts"]["trace"] == {"trace_id": root.trace_id, "span_id": root.id}

    def test_is_not_a_refusal(self, sentry: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(said: str) -> None:
            raise Problem(503, "away", "Try again.")

        monkeypatch.setitem(does, "x", refuse)
        assert ask().status == 503
        assert sentry.bodies == []


class TestSecretsAndPersonalData:
    def test_are_nowhere_in_what_is_sent(
        self, sentry: Collector, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """In every header, the path, the body, local variables, messages, notes, causes, groups and settings."""
        secret = sealed("secret")
        monkeypatch.setenv("SUPABASE_SECRET_KEY", f"{secret}-key")
        monkeypatch.setenv("BOOTSTRAP_ADMIN_TOKEN", f"{secret}-token")
        monkeypatch.setenv("SUPABASE_URL", f"http://{secret}.example")

        class Odd(Exception):
            def __init__(self, said: str) -> None:
                super().__init__(said)
                self.said = said
                self.__notes__ = [said]

        def fail(said: str) -> None:
            password = said
            try:
                try:
                    dict[str, str]()[password]
                except KeyError as error:
                    error.add_note(password)
                    raise Odd(f"no {password}") from error
            except Odd as error:
                if said.endswith("chained"):
                    raise
                raise ExceptionGroup(password, [error, ValueError(password)]) from None

        monkeypatch.setitem(does, "x", fail)
        with Collector() as collector:
            monkeypatch.setattr(tracing, "_impossible", False)
            monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
            headers = ("AUTHORIZATION", "COOKIE", "USER_AGENT", "REFERER", "BAGGAGE", "SENTRY_TRACE", "X_API_KEY")
            sent_along = {f"HTTP_{name}": f"{secret} {name}" for name in headers}
            for name in (f"{secret} grouped", f"{secret} chained"):
                assert ask(name, secret, **sent_along, REMOTE_ADDR=secret).status == 500
            sent = sentry.bodies + collector.bodies
        assert len(sent) == 4
        kinds = [
            {raised["type"].rpartition(".")[2] for raised in event["exception"]["values"]} for event in sentry.events()
        ]
        assert kinds == [{"ExceptionGroup", "Odd", "KeyError", "ValueError"}, {"KeyError", "Odd"}]
        everything = b"".join(sent) + str([*sentry.headers, *sentry.paths, *collector.headers]).encode()
        assert secret.encode() not in everything
        assert b"canary" not in everything
        logged = capsys.readouterr()
        assert secret not in logged.out + logged.err


class TestASentryThatIsNotWell:
    BOUND = tracing.FLUSH_SECONDS + 0.25  # and what a busy machine adds

    @pytest.fixture(autouse=True)
    def failing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(does, "x", fails)

    def timed(self) -> float:
        started = time.perf_counter()
        assert ask().status == 500
        return time.perf_counter() - started

    def test_that_hangs_costs_one_request_a_moment_and_the_next_nothing(
        self, sentry: Collector, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self.timed()  # the SDK is loaded
        sentry.hang()
        assert tracing.FLUSH_SECONDS <= self.timed() < self.BOUND
        assert "Sentry is late" in capsys.readouterr().out
        assert max(self.timed() for _ in range(20)) < 0.1
        assert "Sentry is late" not in capsys.readouterr().out

    def test_that_hangs_costs_many_threads_the_same(self, sentry: Collector) -> None:
        self.timed()
        sentry.hang()
        with ThreadPoolExecutor(8) as threads:
            assert max(threads.map(lambda _: self.timed(), range(32))) < self.BOUND + 0.25

    def test_that_hangs_beside_a_collector_that_hangs_is_still_bounded(
        self, sentry: Collector, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(tracing, "_impossible", False)
        with Collector() as collector:
            monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
            self.timed()
            sentry.hang()
            collector.hang()
            assert self.timed() < self.BOUND

    def test_that_refuses_or_is_away_changes_nothing(
        self, sentry: Collector, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        sentry.status = 500
        self.timed()
        monkeypatch.setenv("SENTRY_DSN", f"http://public@127.0.0.1:{free_port()}/1")
        assert max(self.timed() for _ in range(3)) < self.BOUND
        assert capsys.readouterr().err == ""


class TestSettingsThatCanNotBe:
    def test_configured_but_not_installed_is_said_once(self) -> None:
        program = """
import sys
sys.modules["sentry_sdk"] = None
from shared.web import Function
from tests.shared.wsgi import call
app = Function("probe")
@app.get(public=True)
def probe() -> None:
    raise ValueError
for _ in range(3):
    assert call(app, path="/api/probe").status == 500
"""
        run = subprocess.run(
            [sys.executable, "-c", program],
            cwd=ROOT,
            env={"PYTHONPATH": str(ROOT), "SENTRY_DSN": "http://public@127.0.0.1:9/1"},
            capture_output=True,
            text=True,
            check=True,
        )
        events = [json.loads(each).get("event") for each in run.stdout.splitlines()]
        assert [event for event in events if event] == ["Sentry is configured but not installed"]
        assert run.stderr == ""

    @pytest.mark.parametrize("dsn", ["nonsense", "http://127.0.0.1", "http://public@/1", "ftp://public@x/1"])
    def test_an_address_that_is_none_harms_no_request(
        self, sentry: Collector, monkeypatch: pytest.MonkeyPatch, dsn: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setenv("SENTRY_DSN", dsn)
        monkeypatch.setitem(does, "x", fails)
        assert [ask().status for _ in range(2)] == [500, 500]
        logged = capsys.readouterr()
        assert logged.out.count("Sentry is configured but can't be") == 1
        assert logged.err == ""


def test_a_process_that_reports_nothing_loads_nothing(sentry: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
    """Configured, the SDK is loaded by the first exception and not by the first request."""
    program = """
import sys
from shared.web import Function
from tests.shared.wsgi import call
app = Function("probe")
@app.get(public=True)
def probe() -> dict[str, int]:
    return {}
assert call(app, path="/api/probe").status == 200
print("sentry_sdk" in sys.modules)
"""
    run = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT), "SENTRY_DSN": sentry.dsn},
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.splitlines()[-1] == "False"
