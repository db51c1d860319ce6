"""Everybody sees the rows that are theirs to see, through policies alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

import psycopg
import pytest

from tests.database.acting import Actor, Database, Person

COLLEAGUES = ["owner", "admin", "manager", "inventory_manager", "designer", "staff", "readonly"]
OUTSIDERS = ["buyer", "supplier", "factory"]  # in the workspace, but of other companies
DETECTION = """
    insert into public.detections
      (workspace_id, user_id, kind, image_sha256, prompt_sha256, items, text, confidence, provider, model,
       cost_micro_usd, processing_time_ms)
    values (%s, %s, 'general', repeat('0', 64), repeat('0', 64), '[]', '', 0, 'local', 'test', 0, 0)
    returning id
"""
CORRECTION = """
    insert into public.detection_corrections (detection_id, user_id, items, detected, present, correct)
    values (%s, %s, '[]', 0, 0, 0)
"""


@dataclass
class Scene:
    """A workspace with somebody in every role and two buyers, and a stranger; each with a corrected detection."""

    home: UUID
    people: Mapping[str, Person]
    other_buyer: Person
    stranger: Person
    detections: Mapping[UUID | None, UUID]


@pytest.fixture(scope="module")
def scene(db: Database) -> Scene:
    owner = db.sign_up(name="Olga")
    home = owner.workspace_id
    others = {role: db.member(home, role) for role in [*COLLEAGUES[1:], *OUTSIDERS]}
    people = {"owner": owner, **others}
    buyer, stranger = db.member(home, "buyer"), db.sign_up(name="Stranger")
    db.owner.rows("insert into public.roles (workspace_id, name) values (%s, 'barista')", home)
    detections = {
        person.user_id: db.owner.value(DETECTION, person.workspace_id, person.user_id)
        for person in [*people.values(), buyer, stranger]
    }
    for made in detections.values():  # all by the same person: whose correction it is makes no difference
        db.owner.rows(CORRECTION, made, owner.user_id)
    return Scene(home, people, buyer, stranger, detections)


def ids(actor: Actor, query: str, *parameters: object) -> set[object]:
    return {row[0] for row in actor.rows(query, *parameters)}


def all_of(scene: Scene) -> set[UUID | None]:
    return {person.user_id for person in [*scene.people.values(), scene.other_buyer]}


class TestWorkspaces:
    @pytest.mark.parametrize("role", COLLEAGUES + OUTSIDERS)
    def test_members_see_theirs(self, scene: Scene, role: str, db: Database) -> None:
        person = scene.people[role]
        mine = ids(db.owner, "select workspace_id from public.members where user_id = %s", person.user_id)
        assert scene.home in mine
        assert ids(person, "select id from public.workspaces") == mine

    def test_strangers_see_their_own_alone(self, scene: Scene) -> None:
        assert ids(scene.stranger, "select id from public.workspaces") == {scene.stranger.workspace_id}

    def test_a_former_member_sees_it_no_more(self, db: Database) -> None:
        home = db.sign_up().workspace_id
        person = db.member(home, "staff")
        assert home in ids(person, "select id from public.workspaces")
        db.owner.rows("delete from public.members where workspace_id = %s and user_id = %s", home, person.user_id)
        assert home not in ids(person, "select id from public.workspaces")

    def test_a_platform_admin_sees_all(self, db: Database, scene: Scene) -> None:
        admin = db.sign_up()
        db.owner.rows("insert into public.platform_admins (user_id) values (%s)", admin.user_id)
        assert {scene.home, scene.stranger.workspace_id} <= ids(admin, "select id from public.workspaces")


class TestMembers:
    @pytest.mark.parametrize("role", COLLEAGUES)
    def test_colleagues_see_everybody_in_the_workspace(self, scene: Scene, role: str) -> None:
        seen = ids(scene.people[role], "select user_id from public.members where workspace_id = %s", scene.home)
        assert seen == all_of(scene)

    @pytest.mark.parametrize("role", OUTSIDERS)
    def test_people_of_other_companies_see_themselves_alone(self, scene: Scene, role: str) -> None:
        person = scene.people[role]
        seen = ids(person, "select user_id from public.members where workspace_id = %s", scene.home)
        assert seen == {person.user_id}

    def test_strangers_see_nobody(self, scene: Scene) -> None:
        assert ids(scene.stranger, "select user_id from public.members") == {scene.stranger.user_id}


class TestRoles:
    @pytest.mark.parametrize("role", COLLEAGUES + OUTSIDERS)
    def test_members_see_the_built_in_roles_and_the_workspaces_own(self, scene: Scene, role: str) -> None:
        seen = scene.people[role].rows("select workspace_id, name from public.roles")
        assert (scene.home, "barista") in seen
        assert len([name for workspace, name in seen if workspace is None]) == 10

    def test_strangers_see_the_built_in_roles_alone(self, scene: Scene) -> None:
        assert ids(scene.stranger, "select workspace_id from public.roles") == {None}

    def test_what_roles_permit_is_seen_of_the_roles_that_are_seen(self, db: Database, scene: Scene) -> None:
        own = db.owner.value("select id from public.roles where workspace_id = %s", scene.home)
        db.owner.rows("insert into public.role_permissions values (%s, 'stock.move') on conflict do nothing", own)
        query = "select role_id from public.role_permissions where role_id = %s"
        assert ids(scene.people["readonly"], query, own) == {own}
        assert ids(scene.stranger, query, own) == set()


class TestProfiles:
    def test_people_see_their_own(self, scene: Scene) -> None:
        for person in [*scene.people.values(), scene.stranger]:
            assert ids(person, "select user_id from public.profiles") == {person.user_id}


class TestDetections:
    @pytest.mark.parametrize("role", COLLEAGUES)
    def test_who_may_see_the_inventory_sees_all_of_the_workspace(self, scene: Scene, role: str) -> None:
        seen = ids(scene.people[role], "select id from public.detections where workspace_id = %s", scene.home)
        assert seen == {scene.detections[user] for user in all_of(scene)}

    @pytest.mark.parametrize("role", OUTSIDERS)
    def test_others_see_what_they_made(self, scene: Scene, role: str) -> None:
        person = scene.people[role]
        assert ids(person, "select id from public.detections") == {scene.detections[person.user_id]}

    def test_strangers_see_theirs_alone(self, scene: Scene) -> None:
        mine = scene.detections[scene.stranger.user_id]
        assert ids(scene.stranger, "select id from public.detections") == {mine}

    def test_a_former_member_sees_not_even_what_they_made(self, db: Database) -> None:
        person = db.member(db.sign_up().workspace_id, "buyer")
        db.owner.rows(DETECTION, person.workspace_id, person.user_id)
        assert len(person.rows("select id from public.detections")) == 1
        db.owner.rows("delete from public.members where workspace_id = %s and user_id = %s", person.home, person.id)
        assert person.rows("select id from public.detections") == []


class TestCorrections:
    SEEN = "select detection_id from public.detection_corrections"

    @pytest.mark.parametrize("role", COLLEAGUES)
    def test_who_may_see_the_inventory_sees_all_of_the_workspace(self, scene: Scene, role: str) -> None:
        assert ids(scene.people[role], self.SEEN) == {scene.detections[user] for user in all_of(scene)}

    @pytest.mark.parametrize("role", OUTSIDERS)
    def test_others_see_those_of_what_they_made(self, scene: Scene, role: str) -> None:
        person = scene.people[role]
        assert ids(person, self.SEEN) == {scene.detections[person.user_id]}

    def test_strangers_see_theirs_alone(self, scene: Scene) -> None:
        assert ids(scene.stranger, self.SEEN) == {scene.detections[scene.stranger.user_id]}

    def test_a_former_member_sees_not_even_what_they_said(self, db: Database) -> None:
        person = db.member(db.sign_up().workspace_id, "buyer")
        made = db.owner.value(DETECTION, person.workspace_id, person.user_id)
        db.owner.rows(CORRECTION, made, person.user_id)
        assert ids(person, self.SEEN) == {made}
        db.owner.rows("delete from public.members where workspace_id = %s and user_id = %s", person.home, person.id)
        assert ids(person, self.SEEN) == set()


class TestClosed:
    @pytest.mark.parametrize(
        "table",
        [
            "public.invites",
            "private.audit_log",
            "private.idempotency",
            "private.rate_limits",
            "private.ai_budgets",
            "private.ai_spending",
            "private.ai_calls",
            "private.ai_breakers",
            "private.number_counters",
            "private.order_moves",
            "private.order_history",
        ],
    )
    @pytest.mark.parametrize("role", ["owner", "stranger", "anon", "service"])
    def test_is_read_by_nobody(self, db: Database, scene: Scene, table: str, role: str) -> None:
        actors = {"owner": scene.people["owner"], "stranger": scene.stranger, "anon": db.anon, "service": db.service}
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            actors[role].rows(f"select * from {table}")  # noqa: S608

    @pytest.mark.parametrize(
        "table",
        ["workspaces", "members", "roles", "profiles", "detections", "detection_corrections", "permissions", "orders"],
    )
    def test_anonymous_requests_read_nothing(self, db: Database, table: str) -> None:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            db.anon.rows(f"select * from public.{table}")  # noqa: S608

    def test_no_procedure_tells_an_invites_hash(self, scene: Scene) -> None:
        owner = scene.people["owner"]
        code = "ABCD-EFGH-JKMN-PQRS"
        made = owner.call("create_invite", workspace_id=scene.home, role="staff", code=code)
        listed = owner.call("list_invites", workspace_id=scene.home)
        assert made["status"] == 201
        assert [invite["id"] for invite in listed["body"]] == [made["body"]["id"]]
        for answer in (made["body"], listed["body"][0]):
            assert set(answer) == {
                "id", "role", "max_uses", "uses", "expires_at", "revoked_at", "created_by", "created_at",
            }  # fmt: skip

    def test_the_service_reads_past_the_policies(self, db: Database, scene: Scene) -> None:
        assert {scene.home, scene.stranger.workspace_id} <= ids(db.service, "select id from public.workspaces")
