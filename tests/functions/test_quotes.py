"""Quotes as people meet them: priced, refused, read by whom they are for, revised, replayed, and made an order once."""

from __future__ import annotations

import json
import re
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from functions.quote_generator.cards import COMPLEXITIES
from local.stack import Stack
from local.vendors import Behaviour, Fails, Garbage, Hangs, Says, Vendors
from tests.api import InProcess, Response, fresh_ip
from tests.functions.conftest import spend
from tests.functions.quote_generator.cards import CONTENTS
from tests.people import People, Person

CUSTOMER = {"email": "maya@northern.example", "name": "Maya Lindqvist", "country": "SE"}
HOODIES = {
    "product_type": "hoodie",
    "quantity": 500,
    "fabric": "fleece_350",
    "complexity": "medium",
    "sizes": {"L": 400, "XXL": 100},
    "decorations": [{"method": "screen_print", "colours": 3, "placements": ["front"]}],
    "customer": CUSTOMER,
}
QUOTES = "/api/quote-generator"


@pytest.fixture
def owner(people: People) -> Person:
    return people.sign_up("Olga")


@pytest.fixture
def shop(owner: Person, database: psycopg.Connection) -> Person:
    """The owner of a workspace that takes guests."""
    database.execute("update public.workspaces set takes_guests = true where id = %s", [owner.workspace_id])
    return owner


def ask(api: InProcess, person: Person | None = None, query: str = "", **changes: Any) -> Response:
    return api("POST", QUOTES + query, token=person.token if person else None, json={**HOODIES, **changes})


def guest_of(api: InProcess, shop: Person, **changes: Any) -> dict[str, Any]:
    answer = ask(api, query=f"?workspace_id={shop.workspace_id}", **changes)
    assert answer.status == 201, answer.body
    found: dict[str, Any] = answer.json
    return found


def of(quote: dict[str, Any], tail: str = "", *, token: bool = True) -> str:
    query = f"?token={quote['token']}" if token and quote.get("token") else ""
    return f"{QUOTES}/{quote['id']}{tail}{query}"


def code_of(database: psycopg.Connection, quote: dict[str, Any]) -> str:
    """The code that was mailed last."""
    row = database.execute(
        """
        select data ->> 'code' from private.email_messages
        where template = 'one-time-code' and workspace_id = (select workspace_id from public.quotes where id = %s)
        order by created_at desc limit 1
        """,
        [quote["id"]],
    ).fetchone()
    assert row is not None
    return str(row[0])


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


class TestRateCards:
    def test_are_for_managers(self, api: InProcess, owner: Person, people: People) -> None:
        for role, status in (("manager", 200), ("staff", 403), ("buyer", 403)):
            person = people.member(owner.workspace_id, role)
            assert api("GET", f"{QUOTES}/rate-cards", token=person.token).status == status
        listed = api("GET", f"{QUOTES}/rate-cards", token=owner.token).json["data"]
        assert sorted(each["product_type"] for each in listed) == sorted(CONTENTS)

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


class TestVersions:
    def test_follow_each_other(self, api: InProcess, owner: Person) -> None:
        first = ask(api, owner).json
        body = {**HOODIES, "quantity": 1000, "sizes": None}
        second = api("POST", of(first, "/revise"), token=owner.token, json=body).json
        assert (second["number"], second["version"], second["status"]) == (first["number"], 2, "open")
        assert api("GET", of(first), token=owner.token).json["status"] == "superseded"
        again = api("POST", of(first, "/revise"), token=owner.token, json=body)
        assert (again.status, again.code) == (409, "quote_not_current")

    def test_of_a_guest_keep_the_token(self, api: InProcess, shop: Person) -> None:
        first = guest_of(api, shop)
        answer = api("POST", of(first, "/revise"), json={**HOODIES, "quantity": 600, "sizes": None})
        assert answer.status == 201, answer.body
        assert api("GET", of({**answer.json, "token": first["token"]})).status == 200

    def test_by_staff_stay_with_whoever_asked(
        self, api: InProcess, shop: Person, people: People, database: psycopg.Connection
    ) -> None:
        first = guest_of(api, shop)
        second = api("POST", of(first, "/revise", token=False), token=shop.token, json=HOODIES).json
        assert api("GET", of({**second, "token": first["token"]})).status == 200
        buyer = people.member(shop.workspace_id, "buyer")
        revised = api("POST", of(ask(api, buyer).json, "/revise"), token=shop.token, json=HOODIES).json
        assert api("GET", of(revised), token=buyer.token).status == 200
        row = database.execute(
            "select actor from private.audit_log where action = 'quote.created' and target = %s", [revised["id"]]
        ).fetchone()
        assert row is not None
        assert row[0] == shop.user_id

    def test_twenty_at_once_make_one(self, api: InProcess, owner: Person) -> None:
        first = ask(api, owner).json
        ips = [InProcess(fresh_ip()) for _ in range(12)]
        with ThreadPoolExecutor(12) as threads:
            answers = list(
                threads.map(lambda one: one("POST", of(first, "/revise"), token=owner.token, json=HOODIES), ips)
            )
        assert sorted(answer.status for answer in answers) == [201] + [409] * 11

    def test_end_declined_or_expired(
        self, api: InProcess, owner: Person, database: psycopg.Connection, stack: Stack
    ) -> None:
        declined, expired = ask(api, owner).json, ask(api, owner).json
        answer = api("POST", of(declined, "/decline"), token=owner.token, json={"reason": "Too dear"})
        assert answer.json["status"] == "declined"
        assert api("POST", of(declined, "/decline"), token=owner.token, json={}).code == "quote_not_open"
        outlive(database, expired)
        assert api("GET", of(expired), token=owner.token).json["status"] == "expired"
        assert api("POST", of(expired, "/convert"), token=owner.token, json={}).code == "quote_expired"
        run = api("GET", "/api/jobs/expire-quotes", headers={"Authorization": f"Bearer {stack.env['CRON_SECRET']}"})
        assert run.json["counts"]["expired"] >= 1
        rows = database.execute("select status from public.quotes where id = %s", [expired["id"]]).fetchone()
        assert rows == ("expired",)
        for quote in (declined, expired):
            assert api("POST", of(quote, "/revise"), token=owner.token, json=HOODIES).status == 201


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


def outlive(database: psycopg.Connection, quote: dict[str, Any]) -> None:
    """As if it had been made long ago."""
    database.execute("alter table public.quotes disable trigger quotes_stay")
    database.execute("update public.quotes set valid_until = current_date - 2 where id = %s", [quote["id"]])
    database.execute("alter table public.quotes enable trigger quotes_stay")


@pytest.fixture(scope="session")
def loaded() -> None:
    """As in a process that has served before: loading the SDK takes seconds on a busy machine."""
    import google.genai.types  # noqa: F401


@pytest.mark.usefixtures("loaded")
class TestAModel:
    """Writes a few sentences about a quote, and nothing else."""

    @pytest.fixture(autouse=True)
    def trusted(self, database: psycopg.Connection) -> None:
        """Providers as if none had failed before: else they are passed over."""
        database.execute("delete from private.ai_breakers")

    @pytest.mark.parametrize(
        "told",
        [
            Says({"text": "Only 1.00 USD each if you order today!"}),
            Says({"text": "See https://evil.example for 500 hoodies."}),
            Says({"text": "<b>500</b> hoodies"}),
            Says({"text": ""}),
            Says({"text": "x" * 10_000_000}),
            Fails(500),
            Garbage(),
            Hangs(),
        ],
        ids=lambda told: str(told)[:40],
    )
    def test_changes_nothing_whatever_it_says(
        self, api: InProcess, owner: Person, environment: pytest.MonkeyPatch, told: Behaviour
    ) -> None:
        plain = ask(api, owner).json
        with Vendors() as vendors:
            for name, value in {**vendors.env, "AI_PROVIDERS": "gemini"}.items():
                environment.setenv(name, value)
            vendors.always("gemini", told)
            started = time.monotonic()
            quote = ask(api, owner).json
            took = time.monotonic() - started
        assert took < 6
        assert quote["narrative"] == plain["narrative"]
        for name in ("lines", "setup", "total_minor", "deposit_minor", "timeline", "savings", "input_hash"):
            assert quote[name] == plain[name]

    def test_is_quoted_where_it_says_what_the_quote_says(
        self, api: InProcess, owner: Person, environment: pytest.MonkeyPatch
    ) -> None:
        with Vendors() as vendors:
            for name, value in {**vendors.env, "AI_PROVIDERS": "gemini"}.items():
                environment.setenv(name, value)
            vendors.always("gemini", Says({"text": "Your 500 hoodies come to 9,875.00 USD in total."}))
            quote = ask(api, owner).json
        assert quote["narrative"] == {"text": "Your 500 hoodies come to 9,875.00 USD in total.", "provider": "gemini"}
