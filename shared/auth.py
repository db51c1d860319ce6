"""Who is calling: a person with an access token, one of our own functions, or the platform's scheduler."""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from uuid import UUID

from shared import gateway, settings
from shared.errors import Problem, unauthenticated, unavailable

if TYPE_CHECKING:
    from shared.request import Request

SHORTEST_SECRET = 32


@dataclass(frozen=True, slots=True)
class Caller:
    """A person whose access token was verified. A route that takes one may be called by signed-in people only."""

    user_id: UUID
    token: str = field(repr=False)
    workspace_id: UUID | None = None  # on routes with a permission: the workspace it was checked in


def authenticate(authorization: str) -> Caller:
    """The caller named by an `Authorization` header. Raises `Problem` 401."""
    from shared import tokens  # only where somebody signs in

    scheme, _, token = authorization.partition(" ")
    if not authorization:
        raise unauthenticated("token_missing")
    if scheme.lower() != "bearer" or not token or len(token) > 8192:
        raise unauthenticated()
    return Caller(user_id=tokens.verify(token), token=token)


def recheck(caller: Caller) -> None:
    """Ask Supabase Auth whether the session still stands, before what can't be undone and no procedure of ours decides.

    A token is good by itself until it expires, also after sign-out or deletion of the person. Procedures that need a
    permission look the session up themselves (`private.session_stands`). Raises `Problem` 401.
    """
    reply = gateway.send("GET", "/auth/v1/user", token=caller.token)
    if reply.status >= 500:
        raise unavailable("auth_unavailable", "Sign-in is away. Try again shortly.")
    if reply.status != 200:
        raise unauthenticated()


def matches(given: str, accepted: list[str]) -> bool:
    """Whether a secret is one of the accepted values. Constant time; in bytes: text beyond ASCII can't be compared."""
    found = False
    for value in accepted:
        found |= hmac.compare_digest(given.encode(), value.encode())
    return found


def internal(request: Request) -> None:
    """Admit one of our own functions (`signed_by=internal`). Closed while `INTERNAL_TOKEN` is unset or short."""
    _bears(request, "INTERNAL_TOKEN")


def scheduler(request: Request) -> None:
    """Admit the platform's scheduler (`signed_by=scheduler`). Closed while `CRON_SECRET` is unset or short."""
    _bears(request, "CRON_SECRET")


def _bears(request: Request, setting: str) -> None:
    """Raises `Problem` 401 where the request bears no accepted value of a secret, 503 where there is none."""
    accepted = [value for value in settings.accepted(setting) if len(value) >= SHORTEST_SECRET]
    if not accepted:
        raise Problem(503, "not_configured", f"The server's setting {setting} is missing or too short.")
    if not matches(request.header("authorization").removeprefix("Bearer "), accepted):
        raise unauthenticated()
