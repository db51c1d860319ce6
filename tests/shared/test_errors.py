"""Problems, as RFC 9457 has them."""

from __future__ import annotations

from http import HTTPStatus

import pytest

from shared import errors
from shared.errors import Problem
from shared.web import Function
from tests.shared.wsgi import call

EVERY = [
    errors.unreadable("The body is not well-formed JSON."),
    errors.unauthenticated(),
    errors.unauthenticated("token_missing"),
    errors.not_found(),
    errors.invalid("/image", "not_base64", "The image is not base64."),
    errors.unavailable("auth_unavailable", "Sign-in is away.", 7),
    Problem(409, "conflict", "Something like this exists already."),
    Problem(413, "too_large", "Too large."),
    Problem(429, "rate_limited", "Wait.", headers={"Retry-After": "3"}),
    Problem(503, "not_configured", "A setting is missing."),
]
app = Function("probe")
raised: list[Problem] = []


@app.get(public=True)
def fail() -> None:
    raise raised.pop()


class TestEveryProblem:
    @pytest.mark.parametrize("problem", EVERY, ids=lambda problem: problem.code)
    def test_is_answered_as_problem_json(self, problem: Problem) -> None:
        raised.append(problem)
        answer = call(app, path="/api/probe", HTTP_X_REQUEST_ID="this-one")
        assert answer.status == problem.status
        assert answer.headers["content-type"] == "application/problem+json"
        document = answer.json
        assert set(document) - {"errors"} == {"type", "title", "status", "detail", "code", "request_id"}
        assert document["type"] == "about:blank"
        assert document["title"] == HTTPStatus(problem.status).phrase
        assert (document["status"], document["code"]) == (problem.status, problem.code)
        assert (document["detail"], document["request_id"]) == (problem.detail, "this-one")
        assert {name.lower(): value for name, value in problem.headers.items()}.items() <= answer.headers.items()

    @pytest.mark.parametrize("problem", EVERY, ids=lambda problem: problem.code)
    def test_has_a_stable_code_and_a_sentence(self, problem: Problem) -> None:
        assert problem.code == problem.code.lower()
        assert problem.code.replace("_", "").isalpha()
        assert problem.detail.endswith((".", "…"))

    @pytest.mark.parametrize("problem", EVERY, ids=lambda problem: problem.code)
    def test_has_errors_only_where_fields_are_wrong(self, problem: Problem) -> None:
        assert ("errors" in problem.document("x")) == (problem.status == 422)


class TestNamedProblems:
    def test_of_a_field_point_at_it(self) -> None:
        assert errors.invalid("/image", "not_base64", "The image is not base64.").document("x")["errors"] == [
            {"pointer": "/image", "detail": "The image is not base64.", "code": "not_base64"}
        ]

    def test_of_an_outage_say_when_to_come_back(self) -> None:
        assert errors.unavailable("x", "Away.", 7).headers == {"Retry-After": "7"}
        assert int(errors.unavailable("x", "Away.").headers["Retry-After"]) > 0

    def test_of_a_missing_token_and_of_a_bad_one_differ_in_code_only(self) -> None:
        missing, bad = errors.unauthenticated("token_missing"), errors.unauthenticated()
        assert (missing.detail, missing.headers) == (bad.detail, {"WWW-Authenticate": "Bearer"})

    def test_are_made_anew_each_time(self) -> None:
        errors.not_found().headers["X"] = "y"
        assert errors.not_found().headers == {}
