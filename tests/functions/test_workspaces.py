"""/api/workspaces."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from tests.api import InProcess, Response
from tests.functions.conftest import LogLines, spend, spent, together
from tests.people import People, Person

WORKSPACES = "/api/workspaces"
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


@pytest.fixture
def owner(people: People) -> Person:
    """Somebody with a workspace of their own."""
    return people.sign_up("Olive")


class As:
    """Calls to one workspace by one person."""

    def __init__(self, api: InProcess, person: Person, workspace_id: UUID) -> None:
        self._api = api
        self._token = person.token
        self.path = f"{WORKSPACES}/{workspace_id}"

    def __call__(self, method: str, below: str = "", json: object = None, **headers: str) -> Response:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return self._api(method, self.path + below, token=self._token, json=json, headers=sent)


@pytest.fixture(scope="module")
def settled(people: People) -> Person:
    """Likewise, for tests that change nothing."""
    return people.sign_up("Sam")


@pytest.fixture
def settled_home(api: InProcess, settled: Person) -> As:
    """That person calling to their workspace."""
    return As(api, settled, settled.workspace_id)


@pytest.fixture
def home(api: InProcess, owner: Person) -> As:
    """The owner calling to their workspace."""
    return As(api, owner, owner.workspace_id)


def pages(call: As, below: str, limit: int) -> list[list[dict[str, Any]]]:
    """A list's pages, to its end."""
    found, cursor = [], ""
    while True:
        answer = call("GET", f"{below}?limit={limit}{cursor}")
        assert answer.status == 200
        found.append(answer.json["data"])
        if answer.json["next_cursor"] is None:
            return found
        cursor = f"&cursor={answer.json['next_cursor']}"


def actions(database: psycopg.Connection, workspace_id: UUID) -> list[tuple[str, str | None]]:
    """What the workspace's audit log says was done, and to what, after its making."""
    rows = database.execute(
        "select action, target from private.audit_log where chain = %s and sequence > 1 order by sequence",
        [workspace_id],
    ).fetchall()
    return [(action, target) for action, target in rows]


class TestMakingAWorkspace:
    def test_makes_the_caller_its_owner(self, api: InProcess, owner: Person) -> None:
        wanted = {
            "name": " The Café ",
            "time_zone": "Europe/Berlin",
            "locale": "de-DE",
            "currency": "EUR",
            "country": "DE",
        }
        answer = api("POST", WORKSPACES, token=owner.token, json=wanted)
        assert answer.status == 201
        assert answer.json.items() >= {**wanted, "name": "The Café", "revision": 1, "tax_id": None}.items()
        unbranded = {
            "colour": None,
            "reply_to": None,
            "track_opens": False,
            "takes_guests": False,
            "logo_url": None,
        }
        assert answer.json.items() >= unbranded.items()
        about = api("GET", "/api/auth/me", token=owner.token).json
        assert [(w["name"], w["role"]) for w in about["workspaces"]] == [("Olive", "owner"), ("The Café", "owner")]
        assert about["default_workspace_id"] == str(owner.workspace_id)

    def test_needs_only_a_name(self, api: InProcess, owner: Person) -> None:
        made = api("POST", WORKSPACES, token=owner.token, json={"name": "x"}).json
        assert [made[key] for key in ("time_zone", "locale", "currency", "country")] == ["UTC", "en", "USD", None]

    @pytest.mark.parametrize("zone", ["Europe/Nowhere", "<x>-1", "x" * 65, "", "EST5EDT4,M3", "../UTC"])
    def test_refuses_a_time_zone_that_does_not_exist(self, api: InProcess, settled: Person, zone: str) -> None:
        answer = api("POST", WORKSPACES, token=settled.token, json={"name": "x", "time_zone": zone})
        assert answer.status == 422

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("name", " "),
            ("name", "x" * 101),
            ("currency", "XYZ"),
            ("currency", "eur"),
            ("locale", "english"),
            ("locale", "de_DE"),
            ("country", "Germany"),
            ("country", "de"),
            ("owner", "me"),
        ],
    )
    def test_refuses_what_it_does_not_know(self, api: InProcess, settled: Person, field: str, value: object) -> None:
        before = api("GET", WORKSPACES, token=settled.token).body
        answer = api("POST", WORKSPACES, token=settled.token, json={"name": "x", field: value})
        assert answer.status == 422
        # An unknown field's name is the sender's: it isn't repeated.
        assert [error["pointer"] for error in answer.json["errors"]] == ["" if field == "owner" else f"/{field}"]
        assert api("GET", WORKSPACES, token=settled.token).body == before


class TestListingWorkspaces:
    def test_gives_those_one_is_in_page_by_page_each_once(self, api: InProcess, owner: Person, people: People) -> None:
        people.sign_up("Stranger")
        made = {str(owner.workspace_id)}
        for number in range(4):
            made.add(api("POST", WORKSPACES, token=owner.token, json={"name": f"No. {number}"}).json["id"])
        first = api("GET", f"{WORKSPACES}?limit=2", token=owner.token).json
        second = api("GET", f"{WORKSPACES}?limit=2&cursor={first['next_cursor']}", token=owner.token).json
        third = api("GET", f"{WORKSPACES}?limit=2&cursor={second['next_cursor']}", token=owner.token).json
        ids = [workspace["id"] for page in (first, second, third) for workspace in page["data"]]
        assert [len(page["data"]) for page in (first, second, third)] == [2, 2, 1]
        assert third["next_cursor"] is None
        assert sorted(ids) == ids
        assert set(ids) == made

    def test_says_that_a_page_that_is_just_full_is_the_last(self, api: InProcess, owner: Person) -> None:
        answer = api("GET", f"{WORKSPACES}?limit=1", token=owner.token)
        assert len(answer.json["data"]) == 1
        assert answer.json["next_cursor"] is None

    @pytest.mark.parametrize(
        "query", ["limit=0", "limit=101", "limit=x", "limit=1.5", "limit=", "cursor=x", "after=1", "limit=1e1"]
    )
    @pytest.mark.parametrize("below", ["", "/members", "/invites", "/audit"])
    def test_takes_a_limit_of_1_to_100_and_a_cursor_it_gave(
        self, api: InProcess, settled: Person, settled_home: As, query: str, below: str
    ) -> None:
        path = f"{settled_home.path}{below}" if below else WORKSPACES
        answer = api("GET", f"{path}?{query}", token=settled.token)
        assert answer.status == 422
        assert answer.code == "invalid_fields"


class TestOneWorkspace:
    def test_is_read_with_its_revision_as_etag(self, settled_home: As, settled: Person) -> None:
        answer = settled_home("GET")
        assert answer.status == 200
        assert answer.json["id"] == str(settled.workspace_id)
        assert answer.headers["etag"] == f'"{answer.json["revision"]}"'

    def test_is_read_by_every_member(self, api: InProcess, owner: Person, people: People) -> None:
        buyer = people.member(owner.workspace_id, "buyer")
        assert As(api, buyer, owner.workspace_id)("GET").status == 200

    @pytest.mark.parametrize("id_", ["x", "0", "%00", "00000000-0000-0000-0000-000000000000", "..", "%2e%2e", "a%2Fb"])
    def test_is_not_found_where_there_is_none(self, api: InProcess, settled: Person, id_: str) -> None:
        assert api("GET", f"{WORKSPACES}/{id_}", token=settled.token).status == 404


class TestAStrangersTry:
    def test_is_in_the_audit_log_of_the_platform(
        self, api: InProcess, people: People, database: psycopg.Connection
    ) -> None:
        stranger, owner = people.sign_up("Stranger"), people.sign_up("Owner")
        assert As(api, stranger, owner.workspace_id)("GET").status == 404
        found = database.execute(
            "select action, target from private.audit_log where actor = %s and chain = private.platform()",
            [stranger.user_id],
        ).fetchall()
        assert found == [("access.denied", str(owner.workspace_id))]


class TestChangingAWorkspace:
    def test_changes_what_is_given_and_nothing_else(
        self, home: As, owner: Person, database: psycopg.Connection
    ) -> None:
        before = home("GET").json
        changes = {
            "currency": "JPY",
            "legal_name": "Olive & Co.",
            "legal_address": "1 Main Street\nTown",
            "tax_id": "DE123",
            "colour": "#7a3e1d",
            "reply_to": "hello@olive.example",
            "track_opens": True,
            "takes_guests": True,
        }
        answer = home("PATCH", json=changes)
        assert answer.status == 200
        assert answer.json == {**before, **changes, "revision": before["revision"] + 1}
        assert answer.headers["etag"] == f'"{before["revision"] + 1}"'
        assert home("GET").json == answer.json
        assert actions(database, owner.workspace_id) == [("workspace.changed", str(owner.workspace_id))]

    def test_clears_with_null(self, home: As) -> None:
        given = {"tax_id": "DE123", "country": "DE", "colour": "#000000", "reply_to": "a@b.example"}
        assert home("PATCH", json=given).json.items() >= given.items()
        cleared = dict.fromkeys(given)
        assert home("PATCH", json=cleared).json.items() >= cleared.items()

    def test_with_if_match_wins_once(self, home: As) -> None:
        tag = home("GET").headers["etag"]
        assert home("PATCH", json={"name": "Mine"}, If_Match=tag).status == 200
        stale = home("PATCH", json={"name": "Yours"}, If_Match=tag)
        assert (stale.status, stale.code) == (412, "changed_meanwhile")
        assert home("GET").json["name"] == "Mine"

    def test_with_if_match_wins_once_also_when_simultaneous(self, home: As) -> None:
        tag = home("GET").headers["etag"]
        answers = together(*(partial(home, "PATCH", json={"name": f"No. {n}"}, If_Match=tag) for n in range(6)))
        assert sorted(answer.status for answer in answers) == [200] + [412] * 5

    def test_never_matches_a_weak_tag(self, settled_home: As) -> None:
        """A proxy that compresses makes our tags weak; If-Match compares strongly (RFC 9110)."""
        answer = settled_home("PATCH", json={"name": "Mine"}, If_Match='W/"1"')
        assert (answer.status, answer.code) == (412, "changed_meanwhile")

    def test_without_any_change_changes_nothing(self, home: As) -> None:
        before = home("GET")
        answer = home("PATCH", json={})
        assert (answer.json, answer.headers["etag"]) == (before.json, before.headers["etag"])

    def test_takes_any_revision_for_a_star(self, home: As) -> None:
        assert home("PATCH", json={"name": "Mine"}, If_Match="*").status == 200

    @pytest.mark.parametrize("tag", ["1", '"x"', '"', '"1', "'1'", '"²"', '"1", "2"', f'"{"9" * 30}"'])
    def test_refuses_an_if_match_that_it_never_gave(self, settled_home: As, tag: str) -> None:
        answer = settled_home("PATCH", json={"name": "Mine"}, If_Match=tag)
        assert (answer.status, answer.code) == (400, "unreadable")
        assert settled_home("GET").json["revision"] == 1

    @pytest.mark.parametrize(
        "changes",
        [
            {"time_zone": "Europe/Nowhere"},
            {"time_zone": None},
            {"currency": "ABC"},
            {"locale": "x"},
            {"name": ""},
            {"name": None},
            {"legal_name": ""},
            {"legal_name": "x" * 201},
            {"colour": "red"},
            {"colour": "#FFAA00"},
            {"colour": "#ffaa00\n"},
            {"reply_to": "nobody"},
            {"reply_to": "Olive <olive@example.com>"},
            {"reply_to": "a@b.example\r\nBcc: c@d.example"},
            {"track_opens": None},
            {"takes_guests": None},
            {"track_opens": "yes"},
            {"logo": "x.png"},
            {"logo_url": "https://elsewhere.example/x.png"},
            {"revision": 9},
            {"id": str(uuid4())},
            {"name": 1},
        ],
    )
    def test_refuses_what_cannot_be(self, settled_home: As, changes: dict[str, object]) -> None:
        before = settled_home("GET").json
        assert settled_home("PATCH", json=changes).status == 422
        assert settled_home("GET").json == before

    def test_is_for_those_who_manage_it(self, api: InProcess, owner: Person, people: People) -> None:
        admin = As(api, people.member(owner.workspace_id, "admin"), owner.workspace_id)
        answer = admin("PATCH", json={"name": "Mine"})
        assert (answer.status, answer.code) == (403, "permission_denied")


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


class TestInvites:
    def test_tell_their_code_once(self, home: As, owner: Person, database: psycopg.Connection) -> None:
        answer = home("POST", "/invites", {"role": "staff", "max_uses": 3, "expires_in_days": 30})
        assert answer.status == 201
        code = answer.json["code"]
        assert re.fullmatch(r"([0-9A-HJKMNP-TV-Z]{4}-){3}[0-9A-HJKMNP-TV-Z]{4}", code)
        [listed] = home("GET", "/invites").json["data"]
        assert listed == {key: value for key, value in answer.json.items() if key != "code"}
        assert (listed["role"], listed["max_uses"], listed["uses"]) == ("staff", 3, 0)
        assert listed["created_by"] == str(owner.user_id)
        kept = database.execute("select i::text from public.invites as i where id = %s", [listed["id"]]).fetchone()
        logged = database.execute(
            "select string_agg(l::text, '') from private.audit_log as l where chain = %s", [owner.workspace_id]
        ).fetchone()
        assert code.replace("-", "") not in str(kept).replace("-", "").upper()
        assert code.replace("-", "") not in str(logged).replace("-", "").upper()

    def test_are_mailed_to_whom_they_are_for(self, home: As, owner: Person, database: psycopg.Connection) -> None:
        made = home("POST", "/invites", {"role": "staff", "email": " robin@example.com "})
        assert made.status == 201
        home("POST", "/invites", {"role": "staff", "email": None})
        mails = database.execute(
            """
            select recipient, data ->> 'code', data ->> 'invited_by'
            from private.email_messages where workspace_id = %s
            """,
            [owner.workspace_id],
        ).fetchall()
        assert mails == [("robin@example.com", made.json["code"], "Olive")]

    def test_are_not_made_once_the_mails_of_the_day_are_sent(
        self, home: As, owner: Person, database: psycopg.Connection
    ) -> None:
        spend(database, "email.daily", str(owner.workspace_id), 1000)
        refused = home("POST", "/invites", {"role": "staff", "email": "robin@example.com"})
        assert (refused.status, refused.code) == (429, "rate_limited")
        assert int(refused.headers["retry-after"]) > 86_000
        assert home("GET", "/invites").json["data"] == []

    def test_have_codes_that_differ(self, home: As) -> None:
        codes = {home("POST", "/invites", {"role": "staff"}).json["code"] for _ in range(5)}
        assert len(codes) == 5

    def test_are_not_kept_for_an_idempotency_key_because_of_the_code(
        self, home: As, database: psycopg.Connection
    ) -> None:
        answers = [home("POST", "/invites", {"role": "staff"}, Idempotency_Key="same") for _ in range(2)]
        assert [answer.status for answer in answers] == [201, 201]
        assert answers[0].json["code"] != answers[1].json["code"]

    @pytest.mark.parametrize(
        "wanted",
        [
            {"role": "staff", "max_uses": 0},
            {"role": "staff", "max_uses": 1001},
            {"role": "staff", "expires_in_days": 0},
            {"role": "staff", "expires_in_days": 31},
            {"role": "staff", "max_uses": "2"},
            {"role": "staff", "email": "nobody"},
            {"role": "staff", "email": "a@b.example\nBcc: c@d.example"},
            {"role": "staff", "max_uses": True},
            {"role": "emperor"},
            {},
        ],
    )
    def test_are_bounded(self, settled_home: As, wanted: dict[str, object]) -> None:
        assert settled_home("POST", "/invites", wanted).status == 422
        assert settled_home("GET", "/invites").json["data"] == []

    def test_are_listed_page_by_page_each_once(self, home: As) -> None:
        made = sorted(home("POST", "/invites", {"role": "staff"}).json["id"] for _ in range(3))
        found = pages(home, "/invites", 2)
        assert [[invite["id"] for invite in page] for page in found] == [made[:2], made[2:]]

    def test_are_taken_back(self, api: InProcess, home: As, people: People) -> None:
        made = home("POST", "/invites", {"role": "staff"}).json
        assert home("DELETE", f"/invites/{made['id']}").status == 204
        [listed] = home("GET", "/invites").json["data"]
        assert listed["revoked_at"] is not None
        assert home("DELETE", f"/invites/{made['id']}").status == 204
        assert home("GET", "/invites").json["data"] == [listed]

    def test_of_others_are_not_found(self, api: InProcess, home: As, people: People) -> None:
        made = home("POST", "/invites", {"role": "staff"}).json
        other = people.sign_up()
        assert As(api, other, other.workspace_id)("DELETE", f"/invites/{made['id']}").status == 404
        assert home("GET", "/invites").json["data"][0]["revoked_at"] is None


class TestJoining:
    def join(self, api: InProcess, person: Person, code: str, **headers: str) -> Response:
        return api("POST", f"{WORKSPACES}/join", token=person.token, json={"code": code}, headers=headers)

    @pytest.mark.parametrize("written", [str, str.lower, lambda code: f" {code.replace('-', ' ')} "])
    def test_by_a_code_gives_its_role_however_it_is_typed(
        self,
        api: InProcess,
        home: As,
        owner: Person,
        people: People,
        database: psycopg.Connection,
        written: Callable[[str], str],
    ) -> None:
        code = home("POST", "/invites", {"role": "designer"}).json["code"]
        person = people.sign_up()
        answer = self.join(api, person, written(code))
        assert (answer.status, answer.json) == (
            200,
            {"workspace_id": str(owner.workspace_id), "role": "designer"},
        )
        assert As(api, person, owner.workspace_id)("GET").status == 200
        assert actions(database, owner.workspace_id)[-1] == ("member.joined", str(person.user_id))

    def test_again_changes_nothing(self, api: InProcess, home: As, people: People) -> None:
        code = home("POST", "/invites", {"role": "staff", "max_uses": 2}).json["code"]
        person = people.sign_up()
        answers = [self.join(api, person, code) for _ in range(2)]
        assert [(answer.status, answer.json["role"]) for answer in answers] == [(200, "staff")] * 2
        assert home("GET", "/invites").json["data"][0]["uses"] == 1

    def test_does_not_change_the_role_one_has(self, api: InProcess, home: As, owner: Person) -> None:
        code = home("POST", "/invites", {"role": "readonly"}).json["code"]
        assert self.join(api, owner, code).json["role"] == "owner"

    def test_works_as_often_as_the_code_says(self, environment: pytest.MonkeyPatch, home: As, people: People) -> None:
        code = home("POST", "/invites", {"role": "staff", "max_uses": 2}).json["code"]
        answers = together(*(partial(self.join, InProcess(), people.sign_up(), code) for _ in range(5)))
        assert sorted(answer.status for answer in answers) == [200, 200, 404, 404, 404]
        assert len(home("GET", "/members").json["data"]) == 3

    def test_is_refused_in_the_same_bytes_whatever_is_wrong_with_the_code(
        self, api: InProcess, home: As, people: People, database: psycopg.Connection
    ) -> None:
        expired, revoked, used_up = (home("POST", "/invites", {"role": "staff"}).json for _ in range(3))
        database.execute("update public.invites set expires_at = now() where id = %s", [expired["id"]])
        home("DELETE", f"/invites/{revoked['id']}")
        people.sign_up(invite_code=used_up["code"])
        before = home("GET", "/members").body
        codes = ("0000-0000-0000-0000", "x", expired["code"], revoked["code"], used_up["code"])
        unknown, *others = (self.join(api, people.sign_up(), code, **{"X-Request-Id": "same"}) for code in codes)
        assert (unknown.status, unknown.code) == (404, "invite_invalid")
        assert others == [unknown] * 4
        assert home("GET", "/members").body == before

    def test_may_be_tried_ten_times_in_15_minutes(
        self, api: InProcess, home: As, people: People, database: psycopg.Connection
    ) -> None:
        code = home("POST", "/invites", {"role": "staff"}).json["code"]
        person = people.sign_up()
        guesses = [self.join(api, person, f"guess-{number}") for number in range(10)]
        assert [answer.status for answer in guesses] == [404] * 10
        right = self.join(api, person, code)
        assert (right.status, right.code) == (429, "rate_limited")
        assert 880 <= int(right.headers["retry-after"]) <= 900
        assert right.headers["ratelimit-policy"] == '"invites.join";q=10;w=900'
        assert spent(database, "invites.join", str(person.user_id)) == 10
        assert home("GET", "/invites").json["data"][0]["uses"] == 0
        assert self.join(api, people.sign_up(), code).status == 200


class TestTheAuditLog:
    def test_is_read_newest_first_page_by_page(self, home: As, owner: Person) -> None:
        for number in range(4):
            home("PATCH", json={"name": f"No. {number}"}, X_Request_Id=f"change-{number}")
        found = pages(home, "/audit", 2)
        entries = [entry for page in found for entry in page]
        assert [entry["sequence"] for entry in entries] == [5, 4, 3, 2, 1]
        assert entries[-1]["action"] == "workspace.created"
        assert entries[0]["action"] == "workspace.changed"
        assert entries[0]["actor"] == str(owner.user_id)
        assert entries[0]["request_id"] == "change-3"
        assert entries[0]["details"] == {"fields": ["name"]}

    def test_tells_of_denials(self, api: InProcess, home: As, owner: Person, people: People) -> None:
        member = people.member(owner.workspace_id, "staff")
        assert As(api, member, owner.workspace_id)("GET", "/audit").status == 403
        newest = home("GET", "/audit").json["data"][0]
        assert (newest["action"], newest["actor"]) == ("access.denied", str(member.user_id))
        assert newest["details"] == {"permission": "audit.read"}

    def test_is_verified_against_a_head_noted_earlier(self, home: As) -> None:
        first = home("GET", "/audit/verification").json
        assert (first["intact"], first["entries"], first["broken_at"]) == (True, 1, None)
        newest = home("GET", "/audit").json["data"][0]
        assert first["head"] == {"sequence": newest["sequence"], "hash": newest["hash"]}
        home("PATCH", json={"name": "Another"})
        later = home("GET", f"/audit/verification?sequence=1&hash={first['head']['hash']}").json
        assert (later["intact"], later["entries"]) == (True, 2)

    def test_is_found_out_when_it_differs_from_the_head(self, home: As) -> None:
        answer = home("GET", f"/audit/verification?sequence=1&hash={'0' * 64}").json
        assert (answer["intact"], answer["broken_at"]) == (False, 1)
        cut = home("GET", f"/audit/verification?sequence=9&hash={'0' * 64}").json
        assert (cut["intact"], cut["broken_at"]) == (False, 2)

    @pytest.mark.parametrize(
        "query",
        ["sequence=-1", "sequence=x", "hash=xyz", f"sequence={2**63}", "cursor=1", "sequence=1", f"hash={'0' * 64}"],
    )
    def test_is_verified_against_nothing_else(self, settled_home: As, query: str) -> None:
        assert settled_home("GET", f"/audit/verification?{query}").status == 422


class TestIdempotency:
    def test_gives_the_first_answer_again_to_the_byte(self, api: InProcess, owner: Person) -> None:
        def create() -> Response:
            headers = {"Idempotency-Key": "once"}
            return api("POST", WORKSPACES, token=owner.token, json={"name": "The Café"}, headers=headers)

        first, second = create(), create()
        assert (first.status, second.status) == (201, 201)
        assert first.body == second.body
        assert "idempotent-replayed" not in first.headers
        assert second.headers["idempotent-replayed"] == "true"
        assert len(api("GET", WORKSPACES, token=owner.token).json["data"]) == 2

    def test_covers_answers_without_a_body(self, home: As, owner: Person, people: People) -> None:
        member = people.member(owner.workspace_id, "staff")
        path = f"/members/{member.user_id}"
        answers = [home("DELETE", path, Idempotency_Key="once") for _ in range(2)]
        assert [(answer.status, answer.body) for answer in answers] == [(204, b"")] * 2
        assert answers[1].headers["idempotent-replayed"] == "true"

    def test_refuses_the_key_for_another_request(self, home: As) -> None:
        assert home("PATCH", json={"name": "One"}, Idempotency_Key="once").status == 200
        other = home("PATCH", json={"name": "Two"}, Idempotency_Key="once")
        assert (other.status, other.code) == (422, "idempotency_key_reused")
        assert home("GET").json["name"] == "One"

    def test_belongs_to_the_caller(self, api: InProcess, owner: Person, people: People) -> None:
        for person in (owner, people.sign_up()):
            headers = {"Idempotency-Key": "the-same-for-both"}
            answer = api("POST", WORKSPACES, token=person.token, json={"name": "x"}, headers=headers)
            assert answer.status == 201
            assert "idempotent-replayed" not in answer.headers

    @pytest.mark.parametrize(
        "refused",
        [
            pytest.param(("PATCH", "", {"name": ""}), id="by the model"),
            pytest.param(("PATCH", "", {"time_zone": "Europe/Nowhere"}), id="by the database"),
            pytest.param(("POST", "/roles", {"name": "staff", "permissions": []}), id="by a conflict"),
            pytest.param(("PATCH", "/roles/nothing", {"permissions": []}), id="as not found"),
        ],
    )
    def test_frees_the_key_of_a_refused_request(self, home: As, refused: tuple[str, str, object]) -> None:
        method, below, body = refused
        assert 400 <= home(method, below, body, Idempotency_Key="once").status < 500
        again = home(method, below, {**dict(body), "x": 1}, Idempotency_Key="once")  # type: ignore[call-overload]
        assert again.code != "idempotency_key_reused"
        assert home("PATCH", json={"name": "Right"}, Idempotency_Key="once").status == 200

    def test_lets_one_of_many_twins_through(self, home: As) -> None:
        answers = together(
            *(
                partial(home, "POST", "/roles", {"name": "twin", "permissions": []}, Idempotency_Key="once")
                for _ in range(6)
            )
        )
        assert {answer.status for answer in answers} <= {201, 409}
        made = [answer for answer in answers if answer.status == 201]
        assert len({answer.body for answer in made}) == 1
        assert len([answer for answer in made if "idempotent-replayed" not in answer.headers]) == 1
        assert {answer.code for answer in answers if answer.status == 409} <= {"request_in_progress"}

    @pytest.mark.parametrize("key", ["x" * 256, "two words", "schlüssel"])
    def test_refuses_a_key_that_cannot_be_kept(self, settled_home: As, key: str) -> None:
        assert settled_home("PATCH", json={"name": "One"}, Idempotency_Key=key).status == 400


class TestWrites:
    def test_take_at_most_two_round_trips_to_the_database(
        self, api: InProcess, home: As, owner: Person, people: People, log_lines: LogLines
    ) -> None:
        member = people.member(owner.workspace_id, "staff")
        stranger = people.sign_up()
        made = home("POST", "/invites", {"role": "staff"}).json
        log_lines()
        writes: list[tuple[str, str, object, int]] = [
            ("PATCH", "", {"name": "New"}, 200),
            ("PATCH", f"/members/{member.user_id}", {"role": "readonly"}, 200),
            ("DELETE", f"/members/{member.user_id}", None, 204),
            ("POST", "/roles", {"name": "barista", "permissions": ["stock.move"]}, 201),
            ("PATCH", "/roles/barista", {"permissions": []}, 200),
            ("DELETE", "/roles/barista", None, 204),
            ("POST", "/invites", {"role": "staff"}, 201),
            ("DELETE", f"/invites/{made['id']}", None, 204),
            ("DELETE", "/roles/nothing", None, 404),
            ("PATCH", "", {"name": ""}, 422),
        ]
        for number, (method, below, body, status) in enumerate(writes):
            assert home(method, below, body, Idempotency_Key=f"write-{number}").status == status
        headers = {"Idempotency-Key": "write"}
        assert api("POST", WORKSPACES, token=owner.token, json={"name": "x"}, headers=headers).status == 201
        joined = api("POST", f"{WORKSPACES}/join", token=stranger.token, json={"code": made["code"]}, headers=headers)
        assert joined.status == 404

        lines = [line for line in log_lines() if "route" in line]
        assert len(lines) == len(writes) + 2
        assert {line["route"]: line["database_round_trips"] for line in lines if line["database_round_trips"] > 2} == {}
        assert all(line["caller_id"] for line in lines)
