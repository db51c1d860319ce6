"""What the table of orders refuses by itself, whoever writes to it."""

from __future__ import annotations

import itertools
from typing import ClassVar
from uuid import uuid4

import pytest
from psycopg.types.json import Jsonb

from tests.database.market import Json, Market, sqlstate
from tests.database.workflow import FROM, PAYMENTS, STATES, expected
from tests.ordering import TOTAL

REFUSED = "BR004"


class TestTheDatabaseItself:
    """As the owner of the table, by UPDATE."""

    @pytest.mark.parametrize("payment", PAYMENTS)
    def test_refuses_every_other_move(self, market: Market, payment: str) -> None:
        order, refused, done = market.create(), 0, 0
        for (state, held), to in itertools.product(FROM, STATES):
            if to == state:
                continue
            market.put(order, state, payment, None, held)
            may = any(payment in payments for payments in expected(state, to, held, payment).values())
            found = sqlstate(
                market.db.owner.rows, "update public.orders set workflow_state = %s where id = %s", to, order
            )
            assert found == (None if may else REFUSED), (state, held, to)
            assert market.state(order) == (to if may else state)
            refused, done = refused + (not may), done + may
        assert refused + done == 13 * 9
        assert refused > 80

    @pytest.mark.parametrize("role", ["superuser", "service"])
    def test_refuses_whoever_it_is(self, market: Market, role: str) -> None:
        order = market.create()
        actor = {"superuser": market.db.superuser, "service": market.db.service}[role]
        found = sqlstate(actor.rows, "update public.orders set workflow_state = 'shipped' where id = %s", order)
        assert found == (REFUSED if role == "superuser" else "42501")

    FROZEN: ClassVar = {
        "id": "gen_random_uuid()",
        "number": "'O-2026-99999'",
        "quote_id": "gen_random_uuid()",
        "summary": "'1 hoodie'",
        "currency": "'EUR'",
        "lines": "'[{\"kind\": \"item\", \"description\": \"a\", \"amount_minor\": 976000}]'",
        "subtotal_minor": "1",
        "total_minor": "total_minor + 1, balance_minor = balance_minor + 1",
        "deposit_minor": "deposit_minor + 1, balance_minor = balance_minor - 1",
        "balance_minor": "balance_minor + 1, deposit_minor = deposit_minor - 1",
        "terms": "'{}'",
        "tracking_token_hash": "sha256('a')",
        "created_at": "now() - interval '1 day'",
        "customer": "customer || '{\"email\": \"other@example.com\"}'",
        "payment_state": "'paid'",
        "received_minor": "976000",
        "refunded_minor": "1, received_minor = 1",
    }  # fmt: skip

    @pytest.mark.parametrize("column", FROZEN)
    def test_keeps_what_was_agreed(self, market: Market, column: str) -> None:
        order = market.create()
        before = market.of(order, "orders.*")
        update = f"update public.orders set {column} = {self.FROZEN[column]} where id = %s"  # noqa: S608
        assert sqlstate(market.db.owner.rows, update, order) == REFUSED
        assert market.of(order, "orders.*") == before

    def test_names_every_column_as_frozen_or_moving(self, market: Market) -> None:
        columns = market.db.owner.rows(
            """
            select attname::text from pg_attribute
            where attrelid = 'public.orders'::regclass and attnum > 0 and not attisdropped
            """
        )
        moving = {"workflow_state", "held_from", "assigned_to", "tracking", "expected_on", "updated_at", "revision"}
        assert {name for (name,) in columns} == set(self.FROZEN) | moving | {"workspace_id", "buyer_id"}

    def test_lets_an_order_change_neither_workspace_nor_buyer(self, market: Market) -> None:
        order, other = market.create(), market.people["another buyer"]
        stranger = market.people["stranger"]
        for column, value in (("workspace_id", stranger.workspace_id), ("buyer_id", other.user_id)):
            update = f"update public.orders set {column} = %s where id = %s"  # noqa: S608
            assert sqlstate(market.db.owner.rows, update, value, order) == REFUSED

    def test_lets_a_customer_be_forgotten(self, market: Market) -> None:
        order = market.create()
        forget = "update public.orders set customer = customer - '{email,name,company}'::text[], buyer_id = null"
        market.db.owner.rows(f"{forget} where id = %s", order)
        assert market.of(order, "customer, buyer_id") == ({"country": "US"}, None)
        mails = len(market.mails())
        assert market.move(market.owner, order, "cancelled")["status"] == 200
        assert len(market.mails()) == mails

    @pytest.mark.parametrize(
        "changes",
        [
            {"workflow_state": "in_production"},
            {"payment_state": "paid", "received_minor": TOTAL},
            {"received_minor": 1},
            {"customer": Jsonb({})},
        ],
        ids=lambda changes: "-".join(changes),
    )
    def test_begins_an_order_at_the_beginning(self, market: Market, changes: Json) -> None:
        order = market.create()
        row = market.db.owner.value("select to_jsonb(o) from public.orders as o where id = %s", order)
        row |= {"id": str(uuid4()), "number": "O-1", "quote_id": None, "tracking_token_hash": "\\x" + uuid4().hex * 2}
        insert = "insert into public.orders select * from jsonb_populate_record(null::public.orders, %s)"
        market.db.owner.rows(insert, Jsonb(row))
        changed = row | {name: getattr(value, "obj", value) for name, value in changes.items()}
        changed |= {"id": str(uuid4()), "number": "O-2", "tracking_token_hash": "\\x" + uuid4().hex * 2}
        assert sqlstate(market.db.owner.rows, insert, Jsonb(changed)) == REFUSED

    def test_keeps_history(self, market: Market) -> None:
        order = market.create()
        for statement in (
            "update private.order_history set to_state = 'paid'",
            "delete from private.order_history",
            "truncate private.order_history",
        ):
            assert sqlstate(market.db.owner.rows, statement) == "42501"
        market.db.owner.rows("delete from public.orders where id = %s", order)
        assert market.history(order) == []
