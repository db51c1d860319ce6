"""Exact under fire: two server processes, 50 ms to the database, fifty and more callers at once, five rounds."""

from __future__ import annotations

import base64
import os
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import psycopg
import pytest
import urllib3

from local.functions import FunctionsServer
from local.stack import Stack
from tests.api import OverHttp, Response, fresh_ip
from tests.end_to_end.crowd import Someone, at_once, gather
from tests.end_to_end.latency import Proxy

ROUNDS = 5
LATENCY_SECONDS = 0.05
SIGN_UPS = 8  # each takes the embedded gateway, which has one thread, a tenth of a second of hashing
# A PNG's first bytes and nothing after them: the engine opens and refuses it, which costs next to nothing.
NOT_AN_IMAGE = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(16)).decode()


@dataclass
class Deployment:
    """Two processes that know nothing of each other, on one database that is far away."""

    stack: Stack
    proxy: Proxy
    servers: list[FunctionsServer]
    clients: list[OverHttp]

    def ask(self, number: int, method: str, path: str, **request: Any) -> Response:
        """A request to one process or the other, in turn."""
        return self.clients[number % 2](method, path, **request)

    def value(self, query: str, *parameters: object) -> Any:
        with psycopg.connect(self.stack.database_url) as connection:
            row = connection.execute(query.encode(), parameters or None).fetchone()
        return row and row[0]

    def execute(self, statement: str, *parameters: object) -> int:
        with psycopg.connect(self.stack.database_url) as connection:
            return connection.execute(statement.encode(), parameters or None).rowcount


def deployed(stack: Stack, closing: ExitStack, **more: str) -> Deployment:
    """With these settings besides the stack's."""
    proxy = closing.enter_context(Proxy(stack.env["SUPABASE_URL"], delay_seconds=LATENCY_SECONDS))
    # As on the platform, where x-real-ip is the caller's address.
    env = {**stack.env, "SUPABASE_URL": proxy.url, "VERCEL": "1", **more}
    log = closing.enter_context((stack.state / "functions.log").open("ab"))
    servers = [closing.enter_context(FunctionsServer(env, output=log)) for _ in range(2)]
    return Deployment(stack, proxy, servers, [OverHttp(server.url) for server in servers])


@pytest.fixture(scope="module")
def deployment(stack: Stack) -> Iterator[Deployment]:
    with ExitStack() as closing:
        yield deployed(stack, closing)


@pytest.fixture
def doomed(stack: Stack) -> Iterator[Deployment]:
    """Of which processes will be killed."""
    with ExitStack() as closing:
        yield deployed(stack, closing)


def took_seconds(ask: Any) -> float:
    started = time.perf_counter()
    assert ask().status == 200
    return time.perf_counter() - started


class TestLatency:
    def test_is_really_there(self, deployment: Deployment) -> None:
        near, far = deployment.stack.env["SUPABASE_URL"], deployment.proxy.url
        key = {"apikey": deployment.stack.env["SUPABASE_SECRET_KEY"]}
        path = "/rest/v1/permissions?select=name&limit=1"
        with urllib3.PoolManager() as pool:
            seconds = {
                url: min(took_seconds(lambda url=url: pool.request("GET", url + path, headers=key)) for _ in range(5))
                for url in (near, far)
            }
        assert seconds[far] >= LATENCY_SECONDS
        assert seconds[near] < seconds[far] - LATENCY_SECONDS * 0.8

    def test_the_processes_feel_it(self, deployment: Deployment) -> None:
        [person] = gather(deployment.stack.env, 1)
        for client in deployment.clients:
            seconds = took_seconds(lambda client=client: client("GET", "/api/auth/me", token=person.token))
            assert seconds >= LATENCY_SECONDS

    def test_the_processes_are_two(self, deployment: Deployment) -> None:
        assert len({server_process(server) for server in deployment.servers}) == 2


class TestBootstrap:
    def test_fifty_calls_make_one_admin(self, deployment: Deployment) -> None:
        people = gather(deployment.stack.env, 50)
        token = deployment.stack.env["BOOTSTRAP_ADMIN_TOKEN"]
        for _ in range(ROUNDS):
            forget_bootstrap(deployment)
            answers = at_once(
                50,
                lambda number: deployment.ask(
                    number,
                    "POST",
                    "/api/bootstrap-admin",
                    json={"email": people[number].email, "token": token},
                    headers={"X-Real-IP": fresh_ip()},
                ),
            )
            assert Counter(answer.status for answer in answers) == {201: 1, 409: 49}
            [made] = [answer.json["user_id"] for answer in answers if answer.status == 201]
            assert str(deployment.value("select admin_id from private.bootstrap")) == made
            ids = [person.user_id for person in people]
            assert deployment.value("select count(*) from public.platform_admins where user_id = any(%s)", ids) == 1
        forget_bootstrap(deployment)


class TestInvites:
    @pytest.mark.parametrize("uses", [1, 5])
    def test_fifty_people_who_join_are_as_many_as_the_invite_says(self, deployment: Deployment, uses: int) -> None:
        people = gather(deployment.stack.env, 50)
        for _ in range(ROUNDS):
            workspace, code = new_invite(deployment, uses)

            def join(number: int, code: str = code) -> int:
                token = people[number].token
                return deployment.ask(number, "POST", "/api/workspaces/join", token=token, json={"code": code}).status

            assert Counter(at_once(50, join)) == {200: uses, 404: 50 - uses}
            assert members(deployment, workspace) == uses + 1

    def test_so_are_people_who_sign_up_with_it(self, deployment: Deployment) -> None:
        for number in range(ROUNDS):
            uses = (1, 5)[number % 2]
            workspace, code = new_invite(deployment, uses)
            accounts = deployment.value("select count(*) from auth.users")

            def sign_up(number: int, code: str = code) -> int:
                email = f"{uuid4().hex}@example.com"
                person = {"email": email, "password": "a long enough password", "name": "Somebody", "invite_code": code}
                headers = {"X-Real-IP": fresh_ip()}
                return deployment.ask(number, "POST", "/api/auth/sign-up", json=person, headers=headers).status

            assert Counter(at_once(SIGN_UPS, sign_up)) == {201: uses, 422: SIGN_UPS - uses}
            assert members(deployment, workspace) == uses + 1
            assert deployment.value("select count(*) from auth.users") == accounts + uses


class TestLimits:
    def test_of_300_exactly_100_are_admitted(self, deployment: Deployment) -> None:
        for person in gather(deployment.stack.env, ROUNDS):

            def take(number: int, person: Someone = person) -> list[int]:
                photo = {"image": NOT_AN_IMAGE}
                return [
                    deployment.ask(number + again, "POST", "/api/detect", token=person.token, json=photo).status
                    for again in range(6)
                ]

            statuses = Counter(status for several in at_once(50, take) for status in several)
            assert statuses == {422: 100, 429: 200}
            stored = deployment.value(
                "select cardinality(taken) from private.rate_limits where name = 'detect' "
                "and subject = encode(sha256(%s), 'hex')",
                str(person.user_id).encode(),
            )
            assert stored == 100


class TestTwins:
    def test_fifty_with_one_key_make_one_workspace(self, deployment: Deployment) -> None:
        for person in gather(deployment.stack.env, ROUNDS):
            write = Write(deployment, person)
            answers = at_once(50, write.send)
            made = {answer.body for answer in answers if answer.status == 201}
            others = Counter(answer.code for answer in answers if answer.status != 201)
            assert len(made) == 1
            assert set(others) <= {"request_in_progress"}
            assert all("retry-after" in answer.headers for answer in answers if answer.status != 201)
            assert write.made() == 1
            # Whoever comes later gets the same bytes, from either process.
            assert {write.send(number).body for number in range(4)} == made

    def test_keys_of_different_people_have_nothing_to_do_with_each_other(self, deployment: Deployment) -> None:
        key = uuid4().hex
        writes = [Write(deployment, person, key) for person in gather(deployment.stack.env, 20)]
        answers = at_once(20, lambda number: writes[number].send(number))
        assert [answer.json["name"] for answer in answers] == [write.name for write in writes]


class Write:
    """A workspace to be made once, however often it is asked for."""

    def __init__(self, deployment: Deployment, person: Someone, key: str | None = None) -> None:
        self.deployment = deployment
        self.person = person
        self.key = key or uuid4().hex
        self.name = f"Workspace {uuid4().hex}"

    def send(self, number: int) -> Response:
        return self.deployment.ask(
            number,
            "POST",
            "/api/workspaces",
            token=self.person.token,
            json={"name": self.name},
            headers={"Idempotency-Key": self.key},
        )

    def made(self) -> int:
        return int(self.deployment.value("select count(*) from public.workspaces where name = %s", self.name))

    def end_lease(self) -> None:
        """As if the lease's seconds had passed."""
        ended = "update private.idempotency set leased_until = now() - interval '1 second' where key = %s"
        assert self.deployment.execute(ended, self.key) == 1


class TestCrash:
    """A process is killed in the middle of a write; the other one takes over."""

    def test_before_the_change_the_key_works_again_after_the_lease(self, doomed: Deployment) -> None:
        write = self.begin_and_kill(doomed, requests=True)
        held = write.send(1)
        assert (held.status, held.code) == (409, "request_in_progress")
        seconds = "select extract(epoch from leased_until - created_at)::float from private.idempotency where key = %s"
        assert 14 < doomed.value(seconds, write.key) < 16, "the function's ten seconds and five more"
        write.end_lease()
        assert write.send(1).status == 201
        assert write.made() == 1

    def test_a_change_of_the_dead_that_arrives_late_is_undone(self, doomed: Deployment) -> None:
        write = self.begin_and_kill(doomed, requests=True)
        write.end_lease()
        made = write.send(1)
        doomed.proxy.release()
        time.sleep(0.5)  # by now it has arrived
        assert write.made() == 1
        assert write.send(1).body == made.body

    def test_after_the_change_its_answer_is_given(self, doomed: Deployment) -> None:
        write = self.begin_and_kill(doomed, requests=False)
        made = write.send(1)
        assert made.status == 201
        assert made.headers["idempotent-replayed"] == "true"
        assert (made.json["name"], write.made()) == (write.name, 1)

    def begin_and_kill(self, doomed: Deployment, *, requests: bool) -> Write:
        """Send a write to the first process and kill it while the change, or the answer to it, is on its way."""
        write = Write(doomed, gather(doomed.stack.env, 1)[0])
        change = b"/rpc/create_workspace"
        if requests:
            doomed.proxy.hold_requests(change)
        else:
            doomed.proxy.hold_answers(change)
        with ThreadPoolExecutor(1) as threads:
            sent = threads.submit(write.send, 0)
            assert doomed.proxy.holding.wait(10)
            os.kill(server_process(doomed.servers[0]), signal.SIGKILL)
            with pytest.raises(urllib3.exceptions.HTTPError):
                sent.result(10)
        doomed.proxy.stop_holding()
        assert write.made() == (0 if requests else 1)
        return write


def server_process(server: FunctionsServer) -> int:
    """The process that serves: the child of the one that watches over it."""
    assert server._process is not None
    listed = subprocess.run(["ps", "-eo", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    [pid] = [int(pid) for pid, parent in map(str.split, listed.splitlines()) if int(parent) == server._process.pid]
    return pid


def new_invite(deployment: Deployment, uses: int) -> tuple[str, str]:
    """A new workspace and a code into it."""
    [owner] = gather(deployment.stack.env, 1)
    [workspace] = deployment.ask(0, "GET", "/api/workspaces", token=owner.token).json["data"]
    path = f"/api/workspaces/{workspace['id']}/invites"
    made = deployment.ask(0, "POST", path, token=owner.token, json={"role": "staff", "max_uses": uses})
    assert made.status == 201
    return workspace["id"], made.json["code"]


def members(deployment: Deployment, workspace: str) -> int:
    return int(deployment.value("select count(*) from public.members where workspace_id = %s", workspace))


def forget_bootstrap(deployment: Deployment) -> None:
    deployment.execute("delete from public.platform_admins where user_id in (select admin_id from private.bootstrap)")
    deployment.execute("delete from private.bootstrap")
