"""What people do with their workspace's mails: list, explain, retry, cancel."""

from __future__ import annotations

from uuid import uuid4

from tests.database.acting import Person, at_once
from tests.database.mailing import Mail


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
