"""Quotes in the database, without a request: for tests of what happens to them."""

from __future__ import annotations

import json
from uuid import UUID

import psycopg
from psycopg.types.json import Jsonb

from functions.quote_generator import quoting
from functions.quote_generator.models import QuoteRequest

REQUEST = {"product_type": "hoodie", "quantity": 500, "customer": {"email": "maya@northern.example"}}


def store_quote(database: psycopg.Connection, workspace_id: UUID, user_id: UUID) -> UUID:
    """An open quote that this person made; its id."""
    request = QuoteRequest.from_json(json.dumps(REQUEST).encode())
    basis = database.execute(
        "select private.quote_basis(%s, %s, %s, null, '[]')", [user_id, workspace_id, request.product_type]
    ).fetchone()
    assert basis is not None
    quote = {**quoting.quoted(request, basis[0]), "narrative": {"text": "A quote.", "provider": "built_in"}}
    made = database.execute(
        "select private.create_quote(%s, %s, %s, null) #>> '{body,id}'", [user_id, workspace_id, Jsonb(quote)]
    ).fetchone()
    assert made is not None
    return UUID(made[0])
