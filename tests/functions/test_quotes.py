"""Quotes as people meet them: priced, refused, read by whom they are for, and computed again."""

from __future__ import annotations

import re
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from local.stack import Stack
from tests.api import InProcess, fresh_ip
from tests.functions.conftest import spend
from tests.functions.quote_generator.cards import CONTENTS
from tests.functions.quotes import CUSTOMER, HOODIES, QUOTES, ask, guest_of, of
from tests.people import People, Person


class TestAQuote:
    def test_is_the_price_to_the_cent_with_all_that_made_it(self, api: InProcess, owner: Person) -> None:
        answer = ask(api, owner)
        assert answer.status == 201, answer.body
        quote = answer.json
        assert re.fullmatch(r"Q-20\d\d-00001", quote["number"])
        assert [(line["rule"], line["amount_minor"]) for line in quote["lines"]] == [
            ("base", 790_000),
            ("fabric:fleece_350", 126_400),
            ("complexity:medium", 94_800),
            ("tier:500", -110_600),
            ("size:XXL", 14_000),
            ("decoration:screen_print", 62_500),
        ]
        assert [(line["rule"], line["amount_minor"]) for line in quote["setup"]] == [("setup:screen_print", 10_400)]
        assert (quote["total_minor"], quote["deposit_minor"], quote["balance_minor"]) == (987_500, 296_250, 691_250)
        assert (quote["currency"], quote["status"], quote["version"]) == ("USD", "open", 1)
        assert quote["narrative"]["provider"] == "built_in"
        assert {each["kind"] for each in quote["savings"]} <= {"quantity", "fabric", "complexity", "decoration"}
        assert quote["token"] is None

    def test_in_another_currency_freezes_its_rate(self, api: InProcess, owner: Person) -> None:
        quote = ask(api, owner, currency="EUR").json
        assert quote["exchange_rate"]["rate"] == "0.864"
        assert quote["exchange_rate"]["as_of"] == "2026-11-20"
        assert quote["lines"][0]["unit_price"] == "13.6512"
        assert quote["lines"][0]["amount_minor"] == 682_560

    def test_answers_an_impossible_date_with_the_earliest(self, api: InProcess, owner: Person) -> None:
        quote = ask(api, owner, target_date="2026-11-25").json
        assert quote["promise"]["kept"] is False
        assert quote["promise"]["days_late"] > 0
        assert quote["timeline"][-1]["ends_on"] == quote["earliest_date"]

    def test_is_mailed_where_staff_makes_it(self, api: InProcess, owner: Person, database: psycopg.Connection) -> None:
        number = ask(api, owner).json["number"]
        rows = database.execute(
            "select template, recipient, data ->> 'number' from private.email_messages where workspace_id = %s",
            [owner.workspace_id],
        ).fetchall()
        assert rows == [("quote", CUSTOMER["email"], number)]

    def test_its_mail_is_one_that_the_template_takes(
        self, api: InProcess, owner: Person, database: psycopg.Connection
    ) -> None:
        from functions.email_service import templates

        customer = {**CUSTOMER, "name": "Maya \u202eLindqvist"}
        ask(api, owner, currency="BDT", incoterm="DDP", complexity="complex", customer=customer)
        row = database.execute(
            "select data from private.email_messages where workspace_id = %s", [owner.workspace_id]
        ).fetchone()
        assert row is not None
        templates.find("quote").read(row[0])

    @pytest.mark.parametrize(
        ("changes", "pointer", "code", "named"),
        [
            ({"product_type": "sofa"}, "/product_type", "unknown_product", "hoodie"),
            ({"fabric": "denim_12oz"}, "/fabric", "unknown_fabric", "fleece_280"),
            ({"sizes": {"L": 400, "GIANT": 100}}, "/sizes", "unknown_size", "XXL"),
            ({"sizes": {"L": 400}}, "/sizes", "sizes_differ", "400"),
            ({"quantity": 49, "sizes": None}, "/quantity", "greater_than_equal", "50"),
            ({"quantity": 100_001, "sizes": None}, "/quantity", "less_than_equal", "100000"),
            (
                {"product_type": "jacket", "fabric": None, "quantity": 99, "sizes": None},
                "/quantity",
                "below_minimum",
                "100",
            ),
            ({"quantity": 90, "sizes": None, "colours": ["red", "blue"]}, "/colours", "below_minimum", "100"),
            ({"product_type": "knitwear", "fabric": None}, "/decorations/0/method", "unknown_method", "embroidery"),
            (
                {"decorations": [{"method": "label"}, {"method": "label"}]},
                "/decorations/1/method",
                "repeated_method",
                "once",
            ),
            ({"complexity": "extreme"}, "/complexity", "literal_error", "medium"),
            ({"currency": "JPY"}, "/currency", "literal_error", "EUR"),
            ({"notes": "x" * 2001}, "/notes", "string_too_long", "2000"),
        ],
    )
    def test_of_what_is_not_known_names_what_is(
        self, api: InProcess, owner: Person, changes: dict[str, Any], pointer: str, code: str, named: str
    ) -> None:
        answer = ask(api, owner, **changes)
        assert (answer.status, answer.code) == (422, "invalid_fields")
        (error,) = (each for each in answer.json["errors"] if each["pointer"] == pointer and each["code"] == code)
        assert named in error["detail"]

    def test_takes_no_more_than_twenty_a_day_from_a_person(
        self, api: InProcess, owner: Person, database: psycopg.Connection
    ) -> None:
        spend(database, "quotes", str(owner.user_id), 19)
        assert ask(api, owner).status == 201
        answer = ask(api, owner)
        assert (answer.status, answer.code) == (429, "rate_limited")
        assert int(answer.headers["retry-after"]) > 80_000

    def test_under_one_key_is_made_once(self, api: InProcess, owner: Person) -> None:
        answers = [
            api("POST", QUOTES, token=owner.token, json=HOODIES, headers={"Idempotency-Key": "k"}) for _ in range(3)
        ]
        assert {answer.json["id"] for answer in answers} == {answers[0].json["id"]}

    def test_is_mailed_before_it_is_audited_as_all_changes_are(
        self, api: InProcess, stack: Stack, owner: Person
    ) -> None:
        """A mail of the workspace waits for its day's count: whoever waits holds nothing that others end with."""
        with (
            ThreadPoolExecutor(1) as threads,
            psycopg.connect(stack.database_url, autocommit=True) as looking,
            psycopg.connect(stack.database_url) as moving,
        ):
            moving.execute("select private.take_email_units(%s, 1)", [owner.workspace_id])
            asked = threads.submit(ask, api, owner)
            until = time.monotonic() + 10
            waiting = "select from pg_stat_activity where %s = any(pg_blocking_pids(pid))"
            while time.monotonic() < until and not looking.execute(waiting, [moving.info.backend_pid]).fetchall():
                time.sleep(0.05)
            moving.execute("set lock_timeout = '2s'")
            moving.execute("select private.audit(%s, null, 'order.moved', 'x')", [owner.workspace_id])
            moving.rollback()
            assert asked.result().status == 201

    def test_numbers_have_no_gap(self, api: InProcess, owner: Person) -> None:
        numbers = [ask(api, owner).json["number"] for _ in range(3)]
        ask(api, owner, product_type="sofa")
        numbers.append(ask(api, owner).json["number"])
        assert [number[-5:] for number in numbers] == ["00001", "00002", "00003", "00004"]


class TestWhoReadsIt:
    def test_staff_all_and_buyers_theirs(self, api: InProcess, owner: Person, people: People) -> None:
        buyer, other = (people.member(owner.workspace_id, "buyer") for _ in range(2))
        quote = ask(api, buyer).json
        for person, status in ((buyer, 200), (owner, 200), (other, 404), (people.sign_up("Stranger"), 404)):
            assert api("GET", of(quote), token=person.token).status == status
            listed = api("GET", f"{QUOTES}?workspace_id={owner.workspace_id}", token=person.token)
            ids = [each["id"] for each in listed.json["data"]] if listed.status == 200 else []
            assert ids == ([quote["id"]] if status == 200 else [])
        assert api("GET", of(quote)).status == 404

    def test_guests_with_its_token(self, api: InProcess, shop: Person) -> None:
        quote = guest_of(api, shop)
        assert api("GET", of(quote)).json["id"] == quote["id"]
        assert "token" not in api("GET", of(quote)).json
        assert api("GET", of(quote, token=False)).code == "not_found"
        assert api("GET", f"{QUOTES}/{quote['id']}?token={'x' * 32}").code == "not_found"
        assert api("GET", f"{QUOTES}/{uuid4()}?token={quote['token']}").code == "not_found"

    def test_guests_come_where_they_are_taken(self, api: InProcess, owner: Person, people: People) -> None:
        closed = ask(api, query=f"?workspace_id={owner.workspace_id}")
        nowhere = ask(api, query=f"?workspace_id={uuid4()}")
        assert (closed.status, nowhere.status, ask(api).status) == (404, 404, 404)
        assert closed.json["detail"] == nowhere.json["detail"]
        designer = people.member(owner.workspace_id, "designer")
        assert ask(api, designer).status == 403

    def test_guests_ask_fifteen_times_a_day(self, environment: pytest.MonkeyPatch, shop: Person) -> None:
        api = InProcess(fresh_ip())
        statuses = [ask(api, query=f"?workspace_id={shop.workspace_id}", product_type="sofa").status for _ in range(16)]
        assert statuses == [422] * 15 + [429]

    def test_nobody_is_mailed_for_a_guest(self, api: InProcess, shop: Person, database: psycopg.Connection) -> None:
        guest_of(api, shop)
        mails = database.execute(
            "select from private.email_messages where workspace_id = %s", [shop.workspace_id]
        ).fetchall()
        assert mails == []


class TestReplay:
    def test_is_equal(self, api: InProcess, owner: Person) -> None:
        quote = ask(api, owner, currency="BDT").json
        answer = api("GET", of(quote, "/replay"), token=owner.token).json
        assert answer == {"equal": True, "differences": [], "input_hash": quote["input_hash"]}

    def test_stays_so_after_the_card_and_the_rates_changed(
        self, api: InProcess, owner: Person, database: psycopg.Connection
    ) -> None:
        quote = ask(api, owner, currency="EUR").json
        card = {**CONTENTS["hoodie"], "base": "99.00"}
        added = api("POST", f"{QUOTES}/rate-cards", token=owner.token, json={"product_type": "hoodie", "card": card})
        assert (added.status, added.json["version"], added.json["built_in"]) == (201, 2, False)
        assert api("GET", of(quote, "/replay"), token=owner.token).json["equal"]
        later = ask(api, owner, currency="EUR").json
        assert later["rate_card_version"] == 2
        assert later["total_minor"] > quote["total_minor"]
        assert api("GET", of(quote), token=owner.token).json["rate_card_version"] == 1

    def test_finds_a_cent_that_was_changed(self, api: InProcess, owner: Person, database: psycopg.Connection) -> None:
        quote = ask(api, owner).json
        database.execute("alter table public.quotes disable trigger quotes_stay")
        database.execute(
            "update public.quotes set price = jsonb_set(price, '{lines,0,amount_minor}', '790001') where id = %s",
            [quote["id"]],
        )
        database.execute("alter table public.quotes enable trigger quotes_stay")
        answer = api("GET", of(quote, "/replay"), token=owner.token).json
        assert not answer["equal"]
        assert [each["place"] for each in answer["differences"]] == ["lines/0"]

    def test_the_database_lets_nobody_change_what_a_quote_says(
        self, api: InProcess, owner: Person, database: psycopg.Connection
    ) -> None:
        quote = ask(api, owner).json
        for change in ("total_minor = 1", "price = '{}'", "customer = '{}'", "valid_until = '2099-01-01'"):
            with pytest.raises(psycopg.errors.CheckViolation):
                database.execute(f"update public.quotes set {change} where id = %s".encode(), [quote["id"]])  # noqa: S608
