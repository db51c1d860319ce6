"""Budgets and circuit breakers: exact, whoever asks at the same time and whoever dies in between."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from tests.database.acting import Database, Person, at_once

ROUNDS = 5
OF_WORKSPACE, OF_PERSON = 5_000_000, 1_000_000
DAY_SECONDS = 86_400


@dataclass(frozen=True)
class Ledger:
    """Reserves and settles as our functions do, at a provider that no other test knows."""

    db: Database
    provider: str

    def reserve(
        self,
        person: Person,
        micro_usd: int = 0,
        *,
        workspace_id: UUID | None = None,
        lease_seconds: int = 10,
        as_guest: bool = False,
    ) -> dict[str, Any]:
        answer: dict[str, Any] = self.db.service.call(
            "reserve_ai_call",
            caller=None if as_guest else person.id,
            workspace_id=workspace_id or person.workspace_id,
            capability="seeing",
            provider=self.provider,
            model="test",
            micro_usd=micro_usd,
            lease_seconds=lease_seconds,
        )
        return answer

    def reserved(self, person: Person, micro_usd: int = 0, **where: Any) -> str:
        """The id of a call that was let through."""
        answer = self.reserve(person, micro_usd, **where)
        assert set(answer) == {"call"}, answer
        return str(answer["call"])

    def refused(self, person: Person, micro_usd: int = 0, **where: Any) -> str:
        """Why a call wasn't."""
        return str(self.reserve(person, micro_usd, **where)["refused"])

    def settle(self, call: str, micro_usd: int = 0, *, healthy: bool = True, outcome: str = "answered") -> None:
        self.db.service.call(
            "settle_ai_call",
            call=call,
            outcome=outcome,
            healthy=healthy,
            micro_usd=micro_usd,
            input_tokens=7,
            output_tokens=5,
            duration_ms=3,
        )

    def budget(self, subject: UUID | None, micro_usd: int) -> None:
        self.db.service.call("set_ai_budget", subject=subject, daily_micro_usd=micro_usd)

    def spent(self, subject: UUID | None) -> int:
        """Today, by the table."""
        query = "select coalesce(sum(micro_usd), 0) from private.ai_spending where subject = %s and day = {}"
        return int(self.db.owner.value(query.format("(now() at time zone 'UTC')::date"), subject))

    def change(self, statement: str, *parameters: object) -> None:
        """Something to one row, as if time had passed."""
        with self.db.owner.transaction() as connection:
            assert connection.execute(statement.encode(), parameters).rowcount == 1, statement

    def end_lease(self, call: str) -> None:
        self.change("update private.ai_calls set leased_until = clock_timestamp() where id = %s", call)

    # The breaker

    def fail(self, person: Person, times: int = 1) -> None:
        for _ in range(times):
            self.settle(self.reserved(person), healthy=False, outcome="server_error")

    def open(self, person: Person) -> None:
        """Failures enough that nobody is let through."""
        self.fail(person, 5)
        assert self.refused(person) == "circuit_open"

    def after_30_seconds(self) -> None:
        self.change(
            """
            update private.ai_breakers set opened_until = opened_until - interval '30 seconds'
            where provider = %s and opened_until is not null
            """,
            self.provider,
        )

    def breaker(self) -> tuple[int, bool, bool]:
        """(failures, whether it is or was open, whether somebody is trying)."""
        [found] = self.db.owner.rows(
            "select failures, opened_until is not null, probe_until is not null from private.ai_breakers "
            "where provider = %s",
            self.provider,
        )
        return found[0], found[1], found[2]


@pytest.fixture
def ledger(db: Database) -> Ledger:
    return Ledger(db, f"test-{uuid4().hex[:20]}")


class TestReserving:
    def test_sets_the_most_aside_until_the_call_is_settled(self, ledger: Ledger, owner: Person) -> None:
        call = ledger.reserved(owner, 250_000)
        [row] = ledger.db.owner.rows(
            """
            select workspace_id, user_id, capability, provider, model, day = (now() at time zone 'UTC')::date,
              reserved_micro_usd, extract(epoch from leased_until - created_at)::float, outcome, micro_usd
            from private.ai_calls where id = %s
            """,
            call,
        )
        assert row[:7] == (owner.workspace_id, owner.user_id, "seeing", ledger.provider, "test", True, 250_000)
        assert row[7] == pytest.approx(10, abs=1)
        assert row[8:] == (None, None)
        assert ledger.spent(owner.user_id) == ledger.spent(owner.workspace_id) == 0

    def test_settling_counts_what_it_came_to(self, ledger: Ledger, owner: Person) -> None:
        call = ledger.reserved(owner, 250_000)
        ledger.settle(call, 1_234)
        [row] = ledger.db.owner.rows(
            "select outcome, micro_usd, input_tokens, output_tokens, duration_ms from private.ai_calls where id = %s",
            call,
        )
        assert row == ("answered", 1_234, 7, 5, 3)
        assert ledger.spent(owner.user_id) == ledger.spent(owner.workspace_id) == 1_234

    def test_what_was_set_aside_beyond_the_cost_is_free_again(self, ledger: Ledger, owner: Person) -> None:
        ledger.budget(owner.user_id, 1_000)
        call = ledger.reserved(owner, 1_000)
        assert ledger.refused(owner, 1) == "person_budget"
        ledger.settle(call, 400)
        assert ledger.refused(owner, 601) == "person_budget"
        ledger.reserved(owner, 600)

    def test_a_call_that_cost_nothing_counts_nothing(self, ledger: Ledger, owner: Person) -> None:
        ledger.settle(ledger.reserved(owner, OF_PERSON), 0, healthy=False, outcome="timeout")
        assert ledger.spent(owner.user_id) == 0
        ledger.reserved(owner, OF_PERSON)

    def test_settling_twice_counts_once(self, ledger: Ledger, owner: Person) -> None:
        call = ledger.reserved(owner, 1_000)
        at_once(8, lambda number: ledger.settle(call, 100 + number))
        spent = ledger.spent(owner.user_id)
        assert spent in range(100, 108)
        assert ledger.db.owner.value("select micro_usd from private.ai_calls where id = %s", call) == spent
        ledger.settle(call, 1, healthy=False)
        assert ledger.spent(owner.user_id) == ledger.spent(owner.workspace_id) == spent

    def test_a_call_that_there_is_not_is_settled_without_a_word(self, ledger: Ledger) -> None:
        ledger.settle(str(uuid4()), 5, healthy=False)
        assert ledger.db.owner.rows("select from private.ai_breakers where provider = %s", ledger.provider) == []

    @pytest.mark.parametrize("micro_usd", [-1, None])
    def test_nobody_sets_aside_less_than_nothing(self, ledger: Ledger, owner: Person, micro_usd: int | None) -> None:
        with pytest.raises(psycopg.errors.IntegrityError):
            ledger.reserve(owner, micro_usd)  # type: ignore[arg-type]

    def test_nobody_settles_for_less_than_nothing(self, ledger: Ledger, owner: Person) -> None:
        call = ledger.reserved(owner)
        with pytest.raises(psycopg.errors.IntegrityError):
            ledger.settle(call, -1)
        assert ledger.spent(owner.user_id) == 0


class TestBudgets:
    def test_a_person_has_a_dollar_a_day(self, ledger: Ledger, owner: Person) -> None:
        assert ledger.refused(owner, OF_PERSON + 1) == "person_budget"
        ledger.reserved(owner, OF_PERSON)
        assert ledger.refused(owner, 1) == "person_budget"
        ledger.reserved(owner, 0)  # what costs nothing needs nothing

    def test_a_workspace_has_five(self, ledger: Ledger, owner: Person) -> None:
        for _ in range(5):
            ledger.reserved(ledger.db.member(owner.workspace_id, "staff"), OF_PERSON)
        assert ledger.refused(owner, 1) == "workspace_budget"
        assert ledger.refused(owner, OF_WORKSPACE + 1) == "workspace_budget", "the workspace's is looked at first"

    def test_a_persons_counts_over_all_their_workspaces(self, ledger: Ledger, owner: Person) -> None:
        other = ledger.db.sign_up().workspace_id
        ledger.reserved(owner, 600_000)
        assert ledger.refused(owner, 600_000, workspace_id=other) == "person_budget"
        ledger.settle(ledger.reserved(owner, 400_000, workspace_id=other), 400_000)
        assert ledger.refused(owner, 1) == "person_budget"
        assert ledger.spent(other) == 400_000

    def test_a_workspaces_is_none_of_another_s_business(self, ledger: Ledger, owner: Person) -> None:
        ledger.budget(owner.workspace_id, 10)
        ledger.reserved(owner, 10)
        other = ledger.db.sign_up().workspace_id
        assert ledger.refused(owner, 1) == "workspace_budget"
        ledger.reserved(owner, 1, workspace_id=other)

    def test_the_operator_sets_another(self, ledger: Ledger, owner: Person) -> None:
        for subject, refused in ((owner.workspace_id, "workspace_budget"), (owner.user_id, "person_budget")):
            ledger.budget(subject, 3)
            assert ledger.refused(owner, 4) == refused
            ledger.budget(subject, 2 * OF_WORKSPACE)
        ledger.reserved(owner, 2 * OF_WORKSPACE)
        assert ledger.refused(owner, 1) == "workspace_budget"

    def test_a_smaller_one_than_was_spent_refuses_all_that_costs(self, ledger: Ledger, owner: Person) -> None:
        ledger.settle(ledger.reserved(owner, 100), 100)
        ledger.budget(owner.user_id, 50)
        assert ledger.refused(owner, 1) == "person_budget"

    @pytest.mark.parametrize(("whose", "refused"), [("workspace_id", "workspace_budget"), ("user_id", "person_budget")])
    def test_0_asks_nobody_not_even_for_nothing(self, ledger: Ledger, owner: Person, whose: str, refused: str) -> None:
        ledger.budget(getattr(owner, whose), 0)
        assert ledger.refused(owner, 0) == refused
        assert ledger.refused(owner, 1) == refused
        assert ledger.db.owner.rows("select from private.ai_calls where user_id = %s", owner.user_id) == []

    def test_there_is_none_below_0(self, ledger: Ledger, owner: Person) -> None:
        with pytest.raises(psycopg.errors.CheckViolation):
            ledger.budget(owner.user_id, -1)

    def test_a_refusal_says_when_the_day_ends(self, ledger: Ledger, owner: Person) -> None:
        left = "select extract(epoch from date_trunc('day', now(), 'UTC') + interval '24 hours' - now())::float"
        for zone in ("UTC", "Pacific/Kiritimati", "America/Los_Angeles"):  # 14 hours ahead, 8 behind
            with ledger.db.service.transaction() as connection:
                connection.execute("select set_config('timezone', %s, true)", [zone])
                row = connection.execute(
                    "select public.reserve_ai_call(%s, %s, 'seeing', 'x', 'x', %s, 1)",
                    [owner.user_id, owner.workspace_id, OF_PERSON + 1],
                ).fetchone()
            assert row is not None
            seconds = row[0]["resets_in_seconds"]
            assert type(seconds) is int
            assert 0 < seconds <= DAY_SECONDS
            assert (seconds - ledger.db.owner.value(left)) % DAY_SECONDS == pytest.approx(1, abs=1.5)

    def test_yesterdays_spending_is_not_todays(self, ledger: Ledger, owner: Person) -> None:
        ledger.settle(ledger.reserved(owner, OF_PERSON), OF_PERSON)
        assert ledger.refused(owner, 1) == "person_budget"
        for subject in (owner.user_id, owner.workspace_id):
            ledger.change("update private.ai_spending set day = day - 1 where subject = %s", subject)
        ledger.reserved(owner, OF_PERSON)

    def test_a_call_begun_yesterday_counts_there(self, ledger: Ledger, owner: Person) -> None:
        call = ledger.reserved(owner, OF_PERSON)
        ledger.change("update private.ai_calls set day = day - 1 where id = %s", call)
        ledger.reserved(owner, OF_PERSON)
        ledger.settle(call, 9)
        assert ledger.spent(owner.user_id) == 0
        yesterday = "select micro_usd from private.ai_spending where subject = %s and day < (now() at time zone 'UTC')"
        assert ledger.db.owner.value(yesterday + "::date", owner.user_id) == 9

    def test_a_guest_is_paid_for_by_the_workspace_alone(self, ledger: Ledger, owner: Person) -> None:
        ledger.budget(owner.workspace_id, 1_000)
        call = ledger.reserved(owner, 700, as_guest=True)
        assert ledger.refused(owner, 301, as_guest=True) == "workspace_budget"
        ledger.settle(call, 600)
        assert (ledger.spent(owner.workspace_id), ledger.spent(owner.user_id)) == (600, 0)
        assert ledger.refused(owner, 401, as_guest=True) == "workspace_budget"
        ledger.reserved(owner, 400, as_guest=True)


class TestALease:
    def test_that_ran_out_gives_back(self, ledger: Ledger, owner: Person) -> None:
        call = ledger.reserved(owner, OF_PERSON)
        assert ledger.refused(owner, 1) == "person_budget"
        ledger.end_lease(call)
        ledger.reserved(owner, OF_PERSON)

    def test_a_call_settled_after_it_counts_all_the_same(self, ledger: Ledger, owner: Person) -> None:
        call = ledger.reserved(owner, OF_PERSON)
        ledger.end_lease(call)
        ledger.settle(call, OF_PERSON)
        assert ledger.spent(owner.user_id) == ledger.spent(owner.workspace_id) == OF_PERSON
        assert ledger.refused(owner, 1) == "person_budget"


class TestAtOnce:
    def test_a_workspaces_budget_for_7_admits_7_of_30(self, ledger: Ledger, owner: Person) -> None:
        people = [ledger.db.member(owner.workspace_id, "staff") for _ in range(30)]
        for _ in range(ROUNDS):
            left = ledger.spent(owner.workspace_id)
            ledger.budget(owner.workspace_id, left + 7 * 1_000 + 999)
            answers = at_once(30, lambda number: ledger.reserve(people[number], 1_000))
            calls = [answer["call"] for answer in answers if "call" in answer]
            assert len(calls) == 7
            assert {answer.get("refused") for answer in answers} == {None, "workspace_budget"}
            at_once(7, lambda number, calls=calls: ledger.settle(calls[number], 100 + number))  # type: ignore[misc]
            assert ledger.spent(owner.workspace_id) == left + 721

    def test_a_persons_does_over_workspaces(self, ledger: Ledger, owner: Person) -> None:
        homes = [ledger.db.sign_up().workspace_id for _ in range(4)]
        for _ in range(ROUNDS):
            left = ledger.spent(owner.user_id)
            ledger.budget(owner.user_id, left + 5 * 1_000)

            def ask(number: int) -> dict[str, Any]:
                return ledger.reserve(owner, 1_000, workspace_id=homes[number % 4])

            answers = at_once(20, ask)
            calls = [answer["call"] for answer in answers if "call" in answer]
            assert len(calls) == 5
            assert {answer.get("refused") for answer in answers} == {None, "person_budget"}
            at_once(5, lambda number, calls=calls: ledger.settle(calls[number], 11))  # type: ignore[misc]
            assert ledger.spent(owner.user_id) == left + 55

    def test_reserving_and_settling_in_all_directions_never_waits_for_itself(
        self, ledger: Ledger, owner: Person
    ) -> None:
        homes = [owner.workspace_id, *(ledger.db.sign_up().workspace_id for _ in range(2))]
        people = [owner, *(ledger.db.sign_up() for _ in range(2))]

        def act(number: int) -> int:
            cost = 0
            for again in range(6):
                person, home = people[(number + again) % 3], homes[number % 3]
                call = ledger.reserved(person, 100, workspace_id=home)
                ledger.settle(call, number + again, healthy=number > 0 or again % 2 == 0)
                cost += number + again
            return cost

        spent = sum(at_once(12, act))
        assert sum(ledger.spent(home) for home in homes) == sum(ledger.spent(p.user_id) for p in people) == spent


class TestDeleting:
    def test_a_person_leaves_the_workspaces_spending(self, ledger: Ledger, owner: Person) -> None:
        staff = ledger.db.member(owner.workspace_id, "staff")
        settled, under_way = ledger.reserved(staff, 100), ledger.reserved(staff, 100)
        ledger.settle(settled, 30)
        ledger.db.owner.rows("delete from auth.users where id = %s", staff.user_id)
        rows = ledger.db.owner.rows(
            "select user_id, micro_usd from private.ai_calls where id = any (%s) order by micro_usd",
            [settled, under_way],
        )
        assert rows == [(None, 30), (None, None)]
        assert ledger.spent(owner.workspace_id) == 30
        ledger.budget(owner.workspace_id, 130)
        assert ledger.refused(owner, 1) == "workspace_budget", "what is under way is still set aside"
        ledger.settle(under_way, 40)
        assert ledger.spent(owner.workspace_id) == 70

    def test_a_workspace_takes_its_calls_along_and_the_persons_spending_stays(
        self, ledger: Ledger, owner: Person
    ) -> None:
        other = ledger.db.sign_up().workspace_id
        ledger.settle(ledger.reserved(owner, 100, workspace_id=other), 30)
        under_way = ledger.reserved(owner, 100, workspace_id=other)
        ledger.db.owner.rows("delete from public.workspaces where id = %s", other)
        assert ledger.db.owner.rows("select from private.ai_calls where workspace_id = %s", other) == []
        ledger.settle(under_way, 50)
        assert ledger.spent(owner.user_id) == 30

    def test_for_a_workspace_that_is_gone_nothing_is_reserved(self, ledger: Ledger, owner: Person) -> None:
        with pytest.raises(psycopg.errors.ForeignKeyViolation):
            ledger.reserve(owner, workspace_id=uuid4())
        with pytest.raises(psycopg.errors.ForeignKeyViolation):
            ledger.reserve(Person(owner.pool, "authenticated", uuid4(), owner.workspace_id))


class TestBreaker:
    def test_opens_after_five_failures_in_a_row(self, ledger: Ledger, owner: Person) -> None:
        ledger.fail(owner, 4)
        ledger.fail(owner)  # the fifth is still let through
        assert ledger.refused(owner) == "circuit_open"
        assert ledger.breaker() == (5, True, False)

    def test_a_success_in_between_forgets(self, ledger: Ledger, owner: Person) -> None:
        for _ in range(3):
            ledger.fail(owner, 4)
            ledger.settle(ledger.reserved(owner))
        assert ledger.breaker() == (0, False, False)
        ledger.fail(owner, 4)
        ledger.reserved(owner)

    def test_successes_of_a_provider_that_never_failed_write_nothing(self, ledger: Ledger, owner: Person) -> None:
        ledger.settle(ledger.reserved(owner))
        assert ledger.db.owner.rows("select from private.ai_breakers where provider = %s", ledger.provider) == []

    def test_is_each_providers_own_and_everybodys(self, ledger: Ledger, owner: Person) -> None:
        ledger.open(owner)
        assert ledger.refused(ledger.db.sign_up()) == "circuit_open"
        Ledger(ledger.db, ledger.provider[:20]).reserved(owner)

    def test_counts_failures_that_come_at_once(self, ledger: Ledger, owner: Person) -> None:
        calls = [ledger.reserved(owner) for _ in range(12)]
        at_once(4, lambda number: ledger.settle(calls[number], healthy=False))
        ledger.reserved(owner)
        at_once(8, lambda number: ledger.settle(calls[4 + number], healthy=False))
        assert ledger.refused(owner) == "circuit_open"

    def test_stays_open_for_30_seconds_whatever_arrives_late(self, ledger: Ledger, owner: Person) -> None:
        late = [ledger.reserved(owner) for _ in range(3)]
        ledger.open(owner)
        until = "select opened_until from private.ai_breakers where provider = %s"
        opened_until = ledger.db.owner.value(until, ledger.provider)
        left = ledger.db.owner.value("select extract(epoch from %s - clock_timestamp())::float", opened_until)
        assert left == pytest.approx(30, abs=2)
        for call in late:
            ledger.settle(call, healthy=False)
        assert ledger.db.owner.value(until, ledger.provider) == opened_until
        ledger.change(
            "update private.ai_breakers set opened_until = opened_until - interval '25 seconds' where provider = %s",
            ledger.provider,
        )
        assert ledger.refused(owner) == "circuit_open"

    def test_a_late_success_closes_it(self, ledger: Ledger, owner: Person) -> None:
        late = ledger.reserved(owner)
        ledger.open(owner)
        ledger.settle(late)
        assert ledger.breaker() == (0, False, False)
        ledger.reserved(owner)

    def test_a_late_failure_after_the_probes_success_is_one_of_five(self, ledger: Ledger, owner: Person) -> None:
        late = ledger.reserved(owner)
        ledger.open(owner)
        ledger.after_30_seconds()
        ledger.settle(ledger.reserved(owner))
        ledger.settle(late, healthy=False)
        assert ledger.breaker() == (1, False, False)
        ledger.reserved(owner)

    def test_half_open_lets_exactly_one_through(self, ledger: Ledger, owner: Person) -> None:
        ledger.open(owner)
        for _ in range(ROUNDS):
            ledger.after_30_seconds()
            answers = at_once(20, lambda _: ledger.reserve(owner))
            [probe] = [answer["call"] for answer in answers if "call" in answer]
            assert sorted(answer.get("refused", "") for answer in answers) == ["", *["circuit_open"] * 19]
            assert ledger.refused(owner) == "circuit_open"
            ledger.settle(probe, healthy=False, outcome="timeout")
            assert ledger.refused(owner) == "circuit_open"

    def test_a_probe_that_fails_opens_it_for_another_30_seconds(self, ledger: Ledger, owner: Person) -> None:
        ledger.open(owner)
        ledger.after_30_seconds()
        ledger.settle(ledger.reserved(owner), healthy=False)
        assert ledger.refused(owner) == "circuit_open"
        left = ledger.db.owner.value(
            "select extract(epoch from opened_until - clock_timestamp())::float from private.ai_breakers "
            "where provider = %s",
            ledger.provider,
        )
        assert left == pytest.approx(30, abs=2)
        assert ledger.breaker() == (6, True, False)

    def test_a_probe_that_succeeds_closes_it_and_five_are_needed_again(self, ledger: Ledger, owner: Person) -> None:
        ledger.open(owner)
        ledger.after_30_seconds()
        ledger.settle(ledger.reserved(owner))
        assert ledger.breaker() == (0, False, False)
        answers = at_once(10, lambda _: ledger.reserve(owner))
        assert all("call" in answer for answer in answers)
        ledger.fail(owner, 4)
        ledger.reserved(owner)

    def test_a_probe_whose_process_died_is_taken_over_after_its_lease(self, ledger: Ledger, owner: Person) -> None:
        ledger.open(owner)
        ledger.after_30_seconds()
        dead = ledger.reserved(owner)
        assert ledger.refused(owner) == "circuit_open"
        ledger.change(
            "update private.ai_breakers set probe_until = clock_timestamp() where provider = %s", ledger.provider
        )
        answers = at_once(10, lambda _: ledger.reserve(owner))
        [second] = [answer["call"] for answer in answers if "call" in answer]
        assert second != dead
        ledger.settle(second)
        ledger.reserved(owner)

    def test_a_probe_is_leased_as_long_as_its_call(self, ledger: Ledger, owner: Person) -> None:
        ledger.open(owner)
        ledger.after_30_seconds()
        ledger.reserved(owner, lease_seconds=7)
        left = "select extract(epoch from probe_until - clock_timestamp())::float from private.ai_breakers "
        assert ledger.db.owner.value(left + "where provider = %s", ledger.provider) == pytest.approx(7, abs=1.5)

    def test_who_cannot_pay_does_not_use_the_probe_up(self, ledger: Ledger, owner: Person) -> None:
        ledger.open(owner)
        ledger.after_30_seconds()
        assert ledger.refused(owner, OF_PERSON + 1) == "person_budget"
        ledger.reserved(owner)

    def test_a_probe_that_is_rolled_back_was_none(self, ledger: Ledger, owner: Person) -> None:
        ledger.open(owner)
        ledger.after_30_seconds()
        with pytest.raises(psycopg.errors.ForeignKeyViolation):
            ledger.reserve(owner, workspace_id=uuid4())
        ledger.reserved(owner)

    def test_what_it_refuses_is_not_set_aside(self, ledger: Ledger, owner: Person) -> None:
        ledger.open(owner)
        assert ledger.refused(owner, OF_PERSON) == "circuit_open"
        Ledger(ledger.db, "another").reserved(owner, OF_PERSON)
