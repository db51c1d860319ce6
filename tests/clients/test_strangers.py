"""Every operation, asked by a stranger for what somebody made: answered as if it weren't there."""

from __future__ import annotations

import base64
from typing import Any

import psycopg
import pytest

from local.functions import FunctionsServer
from tests.api import OverHttp
from tests.clients.given import IMAGES
from tests.clients.strangers import Gathered, look, operations
from tests.functions.quote_generator.storing import REQUEST
from tests.invoicing import let_invoice
from tests.ordering import create_order
from tests.people import People

PLAIN = {"subject": "Hello", "paragraphs": ["How are you?"]}


@pytest.fixture
def gathered(people: People, server: FunctionsServer, database: psycopg.Connection) -> Gathered:
    """Somebody who made one of everything there is to make."""
    gathered = Gathered(people.sign_up("Owner"))
    api = OverHttp(server.url)

    def make(path: str, **body: Any) -> None:
        answer = api("POST", path.format(gathered.owner.workspace_id), token=gathered.owner.token, json=body)
        assert answer.status in (200, 201, 202), answer.body
        gathered.note(path.replace("{}", "{workspace_id}"), {}, answer.body)

    make("/api/workspaces", name="A second one")
    make("/api/workspaces/{}/roles", name="counter", permissions=["inventory.read"])
    make("/api/workspaces/{}/invites", role="readonly")
    make("/api/detect/uploads", content_type="image/png")
    make("/api/detect", image=base64.b64encode(IMAGES[0]).decode())
    make("/api/quote-generator", **REQUEST)
    make("/api/email-service", **{"template": "plain", "to": "robin@example.com", "data": PLAIN})
    gathered.add("name", "plain")
    row = database.execute(
        """
        insert into private.email_suppressions (workspace_id, address, reason) values (%s, 'a@example.com', 'bounced')
        returning id
        """,
        [gathered.owner.workspace_id],
    ).fetchone()
    assert row is not None
    gathered.add("suppression_id", str(row[0]))
    order = str(create_order(database, gathered.owner.workspace_id))
    gathered.add("order_id", order)
    make("/api/payment-intent", order_id=order, payment_type="deposit")
    let_invoice(database, gathered.owner.workspace_id, gathered.owner.user_id)
    make("/api/invoice", order_id=order, kind="full")
    return gathered


def test_nobody_learns_or_changes_what_is_somebody_else_s(
    gathered: Gathered, people: People, server: FunctionsServer
) -> None:
    asked, found = look(server.url, people.sign_up("Stranger"), gathered)
    assert [str(each) for each in found] == []
    assert all(asked.values()), "something was made for each operation that names something"
    assert len(asked) == len({(each.method, each.path) for each in operations()}) > 15


def test_what_one_learns_would_be_found(gathered: Gathered, server: FunctionsServer) -> None:
    _, found = look(server.url, gathered.owner, gathered)
    assert {"GET", "PATCH", "POST", "PUT", "DELETE"} == {each.call.partition(" ")[0] for each in found}
