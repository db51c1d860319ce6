"""Calls to /api/workspaces, and what they leave behind."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import psycopg

from tests.api import InProcess, Response
from tests.people import Person

WORKSPACES = "/api/workspaces"


class As:
    """Calls to one workspace by one person."""

    def __init__(self, api: InProcess, person: Person, workspace_id: UUID) -> None:
        self._api = api
        self._token = person.token
        self.path = f"{WORKSPACES}/{workspace_id}"

    def __call__(self, method: str, below: str = "", json: object = None, **headers: str) -> Response:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return self._api(method, self.path + below, token=self._token, json=json, headers=sent)


def pages(call: As, below: str, limit: int) -> list[list[dict[str, Any]]]:
    """A list's pages, to its end."""
    found, cursor = [], ""
    while True:
        answer = call("GET", f"{below}?limit={limit}{cursor}")
        assert answer.status == 200
        found.append(answer.json["data"])
        if answer.json["next_cursor"] is None:
            return found
        cursor = f"&cursor={answer.json['next_cursor']}"


def actions(database: psycopg.Connection, workspace_id: UUID) -> list[tuple[str, str | None]]:
    """What the workspace's audit log says was done, and to what, after its making."""
    rows = database.execute(
        "select action, target from private.audit_log where chain = %s and sequence > 1 order by sequence",
        [workspace_id],
    ).fetchall()
    return [(action, target) for action, target in rows]
