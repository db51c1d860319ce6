"""Resend, by its SDK: one call for one delivery, and what became of each mail in it."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from shared import log

if TYPE_CHECKING:
    from resend.exceptions import ResendError

# Our key is wrong or the domain isn't verified: for somebody to mend, and no reason to lose mails until then.
PATIENCE_SECONDS = 300
REFUSES_US = {401, 403, 404, 405}
WRONG = {400, 413, 422, 451}


class Outcome(NamedTuple):
    """What became of a mail, in the words of `settle_outbox`."""

    outcome: str
    error: str | None = None
    receipt: str | None = None
    wait_seconds: float | None = None


class Attachment(NamedTuple):
    """A file to send along."""

    name: str
    content: bytes


def send(key: str, mails: Sequence[Any], attachments: Sequence[Attachment] = ()) -> list[Outcome]:
    """Send up to a hundred mails, or one with attachments, under an idempotency key: all are taken or none.

    Never raises for what Resend or the network does: that is what the outcomes are.
    """

    from functions.email_service import sdk  # an eighth of a second

    options: Any = {"idempotency_key": key}
    try:
        if len(mails) == 1:
            receipts = [sdk.resend.Emails.send(_with(mails[0], attachments), options)["id"]]
        else:
            receipts = [each["id"] for each in sdk.resend.Batch.send(list(mails), options)["data"]]
    except sdk.resend.exceptions.ResendError as error:
        outcome = _outcome(error, len(mails))
        log.write("warning", event="mail not sent", outcome=outcome.outcome, code=outcome.error)
        return [outcome] * len(mails)
    except (KeyError, TypeError, sdk.resend.exceptions.NoContentError):  # it answers something else
        receipts = []
    known = {each for each in receipts if isinstance(each, str)}
    if not len(known) == len(receipts) == len(mails):
        return [Outcome("unknown", "provider_garbled")] * len(mails)
    return [Outcome("delivered", receipt=receipt) for receipt in receipts]


def _with(mail: Any, attachments: Sequence[Attachment]) -> Any:
    files = [{"filename": each.name, "content": base64.b64encode(each.content).decode()} for each in attachments]
    return {**mail, "attachments": files} if files else mail


def _outcome(error: ResendError, mails: int) -> Outcome:
    """What a refusal or a failure says about the mails."""
    if error.error_type == "HttpClientError":
        return Outcome("unknown", "provider_unreachable")
    status = int(error.code) if str(error.code).isdecimal() else 500
    if error.error_type in ("daily_quota_exceeded", "monthly_quota_exceeded"):
        return Outcome("again", "provider_quota", wait_seconds=3600)
    if status == 429:
        return Outcome("again", "provider_rate_limited", wait_seconds=_seconds(error.headers))
    if status == 409:  # the same call is under way, or was made with other content: a webhook will tell
        return Outcome("unknown", "provider_busy")
    if status in REFUSES_US:
        return Outcome("again", "provider_refuses_us", wait_seconds=PATIENCE_SECONDS)
    if status in WRONG:
        # One wrong mail has the whole batch refused, and which one it is isn't said reliably.
        return Outcome("alone" if mails > 1 else "refused", "provider_refused")
    return Outcome("unknown", "provider_failed", wait_seconds=_seconds(error.headers))


def _seconds(headers: Mapping[str, str]) -> float | None:
    """`Retry-After`, where it is a number."""
    text = {name.lower(): value for name, value in headers.items()}.get("retry-after", "")
    return float(text) if text.isascii() and text.replace(".", "", 1).isdigit() else None
