"""One request followed, over real HTTP: from the frontend's id to the function's log line, the SQL calls, the audit."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from local.functions import FunctionsServer
from local.pictures import labels
from local.stack import Stack
from local.vendors import Hangs, Says, Vendors
from shared import tracing
from tests.api import InProcess, OverHttp
from tests.collecting import Collector, Recorded
from tests.functions.test_detect_providers import sdks
from tests.people import People, Person

__all__ = ["sdks"]  # a fixture: what is timed has served before

SIGHTING = {"items": [], "text": "ETHIOPIA YIRGACHEFFE", "confidence": 0.9}


class Logged:
    """A server's output, as lines."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def lines(self, request_id: str) -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in self.path.read_text().splitlines() if line.startswith("{")]
        return [line for line in lines if line["request_id"] == request_id]


@pytest.fixture
def person(people: People) -> Person:
    return people.sign_up()


@pytest.fixture(scope="module")
def photo() -> str:
    return base64.b64encode(labels()[0].image).decode()


def audited(database: psycopg.Connection, request_id: str) -> list[str]:
    rows = database.execute(
        "select action from private.audit_log where request_id = %s order by sequence", [request_id]
    ).fetchall()
    return [action for (action,) in rows]


@pytest.fixture(scope="module")
def logged(tmp_path_factory: pytest.TempPathFactory) -> Logged:
    return Logged(tmp_path_factory.mktemp("server") / "output")


@pytest.fixture(scope="module")
def served(stack: Stack, logged: Logged) -> Iterator[OverHttp]:
    with logged.path.open("wb") as output, FunctionsServer(stack.env, output=output) as server:
        yield OverHttp(server.url)


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with Collector() as collector:
        yield collector


@pytest.fixture(scope="module")
def engine(stack: Stack, collector: Collector) -> Iterator[FunctionsServer]:
    """The process that detect-local is served from."""
    with FunctionsServer({**stack.env, "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url}) as server:
        yield server


@pytest.fixture
def traced(
    api: InProcess,
    environment: pytest.MonkeyPatch,
    engine: FunctionsServer,
    collector: Collector,
) -> InProcess:
    """Detect is served from this process."""
    environment.setenv("API_URL", engine.url)
    environment.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
    environment.setattr(tracing, "_impossible", False)
    collector.forget()
    return api


class TestWithNothingConfigured:
    def test_one_id_leads_from_the_answer_to_the_log_line_the_sql_calls_and_the_audit(
        self, served: OverHttp, logged: Logged, person: Person, database: psycopg.Connection
    ) -> None:
        request_id, trace_id = f"frontend-{uuid4()}", uuid4().hex
        answer = served(
            "POST",
            "/api/workspaces",
            token=person.token,
            json={"name": "Shop"},
            headers={
                "X-Request-Id": request_id,
                "traceparent": f"00-{trace_id}-00f067aa0ba902b7-01",
                "Idempotency-Key": uuid4().hex,
            },
        )
        assert answer.status == 201
        assert answer.headers["x-request-id"] == request_id
        (line,) = logged.lines(request_id)
        assert (line["trace_id"], line["route"], line["status"]) == (trace_id, "POST /", 201)
        assert [(name, status) for name, _, status in line["calls"]][-2:] == [
            ("rpc/begin_request", 200),
            ("rpc/create_workspace", 200),
        ]
        assert all(0 < milliseconds <= line["duration_ms"] for _, milliseconds, _ in line["calls"])
        assert audited(database, request_id) == ["workspace.created"]

    def test_a_refusal_says_its_id_and_where_it_ended(
        self, served: OverHttp, logged: Logged, person: Person, database: psycopg.Connection
    ) -> None:
        answer = served("PATCH", f"/api/workspaces/{uuid4()}", token=person.token, json={"name": "Not mine"})
        request_id = answer.json["request_id"]
        assert answer.headers["x-request-id"] == request_id
        (line,) = logged.lines(request_id)
        assert line["calls"]
        assert line["status"] == answer.status == 404

    def test_it_leads_across_functions(
        self, served: OverHttp, logged: Logged, person: Person, photo: str, database: psycopg.Connection
    ) -> None:
        request_id = f"frontend-{uuid4()}"
        answer = served(
            "POST",
            "/api/detect",
            token=person.token,
            json={"image": photo, "kind": "pantry"},
            headers={"X-Request-Id": request_id},
        )
        assert answer.status == 201
        local, detect = logged.lines(request_id)
        assert (local["function"], detect["function"]) == ("detect-local", "detect")
        assert local["trace_id"] == detect["trace_id"]
        assert [name for name, _, _ in detect["calls"]][-4:] == [
            "rpc/begin_request",
            "rpc/find_detection",
            "/api/detect-local",
            "rpc/record_detections",
        ]
        assert audited(database, request_id) == ["detection.created"]


class TestWithACollector:
    def test_two_processes_make_one_trace(
        self, traced: InProcess, collector: Collector, person: Person, photo: str
    ) -> None:
        trace_id, above = uuid4().hex, "00f067aa0ba902b7"
        answer = traced(
            "POST",
            "/api/detect",
            token=person.token,
            json={"image": photo, "kind": "pantry"},
            headers={"traceparent": f"00-{trace_id}-{above}-01"},
        )
        assert answer.status == 201
        named = self.spans(collector, trace_id)
        detect, call, local = (
            named["POST /api/detect"],
            named["POST /api/detect-local, CLIENT"],
            named["POST /api/detect-local"],
        )
        assert (detect.service, local.service) == ("detect", "detect-local")
        assert (detect.parent, call.parent, local.parent) == (above, detect.id, call.id)
        assert named["see"].parent == local.id
        assert {name for name, span in named.items() if span.parent == detect.id} >= {
            "decode",
            "POST rpc/begin_request, CLIENT",
            "POST rpc/record_detections, CLIENT",
        }

    def test_providers_are_named_with_model_and_tokens_and_told_nothing(
        self,
        traced: InProcess,
        environment: pytest.MonkeyPatch,
        collector: Collector,
        person: Person,
        photo: str,
        database: psycopg.Connection,
    ) -> None:
        database.execute("delete from private.ai_breakers")
        with Vendors() as vendors:
            for name, value in vendors.env.items():
                environment.setenv(name, value)
            environment.setenv("AI_PROVIDERS", "gemini,openai_compatible,anthropic")
            environment.setenv("AI_TIMEOUT_SECONDS", "1")
            vendors.script("gemini", Hangs())
            vendors.script("openai_compatible", Says({"no": "items"}), Says({"no": "items"}))
            vendors.script("anthropic", Says(SIGHTING))
            trace_id = uuid4().hex
            answer = traced(
                "POST",
                "/api/detect",
                token=person.token,
                json={"image": photo, "kind": "pantry", "prompt": "canary in the prompt"},
                headers={"traceparent": f"00-{trace_id}-00f067aa0ba902b7-01", "tracestate": "vendor=state"},
            )
            assert answer.status == 201
            asked = [each for vendor in ("gemini", "openai_compatible", "anthropic") for each in vendors.asked(vendor)]
        assert len(asked) >= 3
        for each in asked:
            assert not {"traceparent", "tracestate", "baggage"} & {name.lower() for name in each.headers}
            assert trace_id not in str(each.headers)
        named = self.spans(collector, trace_id)
        late = named["chat gemini-3-flash-preview, CLIENT"]
        assert (late.failed, late.attributes["error.type"]) == (True, "timeout")
        answered = named["chat claude-haiku-5-5, CLIENT"]
        assert not answered.failed
        assert (
            answered.attributes.items()
            >= {
                "gen_ai.operation.name": "chat",
                "gen_ai.provider.name": "anthropic",
                "gen_ai.request.model": "claude-haiku-5-5",
                "gen_ai.usage.input_tokens": 900,
                "gen_ai.usage.output_tokens": 120,
            }.items()
        )
        sent = b"".join(collector.bodies)
        for kept in (
            "canary",
            "YIRGACHEFFE",
            person.email,
            person.token,
            str(person.user_id),
            str(person.workspace_id),
        ):
            assert kept.encode() not in sent

    def spans(self, collector: Collector, trace_id: str) -> dict[str, Recorded]:
        """One trace's, by name; a client's says so, for the server it called has the same."""
        collector.await_(lambda: any(span.name == "POST /api/detect" for span in collector.spans()))
        return {
            span.name + (", CLIENT" if span.kind == "CLIENT" else ""): span
            for span in collector.spans()
            if span.trace_id == trace_id
        }
