"""Mails: queued with the change, held back, withheld, followed to their end in whatever order it is told."""

from __future__ import annotations

import itertools
import random
from collections import Counter
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest
from psycopg.types.json import Jsonb

from tests.database.acting import Connection, Database, Person, at_once, call

Json = dict[str, Any]
PERMANENT = "Permanent.General"


@dataclass(frozen=True)
class Mail:
    """What tests do to mails; the outbox's topic is one for all, so each test drains it first."""

    db: Database

    def queue(self, person: Person | None, to: str = "robin@example.com", template: str = "plain", **more: Any) -> Json:
        arguments = {"_workspace": person and person.workspace_id, "_template": template, "_recipient": to} | more
        arguments.setdefault("_data", Jsonb({"subject": "Hello"}))
        named = ", ".join(f"{name} => %s" for name in arguments)
        made: Json = self.db.owner.value(f"select private.queue_email({named})", *arguments.values())
        return made

    def lease(self) -> Json | None:
        found: Json | None = self.db.service.call("lease_email", most=100, lease_seconds=60)
        return found

    def leased(self) -> Json:
        found = self.lease()
        assert found is not None
        return found

    def settle(self, delivery: Json, outcome: str, **told: object) -> None:
        outcomes = [{"id": each["outbox_id"], "outcome": outcome, **told} for each in delivery["messages"]]
        self.db.service.call("settle_outbox", delivery=delivery["id"], attempt=delivery["attempt"], outcomes=outcomes)

    def send(self) -> list[Json]:
        """Everything due is delivered; each mail's receipt is `re-` and its id."""
        sent = []
        while delivery := self.lease():
            for message in delivery["messages"]:
                outcome = {"id": message["outbox_id"], "outcome": "delivered", "receipt": f"re-{message['id']}"}
                self.db.service.call(
                    "settle_outbox", delivery=delivery["id"], attempt=delivery["attempt"], outcomes=[outcome]
                )
            sent += delivery["messages"]
        return sent

    def told(self, mail_id: str, type_: str, id_: str | None = None, **more: Any) -> str:
        event = {"id": id_ or uuid4().hex, "type": type_, "at": "2026-01-01T00:00:00Z", "provider_id": f"re-{mail_id}"}
        outcome: str = self.db.service.call("record_email_event", **event | {"message": mail_id} | more)
        return outcome

    def of(self, message: str, columns: str) -> tuple[Any, ...]:
        ((*found,),) = self.db.owner.rows(f"select {columns} from private.email_messages where id = %s", message)  # noqa: S608
        return tuple(found)

    def state(self, message: str) -> str:
        return str(self.of(message, "state")[0])

    def pass_time(self, interval: str = "2 hours") -> None:
        for table in ("outbox", "deliveries"):
            self.db.owner.rows(f"update private.{table} set due_at = due_at - %s::interval", interval)  # noqa: S608
        self.db.owner.rows("update private.deliveries set leased_until = leased_until - %s::interval", interval)


@pytest.fixture
def mail(db: Database) -> Mail:
    db.owner.rows("delete from private.outbox where topic = 'email'")
    db.owner.rows("delete from private.deliveries where topic = 'email'")
    return Mail(db)


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


class TestSuppressing:
    @pytest.mark.parametrize(("told", "reason"), [("bounced", PERMANENT), ("complained", None)])
    def test_after_a_hard_bounce_or_a_complaint_nothing_more_is_sent(
        self, mail: Mail, owner: Person, told: str, reason: str | None
    ) -> None:
        made = mail.queue(owner)
        mail.send()
        mail.told(made["id"], told, reason=reason)
        again = mail.queue(owner, "Robin@Example.com")
        assert (again["state"], again["reason"]) == ("suppressed", told)
        assert mail.lease() is None
        assert mail.queue(mail.db.sign_up(name="S", workspace_name="S"))["state"] == "queued"

    def test_after_a_soft_bounce_it_is(self, mail: Mail, owner: Person) -> None:
        made = mail.queue(owner)
        mail.send()
        mail.told(made["id"], "bounced", reason="Transient.MailboxFull")
        assert mail.queue(owner)["state"] == "queued"

    def test_what_was_queued_before_is_withheld(self, mail: Mail, owner: Person) -> None:
        first, second, other = mail.queue(owner), mail.queue(owner), mail.queue(owner, "else@example.com")
        suppress(mail, owner, "bounced")
        assert [each["id"] for each in mail.send()] == [other["id"]]
        assert {mail.of(each["id"], "state, reason") for each in (first, second)} == {("suppressed", "bounced")}

    def test_a_delivery_of_suppressed_ones_alone_is_none(self, mail: Mail, owner: Person) -> None:
        mail.queue(owner)
        suppress(mail, owner, "complained")
        assert mail.lease() is None
        assert mail.db.owner.value("select count(*) from private.deliveries where topic = 'email'") == 0

    def test_one_that_is_withheld_was_in_no_call(self, mail: Mail, owner: Person) -> None:
        withheld, sent = mail.queue(owner)["id"], mail.queue(owner, "else@example.com")["id"]
        suppress(mail, owner, "bounced")
        mail.send()
        stories = [owner.call("explain_email", message_id=id_)["body"] for id_ in (withheld, sent)]
        assert [len(story["attempts"]) for story in stories] == [0, 1]

    @pytest.mark.parametrize("written", [True, False], ids=["written down", "not yet"])
    def test_a_mail_that_is_gone_holds_up_no_other(self, mail: Mail, owner: Person, written: bool) -> None:
        gone, other = mail.queue(owner), mail.queue(owner)
        if written:
            delivery = mail.leased()
            mail.db.service.call("keep_request", delivery=delivery["id"], attempt=1, request="x")
            mail.settle(delivery, "unknown")
            mail.pass_time()
        mail.db.owner.rows("delete from private.email_messages where id = %s", gone["id"])
        with mail.db.service.transaction() as connection:
            connection.execute("set local statement_timeout = '5s'")
            delivery = call(connection, "lease_email", most=100, lease_seconds=60)
        assert [each["id"] for each in delivery["messages"]] == [other["id"]]
        mail.settle(delivery, "delivered")
        assert mail.lease() is None
        assert (
            mail.db.owner.value("select count(*) from private.outbox where topic = 'email' and state = 'waiting'") == 0
        )

    def test_a_mail_that_is_gone_alone_is_none(self, mail: Mail, owner: Person) -> None:
        gone = mail.queue(owner)
        mail.db.owner.rows("delete from private.email_messages where id = %s", gone["id"])
        with mail.db.service.transaction() as connection:
            connection.execute("set local statement_timeout = '5s'")
            assert call(connection, "lease_email", most=100, lease_seconds=60) is None

    def test_what_may_have_been_sent_stays_whole(self, mail: Mail, owner: Person) -> None:
        mail.queue(owner)
        delivery = mail.leased()
        mail.db.service.call("keep_request", delivery=delivery["id"], attempt=1, request="x")
        mail.settle(delivery, "unknown")
        suppress(mail, owner, "bounced")
        mail.pass_time()
        assert len(mail.leased()["messages"]) == 1

    def test_unsubscribing_ends_follow_ups_alone(self, mail: Mail, owner: Person) -> None:
        made = mail.queue(owner, template="quote-followup")
        (token,) = mail.of(made["id"], "unsubscribe_token")
        asked = mail.db.service.call("unsubscribe", token=token, confirmed=False)
        assert asked["body"] == {"workspace": "Olga's", "locale": "en"}
        assert mail.queue(owner, template="quote-followup")["state"] == "queued"
        for _ in range(2):
            assert mail.db.service.call("unsubscribe", token=token, confirmed=True)["status"] == 200
        assert mail.queue(owner, template="quote-followup")["reason"] == "unsubscribed"
        assert mail.queue(owner, template="invoice")["state"] == "queued"

    def test_other_mails_tokens_unsubscribe_nobody(self, mail: Mail, owner: Person) -> None:
        (token,) = mail.of(mail.queue(owner)["id"], "unsubscribe_token")
        for each in (token, uuid4()):
            assert mail.db.service.call("unsubscribe", token=each, confirmed=True)["code"] == "not_found"

    def test_is_listed_and_lifted(self, mail: Mail, owner: Person) -> None:
        suppress(mail, owner, "bounced")
        (listed,) = owner.call("list_email_suppressions")["body"]
        assert (listed["address"], listed["reason"]) == ("robin@example.com", "bounced")
        stranger = mail.db.sign_up(name="S", workspace_name="S")
        assert stranger.call("remove_email_suppression", suppression_id=listed["id"])["code"] == "not_found"
        assert stranger.call("list_email_suppressions")["body"] == []
        assert owner.call("remove_email_suppression", suppression_id=listed["id"])["status"] == 204
        assert mail.queue(owner)["state"] == "queued"


class TestFollowing:
    def test_sent_by_its_receipt(self, mail: Mail, owner: Person) -> None:
        made = mail.queue(owner)
        mail.send()
        assert mail.of(made["id"], "state, provider_id") == ("sent", f"re-{made['id']}")

    def test_failed_with_its_reason(self, mail: Mail, owner: Person) -> None:
        made = mail.queue(owner)
        mail.settle(mail.leased(), "refused", error="provider_refused")
        assert mail.of(made["id"], "state, reason") == ("failed", "provider_refused")

    def test_what_opens_something_is_forgotten_once_sent(self, mail: Mail, owner: Person) -> None:
        secret, other = mail.queue(owner, template="invite"), mail.queue(owner)
        assert mail.of(secret["id"], "data") == ({"subject": "Hello"},)
        mail.send()
        assert mail.of(secret["id"], "data") == (None,)
        assert mail.of(other["id"], "data") == ({"subject": "Hello"},)

    def test_what_opens_something_is_forgotten_too_where_it_is_not_sent(self, mail: Mail, owner: Person) -> None:
        refused = mail.queue(owner, template="one-time-code")
        mail.settle(mail.leased(), "refused", error="provider_refused")
        nowhere = mail.queue(owner, "nobody", template="one-time-code")
        later = mail.db.owner.value("select now() + interval '1 hour'")
        cancelled = mail.queue(owner, template="one-time-code", _send_at=later)
        owner.call("cancel_email", message_id=cancelled["id"])
        suppress(mail, owner, "bounced")
        suppressed = mail.queue(owner, template="one-time-code")
        for each in (refused, nowhere, cancelled, suppressed):
            assert mail.of(each["id"], "data") == (None,), each
        assert owner.call("retry_email", message_id=refused["id"])["code"] == "not_failed"

    @pytest.mark.parametrize(
        ("types", "end"),
        [
            (("sent", "delivered"), "delivered"),
            (("sent", "delayed", "delivered"), "delivered"),
            (("sent", "delivered", "opened"), "opened"),
            (("sent", "delayed", "bounced"), "bounced"),
            (("sent", "delivered", "opened", "complained"), "complained"),
            (("sent", "failed"), "failed"),
        ],
    )
    def test_whatever_comes_first_the_end_is_the_same(
        self, mail: Mail, owner: Person, types: tuple[str, ...], end: str
    ) -> None:
        mail.db.owner.rows("update public.workspaces set track_opens = true where id = %s", owner.workspace_id)
        for order in itertools.permutations(types):
            made = mail.queue(owner, f"{uuid4().hex}@example.com")
            mail.send()
            for type_ in order:
                for _ in range(2):
                    mail.told(made["id"], type_, f"{made['id']}-{type_}")
            assert mail.state(made["id"]) == end, order
            assert mail.db.owner.value(
                "select count(*) from private.email_events where message_id = %s", made["id"]
            ) == len(types)

    def test_each_event_counts_once_however_many_tell_it_at_a_time(self, mail: Mail, owner: Person) -> None:
        made = mail.queue(owner)
        mail.send()
        types = ["sent", "delayed", "delivered", "bounced"]
        told = at_once(16, lambda n: mail.told(made["id"], types[n % 4], f"{made['id']}-{n % 4}"))
        assert sorted(told) == ["recorded"] * 4 + ["repeated"] * 12
        assert mail.state(made["id"]) == "bounced"

    def test_opens_are_kept_where_the_workspace_wants_it(self, mail: Mail, owner: Person) -> None:
        made = mail.queue(owner)
        mail.send()
        assert mail.told(made["id"], "opened") == "ignored"
        assert mail.state(made["id"]) == "sent"
        mail.db.owner.rows("update public.workspaces set track_opens = true where id = %s", owner.workspace_id)
        assert mail.told(made["id"], "opened") == "recorded"

    def test_mails_of_others_are_not_known(self, mail: Mail) -> None:
        assert mail.told(str(uuid4()), "delivered") == "unknown"

    def test_finds_a_mail_by_the_providers_id_too(self, mail: Mail, owner: Person) -> None:
        made = mail.queue(owner)
        mail.send()
        mail.told(made["id"], "delivered", message=None)
        assert mail.state(made["id"]) == "delivered"


class TestALostAnswer:
    def test_is_found_in_what_the_provider_tells(self, mail: Mail, owner: Person) -> None:
        made, other = mail.queue(owner), mail.queue(owner, "else@example.com")
        mail.settle(mail.leased(), "unknown")
        mail.told(made["id"], "sent")
        assert mail.of(made["id"], "state, provider_id") == ("sent", f"re-{made['id']}")
        mail.pass_time()
        assert [each["id"] for each in mail.leased()["messages"]] == [other["id"]]

    def test_told_of_all_nothing_is_tried_again(self, mail: Mail, owner: Person) -> None:
        made = mail.queue(owner)
        mail.settle(mail.leased(), "unknown")
        mail.told(made["id"], "delivered")
        mail.pass_time()
        assert mail.lease() is None

    def test_told_while_the_call_is_under_way_its_end_changes_nothing(self, mail: Mail, owner: Person) -> None:
        made = mail.queue(owner)
        delivery = mail.leased()
        mail.told(made["id"], "delivered")
        mail.settle(delivery, "unknown")
        assert mail.state(made["id"]) == "delivered"
        mail.pass_time()
        assert mail.lease() is None

    def test_given_up_on_and_told_of_after_all(self, mail: Mail, owner: Person) -> None:
        made = mail.queue(owner)
        mail.settle(mail.leased(), "unknown")
        mail.db.owner.rows(
            "update private.deliveries set created_at = created_at - interval '1 day' where topic = 'email'"
        )
        assert mail.lease() is None
        assert mail.of(made["id"], "state, reason") == ("failed", "outcome_unknown")
        mail.told(made["id"], "delivered")
        assert mail.of(made["id"], "state, reason") == ("delivered", None)

    @pytest.mark.parametrize("round_", range(3))
    def test_telling_and_settling_at_once_never_lock_each_other(self, mail: Mail, owner: Person, round_: int) -> None:
        made = [mail.queue(owner, f"{n}@example.com")["id"] for n in range(40)]
        deliveries = [mail.leased()]
        random.Random(round_).shuffle(made)

        def act(number: int) -> None:
            if number < 8:
                for id_ in made[number * 5 : number * 5 + 5]:
                    mail.told(id_, "sent")
            else:
                mail.settle(deliveries[0], "delivered")

        at_once(9, act)
        assert {mail.state(id_) for id_ in made} == {"sent"}
        assert (
            mail.db.owner.value("select count(*) from private.outbox where topic = 'email' and state = 'waiting'") == 0
        )


class TestPeople:
    def test_see_their_workspaces_mails(self, mail: Mail, owner: Person) -> None:
        made = [mail.queue(owner, f"{n}@example.com")["id"] for n in range(3)]
        listed = owner.call("list_emails")["body"]
        assert {each["id"] for each in listed} == set(made)
        assert [each["id"] for each in owner.call("list_emails", recipient="1@Example.com")["body"]] == [made[1]]
        assert owner.call("list_emails", state="sent")["body"] == []
        assert len(owner.call("list_emails", template="plain")["body"]) == 3
        first, *rest = (each["id"] for each in listed)
        assert [each["id"] for each in owner.call("list_emails", after=first)["body"]] == rest

    def test_of_others_see_nothing(self, mail: Mail, owner: Person) -> None:
        made = mail.queue(owner)["id"]
        mail.settle(mail.leased(), "refused", error="x")
        stranger = mail.db.sign_up(name="S", workspace_name="S")
        for procedure in ("explain_email", "retry_email", "cancel_email"):
            assert stranger.call(procedure, message_id=made)["code"] == "not_found"
            assert stranger.call(procedure, message_id=mail.queue(None)["id"])["code"] == "not_found"
            assert stranger.call(procedure, message_id=uuid4())["code"] == "not_found"
        assert stranger.call("list_emails", workspace_id=owner.workspace_id)["code"] == "not_found"
        assert mail.state(made) == "failed"

    def test_are_told_the_whole_story(self, mail: Mail, owner: Person) -> None:
        made = mail.queue(owner)["id"]
        mail.settle(mail.leased(), "again", error="provider_rate_limited")
        mail.pass_time()
        mail.send()
        mail.told(made, "delivered")
        story = owner.call("explain_email", message_id=made)["body"]
        assert [(each["outcome"], each["error"]) for each in story["attempts"]] == [
            ("again", "provider_rate_limited"),
            ("delivered", None),
        ]
        assert [each["type"] for each in story["events"]] == ["delivered"]
        assert (story["state"], story["provider_id"]) == ("delivered", f"re-{made}")

    def test_try_a_failed_one_again(self, mail: Mail, owner: Person) -> None:
        made = mail.queue(owner)["id"]
        assert owner.call("retry_email", message_id=made)["code"] == "not_failed"
        mail.settle(mail.leased(), "refused", error="provider_refused")
        answers = at_once(8, lambda _: owner.call("retry_email", message_id=made))
        assert sorted(each["status"] for each in answers) == [202] + [409] * 7
        assert [each["id"] for each in mail.send()] == [made]
        assert mail.of(made, "state, reason") == ("sent", None)

    def test_trying_again_forgets_no_attempt(self, mail: Mail, owner: Person) -> None:
        made = mail.queue(owner)["id"]
        mail.settle(mail.leased(), "refused", error="provider_refused")
        owner.call("retry_email", message_id=made)
        mail.send()
        story = owner.call("explain_email", message_id=made)["body"]
        assert [each["outcome"] for each in story["attempts"]] == ["refused", "delivered"]

    def test_what_is_still_told_of_the_one_that_failed_stops_no_other_try(self, mail: Mail, owner: Person) -> None:
        made = mail.queue(owner)["id"]
        mail.send()
        mail.told(made, "failed")
        assert owner.call("retry_email", message_id=made)["status"] == 202
        assert mail.told(made, "sent") == "recorded"
        assert mail.of(made, "state, provider_id") == ("queued", None)
        assert [each["id"] for each in mail.send()] == [made]

    def test_one_thought_lost_that_arrived_is_not_sent_again(self, mail: Mail, owner: Person) -> None:
        made = mail.queue(owner)["id"]
        mail.settle(mail.leased(), "unknown")
        mail.db.owner.rows(
            "update private.deliveries set created_at = created_at - interval '1 day' where topic = 'email'"
        )
        assert mail.lease() is None
        assert owner.call("retry_email", message_id=made)["status"] == 202
        mail.told(made, "delivered")
        assert mail.state(made) == "delivered"
        assert mail.lease() is None

    def test_cancel_one_that_waits(self, mail: Mail, owner: Person) -> None:
        later = mail.db.owner.value("select now() + interval '1 hour'")
        waiting, leased = mail.queue(owner, _send_at=later)["id"], mail.queue(owner)["id"]
        mail.leased()
        assert owner.call("cancel_email", message_id=leased)["code"] == "not_waiting"
        for _ in range(2):
            assert owner.call("cancel_email", message_id=waiting)["body"]["state"] == "cancelled"
        mail.pass_time()
        assert waiting not in [each["id"] for each in mail.send()]


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


def suppress(mail: Mail, person: Person, reason: str) -> None:
    mail.db.owner.rows(
        "insert into private.email_suppressions (workspace_id, address, reason) values (%s, 'robin@example.com', %s)",
        person.workspace_id,
        reason,
    )
