"""Accounts as people have them: calls to /api/auth, and what these make."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg

from tests.api import InProcess, Response
from tests.people import PASSWORD, Person

LEAST_SECONDS = 0.5
WRONG = "not the right password"


def fresh_address() -> str:
    return f"{uuid4().hex}@example.com"


def sign_up(api: InProcess, **changes: object) -> Response:
    return api("POST", "/api/auth/sign-up", json=new_person(**changes))


def new_person(**changes: object) -> dict[str, object]:
    return {"email": fresh_address(), "password": PASSWORD, "name": "Ada", **changes}


def sign_in(api: InProcess, email: str, password: str, **headers: str) -> Response:
    return api("POST", "/api/auth/sign-in", json={"email": email, "password": password}, headers=headers)


def me(api: InProcess, token: str) -> Any:
    answer = api("GET", "/api/auth/me", token=token)
    assert answer.status == 200
    return answer.json


def invite(api: InProcess, owner: Person, **wanted: object) -> dict[str, Any]:
    answer = api(
        "POST",
        f"/api/workspaces/{owner.workspace_id}/invites",
        token=owner.token,
        json={"role": "staff", **wanted},
    )
    assert answer.status == 201
    made: dict[str, Any] = answer.json
    return made


def people_and_workspaces(database: psycopg.Connection) -> tuple[Any, ...]:
    """Everything a sign-up makes, counted."""
    row = database.execute(
        """
        select (select count(*) from auth.users), (select count(*) from public.profiles),
          (select count(*) from public.workspaces), (select count(*) from public.members),
          (select sum(uses) from public.invites)
        """
    ).fetchone()
    assert row is not None
    return row


def slow(call: Callable[[], Response]) -> Response:
    """The answer of a call that takes the minimum time or longer."""
    started = time.perf_counter()
    answer = call()
    assert time.perf_counter() - started >= LEAST_SECONDS
    return answer


def mails_to(address: str, mailbox: Path) -> list[dict[str, Any]]:
    """The mails an address was sent, oldest first."""
    if not mailbox.exists():
        return []
    mails = [json.loads(line) for line in mailbox.read_text().splitlines()]
    return [mail for mail in mails if mail["to"] == address]
