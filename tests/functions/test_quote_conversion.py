"""Quotes made an order, once, by those who may."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from tests.api import InProcess
from tests.functions.quotes import CUSTOMER, HOODIES, QUOTES, ask, code_of, guest_of, of
from tests.people import People, Person


class TestConversion:
    def test_makes_an_order_of_the_frozen_price(
        self, api: InProcess, owner: Person, database: psycopg.Connection
    ) -> None:
        quote = ask(api, owner, currency="EUR").json
        answer = api("POST", of(quote, "/convert"), token=owner.token, json={})
        assert answer.status == 201, answer.body
        order = api("GET", f"/api/orders/{answer.json['order_id']}", token=owner.token).json
        assert (order["workflow_state"], order["payment_state"]) == ("awaiting_payment", "unpaid")
        assert order["total"] == {"amount_minor": quote["total_minor"], "currency": "EUR"}
        assert sum(line["amount"]["amount_minor"] for line in order["lines"]) == quote["total_minor"]
        again = api("GET", of(quote), token=owner.token).json
        assert (again["status"], again["order_id"]) == ("converted", answer.json["order_id"])
        tracked = api("GET", f"/api/orders/track/{answer.json['tracking_token']}")
        assert tracked.json["number"] == answer.json["order_number"]

    @pytest.mark.parametrize("round_", range(5))
    def test_twenty_at_once_make_one_order(
        self, api: InProcess, owner: Person, database: psycopg.Connection, round_: int
    ) -> None:
        quote = ask(api, owner).json
        with ThreadPoolExecutor(20) as threads:
            answers = list(
                threads.map(lambda _: InProcess()("POST", of(quote, "/convert"), token=owner.token, json={}), range(20))
            )
        assert sorted(answer.status for answer in answers) == [200] * 19 + [201]
        assert len({answer.json["order_id"] for answer in answers}) == 1
        row = database.execute("select count(*) from public.orders where quote_id = %s", [quote["id"]]).fetchone()
        assert row == (1,)

    def test_is_of_the_current_version(self, api: InProcess, owner: Person) -> None:
        first = ask(api, owner).json
        api("POST", of(first, "/revise"), token=owner.token, json=HOODIES)
        assert api("POST", of(first, "/convert"), token=owner.token, json={}).code == "quote_not_open"

    def test_a_guest_proves_the_address(self, api: InProcess, shop: Person, database: psycopg.Connection) -> None:
        quote = guest_of(api, shop)
        convert = of(quote, "/convert")
        assert api("POST", convert, json={}).code == "code_needed"
        assert api("POST", convert, json={"code": "000000"}).code == "code_invalid"
        sent = api("POST", of(quote, "/code"))
        assert (sent.status, sent.json["expires_in_seconds"]) == (202, 600)
        code = code_of(database, quote)
        wrong = f"{(int(code) + 1) % 1_000_000:06d}"
        for _ in range(4):
            assert api("POST", convert, json={"code": wrong}).code == "code_invalid"
        answer = api("POST", convert, json={"code": code})
        assert answer.status == 201, answer.body
        assert api("POST", convert, json={}).status == 200

    def test_who_signed_in_elsewhere_proves_the_address_too(
        self, api: InProcess, shop: Person, people: People, database: psycopg.Connection
    ) -> None:
        stranger = people.sign_up("Stranger")
        quote = ask(api, stranger, f"?workspace_id={shop.workspace_id}").json
        convert = of(quote, "/convert")
        assert api("GET", of(quote), token=stranger.token).status == 200
        assert api("POST", convert, token=stranger.token, json={}).code == "code_needed"
        assert api("POST", of(quote, "/code"), token=people.sign_up("Other").token).code == "not_found"
        assert api("POST", of(quote, "/code"), token=stranger.token).status == 202
        answer = api("POST", convert, token=stranger.token, json={"code": code_of(database, quote)})
        assert answer.status == 201, answer.body

    def test_a_guest_proves_another_address_anew(
        self, api: InProcess, shop: Person, database: psycopg.Connection
    ) -> None:
        quote = guest_of(api, shop)
        api("POST", of(quote, "/code"))
        database.execute("update private.quote_codes set confirmed_at = now() where family = %s", [quote["id"]])
        same = api("POST", of(quote, "/revise"), json=HOODIES).json
        other = {**HOODIES, "customer": {"email": "else@northern.example"}}
        revised = api("POST", of({**same, "token": quote["token"]}, "/revise"), json=other).json
        assert api("POST", of({**revised, "token": quote["token"]}, "/convert"), json={}).code == "code_needed"

    def test_a_guest_has_five_tries(self, api: InProcess, shop: Person, database: psycopg.Connection) -> None:
        quote = guest_of(api, shop)
        api("POST", of(quote, "/code"))
        code = code_of(database, quote)
        wrong = f"{(int(code) + 1) % 1_000_000:06d}"
        with ThreadPoolExecutor(10) as threads:
            list(threads.map(lambda _: InProcess()("POST", of(quote, "/convert"), json={"code": wrong}), range(10)))
        row = database.execute("select tries from private.quote_codes where family = %s", [quote["id"]]).fetchone()
        assert row == (5,)
        assert api("POST", of(quote, "/convert"), json={"code": code}).code == "code_invalid"

    def test_a_code_lives_ten_minutes(self, api: InProcess, shop: Person, database: psycopg.Connection) -> None:
        quote = guest_of(api, shop)
        api("POST", of(quote, "/code"))
        database.execute(
            "update private.quote_codes set expires_at = expires_at - interval '10 minutes' where family = %s",
            [quote["id"]],
        )
        code = code_of(database, quote)
        assert api("POST", of(quote, "/convert"), json={"code": code}).code == "code_invalid"

    def test_codes_are_sent_a_minute_apart_and_three_a_day(
        self, api: InProcess, shop: Person, database: psycopg.Connection
    ) -> None:
        quote = guest_of(api, shop)
        for _ in range(3):
            assert api("POST", of(quote, "/code")).status == 202
            answer = api("POST", of(quote, "/code"))
            assert (answer.status, answer.code) == (429, "rate_limited")
            assert 50 <= int(answer.headers["retry-after"]) <= 86_400
            database.execute("delete from private.rate_limits where name = 'quotes.code'")
        answer = api("POST", of(quote, "/code"))
        assert int(answer.headers["retry-after"]) > 80_000

    def test_an_address_gets_ten_codes_a_day_by_however_many_quotes(
        self, api: InProcess, shop: Person, database: psycopg.Connection
    ) -> None:
        first = {**CUSTOMER, "email": "Maya@northern.example"}
        quotes = [guest_of(api, shop, customer=first), *(guest_of(api, shop) for _ in range(3))]
        statuses = []
        for _ in range(3):
            statuses += [api("POST", of(quote, "/code")).status for quote in quotes]
            database.execute("delete from private.rate_limits where name = 'quotes.code'")
        assert statuses == [202] * 10 + [429] * 2
        elsewhere = guest_of(api, shop, customer={"email": "other@northern.example"})
        assert api("POST", of(elsewhere, "/code")).status == 202

    def test_a_code_opens_no_other_quote(self, api: InProcess, shop: Person, database: psycopg.Connection) -> None:
        quote, other = guest_of(api, shop), guest_of(api, shop)
        api("POST", of(quote, "/code"))
        code = code_of(database, quote)
        assert api("POST", of(other, "/convert"), json={"code": code}).code == "code_invalid"
        assert api("POST", f"{QUOTES}/{other['id']}/code?token={quote['token']}").code == "not_found"
