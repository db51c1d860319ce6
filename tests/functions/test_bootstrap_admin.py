"""/api/bootstrap-admin."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from local.stack import Stack
from tests.api import InProcess, Response
from tests.functions.conftest import LogLines, spent, together
from tests.people import People, Person

PATH = "/api/bootstrap-admin"
WRONG = "w" * 43


def claim(api: InProcess, email: str, token: str) -> Response:
    return api("POST", PATH, json={"email": email, "token": token})


def as_if_never_used(database: psycopg.Connection) -> None:
    database.execute("delete from private.bootstrap")
    database.execute("delete from public.platform_admins")
    database.execute("delete from private.rate_limits where name = 'bootstrap-admin'")


def admins(database: psycopg.Connection) -> list[Any]:
    return [user_id for (user_id,) in database.execute("select user_id from public.platform_admins").fetchall()]


def audited(database: psycopg.Connection, after: int) -> list[tuple[Any, ...]]:
    """The platform's entries since."""
    return database.execute(
        "select action, actor, target from private.audit_log where chain = private.platform() and sequence > %s",
        [after],
    ).fetchall()


@pytest.fixture(autouse=True)
def _unused(database: psycopg.Connection) -> Iterator[None]:
    """A deployment that has no admin yet, and is left without one."""
    as_if_never_used(database)
    yield
    as_if_never_used(database)


@pytest.fixture
def head(database: psycopg.Connection) -> int:
    """Where the platform's audit log ends before the test."""
    row = database.execute(
        "select coalesce(max(sequence), 0) from private.audit_log where chain = private.platform()"
    ).fetchone()
    assert row is not None
    return int(row[0])


@pytest.fixture
def token(stack: Stack) -> str:
    """The deployment's token."""
    return stack.env["BOOTSTRAP_ADMIN_TOKEN"]


@pytest.fixture(scope="module")
def person(people: People) -> Person:
    """Somebody who has signed up."""
    return people.sign_up()


class TestWhileTheTokenIsNotSet:
    @pytest.mark.parametrize("configured", ["", "x" * 31])
    def test_is_closed_to_everybody_and_says_why(
        self,
        api: InProcess,
        environment: pytest.MonkeyPatch,
        database: psycopg.Connection,
        person: Person,
        configured: str,
    ) -> None:
        environment.setenv("BOOTSTRAP_ADMIN_TOKEN", configured)
        answer = claim(api, person.email, configured)
        assert (answer.status, answer.code) == (503, "not_configured")
        assert "BOOTSTRAP_ADMIN_TOKEN" in answer.json["detail"]
        assert admins(database) == []

    def test_is_closed_when_the_variable_is_not_there_at_all(
        self, api: InProcess, environment: pytest.MonkeyPatch, person: Person
    ) -> None:
        environment.delenv("BOOTSTRAP_ADMIN_TOKEN")
        assert claim(api, person.email, "").status == 503

    def test_is_open_with_32_characters(self, api: InProcess, environment: pytest.MonkeyPatch, person: Person) -> None:
        environment.setenv("BOOTSTRAP_ADMIN_TOKEN", "x" * 32)
        assert claim(api, person.email, "x" * 32).status == 201


class TestTheRightToken:
    def test_makes_the_person_admin_of_the_platform(
        self, api: InProcess, database: psycopg.Connection, person: Person, token: str, head: int
    ) -> None:
        answer = claim(api, person.email.upper(), token)
        assert (answer.status, answer.json) == (201, {"user_id": str(person.user_id)})
        assert admins(database) == [person.user_id]
        assert audited(database, head) == [("bootstrap.done", person.user_id, str(person.user_id))]
        assert api("GET", "/api/auth/me", token=person.token).json["user"]["platform_admin"] is True

    def test_works_once(
        self, api: InProcess, people: People, database: psycopg.Connection, person: Person, token: str
    ) -> None:
        assert claim(api, person.email, token).status == 201
        for email in (person.email, people.sign_up().email):
            again = claim(api, email, token)
            assert (again.status, again.code) == (409, "already_bootstrapped")
        assert admins(database) == [person.user_id]

    def test_works_for_one_of_many_at_once(
        self, environment: pytest.MonkeyPatch, database: psycopg.Connection, person: Person, token: str
    ) -> None:
        answers = together(*(partial(claim, InProcess(), person.email, token) for _ in range(10)))
        assert sorted(answer.status for answer in answers) == [201] + [409] * 9
        assert admins(database) == [person.user_id]

    def test_works_never_again_also_when_that_admin_is_gone(
        self, api: InProcess, people: People, database: psycopg.Connection, person: Person, token: str
    ) -> None:
        first = people.sign_up()
        assert claim(api, first.email, token).status == 201
        database.execute("delete from public.workspaces where id = %s", [first.workspace_id])
        database.execute("delete from auth.users where id = %s", [first.user_id])
        assert admins(database) == []
        assert claim(api, person.email, token).status == 409
        assert claim(api, first.email, token).status == 409
        assert admins(database) == []

    def test_finds_nobody_who_has_not_signed_up(
        self, api: InProcess, database: psycopg.Connection, person: Person, token: str
    ) -> None:
        answer = claim(api, "nobody@example.com", token)
        assert (answer.status, answer.code) == (404, "not_found")
        assert claim(api, person.email, token).status == 201

    def test_finds_nobody_who_has_not_confirmed_their_address(
        self, api: InProcess, people: People, database: psycopg.Connection, token: str
    ) -> None:
        waiting = people.sign_up()
        database.execute("update auth.users set email_confirmed_at = null where id = %s", [waiting.user_id])
        assert claim(api, waiting.email, token).status == 404
        assert admins(database) == []

    def test_may_be_the_previous_one_while_it_is_rotated(
        self, api: InProcess, environment: pytest.MonkeyPatch, person: Person, token: str
    ) -> None:
        environment.setenv("BOOTSTRAP_ADMIN_TOKEN", "n" * 43)
        environment.setenv("BOOTSTRAP_ADMIN_TOKEN_PREVIOUS", token)
        assert claim(api, person.email, token).status == 201

    def test_may_be_written_in_any_script(
        self, api: InProcess, environment: pytest.MonkeyPatch, person: Person
    ) -> None:
        environment.setenv("BOOTSTRAP_ADMIN_TOKEN", "тайна" * 8)
        assert claim(api, person.email, "тайна" * 7 + "тайнa").status == 401
        assert claim(api, person.email, "тайна" * 8).status == 201

    def test_is_never_logged(self, api: InProcess, person: Person, token: str, log_lines: LogLines) -> None:
        claim(api, person.email, WRONG)
        claim(api, person.email, token)
        lines = log_lines()
        assert [line["status"] for line in lines] == [401, 201]
        assert token not in json.dumps(lines)
        assert WRONG not in json.dumps(lines)


class TestAWrongToken:
    @pytest.mark.parametrize("wrong", ["", WRONG, "неверно", "x" * 1000])
    def test_is_refused_and_audited(
        self, api: InProcess, database: psycopg.Connection, person: Person, head: int, wrong: str
    ) -> None:
        answer = claim(api, person.email, wrong)
        assert (answer.status, answer.code) == (401, "token_invalid")
        assert admins(database) == []
        assert audited(database, head) == [("bootstrap.denied", None, None)]

    def test_is_refused_alike_for_those_who_have_signed_up_and_others(
        self, environment: pytest.MonkeyPatch, person: Person
    ) -> None:
        known, unknown = (
            InProcess()("POST", PATH, json={"email": email, "token": WRONG}, headers={"X-Request-Id": "same"})
            for email in (person.email, f"{uuid4().hex}@example.com")
        )
        assert known == unknown

    def test_is_refused_alike_once_there_is_an_admin(self, api: InProcess, person: Person, token: str) -> None:
        assert claim(api, person.email, token).status == 201
        assert claim(api, person.email, WRONG).status == 401

    def test_may_be_tried_three_times_an_hour_after_which_the_right_one_is_refused_too(
        self, api: InProcess, database: psycopg.Connection, person: Person, token: str
    ) -> None:
        answers = together(*(partial(claim, api, person.email, WRONG) for _ in range(5)))
        assert sorted(answer.status for answer in answers) == [401, 401, 401, 429, 429]
        right = claim(api, person.email, token)
        assert (right.status, right.code) == (429, "rate_limited")
        assert 3590 <= int(right.headers["retry-after"]) <= 3600
        assert right.headers["ratelimit-policy"] == '"bootstrap-admin";q=3;w=3600'
        assert right.headers["ratelimit"].startswith('"bootstrap-admin";r=0;')
        assert admins(database) == []
        assert spent(database, "bootstrap-admin", api.ip) == 3

    def test_stands_in_nobody_elses_way(self, api: InProcess, person: Person, token: str) -> None:
        together(*(partial(claim, api, person.email, WRONG) for _ in range(4)))
        assert claim(InProcess(), person.email, token).status == 201

    def test_leaves_the_right_one_working_before_the_third_try(
        self, api: InProcess, person: Person, token: str
    ) -> None:
        for _ in range(2):
            assert claim(api, person.email, WRONG).status == 401
        assert claim(api, person.email, token).status == 201


class TestTheBody:
    @pytest.mark.parametrize("body", [{}, {"email": "a@example.com"}, {"token": WRONG}, {"email": "a", "token": WRONG}])
    def test_names_a_person_and_a_token(
        self, api: InProcess, database: psycopg.Connection, body: dict[str, str]
    ) -> None:
        answer = api("POST", PATH, json=body)
        assert answer.status == 422
        assert WRONG not in answer.body.decode()
        assert spent(database, "bootstrap-admin", api.ip) == 0
