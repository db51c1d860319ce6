"""/api/health."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

import psycopg
import pytest

from local.ports import free_port
from local.stack import Stack
from tests.api import InProcess
from tests.functions.conftest import LogLines, ailing


def unwell(part: str) -> Callable[[str], int | None]:
    """503 for one part of Supabase."""
    return lambda path: 503 if path.startswith(f"/{part}/") else None


class TestReadiness:
    def test_says_each_dependency_and_how_long_it_took(self, api: InProcess) -> None:
        answer = api("GET", "/api/health")
        assert answer.status == 200
        assert answer.json["status"] == "ok"
        assert {name: check["status"] for name, check in answer.json["checks"].items()} == {
            "database": "ok",
            "auth": "ok",
            "storage": "ok",
        }
        assert all(check["latency_ms"] >= 0 for check in answer.json["checks"].values())
        assert answer.headers["cache-control"] == "no-store"

    def test_answers_503_while_the_database_is_away(self, api: InProcess, environment: pytest.MonkeyPatch) -> None:
        environment.setenv("SUPABASE_URL", f"http://127.0.0.1:{free_port()}")
        answer = api("GET", "/api/health")
        assert answer.status == 503
        assert answer.json["status"] == "unavailable"
        assert {check["status"] for check in answer.json["checks"].values()} == {"unavailable"}

    @pytest.mark.parametrize(
        ("part", "name", "status", "summary"),
        [
            ("rest", "database", 503, "unavailable"),
            ("auth", "auth", 200, "degraded"),
            ("storage", "storage", 200, "degraded"),
        ],
    )
    def test_tells_which_dependency_is_away(
        self,
        api: InProcess,
        stack: Stack,
        environment: pytest.MonkeyPatch,
        part: str,
        name: str,
        status: int,
        summary: str,
    ) -> None:
        with ailing(stack.env["SUPABASE_URL"], unwell(part)) as url:
            environment.setenv("SUPABASE_URL", url)
            answer = api("GET", "/api/health")
        assert (answer.status, answer.json["status"]) == (status, summary)
        away = [name for name, check in answer.json["checks"].items() if check["status"] == "unavailable"]
        assert away == [name]

    def test_waits_two_seconds_for_all_of_them_together(
        self, api: InProcess, stack: Stack, environment: pytest.MonkeyPatch
    ) -> None:
        def hesitate(path: str) -> int:
            time.sleep(3)
            return 200

        with ailing(stack.env["SUPABASE_URL"], hesitate) as url:
            environment.setenv("SUPABASE_URL", url)
            started = time.perf_counter()
            answer = api("GET", "/api/health")
            assert 1.9 < time.perf_counter() - started < 2.9
        assert answer.status == 503
        assert {check["status"] for check in answer.json["checks"].values()} == {"unavailable"}

    def test_tells_no_secret_and_no_address(self, api: InProcess, stack: Stack, log_lines: LogLines) -> None:
        answer = api("GET", "/api/health")
        told = answer.body.decode() + json.dumps(answer.headers) + json.dumps(log_lines())
        secrets = [value for name, value in stack.env.items() if name.endswith(("_KEY", "_SECRET", "_TOKEN", "_URL"))]
        assert len(secrets) > 5
        assert [secret for secret in secrets if secret in told] == []

    def test_writes_nothing(self, api: InProcess, database: psycopg.Connection) -> None:
        def written() -> object:
            return database.execute(
                """
                select (select count(*) from private.rate_limits), (select count(*) from private.audit_log),
                  (select count(*) from private.idempotency)
                """
            ).fetchone()

        before = written()
        api("GET", "/api/health")
        assert written() == before


class TestLiveness:
    def test_touches_nothing(self, api: InProcess, environment: pytest.MonkeyPatch) -> None:
        for name in ("SUPABASE_URL", "SUPABASE_SECRET_KEY", "SUPABASE_PUBLISHABLE_KEY"):
            environment.delenv(name)
        answer = api("GET", "/api/health?probe=live")
        assert answer.status == 200
        assert answer.json["checks"] == {}

    def test_answers_head_without_a_body(self, api: InProcess) -> None:
        answer = api("HEAD", "/api/health?probe=live")
        assert (answer.status, answer.body) == (200, b"")

    @pytest.mark.parametrize("probe", ["", "null", "Live", "ready"])
    def test_knows_no_other_probe(self, api: InProcess, probe: str) -> None:
        answer = api("GET", f"/api/health?probe={probe}")
        assert (answer.status, answer.code) == (422, "invalid_fields")
        assert [error["pointer"] for error in answer.json["errors"]] == ["/probe"]

    def test_lets_be_what_monitors_add(self, api: InProcess) -> None:
        assert api("GET", "/api/health?probe=live&_=1737000000").status == 200
