"""Setting aside what a call may cost, and settling what it did. The rules are SQL: `reserve_ai_call`, `settle_ai_call`.

No connection or transaction is held while a provider thinks: what was set aside is a row with a lease, so that it comes
back by itself when the process dies.
"""

from __future__ import annotations

from typing import NamedTuple
from uuid import UUID

from shared import log
from shared.database import as_service
from shared.errors import Problem


class Asker(NamedTuple):
    """Whose budgets pay: a person's and a workspace's, each a number of micro-dollars a day (in UTC).

    A guest has no `user_id`: the workspace alone pays, and whoever serves guests limits them otherwise.
    """

    user_id: UUID | None
    workspace_id: UUID


class CircuitOpen(Exception):
    """The provider failed too often of late; somebody else is trying it, or it isn't time yet."""


def reserve(asker: Asker, capability: str, provider: str, model: str, micro_usd: int, lease_seconds: int) -> UUID:
    """Set the most a call can cost aside; the call's id.

    Raises `CircuitOpen`, `Problem` 402 (the workspace's budget is used up) or 429 (the person's).
    """
    result = as_service().value(
        "reserve_ai_call",
        caller=str(asker.user_id) if asker.user_id else None,
        workspace_id=str(asker.workspace_id),
        capability=capability,
        provider=provider,
        model=model,
        micro_usd=micro_usd,
        lease_seconds=lease_seconds,
    )
    match result.get("refused"):
        case None:
            return UUID(result["call"])
        case "circuit_open":
            raise CircuitOpen
        case "workspace_budget":
            raise _used_up(402, "ai_budget_of_workspace", "The workspace's", result["resets_in_seconds"])
        case _:
            raise _used_up(429, "ai_budget_of_person", "Your", result["resets_in_seconds"])


def settle(
    call: UUID,
    *,
    outcome: str,
    healthy: bool,
    micro_usd: int,
    input_tokens: int | None,
    output_tokens: int | None,
    duration_ms: int,
) -> None:
    """Say what a call came to, and whether its provider is `healthy`.

    A database that is away right now must not cost the answer: the lease then frees what was set aside.
    """
    try:
        as_service().value(
            "settle_ai_call",
            call=str(call),
            outcome=outcome,
            healthy=healthy,
            micro_usd=micro_usd,
            input_tokens=input_tokens,
            output_tokens=output_tokens,
            duration_ms=duration_ms,
        )
    except Problem:
        log.write("error", event="AI call not settled", call=str(call), micro_usd=micro_usd)


def _used_up(status: int, code: str, whose: str, seconds: int) -> Problem:
    return Problem(
        status,
        code,
        f"{whose} AI budget for today is used up. It is whole again at midnight UTC. The local engine costs nothing.",
        headers={"Retry-After": str(seconds)},
    )
