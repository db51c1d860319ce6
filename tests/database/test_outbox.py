"""The outbox: nothing lost, nothing sent twice under another key, whoever dies in between."""

from __future__ import annotations

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg.types.json import Jsonb

from tests.database.acting import Actor, Connection, Database, Person, at_once

Delivery = dict[str, Any]


@dataclass(frozen=True)
class Outbox:
    """One topic, that no other test knows."""

    db: Database
    topic: str

    def put(self, payload: object = None, key: str | None = None, due: str = "now()", **where: Any) -> str:
        """The id of a row put by some procedure."""
        return str(
            self.db.owner.value(
                f"select private.enqueue(%s, %s, %s, %s, {due})",
                self.topic,
                Jsonb(payload or {}),
                where.get("workspace_id"),
                key,
            )
        )

    def lease(self, most: int = 100, seconds: int = 60) -> Delivery | None:
        found: Delivery | None = self.db.service.call(
            "lease_outbox", topic=self.topic, most=most, lease_seconds=seconds
        )
        return found

    def leased(self, most: int = 100) -> Delivery:
        found = self.lease(most)
        assert found is not None
        return found

    def settle(self, delivery: Delivery, outcome: str, **told: object) -> None:
        """All rows alike."""
        outcomes = [{"id": row["id"], "outcome": outcome, **told} for row in delivery["rows"]]
        self.db.service.call("settle_outbox", delivery=delivery["id"], attempt=delivery["attempt"], outcomes=outcomes)

    def rows(self, columns: str) -> list[tuple[Any, ...]]:
        query = f"select {columns} from private.outbox where topic = %s order by position"  # noqa: S608
        return self.db.owner.rows(query, self.topic)

    def deliveries(self) -> int:
        return int(self.db.owner.value("select count(*) from private.deliveries where topic = %s", self.topic))

    def pass_time(self, interval: str) -> None:
        """As if all of this had happened earlier."""
        for table, columns in (
            ("outbox", ("due_at", "give_up_at", "created_at")),
            ("deliveries", ("due_at", "leased_until", "created_at")),
        ):
            earlier = ", ".join(f"{column} = {column} - %s::interval" for column in columns)
            self.db.owner.rows(
                f"update private.{table} set {earlier} where topic = %s",  # noqa: S608
                *[interval] * len(columns),
                self.topic,
            )


@pytest.fixture
def outbox(db: Database) -> Outbox:
    return Outbox(db, f"t_{''.join(c for c in uuid4().hex if c.isalpha())}"[:40])


def ids(delivery: Delivery) -> list[str]:
    return [row["id"] for row in delivery["rows"]]


class TestPutting:
    def test_happens_with_the_change_or_not_at_all(self, outbox: Outbox) -> None:
        def fail(connection: Connection) -> None:
            connection.execute("select private.enqueue(%s, '{}')", [outbox.topic])
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError), outbox.db.owner.transaction() as connection:
            fail(connection)
        assert outbox.lease() is None

    def test_remembers_the_request(self, outbox: Outbox) -> None:
        with outbox.db.owner.transaction({"X-Request-Id": "abc"}) as connection:
            connection.execute("select private.enqueue(%s, '{}')", [outbox.topic])
        assert outbox.leased()["rows"][0]["request_id"] == "abc"

    def test_goes_with_its_workspace(self, outbox: Outbox, owner: Person) -> None:
        outbox.put(workspace_id=owner.workspace_id)
        outbox.db.owner.rows("delete from public.workspaces where id = %s", owner.workspace_id)
        assert outbox.lease() is None


class TestLeasing:
    def test_gives_the_oldest_first_with_what_was_put(self, outbox: Outbox, owner: Person) -> None:
        made = [outbox.put({"n": n}, workspace_id=owner.workspace_id) for n in range(5)]
        delivery = outbox.leased(3)
        assert ids(delivery) == made[:3]
        assert delivery["attempt"] == 1
        assert [row["payload"] for row in delivery["rows"]] == [{"n": 0}, {"n": 1}, {"n": 2}]
        assert {(row["workspace_id"], row["attempts"]) for row in delivery["rows"]} == {(owner.home, 1)}
        assert ids(outbox.leased()) == made[3:]
        assert outbox.lease() is None

    def test_leaves_what_is_not_due(self, outbox: Outbox) -> None:
        outbox.put(due="now() + interval '1 hour'")
        assert outbox.lease() is None
        outbox.pass_time("1 hour")
        assert outbox.lease() is not None

    def test_leaves_other_topics(self, outbox: Outbox) -> None:
        outbox.put()
        assert Outbox(outbox.db, outbox.topic[:-1] + "_").lease() is None

    @pytest.mark.parametrize("round_", range(3))
    def test_gives_each_row_to_one_worker(self, outbox: Outbox, round_: int) -> None:
        made = {outbox.put() for _ in range(200)}
        found: list[list[str]] = at_once(16, lambda _: drain(outbox))
        counted = Counter(id for each in found for id in each)
        assert set(counted) == made
        assert set(counted.values()) == {1}
        assert outbox.deliveries() == 0


def drain(outbox: Outbox, most: int = 7) -> list[str]:
    """Everything delivered by one worker."""
    found = []
    while delivery := outbox.lease(most):
        found += ids(delivery)
        outbox.settle(delivery, "delivered", receipt="r")
    return found


class TestTheOrderOfAKey:
    def test_is_kept_one_after_another(self, outbox: Outbox) -> None:
        first, second, other = outbox.put(key="a"), outbox.put(key="a"), outbox.put(key="b")
        delivery = outbox.leased()
        assert ids(delivery) == [first, other]
        assert outbox.lease() is None
        outbox.settle(delivery, "again")
        assert outbox.lease() is None  # the first waits, and so does the second
        outbox.pass_time("1 minute")
        delivery = outbox.leased()
        assert ids(delivery) == [first, other]
        outbox.settle(delivery, "delivered")
        assert ids(outbox.leased()) == [second]

    def test_goes_on_after_a_dead_one(self, outbox: Outbox) -> None:
        outbox.put(key="a")
        second = outbox.put(key="a")
        outbox.settle(outbox.leased(), "refused", error="no")
        assert ids(outbox.leased()) == [second]

    @pytest.mark.parametrize("round_", range(3))
    def test_holds_with_many_workers(self, outbox: Outbox, round_: int) -> None:
        made = {key: [outbox.put(key=f"k{key}") for _ in range(6)] for key in range(5)}
        delivered: list[str] = []

        def work(_: int) -> None:
            idle = 0
            while idle < 30:
                delivery = outbox.lease(3)
                if delivery is None:
                    idle += 1
                    continue
                delivered.extend(ids(delivery))
                outbox.settle(delivery, "delivered")

        at_once(6, work)
        for expected in made.values():
            assert [id for id in delivered if id in expected] == expected


class TestSettling:
    def test_delivered_is_for_good(self, outbox: Outbox) -> None:
        outbox.put()
        outbox.settle(outbox.leased(), "delivered", receipt="abc")
        assert outbox.rows("state, receipt, error, delivery, ended_at is not null") == [
            ("delivered", "abc", None, None, True)
        ]
        assert outbox.deliveries() == 0
        outbox.pass_time("2 days")
        assert outbox.lease() is None

    def test_refused_is_dead(self, outbox: Outbox) -> None:
        outbox.put()
        outbox.settle(outbox.leased(), "refused", error="address_refused")
        assert outbox.rows("state, error, ended_at is not null") == [("dead", "address_refused", True)]
        outbox.pass_time("2 days")
        assert outbox.lease() is None

    def test_again_waits_and_comes_in_another_delivery(self, outbox: Outbox) -> None:
        outbox.put()
        first = outbox.leased()
        outbox.settle(first, "again", error="rate_limited")
        assert outbox.lease() is None
        outbox.pass_time("10 seconds")
        second = outbox.leased()
        assert (ids(second), second["rows"][0]["attempts"]) == (ids(first), 2)
        assert second["id"] != first["id"]

    def test_waits_as_long_as_the_provider_says(self, outbox: Outbox) -> None:
        outbox.put()
        outbox.settle(outbox.leased(), "again", wait_seconds=600)
        outbox.pass_time("9 minutes")
        assert outbox.lease() is None
        outbox.pass_time("1 minute")
        assert outbox.lease() is not None

    def test_waits_longer_each_time_and_not_all_alike(self, outbox: Outbox) -> None:
        for attempts, least, most in ((1, 5, 10), (5, 80, 160), (30, 1800, 3600)):
            waits = {
                outbox.db.owner.value("select extract(epoch from private.outbox_wait(%s, null))::float", attempts)
                for _ in range(20)
            }
            assert len(waits) > 10
            assert least <= min(waits) <= max(waits) <= most

    def test_a_day_late_is_dead(self, outbox: Outbox) -> None:
        outbox.put()
        outbox.pass_time("25 hours")
        outbox.settle(outbox.leased(), "again", error="server_error")
        assert outbox.rows("state, error") == [("dead", "server_error")]

    def test_each_row_has_its_own_outcome(self, outbox: Outbox) -> None:
        a, b, c = outbox.put(), outbox.put(), outbox.put()
        delivery = outbox.leased()
        told = [
            {"id": a, "outcome": "delivered", "receipt": "1"},
            {"id": b, "outcome": "refused", "error": "no"},
            {"id": c, "outcome": "again"},
        ]
        outbox.db.service.call("settle_outbox", delivery=delivery["id"], attempt=1, outcomes=told)
        assert outbox.rows("state") == [("delivered",), ("dead",), ("waiting",)]
        assert outbox.deliveries() == 0

    def test_alone_comes_at_once_and_by_itself(self, outbox: Outbox) -> None:
        a, b, c = outbox.put(), outbox.put(), outbox.put()
        delivery = outbox.leased(2)
        outbox.settle(delivery, "alone", error="batch_refused")
        assert [ids(outbox.leased()) for _ in range(3)] == [[a], [b], [c]]

    def test_waits_for_the_deletion_of_a_workspace_and_does_not_deadlock(self, outbox: Outbox) -> None:
        row = outbox.put()
        delivery = outbox.leased()
        with ThreadPoolExecutor(1) as threads:
            with outbox.db.owner.transaction() as connection:
                connection.execute("select from private.outbox where id = %s for update", [row])
                settling = threads.submit(outbox.settle, delivery, "delivered")
                wait_until_blocked(outbox.db)
                connection.execute("delete from private.outbox where id = %s", [row])  # and the attempts with it
            settling.result()
        assert outbox.deliveries() == 0

    def test_another_delivery_s_rows_are_let_be(self, outbox: Outbox) -> None:
        outbox.put(), outbox.put()
        first, second = outbox.leased(1), outbox.leased(1)
        outbox.settle({**first, "rows": second["rows"]}, "delivered")
        assert outbox.rows("state") == [("waiting",), ("waiting",)]


class TestAnUnknownEnd:
    def test_is_tried_again_whole_under_the_same_key(self, outbox: Outbox) -> None:
        made = [outbox.put() for _ in range(3)]
        first = outbox.leased()
        outbox.put()  # what comes later isn't mixed in
        outbox.settle(first, "unknown", error="timeout")
        assert outbox.rows("error")[0] == ("timeout",)
        outbox.pass_time("10 seconds")
        second = outbox.leased()
        assert (second["id"], second["attempt"], ids(second)) == (first["id"], 2, made)
        outbox.settle(second, "delivered", receipt="r")
        assert [state for (state,) in outbox.rows("state")] == ["delivered"] * 3 + ["waiting"]

    def test_comes_when_the_worker_died(self, outbox: Outbox) -> None:
        outbox.put()
        first = outbox.leased()
        outbox.pass_time("1 minute")
        assert outbox.lease() is None  # not at once: it may be what it died of
        outbox.pass_time("10 seconds")
        second = outbox.leased()
        assert (second["id"], second["attempt"], ids(second)) == (first["id"], 2, ids(first))

    def test_is_taken_over_by_one_worker(self, outbox: Outbox) -> None:
        for _ in range(20):
            outbox.put()
        first = outbox.leased()
        outbox.pass_time("2 minutes")
        found = [each for each in at_once(8, lambda _: outbox.lease()) if each]
        assert [each["id"] for each in found] == [first["id"]]
        assert len(found[0]["rows"]) == 20

    def test_holds_nobody_up_where_it_kills_its_workers(self, outbox: Outbox) -> None:
        poison, good = outbox.put(), outbox.put()
        assert ids(outbox.leased(1)) == [poison]
        outbox.pass_time("61 seconds")
        assert ids(outbox.leased(1)) == [good]

    def test_is_known_once_the_provider_refuses_what_is_in_it(self, outbox: Outbox) -> None:
        """Else one wrong row and one lost answer would have all the others given up."""
        made = [outbox.put() for _ in range(3)]
        outbox.settle(outbox.leased(), "unknown", error="timeout")
        outbox.pass_time("10 seconds")
        outbox.settle(outbox.leased(), "alone", error="batch_refused")
        assert [ids(outbox.leased()) for _ in range(3)] == [[id_] for id_ in made]

    def test_is_not_known_by_a_later_attempt(self, outbox: Outbox) -> None:
        outbox.put()
        first = outbox.leased()
        outbox.settle(first, "unknown", error="timeout")
        outbox.pass_time("10 seconds")
        outbox.settle(outbox.leased(), "again", error="rate_limited")
        outbox.pass_time("1 minute")
        assert outbox.leased()["id"] == first["id"]

    def test_of_one_row_keeps_the_others_that_are_not_settled(self, outbox: Outbox) -> None:
        a, b, c = outbox.put(), outbox.put(), outbox.put()
        first = outbox.leased()
        told = [{"id": a, "outcome": "again"}, {"id": b, "outcome": "unknown"}, {"id": c, "outcome": "delivered"}]
        outbox.db.service.call("settle_outbox", delivery=first["id"], attempt=1, outcomes=told)
        outbox.pass_time("10 seconds")
        second = outbox.leased()
        assert (second["id"], ids(second)) == (first["id"], [a, b])

    def test_the_worker_thought_dead_changes_nothing_any_more(self, outbox: Outbox) -> None:
        outbox.put()
        late = outbox.leased()
        outbox.pass_time("2 minutes")
        current = outbox.leased()
        outbox.settle(late, "refused")
        assert outbox.rows("state") == [("waiting",)]
        outbox.settle(current, "delivered")
        outbox.settle(late, "refused")
        assert outbox.rows("state") == [("delivered",)]

    @pytest.mark.parametrize("settled", [True, False], ids=["settled", "its worker died"])
    def test_longer_than_the_provider_remembers_is_a_person_s_to_decide(self, outbox: Outbox, settled: bool) -> None:
        outbox.put()
        delivery = outbox.leased()
        if settled:
            outbox.settle(delivery, "unknown", error="timeout")
        outbox.pass_time("23 hours")
        assert outbox.lease() is None  # and so it isn't sent once more
        assert outbox.rows("state, error, delivery") == [("dead", "outcome_unknown", None)]
        assert outbox.deliveries() == 0

    def test_whatever_a_provider_says_it_can_be_settled(self, outbox: Outbox) -> None:
        for wait in (1e18, -1, "NaN", "Infinity"):
            outbox.put()
            outbox.settle(outbox.leased(), "again", error="x" * 500, receipt="y" * 500, wait_seconds=wait)
        assert outbox.rows("state, length(error), length(receipt)") == [("waiting", 100, 200)] * 4


@pytest.mark.parametrize("who", ["anon", "person"])
def test_people_are_no_workers(outbox: Outbox, owner: Person, who: str) -> None:
    actor: Actor = outbox.db.anon if who == "anon" else owner
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        actor.call("lease_outbox", topic=outbox.topic, most=1, lease_seconds=1)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        actor.call("settle_outbox", delivery=UUID(int=0), attempt=1, outcomes=[])


class TestWritingDown:
    """What is sent under a key stays what it was."""

    def test_the_first_request_stands(self, outbox: Outbox) -> None:
        outbox.put()
        first = outbox.leased()
        assert first["request"] is None
        assert keep(outbox, first, "one") == "one"
        outbox.settle(first, "unknown")
        outbox.pass_time("1 hour")
        second = outbox.leased()
        assert (second["id"], second["request"]) == (first["id"], "one")
        assert keep(outbox, second, "another") == "one"

    def test_whoever_lost_the_lease_is_told_not_to_send(self, outbox: Outbox) -> None:
        outbox.put()
        first = outbox.leased()
        outbox.pass_time("1 hour")
        assert keep(outbox, first, "late") is None
        second = outbox.leased()
        assert keep(outbox, first, "late") is None
        assert keep(outbox, second, "mine") == "mine"

    def test_is_forgotten_once_all_is_settled(self, outbox: Outbox) -> None:
        outbox.put()
        delivery = outbox.leased()
        keep(outbox, delivery, "one")
        outbox.settle(delivery, "delivered")
        assert outbox.deliveries() == 0


class TestAttempts:
    def test_each_is_remembered_with_its_end(self, outbox: Outbox) -> None:
        row = outbox.put()
        for outcome in ("again", "unknown", "delivered"):
            delivery = outbox.leased()
            outbox.settle(delivery, outcome, error=f"it_was_{outcome}")
            outbox.pass_time("2 hours")
        assert attempts(outbox, row) == [
            ("again", "it_was_again", True),
            ("unknown", "it_was_unknown", True),
            ("delivered", "it_was_delivered", True),
        ]

    def test_one_whose_worker_died_has_none(self, outbox: Outbox) -> None:
        row = outbox.put()
        outbox.leased()
        outbox.pass_time("2 hours")
        outbox.settle(outbox.leased(), "delivered")
        assert attempts(outbox, row) == [(None, None, False), ("delivered", None, True)]

    def test_one_that_was_taken_over_is_not_ended_by_who_lost_it(self, outbox: Outbox) -> None:
        row = outbox.put()
        lost = outbox.leased()
        outbox.pass_time("2 hours")
        outbox.leased()
        outbox.settle(lost, "delivered")
        assert attempts(outbox, row) == [(None, None, False), (None, None, False)]


def test_a_delivery_nothing_is_left_of_goes(outbox: Outbox) -> None:
    """The provider told of all its rows by another way."""
    row, other = outbox.put(), outbox.put()
    outbox.settle(outbox.leased(1), "unknown")
    outbox.db.owner.rows(
        "update private.outbox set state = 'delivered', delivery = null, ended_at = now() where id = %s", row
    )
    outbox.pass_time("1 hour")
    assert ids(outbox.leased()) == [other]
    assert outbox.deliveries() == 1


def test_one_that_is_put_to_go_alone_does(outbox: Outbox) -> None:
    outbox.put()
    alone = outbox.db.owner.value("select private.enqueue(%s, '{}', _alone => true)", outbox.topic)
    outbox.put()
    assert len(ids(outbox.leased())) == 2
    assert ids(outbox.leased()) == [str(alone)]


def wait_until_blocked(db: Database) -> None:
    """Until somebody waits for a lock in this database."""
    waiting = (
        "select exists (select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock')"
    )
    give_up = time.monotonic() + 10
    while not db.superuser.value(waiting):
        assert time.monotonic() < give_up
        time.sleep(0.01)


def keep(outbox: Outbox, delivery: Delivery, request: str) -> str | None:
    kept: str | None = outbox.db.service.call(
        "keep_request", delivery=delivery["id"], attempt=delivery["attempt"], request=request
    )
    return kept


def attempts(outbox: Outbox, row: str) -> list[tuple[Any, ...]]:
    return outbox.db.owner.rows(
        "select outcome, error, ended_at is not null from private.attempts where outbox_id = %s order by started_at",
        row,
    )
