"""Orders are made of what was agreed, once, and told to the customer."""

from __future__ import annotations

from uuid import uuid4

import pytest
from psycopg.types.json import Jsonb

from tests.database.market import Json, Market, sqlstate
from tests.ordering import CUSTOMER, DEPOSIT, LINES, TOTAL


class TestCreating:
    def test_freezes_what_was_agreed_and_tells_the_customer(self, market: Market) -> None:
        quote, token = uuid4(), uuid4().hex
        order = market.create(_quote=quote, _tracking_token=token)
        assert market.of(order, "quote_id, workflow_state, payment_state, balance_minor, lines") == (
            quote, "awaiting_payment", "unpaid", TOTAL - DEPOSIT, LINES,
        )  # fmt: skip
        assert market.history(order) == [(None, "awaiting_payment", market.people["buyer"].user_id, None)]
        ((template, data),) = market.mails()
        number = market.of(order, "number")[0]
        usd = {"currency": "USD"}
        assert (template, data) == (
            "order-confirmation",
            {
                "number": number,
                "recipient_name": "Maya Lindqvist",
                "expected_on": "2027-03-05",
                "items": [
                    {
                        "description": "Heavyweight hoodie, black",
                        "detail": "3-colour front print",
                        "quantity": "500",
                        "unit": "pcs",
                        "unit_price": {"amount_minor": 1925, **usd},
                        "amount": {"amount_minor": 962500, **usd},
                    }
                ],
                "fees": [{"description": "Screen set-up, 3 colours", "amount": {"amount_minor": 13500, **usd}}],
                "subtotal": {"amount_minor": 962500, **usd},
                "total": {"amount_minor": TOTAL, **usd},
                "due": {"amount_minor": DEPOSIT, **usd},
            },
        )
        action, actor, target, details, _ = market.db.audit(market.owner.workspace_id)[-1]
        assert (action, actor, target) == ("order.created", market.people["buyer"].user_id, str(order))
        assert details == {"number": number, "quote": str(quote)}

    def test_makes_one_order_of_a_quote(self, market: Market) -> None:
        quote = uuid4()
        market.create(_quote=quote)
        assert sqlstate(market.create, _quote=quote) == "23505"
        assert len(market.mails()) == 1

    @pytest.mark.parametrize(
        "changes",
        [
            {"_total_minor": TOTAL + 1},
            {"_deposit_minor": TOTAL + 1},
            {"_deposit_minor": -1},
            {"_lines": Jsonb([])},
            {"_lines": Jsonb([{**LINES[0], "amount_minor": "976000x"}])},
            {"_lines": Jsonb([{**LINES[1], "amount_minor": TOTAL}])},
            {"_lines": Jsonb([{**LINES[0], "amount_minor": TOTAL, "description": "a\nb"}])},
            {"_lines": Jsonb([{**LINES[0], "amount_minor": TOTAL, "quantity": "NaN"}])},
            {"_lines": Jsonb([LINES[0], *[{**LINES[1], "amount_minor": 500}] * 27])},
            {"_customer": Jsonb({"name": "Nobody"})},
            {"_customer": Jsonb({**CUSTOMER, "phone": "1"})},
            {"_customer": Jsonb({**CUSTOMER, "name": 7})},
            {"_summary": "\u202egnp.exe"},
            {"_summary": " \u200b"},
            {"_currency": "usd"},
            {"_tracking_token": "short"},
            {"_tracking_token": None},
            {"_expected_on": "2500-01-01"},
        ],
        ids=lambda changes: "-".join(changes),
    )
    def test_takes_nothing_that_does_not_add_up(self, market: Market, changes: Json) -> None:
        assert sqlstate(market.create, **changes) is not None
        assert (
            market.db.owner.value("select count(*) from public.orders where workspace_id = %s", market.owner.home) == 0
        )
        assert market.mails() == []

    def test_a_name_no_mail_can_show_does_not_fail_the_order(self, market: Market) -> None:
        market.create(_customer=Jsonb({**CUSTOMER, "name": "\u202eevil\n" + "x" * 300}))
        assert market.mails()[0][1]["recipient_name"] == "evil " + "x" * 115

    def test_a_guest_may_order(self, market: Market) -> None:
        order = market.create(_buyer=None)
        assert market.of(order, "buyer_id") == (None,)
        assert market.history(order)[0][2] is None
