"""Quotes revised, declined and expired."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import psycopg

from local.stack import Stack
from tests.api import InProcess, fresh_ip
from tests.functions.quotes import HOODIES, ask, guest_of, of, outlive
from tests.people import People, Person


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
