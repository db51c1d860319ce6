"""People who have signed up, made straight through Supabase Auth: our limits on signing up are not spent on them."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID, uuid4

import psycopg
import urllib3

PASSWORD = "a long enough password"
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Person:
    """Somebody signed in; `workspace_id` is what their sign-up made or joined."""

    user_id: UUID
    email: str
    token: str
    refresh_token: str
    workspace_id: UUID


class People:
    """Makes people on one stack."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self._env = env

    def sign_up(self, name: str = "Somebody", **data: str) -> Person:
        """A new person with a workspace of their own, or `invite_code=` into another."""
        email = f"{name.lower().replace(' ', '.')}.{next(_numbers)}.{uuid4().hex[:8]}@example.com"
        reply = urllib3.request(
            "POST",
            f"{self._env['SUPABASE_URL']}/auth/v1/signup",
            json={"email": email, "password": PASSWORD, "data": {"name": name, **data}},
            headers={"apikey": self._env["SUPABASE_PUBLISHABLE_KEY"]},
            timeout=30,
        )
        session = reply.json()
        assert reply.status == 200, session
        user_id = UUID(session["user"]["id"])
        with psycopg.connect(self._env["DATABASE_URL"]) as connection:
            row = connection.execute(
                "select default_workspace_id from public.profiles where user_id = %s", [user_id]
            ).fetchone()
        assert row is not None
        return Person(user_id, email, session["access_token"], session["refresh_token"], row[0])

    def member(self, workspace_id: UUID, role: str) -> Person:
        """A new person who also has that role in a workspace (and it as their default)."""
        person = self.sign_up(role)
        with psycopg.connect(self._env["DATABASE_URL"]) as connection:
            connection.execute(
                """
                insert into public.members (workspace_id, user_id, role_id)
                select %s, %s, id from public.roles
                where name = %s and (workspace_id is null or workspace_id = %s)
                """,
                [workspace_id, person.user_id, role, workspace_id],
            )
            connection.execute(
                "update public.profiles set default_workspace_id = %s where user_id = %s",
                [workspace_id, person.user_id],
            )
        return Person(person.user_id, person.email, person.token, person.refresh_token, workspace_id)
