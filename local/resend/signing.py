"""The signature of a webhook, as Svix makes it: `svix-id`, `svix-timestamp`, `svix-signature: v1,…`."""

import base64
import hashlib
import hmac


def signed(secret: str, id_: str, body: bytes, at: int) -> dict[str, str]:
    """The headers that prove a message: HMAC-SHA256 over `id.timestamp.body` with what `whsec_…` encodes."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signature = hmac.digest(key, b"%b.%d.%b" % (id_.encode(), at, body), hashlib.sha256)
    return {
        "svix-id": id_,
        "svix-timestamp": str(at),
        "svix-signature": f"v1,{base64.b64encode(signature).decode()}",
    }


def sent(secret: str, id_: str, body: bytes, at: int) -> dict[str, str]:
    """The same, and who sends it."""
    return {**signed(secret, id_, body, at), "User-Agent": "Svix-Webhooks/1.0 (sandbox)"}
