"""Calls to /api/quote-generator."""

from __future__ import annotations

from typing import Any

import psycopg

from tests.api import InProcess, Response
from tests.people import Person

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


def outlive(database: psycopg.Connection, quote: dict[str, Any]) -> None:
    """As if it had been made long ago."""
    database.execute("alter table public.quotes disable trigger quotes_stay")
    database.execute("update public.quotes set valid_until = current_date - 2 where id = %s", [quote["id"]])
    database.execute("alter table public.quotes enable trigger quotes_stay")
