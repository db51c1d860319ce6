"""Moves of orders are those of the table, made by those who may, and told in order."""

from __future__ import annotations

import itertools
from typing import Any
from uuid import uuid4

import pytest
from psycopg.types.json import Jsonb

from tests.database.market import Market
from tests.database.workflow import FROM, HOLDABLE, PAYMENTS, STATES, expected
from tests.ordering import DEPOSIT, TOTAL

LETTERS = {
    "owner": "s", "admin": "s", "manager": "s", "buyer": "b", "supplier": "m", "factory": "m",
    "staff": "", "readonly": "",
}  # fmt: skip
STRANGERS = ("inventory_manager", "designer", "another buyer", "another supplier", "stranger")


class TestMoves:
    """Every pair of states, every actor, every payment state."""

    @pytest.mark.parametrize(("state", "held"), FROM, ids=lambda value: value or "-")
    def test_are_made_by_those_who_may_when_it_is_paid_for(self, market: Market, state: str, held: str) -> None:
        order, asked, made = market.create(), 0, 0
        for payment, to, actor in itertools.product(PAYMENTS, STATES, LETTERS):
            maker = market.people[actor] if LETTERS[actor] == "m" else None
            market.put(order, state, payment, maker, held)
            may = expected(state, to, held, payment)
            letter = LETTERS[actor]
            if not letter:
                wanted: tuple[int, str | None] = (403, "permission_denied")
            elif letter in may and payment in may[letter]:
                wanted = (200, None)
            elif letter in may:
                wanted = (409, "already_paid" if may[letter] == {"unpaid"} else "payment_needed")
            elif may:
                wanted = (403, "permission_denied")
            else:
                wanted = (409, "move_not_allowed")
            with market.people[actor].transaction() as connection:
                row = connection.execute("select public.transition_order(%s, %s)", [order, to]).fetchone()
                assert row is not None
                answer = row[0]
                found = (answer["status"], answer.get("code"))
            assert found == wanted, (payment, to, actor)
            assert market.state(order) == (to if found[0] == 200 else state), (payment, to, actor)
            asked, made = asked + 1, made + (found[0] == 200)
        assert asked == 400
        assert made == sum(
            len(payments) * list(LETTERS.values()).count(letter)
            for to in STATES
            for letter, payments in expected(state, to, held, "").items()
        )

    @pytest.mark.parametrize("actor", STRANGERS)
    def test_whoever_may_not_see_the_order_is_told_that_there_is_none(self, market: Market, actor: str) -> None:
        order, person = market.create(), market.people[actor]
        market.put(order, "awaiting_payment", "paid", market.people["supplier"])
        for procedure, more in (
            ("read_order", {}),
            ("transition_order", {"state": "in_production"}),
            ("cancel_order", {}),
            ("assign_order", {"user_id": person.user_id}),
        ):
            theirs = person.call(procedure, order_id=order, **more)
            assert theirs == person.call(procedure, order_id=uuid4(), **more)
            assert theirs["status"] == 404
        assert market.state(order) == "awaiting_payment"

    def test_that_are_told_are_those_that_can_be_made(self, market: Market) -> None:
        order = market.create()
        for (state, held), payment, actor in itertools.product(FROM, PAYMENTS, ("owner", "buyer", "supplier")):
            market.put(order, state, payment, market.people["supplier"], held)
            told = market.people[actor].call("read_order", order_id=order)["body"]["moves"]
            letter = LETTERS[actor]
            wanted = [
                to for to in STATES if payment in expected(state, to, held, payment).get(letter, set())
            ]  # fmt: skip
            assert told == sorted(wanted), (state, held, payment, actor)

    def test_the_table_has_these_and_no_others(self, market: Market) -> None:
        wanted = {
            (state, to, letter) for state, held in FROM for to in STATES for letter in expected(state, to, held, "")
        }
        scopes = {"all": "s", "own": "b", "assigned": "m"}
        rows = market.db.owner.rows("select from_state, to_state, by from private.order_moves")
        assert {(state, to, scopes[by]) for state, to, by in rows} == wanted
        assert len(rows) == 30

    def test_a_custom_role_moves_only_what_its_scope_reaches(self, market: Market) -> None:
        db, home = market.db, market.owner.workspace_id
        role = db.owner.value(
            "insert into public.roles (workspace_id, name) values (%s, %s) returning id", home, f"r{uuid4().hex[:20]}"
        )
        db.owner.rows(
            """
            insert into public.role_permissions (role_id, permission, scope)
            values (%s, 'orders.read', 'all'), (%s, 'orders.write', 'own')
            """,
            role,
            role,
        )
        person = db.member(home, "readonly")
        db.owner.rows(
            "update public.members set role_id = %s where (workspace_id, user_id) = (%s, %s)",
            role,
            home,
            person.user_id,
        )
        theirs, others = market.create(person), market.create()
        assert market.move(person, others, "cancelled")["status"] == 403
        assert market.move(person, theirs, "cancelled")["status"] == 200

    def test_whoever_signed_out_moves_nothing(self, market: Market) -> None:
        order = market.create()
        person = market.db.member(market.owner.workspace_id, "manager")
        market.db.owner.rows("delete from auth.sessions where user_id = %s", person.user_id)
        assert market.move(person, order, "cancelled")["status"] == 401
        assert person.call("read_order", order_id=order)["status"] == 401

    def test_nothing_goes_to_what_is_no_state(self, market: Market) -> None:
        order = market.create()
        for to in ("", "lost", "Cancelled", None):
            assert market.move(market.owner, order, to)["code"] == "move_not_allowed"


class TestOnHold:
    @pytest.mark.parametrize("held", HOLDABLE)
    def test_goes_back_where_it_was_and_nowhere_else(self, market: Market, held: str) -> None:
        order = market.create()
        market.put(order, held, "paid")
        assert market.move(market.owner, order, "on_hold", reason="No cotton")["body"]["held_from"] == held
        for to in set(STATES) - {held, "cancelled"}:
            assert market.move(market.owner, order, to)["code"] == "move_not_allowed"
        answer = market.move(market.owner, order, held)
        assert (answer["body"]["workflow_state"], answer["body"]["held_from"]) == (held, None)

    def test_is_not_told_another_state_to_go_back_to(self, market: Market) -> None:
        order = market.create()
        market.move(market.owner, order, "on_hold")
        update = "update public.orders set held_from = 'ready_to_ship' where id = %s"
        market.db.owner.rows(update, order)
        assert market.of(order, "held_from") == ("awaiting_payment",)

    def test_does_not_go_on_producing_what_was_refunded(self, market: Market) -> None:
        order = market.create()
        market.pay(order, DEPOSIT)
        market.move(market.owner, order, "in_production")
        market.move(market.owner, order, "on_hold")
        market.pay(order, DEPOSIT, DEPOSIT)
        assert market.move(market.owner, order, "in_production")["code"] == "payment_needed"
        assert market.move(market.owner, order, "cancelled")["status"] == 200


class TestTelling:
    def test_each_move_is_mailed_in_order_and_written_down(self, market: Market) -> None:
        order, owner = market.create(), market.owner
        market.pay(order, TOTAL)
        parcel = {"carrier": "DHL", "number": "JD01 4600", "link": "https://example.com/t/1"}
        path = ["in_production", "on_hold", "in_production", "quality_check", "ready_to_ship"]
        for to in path:
            assert (
                market.move(owner, order, to, reason="No cotton\nthis week" if to == "on_hold" else None)["status"]
                == 200
            )
        answer = market.move(owner, order, "shipped", tracking=parcel)
        assert answer["body"]["tracking"] == parcel
        mails = [data for template, data in market.mails() if template == "order-status"]
        assert [data["status"] for data in mails] == [*path, "shipped"]
        assert mails[1]["reason"] == "No cotton\nthis week"
        assert mails[-1]["tracking"] == parcel
        assert all("tracking" not in data for data in mails[:-1])
        keys = market.db.owner.rows(
            "select distinct ordering_key from private.outbox where workspace_id = %s", owner.workspace_id
        )
        assert keys == [(f"{owner.home}:order {order}",)]
        steps = ["awaiting_payment", *path, "shipped"]
        assert [(a, b) for a, b, *_ in market.history(order)] == list(zip([None, *steps[:-1]], steps, strict=True))
        moves = [row for row in market.db.audit(owner.workspace_id) if row[0] == "order.moved" and row[2] == str(order)]
        assert [row[3]["to"] for row in moves] == steps[1:]
        assert {row[1] for row in moves} == {owner.user_id}

    def test_a_move_undone_tells_nobody(self, market: Market) -> None:
        order = market.create()
        before = (market.mails(), market.history(order), market.of(order, "orders.*"))
        with market.owner.transaction() as connection, connection.transaction(force_rollback=True):
            row = connection.execute("select public.transition_order(%s, 'cancelled') -> 'status'", [order]).fetchone()
        assert row == (200,)
        assert (market.mails(), market.history(order), market.of(order, "orders.*")) == before

    @pytest.mark.parametrize("reason", ["", " ", "x" * 501, "\u202ecba", "a\x07", "\u2060"])
    def test_a_reason_is_something_one_can_read(self, market: Market, reason: str) -> None:
        order = market.create()
        assert market.move(market.owner, order, "cancelled", reason=reason)["code"] == "invalid_reason"

    @pytest.mark.parametrize(
        ("to", "tracking"),
        [
            ("shipped", {}),
            ("shipped", {"carrier": "DHL"}),
            ("shipped", {"carrier": "DHL", "number": "1", "link": "javascript:alert(1)"}),
            ("shipped", {"carrier": "DHL", "number": "1", "link": "http://example.com"}),
            ("shipped", {"carrier": "DHL", "number": "1", "price": "1"}),
            ("shipped", {"carrier": "D\nL", "number": "1"}),
            ("shipped", []),
            ("cancelled", {"carrier": "DHL", "number": "1"}),
        ],
    )
    def test_tracking_is_a_parcel_that_leaves(self, market: Market, to: str, tracking: Any) -> None:
        order = market.create()
        market.put(order, "ready_to_ship", "paid")
        answer = market.owner.call("transition_order", order_id=order, state=to, tracking=Jsonb(tracking))
        assert answer["code"] == "invalid_tracking"

    def test_a_move_that_is_others_is_audited(self, market: Market) -> None:
        order, buyer = market.create(), market.people["buyer"]
        market.put(order, "in_production", "paid")
        assert market.move(buyer, order, "cancelled")["status"] == 403
        action, actor, target, *_ = market.db.audit(market.owner.workspace_id)[-1]
        assert (action, actor, target) == ("access.denied", buyer.user_id, str(order))
