"""Answers as they go out: JSON, other media, and what nobody expected."""

from __future__ import annotations

import json

import pytest

from shared.binding import Reply
from shared.errors import Problem
from shared.web import SECURITY_HEADERS
from tests.shared.probe import app, failures
from tests.shared.wsgi import call


class TestAnswers:
    def test_are_json(self) -> None:
        answer = call(app, path="/api/probe")
        assert (answer.status, answer.json) == (200, {"was": "read"})
        assert answer.headers["content-type"] == "application/json"
        assert answer.headers["content-length"] == str(len(answer.body))

    def test_have_the_status_of_their_route(self) -> None:
        assert call(app, "POST", "/api/probe", body=b'{"name": "a"}').status == 201

    def test_without_content_are_204_without_a_body_or_a_word_about_it(self) -> None:
        answer = call(app, "DELETE", "/api/probe/text/x")
        assert (answer.status, answer.body) == (204, b"")
        assert not {"content-type", "content-length"} & set(answer.headers)

    def test_can_choose_status_and_headers(self) -> None:
        answer = call(app, path="/api/probe/teapot")
        assert (answer.status, answer.headers["x-handle"]) == (418, "here")
        assert answer.headers["cache-control"] == "max-age=60"

    @pytest.mark.parametrize(
        ("method", "path"),
        [("GET", ""), ("GET", "/none"), ("PUT", ""), ("OPTIONS", ""), ("DELETE", "/text/x"), ("GET", "/failing/x")],
    )
    def test_carry_the_security_headers_whatever_they_are(self, method: str, path: str) -> None:
        answer = call(app, method, f"/api/probe{path}")
        for name, value in SECURITY_HEADERS.items():
            assert answer.headers[name.lower()] == value
        assert {"strict-transport-security", "x-content-type-options"} <= set(answer.headers)


class TestAnswersThatAreNotJson:
    def test_go_out_as_they_are_under_their_media_type(self) -> None:
        answer = call(app, path="/api/probe/picture")
        assert (answer.status, answer.body) == (200, b"\x89PNG")
        assert answer.headers["content-type"] == "image/png"
        assert answer.headers["cache-control"] == "max-age=60"

    @pytest.mark.parametrize("known", ['"1"', 'W/"1"', '"0", "1"', "*"])
    def test_are_not_sent_to_whoever_has_them(self, known: str) -> None:
        answer = call(app, path="/api/probe/picture", HTTP_IF_NONE_MATCH=known)
        assert (answer.status, answer.body) == (304, b"")
        assert answer.headers["etag"] == '"1"'
        assert answer.headers["cache-control"] == "max-age=60"
        assert not {"content-type", "content-length"} & set(answer.headers)

    @pytest.mark.parametrize("other", ["", '"2"', "1", '"1'])
    def test_are_sent_to_whoever_has_others(self, other: str) -> None:
        assert call(app, path="/api/probe/picture", HTTP_IF_NONE_MATCH=other).status == 200

    def test_of_a_change_are_always_sent(self) -> None:
        assert call(app, "POST", "/api/probe/picture", body=b"", HTTP_IF_NONE_MATCH='"1"').status == 200

    def test_a_problem_is_json_also_there(self) -> None:
        answer = call(app, path="/api/probe/picture?x=1")
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.headers["cache-control"] == "no-store"


class TestAnUnexpectedException:
    CANARY = "canary-5f0e1d3a"

    @pytest.mark.parametrize(
        "error", [Exception, KeyError, RuntimeError, RecursionError, MemoryError, UnicodeError, AssertionError, OSError]
    )
    @pytest.mark.parametrize("environment", ["production", "staging", "development"])
    def test_is_a_500_of_fixed_text(
        self,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
        error: type[Exception],
        environment: str,
    ) -> None:
        def fails() -> None:
            raise error(self.CANARY)

        monkeypatch.setenv("ENVIRONMENT", environment)
        monkeypatch.setitem(failures, "x", fails)
        answer = call(app, path="/api/probe/failing/x", HTTP_X_REQUEST_ID="this-one")
        assert answer.status == 500
        assert answer.json == {
            "type": "about:blank",
            "title": "Internal Server Error",
            "status": 500,
            "detail": "Something went wrong on our side.",
            "code": "internal",
            "request_id": "this-one",
        }
        logged = capsys.readouterr()
        assert (self.CANARY in logged.out) == (environment == "development")
        assert logged.err == ""
        failure, line = map(json.loads, logged.out.splitlines())
        assert failure["error"] == error.__name__
        assert any("fails" in frame for frame in failure["frames"])
        assert (line["status"], line["level"]) == (500, "error")

    @pytest.mark.parametrize(
        "content", [object(), {1, 2}, {"at": object()}, b"bytes", Reply(object())], ids=lambda it: type(it).__name__
    )
    def test_while_rendering_is_one_too(self, monkeypatch: pytest.MonkeyPatch, content: object) -> None:
        monkeypatch.setitem(failures, "x", lambda: content)
        answer = call(app, path="/api/probe/failing/x")
        assert (answer.status, answer.code) == (500, "internal")

    def test_with_a_problem_underneath_tells_only_the_problem(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def fails() -> None:
            try:
                raise ValueError(self.CANARY)
            except ValueError as error:
                raise Problem(409, "conflict", "Not now.") from error

        monkeypatch.setitem(failures, "x", fails)
        answer = call(app, path="/api/probe/failing/x")
        assert (answer.status, answer.code) == (409, "conflict")
        assert self.CANARY.encode() not in answer.body
