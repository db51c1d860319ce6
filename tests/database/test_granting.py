"""Nobody grants or takes away what they lack, the last owner stays, and built-in roles stay as they are."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from tests.database.acting import Actor, Database, Person, at_once, call, run

BEYOND = (403, "permission_denied")
SIGNED_OUT = (401, "token_invalid")
ROUNDS = 5


def outcome(answer: dict[str, Any]) -> tuple[int, str | None]:
    return answer["status"], answer.get("code")


@pytest.fixture
def admin(db: Database, owner: Person) -> Person:
    return db.member(owner.workspace_id, "admin")


@pytest.fixture
def deputy(db: Database, owner: Person) -> Person:
    """May manage members and invites, and besides that what staff may."""
    permissions = ["members.manage", "invites.manage", "members.read", "inventory.read", "stock.move", "orders.read"]
    permissions += ["detect.use", "voice.use", "assistant.use", "quotes.write:own", "email.send"]
    made = owner.call("create_role", workspace_id=owner.home, name="deputy", permissions=permissions)
    assert made["status"] == 201
    return db.member(owner.workspace_id, "deputy")


class TestMembers:
    def test_an_admin_changes_the_role_of_others(self, db: Database, owner: Person, admin: Person) -> None:
        staff = db.member(owner.workspace_id, "staff")
        answer = admin.call("change_member", workspace_id=owner.home, user_id=staff.id, role="manager")
        assert (answer["status"], answer["body"]["role"]) == (200, "manager")
        assert db.role_of(owner.workspace_id, staff) == "manager"

    def test_an_admin_makes_no_owner(self, db: Database, owner: Person, admin: Person) -> None:
        staff = db.member(owner.workspace_id, "staff")
        for whom in (staff, admin):
            answer = admin.call("change_member", workspace_id=owner.home, user_id=whom.id, role="owner")
            assert outcome(answer) == BEYOND
        assert (db.role_of(owner.workspace_id, staff), db.role_of(owner.workspace_id, admin)) == ("staff", "admin")

    def test_an_admin_neither_demotes_nor_removes_an_owner(self, db: Database, owner: Person, admin: Person) -> None:
        second = db.member(owner.workspace_id, "owner")
        demoting = admin.call("change_member", workspace_id=owner.home, user_id=second.id, role="staff")
        removing = admin.call("remove_member", workspace_id=owner.home, user_id=second.id)
        assert (outcome(demoting), outcome(removing)) == (BEYOND, BEYOND)
        assert db.role_of(owner.workspace_id, second) == "owner"

    def test_a_narrower_permission_grants_no_wider_one(self, db: Database, owner: Person, deputy: Person) -> None:
        guest = db.member(owner.workspace_id, "readonly")
        answer = deputy.call("change_member", workspace_id=owner.home, user_id=guest.id, role="staff")
        assert outcome(answer) == BEYOND  # staff may quote for everybody, the deputy for itself
        assert db.role_of(owner.workspace_id, guest) == "readonly"

    def test_who_permits_less_takes_nothing_from_who_may_more(
        self, db: Database, owner: Person, deputy: Person
    ) -> None:
        manager = db.member(owner.workspace_id, "manager")
        answers = [
            deputy.call("change_member", workspace_id=owner.home, user_id=manager.id, role="readonly"),
            deputy.call("remove_member", workspace_id=owner.home, user_id=manager.id),
        ]
        assert [outcome(answer) for answer in answers] == [BEYOND, BEYOND]
        assert db.role_of(owner.workspace_id, manager) == "manager"

    def test_members_without_the_permission_are_refused(self, db: Database, owner: Person) -> None:
        staff, other = (db.member(owner.workspace_id, "staff") for _ in range(2))
        assert outcome(staff.call("remove_member", workspace_id=owner.home, user_id=other.id)) == BEYOND
        assert db.role_of(owner.workspace_id, other) == "staff"

    def test_strangers_are_told_of_nothing(self, db: Database, owner: Person) -> None:
        stranger = db.sign_up()
        there = stranger.call("remove_member", workspace_id=owner.home, user_id=owner.id)
        nowhere = stranger.call("remove_member", workspace_id=stranger.id, user_id=stranger.id)
        assert there == nowhere
        assert outcome(there) == (404, "not_found")

    def test_anybody_may_leave(self, db: Database, owner: Person) -> None:
        buyer = db.member(owner.workspace_id, "buyer")
        assert buyer.call("remove_member", workspace_id=owner.home, user_id=buyer.id)["status"] == 204
        assert db.role_of(owner.workspace_id, buyer) is None

    def test_a_role_of_another_workspace_is_unknown(self, db: Database, owner: Person) -> None:
        other = db.sign_up()
        other.call("create_role", workspace_id=other.home, name="foreign", permissions=["inventory.read"])
        staff = db.member(owner.workspace_id, "staff")
        answer = owner.call("change_member", workspace_id=owner.home, user_id=staff.id, role="foreign")
        assert outcome(answer) == (422, "unknown_role")

    def test_a_platform_admin_may_all(self, db: Database, owner: Person) -> None:
        platform_admin = db.sign_up()
        db.owner.rows("insert into public.platform_admins (user_id) values (%s)", platform_admin.user_id)
        staff = db.member(owner.workspace_id, "staff")
        answer = platform_admin.call("change_member", workspace_id=owner.home, user_id=staff.id, role="owner")
        assert answer["status"] == 200


class TestLastOwner:
    def test_neither_leaves_nor_steps_down(self, db: Database, owner: Person) -> None:
        leaving = owner.call("remove_member", workspace_id=owner.home, user_id=owner.id)
        stepping = owner.call("change_member", workspace_id=owner.home, user_id=owner.id, role="admin")
        assert [outcome(leaving), outcome(stepping)] == [(409, "last_owner")] * 2
        assert db.role_of(owner.workspace_id, owner) == "owner"

    def test_leaves_once_there_is_another(self, db: Database, owner: Person) -> None:
        heir = db.member(owner.workspace_id, "owner")
        assert owner.call("remove_member", workspace_id=owner.home, user_id=owner.id)["status"] == 204
        assert outcome(heir.call("remove_member", workspace_id=owner.home, user_id=heir.id)) == (409, "last_owner")

    @pytest.mark.parametrize("way", ["remove_member", "change_member"])
    def test_one_stays_when_two_go_at_once(self, db: Database, way: str) -> None:
        for _ in range(ROUNDS):
            first = db.sign_up()
            second = db.member(first.workspace_id, "owner")
            role: dict[str, Any] = {"role": "staff"} if way == "change_member" else {}

            def go(number: int, people: tuple[Person, ...] = (first, second), role: dict[str, Any] = role) -> int:
                person = people[number]
                answer = person.call(way, workspace_id=people[0].home, user_id=person.id, **role)
                return int(answer["status"])

            assert sorted(at_once(2, go)) == [204 if way == "remove_member" else 200, 409]

    @pytest.mark.parametrize("isolation", ["read committed", "repeatable read", "serializable"])
    def test_one_stays_when_two_are_deleted_at_once_in_plain_sql(self, db: Database, isolation: str) -> None:
        for _ in range(ROUNDS):
            first = db.sign_up()
            second = db.member(first.workspace_id, "owner")

            def delete(number: int, people: tuple[Person, ...] = (first, second)) -> str | None:
                try:
                    with db.owner.transaction() as connection:
                        run(connection, f"set transaction isolation level {isolation}")
                        run(connection, "select 1 from public.members limit 1")  # the snapshot is taken
                        run(
                            connection,
                            "delete from public.members where workspace_id = %s and user_id = %s",
                            people[0].workspace_id,
                            people[number].user_id,
                        )
                        run(connection, "select pg_sleep(0.02)")
                except psycopg.Error as error:
                    return error.sqlstate
                return None

            outcomes = at_once(2, delete)
            left = db.owner.value("select count(*) from public.members where workspace_id = %s", first.workspace_id)
            assert left == 1, outcomes
            assert {*outcomes} - {None} <= {"BR001", "40001"}
            assert outcomes.count(None) == 1

    @pytest.mark.parametrize(
        "statement",
        [
            "delete from public.members where workspace_id = %s",
            "update public.members set role_id = (select id from public.roles where name = 'staff') "
            "where workspace_id = %s",
            "update public.members set workspace_id = '{elsewhere}' where workspace_id = %s",
        ],
    )
    def test_plain_sql_that_takes_all_owners_at_once_is_refused(
        self, db: Database, owner: Person, statement: str
    ) -> None:
        db.member(owner.workspace_id, "owner")
        elsewhere = db.sign_up().home
        with pytest.raises(psycopg.Error) as caught:
            db.owner.rows(statement.replace("{elsewhere}", elsewhere), owner.workspace_id)
        assert caught.value.sqlstate == "BR001"

    def test_a_workspace_can_be_deleted_with_its_owners(self, db: Database, owner: Person) -> None:
        db.owner.rows("delete from public.workspaces where id = %s", owner.workspace_id)
        assert db.role_of(owner.workspace_id, owner) is None


class TestRoles:
    def test_an_owner_makes_changes_and_deletes_one(self, owner: Person) -> None:
        given = ["orders.read:own", "inventory.read"]
        made = owner.call(
            "create_role", workspace_id=owner.home, name="barista", description="Pours", permissions=given
        )
        assert (made["status"], made["body"]["permissions"]) == (201, ["inventory.read", "orders.read:own"])
        changed = owner.call("update_role", workspace_id=owner.home, name="barista", permissions=["stock.move"])
        assert (changed["status"], changed["body"]["permissions"]) == (200, ["stock.move"])
        assert changed["body"]["description"] == "Pours"
        assert owner.call("delete_role", workspace_id=owner.home, name="barista")["status"] == 204

    def test_who_may_make_roles_makes_none_beyond_their_own(self, db: Database, owner: Person) -> None:
        permissions = ["roles.manage", "inventory.read", "orders.read:own"]
        owner.call("create_role", workspace_id=owner.home, name="registrar", permissions=permissions)
        registrar = db.member(owner.workspace_id, "registrar")
        for wanted in (["inventory.write"], ["orders.read"], ["orders.read:assigned"], ["roles.manage", "audit.read"]):
            answer = registrar.call("create_role", workspace_id=owner.home, name="mine", permissions=wanted)
            assert outcome(answer) == BEYOND, wanted
            answer = registrar.call("update_role", workspace_id=owner.home, name="registrar", permissions=wanted)
            assert outcome(answer) == BEYOND, wanted
        made = registrar.call("create_role", workspace_id=owner.home, name="less", permissions=["orders.read:own"])
        assert made["status"] == 201
        names = db.owner.rows("select name from public.roles where workspace_id = %s order by 1", owner.workspace_id)
        assert names == [("less",), ("registrar",)]

    def test_a_role_that_permits_more_is_neither_changed_nor_deleted(self, db: Database, owner: Person) -> None:
        owner.call("create_role", workspace_id=owner.home, name="registrar", permissions=["roles.manage"])
        owner.call("create_role", workspace_id=owner.home, name="auditor", permissions=["audit.read"])
        registrar = db.member(owner.workspace_id, "registrar")
        answers = [
            registrar.call("update_role", workspace_id=owner.home, name="auditor", permissions=[]),
            registrar.call("update_role", workspace_id=owner.home, name="auditor", description="x"),
            registrar.call("delete_role", workspace_id=owner.home, name="auditor"),
        ]
        assert [outcome(answer) for answer in answers] == [BEYOND] * 3

    def test_who_may_not_make_roles_makes_none(self, owner: Person, admin: Person) -> None:
        answer = admin.call("create_role", workspace_id=owner.home, name="mine", permissions=["inventory.read"])
        assert outcome(answer) == BEYOND

    def test_built_in_roles_stay_as_they_are(self, owner: Person) -> None:
        answers = [
            owner.call("update_role", workspace_id=owner.home, name="staff", permissions=["roles.manage"]),
            owner.call("delete_role", workspace_id=owner.home, name="staff"),
        ]
        assert [outcome(answer) for answer in answers] == [(409, "built_in_role")] * 2

    def test_no_own_role_takes_the_name_of_another(self, owner: Person) -> None:
        for name in ("owner", "mine"):
            owner.call("create_role", workspace_id=owner.home, name="mine", permissions=[])
            answer = owner.call("create_role", workspace_id=owner.home, name=name, permissions=[])
            assert outcome(answer) == (409, "role_exists")

    def test_one_of_many_makes_a_role_of_one_name(self, db: Database) -> None:
        for _ in range(ROUNDS):
            owner = db.sign_up()

            def make(_: int, owner: Person = owner) -> int:
                answer = owner.call("create_role", workspace_id=owner.home, name="mine", permissions=["stock.move"])
                return int(answer["status"])

            assert sorted(at_once(8, make)) == [201, *[409] * 7]

    def test_a_role_in_use_is_not_deleted(self, db: Database, owner: Person) -> None:
        owner.call("create_role", workspace_id=owner.home, name="barista", permissions=["inventory.read"])
        person = db.member(owner.workspace_id, "barista")
        answer = owner.call("delete_role", workspace_id=owner.home, name="barista")
        assert outcome(answer) == (409, "role_in_use")
        assert db.role_of(owner.workspace_id, person) == "barista"

    def test_a_role_of_an_invite_is_not_deleted(self, owner: Person) -> None:
        owner.call("create_role", workspace_id=owner.home, name="barista", permissions=["inventory.read"])
        code = f"CODE-{owner.id}"
        owner.call("create_invite", workspace_id=owner.home, role="barista", code=code)
        assert outcome(owner.call("delete_role", workspace_id=owner.home, name="barista")) == (409, "role_in_use")

    @pytest.mark.parametrize(
        ("permissions", "code"),
        [
            (["inventory.paint"], "unknown_permission"),
            (["inventory.read:everybody"], "unknown_permission"),
            (["orders.read:own:own"], "unknown_permission"),
            ([""], "unknown_permission"),
            # Narrowed where nothing narrows it, it would be the whole permission under a harmless name.
            (["members.manage:own"], "unknown_permission"),
            (["workspace.manage:assigned"], "unknown_permission"),
            (["payments.start:assigned"], "unknown_permission"),
            (["orders.read", "orders.read:own"], "repeated_permission"),
        ],
    )
    def test_a_permission_that_is_none_is_refused(self, owner: Person, permissions: list[str], code: str) -> None:
        answer = owner.call("create_role", workspace_id=owner.home, name="mine", permissions=permissions)
        assert outcome(answer) == (422, code)

    def test_a_change_takes_effect_with_the_next_request(self, db: Database, owner: Person) -> None:
        owner.call("create_role", workspace_id=owner.home, name="barista", permissions=["members.read"])
        person = db.member(owner.workspace_id, "barista")
        assert person.call("list_members", workspace_id=owner.home)["status"] == 200
        owner.call("update_role", workspace_id=owner.home, name="barista", permissions=["stock.move"])
        assert outcome(person.call("list_members", workspace_id=owner.home)) == BEYOND


class TestWorkspaces:
    def test_only_an_owner_changes_one(self, db: Database, owner: Person, admin: Person) -> None:
        assert outcome(admin.call("update_workspace", workspace_id=owner.home, changes={"name": "x"})) == BEYOND
        changed = owner.call("update_workspace", workspace_id=owner.home, changes={"name": " Juniper "})
        assert (changed["status"], changed["body"]["name"], changed["body"]["revision"]) == (200, "Juniper", 2)

    def test_a_change_cannot_reach_what_is_not_the_persons_to_change(self, owner: Person) -> None:
        changes = {"id": owner.id, "revision": 99, "created_at": "2000-01-01T00:00:00Z", "name": "Juniper"}
        changes["logo"] = f"{owner.home}/{uuid4()}.png"
        changed = owner.call("update_workspace", workspace_id=owner.home, changes=changes)
        assert (changed["body"]["id"], changed["body"]["revision"]) == (owner.home, 2)
        assert not changed["body"]["created_at"].startswith("2000")
        assert changed["body"]["logo"] is None

    def test_a_logo_is_a_file_of_the_workspace_itself(self, db: Database, owner: Person) -> None:
        first, second = (f"{owner.home}/{uuid4()}.{suffix}" for suffix in ("png", "jpg"))
        said = [owner.call("set_logo", workspace_id=owner.home, logo=logo) for logo in (first, second, None, None)]
        told = [each["body"] for each in said]
        assert [each["logo"] for each in told] == [first, second, None, None]
        assert [each["replaced_logo"] for each in told] == [None, first, second, None]
        assert [each["revision"] for each in told] == [2, 3, 4, 4]
        theirs = first.replace(owner.home, db.sign_up().home)
        for path in (theirs, f"{owner.home}/../{theirs}", first + "\n", "", "x.png"):
            with pytest.raises(psycopg.errors.CheckViolation):
                owner.call("set_logo", workspace_id=owner.home, logo=path)

    def test_only_an_owner_sets_the_logo(self, db: Database, owner: Person, admin: Person) -> None:
        logo = f"{owner.home}/{uuid4()}.png"
        assert outcome(admin.call("set_logo", workspace_id=owner.home, logo=logo)) == BEYOND
        assert outcome(db.sign_up().call("set_logo", workspace_id=owner.home, logo=logo)) == (404, "not_found")
        assert db.owner.value("select logo from public.workspaces where id = %s", owner.home) is None

    def test_of_changes_meant_for_one_revision_one_is_made(self, db: Database) -> None:
        for _ in range(ROUNDS):
            owner = db.sign_up()

            def change(number: int, owner: Person = owner) -> int:
                with owner.transaction() as connection:
                    changes = {"name": f"Name {number}"}
                    answer = call(connection, "update_workspace", workspace_id=owner.home, changes=changes, revision=1)
                    return int(answer["status"])

            assert sorted(at_once(8, change)) == [200, *[412] * 7]

    @pytest.mark.parametrize("name", ["Foo3", "PST", "EUROPE/BERLIN", "europe/berlin", "<x>-1", "posix/UTC", "", "utc"])
    def test_a_time_zone_that_only_postgresql_knows_is_refused(self, owner: Person, name: str) -> None:
        answers = [
            owner.call("create_workspace", name="x", settings={"time_zone": name}),
            owner.call("update_workspace", workspace_id=owner.home, changes={"time_zone": name}),
        ]
        assert [outcome(answer) for answer in answers] == [(422, "unknown_time_zone")] * 2

    @pytest.mark.parametrize("name", ["UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "Etc/GMT+5", "EST5EDT"])
    def test_a_time_zone_is_an_iana_name(self, owner: Person, name: str) -> None:
        made = owner.call("create_workspace", name="x", settings={"time_zone": name})
        assert (made["status"], made["body"]["time_zone"]) == (201, name)

    @pytest.mark.parametrize(
        ("column", "value"),
        [
            ("name", "   "),
            ("name", "x" * 101),
            ("name", None),
            ("locale", "english"),
            ("currency", "usd"),
            ("country", "DEU"),
            ("legal_name", ""),
            ("legal_address", "x" * 501),
            ("tax_id", "x" * 51),
            ("colour", "red"),
            ("colour", "#ABCDEF"),
            ("colour", "#abcdef\n"),
            ("reply_to", "nobody"),
            ("reply_to", "a@b.example\nBcc: c@d.example"),
            ("reply_to", "x@" + "y" * 250 + ".example"),
            ("track_opens", None),
            ("takes_guests", None),
        ],
    )
    def test_bounds_hold_in_sql_too(self, owner: Person, column: str, value: str | None) -> None:
        with pytest.raises(psycopg.Error) as caught:
            owner.call("update_workspace", workspace_id=owner.home, changes={column: value})
        assert caught.value.sqlstate in ("23514", "23502", "22001")


def test_a_request_without_a_person_changes_nothing(db: Database, owner: Person) -> None:
    nobody = Actor(db.pool, "authenticated")
    assert outcome(nobody.call("update_workspace", workspace_id=owner.home, changes={})) == SIGNED_OUT
    assert outcome(nobody.call("remove_member", workspace_id=owner.home, user_id=owner.id)) == SIGNED_OUT
    assert nobody.call("create_workspace", name="x") is None


def test_a_token_that_outlived_its_person_makes_nothing(db: Database, owner: Person) -> None:
    gone = db.sign_up()
    db.owner.rows("delete from auth.users where id = %s", gone.user_id)
    code = f"CODE-{owner.id}"
    owner.call("create_invite", workspace_id=owner.home, role="staff", code=code)
    assert gone.call("me") is None
    assert gone.call("create_workspace", name=f"of {gone.id}") is None
    assert gone.call("join_workspace", code=code) is None
    assert db.role_of(owner.workspace_id, gone) is None
    assert db.owner.rows("select id from public.workspaces where name = %s", f"of {gone.id}") == []
    assert outcome(gone.call("update_workspace", workspace_id=owner.home, changes={})) == SIGNED_OUT


class TestSigningOut:
    """A token is good by itself until it expires: what can't be undone asks whether the session still stands."""

    @pytest.mark.parametrize(
        ("procedure", "arguments"),
        [
            ("change_member", {"user_id": UUID(int=1), "role": "staff"}),
            ("remove_member", {"user_id": UUID(int=1)}),
            ("create_role", {"name": "helper", "permissions": []}),
            ("update_role", {"name": "helper"}),
            ("delete_role", {"name": "helper"}),
            ("create_invite", {"role": "owner", "code": "CODE-OF-SOMEBODY-SIGNED-OUT"}),
            ("revoke_invite", {"invite_id": UUID(int=1)}),
            ("update_workspace", {"changes": {"name": "x"}}),
            ("set_logo", {}),
        ],
    )
    def test_ends_what_a_token_may_change(self, db: Database, procedure: str, arguments: dict[str, Any]) -> None:
        owner = db.sign_up()
        db.owner.rows("delete from auth.sessions where user_id = %s", owner.user_id)
        assert outcome(owner.call(procedure, workspace_id=owner.home, **arguments)) == SIGNED_OUT

    def test_also_ends_leaving(self, db: Database, owner: Person) -> None:
        member = db.member(owner.workspace_id, "staff")
        db.owner.rows("delete from auth.sessions where user_id = %s", member.user_id)
        assert outcome(member.call("remove_member", workspace_id=owner.home, user_id=member.id)) == SIGNED_OUT
        assert db.role_of(owner.workspace_id, member) == "staff"

    def test_of_one_session_leaves_the_other(self, db: Database) -> None:
        owner = db.sign_up()
        db.owner.rows("insert into auth.sessions (id, user_id) values (%s, %s)", uuid4(), owner.user_id)
        assert outcome(owner.call("update_workspace", workspace_id=owner.home, changes={"name": "x"}))[0] == 200


class TestDeletingAnAccount:
    def test_of_the_only_person_in_a_workspace_leaves_it_empty(self, db: Database) -> None:
        alone = db.sign_up()
        db.owner.rows("delete from auth.users where id = %s", alone.user_id)
        assert db.owner.value("select count(*) from public.members where workspace_id = %s", alone.workspace_id) == 0
        assert db.owner.value("select count(*) from public.workspaces where id = %s", alone.workspace_id) == 1

    def test_of_the_last_owner_of_others_is_refused(self, db: Database) -> None:
        owner = db.sign_up()
        db.member(owner.workspace_id, "staff")
        with pytest.raises(psycopg.Error) as caught:
            db.owner.rows("delete from auth.users where id = %s", owner.user_id)
        assert caught.value.sqlstate == "BR001"


class TestLosingARole:
    def test_ends_being_given_old_answers_again(self, db: Database, owner: Person) -> None:
        member = db.member(owner.workspace_id, "manager")
        asked: dict[str, Any] = {"caller": member.user_id, "route": "PATCH /x", "key": "k", "fingerprint": "f"}
        begun = db.service.call("begin_request", **asked)
        headers = {"X-Idempotency-Record": begun["idempotency"]["id"]}
        made = member.call("create_workspace", headers=headers, name="Kept")
        assert made["status"] == 201
        assert db.service.call("begin_request", **asked)["idempotency"]["state"] == "answered"
        owner.call("remove_member", workspace_id=owner.home, user_id=member.id)
        assert db.service.call("begin_request", **asked)["idempotency"]["state"] == "started"

    def test_by_oneself_keeps_the_answer_about_it(self, db: Database, owner: Person) -> None:
        member = db.member(owner.workspace_id, "staff")
        asked: dict[str, Any] = {"caller": member.user_id, "route": "DELETE /x", "key": "k", "fingerprint": "f"}
        headers = {"X-Idempotency-Record": db.service.call("begin_request", **asked)["idempotency"]["id"]}
        left = member.call("remove_member", headers=headers, workspace_id=owner.home, user_id=member.id)
        assert left["status"] == 204
        assert db.service.call("begin_request", **asked)["idempotency"]["state"] == "answered"


def test_a_role_of_dead_invites_can_be_deleted(db: Database, owner: Person) -> None:
    owner.call("create_role", workspace_id=owner.home, name="helper", permissions=[])
    made = owner.call("create_invite", workspace_id=owner.home, role="helper", code=f"CODE-FOR-HELPER-{owner.id}")
    owner.call("revoke_invite", workspace_id=owner.home, invite_id=UUID(made["body"]["id"]))
    assert owner.call("delete_role", workspace_id=owner.home, name="helper")["status"] == 204


def test_denials_are_written_down_a_hundred_times_in_a_quarter_of_an_hour(db: Database, owner: Person) -> None:
    stranger = db.sign_up()
    with stranger.transaction() as connection:
        for _ in range(110):
            call(connection, "read_workspace", workspace_id=owner.home)
    written = "select count(*) from private.audit_log where actor = %s and action = 'access.denied'"
    assert db.owner.value(written, stranger.user_id) == 100
