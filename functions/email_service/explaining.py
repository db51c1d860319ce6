"""Why a mail was sent, held back or not sent: sentences from what the database knows of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

REASONS = {
    "daily_cap": "The workspace has sent its mails of the day: it waits until there is room again.",
    "not_configured": "No provider is set up: RESEND_API_KEY or EMAIL_FROM is missing.",
    "invalid_address": "What it was to be sent to is no address.",
    "invalid_data": "Its data is not what its template takes.",
    "bounced": "An earlier mail to this address came back for good: it gets none until the suppression is removed.",
    "complained": "Its recipient called an earlier mail spam: it gets none until the suppression is removed.",
    "unsubscribed": "Its recipient unsubscribed from follow-ups.",
    "outcome_unknown": (
        "It is unknown whether it was sent, for longer than the provider remembers: trying again may send it twice."
    ),
    "attachment_missing": "An attachment is no longer in storage.",
    "attachment_unavailable": "Storage was away.",
    "provider_refused": "The provider refuses it.",
    "provider_refuses_us": "The provider refuses us: the API key or the sender's domain.",
    "provider_quota": "The account's quota at the provider is used up.",
    "provider_rate_limited": "The provider asked us to slow down.",
    "provider_busy": "The provider was still busy with an earlier try.",
    "provider_failed": "The provider failed.",
    "provider_unreachable": "The provider didn't answer.",
    "provider_garbled": "The provider answered something else.",
}
STATES = {
    "queued": "It is waiting to be sent.",
    "cancelled": "It was cancelled before it was sent.",
    "suppressed": "It was not sent.",
    "failed": "It could not be sent.",
    "sent": "The provider has taken it; what the recipient's server says isn't known yet.",
    "delayed": "The recipient's server put it off; the provider goes on trying.",
    "delivered": "The recipient's server has taken it.",
    "opened": "It was opened.",
    "bounced": "The recipient's server sent it back.",
    "complained": "Its recipient called it spam.",
}


def sentences(message: dict[str, Any]) -> Iterator[str]:
    """The story of a mail as `explain_email` answers it, in a few sentences."""
    yield "A person of the workspace sent it." if message["created_by"] else "Something that happened sent it."
    if message["send_at"]:
        yield f"It was to be sent at {message['send_at']}."
    yield STATES[message["state"]]
    if message["reason"] in REASONS:
        yield REASONS[message["reason"]]
    if message["state"] == "queued" and message["due_at"]:
        yield f"It is due at {message['due_at']}."
    failed = [each for each in message["attempts"] if each["outcome"] not in ("delivered", "unfinished")]
    if failed:
        last = REASONS.get(failed[-1]["error"], "")
        times = "once" if len(failed) == 1 else f"{len(failed)} times"
        yield f"Sending it failed {times}. {last}".strip()
