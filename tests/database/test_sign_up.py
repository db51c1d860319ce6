"""Signing up makes a workspace or joins one, inside the transaction that makes the account."""

from __future__ import annotations

from uuid import uuid4

import psycopg
import pytest

from tests.database.acting import Database, Person, at_once
from tests.database.test_invites import ROUNDS, invite, new_code


def census(db: Database) -> tuple[int, ...]:
    """How many accounts, profiles, workspaces and members there are."""
    return tuple(
        db.owner.value(f"select count(*) from {table}")  # noqa: S608
        for table in ("auth.users", "public.profiles", "public.workspaces", "public.members")
    )


class TestWithoutAnInvite:
    def test_makes_a_workspace_and_its_owner(self, db: Database) -> None:
        person = db.sign_up(name=" Ada ", workspace_name=" Balloons ")
        me = person.call("me")["body"]
        assert me["user"] == {
            "id": person.id,
            "name": "Ada",
            "email": f"{person.id.replace('-', '')}@example.com",
            "platform_admin": False,
        }
        assert [(w["name"], w["role"]) for w in me["workspaces"]] == [("Balloons", "owner")]
        assert me["default_workspace_id"] == person.home

    @pytest.mark.parametrize(
        ("metadata", "name", "workspace"),
        [
            ({"name": "Ada", "workspace_name": ""}, "Ada", "Ada"),
            ({"name": None}, "", "Workspace"),
            ({"name": "   ", "workspace_name": "   "}, "", "Workspace"),
            ({"name": "x" * 5000, "workspace_name": "y" * 5000}, "x" * 100, "y" * 100),
            ({"name": {"a": [1]}}, '{"a": [1]}', '{"a": [1]}'),
            ({"name": "Zoë 🎈", "workspace_name": "日本"}, "Zoë 🎈", "日本"),
            ({"name": "Ada", "id": str(uuid4()), "role": "owner", "platform_admin": True}, "Ada", "Ada"),
        ],
    )
    def test_bounds_what_the_metadata_says(
        self, db: Database, metadata: dict[str, object], name: str, workspace: str
    ) -> None:
        me = db.sign_up(**metadata).call("me")["body"]
        assert (me["user"]["name"], me["workspaces"][0]["name"]) == (name, workspace)
        assert me["user"]["platform_admin"] is False

    @pytest.mark.parametrize("metadata", [None, "null", "[]", '"x"', "1"])
    def test_odd_metadata_is_no_metadata(self, db: Database, metadata: str | None) -> None:
        user_id = uuid4()
        query = "insert into auth.users (id, email, raw_user_meta_data) values (%s, %s, %s::jsonb)"
        db.owner.rows(query, user_id, f"{user_id}@example.com", metadata)
        name = db.owner.value(
            """
            select w.name from public.workspaces as w join public.members as m on m.workspace_id = w.id
            where m.user_id = %s
            """,
            user_id,
        )
        assert name == "Workspace"


class TestWithAnInvite:
    def test_joins_and_makes_no_workspace(self, db: Database, owner: Person) -> None:
        code, _ = invite(owner, "designer")
        workspaces = census(db)[2]
        person = db.sign_up(invite_code=code, workspace_name="Ignored")
        assert person.workspace_id == owner.workspace_id
        assert db.role_of(owner.workspace_id, person) == "designer"
        assert census(db)[2] == workspaces

    def test_forgets_the_code(self, db: Database, owner: Person) -> None:
        code, _ = invite(owner, max_uses=5)
        person = db.sign_up(name="Ada", invite_code=code)
        kept = db.owner.value("select raw_user_meta_data from auth.users where id = %s", person.user_id)
        assert kept == {"name": "Ada"}

    @pytest.mark.parametrize("bad", ["unknown", "", None, 17, {"a": 1}, "used", "revoked", "expired"])
    def test_a_bad_one_leaves_nothing_behind(self, db: Database, owner: Person, bad: object) -> None:
        code: object = bad
        if bad in ("used", "revoked", "expired"):
            code, made = invite(owner)
            spoilt = {
                "used": "update public.invites set uses = max_uses where id = %s",
                "revoked": "update public.invites set revoked_at = now() where id = %s",
                "expired": "update public.invites set expires_at = now() - interval '1 second' where id = %s",
            }
            db.owner.rows(spoilt[str(bad)], made["body"]["id"])
        before, audited = census(db), db.owner.value("select count(*) from private.audit_log")
        with pytest.raises(psycopg.Error) as caught:
            db.sign_up(invite_code=code)
        assert caught.value.sqlstate == "BR003"
        assert census(db) == before
        assert db.owner.value("select count(*) from private.audit_log") == audited

    def test_invite_works_says_so_beforehand(self, db: Database, owner: Person) -> None:
        code, made = invite(owner)
        assert db.service.call("invite_works", code=code) is True
        assert db.service.call("invite_works", code=new_code()) is False
        db.owner.rows("update public.invites set revoked_at = now() where id = %s", made["body"]["id"])
        assert db.service.call("invite_works", code=code) is False

    @pytest.mark.parametrize("uses", [1, 5])
    def test_simultaneous_sign_ups_are_exact(self, db: Database, uses: int) -> None:
        for _ in range(ROUNDS):
            owner = db.sign_up()
            code, _ = invite(owner, max_uses=uses)
            before = census(db)

            def sign_up(_: int, code: str = code) -> str:
                try:
                    db.sign_up(invite_code=code)
                except psycopg.Error as error:
                    return str(error.sqlstate)
                return "in"

            assert sorted(at_once(20, sign_up)) == ["BR003"] * (20 - uses) + ["in"] * uses
            users, profiles, workspaces, members = before
            assert census(db) == (users + uses, profiles + uses, workspaces, members + uses)


class TestBootstrap:
    def test_of_many_at_once_one_makes_the_admin(self, db: Database) -> None:
        people = [db.sign_up() for _ in range(20)]
        emails = [db.owner.value("select email from auth.users where id = %s", person.user_id) for person in people]
        for _ in range(ROUNDS):
            forget_bootstrap(db)

            def claim(number: int) -> int:
                answer = db.service.call("bootstrap_admin", email=emails[number], ip="::1", token_is_right=True)
                return int(answer["status"])

            assert sorted(at_once(20, claim)) == [201, *[409] * 19]
            assert db.owner.value("select count(*) from private.bootstrap") == 1
            made = db.owner.value(
                "select user_id from public.platform_admins where user_id = any(%s)",
                [person.user_id for person in people],
            )
            assert made == db.owner.value("select admin_id from private.bootstrap")
        forget_bootstrap(db)

    def test_stays_closed_when_the_admin_is_gone(self, db: Database) -> None:
        forget_bootstrap(db)
        first, second = db.sign_up(), db.sign_up()
        email = "select email from auth.users where id = %s"
        for person, status in ((first, 201), (second, 409)):
            address = db.owner.value(email, person.user_id).upper()
            answer = db.service.call("bootstrap_admin", email=address, ip="::1", token_is_right=True)
            assert answer["status"] == status
            db.owner.rows("delete from public.workspaces where id = %s", first.workspace_id)
            db.owner.rows("delete from auth.users where id = %s", first.user_id)
        forget_bootstrap(db)

    def test_no_second_row_can_be_written(self, db: Database) -> None:
        forget_bootstrap(db)
        db.owner.rows("insert into private.bootstrap (admin_id) values (gen_random_uuid())")
        for once in (True, False):
            with pytest.raises(psycopg.errors.IntegrityError):
                db.owner.rows("insert into private.bootstrap (once, admin_id) values (%s, gen_random_uuid())", once)
        forget_bootstrap(db)

    def test_wrong_tokens_are_counted_by_address_and_audited(self, db: Database) -> None:
        forget_bootstrap(db)
        email = db.owner.value("select email from auth.users where id = %s", db.sign_up().user_id)
        ip = str(uuid4())

        def claim(right: bool, ip: str = ip) -> int:
            answer = db.service.call("bootstrap_admin", email=email, ip=ip, token_is_right=right)
            return int(answer["status"])

        query = "select count(*) from private.audit_log where action = 'bootstrap.denied'"
        denied = db.owner.value(query)
        assert [claim(False) for _ in range(5)] == [401, 401, 401, 429, 429]
        assert db.owner.value(query) == denied + 3
        assert claim(True) == 429  # guessing right is worth nothing once throttled
        assert claim(True, ip=str(uuid4())) == 201
        forget_bootstrap(db)

    def test_is_for_somebody_who_confirmed_their_address(self, db: Database) -> None:
        forget_bootstrap(db)
        person = db.sign_up()
        email = db.owner.value("select email from auth.users where id = %s", person.user_id)
        db.owner.rows("update auth.users set email_confirmed_at = null where id = %s", person.user_id)
        for address in (email, "nobody@example.com"):
            answer = db.service.call("bootstrap_admin", email=address, ip="::1", token_is_right=True)
            assert (answer["status"], answer["code"]) == (404, "not_found")
        assert db.owner.rows("select admin_id from private.bootstrap") == []


def forget_bootstrap(db: Database) -> None:
    db.owner.rows("delete from public.platform_admins where user_id in (select admin_id from private.bootstrap)")
    db.owner.rows("delete from private.bootstrap")
