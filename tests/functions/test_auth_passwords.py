"""/api/auth: passwords, and how one gets another."""

from __future__ import annotations

import json
from functools import partial

import psycopg
import pytest

from local.stack import Stack
from tests.api import InProcess, Response
from tests.functions.accounts import fresh_address, mails_to, people_and_workspaces, sign_in, sign_up, slow
from tests.functions.conftest import LogLines, spend, together
from tests.people import PASSWORD, People


class TestPasswords:
    BAD = ("ninechars", "x" * 73, "ж" * 37, "🎈" * 19)

    @pytest.mark.parametrize("password", BAD)
    def test_have_at_least_10_characters_and_at_most_72_bytes(
        self, api: InProcess, people: People, database: psycopg.Connection, log_lines: LogLines, password: str
    ) -> None:
        person = people.sign_up()
        before = people_and_workspaces(database)
        for answer in (
            sign_up(api, password=password),
            api("POST", "/api/auth/password", token=person.token, json={"password": password}),
        ):
            assert answer.status == 422
            assert [error["pointer"] for error in answer.json["errors"]] == ["/password"]
            assert password not in answer.body.decode()
        assert password not in json.dumps(log_lines(), ensure_ascii=False)
        assert people_and_workspaces(database) == before

    @pytest.mark.parametrize("password", ["ten chars!", "x" * 72, "🎈" * 18])
    def test_at_the_bounds_work_to_the_last_byte_and_are_not_logged(
        self, api: InProcess, log_lines: LogLines, password: str
    ) -> None:
        email = fresh_address()
        assert sign_up(api, email=email, password=password).status == 201
        whole, cut = together(*(partial(sign_in, api, email, tried) for tried in (password, password[:-1])))
        assert (whole.status, cut.status) == (200, 401)
        assert password not in json.dumps(log_lines(), ensure_ascii=False)

    def test_when_changed_end_all_other_sessions(self, api: InProcess, people: People) -> None:
        person = people.sign_up()
        other = sign_in(api, person.email, PASSWORD).json
        body = {"password": "another long password"}
        assert api("POST", "/api/auth/password", token=person.token, json=body).status == 204
        tokens = (person.refresh_token, other["refresh_token"])
        answers = [api("POST", "/api/auth/refresh", json={"refresh_token": token}) for token in tokens]
        assert [answer.status for answer in answers] == [200, 401]

    def test_are_not_changed_by_a_session_that_was_signed_out(self, api: InProcess, people: People) -> None:
        person = people.sign_up()
        assert api("POST", "/api/auth/sign-out", token=person.token).status == 204
        answer = api("POST", "/api/auth/password", token=person.token, json={"password": "another long password"})
        assert answer.status == 401
        assert sign_in(api, person.email, PASSWORD).status == 200

    def test_when_changed_are_audited_without_being_told(
        self, api: InProcess, people: People, database: psycopg.Connection
    ) -> None:
        person = people.sign_up()
        api("POST", "/api/auth/password", token=person.token, json={"password": "another long password"})
        rows = database.execute(
            "select action, l::text from private.audit_log as l where actor = %s and chain = private.platform()",
            [person.user_id],
        ).fetchall()
        assert [action for action, _ in rows] == ["password.changed"]
        assert "another long password" not in rows[0][1]

    def test_change_at_most_10_times_in_15_minutes(
        self, api: InProcess, people: People, database: psycopg.Connection
    ) -> None:
        person = people.sign_up()
        spend(database, "auth.password", str(person.user_id), 10)
        answer = api("POST", "/api/auth/password", token=person.token, json={"password": "another long password"})
        assert answer.status == 429
        assert answer.headers["retry-after"]


class TestResettingAPassword:
    def ask(self, api: InProcess, email: str) -> Response:
        headers = {"X-Request-Id": "same"}
        return api("POST", "/api/auth/password-reset", json={"email": email}, headers=headers)

    def verify(self, api: InProcess, email: str, code: str) -> Response:
        body = {"type": "password_reset", "email": email, "code": code}
        return api("POST", "/api/auth/verify", json=body)

    def test_lets_one_in_by_the_code_from_the_mail_to_set_another(
        self, api: InProcess, people: People, stack: Stack
    ) -> None:
        person = people.sign_up()
        assert self.ask(api, person.email).status == 202
        [mail] = mails_to(person.email, stack.mail)
        session = self.verify(api, person.email, mail["code"])
        assert session.status == 200
        changed = api(
            "POST",
            "/api/auth/password",
            token=session.json["access_token"],
            json={"password": "another long password"},
        )
        assert changed.status == 204
        new, old = together(*(partial(sign_in, api, person.email, p) for p in ("another long password", PASSWORD)))
        assert (new.status, old.status) == (200, 401)

    def test_takes_a_code_once(self, api: InProcess, people: People, stack: Stack) -> None:
        person = people.sign_up()
        self.ask(api, person.email)
        [mail] = mails_to(person.email, stack.mail)
        answers = together(*[partial(self.verify, api, person.email, mail["code"])] * 2)
        assert sorted(answer.status for answer in answers) == [200, 401]

    def test_answers_a_known_and_an_unknown_address_alike_and_as_slowly(
        self, environment: pytest.MonkeyPatch, people: People, stack: Stack
    ) -> None:
        known, unknown = people.sign_up().email, fresh_address()
        answers = together(*(partial(slow, partial(self.ask, InProcess(), email)) for email in (known, unknown)))
        assert answers[0] == answers[1]
        assert answers[0].status == 202
        assert len(mails_to(known, stack.mail)) == 1
        assert mails_to(unknown, stack.mail) == []

    def test_refuses_a_wrong_code_as_for_an_unknown_address(
        self, environment: pytest.MonkeyPatch, people: People, stack: Stack
    ) -> None:
        person = people.sign_up()
        self.ask(InProcess(), person.email)
        [mail] = mails_to(person.email, stack.mail)
        wrong = f"{(int(mail['code']) + 1) % 1_000_000:06}"
        answers = together(*(partial(self.verify, InProcess(), e, wrong) for e in (person.email, fresh_address())))
        assert [(answer.status, answer.code) for answer in answers] == [(401, "code_invalid")] * 2
