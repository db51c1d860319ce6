"""/api/workspaces: made, listed, read and changed."""

from __future__ import annotations

from functools import partial
from uuid import uuid4

import psycopg
import pytest

from tests.api import InProcess
from tests.functions.conftest import LogLines, together
from tests.functions.workspaces import WORKSPACES, As, actions
from tests.people import People, Person


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
