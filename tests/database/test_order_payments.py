"""The payment state of an order is what the money makes of it, in whatever order it is told."""

from __future__ import annotations

import itertools
import random
from uuid import UUID

from tests.database.acting import NOBODY, at_once
from tests.database.market import Market, sqlstate
from tests.database.workflow import PAYMENTS
from tests.ordering import DEPOSIT, TOTAL


class TestPayment:
    def test_follows_from_the_sums(self, market: Market) -> None:
        order = market.create()
        steps = [
            ((DEPOSIT - 1, 0), "unpaid"),
            ((DEPOSIT, 0), "deposit_paid"),
            ((TOTAL - 1, 0), "deposit_paid"),
            ((TOTAL, 0), "paid"),
            ((TOTAL, 1), "partly_refunded"),
            ((TOTAL + 1, 1), "partly_refunded"),
            ((TOTAL + 1, TOTAL + 1), "refunded"),
            ((2 * TOTAL, TOTAL + 1), "partly_refunded"),
        ]
        for (received, refunded), state in steps:
            assert market.pay(order, received, refunded) == state
            assert market.pay(order, received, refunded) == state
            assert market.of(order, "received_minor, refunded_minor") == (received, refunded)
        path = [(before, after) for before, after, *_ in market.history(order, "payment")]
        assert path == [
            ("unpaid", "deposit_paid"),
            ("deposit_paid", "paid"),
            ("paid", "partly_refunded"),
            ("partly_refunded", "refunded"),
            ("refunded", "partly_refunded"),
        ]
        assert market.state(order) == "awaiting_payment"

    def test_comes_to_the_same_in_any_order_however_often_it_is_told(self, market: Market) -> None:
        told = [(DEPOSIT, 0), (TOTAL, 0), (TOTAL, 1000), (TOTAL, TOTAL)]
        for order_of_news in itertools.permutations(told):
            order, ranks = market.create(), [0]
            for news in order_of_news:
                for _ in range(2):
                    ranks.append(list(PAYMENTS).index(market.pay(order, *news)))
            assert ranks == sorted(ranks)
            assert market.of(order, "payment_state, received_minor, refunded_minor") == ("refunded", TOTAL, TOTAL)

    def test_is_paid_no_more_once_something_was_given_back_whatever_is_told(self, market: Market) -> None:
        chance = random.Random(7)
        for _ in range(20):
            order, received, refunded = market.create(), 0, 0
            for _ in range(12):
                news = chance.choice([0, 1, DEPOSIT, TOTAL, TOTAL + 5])
                back = chance.choice([0, 0, 1, DEPOSIT, TOTAL])
                if max(refunded, back) > max(received, news):
                    assert sqlstate(market.pay, order, news, back) == "23514"
                    continue
                received, refunded = max(received, news), max(refunded, back)
                state = market.pay(order, news, back)
                assert (state in ("partly_refunded", "refunded")) == (refunded > 0)
                assert (state == "refunded") == (0 < received == refunded)
            assert market.of(order, "received_minor, refunded_minor") == (received, refunded)

    def test_is_what_it_was_when_a_refund_comes_back(self, market: Market) -> None:
        order = market.create()
        market.pay(order, TOTAL, TOTAL)
        back = "select (private.record_payment(%s, %s, 0, _came_back => true)).payment_state"
        for _ in range(2):
            assert market.db.owner.rows(back, order, TOTAL) == [("paid",)]
        assert market.of(order, "received_minor, refunded_minor") == (TOTAL, 0)
        assert market.history(order, "payment")[-1][:2] == ("refunded", "paid")

    def test_twenty_at_once_are_counted_once(self, market: Market) -> None:
        for _ in range(5):
            order = market.create()

            def pay(number: int, order: UUID = order) -> str:
                return market.pay(order, TOTAL if number % 2 else DEPOSIT)

            states = at_once(20, pay)
            assert set(states) <= {"deposit_paid", "paid"}
            assert market.of(order, "payment_state, received_minor") == ("paid", TOTAL)
            assert len(market.history(order, "payment")) in (1, 2)

    def test_of_an_order_without_a_deposit_begins_unpaid(self, market: Market) -> None:
        order = market.create(_deposit_minor=0)
        assert market.of(order, "payment_state") == ("unpaid",)
        assert market.move(market.owner, order, "in_production")["status"] == 200
        assert market.pay(order, 1) == "deposit_paid"

    def test_given_back_in_part_has_to_come_again_before_it_is_shipped(self, market: Market) -> None:
        order = market.create()
        market.pay(order, TOTAL, 1000)
        for to in ("in_production", "quality_check", "ready_to_ship"):
            assert market.move(market.owner, order, to)["status"] == 200
        assert market.move(market.owner, order, "shipped")["code"] == "payment_needed"
        market.pay(order, TOTAL + 1000, 1000)
        assert market.move(market.owner, order, "shipped")["status"] == 200

    def test_of_a_deposit_given_back_in_part_begins_no_production(self, market: Market) -> None:
        order = market.create()
        market.pay(order, DEPOSIT, 1)
        assert market.move(market.owner, order, "in_production")["code"] == "payment_needed"
        market.pay(order, DEPOSIT + 1, 1)
        assert market.move(market.owner, order, "in_production")["status"] == 200

    def test_goes_on_after_the_order_was_cancelled(self, market: Market) -> None:
        order = market.create()
        market.pay(order, DEPOSIT)
        market.move(market.owner, order, "cancelled")
        assert market.pay(order, DEPOSIT, DEPOSIT) == "refunded"
        assert market.state(order) == "cancelled"

    def test_is_written_down(self, market: Market) -> None:
        order = market.create()
        market.db.owner.rows(
            "select private.record_payment(%s, %s, 0, %s, 'by card')", order, DEPOSIT, market.owner.user_id
        )
        assert market.history(order, "payment") == [("unpaid", "deposit_paid", market.owner.user_id, "by card")]
        action, actor, target, details, _ = market.db.audit(market.owner.workspace_id)[-1]
        assert (action, actor, target) == ("order.payment", market.owner.user_id, str(order))
        assert details == {"received_minor": DEPOSIT, "refunded_minor": 0, "state": "deposit_paid"}

    def test_of_no_order_fails(self, market: Market) -> None:
        assert sqlstate(market.pay, NOBODY, 1) == "P0002"
