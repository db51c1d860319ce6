"""Orders as their people meet them: listed, read, moved, cancelled, assigned, tracked, mailed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from local.resend import Sandbox
from local.stack import Stack
from tests.api import InProcess, Response
from tests.functions.conftest import LogLines, together
from tests.ordering import DEPOSIT, TIMELINE, TOTAL, create_order
from tests.people import People, Person


class Market:
    """A marketplace and its people."""

    def __init__(self, api: InProcess, people: People, database: psycopg.Connection) -> None:
        self.api, self.database = api, database
        self.owner = people.sign_up("Farah")
        home = self.owner.workspace_id
        self.buyer, self.other = people.member(home, "buyer"), people.member(home, "buyer")
        self.supplier, self.staff = people.member(home, "supplier"), people.member(home, "staff")

    def create(self, **changes: Any) -> UUID:
        changes = {"_buyer": self.buyer.user_id} | changes
        return create_order(self.database, self.owner.workspace_id, **changes)

    def pay(self, order: UUID, received: int, refunded: int = 0) -> None:
        self.database.execute("select private.record_payment(%s, %s, %s)", [order, received, refunded])

    def __call__(self, person: Person, method: str, path: str, json: object = None, **headers: str) -> Response:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.api(method, f"/api/orders{path}", token=person.token, json=json, headers=sent)

    def move(self, person: Person, order: UUID, to: str, **more: object) -> Response:
        return self(person, "POST", f"/{order}/transitions", {"to": to, **more})


@pytest.fixture(scope="module")
def people_of_market(people: People, stack: Stack) -> Iterator[Market]:
    """Made once: nobody is changed by an order."""
    with psycopg.connect(stack.database_url, autocommit=True) as connection:
        yield Market(InProcess(), people, connection)


@pytest.fixture
def market(people_of_market: Market, environment: pytest.MonkeyPatch) -> Market:
    home = people_of_market.owner.workspace_id
    people_of_market.database.execute("delete from public.orders where workspace_id = %s", [home])
    return people_of_market


class TestReading:
    def test_tells_the_buyer_what_was_agreed(self, market: Market) -> None:
        order = market.create()
        answer = market(market.buyer, "GET", f"/{order}")
        assert answer.status == 200
        usd = {"currency": "USD"}
        found = answer.json
        assert {name: found[name] for name in ("total", "deposit", "balance", "received", "refunded")} == {
            "total": {"amount_minor": TOTAL, **usd},
            "deposit": {"amount_minor": DEPOSIT, **usd},
            "balance": {"amount_minor": TOTAL - DEPOSIT, **usd},
            "received": {"amount_minor": 0, **usd},
            "refunded": {"amount_minor": 0, **usd},
        }
        assert found["lines"][0]["unit_price"] == {"amount_minor": 1925, **usd}
        assert [line["kind"] for line in found["lines"]] == ["item", "fee"]
        assert (found["workflow_state"], found["payment_state"]) == ("awaiting_payment", "unpaid")
        assert found["moves"] == ["cancelled"]
        assert found["timeline"] == TIMELINE
        assert found["terms"] == {"incoterm": "FOB"}
        assert found["customer"]["email"] == "maya@example.com"
        ((event),) = found["history"]
        assert (event["kind"], event["previous"], event["state"]) == ("workflow", None, "awaiting_payment")

    def test_tells_who_makes_it_no_price_and_no_customer(self, market: Market) -> None:
        order = market.create()
        market(market.owner, "POST", f"/{order}/assign", {"user_id": str(market.supplier.user_id)})
        answer = market(market.supplier, "GET", f"/{order}")
        assert answer.status == 200
        for name in (
            "total",
            "subtotal",
            "deposit",
            "balance",
            "received",
            "refunded",
            "customer",
            "terms",
            "quote_id",
        ):
            assert answer.json[name] is None
        for secret in (b"minor", b"USD", b"maya", b"Lindqvist"):
            assert secret not in answer.body

    def test_lists_page_by_page(self, market: Market) -> None:
        made = [str(market.create()) for _ in range(5)]
        market.pay(UUID(made[1]), DEPOSIT)
        found: list[str] = []
        cursor = ""
        while True:
            answer = market(market.buyer, "GET", f"?limit=2{cursor}").json
            found += [row["id"] for row in answer["data"]]
            if answer["next_cursor"] is None:
                break
            cursor = f"&cursor={answer['next_cursor']}"
        assert found == made[::-1]
        paid = market(market.staff, "GET", "?payment_state=deposit_paid&workflow_state=awaiting_payment").json["data"]
        assert [row["id"] for row in paid] == [made[1]]
        assert market(market.other, "GET", "").json["data"] == []

    @pytest.mark.parametrize("query", ["?workflow_state=lost", "?payment_state=", "?limit=0", "?cursor=1", "?state=x"])
    def test_refuses_filters_it_does_not_know(self, market: Market, query: str) -> None:
        assert market(market.owner, "GET", query).status == 422


class TestMoving:
    def test_goes_from_payment_to_completion(self, market: Market) -> None:
        order = market.create()
        market(market.owner, "POST", f"/{order}/assign", {"user_id": str(market.supplier.user_id)})
        assert market.move(market.supplier, order, "in_production").code == "payment_needed"
        market.pay(order, DEPOSIT)
        for to in ("in_production", "quality_check", "in_production", "quality_check", "ready_to_ship"):
            assert market.move(market.supplier, order, to).json["workflow_state"] == to
        parcel = {"carrier": "DHL Express", "number": "JD01 4600", "link": "https://example.com/JD014600"}
        assert market.move(market.supplier, order, "shipped", tracking=parcel).code == "payment_needed"
        market.pay(order, TOTAL)
        shipped = market.move(market.supplier, order, "shipped", tracking=parcel)
        assert shipped.json["tracking"] == parcel
        assert market.move(market.supplier, order, "delivered").code == "permission_denied"
        assert market.move(market.owner, order, "delivered").status == 200
        done = market.move(market.buyer, order, "completed").json
        assert (done["workflow_state"], done["payment_state"], done["moves"]) == ("completed", "paid", [])
        assert [event["state"] for event in done["history"] if event["kind"] == "payment"] == ["deposit_paid", "paid"]

    def test_a_buyer_cancels_while_nothing_is_paid(self, market: Market) -> None:
        free, paid = market.create(), market.create()
        market.pay(paid, DEPOSIT)
        answer = market(market.buyer, "POST", f"/{free}/cancel", {"reason": "Called off"})
        assert (answer.status, answer.json["workflow_state"]) == (200, "cancelled")
        assert answer.json["history"][-1]["reason"] == "Called off"
        assert market(market.buyer, "POST", f"/{paid}/cancel", {}).code == "already_paid"
        assert market(market.owner, "POST", f"/{paid}/cancel", {}).status == 200
        assert market(market.owner, "POST", f"/{paid}/cancel", {}).code == "move_not_allowed"

    def test_of_twenty_at_once_one_is_made(self, market: Market) -> None:
        for _ in range(3):
            order = market.create()
            market.pay(order, DEPOSIT)
            answers = together(*[lambda order=order: market.move(market.owner, order, "in_production")] * 20)
            assert sorted(answer.status for answer in answers) == [200] + [409] * 19
            assert len(market(market.owner, "GET", f"/{order}").json["history"]) == 3

    def test_twice_with_one_key_is_once(self, market: Market) -> None:
        order, key = market.create(), uuid4().hex
        answers = [
            market(market.owner, "POST", f"/{order}/cancel", {}, Idempotency_Key=key).json["history"] for _ in range(2)
        ]
        assert answers[0] == answers[1]
        assert len(answers[0]) == 2

    @pytest.mark.parametrize(
        "body",
        [
            {},
            {"to": "lost"},
            {"to": "on_hold", "reason": ""},
            {"to": "on_hold", "reason": "\u202ecba"},
            {"to": "on_hold", "reason": "\n"},
            {"to": "on_hold", "reason": "x" * 501},
            {"to": "shipped", "tracking": {"carrier": "DHL"}},
            {"to": "shipped", "tracking": {"carrier": "DHL", "number": "1", "link": "http://example.com"}},
            {"to": "on_hold", "tracking": {"carrier": "DHL", "number": "1"}},
            {"to": "on_hold", "received_minor": 5},
        ],
        ids=json.dumps,
    )
    def test_refuses_what_is_no_move(self, market: Market, body: dict[str, Any]) -> None:
        order = market.create()
        assert market(market.owner, "POST", f"/{order}/transitions", body).status == 422
        assert market(market.owner, "GET", f"/{order}").json["revision"] == 1

    def test_what_is_somebody_else_s_is_not_there(self, market: Market, people: People) -> None:
        order = market.create()
        for person in (market.other, market.supplier, people.sign_up("Stranger")):
            for method, below, body in (
                ("GET", "", None),
                ("POST", "/transitions", {"to": "cancelled"}),
                ("POST", "/cancel", {}),
                ("POST", "/assign", {"user_id": str(market.supplier.user_id)}),
            ):
                theirs = market(person, method, f"/{order}{below}", body, X_Request_Id="same")
                assert theirs.status == 404
                assert theirs == market(person, method, f"/{uuid4()}{below}", body, X_Request_Id="same")

    def test_takes_one_round_trip(self, market: Market, log_lines: LogLines) -> None:
        order = market.create()
        log_lines()
        market.move(market.owner, order, "on_hold")
        assert [line["database_round_trips"] for line in log_lines()] == [1]


class TestAssigning:
    def test_is_to_those_who_make_things(self, market: Market) -> None:
        order = market.create()
        for person in (market.buyer, market.staff, market.owner):
            answer = market(market.owner, "POST", f"/{order}/assign", {"user_id": str(person.user_id)})
            assert answer.code == "not_assignable"
        assert market(market.staff, "POST", f"/{order}/assign", {"user_id": None}).status == 403
        given = market(market.owner, "POST", f"/{order}/assign", {"user_id": str(market.supplier.user_id)})
        assert given.json["assigned_to"] == str(market.supplier.user_id)
        assert [row["id"] for row in market(market.supplier, "GET", "").json["data"]] == [str(order)]
        assert market(market.owner, "POST", f"/{order}/assign", {"user_id": None}).json["assigned_to"] is None
        market(market.owner, "POST", f"/{order}/cancel", {})
        body = {"user_id": str(market.supplier.user_id)}
        assert market(market.owner, "POST", f"/{order}/assign", body).code == "order_ended"


class TestTracking:
    def test_is_for_whoever_has_the_link(self, market: Market) -> None:
        token = uuid4().hex
        order = market.create(_tracking_token=token, _buyer=None)
        market.move(market.owner, order, "on_hold", reason="Maya asked for it")
        answer = InProcess()("GET", f"/api/orders/track/{token}")
        assert answer.status == 200
        assert answer.headers["cache-control"] == "no-store"
        assert (answer.json["workflow_state"], answer.json["expected_on"]) == ("on_hold", "2027-03-05")
        assert [step["state"] for step in answer.json["history"]] == ["awaiting_payment", "on_hold"]
        for secret in (b"Maya", b"maya", b"minor", b"USD", str(order).encode()):
            assert secret not in answer.body

    @pytest.mark.parametrize("token", ["a", "0" * 32, "%00", "%2F", "x" * 101, "%ED%A0%80", "'--"])
    def test_knows_no_other(self, market: Market, token: str) -> None:
        market.create()
        assert InProcess()("GET", f"/api/orders/track/{token}").status == 404


class TestMails:
    @pytest.fixture
    def sandbox(self, stack: Stack, market: Market) -> Sandbox:
        market.database.execute("delete from private.outbox where topic = 'email'")
        market.database.execute("delete from private.deliveries where topic = 'email'")
        stack.resend.forget()
        return stack.resend

    def test_follow_the_order_in_order(self, market: Market, stack: Stack, sandbox: Sandbox) -> None:
        order = market.create()
        market.pay(order, TOTAL)
        parcel = {"carrier": "DHL Express", "number": "JD01 4600", "link": "https://example.com/JD014600"}
        market.move(market.owner, order, "on_hold", reason="The cotton is late,\nby a week.")
        for to in ("awaiting_payment", "in_production", "quality_check", "ready_to_ship"):
            market.move(market.owner, order, to)
        market.move(market.owner, order, "shipped", tracking=parcel)
        market.move(market.owner, order, "delivered")
        market.move(market.owner, order, "completed")
        internal = {"Authorization": f"Bearer {stack.env['INTERNAL_TOKEN']}"}
        for _ in range(12):
            answer = InProcess()("POST", "/api/email-service/deliver", headers=internal)
            assert (answer.status, answer.json["refused"]) == (200, 0)
        number = market(market.owner, "GET", f"/{order}").json["number"]
        assert len(sandbox.mails) == 9
        assert {tuple(mail.to) for mail in sandbox.mails} == {("maya@example.com",)}
        assert all(number in (mail.subject + (mail.text or "")) for mail in sandbox.mails)
        texts = [mail.text or "" for mail in sandbox.mails]
        assert "9,760.00" in texts[0]
        assert "2,928.00" in texts[0]
        assert "The cotton is late," in texts[1]
        assert "JD01 4600" in texts[6]

    def test_of_a_cancelled_order_tells_why(self, market: Market, stack: Stack, sandbox: Sandbox) -> None:
        order = market.create()
        market(market.buyer, "POST", f"/{order}/cancel", {"reason": "<b>The event</b> was called off"})
        internal = {"Authorization": f"Bearer {stack.env['INTERNAL_TOKEN']}"}
        for _ in range(3):
            InProcess()("POST", "/api/email-service/deliver", headers=internal)
        assert len(sandbox.mails) == 2
        assert "&lt;b&gt;The event&lt;/b&gt; was called off" in (sandbox.mails[1].html or "")
