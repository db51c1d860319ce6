"""/api/auth: signing up, by an invite too, and confirming the address."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial

import psycopg
import pytest

from local.ports import free_port
from local.stack import Stack
from tests.api import InProcess, Response
from tests.functions.accounts import (
    fresh_address,
    invite,
    mails_to,
    me,
    new_person,
    people_and_workspaces,
    sign_in,
    sign_up,
    slow,
)
from tests.functions.conftest import LogLines, together
from tests.people import PASSWORD, People


class TestSigningUp:
    def test_makes_a_person_with_a_session_and_a_workspace_of_their_own(self, api: InProcess) -> None:
        email = fresh_address()
        answer = sign_up(api, email=email, name="Ada Lovelace", workspace_name="Analytical Engines")
        assert answer.status == 201
        assert set(answer.json) == {"access_token", "refresh_token", "token_type", "expires_in", "user_id"}
        assert 0 < answer.json["expires_in"] <= 24 * 3600
        about = me(api, answer.json["access_token"])
        assert about["user"] == {
            "id": answer.json["user_id"],
            "email": email,
            "name": "Ada Lovelace",
            "platform_admin": False,
        }
        [workspace] = about["workspaces"]
        assert (workspace["name"], workspace["role"]) == ("Analytical Engines", "owner")
        assert about["default_workspace_id"] == workspace["id"]

    def test_names_the_workspace_after_the_person_when_no_name_is_given(self, api: InProcess) -> None:
        answer = sign_up(api, name="Grace")
        [workspace] = me(api, answer.json["access_token"])["workspaces"]
        assert workspace["name"] == "Grace"

    @pytest.mark.parametrize("field", ["name", "workspace_name"])
    @pytest.mark.parametrize("name", ["", "   ", "x" * 101, "two\nlines", "bell\a", "\x7f"])
    def test_refuses_a_name_that_is_not_one_line_of_at_most_100_characters(
        self, api: InProcess, database: psycopg.Connection, field: str, name: str
    ) -> None:
        before = people_and_workspaces(database)
        answer = sign_up(api, **{field: name})
        assert answer.status == 422
        assert [error["pointer"] for error in answer.json["errors"]] == [f"/{field}"]
        assert people_and_workspaces(database) == before

    def test_takes_names_of_100_characters_of_any_script(self, api: InProcess) -> None:
        answer = sign_up(api, name="ж" * 100, workspace_name="珈" * 100)
        about = me(api, answer.json["access_token"])
        assert about["user"]["name"] == "ж" * 100
        assert about["workspaces"][0]["name"] == "珈" * 100

    @pytest.mark.parametrize(
        "email", ["nobody", "a@b", "two@at@example.com", "a b@example.com", f"{'x' * 65}@a.example"]
    )
    def test_refuses_what_cannot_be_an_address(self, api: InProcess, email: str) -> None:
        answer = sign_up(api, email=email)
        assert answer.status == 422
        assert [error["pointer"] for error in answer.json["errors"]] == ["/email"]

    def test_makes_no_second_account_for_an_address(
        self, api: InProcess, people: People, database: psycopg.Connection
    ) -> None:
        person = people.sign_up()
        before = people_and_workspaces(database)
        answer = sign_up(api, email=person.email.upper())
        assert (answer.status, answer.code) == (422, "sign_up_refused")
        assert people_and_workspaces(database) == before


class TestSigningUpByInvite:
    def test_joins_the_workspace_with_the_role_and_makes_no_other(self, api: InProcess, people: People) -> None:
        owner = people.sign_up()
        code = invite(api, owner, role="designer")["code"]
        answer = sign_up(api, invite_code=code)
        assert answer.status == 201
        about = me(api, answer.json["access_token"])
        assert [(w["id"], w["role"]) for w in about["workspaces"]] == [(str(owner.workspace_id), "designer")]
        assert about["default_workspace_id"] == str(owner.workspace_id)

    def test_keeps_the_code_nowhere(self, api: InProcess, people: People, database: psycopg.Connection) -> None:
        code = invite(api, people.sign_up(), max_uses=2)["code"]
        user_id = sign_up(api, invite_code=code).json["user_id"]
        row = database.execute("select to_jsonb(u)::text from auth.users as u where id = %s", [user_id]).fetchone()
        assert row is not None
        assert code not in row[0]

    @pytest.fixture
    def bad_codes(self, api: InProcess, people: People, database: psycopg.Connection) -> dict[str, str]:
        owner = people.sign_up()
        expired, revoked, used_up, by_one_who_left = (invite(api, owner) for _ in range(4))
        database.execute("update public.invites set expires_at = now() where id = %s", [expired["id"]])
        database.execute("update public.invites set revoked_at = now() where id = %s", [revoked["id"]])
        people.sign_up(invite_code=used_up["code"])
        stranger = people.sign_up()
        database.execute(
            "update public.invites set created_by = %s where id = %s", [stranger.user_id, by_one_who_left["id"]]
        )
        return {
            "unknown": "0000-0000-0000-0000",
            "empty": "",
            "expired": expired["code"],
            "revoked": revoked["code"],
            "used up": used_up["code"],
            "by one who left": by_one_who_left["code"],
        }

    def test_answers_alike_whatever_is_wrong_with_a_code_and_leaves_nothing(
        self, api: InProcess, database: psycopg.Connection, bad_codes: dict[str, str]
    ) -> None:
        before = people_and_workspaces(database)

        def attempt(code: str) -> Response:
            headers = {"X-Request-Id": "same"}
            return InProcess()("POST", "/api/auth/sign-up", json=new_person(invite_code=code), headers=headers)

        unknown, *others = together(*(partial(attempt, code) for code in bad_codes.values()))
        assert unknown.status == 422
        assert [(e["pointer"], e["code"]) for e in unknown.json["errors"]] == [("/invite_code", "invite_invalid")]
        assert dict(zip(list(bad_codes)[1:], others, strict=True)) == dict.fromkeys(list(bad_codes)[1:], unknown)
        assert people_and_workspaces(database) == before

    def test_says_nothing_of_a_code_in_the_log(self, api: InProcess, people: People, log_lines: LogLines) -> None:
        code = invite(api, people.sign_up())["code"]
        sign_up(api, invite_code=code)
        logged = json.dumps(log_lines())
        assert "/sign-up" in logged
        assert code not in logged


@pytest.fixture(scope="module")
def confirming(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack that has addresses confirmed by mail."""
    state = tmp_path_factory.mktemp("confirming")
    with Stack(state, free_port(), confirmations=True, seed=False, postgres_settings={"fsync": "off"}) as running:
        yield running


class TestConfirming:
    @pytest.fixture
    def confirming_api(self, confirming: Stack, monkeypatch: pytest.MonkeyPatch) -> InProcess:
        for name, value in confirming.env.items():
            monkeypatch.setenv(name, value)
        return InProcess()

    @pytest.fixture
    def confirming_database(self, confirming: Stack) -> Iterator[psycopg.Connection]:
        with psycopg.connect(confirming.database_url, autocommit=True) as connection:
            yield connection

    @pytest.fixture
    def confirmed(self, confirming: Stack, confirming_api: InProcess) -> str:
        """The address of somebody who signed up and confirmed."""
        email = fresh_address()
        assert sign_up(InProcess(), email=email).status == 202
        [mail] = mails_to(email, confirming.mail)
        assert self.verify(InProcess(), email, mail["code"]).status == 200
        return email

    def verify(self, api: InProcess, email: str, code: str) -> Response:
        return api("POST", "/api/auth/verify", json={"type": "sign_up", "email": email, "code": code})

    def test_comes_before_the_first_session(self, confirming: Stack, confirming_api: InProcess) -> None:
        email = fresh_address()
        answer = sign_up(confirming_api, email=email, workspace_name="The Café")
        assert (answer.status, answer.json) == (202, {"status": "mail_sent_if_possible"})
        refused = sign_in(confirming_api, email, PASSWORD)
        assert (refused.status, refused.code) == (401, "credentials_invalid")

        [mail] = mails_to(email, confirming.mail)
        session = self.verify(confirming_api, email, mail["code"])
        assert session.status == 200
        assert me(confirming_api, session.json["access_token"])["workspaces"][0]["name"] == "The Café"
        assert sign_in(confirming_api, email, PASSWORD).status == 200

    def test_hides_from_who_signs_up_whether_the_address_is_known(
        self, confirming_api: InProcess, confirming_database: psycopg.Connection, confirmed: str
    ) -> None:
        def attempt(email: str) -> Response:
            headers, body = {"X-Request-Id": "same"}, new_person(email=email)
            return slow(partial(InProcess(), "POST", "/api/auth/sign-up", json=body, headers=headers))

        before = people_and_workspaces(confirming_database)
        known = attempt(confirmed)
        assert people_and_workspaces(confirming_database) == before
        waiting = fresh_address()
        assert known == attempt(waiting)
        assert known == attempt(waiting)
        assert known.status == 202

    def test_hides_it_behind_a_bad_invite_too(self, confirming_api: InProcess, confirmed: str) -> None:
        def attempt(email: str) -> Response:
            body = new_person(email=email, invite_code="0000-0000-0000-0000")
            return InProcess()("POST", "/api/auth/sign-up", json=body, headers={"X-Request-Id": "same"})

        known, unknown = together(partial(attempt, confirmed), partial(attempt, fresh_address()))
        assert known == unknown
        assert known.status == 422

    def test_keeps_the_password_of_who_came_first(self, confirming_api: InProcess, confirmed: str) -> None:
        sign_up(InProcess(), email=confirmed, password="the password of somebody else")
        assert sign_in(confirming_api, confirmed, "the password of somebody else").status == 401
        assert sign_in(confirming_api, confirmed, PASSWORD).status == 200
