"""Rate limits are exact: in any window of the stated length, whoever asks, and however many at once."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.database.acting import Connection, Database, Person, at_once, call, run

ROUNDS = 5
WINDOW_SECONDS = 900


def limit(subject: str, *, name: str = "test", quota: int = 3, units: int = 1, window: int = WINDOW_SECONDS) -> Any:
    return {"name": name, "subject": subject, "quota": quota, "window_seconds": window, "units": units}


def ask(db: Database, *limits: object) -> tuple[bool, list[dict[str, Any]]]:
    """Whether the limits were taken, and their states."""
    with db.service.transaction() as connection:
        return ask_in(connection, *limits)


def ask_in(connection: Connection, *limits: object) -> tuple[bool, list[dict[str, Any]]]:
    answer = call(connection, "begin_request", limits=list(limits))
    return answer["refusal"] is None, answer["limits"]


def held(db: Database, subject: str, name: str = "test") -> int:
    """The units stored for a subject."""
    found = db.owner.value(
        """
        select cardinality(taken) from private.rate_limits
        where name = %s and subject = encode(sha256(convert_to(%s, 'UTF8')), 'hex')
        """,
        name,
        subject,
    )
    return int(found or 0)


def pass_time(db: Database, subject: str, seconds: float) -> None:
    """Make what is stored for a subject older, as if that much time had passed."""
    with db.owner.transaction() as connection:
        pass_time_in(connection, subject, seconds)


def pass_time_in(connection: Connection, subject: str, seconds: float) -> None:
    run(
        connection,
        """
        update private.rate_limits
        set taken = array(select t - make_interval(secs => %s) from unnest(taken) as t order by t)
        where subject = encode(sha256(convert_to(%s, 'UTF8')), 'hex')
        """,
        seconds,
        subject,
    )


class TestWindow:
    # A step is a hundred seconds, so that the time the test itself takes is nothing.
    @given(
        quota=st.integers(1, 6),
        window=st.integers(1, 5),
        steps=st.lists(st.tuples(st.integers(0, 3), st.integers(1, 3)), min_size=5, max_size=25),
    )
    @settings(max_examples=40, deadline=None)
    def test_no_window_admits_more_and_nothing_is_refused_without_need(
        self, db: Database, quota: int, window: int, steps: list[tuple[int, int]]
    ) -> None:
        subject, now, taken = uuid4().hex, 0, list[tuple[int, int]]()
        with db.owner.transaction() as connection:
            for passed, units in steps:
                pass_time_in(connection, subject, passed * 100)
                now += passed
                admitted, _ = ask_in(connection, limit(subject, quota=quota, window=window * 100, units=units))
                within = sum(each for at, each in taken if at > now - window)
                assert admitted is (within + units <= quota)
                if admitted:
                    taken.append((now, units))
        for start, _ in taken:
            assert sum(units for at, units in taken if start <= at < start + window) <= quota

    def test_a_boundary_admits_no_second_helping(self, db: Database) -> None:
        subject = uuid4().hex
        assert [ask(db, limit(subject))[0] for _ in range(4)] == [True, True, True, False]
        pass_time(db, subject, WINDOW_SECONDS - 10)  # a counter per quarter of an hour would start anew about here
        assert not ask(db, limit(subject))[0]
        pass_time(db, subject, 10)
        assert [ask(db, limit(subject))[0] for _ in range(4)] == [True, True, True, False]

    def test_subjects_and_names_are_limited_each_by_itself(self, db: Database) -> None:
        subject = uuid4().hex
        assert not [ask(db, limit(subject))[0] for _ in range(4)][-1]
        assert ask(db, limit(uuid4().hex))[0]
        assert ask(db, limit(subject, name="other"))[0]

    def test_a_refusal_takes_nothing(self, db: Database) -> None:
        subject = uuid4().hex
        for _ in range(9):
            ask(db, limit(subject))
        assert held(db, subject) == 3

    def test_the_subject_is_kept_as_a_hash(self, db: Database) -> None:
        address = f"{uuid4().hex}@example.com"
        ask(db, limit(address))
        assert db.owner.rows("select from private.rate_limits where subject like %s", f"%{address}%") == []
        assert held(db, address) == 1


class TestState:
    def test_says_what_remains_and_when_the_same_would_be_admitted_again(self, db: Database) -> None:
        subject = uuid4().hex
        seen = []
        for _ in range(4):
            _, [state] = ask(db, limit(subject))
            seen.append((state["remaining"], state["blocked"], state["reset_seconds"]))
            pass_time(db, subject, 100)
        assert seen == [(2, False, 900), (1, False, 800), (0, False, 700), (0, True, 600)]

    @pytest.mark.parametrize("units", [1, 2, 3])
    def test_after_reset_seconds_it_is_admitted_and_not_before(self, db: Database, units: int) -> None:
        subject = uuid4().hex
        for _ in range(3):
            assert ask(db, limit(subject, units=1))[0]
            pass_time(db, subject, 200)
        admitted, [state] = ask(db, limit(subject, units=units))
        assert (admitted, state["blocked"], state["remaining"]) == (False, True, 0)
        assert state["reset_seconds"] == 300 + 200 * (units - 1)
        pass_time(db, subject, state["reset_seconds"] - 50)
        assert not ask(db, limit(subject, units=units))[0]
        pass_time(db, subject, 50)
        assert ask(db, limit(subject, units=units))[0]

    def test_names_the_limit_as_it_was_asked_for(self, db: Database) -> None:
        _, [state] = ask(db, limit(uuid4().hex, name="detect", quota=100))
        assert state == {
            "name": "detect", "quota": 100, "window_seconds": 900, "remaining": 99, "blocked": False,
            "reset_seconds": 900,
        }  # fmt: skip

    def test_looking_takes_nothing(self, db: Database) -> None:
        subject = uuid4().hex
        looked = limit(subject, units=0)
        assert ask(db, looked) == (True, [ask(db, looked)[1][0]])
        assert [ask(db, limit(subject))[1][0]["remaining"] for _ in range(3)] == [2, 1, 0]
        for _ in range(3):
            admitted, [state] = ask(db, looked)
            assert (admitted, state["blocked"], state["remaining"]) == (False, True, 0)
        assert held(db, subject) == 3


class TestUnits:
    def test_several_are_taken_together_or_not_at_all(self, db: Database) -> None:
        subject = uuid4().hex
        assert ask(db, limit(subject, quota=5, units=3))[0]
        assert not ask(db, limit(subject, quota=5, units=3))[0]
        assert held(db, subject) == 3
        admitted, [state] = ask(db, limit(subject, quota=5, units=2))
        assert (admitted, state["remaining"]) == (True, 0)

    def test_more_than_the_quota_is_never_admitted(self, db: Database) -> None:
        admitted, [state] = ask(db, limit(uuid4().hex, quota=3, units=4))
        assert (admitted, state["blocked"], state["reset_seconds"]) == (False, True, WINDOW_SECONDS)

    @pytest.mark.parametrize("missing", ["name", "subject", "quota", "window_seconds", "units"])
    def test_a_limit_said_by_halves_is_an_error(self, db: Database, missing: str) -> None:
        said = limit(uuid4().hex)
        del said[missing]
        with pytest.raises(psycopg.errors.InvalidParameterValue):
            ask(db, said)

    def test_a_window_longer_than_the_purge_waits_is_an_error(self, db: Database) -> None:
        assert ask(db, limit(uuid4().hex, window=86400))[0]
        with pytest.raises(psycopg.errors.InvalidParameterValue):
            ask(db, limit(uuid4().hex, window=86401))


class TestSeveral:
    def test_all_are_taken_or_none(self, db: Database) -> None:
        ip, address = uuid4().hex, uuid4().hex
        both = [limit(ip, name="ip", quota=5), limit(address, name="address", quota=2)]
        assert [ask(db, *both)[0] for _ in range(4)] == [True, True, False, False]
        assert (held(db, ip, "ip"), held(db, address, "address")) == (2, 2)
        _, states = ask(db, *both)
        assert [(s["name"], s["blocked"], s["remaining"]) for s in states] == [("address", True, 0), ("ip", False, 3)]

    def test_crossing_orders_neither_deadlock_nor_admit_more(self, db: Database) -> None:
        for _ in range(ROUNDS):
            one, two, three = (limit(uuid4().hex, name=f"up to {quota}", quota=quota) for quota in (60, 40, 50))
            orders = [(one, two, three), (three, two, one), (two, one, three)]

            def take(number: int, orders: list[Any] = orders) -> int:
                return [ask(db, *orders[number % 3])[0] for _ in range(4)].count(True)

            assert sum(at_once(24, take)) == 40
            assert [held(db, each["subject"], each["name"]) for each in (one, two, three)] == [40] * 3


class TestConcurrency:
    def test_of_300_at_once_exactly_100_are_admitted(self, db: Database) -> None:
        for _ in range(ROUNDS):
            subject = uuid4().hex

            def take(_: int, subject: str = subject) -> int:
                return [ask(db, limit(subject, quota=100))[0] for _ in range(10)].count(True)

            assert sum(at_once(30, take)) == 100
            assert held(db, subject) == 100

    def test_also_when_some_of_the_window_is_used_and_some_is_over(self, db: Database) -> None:
        for _ in range(ROUNDS):
            subject = uuid4().hex
            for units, older in ((30, 500), (20, 0)):
                ask(db, limit(subject, quota=100, units=units))
                pass_time(db, subject, older)
            pass_time(db, subject, 450)  # the thirty are over, the twenty are not

            def take(_: int, subject: str = subject) -> int:
                return [ask(db, limit(subject, quota=100))[0] for _ in range(5)].count(True)

            assert sum(at_once(30, take)) == 80

    def test_a_purge_in_between_changes_nothing(self, db: Database) -> None:
        for _ in range(ROUNDS):
            subject = uuid4().hex
            ask(db, limit(subject, quota=40, units=0))  # an empty row: the purge takes it away

            def act(number: int, subject: str = subject) -> int:
                if number < 2:
                    for _ in range(5):
                        db.service.call("purge_expired")
                    return 0
                return [ask(db, limit(subject, quota=40))[0] for _ in range(5)].count(True)

            assert sum(at_once(20, act)) == 40
            assert held(db, subject) == 40

    def test_a_request_that_is_rolled_back_gives_its_units_back(self, db: Database) -> None:
        subject = uuid4().hex

        def take(number: int) -> None:
            undone = number % 2 == 0
            with db.service.transaction() as connection, connection.transaction(force_rollback=undone):
                ask_in(connection, limit(subject, quota=100))

        at_once(20, take)
        assert held(db, subject) == 10


def test_the_limit_is_taken_although_the_permission_is_lacking(db: Database, owner: Person) -> None:
    readonly = db.member(owner.workspace_id, "readonly")
    for remaining in (2, 1, 0):
        answer = db.service.call(
            "begin_request", caller=readonly.id, limits=[limit(readonly.id)], permission="detect.use"
        )
        assert (answer["refusal"]["status"], answer["limits"][0]["remaining"]) == (403, remaining)
    answer = db.service.call("begin_request", caller=readonly.id, limits=[limit(readonly.id)], permission="detect.use")
    assert answer["refusal"]["status"] == 429
