"""One of our functions calling another over HTTP, with the internal token."""

from __future__ import annotations

from typing import Literal

import urllib3

from shared import context, gateway, log, settings, tracing
from shared.errors import Problem, unavailable

# What a nudge waits: time enough to be heard, none for an answer.
NUDGE_SECONDS = 0.25


def call(function: str, body: bytes, *, timeout_seconds: float) -> gateway.Reply:
    """POST bytes to another function of this deployment.

    Raises `Problem` 503 when it can't be reached, has no answer in time or fails.
    """
    try:
        reply = _post(function, body, urllib3.Timeout(connect=gateway.CONNECT_SECONDS, read=timeout_seconds))
    except urllib3.exceptions.HTTPError as error:
        raise _away() from error
    if reply.status >= 500:
        raise _away()
    return reply


def nudge(function: str) -> None:
    """Ask another function to work now, for what would else wait for its schedule; whatever becomes of it.

    Waits `NUDGE_SECONDS` at most. Raises nothing.
    """
    try:
        reply = _post(function, b"{}", urllib3.Timeout(total=NUDGE_SECONDS), retries=False)
    except urllib3.exceptions.ReadTimeoutError:
        return  # it is at work
    except (urllib3.exceptions.HTTPError, Problem) as error:
        log.write("warning", event="nudge not heard", function=function, error=type(error).__name__)
        return
    if reply.status >= 400:
        log.write("warning", event="nudge refused", function=function, status=reply.status)


def _post(
    function: str, body: bytes, timeout: urllib3.Timeout, *, retries: Literal[False] | None = None
) -> gateway.Reply:
    token = next(iter(settings.accepted("INTERNAL_TOKEN")), "")
    headers = {
        "Authorization": f"Bearer {token}",
        "Content-Type": "application/octet-stream",
        "X-Request-Id": context.current().request_id,
    }
    path = f"/api/{function.partition('?')[0]}"
    with tracing.Call(path, f"POST {path}", {"http.request.method": "POST", "url.template": path}) as call:
        response = gateway.pool().request(
            "POST",
            f"{settings.get('API_URL').rstrip('/')}/api/{function}",
            body=body,
            headers={**headers, **call.headers},
            timeout=timeout,
            retries=retries,
        )
        call.outcome = response.status
    return gateway.Reply(response.status, response.headers, response.data)


def _away() -> Exception:
    return unavailable("function_unavailable", "A function we stand on is away. Try again shortly.")
