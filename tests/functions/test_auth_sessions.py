"""/api/auth: signing in, refreshing, signing out, and who one is then."""

from __future__ import annotations

from functools import partial
from typing import Any

import psycopg
import pytest

from tests.api import InProcess, Response
from tests.functions.accounts import WRONG, fresh_address, invite, me, people_and_workspaces, sign_in, slow
from tests.functions.conftest import spend, together
from tests.people import PASSWORD, People


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
