"""Acting in SQL as somebody: with the role and the claims that a request over the API would have."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Barrier
from typing import Any, TypeVar
from uuid import UUID, uuid4

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

Connection = psycopg.Connection[tuple[Any, ...]]
T = TypeVar("T")
NOBODY = UUID(int=0)


class Pool:
    """Connections to one database, lent to one transaction at a time."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._idle: list[Connection] = []

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Commits at the end, rolls back on an exception."""
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = psycopg.connect(self.url)
        try:
            with connection.transaction():
                yield connection
        except BaseException:
            connection.close()
            raise
        if len(self._idle) < 30:
            self._idle.append(connection)
        else:
            connection.close()

    def close(self) -> None:
        """Close what is not lent."""
        while self._idle:
            self._idle.pop().close()


@dataclass(frozen=True)
class Actor:
    """Somebody at the database. Each call is a transaction of its own, as each request is."""

    pool: Pool
    role: str | None = None
    user_id: UUID | None = None

    @contextmanager
    def transaction(self, headers: Mapping[str, str] | None = None) -> Iterator[Connection]:
        """One transaction; commits at the end, rolls back on an exception."""
        with self.pool.transaction() as connection:
            if self.role is not None:
                connection.execute(sql.SQL("set local role {}").format(sql.Identifier(self.role)))
            for name, value in self._settings(headers).items():
                connection.execute("select set_config(%s, %s, true)", [name, value])
            yield connection

    def _settings(self, headers: Mapping[str, str] | None) -> dict[str, str]:
        # Everybody's session has their own id, see Database.sign_up.
        subject = {"sub": str(self.user_id), "session_id": str(self.user_id)} if self.user_id else {}
        settings = {"request.jwt.claims": json.dumps({"role": self.role, **subject})} if self.role else {}
        if self.user_id:  # one of the two is read by auth.uid() of hosted Supabase, the other by the embedded one
            settings["request.jwt.claim.sub"] = str(self.user_id)
        if headers:
            settings["request.headers"] = json.dumps({name.lower(): value for name, value in headers.items()})
        return settings

    def rows(self, query: str, *parameters: object) -> list[tuple[Any, ...]]:
        """What a statement returns."""
        with self.transaction() as connection:
            return run(connection, query, *parameters)

    def value(self, query: str, *parameters: object) -> Any:
        """The one value a statement returns; None for no row."""
        rows = self.rows(query, *parameters)
        return rows[0][0] if rows else None

    def call(self, function: str, *, headers: Mapping[str, str] | None = None, **arguments: Any) -> Any:
        """Call a function of schema public by its arguments' names."""
        with self.transaction(headers) as connection:
            return call(connection, function, **arguments)


@dataclass(frozen=True)
class Person(Actor):
    """Somebody signed up; `workspace_id` is what that made or joined."""

    workspace_id: UUID = NOBODY

    @property
    def id(self) -> str:
        return str(self.user_id)

    @property
    def home(self) -> str:
        return str(self.workspace_id)


def run(connection: Connection, query: str, *parameters: object) -> list[tuple[Any, ...]]:
    """What a statement returns, within somebody's transaction."""
    cursor = connection.execute(query.encode(), parameters or None)
    return cursor.fetchall() if cursor.description else []


def call(connection: Connection, function: str, **arguments: object) -> Any:
    """Call a function of schema public within somebody's transaction."""
    named = [sql.SQL("{} => {}").format(sql.Identifier(name), sql.Placeholder()) for name in arguments]
    values = [Jsonb(value) if isinstance(value, (dict, list)) else value for value in arguments.values()]
    query = sql.SQL("select {}({})").format(sql.Identifier("public", function), sql.SQL(", ").join(named))
    row = connection.execute(query, values).fetchone()
    return row and row[0]


class Database:
    """A stack's database, and the people in it."""

    def __init__(self, url: str, superuser_url: str) -> None:
        self.url = url
        self.pool, self._superusers = Pool(url), Pool(superuser_url)
        self.owner = Actor(self.pool)
        self.superuser = Actor(self._superusers)
        self.anon = Actor(self.pool, "anon")
        self.service = Actor(self.pool, "service_role")

    def close(self) -> None:
        """Close the connections."""
        self.pool.close()
        self._superusers.close()

    def sign_up(self, **metadata: object) -> Person:
        """Somebody new, the way Supabase Auth makes them: a row that the trigger takes up."""
        metadata = {"name": "Somebody", **metadata}
        user_id = uuid4()
        self.owner.rows(
            """
            insert into auth.users (id, aud, role, email, email_confirmed_at, raw_user_meta_data)
            values (%s, 'authenticated', 'authenticated', %s, now(), %s)
            """,
            user_id,
            f"{user_id.hex}@example.com",
            Jsonb(metadata),
        )
        self.owner.rows("insert into auth.sessions (id, user_id) values (%s, %s)", user_id, user_id)
        home = self.owner.value("select default_workspace_id from public.profiles where user_id = %s", user_id)
        return Person(self.pool, "authenticated", user_id, home)

    def member(self, workspace_id: UUID, role: str) -> Person:
        """Somebody new who has that role in a workspace, and it as their default."""
        person = self.sign_up(name=role)
        self.owner.rows(
            """
            insert into public.members (workspace_id, user_id, role_id)
            select %s, %s, id from public.roles
            where name = %s and (workspace_id is null or workspace_id = %s)
            """,
            workspace_id,
            person.user_id,
            role,
            workspace_id,
        )
        self.owner.rows(
            "update public.profiles set default_workspace_id = %s where user_id = %s", workspace_id, person.user_id
        )
        return Person(self.pool, "authenticated", person.user_id, workspace_id)

    def role_of(self, workspace_id: UUID, person: Person) -> str | None:
        """The name of the role somebody has in a workspace; None for none."""
        found: str | None = self.owner.value(
            """
            select r.name from public.members as m join public.roles as r on r.id = m.role_id
            where m.workspace_id = %s and m.user_id = %s
            """,
            workspace_id,
            person.user_id,
        )
        return found

    def audit(self, chain: UUID) -> list[tuple[Any, ...]]:
        """(action, actor, target, details, request_id) of a chain's entries, in order."""
        return self.owner.rows(
            """
            select action, actor, target, details, request_id
            from private.audit_log where chain = %s order by sequence
            """,
            chain,
        )


def at_once(count: int, act: Callable[[int], T]) -> list[T]:
    """What `act` returns for 0 … count - 1, all started together in threads of their own."""
    start = Barrier(count)

    def begin(number: int) -> T:
        start.wait()
        return act(number)

    with ThreadPoolExecutor(count) as threads:
        return list(threads.map(begin, range(count)))
