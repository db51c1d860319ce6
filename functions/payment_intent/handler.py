"""/api/payment-intent: paying for orders by Stripe, in instalments, and giving money back.

Amounts are the database's. There is one open payment for an order at the most, and one PaymentIntent for a payment:
made with our id as Stripe's idempotency key, found again after whatever went wrong. What has happened at Stripe is read
there, when somebody asks and when its webhook says that something did. Side effects: PaymentIntents, refunds, an audit
entry for each.
"""

from __future__ import annotations

from functions.payment_intent import reconciling, refunding, starting
from functions.payment_intent.models import (
    ByToken,
    NewPayment,
    NewRefund,
    OfOrder,
    Payment,
    Payments,
    Reconciled,
    Refund,
    StartedPayment,
)
from shared import auth, context, limits
from shared.auth import Caller
from shared.database import Database, as_caller, as_service
from shared.errors import Problem
from shared.limits import Limit
from shared.web import Function

STARTING = Limit("payments", 120, 900)
NOT_MINE = ["403 permission_denied", "404 not_found", "503 database_unavailable", "503 upstream_unavailable"]
AWAY = [*NOT_MINE, "503 stripe_unavailable"]
NOT_PAYABLE = [
    "409 already_paid",
    "409 amount_not_payable",
    "409 currency_not_payable",
    "409 deposit_needed",
    "409 no_deposit",
    "409 order_not_payable",
    "409 pay_in_full",
    "409 payment_changed",
    "409 payment_under_way",
]

# Stripe takes at most three tries of nine seconds.
app = Function("payment-intent", max_duration_seconds=60, memory_mb=256)


# Not kept for an Idempotency-Key: the answer holds a secret, and asking again finds the same payment by itself.
@app.post(public=True, idempotent=False, problems=[*AWAY, *NOT_PAYABLE, "429 rate_limited"])
def start_payment(caller: Caller | None, body: NewPayment) -> StartedPayment:
    """Start paying an order's deposit, its balance, or all. Asked again, the same payment while it can be paid."""
    limits.take(STARTING.wanted(str(caller.user_id) if caller else context.current().ip))
    started = starting.start(database(caller), body.order_id, body.token, body.payment_type)
    return StartedPayment(**started.payment, client_secret=started.client_secret)


@app.get(public=True, problems=NOT_MINE)
def list_payments(caller: Caller | None, query: OfOrder) -> Payments:
    """An order's payments, with refunds and disputes."""
    rows = database(caller).rpc("list_payments", order_id=str(query.order_id), token=query.token)
    return Payments.model_validate({"data": rows})


@app.post("/<payment_intent_id>/cancel", public=True, idempotent=False, problems=[*AWAY, "409 not_cancellable"])
def cancel_payment(caller: Caller | None, payment_intent_id: str, query: ByToken) -> Payment:
    """Take back a payment that nobody has paid yet."""
    asked = database(caller).begin("begin_cancelling", payment_intent_id=payment_intent_id, token=query.token)
    payment = starting.ended(payment_intent_id, asked["payment"], asked["reading"])
    if payment["status"] != "canceled":
        raise Problem(409, "not_cancellable", "This payment has come to its end.")
    return Payment.model_validate(payment)


@app.post(
    "/<payment_intent_id>/refunds",
    status=201,
    problems=[*AWAY, "409 amount_not_payable", "409 refund_refused", "409 refund_too_large"],
)
def refund_payment(caller: Caller, payment_intent_id: str, body: NewRefund) -> Refund:
    """Give back what was received, or a part of it; never more, however many ask at once."""
    asked = as_caller(caller).begin(
        "begin_refund",
        payment_intent_id=payment_intent_id,
        amount_minor=body.amount_minor,
        reason=body.reason,
        record=context.current().idempotency_record,
    )
    return Refund.model_validate(refunding.give_back(asked))


@app.post("/reconcile", signed_by=auth.internal, problems=["503 database_unavailable", "503 stripe_unavailable"])
def reconcile(raw: bytes) -> Reconciled:
    """One step of comparing all payments with Stripe."""
    return reconciling.step(raw)


def database(caller: Caller | None) -> Database:
    """As this person sees it; for a guest past row-level security: the order's token decides."""
    return as_caller(caller) if caller else as_service()
