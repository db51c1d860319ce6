"""People who have signed up: written to the database as Supabase Auth would, then signed in there for real tokens.

Our limits on signing up are not spent on them, nor the tenth of a second that hashing a password costs.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import psycopg
import urllib3
from psycopg.types.json import Jsonb

PASSWORD = "a long enough password"
CHEAP_HASH = "$2b$04$PdH664.hZmtXKR9ujEYom.EMPVK5BdnCSvUvU.uLRz.R4VxoMnmHK"  # of PASSWORD, by bcrypt with cost 4
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

    @property
    def database_url(self) -> str:
        """Connects as the database's owner."""
        return self._env["DATABASE_URL"]

    def sign_up(self, name: str = "Somebody", **data: str) -> Person:
        """A new person with a workspace of their own, or `invite_code=` into another."""
        email = f"{name.lower().replace(' ', '.')}.{next(_numbers)}.{uuid4().hex[:8]}@example.com"
        with psycopg.connect(self._env["DATABASE_URL"]) as connection:
            row = connection.execute(
                """
                with made as (
                  insert into auth.users (
                    id, aud, role, email, encrypted_password, email_confirmed_at, raw_user_meta_data)
                  values (gen_random_uuid(), 'authenticated', 'authenticated', %s, %s, now(), %s)
                  returning id
                )
                insert into auth.identities (id, provider, provider_id, user_id, identity_data)
                select gen_random_uuid(), 'email', id::text, id, jsonb_build_object('sub', id, 'email', %s::text)
                from made
                returning user_id
                """,
                [email, CHEAP_HASH, Jsonb({"name": name, **data}), email],
            ).fetchone()
            assert row is not None
            user_id = row[0]
            row = connection.execute(
                "select default_workspace_id from public.profiles where user_id = %s", [user_id]
            ).fetchone()
        assert row is not None
        session = self._sign_in(email)
        return Person(user_id, email, session["access_token"], session["refresh_token"], row[0])

    def _sign_in(self, email: str) -> dict[str, Any]:
        reply = urllib3.request(
            "POST",
            f"{self._env['SUPABASE_URL']}/auth/v1/token?grant_type=password",
            json={"email": email, "password": PASSWORD},
            headers={"apikey": self._env["SUPABASE_PUBLISHABLE_KEY"]},
            timeout=30,
        )
        session: dict[str, Any] = reply.json()
        assert reply.status == 200, session
        return session

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
