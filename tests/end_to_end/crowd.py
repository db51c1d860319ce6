"""Many people at once, made in SQL: signing up through Supabase Auth takes a tenth of a second of hashing for each."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Barrier
from typing import TypeVar
from uuid import UUID, uuid4

import jwt
import psycopg

T = TypeVar("T")


@dataclass(frozen=True)
class Someone:
    """Somebody with a workspace of their own and an access token for the next hour."""

    user_id: UUID
    email: str
    token: str


def gather(env: Mapping[str, str], count: int) -> list[Someone]:
    """New people on a stack, their tokens signed as it signs them."""
    people = []
    now = int(time.time())
    for _ in range(count):
        user_id = uuid4()
        claims = {"sub": str(user_id), "role": "authenticated", "aud": "authenticated", "exp": now + 3600}
        claims |= {"iat": now, "session_id": str(user_id)}
        token = jwt.encode(claims, env["SUPABASE_JWT_SECRET"], algorithm="HS256")
        people.append(Someone(user_id, f"{user_id.hex}@example.com", token))
    with psycopg.connect(env["DATABASE_URL"]) as connection, connection.cursor() as cursor:
        cursor.executemany(
            """
            insert into auth.users (id, aud, role, email, email_confirmed_at, raw_user_meta_data)
            values (%s, 'authenticated', 'authenticated', %s, now(), '{"name": "Somebody"}')
            """,
            [(person.user_id, person.email) for person in people],
        )
        cursor.executemany(
            "insert into auth.sessions (id, user_id) values (%s, %s)",
            [(person.user_id, person.user_id) for person in people],
        )
    return people


def at_once(count: int, act: Callable[[int], T]) -> list[T]:
    """What `act` returns for 0 … count - 1, all started together in threads of their own."""
    start = Barrier(count)

    def begin(number: int) -> T:
        start.wait()
        return act(number)

    with ThreadPoolExecutor(count) as threads:
        return list(threads.map(begin, range(count)))


def wait_until(condition: Callable[[], bool]) -> None:
    """Fails where that takes more than 20 seconds."""
    until = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.02)
