"""What is logged of a request: its line, its id, and the address it came from."""

from __future__ import annotations

import json
from typing import ClassVar

import pytest

from tests.shared.conftest import SECRET
from tests.shared.probe import app
from tests.shared.signing import PERSON, AuthServer, forged
from tests.shared.wsgi import call


class TestRequestIds:
    @pytest.mark.parametrize("given", ["a", "01JD-abc_DEF.9", "x" * 64])
    def test_given_are_given_back(self, given: str) -> None:
        answer = call(app, path="/api/probe/none", HTTP_X_REQUEST_ID=given)
        assert (answer.headers["x-request-id"], answer.json["request_id"]) == (given, given)

    @pytest.mark.parametrize(
        "given", ["", " ", "x" * 65, "a b", "a\r\nSet-Cookie: a=b", "<script>", "é", "a\n", '"', "a,b", "\0", "${jndi}"]
    )
    def test_that_are_odd_are_replaced(self, given: str) -> None:
        answer = call(app, path="/api/probe/none", HTTP_X_REQUEST_ID=given)
        assert len(answer.headers["x-request-id"]) == 32
        assert answer.json["request_id"] == answer.headers["x-request-id"]

    def test_not_given_are_different_each_time(self) -> None:
        assert len({call(app, path="/api/probe").headers["x-request-id"] for _ in range(50)}) == 50


class TestTheLogLine:
    FIELDS = frozenset(
        {
            *("level", "request_id", "trace_id", "function", "route", "status", "duration_ms"),
            *("caller_id", "database_round_trips", "calls"),
        }
    )

    def test_is_one_for_each_request_with_its_fields(self, capsys: pytest.CaptureFixture[str]) -> None:
        call(app, path="/api/probe/text/something", HTTP_X_REQUEST_ID="this-one")
        (line,) = map(json.loads, capsys.readouterr().out.splitlines())
        assert set(line) == self.FIELDS
        assert line.pop("duration_ms") >= 0
        assert len(line.pop("trace_id")) == 32
        assert line == {
            "level": "info",
            "request_id": "this-one",
            "function": "probe",
            "route": "GET /text/<text>",
            "status": 200,
            "caller_id": None,
            "database_round_trips": 0,
            "calls": [],
        }

    @pytest.mark.parametrize(
        ("method", "path", "status", "route"),
        [
            ("GET", "/api/probe/none", 404, None),
            ("SECRET-METHOD", "/api/probe", 405, None),
            ("OPTIONS", "/api/probe", 204, None),
            ("HEAD", "/api/probe", 200, "HEAD /"),
            ("POST", "/api/probe/mine", 401, "POST /mine"),
            ("GET", "/api/probe?x=1", 422, "GET /"),
        ],
    )
    def test_is_one_for_a_refusal_too(
        self, capsys: pytest.CaptureFixture[str], method: str, path: str, status: int, route: str | None
    ) -> None:
        assert call(app, method, path).status == status
        (line,) = map(json.loads, capsys.readouterr().out.splitlines())
        assert (line["status"], line["route"], line["level"]) == (status, route, "info")
        assert set(line) == self.FIELDS

    def test_names_the_person_and_nothing_they_sent(
        self, auth_server: AuthServer, capsys: pytest.CaptureFixture[str]
    ) -> None:
        token = forged({"alg": "HS256"}, auth_server.claims(), SECRET.encode())
        answer = call(
            app,
            "POST",
            "/api/probe/mine",
            body=b'{"name": "canary-body"}',
            HTTP_AUTHORIZATION=f"Bearer {token}",
            HTTP_COOKIE="canary-cookie",
            HTTP_USER_AGENT="canary-agent",
            HTTP_REFERER="canary-referer",
        )
        assert answer.status == 200
        logged = capsys.readouterr().out
        assert f'"caller_id": "{PERSON}"' in logged
        assert "canary" not in logged
        assert token not in logged

    def test_is_one_line_whatever_the_method_path_or_query_hold(self, capsys: pytest.CaptureFixture[str]) -> None:
        call(app, 'G"\n{"level": "info"}', "/api/probe\n/canary?canary=\n")
        (line,) = capsys.readouterr().out.splitlines()
        assert "canary" not in line


class TestTheCallersAddress:
    HEADERS: ClassVar = {
        "HTTP_X_FORWARDED_FOR": "203.0.113.1",
        "HTTP_FORWARDED": "for=203.0.113.2",
        "HTTP_X_CLIENT_IP": "203.0.113.3",
        "HTTP_TRUE_CLIENT_IP": "203.0.113.4",
        "HTTP_CF_CONNECTING_IP": "203.0.113.5",
    }

    def test_is_the_socket_s_and_no_header_changes_that(self) -> None:
        answer = call(app, path="/api/probe/ip", **self.HEADERS, HTTP_X_REAL_IP="203.0.113.9")
        assert answer.json == {"ip": "192.0.2.1"}

    def test_is_what_the_platform_says_on_the_platform(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """There REMOTE_ADDR is X-Forwarded-For, which anybody can send."""
        monkeypatch.setenv("VERCEL", "1")
        answer = call(app, path="/api/probe/ip", **self.HEADERS, HTTP_X_REAL_IP="198.51.100.7")
        assert answer.json == {"ip": "198.51.100.7"}
        assert call(app, path="/api/probe/ip", **self.HEADERS).json == {"ip": ""}

    def test_counts_the_network_that_one_ipv6_line_is_given_as_one_place(self) -> None:
        answers = [
            call(app, path="/api/probe/ip", REMOTE_ADDR=address).json["ip"]
            for address in ("2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff", "2001:db8:1:3::1")
        ]
        assert answers == ["2001:db8:1:2::/64", "2001:db8:1:2::/64", "2001:db8:1:3::/64"]
