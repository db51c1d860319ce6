"""What the tests of the functions share: people and their workspaces, the log, and how much of a limit is spent."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeVar
from uuid import UUID

import jwt
import psycopg
import pytest
import urllib3

from local.resend import Sandbox
from local.stack import Stack
from tests.api import InProcess
from tests.functions.billing import Office
from tests.functions.paying import Till
from tests.functions.workspaces import As
from tests.people import People, Person

T = TypeVar("T")
LogLines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def log_lines(capsys: pytest.CaptureFixture[str]) -> LogLines:
    """The lines logged since it was last called, read."""
    return lambda: [json.loads(line) for line in capsys.readouterr().out.splitlines()]


@pytest.fixture
def person(people: People) -> Person:
    """Somebody signed in, with all of their limits before them."""
    return people.sign_up("Robin")


@pytest.fixture
def owner(people: People) -> Person:
    """Somebody with a workspace of their own."""
    return people.sign_up("Olive")


@pytest.fixture
def shop(owner: Person, database: psycopg.Connection) -> Person:
    """The owner of a workspace that takes guests."""
    database.execute("update public.workspaces set takes_guests = true where id = %s", [owner.workspace_id])
    return owner


@pytest.fixture
def home(api: InProcess, owner: Person) -> As:
    """The owner calling to their workspace."""
    return As(api, owner, owner.workspace_id)


@pytest.fixture(scope="module")
def settled(people: People) -> Person:
    """Somebody with a workspace of their own, for tests that change nothing in it."""
    return people.sign_up("Sam")


@pytest.fixture
def settled_home(api: InProcess, settled: Person) -> As:
    """That person calling to their workspace."""
    return As(api, settled, settled.workspace_id)


@pytest.fixture
def sandbox(stack: Stack, database: psycopg.Connection) -> Sandbox:
    """Resend without anything in it, and an outbox without any mail of another test."""
    database.execute("delete from private.outbox where topic = 'email'")
    database.execute("delete from private.deliveries where topic = 'email'")
    stack.resend.forget()
    return stack.resend


@pytest.fixture(scope="module")
def opened_till(people: People, stack: Stack) -> Iterator[Till]:
    """Made once: nobody is changed by a payment."""
    with psycopg.connect(stack.database_url, autocommit=True) as connection:
        yield Till(InProcess(), stack.stripe, connection, people)


@pytest.fixture
def till(opened_till: Till, environment: pytest.MonkeyPatch) -> Till:
    """A workspace that sells, and a Stripe without anything in it."""
    opened_till.begin()
    return opened_till


@pytest.fixture(scope="module")
def opened_office(people: People, stack: Stack) -> Iterator[Office]:
    """Made once: nobody is changed by an invoice."""
    with psycopg.connect(stack.database_url, autocommit=True) as connection:
        yield Office(InProcess(), connection, people, stack.env["INTERNAL_TOKEN"])


@pytest.fixture
def office(opened_office: Office, environment: pytest.MonkeyPatch) -> Office:
    """A workspace that invoices, with nothing waiting to be rendered and no number given."""
    opened_office.begin()
    return opened_office


def spend(database: psycopg.Connection, limit: str, subject: str, units: int) -> None:
    """Take units of a limit, as that many requests just now would have."""
    database.execute(
        """
        insert into private.rate_limits (name, subject, taken)
        values (%s, %s, array_fill(clock_timestamp(), array[%s::integer]))
        on conflict (name, subject) do update set taken = excluded.taken
        """,
        [limit, hashlib.sha256(subject.encode()).hexdigest(), units],
    )


def spent(database: psycopg.Connection, limit: str, subject: str) -> int:
    """How many units of a limit are taken."""
    row = database.execute(
        "select cardinality(taken) from private.rate_limits where name = %s and subject = %s",
        [limit, hashlib.sha256(subject.encode()).hexdigest()],
    ).fetchone()
    return row[0] if row else 0


def together(*calls: Callable[[], T]) -> list[T]:
    """Make calls at the same time: answers that take their time take it once."""
    with ThreadPoolExecutor(len(calls)) as threads:
        return [future.result() for future in [threads.submit(call) for call in calls]]


def signed(env: Mapping[str, str], user_id: UUID, **changes: object) -> str:
    """An access token as the stack signs them, with some of its claims changed."""
    claims = {
        "sub": str(user_id),
        "aud": "authenticated",
        "role": "authenticated",
        "iss": f"{env['SUPABASE_URL']}/auth/v1",
        "exp": int(time.time()) + 3600,
        **changes,
    }
    return jwt.encode(claims, env["SUPABASE_JWT_SECRET"], algorithm="HS256")


@contextmanager
def ailing(supabase_url: str, ailment: Callable[[str], int | None]) -> Iterator[str]:
    """The address of a Supabase some of whose paths are not well: answered with the status that `ailment` gives."""

    class Between(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"] or 0))
            status, content = ailment(self.path), b"{}"
            if status is None:
                sent = {name: value for name, value in self.headers.items() if name != "Host"}
                reply = urllib3.request(self.command, supabase_url + self.path, body=body or None, headers=sent)
                status, content = reply.status, reply.data
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            with suppress(ConnectionError):  # whoever asked may have given up waiting
                self.wfile.write(content)

        do_POST = do_GET

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Between) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
