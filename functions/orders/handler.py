"""/api/orders: where orders are, and moving them along their workflow.

Orders are made by converting a quote, and their payment state is moved by payments alone. Which moves there are, who
may make them and what they need is a table of the database (private.order_moves), which refuses all others. Side
effects of a move: its history, an audit entry, a mail to the customer.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from functions.orders.models import (
    Assignment,
    Cancellation,
    Order,
    OrderPage,
    Orders,
    TrackedOrder,
    Transition,
)
from shared.auth import Caller
from shared.database import as_caller, as_service
from shared.models import page
from shared.web import Function

MOVING = ["409 already_paid", "409 move_not_allowed", "409 payment_needed", "422 invalid_reason"]

app = Function("orders", memory_mb=256)


@app.get(problems=["403 permission_denied", "404 not_found"])
def list_orders(caller: Caller, query: OrderPage) -> Orders:
    """The orders one may see, newest first: all of the workspace, those one placed, or those one makes."""
    rows = as_caller(caller).rpc(
        "list_orders",
        workspace_id=text(query.workspace_id),
        workflow_state=query.workflow_state,
        payment_state=query.payment_state,
        after=text(query.cursor),
        page_size=query.limit + 1,
    )
    return Orders.model_validate(page(rows, query.limit, "id"))


@app.get("/<order_id>")
def read_order(caller: Caller, order_id: UUID) -> Order:
    """One order, with its history."""
    return Order.model_validate(as_caller(caller).rpc("read_order", order_id=str(order_id)))


@app.post("/<order_id>/transitions", problems=[*MOVING, "422 invalid_tracking"])
def move_order(caller: Caller, order_id: UUID, body: Transition) -> Order:
    """Move an order along its workflow. The customer gets a mail."""
    return ask(caller, "transition_order", order_id, state=body.to, **body.model_dump(exclude={"to"}))


@app.post("/<order_id>/cancel", problems=MOVING)
def cancel_order(caller: Caller, order_id: UUID, body: Cancellation) -> Order:
    """Cancel an order: the buyer while nothing is paid, the workspace until it is shipped."""
    return ask(caller, "cancel_order", order_id, reason=body.reason)


@app.post("/<order_id>/assign", problems=["409 order_ended", "422 not_assignable"])
def assign_order(caller: Caller, order_id: UUID, body: Assignment) -> Order:
    """Say who makes an order, a supplier or a factory; they then see it, without its prices."""
    return ask(caller, "assign_order", order_id, user_id=text(body.user_id))


@app.get(
    "/track/<token>", public=True, problems=["404 not_found", "503 database_unavailable", "503 upstream_unavailable"]
)
def track_order(token: str) -> TrackedOrder:
    """How far an order is, for whoever has its link."""
    return TrackedOrder.model_validate(as_service().rpc("track_order", token=token))


def ask(caller: Caller, procedure: str, order_id: UUID, **arguments: Any) -> Order:
    """Have a procedure change an order; the order as it is then."""
    return Order.model_validate(as_caller(caller).rpc(procedure, order_id=str(order_id), **arguments))


def text(identifier: UUID | None) -> str | None:
    """As SQL is given it."""
    return None if identifier is None else str(identifier)
