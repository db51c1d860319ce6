"""Orders assigned to who makes them: what they then see, and what they don't."""

from __future__ import annotations

import json

import pytest

from tests.database.market import Market


class TestAssigning:
    def test_shows_the_order_to_who_makes_it_without_prices_and_customer(self, market: Market) -> None:
        order, supplier = market.create(), market.people["supplier"]
        assert supplier.call("read_order", order_id=order)["status"] == 404
        given = market.owner.call("assign_order", order_id=order, user_id=supplier.user_id)
        assert given["body"]["assigned_to"] == supplier.id
        seen = supplier.call("read_order", order_id=order)["body"]
        assert seen["lines"] == [
            {
                "kind": "item",
                "description": "Heavyweight hoodie, black",
                "detail": "3-colour front print",
                "quantity": "500",
                "unit": "pcs",
                "unit_price": None,
                "amount": None,
            }
        ]
        told = json.dumps([seen, supplier.call("list_orders")["body"]])
        for secret in ("minor", "USD", "maya", "Maya", "Lindqvist", "FOB", market.people["buyer"].id, market.owner.id):
            assert secret not in told

    def test_the_buyer_is_not_told_who_makes_it_nor_who_moves_it(self, market: Market) -> None:
        order, buyer = market.create(), market.people["buyer"]
        market.owner.call("assign_order", order_id=order, user_id=market.people["factory"].user_id)
        market.move(market.owner, order, "on_hold")
        told = json.dumps([buyer.call("read_order", order_id=order)["body"], buyer.call("list_orders")["body"]])
        assert market.people["factory"].id not in told
        assert market.owner.id not in told
        assert "maya@example.com" in told
        assert "rule" not in told

    @pytest.mark.parametrize("role", ["owner", "staff", "buyer", "designer", "stranger"])
    def test_is_only_to_suppliers_and_factories_of_the_workspace(self, market: Market, role: str) -> None:
        order = market.create()
        person = market.people[role]
        assert market.owner.call("assign_order", order_id=order, user_id=person.user_id)["code"] == "not_assignable"

    @pytest.mark.parametrize(
        ("role", "status"), [("owner", 200), ("manager", 200), ("staff", 403), ("buyer", 403), ("supplier", 403)]
    )
    def test_is_the_staff_s(self, market: Market, role: str, status: int) -> None:
        order, factory = market.create(), market.people["factory"]
        market.put(order, "awaiting_payment", maker=market.people["supplier"])
        answer = market.people[role].call("assign_order", order_id=order, user_id=factory.user_id)
        assert answer["status"] == status

    def test_can_be_taken_back(self, market: Market) -> None:
        order, supplier = market.create(), market.people["supplier"]
        market.owner.call("assign_order", order_id=order, user_id=supplier.user_id)
        assert market.owner.call("assign_order", order_id=order, user_id=None)["body"]["assigned_to"] is None
        assert supplier.call("read_order", order_id=order)["status"] == 404

    @pytest.mark.parametrize("state", ["completed", "cancelled"])
    def test_ends_with_the_order(self, market: Market, state: str) -> None:
        order = market.create()
        market.put(order, state)
        answer = market.owner.call("assign_order", order_id=order, user_id=market.people["supplier"].user_id)
        assert answer["code"] == "order_ended"

    def test_whoever_left_sees_it_no_more(self, market: Market) -> None:
        order, supplier = market.create(), market.db.member(market.owner.workspace_id, "supplier")
        market.owner.call("assign_order", order_id=order, user_id=supplier.user_id)
        assert supplier.call("read_order", order_id=order)["status"] == 200
        market.db.owner.rows(
            "delete from public.members where (workspace_id, user_id) = (%s, %s)",
            market.owner.workspace_id,
            supplier.user_id,
        )
        assert supplier.call("read_order", order_id=order)["status"] == 404
        assert supplier.rows("select id from public.orders") == []
