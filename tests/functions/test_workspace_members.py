"""/api/workspaces: members, of whom one owner stays."""

from __future__ import annotations

from functools import partial

import psycopg
import pytest

from tests.api import InProcess
from tests.functions.conftest import together
from tests.functions.workspaces import As, actions, pages
from tests.people import People, Person


class TestMembers:
    def test_are_listed_page_by_page_each_once(self, home: As, owner: Person, people: People) -> None:
        members = [people.member(owner.workspace_id, role) for role in ("admin", "staff", "buyer", "readonly")]
        found = pages(home, "/members", 2)
        assert [len(page) for page in found] == [2, 2, 1]
        rows = [member for page in found for member in page]
        assert [row["user_id"] for row in rows] == sorted(str(p.user_id) for p in [owner, *members])
        roles = {row["user_id"]: (row["role"], row["email"]) for row in rows}
        assert roles[str(owner.user_id)] == ("owner", owner.email)
        assert roles[str(members[0].user_id)] == ("admin", members[0].email)

    def test_get_another_role(self, home: As, owner: Person, people: People, database: psycopg.Connection) -> None:
        member = people.member(owner.workspace_id, "staff")
        answer = home("PATCH", f"/members/{member.user_id}", {"role": "manager"})
        assert answer.status == 200
        assert answer.json.items() >= {"user_id": str(member.user_id), "role": "manager", "name": "staff"}.items()
        assert actions(database, owner.workspace_id) == [("member.changed", str(member.user_id))]

    @pytest.mark.parametrize("role", ["emperor", "Owner", "", "x" * 41])
    def test_get_no_role_that_does_not_exist(self, home: As, owner: Person, people: People, role: str) -> None:
        member = people.member(owner.workspace_id, "staff")
        assert home("PATCH", f"/members/{member.user_id}", {"role": role}).status == 422
        assert [m["role"] for m in home("GET", "/members").json["data"] if m["user_id"] == str(member.user_id)] == [
            "staff"
        ]

    def test_get_no_role_of_another_workspace(self, api: InProcess, home: As, owner: Person, people: People) -> None:
        other = people.sign_up()
        created = As(api, other, other.workspace_id)("POST", "/roles", {"name": "theirs", "permissions": []})
        assert created.status == 201
        member = people.member(owner.workspace_id, "staff")
        assert home("PATCH", f"/members/{member.user_id}", {"role": "theirs"}).status == 422

    def test_are_removed(self, home: As, owner: Person, people: People, database: psycopg.Connection) -> None:
        member = people.member(owner.workspace_id, "staff")
        answer = home("DELETE", f"/members/{member.user_id}")
        assert (answer.status, answer.body) == (204, b"")
        assert [m["user_id"] for m in home("GET", "/members").json["data"]] == [str(owner.user_id)]
        assert home("DELETE", f"/members/{member.user_id}").status == 404
        assert actions(database, owner.workspace_id) == [("member.removed", str(member.user_id))]

    @pytest.mark.parametrize("role", ["admin", "readonly", "buyer"])
    def test_may_leave_whatever_their_role(self, api: InProcess, owner: Person, people: People, role: str) -> None:
        member = people.member(owner.workspace_id, role)
        call = As(api, member, owner.workspace_id)
        assert call("DELETE", f"/members/{member.user_id}").status == 204
        assert call("GET").status == 404
        about = api("GET", "/api/auth/me", token=member.token).json
        assert str(owner.workspace_id) not in [w["id"] for w in about["workspaces"]]
        assert about["default_workspace_id"] == about["workspaces"][0]["id"]

    def test_who_have_signed_out_can_do_no_harm_with_their_token(
        self, api: InProcess, home: As, owner: Person, people: People
    ) -> None:
        member = people.member(owner.workspace_id, "staff")
        assert api("POST", "/api/auth/sign-out", token=owner.token).status == 204
        assert home("PATCH", f"/members/{member.user_id}", {"role": "manager"}).status == 401
        assert home("DELETE", f"/members/{member.user_id}").status == 401
        assert home("GET").status == 200


class TestTheLastOwner:
    def test_stays(self, home: As, owner: Person, people: People) -> None:
        people.member(owner.workspace_id, "admin")
        for answer in (
            home("DELETE", f"/members/{owner.user_id}"),
            home("PATCH", f"/members/{owner.user_id}", {"role": "admin"}),
        ):
            assert (answer.status, answer.code) == (409, "last_owner")
        roles = {m["user_id"]: m["role"] for m in home("GET", "/members").json["data"]}
        assert roles[str(owner.user_id)] == "owner"

    def test_may_go_after_another(self, home: As, owner: Person, people: People) -> None:
        people.member(owner.workspace_id, "owner")
        assert home("PATCH", f"/members/{owner.user_id}", {"role": "readonly"}).status == 200
        assert home("DELETE", f"/members/{owner.user_id}").status == 204

    def test_stays_when_two_leave_at_once(self, api: InProcess, owner: Person, people: People) -> None:
        other = people.member(owner.workspace_id, "owner")
        answers = together(
            *(
                partial(As(api, person, owner.workspace_id), "DELETE", f"/members/{person.user_id}")
                for person in (owner, other)
            )
        )
        assert sorted(answer.status for answer in answers) == [204, 409]
