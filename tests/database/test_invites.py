"""Invite codes: hashed, counted exactly, and worth what their maker may still grant."""

from __future__ import annotations

import hashlib
import secrets
from typing import Any

import psycopg
import pytest

from tests.database.acting import Database, Person, at_once

ROUNDS = 5
INVALID = (404, "invite_invalid")


def new_code() -> str:
    return "-".join(secrets.token_hex(2).upper() for _ in range(4))


def outcome(answer: dict[str, Any]) -> tuple[int, str | None]:
    return answer["status"], answer.get("code")


def invite(by: Person, role: str = "staff", **options: Any) -> tuple[str, dict[str, Any]]:
    """A code, and what making it answered."""
    code = new_code()
    answer = by.call("create_invite", workspace_id=by.home, role=role, code=code, **options)
    return code, answer


class TestMaking:
    def test_keeps_the_codes_hash_alone(self, db: Database, owner: Person) -> None:
        code, made = invite(owner)
        stored = db.owner.value("select to_jsonb(i) from public.invites as i where id = %s", made["body"]["id"])
        digest = hashlib.sha256(code.replace("-", "").encode()).hexdigest()
        assert stored["code_hash"] == f"\\x{digest}"
        assert code not in str(stored)
        assert code not in str(db.audit(owner.workspace_id))

    def test_nobody_invites_into_a_role_beyond_their_own(self, db: Database, owner: Person) -> None:
        admin = db.member(owner.workspace_id, "admin")
        assert outcome(invite(admin, "owner")[1]) == (403, "permission_denied")
        assert outcome(invite(admin, "admin")[1]) == (201, None)
        owner.call("create_role", workspace_id=owner.home, name="doorman", permissions=["invites.manage"])
        doorman = db.member(owner.workspace_id, "doorman")
        assert outcome(invite(doorman, "readonly")[1]) == (403, "permission_denied")

    @pytest.mark.parametrize("role", ["manager", "staff", "buyer"])
    def test_others_make_none(self, db: Database, owner: Person, role: str) -> None:
        assert outcome(invite(db.member(owner.workspace_id, role))[1]) == (403, "permission_denied")

    @pytest.mark.parametrize("days", [0, 31, -1])
    def test_lives_a_day_to_a_month(self, owner: Person, days: int) -> None:
        assert outcome(invite(owner, expires_in_days=days)[1]) == (422, "invalid_invite")

    def test_a_short_code_is_refused(self, owner: Person) -> None:
        answer = owner.call("create_invite", workspace_id=owner.home, role="staff", code="ABCD-EFGH-JKMN-PQR")
        assert outcome(answer) == (422, "invalid_invite")

    @pytest.mark.parametrize("uses", [0, 1001])
    def test_uses_are_bounded(self, owner: Person, uses: int) -> None:
        with pytest.raises(psycopg.errors.CheckViolation):
            invite(owner, max_uses=uses)


class TestMailing:
    MAILS = "select recipient, template, data, created_by, state from private.email_messages where workspace_id = %s"

    def test_sends_the_code_and_who_invites_until_when(self, db: Database) -> None:
        owner = db.sign_up(name="Olga")
        code, made = invite(owner, email="robin@example.com")
        data = {"code": code, "role": "staff", "invited_by": "Olga", "expires_at": made["body"]["expires_at"]}
        sent = ("robin@example.com", "invite", data, owner.user_id, "queued")
        assert db.owner.rows(self.MAILS, owner.workspace_id) == [sent]
        assert db.sign_up().call("join_workspace", code=data["code"])["status"] == 200

    @pytest.mark.parametrize(
        ("name", "line"),
        [
            ("Zoë Ó Briain", "Zoë Ó Briain"),
            ("a\r\n\u2028b\u202ec", "a b c"),
            ("\u200b", None),
            ("", None),
            ("李", "李"),
        ],
    )
    def test_names_who_invites_on_one_line(self, db: Database, name: str, line: str | None) -> None:
        owner = db.sign_up(name=name)
        invite(owner, email="robin@example.com")
        [(_, _, data, _, _)] = db.owner.rows(self.MAILS, owner.workspace_id)
        assert data["invited_by"] == line

    def test_tells_the_audit_log_that_it_was_mailed_and_not_where(self, db: Database, owner: Person) -> None:
        invite(owner)
        invite(owner, email="robin@example.com")
        details = [entry[3] for entry in db.audit(owner.workspace_id)[-2:]]
        assert details[1] == {**details[0], "mailed": True}
        assert "robin" not in str(db.audit(owner.workspace_id))

    def test_takes_no_permission_to_send_mail(self, db: Database, owner: Person) -> None:
        permissions = ["invites.manage", "inventory.read", "members.read", "orders.read"]
        owner.call("create_role", workspace_id=owner.home, name="doorman", permissions=permissions)
        doorman = db.member(owner.workspace_id, "doorman")
        assert outcome(invite(doorman, "readonly", email="robin@example.com")[1]) == (201, None)

    def test_is_refused_with_the_invite_once_the_mails_of_the_day_are_sent(self, db: Database, owner: Person) -> None:
        spent = """
            select private.take_limits(jsonb_build_array(jsonb_build_object(
              'name', 'email.daily', 'subject', %s::uuid, 'quota', 1000, 'window_seconds', 86400, 'units', 1000)))
        """
        db.owner.rows(spent, owner.workspace_id)
        before = db.audit(owner.workspace_id)
        refused = invite(owner, email="robin@example.com")[1]
        assert outcome(refused) == (429, "rate_limited")
        assert refused["limits"][0]["name"] == "email.daily"
        assert owner.call("list_invites", workspace_id=owner.home)["body"] == []
        assert db.owner.rows(self.MAILS, owner.workspace_id) == []
        assert db.audit(owner.workspace_id) == before
        assert outcome(invite(owner)[1]) == (201, None)

    def test_is_not_done_for_an_invite_that_is_refused(self, db: Database, owner: Person) -> None:
        admin = db.member(owner.workspace_id, "admin")
        address = "robin@example.com"
        assert outcome(invite(admin, "owner", email=address)[1]) == (403, "permission_denied")
        assert outcome(invite(db.member(owner.workspace_id, "staff"), email=address)[1]) == (403, "permission_denied")
        assert outcome(invite(owner, "emperor", email=address)[1]) == (422, "unknown_role")
        with pytest.raises(psycopg.errors.CheckViolation):
            invite(owner, max_uses=0, email=address)
        assert db.owner.rows(self.MAILS, owner.workspace_id) == []

    @pytest.mark.parametrize(
        "code", ["CHEAP-PILLS-AT-EVIL.EXAMPLE", "ABCD-EFGH-JKMN-PQRS\nand more", "abcd-efgh-jkmn-pqrs", "A" * 10_000]
    )
    def test_is_done_of_no_words_but_ours(self, db: Database, owner: Person, code: str) -> None:
        mailed: dict[str, Any] = {"role": "staff", "code": code, "email": "robin@example.com"}
        answer = owner.call("create_invite", workspace_id=owner.home, **mailed)
        assert outcome(answer) == (422, "invalid_invite")
        assert db.owner.rows(self.MAILS, owner.workspace_id) == []


class TestJoining:
    def test_makes_a_member_with_the_invites_role(self, db: Database, owner: Person) -> None:
        person = db.sign_up()
        code, _ = invite(owner)
        answer = person.call("join_workspace", code=f" {code.lower().replace('-', ' ')} ")
        assert answer["body"] == {"workspace_id": owner.home, "role": "staff"}
        assert db.role_of(owner.workspace_id, person) == "staff"

    def test_again_changes_nothing(self, db: Database, owner: Person) -> None:
        person = db.sign_up()
        code, made = invite(owner, max_uses=2)
        assert [person.call("join_workspace", code=code)["status"] for _ in range(3)] == [200] * 3
        assert db.owner.value("select uses from public.invites where id = %s", made["body"]["id"]) == 1

    def test_an_invite_does_not_lower_who_is_in_already(self, db: Database, owner: Person) -> None:
        code, _ = invite(owner, "readonly")
        owner.call("join_workspace", code=code)
        assert db.role_of(owner.workspace_id, owner) == "owner"

    @pytest.mark.parametrize(
        "spoil",
        [
            "update public.invites set expires_at = now() where id = %s",
            "update public.invites set revoked_at = now() where id = %s",
            "update public.invites set uses = max_uses where id = %s",
            "update public.invites set created_by = null where id = %s",
            "delete from public.invites where id = %s",
        ],
    )
    def test_codes_that_do_not_work_cannot_be_told_apart(self, db: Database, owner: Person, spoil: str) -> None:
        person = db.sign_up()
        code, made = invite(owner)
        db.owner.rows(spoil, made["body"]["id"])
        answer = person.call("join_workspace", code=code)
        unknown = db.sign_up().call("join_workspace", code=new_code())
        assert answer == unknown
        assert outcome(answer) == INVALID
        assert db.role_of(owner.workspace_id, person) is None

    def test_a_revoked_code_stops(self, db: Database, owner: Person) -> None:
        code, made = invite(owner)
        assert owner.call("revoke_invite", workspace_id=owner.home, invite_id=made["body"]["id"])["status"] == 204
        assert outcome(db.sign_up().call("join_workspace", code=code)) == INVALID

    def test_nobody_revokes_the_invites_of_others(self, db: Database, owner: Person) -> None:
        other = db.sign_up()
        _, made = invite(owner)
        answer = other.call("revoke_invite", workspace_id=other.home, invite_id=made["body"]["id"])
        assert outcome(answer) == (404, "not_found")
        assert db.owner.value("select revoked_at from public.invites where id = %s", made["body"]["id"]) is None

    @pytest.mark.parametrize("fate", ["staff", None])
    def test_invites_of_who_was_demoted_or_removed_stop(self, db: Database, owner: Person, fate: str | None) -> None:
        admin = db.member(owner.workspace_id, "admin")
        code, _ = invite(admin)
        if fate:
            owner.call("change_member", workspace_id=owner.home, user_id=admin.id, role=fate)
        else:
            owner.call("remove_member", workspace_id=owner.home, user_id=admin.id)
        assert outcome(db.sign_up().call("join_workspace", code=code)) == INVALID

    def test_an_invite_whose_role_has_grown_beyond_its_maker_stops(self, db: Database, owner: Person) -> None:
        owner.call("create_role", workspace_id=owner.home, name="helper", permissions=["inventory.read"])
        admin = db.member(owner.workspace_id, "admin")
        code, _ = invite(admin, "helper")
        owner.call("update_role", workspace_id=owner.home, name="helper", permissions=["roles.manage"])
        assert outcome(db.sign_up().call("join_workspace", code=code)) == INVALID

    def test_guessing_is_throttled_also_past_our_functions(self, db: Database, owner: Person) -> None:
        person = db.sign_up()
        code, _ = invite(owner)
        guesses = [outcome(person.call("join_workspace", code=new_code())) for _ in range(12)]
        assert guesses == [INVALID] * 10 + [(429, "rate_limited")] * 2
        assert outcome(person.call("join_workspace", code=code)) == (429, "rate_limited")


@pytest.mark.parametrize("uses", [1, 5])
def test_simultaneous_redemptions_are_exact(db: Database, uses: int) -> None:
    people = [db.sign_up() for _ in range(30)]
    for _ in range(ROUNDS):
        owner = db.sign_up()
        code, _ = invite(owner, max_uses=uses)

        def join(number: int, code: str = code) -> int:
            return int(people[number].call("join_workspace", code=code)["status"])

        assert sorted(at_once(30, join)) == [200] * uses + [404] * (30 - uses)
        members = db.owner.value("select count(*) from public.members where workspace_id = %s", owner.workspace_id)
        assert members == uses + 1
        assert db.owner.value("select uses from public.invites where created_by = %s", owner.user_id) == uses
