"""/api/auth."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from local.ports import free_port
from local.stack import Stack
from tests.api import InProcess, Response
from tests.functions.conftest import LogLines, ailing, signed, spend, spent, together
from tests.people import PASSWORD, People, Person

LEAST_SECONDS = 0.5
WRONG = "not the right password"


def fresh_address() -> str:
    return f"{uuid4().hex}@example.com"


def sign_up(api: InProcess, **changes: object) -> Response:
    return api("POST", "/api/auth/sign-up", json=new_person(**changes))


def new_person(**changes: object) -> dict[str, object]:
    return {"email": fresh_address(), "password": PASSWORD, "name": "Ada", **changes}


def sign_in(api: InProcess, email: str, password: str, **headers: str) -> Response:
    return api("POST", "/api/auth/sign-in", json={"email": email, "password": password}, headers=headers)


def me(api: InProcess, token: str) -> Any:
    answer = api("GET", "/api/auth/me", token=token)
    assert answer.status == 200
    return answer.json


def invite(api: InProcess, owner: Person, **wanted: object) -> dict[str, Any]:
    answer = api(
        "POST",
        f"/api/workspaces/{owner.workspace_id}/invites",
        token=owner.token,
        json={"role": "staff", **wanted},
    )
    assert answer.status == 201
    made: dict[str, Any] = answer.json
    return made


def people_and_workspaces(database: psycopg.Connection) -> tuple[Any, ...]:
    """Everything a sign-up makes, counted."""
    row = database.execute(
        """
        select (select count(*) from auth.users), (select count(*) from public.profiles),
          (select count(*) from public.workspaces), (select count(*) from public.members),
          (select sum(uses) from public.invites)
        """
    ).fetchone()
    assert row is not None
    return row


def slow(call: Callable[[], Response]) -> Response:
    """The answer of a call that takes the minimum time or longer."""
    started = time.perf_counter()
    answer = call()
    assert time.perf_counter() - started >= LEAST_SECONDS
    return answer


def mails_to(address: str, mailbox: Path) -> list[dict[str, Any]]:
    """The mails an address was sent, oldest first."""
    if not mailbox.exists():
        return []
    mails = [json.loads(line) for line in mailbox.read_text().splitlines()]
    return [mail for mail in mails if mail["to"] == address]


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


class TestSigningIn:
    def test_opens_a_session_whatever_the_case_of_the_address(self, api: InProcess, people: People) -> None:
        person = people.sign_up()
        answer = sign_in(api, person.email.upper(), PASSWORD)
        assert answer.status == 200
        assert answer.json["user_id"] == str(person.user_id)
        assert me(api, answer.json["access_token"])["user"]["email"] == person.email

    def test_answers_a_wrong_password_and_an_unknown_address_alike_and_as_slowly(
        self, environment: pytest.MonkeyPatch, people: People
    ) -> None:
        def attempt(email: str) -> Response:
            return slow(partial(sign_in, InProcess(), email, WRONG, **{"X-Request-Id": "same"}))

        wrong, unknown = together(partial(attempt, people.sign_up().email), partial(attempt, fresh_address()))
        assert (wrong.status, wrong.code) == (401, "credentials_invalid")
        assert wrong == unknown

    def test_takes_as_long_when_it_succeeds(self, api: InProcess, people: People) -> None:
        assert slow(partial(sign_in, api, people.sign_up().email, PASSWORD)).status == 200

    def test_does_not_tell_that_somebody_came_in_by_the_address_just_now(
        self, environment: pytest.MonkeyPatch, people: People
    ) -> None:
        person = people.sign_up()
        assert sign_in(InProcess(), person.email, PASSWORD).status == 200
        known, unknown = together(
            partial(sign_in, InProcess(), person.email, WRONG), partial(sign_in, InProcess(), fresh_address(), WRONG)
        )
        assert known.headers["ratelimit"] == unknown.headers["ratelimit"]


class TestLimits:
    """10 tries per 15 minutes, by IP and by address."""

    def test_refuse_the_eleventh_try_from_an_ip_whatever_the_address(self, api: InProcess) -> None:
        answers = together(*(partial(sign_in, api, fresh_address(), WRONG) for _ in range(11)))
        assert sorted(answer.status for answer in answers) == [401] * 10 + [429]
        [refused] = (answer for answer in answers if answer.status == 429)
        assert refused.code == "rate_limited"
        assert 890 <= int(refused.headers["retry-after"]) <= 900
        assert '"auth.ip";q=10;w=900' in refused.headers["ratelimit-policy"]
        assert '"auth.ip";r=0;' in refused.headers["ratelimit"]

    def test_refuse_the_eleventh_try_at_an_address_whatever_the_ip(
        self, environment: pytest.MonkeyPatch, people: People
    ) -> None:
        person = people.sign_up()
        spellings = [person.email.upper(), f" {person.email} "] + [person.email] * 9
        answers = together(*(partial(sign_in, InProcess(), email, WRONG) for email in spellings))
        assert sorted(answer.status for answer in answers) == [401] * 10 + [429]
        assert sign_in(InProcess(), person.email, PASSWORD).status == 429

    @pytest.mark.parametrize(
        ("path", "body"),
        [
            ("sign-up", {"password": PASSWORD, "name": "Ada"}),
            ("sign-in", {"password": PASSWORD}),
            ("password-reset", {}),
            ("verify", {"type": "sign_up", "code": "123456"}),
        ],
    )
    def test_are_one_for_all_that_can_be_guessed_at(
        self, api: InProcess, database: psycopg.Connection, path: str, body: dict[str, object]
    ) -> None:
        spend(database, "auth.ip", api.ip, 10)
        before = people_and_workspaces(database)
        answer = api("POST", f"/api/auth/{path}", json={"email": fresh_address(), **body})
        assert (answer.status, answer.code) == (429, "rate_limited")
        assert people_and_workspaces(database) == before

        email = fresh_address()
        spend(database, "auth.address", email, 10)
        assert InProcess()("POST", f"/api/auth/{path}", json={"email": email, **body}).status == 429

    def test_are_not_spent_on_requests_that_cannot_be_tries(self, api: InProcess, database: psycopg.Connection) -> None:
        assert sign_in(api, "nobody", WRONG).status == 422
        assert spent(database, "auth.ip", api.ip) == 0


class TestRefreshing:
    def refresh(self, api: InProcess, token: str) -> Response:
        return api("POST", "/api/auth/refresh", json={"refresh_token": token})

    def test_gives_the_next_session_with_another_token(self, api: InProcess, people: People) -> None:
        person = people.sign_up()
        answer = self.refresh(api, person.refresh_token)
        assert answer.status == 200
        assert answer.json["refresh_token"] != person.refresh_token
        assert me(api, answer.json["access_token"])["user"]["id"] == str(person.user_id)
        assert self.refresh(api, answer.json["refresh_token"]).status == 200

    def test_takes_a_token_again_until_the_next_one_is_used_for_answers_get_lost(
        self, api: InProcess, people: People
    ) -> None:
        first = people.sign_up().refresh_token
        second = self.refresh(api, first).json["refresh_token"]
        assert self.refresh(api, first).json["refresh_token"] == second

    def test_ends_the_session_when_an_old_token_comes_back(self, api: InProcess, people: People) -> None:
        first = people.sign_up().refresh_token
        second = self.refresh(api, first).json["refresh_token"]
        third = self.refresh(api, second).json["refresh_token"]
        stolen = self.refresh(api, first)
        assert (stolen.status, stolen.code) == (401, "refresh_token_invalid")
        assert self.refresh(api, third).status == 401

    @pytest.mark.parametrize("token", ["", "unknown", "x" * 4096])
    def test_refuses_a_token_that_is_none(self, api: InProcess, token: str) -> None:
        answer = self.refresh(api, token)
        assert (answer.status, answer.code) == (401, "refresh_token_invalid")

    def test_is_limited_by_ip(self, api: InProcess, people: People, database: psycopg.Connection) -> None:
        spend(database, "auth.refresh", api.ip, 100)
        answer = self.refresh(api, people.sign_up().refresh_token)
        assert answer.status == 429
        assert answer.headers["retry-after"]


class TestSigningOut:
    def test_ends_the_refresh_token_of_this_session_only(self, api: InProcess, people: People) -> None:
        person = people.sign_up()
        other = sign_in(api, person.email, PASSWORD).json
        answer = api("POST", "/api/auth/sign-out", token=person.token)
        assert (answer.status, answer.body) == (204, b"")
        assert api("POST", "/api/auth/refresh", json={"refresh_token": person.refresh_token}).status == 401
        assert api("POST", "/api/auth/refresh", json={"refresh_token": other["refresh_token"]}).status == 200

    def test_does_not_mind_being_asked_twice(self, api: InProcess, people: People) -> None:
        person = people.sign_up()
        answers = [api("POST", "/api/auth/sign-out", token=person.token).status for _ in range(2)]
        assert answers == [204, 204]


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


class TestWhoAmI:
    def test_names_every_workspace_with_role_and_permissions(self, api: InProcess, people: People) -> None:
        cafe, person = people.sign_up(), people.sign_up("Bob")
        code = invite(api, cafe, role="buyer")["code"]
        assert api("POST", "/api/workspaces/join", token=person.token, json={"code": code}).status == 200

        about = me(api, person.token)
        assert about["user"]["name"] == "Bob"
        assert about["default_workspace_id"] == str(person.workspace_id)
        own, joined = about["workspaces"]
        assert (own["id"], own["role"]) == (str(person.workspace_id), "owner")
        assert {"workspace.manage", "roles.manage", "payments.refund"} <= set(own["permissions"])
        assert (joined["id"], joined["role"]) == (str(cafe.workspace_id), "buyer")
        assert joined["permissions"] == [
            "assistant.use",
            "detect.use",
            "invoices.read:own",
            "orders.read:own",
            "orders.write:own",
            "payments.start:own",
            "quotes.write:own",
            "voice.use",
        ]

    def test_follows_a_change_of_role_at_once(
        self, api: InProcess, people: People, database: psycopg.Connection
    ) -> None:
        owner = people.sign_up()
        member = people.member(owner.workspace_id, "staff")
        path = f"/api/workspaces/{owner.workspace_id}/members/{member.user_id}"
        assert api("PATCH", path, token=owner.token, json={"role": "readonly"}).status == 200
        roles = {w["id"]: w["role"] for w in me(api, member.token)["workspaces"]}
        assert roles[str(owner.workspace_id)] == "readonly"

    @pytest.mark.parametrize(
        ("method", "path", "body"),
        [
            ("GET", "/api/auth/me", None),
            ("POST", "/api/auth/password", {"password": "another long password"}),
            ("POST", "/api/workspaces", {"name": "Another"}),
            ("POST", "/api/workspaces/join", {"code": "the invite's"}),
        ],
    )
    def test_is_nobody_once_deleted(
        self, api: InProcess, people: People, database: psycopg.Connection, method: str, path: str, body: Any
    ) -> None:
        owner, person = people.sign_up(), people.sign_up()
        if body and "code" in body:
            body = {"code": invite(api, owner)["code"]}
        database.execute("delete from public.workspaces where id = %s", [person.workspace_id])
        database.execute("delete from auth.users where id = %s", [person.user_id])
        before = people_and_workspaces(database)
        answer = api(method, path, token=person.token, json=body)
        assert (answer.status, answer.code) == (401, "token_invalid")
        assert answer.headers["www-authenticate"] == "Bearer"
        assert people_and_workspaces(database) == before

    def test_is_asked_with_a_token(self, api: InProcess) -> None:
        answer = api("GET", "/api/auth/me")
        assert (answer.status, answer.code) == (401, "token_missing")


class TestWhileSupabaseIsAway:
    @pytest.mark.parametrize(
        ("method", "path", "body"),
        [
            ("POST", "sign-up", new_person()),
            ("POST", "sign-in", {"email": "a@example.com", "password": PASSWORD}),
            ("POST", "refresh", {"refresh_token": "x"}),
            ("POST", "sign-out", None),
            ("POST", "password-reset", {"email": "a@example.com"}),
            ("POST", "verify", {"type": "sign_up", "email": "a@example.com", "code": "123456"}),
            ("POST", "password", {"password": PASSWORD}),
            ("GET", "me", None),
        ],
    )
    def test_answers_503_and_when_to_come_back(
        self,
        api: InProcess,
        stack: Stack,
        environment: pytest.MonkeyPatch,
        method: str,
        path: str,
        body: dict[str, object] | None,
    ) -> None:
        away = {**stack.env, "SUPABASE_URL": f"http://127.0.0.1:{free_port()}"}
        environment.setenv("SUPABASE_URL", away["SUPABASE_URL"])
        token = signed(away, uuid4())
        answer = api(method, f"/api/auth/{path}", token=token, json=body)
        assert answer.status == 503
        assert int(answer.headers["retry-after"]) >= 1

    @pytest.fixture
    def busy(self, stack: Stack, environment: pytest.MonkeyPatch) -> Iterator[None]:
        """Supabase with an Auth that has had enough of us: hosted, it counts by IP, and ours is everybody's."""
        with ailing(stack.env["SUPABASE_URL"], lambda path: 429 if path.startswith("/auth/") else None) as url:
            environment.setenv("SUPABASE_URL", url)
            yield

    @pytest.mark.usefixtures("busy")
    def test_says_nothing_against_the_password_when_auth_is_merely_busy(self, api: InProcess) -> None:
        answers = together(
            partial(sign_in, api, fresh_address(), PASSWORD),
            partial(sign_up, api),
            partial(api, "POST", "/api/auth/refresh", json={"refresh_token": "x"}),
        )
        assert [(answer.status, answer.code) for answer in answers] == [(503, "auth_unavailable")] * 3
