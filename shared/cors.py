"""Which web pages may call from a browser, and what they may send and read."""

from __future__ import annotations

import re

from shared import settings

LOCAL_PAGE = re.compile(r"http://(localhost|127\.0\.0\.1)(:\d{1,5})?")
EXPOSED = "X-Request-Id, RateLimit, RateLimit-Policy, Retry-After, ETag, Idempotent-Replayed"
# From apikey on: what supabase-js may add to a call by itself. One name missing here, and the browser sends nothing.
ACCEPTED = (
    "authorization, content-type, idempotency-key, if-match, if-none-match, x-request-id, "
    "apikey, x-client-info, x-retry-count, traceparent, tracestate, baggage"
)


def headers(origin: str, *, preflight: bool) -> dict[str, str]:
    """The CORS headers for a page of that origin; for one that isn't allowed only `Vary`."""
    if not origin or not _allowed(origin):
        return {"Vary": "Origin"}
    allowed = {"Vary": "Origin", "Access-Control-Allow-Origin": origin, "Access-Control-Expose-Headers": EXPOSED}
    if preflight:
        allowed["Access-Control-Allow-Methods"] = "GET, HEAD, POST, PATCH, DELETE, OPTIONS"
        allowed["Access-Control-Allow-Headers"] = ACCEPTED
        allowed["Access-Control-Max-Age"] = "600"
    return allowed


def _allowed(origin: str) -> bool:
    listed = [entry.strip() for entry in settings.get("CORS_ORIGINS").split(",")]
    return origin in listed or (settings.is_development() and LOCAL_PAGE.fullmatch(origin) is not None)
