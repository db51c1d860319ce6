"""Orders as the conversion of a quote makes them, for tests of all kinds."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

TOTAL, DEPOSIT = 976000, 292800
LINES: list[dict[str, Any]] = [
    {
        "kind": "item",
        "description": "Heavyweight hoodie, black",
        "detail": "3-colour front print",
        "quantity": "500",
        "unit": "pcs",
        "unit_price_minor": 1925,
        "amount_minor": 962500,
        "rule": "base hoodie + heavyweight",
    },
    {"kind": "fee", "description": "Screen set-up, 3 colours", "amount_minor": 13500},
]
CUSTOMER = {"email": "maya@example.com", "name": "Maya Lindqvist", "company": "Lindqvist & Daughters", "country": "US"}
TIMELINE = [{"name": "Cutting", "starts_on": "2026-12-01", "ends_on": "2026-12-04"}]


def create_order(connection: psycopg.Connection[Any], workspace_id: UUID, **changes: object) -> UUID:
    """One of 500 hoodies by the database's owner, with arguments of private.create_order changed."""
    arguments: dict[str, object] = {
        "_workspace": workspace_id,
        "_quote": uuid4(),
        "_buyer": None,
        "_customer": Jsonb(CUSTOMER),
        "_summary": "500 heavyweight hoodies",
        "_currency": "USD",
        "_lines": Jsonb(LINES),
        "_subtotal_minor": 962500,
        "_total_minor": TOTAL,
        "_deposit_minor": DEPOSIT,
        "_terms": Jsonb({"timeline": TIMELINE, "incoterm": "FOB"}),
        "_expected_on": "2027-03-05",
        "_tracking_token": uuid4().hex,
        **changes,
    }
    named = [sql.SQL("{} => {}").format(sql.Identifier(name), sql.Placeholder()) for name in arguments]
    query = sql.SQL("select (private.create_order({})).id").format(sql.SQL(", ").join(named))
    row = connection.execute(query, list(arguments.values())).fetchone()
    assert row is not None
    made: UUID = row[0]
    return made
