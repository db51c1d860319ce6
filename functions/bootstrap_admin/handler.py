"""POST /api/bootstrap-admin: makes the first platform admin, once ever, by whoever holds the deployment's token.

The person must have signed up and confirmed their address. The database holds that it happens once, counts wrong
tokens (3 an hour and IP) and writes the audit entry.
"""

from __future__ import annotations

from uuid import UUID

from pydantic import Field, SecretStr

from shared import auth, context, settings
from shared.database import as_service
from shared.errors import Problem
from shared.models import Answer, Body, Email
from shared.web import Function


class Claim(Body):
    """Whom to make the admin, and the proof of being allowed to say so."""

    email: Email
    token: SecretStr = Field(max_length=1000)


class Admin(Answer):
    """The person who is platform admin now."""

    user_id: UUID


app = Function("bootstrap-admin", memory_mb=256)


@app.post(
    public=True,
    status=201,
    problems=["401 token_invalid", "404 not_found", "409 already_bootstrapped", "429 rate_limited"],
)
def bootstrap_admin(body: Claim) -> Admin:
    """Make the first platform admin."""
    accepted = [token for token in settings.accepted("BOOTSTRAP_ADMIN_TOKEN") if len(token) >= auth.SHORTEST_SECRET]
    if not accepted:
        raise Problem(503, "not_configured", "BOOTSTRAP_ADMIN_TOKEN is unset or shorter than 32 characters.")
    made = as_service().rpc(
        "bootstrap_admin",
        email=body.email,
        ip=context.current().ip,
        token_is_right=auth.matches(body.token.get_secret_value(), accepted),
    )
    return Admin.model_validate(made)
