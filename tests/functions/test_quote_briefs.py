"""Briefs read into what can be quoted."""

from __future__ import annotations

from uuid import uuid4

import psycopg

from tests.api import InProcess
from tests.functions.conftest import spend
from tests.functions.quotes import CUSTOMER, QUOTES
from tests.people import Person


class TestBriefs:
    def test_are_read(self, api: InProcess, owner: Person) -> None:
        brief = "500 heavyweight hoodies, 3-colour front print, need them by March"
        answer = api("POST", f"{QUOTES}/parse", token=owner.token, json={"description": brief})
        assert answer.status == 200, answer.body
        fields = answer.json["fields"]
        assert (fields["product_type"], fields["quantity"], fields["fabric"]) == ("hoodie", 500, "fleece_350")
        assert fields["decorations"] == [{"method": "screen_print", "colours": 3, "placements": ["front"]}]
        assert answer.json["provider"] == "local"

    def test_give_fields_that_can_be_quoted(self, api: InProcess, owner: Person) -> None:
        brief = "we need 250 organic tees, black and white, embroidered logo on the left chest, in euros"
        fields = api("POST", f"{QUOTES}/parse", token=owner.token, json={"description": brief}).json["fields"]
        quote = api("POST", QUOTES, token=owner.token, json={**fields, "customer": CUSTOMER, "source_text": brief})
        assert quote.status == 201, quote.body
        assert quote.json["currency"] == "EUR"

    def test_of_guests_are_read_where_guests_are_taken(self, api: InProcess, shop: Person, owner: Person) -> None:
        body = {"description": "500 hoodies"}
        where = f"{QUOTES}/parse?workspace_id={shop.workspace_id}"
        assert api("POST", where, json=body).json["fields"] == {"product_type": "hoodie", "quantity": 500}
        assert api("POST", f"{QUOTES}/parse?workspace_id={uuid4()}", json=body).code == "not_found"
        assert api("POST", f"{QUOTES}/parse", json=body).code == "not_found"

    def test_are_read_sixty_times_an_hour(self, api: InProcess, shop: Person, database: psycopg.Connection) -> None:
        spend(database, "quotes.briefs", api.ip, 60)
        answer = api("POST", f"{QUOTES}/parse?workspace_id={shop.workspace_id}", json={"description": "500 hoodies"})
        assert (answer.status, answer.code) == (429, "rate_limited")

    def test_that_lack_something_say_what_to_ask(self, api: InProcess, owner: Person) -> None:
        answer = api("POST", f"{QUOTES}/parse", token=owner.token, json={"description": "some nice shirts please"})
        assert "quantity" in [each["field"] for each in answer.json["missing"]]
