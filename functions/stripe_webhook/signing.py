"""Stripe's signature of a webhook: `Stripe-Signature: t=…,v1=…,v1=…`, HMAC-SHA256 over `t.body` with the whole secret.

Not by the SDK: it takes a moment to load, and admits a time that lies as far ahead as somebody likes.
"""

from __future__ import annotations

import hmac
import re

from shared import clock, settings
from shared.auth import SHORTEST_SECRET, matches
from shared.errors import Problem
from shared.request import Request

# Of the time a webhook was signed at: Stripe's own into the past, and ours as much into the future.
TOLERANCE_SECONDS = 300
MOST_SIGNATURES = 10


def stripe(request: Request) -> None:
    """Admit Stripe (`signed_by=stripe`). Closed while `STRIPE_WEBHOOK_SECRET` is unset; raises `Problem` 401, 503."""
    secrets = [secret for secret in settings.accepted("STRIPE_WEBHOOK_SECRET") if len(secret) >= SHORTEST_SECRET]
    if not secrets:
        raise Problem(503, "not_configured", "The server's setting STRIPE_WEBHOOK_SECRET is missing or no whsec_….")
    request.read()
    parts = [part.strip().partition("=") for part in request.header("stripe-signature").split(",")]
    times = [value for name, _, value in parts if name == "t"]
    given = [value for name, _, value in parts if name == "v1"]
    if len(times) != 1 or not re.fullmatch(r"[0-9]{1,12}", times[0], re.ASCII):
        raise forged()
    if abs(clock.now().timestamp() - int(times[0])) > TOLERANCE_SECONDS:
        raise forged()
    content = times[0].encode() + b"." + request.body
    expected = [hmac.digest(secret.encode(), content, "sha256").hex() for secret in secrets]
    # All are compared, whichever holds.
    if not sum(matches(each, expected) for each in given[:MOST_SIGNATURES]):
        raise forged()


def forged() -> Problem:
    """401, the same for all reasons."""
    return Problem(401, "signature_invalid", "This is not signed as Stripe signs.")
