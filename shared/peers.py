"""One of our functions calling another over HTTP, with the internal token."""

from __future__ import annotations

import urllib3

from shared import context, gateway, settings, tracing
from shared.errors import unavailable


def call(function: str, body: bytes, *, timeout_seconds: float) -> gateway.Reply:
    """POST bytes to another function of this deployment.

    Raises `Problem` 503 when it can't be reached, has no answer in time or fails.
    """
    token = next(iter(settings.accepted("INTERNAL_TOKEN")), "")
    headers = {
        "Authorization": f"Bearer {token}",
        "Content-Type": "application/octet-stream",
        "X-Request-Id": context.current().request_id,
    }
    path = f"/api/{function.partition('?')[0]}"
    try:
        with tracing.Call(path, f"POST {path}", {"http.request.method": "POST", "url.template": path}) as call:
            response = gateway.pool().request(
                "POST",
                f"{settings.get('API_URL').rstrip('/')}/api/{function}",
                body=body,
                headers={**headers, **call.headers},
                timeout=urllib3.Timeout(connect=gateway.CONNECT_SECONDS, read=timeout_seconds),
            )
            call.outcome = response.status
    except urllib3.exceptions.HTTPError as error:
        raise _away() from error
    if response.status >= 500:
        raise _away()
    return gateway.Reply(response.status, response.headers, response.data)


def _away() -> Exception:
    return unavailable("function_unavailable", "A function we stand on is away. Try again shortly.")
