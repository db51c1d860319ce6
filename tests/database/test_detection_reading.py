"""Detections are listed and read by those who may."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from tests.database.acting import Database, Person
from tests.database.detecting import MUGS, detection, made_by, record, told


def listed(person: Person, **asked: Any) -> list[str]:
    """The ids of a page."""
    answer = person.call("list_detections", **asked)
    assert answer["status"] == 200
    return [each["detection_id"] for each in answer["body"]]


class TestListing:
    def test_is_newest_first_and_all_of_the_workspace_for_who_sees_its_inventory(
        self, db: Database, owner: Person
    ) -> None:
        buyer, reader = db.member(owner.workspace_id, "buyer"), db.member(owner.workspace_id, "readonly")
        made = [made_by(db, person) for person in (owner, buyer, owner, buyer)]
        elsewhere = db.sign_up()
        made_by(db, elsewhere)
        for person in (owner, reader):
            assert listed(person, workspace_id=owner.home) == made[::-1]
        assert listed(buyer, workspace_id=owner.home) == [made[3], made[1]]
        assert listed(owner) == made[::-1], "the default workspace"

    def test_pages_follow_each_other_over_equal_times(self, db: Database, owner: Person) -> None:
        buyer = db.member(owner.workspace_id, "buyer")
        for person in (owner, buyer):
            record(db, person, *({"detection": detection()} for _ in range(11)))  # one transaction: one time
        for person, count in ((owner, 22), (buyer, 11)):
            found: list[str] = []
            while page := listed(person, after=found[-1] if found else None, page_size=3):
                found += page
            assert len(found) == len(set(found)) == count
            assert found == listed(person, page_size=101)

    def test_what_is_made_meanwhile_moves_nothing(self, db: Database, owner: Person) -> None:
        made = [made_by(db, owner) for _ in range(4)]
        first = listed(owner, page_size=2)
        made_by(db, owner)
        assert listed(owner, after=first[-1]) == made[1::-1]

    def test_a_cursor_of_elsewhere_leads_nowhere(self, db: Database, owner: Person) -> None:
        made_by(db, owner)
        buyer, stranger = db.member(owner.workspace_id, "buyer"), db.sign_up()
        made_by(db, buyer)
        for person, cursor in (
            (owner, made_by(db, stranger)),
            (owner, str(uuid4())),
            (buyer, made_by(db, owner)),  # in the same workspace, but not theirs to see
        ):
            assert listed(person, after=cursor) == []

    def test_a_page_is_never_larger_than_101(self, db: Database, owner: Person) -> None:
        record(db, owner, *({"detection": detection()} for _ in range(120)))
        assert len(listed(owner, page_size=10_000)) == len(listed(owner, page_size=None)) == 101
        assert len(listed(owner)) == 51
        assert listed(owner, page_size=0) == []
        with pytest.raises(psycopg.errors.DataError):
            owner.call("list_detections", page_size=-1)

    def test_strangers_and_former_members_find_nothing_and_that_is_told(self, db: Database, owner: Person) -> None:
        made_by(db, owner)
        former, stranger = db.member(owner.workspace_id, "staff"), db.sign_up()
        db.owner.rows("delete from public.members where user_id = %s and workspace_id = %s", former.id, owner.home)
        for person in (former, stranger):
            for workspace in (owner.home, str(uuid4())):
                answer = person.call("list_detections", workspace_id=workspace)
                assert (answer["status"], answer["code"]) == (404, "not_found")
        told_of = {(actor, target) for actor, target, _ in told(db, UUID(int=0), "access.denied")}
        assert {(former.user_id, owner.home), (stranger.user_id, owner.home)} <= told_of

    def test_who_is_in_no_workspace_finds_none(self, db: Database, owner: Person) -> None:
        person = db.sign_up()
        db.owner.rows("delete from public.workspaces where id = %s", person.workspace_id)
        assert person.call("list_detections")["status"] == 404


class TestReading:
    def test_is_for_who_made_it_and_who_sees_the_inventory(self, db: Database, owner: Person) -> None:
        buyer, other = (db.member(owner.workspace_id, "buyer") for _ in range(2))
        reader, stranger = db.member(owner.workspace_id, "readonly"), db.sign_up()
        made = made_by(db, buyer, items=MUGS)
        for person, status in ((owner, 200), (buyer, 200), (reader, 200), (other, 404), (stranger, 404)):
            assert person.call("read_detection", detection_id=made)["status"] == status, person
        owner.call("remove_member", workspace_id=owner.home, user_id=buyer.id)
        assert buyer.call("read_detection", detection_id=made)["status"] == 404

    def test_tells_the_correction_and_no_hashes(self, db: Database, owner: Person) -> None:
        made = made_by(db, owner, items=MUGS)
        before = owner.call("read_detection", detection_id=made)["body"]
        assert before.pop("corrected_items") is None
        assert owner.call("list_detections")["body"] == [before]
        assert not {"image_sha256", "prompt_sha256", "user_id", "workspace_id"} & set(before)
        owner.call("correct_detection", detection_id=made, items=[{"name": "Cup", "quantity": 1}])
        after = owner.call("read_detection", detection_id=made)["body"]
        assert after == {**before, "corrected_items": [{"name": "Cup", "quantity": 1}]}

    @pytest.mark.parametrize("procedure", ["read_detection", "correct_detection"])
    def test_what_is_not_there_is_there_for_nobody(self, db: Database, owner: Person, procedure: str) -> None:
        admin = db.sign_up()
        db.owner.rows("insert into public.platform_admins (user_id) values (%s)", admin.user_id)
        arguments: dict[str, Any] = {"items": MUGS} if procedure == "correct_detection" else {}
        for person in (owner, admin):
            for missing in (str(uuid4()), None):
                answer = person.call(procedure, detection_id=missing, **arguments)
                assert (answer["status"], answer.get("code")) == (404, "not_found")

    def test_a_platform_admin_reads_all(self, db: Database, owner: Person) -> None:
        admin = db.sign_up()
        db.owner.rows("insert into public.platform_admins (user_id) values (%s)", admin.user_id)
        made = made_by(db, owner)
        assert admin.call("read_detection", detection_id=made)["status"] == 200
        assert listed(admin, workspace_id=owner.home) == [made]
