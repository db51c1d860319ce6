"""Who reads and lists which orders."""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID, uuid4

import pytest

from tests.database.market import Json, Market, sqlstate
from tests.ordering import DEPOSIT


class TestSeeing:
    @pytest.fixture
    def orders(self, market: Market) -> dict[str, UUID]:
        made = {"bought": market.create(), "made": market.create(market.people["another buyer"])}
        market.owner.call("assign_order", order_id=made["made"], user_id=market.people["supplier"].user_id)
        return made

    SEEN: ClassVar = {
        "owner": {"bought", "made"}, "manager": {"bought", "made"}, "staff": {"bought", "made"},
        "readonly": {"bought", "made"}, "buyer": {"bought"}, "another buyer": {"made"}, "supplier": {"made"},
        "factory": set(), "designer": None, "inventory_manager": None, "stranger": None,
    }  # fmt: skip

    @pytest.mark.parametrize("actor", SEEN)
    def test_what_is_theirs(self, market: Market, orders: dict[str, UUID], actor: str) -> None:
        person, wanted = market.people[actor], self.SEEN[actor]
        listed = person.call("list_orders", workspace_id=market.owner.workspace_id)
        if wanted is None:
            assert listed["status"] == (404 if actor == "stranger" else 403)
        else:
            assert {row["id"] for row in listed["body"]} == {str(orders[name]) for name in wanted}
        selected = {row[0] for row in person.rows("select id from public.orders")}
        assert selected == {orders[name] for name in wanted or ()}
        for name, order in orders.items():
            assert person.call("read_order", order_id=order)["status"] == (200 if name in (wanted or ()) else 404)

    @pytest.mark.parametrize("column", ["*", "total_minor", "customer", "lines", "assigned_to", "tracking_token_hash"])
    def test_a_select_tells_no_prices_nor_people(self, market: Market, orders: dict[str, UUID], column: str) -> None:
        for actor in ("owner", "buyer", "supplier"):
            query = f"select {column} from public.orders"  # noqa: S608
            assert sqlstate(market.people[actor].rows, query) == "42501"

    def test_page_by_page_and_filtered(self, market: Market) -> None:
        made = [market.create() for _ in range(7)]
        market.pay(made[2], DEPOSIT)
        market.move(market.owner, made[4], "cancelled")
        found: list[str] = []
        after = None
        while rows := market.owner.call("list_orders", after=after, page_size=3)["body"]:
            found += [row["id"] for row in rows]
            after = rows[-1]["id"]
        assert found == [str(order) for order in reversed(made)]
        cases: list[tuple[Json, list[UUID]]] = [
            ({"payment_state": "deposit_paid"}, [made[2]]),
            ({"workflow_state": "cancelled"}, [made[4]]),
            ({"workflow_state": "cancelled", "payment_state": "paid"}, []),
        ]
        for filters, wanted in cases:
            rows = market.owner.call("list_orders", **filters)["body"]
            assert [row["id"] for row in rows] == [str(order) for order in wanted]

    def test_a_platform_admin_sees_all(self, market: Market, orders: dict[str, UUID]) -> None:
        admin = market.db.sign_up()
        market.db.owner.rows("insert into public.platform_admins (user_id) values (%s)", admin.user_id)
        assert len(admin.call("list_orders", workspace_id=market.owner.workspace_id)["body"]) == 2
        assert admin.call("read_order", order_id=orders["bought"])["status"] == 200
        assert admin.call("read_order", order_id=uuid4())["status"] == 404
