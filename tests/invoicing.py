"""Workspaces that may invoice, and invoices as the procedure makes them: for tests of what comes after."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import psycopg
from psycopg.types.json import Jsonb

from tests.database.invoicing import SELLER, SETTINGS


def let_invoice(connection: psycopg.Connection[Any], workspace_id: UUID, owner_id: UUID) -> None:
    """Say all of the seller that invoices must say."""
    names = ", ".join(f"{name} = %s" for name in SELLER)
    connection.execute(
        f"update public.workspaces set {names} where id = %s".encode(),  # noqa: S608
        [*SELLER.values(), workspace_id],
    )
    connection.execute("select public.change_invoice_settings(%s, %s, %s)", [owner_id, workspace_id, Jsonb(SETTINGS)])


def invoice(connection: psycopg.Connection[Any], owner_id: UUID, order_id: UUID, *, draft: bool = False) -> UUID:
    """An order invoiced in full, or a draft of it; its id."""
    made = connection.execute(
        "select public.create_invoice(%s, %s, 'full', '{}', %s) #>> '{body,id}'", [owner_id, order_id, draft]
    ).fetchone()
    assert made is not None
    return UUID(made[0])
