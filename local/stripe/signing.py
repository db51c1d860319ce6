"""The signature of a webhook: `Stripe-Signature: t=…,v1=…`."""

import hashlib
import hmac


def signature(secret: str, body: bytes, at: int) -> str:
    """HMAC-SHA256 over `timestamp.body` with the whole secret, `whsec_` included."""
    return hmac.new(secret.encode(), b"%d.%b" % (at, body), hashlib.sha256).hexdigest()


def signed(secret: str, _: str, body: bytes, at: int) -> dict[str, str]:
    """The headers of a message."""
    return {
        "Stripe-Signature": f"t={at},v1={signature(secret, body, at)}",
        "Content-Type": "application/json; charset=utf-8",
        "User-Agent": "Stripe/1.0 (sandbox)",
    }
