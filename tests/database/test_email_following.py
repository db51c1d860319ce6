"""Mails are followed to their end, in whatever order it is told, also where an answer was lost."""

from __future__ import annotations

import itertools
import random
from uuid import uuid4

import pytest

from tests.database.acting import Person, at_once
from tests.database.mailing import Mail, suppress


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
