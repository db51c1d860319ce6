"""Disputes: a payer's bank takes the money back until it is decided."""

from local.sandbox.journal import Json
from local.stripe.account import Change
from local.stripe.errors import refused


def opened(change: Change, charge_id: str, amount: int | None, reason: str) -> Json:
    """The bank takes back all that is left of a charge, or `amount` of it."""
    charge = change.get("charge", charge_id, "charge")
    left = charge["amount_captured"] - charge["amount_refunded"]
    if charge["disputed"] or (amount or left) > left or not left:
        raise refused(f"Charge {charge_id} has nothing left that could be disputed.")
    dispute = change.add(
        "du",
        "dispute",
        amount=amount or left,
        balance_transactions=[],
        charge=charge_id,
        currency=charge["currency"],
        evidence={},
        evidence_details={"due_by": change.now + 7 * 24 * 3600, "has_evidence": False, "submission_count": 0},
        is_charge_refundable=False,
        metadata={},
        payment_intent=charge["payment_intent"],
        reason=reason,
        status="needs_response",
    )
    charge |= {"disputed": True, "dispute": dispute["id"]}
    change.happened("charge.dispute.created", dispute)
    change.happened("charge.dispute.funds_withdrawn", dispute)
    return dispute


def closed(change: Change, id_: str, won: bool) -> Json:
    """It is decided: the money comes back, or not."""
    dispute = change.get("dispute", id_)
    if dispute["status"] in ("won", "lost"):
        raise refused(f"This dispute is already {dispute['status']}.")
    dispute["status"] = "won" if won else "lost"
    change.happened("charge.dispute.closed", dispute)
    if won:
        change.happened("charge.dispute.funds_reinstated", dispute)
    return dispute
