"""Access tokens of Supabase Auth: verified here, without asking it.

Two kinds, never mixed: signed with the project's published keys (ES256, RS256), or, on stacks that still do so, with
the configured HS256 secret. What a token says about its own key (`jku`, `x5u`, `jwk`) is ignored.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

import jwt

from shared import jwks, settings
from shared.errors import unauthenticated

AUDIENCE = "authenticated"
LEEWAY_SECONDS = 10
REQUIRED = ["exp", "sub", "aud"]


def verify(token: str) -> UUID:
    """The id of the person the token was issued to.

    Raises `Problem` 401 for whatever is wrong with it, 503 when it needs the published keys and they can't be had.
    """
    try:
        header = jwt.get_unverified_header(token)
        algorithm = header.get("alg")
        if algorithm == "HS256":
            claims = _with_secret(token)
        elif algorithm in jwks.ALGORITHMS:
            claims = _with_published_key(token, algorithm, header.get("kid"))
        else:
            raise unauthenticated()
        return _person(claims)
    except (jwt.PyJWTError, ValueError, TypeError) as error:
        raise unauthenticated() from error


def _with_secret(token: str) -> dict[str, Any]:
    refusal: Exception = unauthenticated()
    for secret in settings.accepted("SUPABASE_JWT_SECRET"):
        try:
            return _decode(token, secret, "HS256", required=REQUIRED)
        except jwt.InvalidSignatureError as error:
            refusal = error
    raise refusal


def _with_published_key(token: str, algorithm: str, kid: object) -> dict[str, Any]:
    if not isinstance(kid, str):
        raise unauthenticated()
    key = jwks.find(kid, algorithm)
    if key is None:
        raise unauthenticated()
    return _decode(token, key, algorithm, required=[*REQUIRED, "iss"])


def _decode(token: str, key: Any, algorithm: str, required: list[str]) -> dict[str, Any]:
    claims: dict[str, Any] = jwt.decode(
        token,
        key,
        algorithms=[algorithm],
        audience=AUDIENCE,
        leeway=LEEWAY_SECONDS,
        options={"require": required},
    )
    # The local stack's tokens carry no issuer; where there is one it is this project's.
    if "iss" in claims and claims["iss"] != settings.get("SUPABASE_URL").rstrip("/") + "/auth/v1":
        raise unauthenticated()
    return claims


def _person(claims: dict[str, Any]) -> UUID:
    """Anonymous sign-ins, service keys and refresh tokens are not a person."""
    if claims.get("role") != "authenticated" or claims.get("is_anonymous"):
        raise unauthenticated()
    return UUID(claims["sub"])
