"""/api/workspaces: roles, and that nobody grants what they lack."""

from __future__ import annotations

import psycopg
import pytest

from tests.api import InProcess
from tests.functions.workspaces import WORKSPACES, As, actions
from tests.people import People, Person

BUILT_IN = [
    "admin",
    "buyer",
    "designer",
    "factory",
    "inventory_manager",
    "manager",
    "owner",
    "readonly",
    "staff",
    "supplier",
]


class TestRoles:
    def test_are_the_built_in_ones_and_the_workspaces_own(self, home: As) -> None:
        home("POST", "/roles", {"name": "barista", "permissions": []})
        roles = home("GET", "/roles").json["data"]
        assert [(role["name"], role["built_in"]) for role in roles] == [
            *((name, True) for name in BUILT_IN),
            ("barista", False),
        ]

    def test_of_ones_own_are_made_changed_and_deleted(
        self, home: As, owner: Person, database: psycopg.Connection
    ) -> None:
        wanted = {
            "name": "barista",
            "description": "Makes coffee",
            "permissions": ["stock.move", "inventory.read", "orders.read:own"],
        }
        made = home("POST", "/roles", wanted)
        assert made.status == 201
        permissions = ["inventory.read", "orders.read:own", "stock.move"]
        assert made.json == {**wanted, "permissions": permissions, "built_in": False}

        renamed = home("PATCH", "/roles/barista", {"description": "Makes tea"})
        assert renamed.json == {**made.json, "description": "Makes tea"}
        changed = home("PATCH", "/roles/barista", {"permissions": ["stock.move"]})
        assert changed.json == {**made.json, "description": "Makes tea", "permissions": ["stock.move"]}

        assert home("DELETE", "/roles/barista").status == 204
        assert [role["name"] for role in home("GET", "/roles").json["data"]] == BUILT_IN
        assert [action for action, _ in actions(database, owner.workspace_id)] == [
            "role.created",
            "role.changed",
            "role.changed",
            "role.deleted",
        ]

    def test_take_effect_at_once_for_who_has_them(
        self, api: InProcess, home: As, owner: Person, people: People
    ) -> None:
        home("POST", "/roles", {"name": "auditor", "permissions": ["audit.read"]})
        auditor = As(api, people.member(owner.workspace_id, "auditor"), owner.workspace_id)
        assert auditor("GET", "/audit").status == 200
        home("PATCH", "/roles/auditor", {"permissions": []})
        assert auditor("GET", "/audit").status == 403

    @pytest.mark.parametrize("name", ["owner", "staff", "barista"])
    def test_have_names_of_their_own(self, home: As, name: str) -> None:
        home("POST", "/roles", {"name": "barista", "permissions": []})
        answer = home("POST", "/roles", {"name": name, "permissions": []})
        assert (answer.status, answer.code) == (409, "role_exists")

    @pytest.mark.parametrize("name", ["Barista", "1st", "", "x" * 41, "bar ista", "bär"])
    def test_are_named_like_identifiers(self, settled_home: As, name: str) -> None:
        assert settled_home("POST", "/roles", {"name": name, "permissions": []}).status == 422

    @pytest.mark.parametrize(
        "permissions",
        [
            ["coffee.make"],
            ["orders"],
            ["orders.read:theirs"],
            ["members.manage:own"],
            ["orders.read", "orders.read:own"],
            [1],
        ],
    )
    def test_hold_permissions_that_exist_each_once(self, home: As, permissions: object) -> None:
        assert home("POST", "/roles", {"name": "barista", "permissions": permissions}).status == 422
        home("POST", "/roles", {"name": "barista", "permissions": ["stock.move"]})
        assert home("PATCH", "/roles/barista", {"permissions": permissions}).status == 422
        assert home("GET", "/roles").json["data"][-1]["permissions"] == ["stock.move"]

    def test_that_are_built_in_stay_as_they_are(self, settled_home: As) -> None:
        before = settled_home("GET", "/roles").body
        for answer in (
            settled_home("PATCH", "/roles/staff", {"permissions": []}),
            settled_home("DELETE", "/roles/staff"),
        ):
            assert (answer.status, answer.code) == (409, "built_in_role")
        assert settled_home("GET", "/roles").body == before

    def test_that_somebody_has_stay(self, home: As, owner: Person, people: People) -> None:
        home("POST", "/roles", {"name": "barista", "permissions": []})
        people.member(owner.workspace_id, "barista")
        answer = home("DELETE", "/roles/barista")
        assert (answer.status, answer.code) == (409, "role_in_use")
        assert "barista" in [role["name"] for role in home("GET", "/roles").json["data"]]

    @pytest.mark.parametrize("role", ["nothing", "x" * 200, "%00", "%ff", "a%0d%0ab", "..%2Froles"])
    def test_that_do_not_exist_are_not_found(self, settled_home: As, role: str) -> None:
        assert settled_home("PATCH", f"/roles/{role}", {"permissions": []}).status == 404
        assert settled_home("DELETE", f"/roles/{role}").status == 404


class TestNobodyGrantsWhatTheyLack:
    @pytest.fixture
    def admin(self, api: InProcess, owner: Person, people: People) -> As:
        return As(api, people.member(owner.workspace_id, "admin"), owner.workspace_id)

    def test_by_making_an_owner(self, admin: As, owner: Person, people: People, database: psycopg.Connection) -> None:
        member = people.member(owner.workspace_id, "staff")
        answer = admin("PATCH", f"/members/{member.user_id}", {"role": "owner"})
        assert (answer.status, answer.code) == (403, "permission_denied")
        assert actions(database, owner.workspace_id) == [("access.denied", "owner")]
        assert admin("PATCH", f"/members/{member.user_id}", {"role": "admin"}).status == 200

    def test_by_inviting_an_owner(self, admin: As) -> None:
        assert admin("POST", "/invites", {"role": "owner"}).status == 403
        assert admin("POST", "/invites", {"role": "admin"}).status == 201
        assert [invite["role"] for invite in admin("GET", "/invites").json["data"]] == ["admin"]

    def test_nor_takes_it_away(self, admin: As, owner: Person, people: People) -> None:
        second = people.member(owner.workspace_id, "owner")
        assert admin("PATCH", f"/members/{second.user_id}", {"role": "staff"}).status == 403
        assert admin("DELETE", f"/members/{second.user_id}").status == 403

    def test_by_a_role_of_ones_own_making(self, api: InProcess, home: As, owner: Person, people: People) -> None:
        given = ["orders.read:own", "roles.manage"]
        assert home("POST", "/roles", {"name": "clerk", "permissions": given}).status == 201
        member = people.member(owner.workspace_id, "clerk")
        clerk = As(api, member, owner.workspace_id)
        for permissions in (["audit.read"], ["orders.read"], ["orders.read:assigned"], ["roles.manage", "email.send"]):
            answer = clerk("POST", "/roles", {"name": "more", "permissions": permissions})
            assert (answer.status, answer.code) == (403, "permission_denied")
            to_oneself = clerk("PATCH", "/roles/clerk", {"permissions": permissions})
            assert (to_oneself.status, to_oneself.code) == (403, "permission_denied")
        assert clerk("POST", "/roles", {"name": "less", "permissions": ["orders.read:own"]}).status == 201
        [kept] = [role for role in home("GET", "/roles").json["data"] if role["name"] == "clerk"]
        assert kept["permissions"] == given
        assert "more" not in [role["name"] for role in home("GET", "/roles").json["data"]]

    def test_by_an_invite_made_before_they_lost_it(
        self, api: InProcess, home: As, owner: Person, people: People
    ) -> None:
        member = people.member(owner.workspace_id, "admin")
        code = As(api, member, owner.workspace_id)("POST", "/invites", {"role": "admin"}).json["code"]
        assert home("PATCH", f"/members/{member.user_id}", {"role": "staff"}).status == 200
        answer = api("POST", f"{WORKSPACES}/join", token=people.sign_up().token, json={"code": code})
        assert (answer.status, answer.code) == (404, "invite_invalid")
