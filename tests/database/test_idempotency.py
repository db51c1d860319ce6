"""Idempotency records: one request at a time does the work, once, and the first answer is given again."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import psycopg
import pytest

from tests.database.acting import Connection, Database, Person, at_once, call, run

ROUNDS = 5
ROUTE = "POST /api/workspaces"


class Client:
    """Somebody who sends a request under one key, again and again."""

    def __init__(self, db: Database, person: Person) -> None:
        self.db = db
        self.person = person
        self.key = uuid4().hex
        self.name = f"Workspace {self.key}"

    def begin(self, **other: Any) -> dict[str, Any]:
        """What beginning the request finds."""
        asked = {"caller": self.person.id, "route": ROUTE, "key": self.key, "fingerprint": "f"} | other
        found: dict[str, Any] = self.db.service.call("begin_request", lease_seconds=15, **asked)["idempotency"]
        return found

    def state(self, **other: Any) -> str:
        return str(self.begin(**other)["state"])

    def create(self, record: str) -> dict[str, Any]:
        """The business change, under the record that `begin` gave."""
        with self.person.transaction({"X-Idempotency-Record": record}) as connection:
            return self.create_in(connection)

    def create_in(self, connection: Connection) -> dict[str, Any]:
        answer: dict[str, Any] = call(connection, "create_workspace", name=self.name)
        return answer

    def request(self) -> tuple[str, Any]:
        """All of a request, as our functions make it: the state found, and what was answered or replayed."""
        found = self.begin()
        if found["state"] == "started":
            return "started", self.create(found["id"])["body"]
        return found["state"], found.get("answer")

    def made(self) -> int:
        """How many workspaces came of it."""
        return int(self.db.owner.value("select count(*) from public.workspaces where name = %s", self.name))

    def pass_time(self, interval: str) -> None:
        """Make the record older."""
        self.db.owner.rows(
            """
            update private.idempotency
            set leased_until = leased_until - %s::interval, created_at = created_at - %s::interval where key = %s
            """,
            interval,
            interval,
            self.key,
        )


@pytest.fixture
def client(db: Database, owner: Person) -> Client:
    return Client(db, owner)


class TestStates:
    def test_the_first_request_does_the_work_and_its_answer_is_given_again(self, client: Client) -> None:
        state, made = client.request()
        assert (state, made["name"]) == ("started", client.name)
        found = client.begin()
        assert (found["state"], found["status"], found["answer"]) == ("answered", 201, made)
        assert client.made() == 1

    def test_a_twin_in_flight_is_told_so(self, client: Client) -> None:
        assert client.state() == "started"
        assert client.state() == "in_progress"

    def test_another_request_under_the_key_is_refused(self, client: Client) -> None:
        client.begin()
        assert client.state(fingerprint="g") == "reused"
        client.pass_time("1 hour")
        assert client.state(fingerprint="g") == "reused"

    def test_also_after_the_answer(self, client: Client) -> None:
        client.request()
        assert client.state(fingerprint="g") == "reused"

    def test_keys_are_each_callers_and_each_routes_own(self, client: Client, db: Database) -> None:
        client.begin()
        assert client.state(caller=db.sign_up().id) == "started"
        assert client.state(route="POST /api/quotes") == "started"
        assert client.state(key=uuid4().hex) == "started"

    def test_an_answer_without_a_body_is_kept_too(self, db: Database, owner: Person, client: Client) -> None:
        client.person = db.member(owner.workspace_id, "staff")
        record = client.begin()["id"]
        with client.person.transaction({"X-Idempotency-Record": record}) as connection:
            call(connection, "remove_member", workspace_id=owner.home, user_id=client.person.id)
        assert client.begin() == {"state": "answered", "status": 204, "answer": None}

    def test_an_answer_given_again_takes_no_unit(self, client: Client, db: Database) -> None:
        limits = [{"name": "test", "subject": client.key, "quota": 1, "window_seconds": 900, "units": 1}]
        client.create(client.begin(limits=limits)["id"])
        for _ in range(3):
            assert client.state(limits=limits) == "answered"

    def test_a_key_is_bounded(self, client: Client) -> None:
        assert client.state(key="k" * 255) == "started"
        with pytest.raises(psycopg.errors.CheckViolation):
            client.begin(key="k" * 256)


class TestRefusals:
    def test_free_the_key(self, client: Client, db: Database) -> None:
        stranger = db.sign_up()
        record = client.begin()["id"]
        with client.person.transaction({"X-Idempotency-Record": record}) as connection:
            refused = call(connection, "update_workspace", workspace_id=stranger.home, changes={})
        assert refused["status"] == 404
        assert client.state() == "started"

    @pytest.mark.parametrize("refusal", ["limit", "permission"])
    def test_also_those_before_the_work(self, client: Client, db: Database, refusal: str) -> None:
        reasons: dict[str, dict[str, Any]] = {
            "limit": {"limits": [{"name": "t", "subject": "x", "quota": 0, "window_seconds": 9, "units": 1}]},
            "permission": {"permission": "audit.read", "workspace_id": db.sign_up().home},
        }
        client.begin(**reasons[refusal])
        assert db.owner.rows("select id from private.idempotency where key = %s", client.key) == []
        assert client.state() == "started"

    def test_release_frees_an_open_record_alone(self, client: Client, db: Database) -> None:
        record = client.begin()["id"]
        db.service.call("release_idempotent", id=record)
        record = client.begin()["id"]
        client.create(record)
        db.service.call("release_idempotent", id=record)
        assert client.state() == "answered"

    def test_an_error_in_the_change_leaves_the_record_open(self, client: Client) -> None:
        record = client.begin()["id"]
        client.name = ""
        with pytest.raises(psycopg.errors.CheckViolation):
            client.create(record)
        assert client.state() == "in_progress"


class TestLease:
    def test_what_a_dead_request_left_is_taken_over_after_its_lease(self, client: Client) -> None:
        first = client.begin()
        client.pass_time("14 seconds")
        assert client.state() == "in_progress"
        client.pass_time("2 seconds")
        second = client.begin()
        assert second["state"] == "started"
        assert second["id"] != first["id"]
        assert client.state() == "in_progress"

    def test_who_lost_the_lease_can_no_longer_commit(self, client: Client) -> None:
        first = client.begin()["id"]
        client.pass_time("1 minute")
        second = client.begin()["id"]
        with pytest.raises(psycopg.Error) as caught:
            client.create(first)
        assert caught.value.sqlstate == "PT409"
        assert client.made() == 0
        made = client.create(second)["body"]
        with pytest.raises(psycopg.Error):
            client.create(first)
        assert (client.made(), client.begin()["answer"]) == (1, made)

    def test_who_answered_already_answers_no_second_time(self, client: Client) -> None:
        record = client.begin()["id"]
        client.create(record)
        with pytest.raises(psycopg.Error) as caught:
            client.create(record)
        assert caught.value.sqlstate == "PT409"
        assert client.made() == 1

    @pytest.mark.parametrize("commits", [True, False])
    def test_a_takeover_waits_for_a_change_that_is_being_made(self, client: Client, commits: bool) -> None:
        record = client.begin()["id"]
        client.pass_time("1 minute")

        def act(number: int) -> str:
            if number == 0:
                with (
                    client.person.transaction({"X-Idempotency-Record": record}) as connection,
                    connection.transaction(force_rollback=not commits),
                ):
                    client.create_in(connection)
                    run(connection, "select pg_sleep(0.3)")
                return ""
            client.db.owner.rows("select pg_sleep(0.1)")
            return client.state()

        assert at_once(2, act)[1] == ("answered" if commits else "started")
        assert client.made() == (1 if commits else 0)

    def test_of_many_one_takes_over(self, client: Client) -> None:
        for _ in range(ROUNDS):
            client.key = uuid4().hex
            client.begin()
            client.pass_time("1 minute")
            states = at_once(16, lambda _: client.state())
            assert sorted(states) == ["in_progress"] * 15 + ["started"]


class TestAge:
    @pytest.mark.parametrize("answered", [True, False])
    def test_after_a_day_the_key_is_new(self, client: Client, answered: bool) -> None:
        first = client.begin()["id"]
        if answered:
            client.create(first)
        client.pass_time("23 hours 59 minutes")
        assert client.state(fingerprint="g") == "reused"
        client.pass_time("2 minutes")
        second = client.begin(fingerprint="g")
        assert second["state"] == "started"
        assert second["id"] != first
        assert client.state(fingerprint="g") == "in_progress"

    def test_an_answer_is_given_again_for_a_day(self, client: Client) -> None:
        client.request()
        client.pass_time("23 hours 59 minutes")
        assert client.state() == "answered"


class TestOwnership:
    def test_nobody_closes_the_record_of_another(self, client: Client, db: Database) -> None:
        record = client.begin()["id"]
        thief = Client(db, db.sign_up())
        with pytest.raises(psycopg.Error) as caught:
            thief.create(record)
        assert caught.value.sqlstate == "PT409"
        assert thief.made() == 0
        assert client.state() == "in_progress"

    def test_nobody_frees_the_record_of_another(self, client: Client, db: Database) -> None:
        record = client.begin()["id"]
        thief = db.sign_up()
        with thief.transaction({"X-Idempotency-Record": record}) as connection:
            assert call(connection, "join_workspace", code="no such code")["status"] == 404
        assert client.state() == "in_progress"

    def test_a_record_that_is_none_undoes_the_change(self, client: Client) -> None:
        for record in (str(uuid4()), "no uuid"):
            with pytest.raises(psycopg.Error):
                client.create(record)
        assert client.made() == 0


class TestConcurrency:
    def test_of_simultaneous_twins_one_does_the_work(self, client: Client) -> None:
        for _ in range(ROUNDS):
            client.key = uuid4().hex
            client.name = f"Workspace {client.key}"
            outcomes = at_once(30, lambda _: client.request())
            assert client.made() == 1
            answers = [answer for _, answer in outcomes if answer is not None]
            assert all(answer == answers[0] for answer in answers)
            assert sorted({state for state, _ in outcomes} - {"in_progress", "answered"}) == ["started"]
            assert [state for state, _ in outcomes].count("started") == 1

    def test_simultaneous_limited_twins_take_one_unit(self, client: Client, db: Database) -> None:
        for _ in range(ROUNDS):
            client.key = uuid4().hex
            limits = [{"name": "t", "subject": client.key, "quota": 9, "window_seconds": 900, "units": 1}]

            def begin(_: int, limits: list[Any] = limits) -> str:
                return client.state(limits=limits)

            states = at_once(16, begin)
            assert states.count("started") == 1
            taken = db.owner.value(
                "select cardinality(taken) from private.rate_limits where subject = encode(sha256(%s), 'hex')",
                client.key.encode(),
            )
            assert taken == 1
