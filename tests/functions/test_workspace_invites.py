"""/api/workspaces: invites, and joining by their codes."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial

import psycopg
import pytest

from tests.api import InProcess, Response
from tests.functions.conftest import spend, spent, together
from tests.functions.workspaces import WORKSPACES, As, actions, pages
from tests.people import People, Person


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
