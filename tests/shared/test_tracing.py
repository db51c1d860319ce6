"""Traces: continued always, recorded by OpenTelemetry's SDK where it is configured, and never in a request's way."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any

import pytest

from local.ports import free_port
from local.state import ROOT
from shared import context, gateway, peers, telemetry, traceparent, tracing
from shared.errors import Problem
from shared.web import Function
from tests.api import Response
from tests.collecting import Collector, Recorded
from tests.shared.wsgi import call

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
SENT = f"00-{TRACE}-{PARENT}-01"

app = Function("probe")
does: dict[str, Callable[[], Any]] = {}


@app.post("/doing/<what>", public=True)
def doing(what: str) -> dict[str, Any]:
    return {"result": does[what]()}


def ask(path: str = "/api/probe/doing/x", **headers: str) -> Response:
    return call(app, "POST", path, **{f"HTTP_{name.upper()}": value for name, value in headers.items()})


def line(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(capsys.readouterr().out.splitlines()[-1])
    return found


@pytest.fixture
def supabase(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    """Takes what the gateway sends; also where our own functions are said to be."""
    monkeypatch.setattr(gateway, "_pool", None)
    with Collector() as server:
        for name, value in {
            "SUPABASE_URL": server.url,
            "SUPABASE_PUBLISHABLE_KEY": "sb_publishable_for_tests",
            "SUPABASE_SECRET_KEY": "sb_secret_for_tests",
            "API_URL": server.url,
        }.items():
            monkeypatch.setenv(name, value)
        yield server
    gateway.pool().clear()


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    """Traces are configured, and go here."""
    with Collector() as server:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", server.url)
        monkeypatch.setattr(tracing, "_impossible", False)
        yield server


def query(procedure: str = "begin_request") -> int:
    return gateway.send("POST", f"/rest/v1/rpc/{procedure}?secret=canary", payload={"secret": "canary"}).status


class TestAReceivedTrace:
    @pytest.mark.parametrize(
        ("given", "flags"),
        [
            (SENT, 1),
            (f"00-{TRACE}-{PARENT}-00", 0),
            (f"00-{TRACE}-{PARENT}-03", 3),
            (f"00-{TRACE}-{PARENT}-ff", 3),  # flags we don't know are not passed on
            (f"01-{TRACE}-{PARENT}-01", 1),
            (f"cc-{TRACE}-{PARENT}-01-more-that-is-new", 1),
        ],
    )
    def test_is_continued(self, given: str, flags: int) -> None:
        assert traceparent.received(given) == (TRACE, PARENT, flags, "")

    @pytest.mark.parametrize(
        "given",
        [
            "",
            " " + SENT,
            SENT + " ",
            SENT + "\n",
            SENT + "-more",  # version 00 has no more
            SENT + "," + SENT,  # sent twice
            SENT.upper(),
            SENT.replace("00-", "ff-", 1),
            SENT.replace("00-", "0-", 1),
            SENT.replace(TRACE, "0" * 32),
            SENT.replace(PARENT, "0" * 16),
            SENT.replace(TRACE, TRACE[:-1]),
            SENT.replace(PARENT, PARENT + "0"),
            SENT.replace(TRACE, TRACE[:-1] + "g"),
            SENT[:-1],
            f"01-{TRACE}-{PARENT}-01more",
            SENT.replace(TRACE, TRACE[:-1] + "٣"),  # a digit, but not one of ours
            "é" * 55,
        ],
    )
    def test_that_is_malformed_is_as_if_there_were_none(self, given: str) -> None:
        found = traceparent.received(given, "vendor=state")
        assert (len(found.id), found.parent, found.flags & 1, found.state) == (32, "", 0, "")
        assert found.id != TRACE
        assert traceparent.received(given).id != found.id

    @pytest.mark.parametrize("state", ["a=1", "a=1,b@c=2", "a=1, b=2"])
    def test_brings_its_vendors_state(self, state: str) -> None:
        assert traceparent.received(SENT, state).headers()["tracestate"] == state

    @pytest.mark.parametrize(
        "state", ["", " ", "a=1\r\nX-Evil: 1", "a=é", "x" * 513, ",".join("a=1" for _ in range(33))]
    )
    def test_brings_no_state_that_is_malformed(self, state: str) -> None:
        assert "tracestate" not in traceparent.received(SENT, state).headers()


class TestWithoutAnyCollector:
    def test_the_trace_is_in_the_log_line_and_goes_on_to_supabase(
        self, supabase: Collector, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setitem(does, "x", lambda: [query(), query()])
        answer = ask(traceparent=SENT, tracestate="vendor=state", x_request_id="this-one")
        assert answer.headers["x-request-id"] == "this-one"
        assert line(capsys)["trace_id"] == TRACE
        sent = [headers["traceparent"].split("-") for headers in supabase.headers]
        assert [(version, trace, flags) for version, trace, _, flags in sent] == [("00", TRACE, "01")] * 2
        spans = {span for _, _, span, _ in sent}
        assert len(spans) == 2  # a new one for each call
        assert PARENT not in spans
        assert {headers["tracestate"] for headers in supabase.headers} == {"vendor=state"}
        assert {headers["x-request-id"] for headers in supabase.headers} == {"this-one"}

    def test_it_goes_on_to_our_own_functions(self, supabase: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(does, "x", lambda: peers.call("engine?kind=x", b"", timeout_seconds=5).status)
        ask(traceparent=SENT)
        assert supabase.headers[0]["traceparent"].split("-")[1] == TRACE

    def test_one_begins_where_none_is_received(
        self, supabase: Collector, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setitem(does, "x", query)
        ask(traceparent="nonsense")
        begun = line(capsys)["trace_id"]
        assert supabase.headers[0]["traceparent"].split("-")[1] == begun
        ask()
        assert line(capsys)["trace_id"] != begun

    def test_each_call_is_in_the_log_line(
        self, supabase: Collector, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        def all_of_them() -> None:
            query()
            supabase.status = 404
            gateway.send("POST", "/rest/v1/workspaces?id=eq.canary", payload={})
            gateway.send("POST", "/auth/v1/token?grant_type=password", payload={})
            gateway.send("POST", "/storage/v1/object/detect/canary/canary.png", payload={})
            peers.call("engine?kind=canary", b"", timeout_seconds=5)

        monkeypatch.setitem(does, "x", all_of_them)
        ask()
        logged = line(capsys)
        assert [(name, status) for name, _, status in logged["calls"]] == [
            ("rpc/begin_request", 200),
            ("workspaces", 404),
            ("auth/token", 404),
            ("storage/object", 404),
            ("/api/engine", 404),
        ]
        assert all(0 < milliseconds < logged["duration_ms"] for _, milliseconds, _ in logged["calls"])
        assert "canary" not in json.dumps(logged)

    def test_a_call_that_brings_nothing_back_is_there_too(
        self, supabase: Collector, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setenv("SUPABASE_URL", f"http://127.0.0.1:{free_port()}")
        monkeypatch.setitem(does, "x", query)
        assert ask().status == 503
        ((name, _, status),) = line(capsys)["calls"]
        assert (name, status) == ("rpc/begin_request", None)

    def test_many_calls_make_no_endless_line(
        self, supabase: Collector, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setitem(does, "x", lambda: [query() for _ in range(tracing.MOST_CALLS + 5)] and None)
        ask()
        assert len(line(capsys)["calls"]) == tracing.MOST_CALLS

    def test_nothing_is_imported_and_nothing_written(self) -> None:
        """In a process of its own: a request that calls Supabase, and one that fails."""
        program = """
import json, sys, threading
from tests.collecting import Collector
before = set(sys.modules)
from tests.shared.wsgi import call
for name in [name for name in sys.modules if name.startswith(("opentelemetry", "sentry_sdk", "google"))]:
    del sys.modules[name]  # what the test's own server loaded
from shared import gateway
from shared.web import Function
import os
app = Function("probe")
@app.get(public=True)
def probe() -> dict[str, int]:
    return {"status": gateway.send("POST", "/rest/v1/rpc/x", payload={}).status}
@app.get("/fail", public=True)
def fail() -> None:
    raise ValueError
with Collector() as server:
    os.environ["SUPABASE_URL"] = server.url
    threads = threading.active_count()
    assert call(app, path="/api/probe").status == 200
    assert call(app, path="/api/probe/fail").status == 500
heavy = {"opentelemetry", "sentry_sdk", "google", "requests"}
print(sorted(name for name in sys.modules if name.partition(".")[0] in heavy
             or name in ("shared.telemetry", "shared.reporting")))
"""
        run = subprocess.run(
            [sys.executable, "-c", program],
            cwd=ROOT,
            env={"PYTHONPATH": str(ROOT), "SUPABASE_PUBLISHABLE_KEY": "sb_x"},
            capture_output=True,
            text=True,
            check=True,
        )
        assert run.stdout.splitlines()[-1] == "[]"
        assert run.stderr == ""

    def test_it_costs_next_to_nothing(self) -> None:
        """All of it, for a request with two calls: below 0.1 ms even on a busy machine (measured: 0.02)."""

        def once() -> float:
            started = time.perf_counter()
            made = context.begin(context.Context(trace=traceparent.received(SENT)))
            root = tracing.begin("probe", "GET", "http")
            for _ in range(2):
                with tracing.Call("rpc/x", "POST rpc/x", {}) as made_call, tracing.span("decode"):
                    assert made_call.headers
            tracing.finish(root, 200, None, [b""])
            assert len(made.calls) == 2
            return time.perf_counter() - started

        assert sorted(once() for _ in range(500))[50] < 1e-4


def spans_of(collector: Collector) -> dict[str, Recorded]:
    return {span.name: span for span in collector.spans()}


class TestWithACollector:
    def test_a_request_is_one_trace_of_a_server_s_span_and_its_calls(
        self,
        collector: Collector,
        supabase: Collector,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        def work() -> None:
            with tracing.span("decode", {"backroom.kind": "pantry"}):
                query()

        monkeypatch.setitem(does, "x", work)
        assert ask(x_request_id="this-one", user_agent="canary").status == 200
        # All of it was there when the answer was closed: nobody had to wait.
        found = spans_of(collector)
        assert len(collector.bodies) == 1
        assert len(found) == 3
        root, inner, client = found["POST /api/probe/doing/<what>"], found["decode"], found["POST rpc/begin_request"]
        assert (root.kind, inner.kind, client.kind) == ("SERVER", "INTERNAL", "CLIENT")
        assert (root.parent, inner.parent, client.parent) == ("", root.id, inner.id)
        assert {span.trace_id for span in found.values()} == {line(capsys)["trace_id"]}
        assert {span.service for span in found.values()} == {"probe"}
        assert not any(span.failed for span in found.values())
        assert root.attributes == {
            "http.request.method": "POST",
            "http.route": "/api/probe/doing/<what>",
            "url.path": "/api/probe/doing/<what>",
            "url.scheme": "http",
            "http.response.status_code": 200,
            "backroom.request_id": "this-one",
        }
        assert client.attributes == {
            "http.request.method": "POST",
            "http.response.status_code": 200,
            "backroom.supabase": "rest",
            "db.system.name": "postgresql",
            "db.stored_procedure.name": "begin_request",
        }
        sent = traceparent.received(supabase.headers[0]["traceparent"])
        assert (sent.id, sent.parent, sent.flags & 1) == (root.trace_id, client.id, 1)
        assert b"canary" not in collector.bodies[0]

    def test_a_received_trace_goes_on(
        self, collector: Collector, supabase: Collector, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(does, "x", query)
        ask(traceparent=SENT, tracestate="vendor=state")
        root = spans_of(collector)["POST /api/probe/doing/<what>"]
        assert (root.trace_id, root.parent) == (TRACE, PARENT)
        assert supabase.headers[0]["tracestate"] == "vendor=state"

    def test_a_trace_that_its_beginner_does_not_record_is_not_recorded_here(
        self, collector: Collector, supabase: Collector, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(does, "x", query)
        ask(traceparent=SENT.replace("-01", "-00"))
        assert supabase.headers[0]["traceparent"].endswith("-00")
        assert collector.bodies == []

    def test_failures_are_told_by_kind_alone(self, collector: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail() -> None:
            with tracing.span("decode"):
                raise ValueError("canary")

        monkeypatch.setitem(does, "x", fail)
        assert ask().status == 500
        root, inner = spans_of(collector)["POST /api/probe/doing/<what>"], spans_of(collector)["decode"]
        assert (root.failed, root.attributes["error.type"]) == (True, "ValueError")
        assert (inner.failed, inner.attributes["error.type"]) == (True, "ValueError")
        assert b"canary" not in b"".join(collector.bodies)

    @pytest.mark.parametrize(("status", "failed"), [(409, False), (503, True)])
    def test_a_refusal_is_no_failure_of_ours(
        self, collector: Collector, monkeypatch: pytest.MonkeyPatch, status: int, failed: bool
    ) -> None:
        def refuse() -> None:
            raise Problem(status, "some_code", "Not now.")

        monkeypatch.setitem(does, "x", refuse)
        ask()
        (root,) = collector.spans()
        assert (root.failed, root.attributes.get("error.type")) == (failed, "some_code" if failed else None)

    def test_what_a_stranger_made_up_names_nothing(self, collector: Collector) -> None:
        call(app, "CANARY", "/api/probe/canary/canary?canary", HTTP_USER_AGENT="canary", HTTP_BAGGAGE="canary=1")
        (root,) = collector.spans()
        assert (root.name, root.attributes["http.request.method"]) == ("_OTHER", "_OTHER")
        assert b"canary" not in collector.bodies[0].lower()

    def test_threads_with_a_copied_context_go_on_beneath_their_request(
        self, collector: Collector, supabase: Collector, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Four requests at a time, each with four threads: every span finds its own trace."""

        def fan_out() -> None:
            with ThreadPoolExecutor(4) as threads:
                for each in [threads.submit(copy_context().run, query, f"p{number}") for number in range(4)]:
                    each.result()

        monkeypatch.setitem(does, "x", fan_out)
        with ThreadPoolExecutor(4) as threads:
            assert {answer.status for answer in threads.map(lambda _: ask(), range(8))} == {200}
        collector.await_(lambda: len(collector.spans()) == 8 * 5)
        spans = collector.spans()
        roots = {span.id: span for span in spans if span.kind == "SERVER"}
        assert len({span.trace_id for span in roots.values()}) == 8
        for root in roots.values():
            beneath = sorted(span.name for span in spans if span.parent == root.id and span.trace_id == root.trace_id)
            assert beneath == [f"POST rpc/p{number}" for number in range(4)]

    def test_the_full_endpoint_wins_and_headers_are_sent(
        self, collector: Collector, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9/nowhere")
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", f"{collector.url}/elsewhere")
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-key=secret")
        monkeypatch.setitem(does, "x", lambda: None)
        ask()
        assert (collector.paths, collector.headers[0]["x-key"]) == (["/elsewhere"], "secret")

    def test_nobody_else_finds_the_sdk(self, collector: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
        """Libraries that look for a global provider or a current span must not record or send anything."""
        from opentelemetry import propagate, trace

        def look() -> None:
            carrier: dict[str, str] = {}
            propagate.inject(carrier)
            assert carrier == {}
            with trace.get_tracer("somebody").start_as_current_span("prompt"):
                pass

        monkeypatch.setitem(does, "x", look)
        assert ask().status == 200
        assert [span.kind for span in collector.spans()] == ["SERVER"]


class TestACollectorThatIsNotWell:
    BOUND = tracing.FLUSH_SECONDS + 0.25  # and what a busy machine adds

    @pytest.fixture(autouse=True)
    def working(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(does, "x", lambda: None)

    def timed(self) -> float:
        started = time.perf_counter()
        assert ask().status == 200
        return time.perf_counter() - started

    def test_that_hangs_costs_one_request_a_moment_and_the_next_nothing(
        self, collector: Collector, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self.timed()  # the SDK is loaded
        collector.hang()
        assert tracing.FLUSH_SECONDS <= self.timed() < self.BOUND
        warning = line(capsys)
        assert (warning["event"], warning["reason"]) == ("traces not delivered", "late")
        assert max(self.timed() for _ in range(50)) < 0.1
        assert "not delivered" not in capsys.readouterr().out  # it was said
        collector.release.set()
        collector.await_(lambda: len(collector.spans()) == 52)  # nothing is lost that could be kept

    def test_that_hangs_costs_many_threads_the_same(self, collector: Collector) -> None:
        self.timed()
        collector.hang()
        with ThreadPoolExecutor(8) as threads:
            assert max(threads.map(lambda _: self.timed(), range(64))) < self.BOUND + 0.25

    def test_that_refuses_or_is_away_costs_nothing_but_a_warning(
        self, collector: Collector, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        collector.status = 400
        assert self.timed() < 2  # loads the SDK
        assert line(capsys)["reason"] == "refused or unreachable"
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{free_port()}")
        assert self.timed() < self.BOUND
        assert line(capsys)["event"] == "traces not delivered"
        assert self.timed() < 0.1
        logged = capsys.readouterr()
        assert "not delivered" not in logged.out
        assert logged.err == ""

    def test_that_is_well_again_is_waited_for_again(self, collector: Collector) -> None:
        collector.status = 400
        self.timed()
        collector.status = 200
        self.timed()  # not waited for
        collector.await_(lambda: len(collector.bodies) == 2)
        recorder = telemetry.recorder(f"{collector.url}/v1/traces")
        collector.await_(lambda: recorder._rests_until < 0)
        self.timed()
        assert len(collector.bodies) == 3

    def test_that_never_answers_is_not_remembered_for_ever(self, collector: Collector) -> None:
        collector.hang()
        recorder = telemetry.recorder(f"{collector.url}/v1/traces")
        for _ in range(telemetry.MOST_SPANS + 100):
            ask()
        assert len(recorder._ended) <= telemetry.MOST_SPANS
        assert [thread.name for thread in threading.enumerate()].count("traces") <= len(telemetry._recorders)


class TestSettingsThatCanNotBe:
    @pytest.mark.parametrize("missing", ["opentelemetry.sdk", "opentelemetry.exporter"])
    def test_configured_but_not_installed_is_said_once(self, missing: str) -> None:
        program = f"""
import sys
for name in [{missing!r}, {missing!r} + ".trace", {missing!r} + ".resources", {missing!r} + ".otlp"]:
    sys.modules[name] = None
from shared.web import Function
from tests.shared.wsgi import call
app = Function("probe")
@app.get(public=True)
def probe() -> dict[str, int]:
    return {{}}
for _ in range(3):
    assert call(app, path="/api/probe").status == 200
"""
        run = subprocess.run(
            [sys.executable, "-c", program],
            cwd=ROOT,
            env={"PYTHONPATH": str(ROOT), "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"},
            capture_output=True,
            text=True,
            check=True,
        )
        lines = [json.loads(each) for each in run.stdout.splitlines()]
        assert [each.get("event", "") for each in lines] == [
            "traces are configured but not installed", "", "", "",
        ]  # fmt: skip
        assert lines[0]["install"] == "shared/observability.txt"
        assert run.stderr == ""

    @pytest.mark.parametrize("endpoint", ["nonsense", "http://", "ftp://x", "http://[", "http://127.0.0.1:99999"])
    def test_an_endpoint_that_is_none_harms_no_request(
        self, monkeypatch: pytest.MonkeyPatch, endpoint: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
        monkeypatch.setattr(tracing, "_impossible", False)
        monkeypatch.setitem(does, "x", lambda: None)
        assert ask().status == 200
        logged = capsys.readouterr()
        assert "traces" in logged.out
        assert logged.err == ""
