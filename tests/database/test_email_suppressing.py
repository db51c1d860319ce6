"""Mails are withheld from addresses that bounced, complained or unsubscribed."""

from __future__ import annotations

from uuid import uuid4

import pytest

from tests.database.acting import Person, call
from tests.database.mailing import Mail, suppress

PERMANENT = "Permanent.General"


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
