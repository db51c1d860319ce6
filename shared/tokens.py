"""Access tokens of Supabase Auth: verified here, without asking it.

Two kinds, never mixed: signed with the project's published keys (ES256, RS256), or, on stacks that still do so, with
the configured HS256 secret. What a token says about its own key (`jku`, `x5u`, `jwk`) is ignored.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any, NoReturn
from uuid import UUID

from shared import clock, jwks, settings, signatures
from shared.errors import unauthenticated
from shared.signatures import from_base64url

AUDIENCE = "authenticated"
LEEWAY_SECONDS = 10
LAST_MOMENT = 2**53  # beyond it a number of seconds is no time of this world


def verify(token: str) -> UUID:
    """The id of the person the token was issued to.

    Raises `Problem` 401 for whatever is wrong with it, 503 when it needs the published keys and they can't be had.
    """
    try:
        signed, _, signature = token.rpartition(".")
        first, _, second = signed.partition(".")  # a further dot is refused with the characters
        header = _object(first)
        # An extension we don't know changes what the rest means (RFC 7515, section 4.1.11).
        if "crit" in header or not isinstance(header.get("kid", ""), str):
            raise unauthenticated()
        issuer_needed = _authentic(header, signed.encode(), from_base64url(signature))
        return _person(_object(second), issuer_needed)
    except (ValueError, TypeError, RecursionError) as error:
        raise unauthenticated() from error


def _authentic(header: dict[str, Any], signed: bytes, signature: bytes) -> bool:
    """Whether a published key signed it, and not the secret. Raises `Problem` or `ValueError` where neither did."""
    algorithm = header.get("alg")
    if algorithm == "HS256":
        _check_with_secret(signed, signature)
        return False
    if algorithm not in jwks.ALGORITHMS or not header.get("kid"):
        raise unauthenticated()
    key = jwks.find(header["kid"], algorithm)
    if key is None:
        raise unauthenticated()
    signatures.verify(key, signed, signature)
    return True


def _check_with_secret(signed: bytes, signature: bytes) -> None:
    held = False
    for secret in settings.accepted("SUPABASE_JWT_SECRET"):
        held |= hmac.compare_digest(hmac.digest(secret.encode(), signed, hashlib.sha256), signature)
    if not held:
        raise unauthenticated()


def _person(claims: dict[str, Any], issuer_needed: bool) -> UUID:
    """Whom the claims name, if they are those of a person here and now.

    Anonymous sign-ins, service keys and refresh tokens are not a person.
    """
    now = clock.now().timestamp()
    audience = claims["aud"] if isinstance(claims.get("aud"), list) else [claims.get("aud")]
    if (
        _moment(claims.get("exp")) <= now - LEEWAY_SECONDS
        or any(_moment(claims[name]) > now + LEEWAY_SECONDS for name in ("nbf", "iat") if name in claims)
        or AUDIENCE not in audience
        or claims.get("role") != "authenticated"
        or claims.get("is_anonymous")
        or not isinstance(claims.get("sub"), str)
    ):
        raise unauthenticated()
    # The local stack's tokens carry no issuer; where there is one it is this project's.
    if (issuer_needed or "iss" in claims) and claims.get("iss") != settings.get("SUPABASE_URL").rstrip(
        "/"
    ) + "/auth/v1":
        raise unauthenticated()
    return UUID(claims["sub"])


def _moment(value: object) -> float:
    """A NumericDate of RFC 7519, in seconds. Raises `ValueError` for what is none."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= LAST_MOMENT:
        raise ValueError("not a moment")
    return value


def _object(segment: str) -> dict[str, Any]:
    """One of the token's parts, read. Raises `ValueError` where it isn't a JSON object."""
    content = json.loads(from_base64url(segment), parse_constant=_refuse)
    if not isinstance(content, dict):
        raise ValueError("not an object")
    return content


def _refuse(_: str) -> NoReturn:
    raise ValueError("not JSON: NaN or Infinity")
