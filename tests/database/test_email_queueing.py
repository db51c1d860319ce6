"""Mails are queued with the change that asks for them, by those who may, and so many a day."""

from __future__ import annotations

from collections import Counter

import pytest
from psycopg.types.json import Jsonb

from tests.database.acting import Connection, Person, at_once
from tests.database.mailing import Json, Mail


def send(mail: Mail, person: Person, where: Person | None = None) -> Json:
    answer: Json = mail.db.service.call(
        "send_email",
        caller=person.id,
        workspace_id=(where or person).home,
        template="plain",
        recipient="robin@example.com",
        data={},
    )
    return answer


class TestQueueing:
    def test_gives_the_worker_all_that_a_mail_is_made_of(self, mail: Mail, owner: Person) -> None:
        mail.db.owner.rows(
            "update public.workspaces set colour = '#112233', reply_to = 'a@b.example', locale = 'de' where id = %s",
            owner.workspace_id,
        )
        made = mail.queue(owner, template="quote-followup")
        (found,) = mail.leased()["messages"]
        assert (found["id"], found["template"], found["to"]) == (made["id"], "quote-followup", "robin@example.com")
        assert found["data"] == {"subject": "Hello"}
        assert found["workspace"]["colour"] == "#112233"
        assert found["workspace"]["reply_to"] == "a@b.example"
        assert found["workspace"]["locale"] == "de"
        assert found["unsubscribe_token"]

    def test_only_follow_ups_can_be_unsubscribed_from(self, mail: Mail, owner: Person) -> None:
        for name, follow_up in mail.db.owner.rows("select name, follow_up from private.email_templates"):
            mail.queue(owner, template=name)
            ((found,),) = (mail.leased()["messages"],)
            assert (found["unsubscribe_token"] is not None) is follow_up

    def test_our_own_mails_are_nobodys(self, mail: Mail) -> None:
        mail.queue(None)
        assert mail.leased()["messages"][0]["workspace"] is None

    def test_happens_with_the_change_or_not_at_all(self, mail: Mail, owner: Person) -> None:
        def fail(connection: Connection) -> None:
            connection.execute("select private.queue_email(%s, 'plain', 'a@example.com', '{}')", [owner.workspace_id])
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError), mail.db.owner.transaction() as connection:
            fail(connection)
        assert mail.lease() is None

    @pytest.mark.parametrize(
        "address", ["", "nobody", "a@b", "a b@example.com", "a@example.com\nBcc: c@d.example", "a" * 260]
    )
    def test_an_address_that_is_none_does_not_fail_the_change(self, mail: Mail, owner: Person, address: str) -> None:
        made = mail.queue(owner, address)
        assert (made["state"], made["reason"]) == ("failed", "invalid_address")
        assert mail.lease() is None

    def test_one_for_later_waits(self, mail: Mail, owner: Person) -> None:
        at = mail.db.owner.value("select now() + interval '1 hour'")
        mail.queue(owner, _send_at=at)
        assert mail.lease() is None
        mail.pass_time("1 hour")
        assert mail.lease() is not None

    def test_of_one_key_go_out_in_order(self, mail: Mail, owner: Person) -> None:
        first = mail.queue(owner, _ordering_key="order-1")
        second = mail.queue(owner, _ordering_key="order-1")
        other = mail.queue(owner, _ordering_key="order-2")
        assert [each["id"] for each in mail.leased()["messages"]] == [first["id"], other["id"]]
        assert mail.lease() is None
        mail.pass_time()
        assert [each["id"] for each in mail.send()] == [first["id"], other["id"], second["id"]]

    def test_keys_of_two_workspaces_have_nothing_to_do_with_each_other(self, mail: Mail, owner: Person) -> None:
        stranger = mail.db.sign_up(name="S", workspace_name="S")
        mail.queue(owner, _ordering_key="1")
        mail.queue(stranger, _ordering_key="1")
        assert len(mail.leased()["messages"]) == 2

    def test_one_with_attachments_goes_alone(self, mail: Mail, owner: Person) -> None:
        mail.queue(owner, _attachments=Jsonb([{"bucket": "invoices", "path": "x", "name": "x.pdf"}]))
        mail.queue(owner)
        assert len(mail.leased()["messages"]) == 1


class TestDailyCap:
    def spend(self, mail: Mail, person: Person, units: int = 1000) -> None:
        with mail.db.owner.transaction() as connection:
            for _ in range(units // 100):
                connection.execute(
                    """select private.take_limits(jsonb_build_array(jsonb_build_object(
                      'name', 'email.daily', 'subject', %s::uuid, 'quota', 1000, 'window_seconds', 86400,
                      'units', 100)))""",
                    [person.workspace_id],
                )

    def test_whoever_waits_for_the_answer_is_refused(self, mail: Mail, owner: Person) -> None:
        self.spend(mail, owner)
        answer = send(mail, owner)
        assert (answer["status"], answer["code"]) == (429, "rate_limited")
        assert answer["limits"][0]["blocked"]
        assert mail.lease() is None

    def test_what_a_change_queues_is_held_back(self, mail: Mail, owner: Person) -> None:
        self.spend(mail, owner)
        made = mail.queue(owner)
        assert (made["state"], made["reason"]) == ("queued", "daily_cap")
        assert mail.lease() is None
        self.pass_a_day(mail)
        assert [each["id"] for each in mail.send()] == [made["id"]]
        assert mail.of(made["id"], "state, reason") == ("sent", None)

    def test_no_more_are_let_go_than_it_has_room_for(self, mail: Mail, owner: Person) -> None:
        self.spend(mail, owner)
        made = [mail.queue(owner, f"{n}@example.com")["id"] for n in range(1150)]
        stranger = mail.queue(mail.db.sign_up(name="S", workspace_name="S"))["id"]
        self.pass_a_day(mail)
        assert send(mail, owner)["body"]["state"] == "queued"
        sent = {each["id"] for each in mail.send()}
        assert stranger in sent
        assert len(sent & {*made}) == 999
        assert send(mail, owner)["status"] == 429
        held = {*made} - sent
        story = owner.call("explain_email", message_id=min(held))["body"]
        assert (story["state"], story["reason"], story["attempts"]) == ("queued", "daily_cap", [])
        self.pass_a_day(mail)
        assert {each["id"] for each in mail.send()} == held

    @pytest.mark.parametrize("round_", range(2))
    def test_holds_with_many_workers(self, mail: Mail, owner: Person, round_: int) -> None:
        people = [owner, mail.db.sign_up(name="S", workspace_name="S")]
        for person in people:
            self.spend(mail, person)
        for n in range(600):
            for person in people:
                mail.queue(person, f"{n}@example.com")
        self.pass_a_day(mail)
        self.spend(mail, owner, 700)
        sent = [each for found in at_once(6, lambda _: mail.send()) for each in found]
        counts = Counter(each["workspace"]["name"] for each in sent)
        assert counts == {"Olga's": 300, "S": 600}
        assert len({each["id"] for each in sent}) == 900

    def pass_a_day(self, mail: Mail) -> None:
        mail.pass_time("1 day")
        mail.db.owner.rows("update private.rate_limits set taken = '{}' where name = 'email.daily'")

    def test_one_of_another_workspace_is_not(self, mail: Mail, owner: Person) -> None:
        self.spend(mail, owner)
        assert mail.queue(mail.db.sign_up(name="S", workspace_name="S"))["reason"] is None


def test_the_service_sends_for_a_person_who_may(mail: Mail, owner: Person) -> None:
    answer = send(mail, owner)
    assert (answer["status"], answer["body"]["state"]) == (202, "queued")
    assert answer["limits"][0]["remaining"] == 999
    stranger = mail.db.sign_up(name="S", workspace_name="S")
    assert send(mail, stranger, owner)["code"] == "not_found"
    assert (
        mail.db.owner.value(
            "select details ->> 'template' from private.audit_log where target = %s", answer["body"]["id"]
        )
        == "plain"
    )
