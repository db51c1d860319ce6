"""What a limited answer says of its limits, in headers."""

from __future__ import annotations

import re
from typing import Any

import pytest

from shared import context, limits
from shared.errors import Problem
from shared.limits import Limit
from shared.web import Function
from tests.shared.wsgi import call

MINUTE: dict[str, Any] = {
    "name": "detect", "quota": 100, "window_seconds": 900, "remaining": 7, "blocked": False, "reset_seconds": 30
}  # fmt: skip
# draft-ietf-httpapi-ratelimit-headers: lists of structured fields (RFC 9651).
ITEM = r'"[a-z._-]+"(;[a-z]+=[0-9]+)+'

app = Function("probe")


@app.get(public=True)
def read() -> dict[str, str]:
    context.current().limits = [MINUTE]
    return {}


@app.get("/refused", public=True)
def refuse() -> None:
    blocked = {**MINUTE, "remaining": 0, "blocked": True}
    context.current().limits = [blocked]
    raise Problem(429, "rate_limited", "Wait.", headers=limits.retry_after([blocked]))


@app.get("/unlimited", public=True)
def unlimited() -> dict[str, str]:
    return {}


class TestHeaders:
    def test_say_the_policy_and_what_is_left(self) -> None:
        answer = call(app, path="/api/probe")
        assert answer.headers["ratelimit-policy"] == '"detect";q=100;w=900'
        assert answer.headers["ratelimit"] == '"detect";r=7;t=30'
        assert "retry-after" not in answer.headers

    def test_come_with_a_refusal_too(self) -> None:
        answer = call(app, path="/api/probe/refused")
        assert (answer.status, answer.headers["retry-after"]) == (429, "30")
        assert answer.headers["ratelimit"] == '"detect";r=0;t=30'

    def test_are_absent_where_nothing_is_limited(self) -> None:
        answer = call(app, path="/api/probe/unlimited")
        assert not {"ratelimit", "ratelimit-policy", "retry-after"} & set(answer.headers)

    def test_do_not_outlive_their_request(self) -> None:
        call(app, path="/api/probe")
        assert "ratelimit" not in call(app, path="/api/probe/unlimited").headers

    def test_of_several_limits_are_lists(self) -> None:
        made = limits.headers([MINUTE, {**MINUTE, "name": "auth.ip"}])
        for value in made.values():
            assert re.fullmatch(f"{ITEM}, {ITEM}", value)
        assert made["RateLimit"] == '"detect";r=7;t=30, "auth.ip";r=7;t=30'


class TestRetryAfter:
    @pytest.mark.parametrize(
        ("states", "seconds"),
        [
            ([{**MINUTE, "blocked": True}], "30"),
            ([{**MINUTE, "blocked": True}, {**MINUTE, "blocked": True, "reset_seconds": 800}], "800"),
            ([{**MINUTE, "blocked": True}, {**MINUTE, "reset_seconds": 800}], "30"),
            ([], "1"),
        ],
    )
    def test_is_when_every_limit_that_refused_would_admit(self, states: list[dict[str, Any]], seconds: str) -> None:
        assert limits.retry_after(states) == {"Retry-After": seconds}


class TestWhatIsAskedOfTheDatabase:
    def test_names_limit_subject_and_units(self) -> None:
        assert Limit("detect", 100, 900).wanted("somebody", 3) == {
            "name": "detect", "quota": 100, "window_seconds": 900, "subject": "somebody", "units": 3
        }  # fmt: skip
