"""A Supabase to test against: the embedded one, or any other that the environment names.

With BACKROOM_SUPABASE_URL set, these are read too: BACKROOM_SUPABASE_PUBLISHABLE_KEY,
BACKROOM_SUPABASE_SECRET_KEY, BACKROOM_DATABASE_URL. Nothing but the standard library and psycopg,
so that what is tested is the server and not a client's idea of it.
"""

import json
import os
import secrets
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from email.message import Message
from typing import Any

import psycopg

PASSWORD = "correct horse battery"


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: Message
    body: bytes

    @property
    def json(self) -> Any:
        """The body, which is JSON."""
        return json.loads(self.body)


@dataclass(frozen=True)
class Person:
    """Somebody who is signed in."""

    id: str
    email: str
    token: str
    refresh_token: str


@dataclass(frozen=True)
class Supabase:
    """An instance's address and keys."""

    url: str
    publishable_key: str
    secret_key: str
    database_url: str

    @classmethod
    def of(cls, env: Mapping[str, str], prefix: str = "") -> "Supabase":
        """From an env file's settings."""
        names = ("SUPABASE_URL", "SUPABASE_PUBLISHABLE_KEY", "SUPABASE_SECRET_KEY", "DATABASE_URL")
        return cls(*(env[prefix + name] for name in names))

    @classmethod
    def elsewhere(cls) -> "Supabase | None":
        """The one that the environment names, if it does."""
        return cls.of(os.environ, "BACKROOM_") if "BACKROOM_SUPABASE_URL" in os.environ else None

    def call(
        self,
        method: str,
        path: str,
        document: Any = None,
        *,
        token: str | None = None,
        key: str | None = None,
        data: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """One request, as an anonymous caller unless a token or another key says otherwise."""
        sent = {"apikey": key or self.publishable_key}
        if token:
            sent["authorization"] = f"Bearer {token}"
        if document is not None:
            data, sent["content-type"] = json.dumps(document).encode(), "application/json"
        request = urllib.request.Request(self.url + path, data=data, method=method, headers={**sent, **(headers or {})})  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310
                return Answer(response.status, response.headers, response.read())
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, error.headers, error.read())

    def sign_up(self, **data: Any) -> Person:
        """Somebody new, confirmed if that is asked for, and signed in."""
        credentials = {"email": f"{secrets.token_hex(6)}@example.com", "password": PASSWORD}
        session = self.call("POST", "/auth/v1/signup", {**credentials, "data": data}).json
        if "access_token" not in session:
            self.execute("update auth.users set email_confirmed_at = now() where id = %s", [session["id"]])
            session = self.call("POST", "/auth/v1/token?grant_type=password", credentials).json
        return Person(session["user"]["id"], credentials["email"], session["access_token"], session["refresh_token"])

    def execute(self, statement: str, parameters: Iterable[Any] = ()) -> list[tuple[Any, ...]]:
        """SQL as the owner of the schema."""
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            cursor = connection.execute(statement.encode(), list(parameters) or None)
            return cursor.fetchall() if cursor.description else []

    def reload_schema(self, until: str) -> None:
        """Have the API read the schema anew; returns once the relation or rpc `until` is known."""
        self.execute("notify pgrst, 'reload schema'")
        give_up = time.monotonic() + 10
        while self.call("GET", f"/rest/v1/{until}").status == 404:
            assert time.monotonic() < give_up, f"{until} does not appear in the API"
            time.sleep(0.05)
