"""The rate cards that quotes are priced by."""

from __future__ import annotations

import json
from typing import Any

import psycopg
import pytest

from functions.quote_generator.cards import COMPLEXITIES
from tests.api import InProcess
from tests.functions.quote_generator.cards import CONTENTS
from tests.functions.quotes import CUSTOMER, QUOTES, of
from tests.people import People, Person


class TestRateCards:
    def test_are_for_managers(self, api: InProcess, owner: Person, people: People) -> None:
        for role, status in (("manager", 200), ("staff", 403), ("buyer", 403)):
            person = people.member(owner.workspace_id, role)
            assert api("GET", f"{QUOTES}/rate-cards", token=person.token).status == status
        listed = api("GET", f"{QUOTES}/rate-cards", token=owner.token).json["data"]
        assert {each["product_type"]: each["content"] for each in listed} == CONTENTS

    def test_are_versions_that_stay(self, api: InProcess, owner: Person, database: psycopg.Connection) -> None:
        path = f"{QUOTES}/rate-cards"
        for base in ("6.00", "7.00"):
            card = {**CONTENTS["t_shirt"], "base": base}
            api("POST", path, token=owner.token, json={"product_type": "t_shirt", "card": card})
        versions = api("GET", f"{path}?product_type=t_shirt", token=owner.token).json["data"]
        assert [(each["version"], each["content"]["base"]) for each in versions] == [
            (3, "7.00"),
            (2, "6.00"),
            (1, "5.20"),
        ]
        with pytest.raises(psycopg.errors.CheckViolation):
            database.execute("update private.rate_cards set content = '{}' where id = %s", [versions[0]["id"]])

    @pytest.mark.parametrize(
        "wrong",
        [
            {"tiers": [{"quantity": 100, "percent": "10"}, {"quantity": 200, "percent": "5"}]},
            {"tiers": [{"quantity": 200, "percent": "5"}, {"quantity": 100, "percent": "10"}]},
            {"tiers": [{"quantity": 100, "percent": "5", "unit_price": "4.00"}]},
            {"tiers": [{"quantity": 100, "unit_price": "9.00"}]},
            {"tiers": [{"quantity": 100, "percent": "95"}]},
            {"complexity": {"simple": "0"}},
            {"fabrics": []},
            {"base": "-1"},
            {"base": 5.2},
            {"incoterms": {"XXX": "0"}},
            {"minimum": 10},
            {"name": "n" * 81},
            {"name": "Tee \u202eshirt"},
            {"fabrics": [{"fabric": "cotton", "name": "Cotton\u2066", "percent": "0"}]},
            {"tiers": [{"quantity": 200_000, "percent": "5"}]},
            {"extra": 1},
        ],
        ids=lambda wrong: json.dumps(wrong)[:50],
    )
    def test_take_only_what_prices_everything(self, api: InProcess, owner: Person, wrong: dict[str, Any]) -> None:
        body = {"product_type": "t_shirt", "card": {**CONTENTS["t_shirt"], **wrong}}
        assert api("POST", f"{QUOTES}/rate-cards", token=owner.token, json=body).code == "invalid_fields"

    @pytest.mark.parametrize(
        ("extreme", "quantity"),
        [
            ({"base": "1.00", "tiers": [{"quantity": 50, "percent": "99.9999"}]}, 50),
            ({"base": "9999999", "complexity": dict.fromkeys(COMPLEXITIES, "9999999")}, 100_000),
            ({"base": "9999999", "currency": "GBP"}, 100_000),
            ({"lead_time": {**CONTENTS["t_shirt"]["lead_time"], "pieces_per_day": 1}}, 100_000),
        ],
        ids=["nothing to pay", "more than is stored", "more than is ordered", "centuries"],
    )
    def test_at_their_ends_are_not_quoted_what_no_order_takes(
        self, api: InProcess, owner: Person, extreme: dict[str, Any], quantity: int
    ) -> None:
        fabrics = [{"fabric": "cotton", "name": "Cotton", "percent": "0"}]
        card = {**CONTENTS["t_shirt"], "base": "5.20", "fabrics": fabrics, "tiers": [], **extreme}
        body = {"product_type": "t_shirt", "card": card}
        assert api("POST", f"{QUOTES}/rate-cards", token=owner.token, json=body).status == 201
        wanted = {"product_type": "t_shirt", "customer": CUSTOMER, "quantity": quantity}
        answer = api("POST", QUOTES, token=owner.token, json={**wanted, "currency": "BDT" if quantity > 50 else "USD"})
        assert (answer.status, answer.code) == (422, "invalid_fields"), answer.body
        assert answer.json["errors"][0]["code"] == "not_orderable"

    def test_at_their_longest_make_an_order(self, api: InProcess, owner: Person) -> None:
        fabrics = [{"fabric": "cotton", "name": "f" * 80, "percent": "0"}]
        card = {**CONTENTS["t_shirt"], "name": "n" * 80, "fabrics": fabrics}
        body = {"product_type": "t_shirt", "card": card}
        assert api("POST", f"{QUOTES}/rate-cards", token=owner.token, json=body).status == 201
        quote = api(
            "POST",
            QUOTES,
            token=owner.token,
            json={"product_type": "t_shirt", "customer": CUSTOMER, "quantity": 100_000},
        ).json
        answer = api("POST", of(quote, "/convert"), token=owner.token, json={})
        assert answer.status == 201, answer.body

    @pytest.mark.parametrize("product", CONTENTS)
    def test_built_in_ones_are_such(self, product: str) -> None:
        from functions.quote_generator.ratecards import RateCard

        RateCard.from_json(json.dumps(CONTENTS[product]).encode())
