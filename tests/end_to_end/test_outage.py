"""PostgreSQL or the gateway killed under load: only 503s, quick recovery, nothing leaked, nobody else's answer."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event
from uuid import uuid4

import psycopg
import pytest

from local.functions import FunctionsServer
from local.ports import free_port
from local.stack import Stack
from tests.api import OverHttp, Response
from tests.end_to_end.crowd import Someone, gather

CLIENTS = 20
RECOVERY_SECONDS = 5.0
# The gateway's pool, its listener for schema changes, and whoever counts.
CONNECTIONS = 20 + 1 + 1


@pytest.fixture(scope="module")
def fragile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack of its own, to be broken."""
    with Stack(tmp_path_factory.mktemp("fragile"), free_port(), seed=False) as stack:
        yield stack


@pytest.fixture(scope="module")
def served(fragile: Stack) -> Iterator[OverHttp]:
    with (
        (fragile.state / "functions.log").open("wb") as log,
        FunctionsServer(fragile.env, output=log) as server,
    ):
        yield OverHttp(server.url)


@dataclass(frozen=True)
class Answered:
    """One request of the load: when it was sent, what came back, and whether that was meant for who asked."""

    sent: float
    answered: float
    status: int
    theirs: bool
    key: str | None = None  # of a write


class Client:
    """Somebody who reads and writes without a pause, and remembers everything."""

    def __init__(self, api: OverHttp, person: Someone) -> None:
        self.api = api
        self.person = person
        self.seen: list[Answered] = []

    def work(self, until: Event) -> None:
        while not until.is_set():
            self.read()
            self.write(uuid4().hex)
            time.sleep(0.02)

    def read(self) -> Response:
        at = time.monotonic()
        answer = self.api("GET", "/api/auth/me", token=self.person.token)
        theirs = answer.status != 200 or answer.json["user"]["id"] == str(self.person.user_id)
        self.seen.append(Answered(at, time.monotonic(), answer.status, theirs))
        return answer

    def write(self, key: str) -> Response:
        at = time.monotonic()
        answer = self.api(
            "POST",
            "/api/workspaces",
            token=self.person.token,
            json={"name": self.name(key)},
            headers={"Idempotency-Key": key},
        )
        theirs = answer.status != 201 or answer.json["name"] == self.name(key)
        self.seen.append(Answered(at, time.monotonic(), answer.status, theirs, key))
        return answer

    def name(self, key: str) -> str:
        return f"{self.person.user_id} {key}"


@contextmanager
def load(api: OverHttp, stack: Stack) -> Iterator[list[Client]]:
    """Twenty people at work; what goes wrong in a client (a dropped connection) is raised at the end."""
    clients = [Client(api, person) for person in gather(stack.env, CLIENTS)]
    enough = Event()
    with ThreadPoolExecutor(CLIENTS) as threads:
        working = [threads.submit(client.work, enough) for client in clients]
        try:
            yield clients
        finally:
            enough.set()
    for client in working:
        client.result()


def statuses(clients: list[Client]) -> Counter[int]:
    return Counter(each.status for each in all_of(clients))


def all_of(clients: list[Client]) -> list[Answered]:
    return [each for client in clients for each in client.seen]


def await_success(clients: list[Client]) -> None:
    """Until everybody's requests are answered well."""
    while not all(len(client.seen) >= 2 for client in clients):
        time.sleep(0.05)
    assert set(statuses(clients)) == {200, 201}


def served_since(moment: float, client: Client) -> bool:
    """Whether somebody's read and write, both sent after a moment, were answered well."""
    return {each.status for each in client.seen if each.sent > moment} >= {200, 201}


@dataclass(frozen=True)
class Outage:
    """The clients and all they saw; when the database was killed, was gone, and was back."""

    clients: list[Client]
    killed: float
    gone: float
    back: float


def connections(stack: Stack) -> int:
    with psycopg.connect(stack.postgres.url()) as connection:
        row = connection.execute(
            "select count(*) from pg_stat_activity where backend_type = 'client backend'"
        ).fetchone()
    assert row is not None
    return int(row[0])


@pytest.fixture(scope="module")
def outage(fragile: Stack, served: OverHttp) -> Outage:
    """PostgreSQL killed and started again while all are at work."""
    with load(served, fragile) as clients:
        await_success(clients)
        time.sleep(1)
        killed = time.monotonic()
        fragile.postgres.kill()
        time.sleep(0.2)  # the backends notice that their postmaster is dead
        gone = time.monotonic()
        time.sleep(1.5)
        fragile.postgres.start()
        back = time.monotonic()
        while time.monotonic() - back < RECOVERY_SECONDS and not all(served_since(back, client) for client in clients):
            time.sleep(0.05)
        time.sleep(1)  # nor does anything go wrong afterwards
    return Outage(clients, killed, gone, back)


class TestPostgresKilled:
    def test_clients_see_success_before(self, outage: Outage) -> None:
        before = [each.status for each in all_of(outage.clients) if each.answered < outage.killed]
        assert set(before) == {200, 201}

    def test_nobody_sees_anything_but_503_meanwhile(self, outage: Outage) -> None:
        assert set(statuses(outage.clients)) == {200, 201, 503}
        # Some who ask meanwhile wait, and are served once it is back: that is well, too.
        meanwhile = [each for each in all_of(outage.clients) if outage.gone < each.sent < outage.back]
        assert {each.status for each in meanwhile if each.answered < outage.back} == {503}

    def test_all_works_again_within_seconds(self, outage: Outage) -> None:
        last = max(each.answered for each in all_of(outage.clients) if each.status == 503)
        assert last - outage.back < RECOVERY_SECONDS
        assert {each.status for each in all_of(outage.clients) if each.sent > last} == {200, 201}
        assert all(served_since(outage.back, client) for client in outage.clients)

    def test_nobody_got_an_answer_meant_for_another(self, outage: Outage) -> None:
        assert all(each.theirs for each in all_of(outage.clients))

    def test_no_connection_is_left_over(self, fragile: Stack, served: OverHttp, outage: Outage) -> None:
        assert connections(fragile) <= CONNECTIONS

    def test_what_was_answered_is_there_and_what_was_not_can_be_sent_again(
        self, fragile: Stack, outage: Outage
    ) -> None:
        with psycopg.connect(fragile.database_url, autocommit=True) as connection:
            connection.execute("update private.idempotency set leased_until = now() where status is null")
            retried = 0
            for client in outage.clients:
                for key in [each.key for each in client.seen if each.key and each.status == 503][:5]:
                    assert client.write(key).status == 201
                    retried += 1
                done = {client.name(each.key) for each in client.seen if each.key and each.status == 201}
                rows = connection.execute(
                    "select w.name from public.workspaces as w join public.members as m on m.workspace_id = w.id "
                    "where m.user_id = %s and w.name <> 'Somebody'",
                    [client.person.user_id],
                ).fetchall()
                names = Counter(name for (name,) in rows)
                assert set(names.values()) <= {1}, "nothing twice"
                assert done <= set(names), "nothing lost"
        assert retried > 0

    def test_the_logs_of_the_functions_tell_no_other_failure(self, fragile: Stack, outage: Outage) -> None:
        log = (fragile.state / "functions.log").read_text()
        assert '"status": 503' in log
        assert '"status": 500' not in log
        assert "Traceback" not in log


class TestGatewayKilled:
    def test_is_503_until_it_is_back(self, fragile: Stack, served: OverHttp) -> None:
        with load(served, fragile) as clients:
            await_success(clients)
            process = fragile.gateway._process
            assert process is not None
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
            gone = time.monotonic()
            time.sleep(1)
            assert served("GET", "/api/health").status == 503
            assert served("GET", "/api/health?probe=live").status == 200
            back = time.monotonic()
        assert set(statuses(clients)) == {200, 201, 503}
        assert {each.status for each in all_of(clients) if gone < each.sent < back} == {503}

        address = fragile.env["SUPABASE_URL"]
        fragile.stop()
        fragile.start()
        assert fragile.env["SUPABASE_URL"] == address
        assert {client.read().status for client in clients} == {200}
        assert all(each.theirs for each in all_of(clients))


def test_a_token_is_still_verified_while_the_database_is_away(fragile: Stack, served: OverHttp) -> None:
    fragile.postgres.kill()
    try:
        assert served("GET", "/api/auth/me", token="a.b.c").status == 401
        assert served("GET", "/api/auth/me").status == 401
    finally:
        fragile.postgres.start()
