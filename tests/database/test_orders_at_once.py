"""Orders that many move, pay for and make at the same time."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from tests.database.acting import at_once
from tests.database.market import Market, sqlstate
from tests.ordering import DEPOSIT, LINES, TOTAL


class TestAtOnce:
    ROUNDS = 5

    def test_of_twenty_alike_one_moves(self, market: Market) -> None:
        for _ in range(self.ROUNDS):
            order = market.create()
            market.pay(order, DEPOSIT)
            answers = market.move_at_once(order, ["in_production"] * 20)
            assert sorted(answer["status"] for answer in answers) == [200] + [409] * 19
            assert [to for _, to, *_ in market.history(order)] == ["awaiting_payment", "in_production"]

    def test_of_a_cancelling_buyer_and_a_payment_both_are_never_had(self, market: Market) -> None:
        """A buyer cancels while nothing is paid: what was paid before that keeps the order."""
        buyer, outcomes = market.people["buyer"], set()
        for _ in range(self.ROUNDS * 2):
            order = market.create()

            def act(number: int, order: UUID = order) -> Any:
                return market.pay(order, DEPOSIT) if number else buyer.call("cancel_order", order_id=order)["status"]

            status, payment = at_once(2, act)
            assert payment == "deposit_paid"
            state, history = market.state(order), market.history(order)
            assert (status, state) in ((200, "cancelled"), (409, "awaiting_payment"))
            assert len(history) == (2 if status == 200 else 1)
            outcomes.add(status)
        assert outcomes <= {200, 409}

    def test_twenty_different_moves_leave_one_unbroken_path(self, market: Market) -> None:
        for _ in range(self.ROUNDS):
            order = market.create()
            market.pay(order, TOTAL)
            wishes = ["in_production", "on_hold", "cancelled", "quality_check", "ready_to_ship"] * 4
            market.move_at_once(order, wishes)
            path = market.history(order)
            assert [step[1] for step in path[:-1]] == [step[0] for step in path[1:]]
            assert path[-1][1] == market.state(order)
            assert len(market.mails()) == len(path)
            market.db.owner.rows("delete from private.email_messages")

    def test_numbers_have_no_gaps(self, market: Market) -> None:
        def make(number: int) -> None:
            lines = LINES if number % 3 else [{**LINES[0], "amount_minor": 1}]  # every third is refused
            sqlstate(market.create, _lines=Jsonb(lines))

        market.db.owner.rows("delete from private.number_counters where workspace_id = %s", market.owner.workspace_id)
        at_once(30, make)
        rows = market.db.owner.rows(
            "select number from public.orders where workspace_id = %s order by number", market.owner.workspace_id
        )
        year = market.db.owner.value("select extract(year from now() at time zone 'UTC')::int")
        assert [number for (number,) in rows] == [f"O-{year}-{n:05d}" for n in range(1, 21)]
