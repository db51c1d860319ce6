"""The outbox topic `slack`: what is in it is posted to the incoming webhook `SLACK_WEBHOOK_URL`."""

from __future__ import annotations

import json
from typing import Any

import urllib3
from urllib3.exceptions import HTTPError, LocationValueError

from functions.jobs.running import Run
from shared import gateway, settings, tracing
from shared.database import as_service

READ_SECONDS = 8.0
# Longer than a post can take, so that nobody else takes the same message meanwhile.
LEASE_SECONDS = 60
LEAST_SECONDS = 15.0
# Raised before anything was sent.
NOTHING_SENT = (
    urllib3.exceptions.NewConnectionError,
    urllib3.exceptions.ConnectTimeoutError,
    urllib3.exceptions.ProxyError,
    urllib3.exceptions.SSLError,
)

Outcome = dict[str, Any]


def deliver(run: Run) -> None:
    """Post what is due, one message after another; the first that doesn't get through ends it. Raises `Problem` 503."""
    while run.seconds_left >= LEAST_SECONDS:
        delivery = as_service().value("lease_outbox", topic="slack", most=1, lease_seconds=LEASE_SECONDS)
        if delivery is None:
            return
        # One row, or none: with a workspace its messages go.
        outcomes = [{"id": row["id"], **post(str(row["payload"].get("text", "")))} for row in delivery["rows"]]
        as_service().value("settle_outbox", delivery=delivery["id"], attempt=delivery["attempt"], outcomes=outcomes)
        run.counts.update(outcome["outcome"] for outcome in outcomes)
        if any(outcome["outcome"] not in ("delivered", "refused") for outcome in outcomes):
            return


def post(text: str) -> Outcome:
    """Post a text; what became of it, as `settle_outbox` takes it.

    Slack knows no idempotency key. So a message whose end nobody knows (no answer came, or it was lost) is posted
    again and may be read twice: an alert twice is better than none.
    """
    url = settings.get("SLACK_WEBHOOK_URL")
    if not url:
        return {"outcome": "again", "error": "not_configured"}
    try:
        with tracing.Call("slack", "POST slack", {"http.request.method": "POST"}) as call:
            response = gateway.pool().request(
                "POST",
                url,
                body=json.dumps({"text": text}).encode(),
                headers={"Content-Type": "application/json"},
                timeout=urllib3.Timeout(connect=gateway.CONNECT_SECONDS, read=READ_SECONDS),
                retries=False,
            )
            call.outcome = response.status
    except LocationValueError:
        return {"outcome": "refused", "error": "slack_url_invalid"}
    except NOTHING_SENT:
        return {"outcome": "again", "error": "slack_unreachable"}
    except HTTPError:
        return {"outcome": "unknown", "error": "slack_silent"}
    return judged(response.status, response.headers.get("Retry-After", ""))


def judged(status: int, retry_after: str) -> Outcome:
    """What an answer means. `Retry-After` counts in seconds; as a date, which Slack doesn't send, it isn't heeded."""
    if 200 <= status < 300:
        return {"outcome": "delivered"}
    error = f"slack_{status}"
    if status == 429 or status >= 500:
        wait = {"wait_seconds": int(retry_after)} if retry_after.isascii() and retry_after.isdigit() else {}
        return {"outcome": "again", "error": error, **wait}
    return {"outcome": "refused", "error": error}
