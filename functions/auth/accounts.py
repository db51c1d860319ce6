"""Supabase Auth, with its many answers turned into our few."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from shared import audit, clock, context, gateway, limits
from shared.auth import Caller
from shared.database import as_service
from shared.errors import Problem, invalid, unauthenticated, unavailable
from shared.limits import Limit

TRIES = 10
WINDOW_SECONDS = 900
# Longer than hashing a password takes: an unknown address must not be answered faster than a known one.
ANSWER_SECONDS = 0.5


@contextmanager
def guarded(email: str) -> Iterator[None]:
    """Count a try against the IP and the address, then take the same time whatever comes of it."""
    request = context.current()
    limits.begin(
        wanted=[
            Limit("auth.ip", TRIES, WINDOW_SECONDS).wanted(request.ip),
            Limit("auth.address", TRIES, WINDOW_SECONDS).wanted(email.strip().lower()),
        ]
    )
    # What is left for the address would tell everybody that somebody came in by it just now.
    request.limits = [state for state in request.limits if state["name"] == "auth.ip"]
    started = clock.seconds()
    try:
        yield
    finally:
        clock.sleep(ANSWER_SECONDS - (clock.seconds() - started))


def limit_by_ip(limit: Limit) -> None:
    """Count a request against the IP it comes from."""
    limits.begin(wanted=[limit.wanted(context.current().ip)])


def sign_up(
    *, email: str, password: str, name: str, workspace_name: str | None, invite_code: str | None
) -> dict[str, Any] | None:
    """The new person's session; None where the address is to be confirmed first.

    The workspace is made, or the invite redeemed, by a trigger inside Supabase Auth's own transaction.
    """
    if invite_code is not None:
        # First: to a known address Supabase Auth may answer as if all were well, without looking at the code.
        _require_working(invite_code)
    data = {"name": name, "workspace_name": workspace_name, "invite_code": invite_code}
    reply = gateway.send(
        "POST",
        "/auth/v1/signup",
        payload={
            "email": email,
            "password": password,
            "data": {key: value for key, value in data.items() if value is not None},
        },
    )
    if reply.status < 300:
        answer = reply.json()
        return _session(reply) if "access_token" in answer else None
    if invite_code is not None:
        _require_working(invite_code)  # somebody else may have used it up meanwhile
    if _error_code(reply) == "over_email_send_rate_limit":
        return None  # as for any other address: that one had a mail just now is nobody's business
    if _is_away(reply):
        raise _away()
    if _error_code(reply) == "weak_password":
        raise invalid("/password", "weak_password", "This password is too easily guessed.")
    raise Problem(422, "sign_up_refused", "This address can't sign up. Sign in, or reset the password.")


def sign_in(email: str, password: str) -> dict[str, Any]:
    """A session. One refusal for an unknown address, a wrong password and an unconfirmed address."""
    reply = gateway.send("POST", "/auth/v1/token?grant_type=password", payload={"email": email, "password": password})
    return _session(reply, Problem(401, "credentials_invalid", "This address and password don't open a session."))


def refresh(refresh_token: str) -> dict[str, Any]:
    """The session after this one."""
    reply = gateway.send("POST", "/auth/v1/token?grant_type=refresh_token", payload={"refresh_token": refresh_token})
    return _session(reply, unauthenticated("refresh_token_invalid"))


def sign_out(caller: Caller) -> None:
    """End the caller's session. One that has ended already is fine."""
    reply = gateway.send("POST", "/auth/v1/logout?scope=local", token=caller.token)
    if _is_away(reply):
        raise _away()


def request_password_reset(email: str) -> None:
    """Have Supabase Auth mail a code. What it says of the address is kept to ourselves."""
    reply = gateway.send("POST", "/auth/v1/recover", payload={"email": email})
    if reply.status >= 500:
        raise _away()


def verify(purpose: str, email: str, code: str) -> dict[str, Any]:
    """A session for a code from a mail."""
    kind = {"sign_up": "signup", "password_reset": "recovery"}[purpose]
    reply = gateway.send("POST", "/auth/v1/verify", payload={"type": kind, "email": email, "token": code})
    return _session(reply, Problem(401, "code_invalid", "This code doesn't work. Ask for a new one."))


def change_password(caller: Caller, password: str) -> None:
    """Set the caller's password, and end their other sessions: one of them may be why it is changed."""
    reply = gateway.send("PUT", "/auth/v1/user", token=caller.token, payload={"password": password})
    if _is_away(reply):
        raise _away()
    if reply.status in (401, 403):
        raise unauthenticated()
    if reply.status >= 400:
        raise invalid("/password", "password_refused", "Choose another password: this one is weak or was used before.")
    if _is_away(gateway.send("POST", "/auth/v1/logout?scope=others", token=caller.token)):
        raise _away()
    audit.append("password.changed", actor=caller.user_id)


def _require_working(invite_code: str) -> None:
    if not as_service().value("invite_works", code=invite_code):
        raise invalid("/invite_code", "invite_invalid", "This invite code does not work. Ask for a new one.")


def _session(reply: gateway.Reply, refusal: Problem | None = None) -> dict[str, Any]:
    if _is_away(reply):
        raise _away()
    answer = reply.json()
    if reply.status >= 400 or "access_token" not in answer:
        raise refusal or _away()
    return {**answer, "user_id": answer["user"]["id"]}


def _error_code(reply: gateway.Reply) -> str | None:
    answer = reply.json()
    return answer.get("error_code") or answer.get("code") if isinstance(answer, dict) else None


def _is_away(reply: gateway.Reply) -> bool:
    """Also when it is too busy: its own limits count all of us together, and say nothing about this caller."""
    return reply.status >= 500 or reply.status == 429


def _away() -> Problem:
    return unavailable("auth_unavailable", "Sign-in is away. Try again shortly.")
