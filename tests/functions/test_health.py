"""/api/health."""

from __future__ import annotations

import pytest

from tests.api import InProcess


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
        environment.setenv("SUPABASE_URL", "http://127.0.0.1:1")
        answer = api("GET", "/api/health")
        assert answer.status == 503
        assert answer.json["status"] == "unavailable"
        assert {check["status"] for check in answer.json["checks"].values()} == {"unavailable"}


class TestLiveness:
    def test_touches_nothing(self, api: InProcess, environment: pytest.MonkeyPatch) -> None:
        environment.setenv("SUPABASE_URL", "http://127.0.0.1:1")
        answer = api("GET", "/api/health?probe=live")
        assert answer.status == 200
        assert answer.json["checks"] == {}

    def test_answers_head_without_a_body(self, api: InProcess) -> None:
        answer = api("HEAD", "/api/health?probe=live")
        assert (answer.status, answer.body) == (200, b"")
