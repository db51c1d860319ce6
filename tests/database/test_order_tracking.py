"""What the link to an order tells whoever has it."""

from __future__ import annotations

import json
from uuid import uuid4

from tests.database.market import Market, sqlstate
from tests.ordering import TIMELINE


class TestTracking:
    def test_tells_how_far_it_is_and_nothing_else(self, market: Market) -> None:
        token = uuid4().hex
        order = market.create(_tracking_token=token)
        market.move(market.owner, order, "on_hold", reason="Maya asked for it")
        told = market.db.service.call("track_order", token=token)["body"]
        assert set(told) == {"number", "workflow_state", "expected_on", "timeline", "tracking", "history"}
        assert (told["workflow_state"], told["expected_on"]) == ("on_hold", "2027-03-05")
        assert told["timeline"] == TIMELINE
        assert [(set(step), step["state"]) for step in told["history"]] == [
            ({"at", "state"}, "awaiting_payment"),
            ({"at", "state"}, "on_hold"),
        ]
        for secret in ("Maya", "maya", "Lindqvist", "hoodie", "minor", "USD", str(order), market.owner.id):
            assert secret not in json.dumps(told)

    def test_knows_no_other_token(self, market: Market) -> None:
        token = uuid4().hex
        market.create(_tracking_token=token)
        for other in ("", token[:-1], token.upper() + "A", uuid4().hex):
            assert market.db.service.call("track_order", token=other)["status"] == 404

    def test_the_token_itself_is_nowhere(self, market: Market) -> None:
        token = uuid4().hex
        order = market.create(_tracking_token=token)
        row = market.db.owner.value("select to_jsonb(o)::text from public.orders as o where id = %s", order)
        assert token not in row
        assert token not in json.dumps(market.mails())

    def test_people_ask_our_function(self, market: Market) -> None:
        for person in (market.owner, market.db.anon):
            assert sqlstate(person.call, "track_order", token="a") == "42501"
