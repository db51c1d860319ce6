"""The job dispatch-outbox: against a real HTTP server each for the functions that render and send, and for Slack."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg.types.json import Jsonb

from functions.jobs import dispatching, slack
from functions.jobs.running import Run
from local.loopback import Loopback, Patient
from local.ports import free_port
from local.stack import Stack
from shared import clock
from shared.errors import Problem
from tests.api import InProcess, Response
from tests.functions.conftest import ailing

TOPIC = "slack"
Reply = tuple[int, bytes, dict[str, str]]
Dispatch = Callable[[], Response]
HANG, DROP = "hang", "drop"
RENDER, MAIL = "/api/invoice/deliver", "/api/email-service/deliver"


class Server:
    """Answers each POST with the next of `replies`, then always with `usual`; notes what it was sent.

    Where invoices are rendered it answers with the next of `renderings`, then that there is nothing to render; of that
    it notes the path only, among those `asked`.
    """

    def __init__(self, usual: Reply) -> None:
        self.usual: Reply | str = usual
        self.replies: list[Reply | str] = []
        self.renderings: list[Reply | str] = []
        self.sent: list[tuple[str, str | None, bytes]] = []
        self.asked: list[str] = []
        server = self

        class Handler(Patient):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"] or 0))
                server.asked.append(self.path)
                replies, usual = (server.renderings, IDLE) if self.path == RENDER else (server.replies, server.usual)
                if self.path != RENDER:
                    server.sent.append((self.path, self.headers["Authorization"], body))
                reply = replies.pop(0) if replies else usual
                if reply == HANG:
                    self.pause(None)
                if isinstance(reply, str):
                    self.close_connection = True
                    return
                status, content, headers = reply
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(content))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)

        self._server = Loopback(0, Handler)
        self.url = self._server.url
        self._server.start()

    def stop(self) -> None:
        self._server.stop()


def did(
    delivered: int = 0,
    refused: int = 0,
    again: int = 0,
    unknown: int = 0,
    idle: bool = False,
    wait_seconds: float | None = None,
) -> Reply:
    """As email-service answers."""
    return 200, json.dumps({**locals()}).encode(), {}


IDLE = did(idle=True)


@pytest.fixture
def peer(environment: pytest.MonkeyPatch) -> Iterator[Server]:
    """What stands where email-service would, and invoice."""
    server = Server(IDLE)
    environment.setenv("API_URL", server.url)
    yield server
    server.stop()


@pytest.fixture
def channel(environment: pytest.MonkeyPatch, database: psycopg.Connection) -> Iterator[Server]:
    """Slack; nothing waits to be posted."""
    database.execute("delete from private.outbox where topic = %s", [TOPIC])
    server = Server((200, b"ok", {}))
    environment.setenv("SLACK_WEBHOOK_URL", f"{server.url}/services/T0/B0/secret")
    environment.setattr(slack, "READ_SECONDS", 0.3)
    yield server
    server.stop()
    database.execute("delete from private.outbox where topic = %s", [TOPIC])


@pytest.fixture
def dispatch(api: InProcess, stack: Stack, database: psycopg.Connection) -> Dispatch:
    """The job, with nothing for Slack that another test has left."""
    database.execute("delete from private.outbox where topic = %s", [TOPIC])
    return lambda: api("GET", "/api/jobs/dispatch-outbox", token=stack.env["CRON_SECRET"])


def last_run(database: psycopg.Connection) -> tuple[Any, ...]:
    query = "select outcome, counts, error from private.job_runs where job = 'dispatch-outbox'"
    return database.execute(f"{query} order by started_at desc limit 1".encode()).fetchall()[0]


def put(database: psycopg.Connection, *texts: str) -> None:
    for text in texts:
        database.execute("select private.enqueue(%s, %s)", [TOPIC, Jsonb({"text": text})])


def rows(database: psycopg.Connection) -> list[tuple[Any, ...]]:
    """(state, error) of what was to be posted, in order."""
    return database.execute(
        "select state, error from private.outbox where topic = %s order by position", [TOPIC]
    ).fetchall()


def pass_time(database: psycopg.Connection, interval: str = "1 hour") -> None:
    """As if what waits had been put and tried earlier."""
    for statement in (
        "update private.outbox set due_at = due_at - %s::interval where topic = %s",
        "update private.deliveries set due_at = due_at - %s::interval, leased_until = now() where topic = %s",
    ):
        database.execute(statement.encode(), [interval, TOPIC])


class TestMails:
    def test_are_delivered_until_nothing_is_due(self, dispatch: Dispatch, peer: Server, stack: Stack) -> None:
        peer.replies = [did(delivered=100), did(delivered=99, refused=1), did(delivered=3, again=2, unknown=1)]
        answer = dispatch()
        assert answer.status == 200
        assert answer.json["counts"] == {"delivered": 202, "refused": 1, "again": 2, "unknown": 1}
        token = f"Bearer {stack.env['INTERNAL_TOKEN']}"
        assert peer.sent == [(MAIL, token, b"{}")] * 4

    def test_wait_as_long_as_the_provider_says(self, dispatch: Dispatch, peer: Server) -> None:
        peer.replies = [did(delivered=2, wait_seconds=0.5), did(again=1, wait_seconds=0.7)]
        began = time.monotonic()
        assert dispatch().json["counts"]["delivered"] == 2
        assert time.monotonic() - began > 1.2
        assert len(peer.sent) == 3

    def test_wait_for_the_next_run_when_it_is_longer_than_that(self, dispatch: Dispatch, peer: Server) -> None:
        peer.replies = [did(delivered=2, wait_seconds=3600)]
        began = time.monotonic()
        assert dispatch().json["outcome"] == "done"
        assert time.monotonic() - began < 5
        assert len(peer.sent) == 1

    def test_are_asked_for_at_leisure_where_nothing_comes_of_it(self, peer: Server) -> None:
        peer.usual = did()
        run = Run(deadline=clock.seconds() + dispatching.LEAST_SECONDS + 2.5)
        dispatching.deliver(run, "email-service")
        assert len(peer.sent) == 3

    def test_end_when_the_time_is_over(self, peer: Server) -> None:
        peer.usual = did(delivered=1, wait_seconds=0.01)
        run = Run(deadline=clock.seconds() + dispatching.LEAST_SECONDS + 0.5)
        dispatching.deliver(run, "email-service")
        assert abs(run.seconds_left - dispatching.LEAST_SECONDS) < 0.2
        assert run.counts["delivered"] == len(peer.sent) > 5

    def test_are_asked_for_only_while_there_is_time_to_deliver(self, peer: Server) -> None:
        dispatching.deliver(Run(deadline=clock.seconds() + dispatching.LEAST_SECONDS - 0.1), "email-service")
        assert peer.sent == []

    def test_are_not_waited_for_beyond_the_run_s_time(self, peer: Server, environment: pytest.MonkeyPatch) -> None:
        environment.setattr(dispatching, "LEAST_SECONDS", 0.5)
        peer.replies = [HANG]
        began = time.monotonic()
        with pytest.raises(Problem, check=lambda problem: problem.code == "function_unavailable"):
            dispatching.deliver(Run(deadline=clock.seconds() + 1), "email-service")
        assert time.monotonic() - began < 2

    @pytest.mark.parametrize(
        ("reply", "code"),
        [
            ((503, b'{"code": "not_configured"}', {}), "function_unavailable"),
            ((500, b"", {}), "function_unavailable"),
            (DROP, "function_unavailable"),
            ((401, b"{}", {}), "function_refused"),
            ((404, b"{}", {}), "function_refused"),
            ((200, b"", {}), "function_refused"),
            ((200, b"<html>", {}), "function_refused"),
            ((200, b"[]", {}), "function_refused"),
            ((200, b'{"delivered": 3}', {}), "function_refused"),
        ],
    )
    def test_that_are_not_delivered_fail_the_run_and_what_was_done_counts(
        self, dispatch: Dispatch, peer: Server, database: psycopg.Connection, reply: Reply | str, code: str
    ) -> None:
        peer.replies = [did(delivered=7, refused=1), reply]
        answer = dispatch()
        assert (answer.status, answer.code) == (503, code)
        counts = {"delivered": 7, "refused": 1, "again": 0, "unknown": 0}
        assert last_run(database) == ("failed", counts, code)
        assert dispatch().json["outcome"] == "done"

    def test_that_nobody_sends_fail_the_run(
        self, dispatch: Dispatch, environment: pytest.MonkeyPatch, database: psycopg.Connection
    ) -> None:
        environment.setenv("API_URL", f"http://127.0.0.1:{free_port()}")
        assert dispatch().code == "function_unavailable"
        environment.setenv("API_URL", "")
        assert dispatch().code == "not_configured"
        assert last_run(database)[2] == "not_configured"


@pytest.mark.usefixtures("peer")
class TestSlack:
    def test_gets_each_message_once(self, dispatch: Dispatch, channel: Server, database: psycopg.Connection) -> None:
        put(database, "one", "two & <three>", "ünï")
        assert dispatch().json["counts"]["delivered"] == 3
        assert [json.loads(body) for _, _, body in channel.sent] == [
            {"text": "one"},
            {"text": "two & <three>"},
            {"text": "ünï"},
        ]
        assert {(path, token) for path, token, _ in channel.sent} == {("/services/T0/B0/secret", None)}
        assert rows(database) == [("delivered", None)] * 3
        dispatch()
        assert len(channel.sent) == 3

    @pytest.mark.parametrize("status", [400, 403, 404, 410, 302])
    def test_that_refuses_a_message_is_not_asked_again(
        self, dispatch: Dispatch, channel: Server, database: psycopg.Connection, status: int
    ) -> None:
        channel.replies = [(status, b"invalid_payload", {"Location": "/elsewhere"})]
        put(database, "refused", "good")
        counts = dispatch().json["counts"]
        assert (counts["refused"], counts["delivered"]) == (1, 1)
        assert rows(database) == [("dead", f"slack_{status}"), ("delivered", None)]
        assert len(channel.sent) == 2

    @pytest.mark.parametrize("status", [500, 502, 503])
    def test_that_fails_is_asked_again(
        self, dispatch: Dispatch, channel: Server, database: psycopg.Connection, status: int
    ) -> None:
        channel.replies = [(status, b"", {})]
        put(database, "one", "two")
        assert dispatch().json["counts"]["again"] == 1
        assert rows(database) == [("waiting", f"slack_{status}"), ("waiting", None)]
        assert len(channel.sent) == 1, "the second isn't tried: it would fail too"
        pass_time(database)
        dispatch()
        assert rows(database) == [("delivered", None)] * 2

    def test_that_says_when_is_asked_then(
        self, dispatch: Dispatch, channel: Server, database: psycopg.Connection
    ) -> None:
        channel.replies = [(429, b'{"ok": false}', {"Retry-After": "600"})]
        put(database, "one")
        dispatch()
        assert rows(database) == [("waiting", "slack_429")]
        query = "select extract(epoch from due_at - now())::float from private.outbox where topic = %s"
        [(seconds,)] = database.execute(query, [TOPIC]).fetchall()
        assert 590 < seconds <= 600
        pass_time(database, "9 minutes")
        dispatch()
        assert len(channel.sent) == 1
        pass_time(database, "1 minute")
        dispatch()
        assert rows(database) == [("delivered", None)]

    @pytest.mark.parametrize("when", ["Sat, 21 Nov 2026 12:00:00 GMT", "-5", "1e9", "²", "9" * 400])
    def test_may_say_when_in_any_way(
        self, dispatch: Dispatch, channel: Server, database: psycopg.Connection, when: str
    ) -> None:
        channel.replies = [(429, b"", {"Retry-After": when})]
        put(database, "one")
        assert dispatch().status == 200
        assert rows(database) == [("waiting", "slack_429")]

    @pytest.mark.parametrize("reply", [HANG, DROP])
    def test_that_is_silent_may_get_it_twice(
        self, dispatch: Dispatch, channel: Server, database: psycopg.Connection, reply: str
    ) -> None:
        channel.replies = [reply]
        put(database, "one")
        assert dispatch().json["counts"]["unknown"] == 1
        assert rows(database) == [("waiting", "slack_silent")]
        pass_time(database)
        assert dispatch().json["counts"]["delivered"] == 1
        assert [json.loads(body)["text"] for _, _, body in channel.sent] == ["one", "one"]
        assert rows(database)[0][0] == "delivered"

    def test_that_cannot_be_reached_is_asked_again(
        self, dispatch: Dispatch, channel: Server, database: psycopg.Connection, environment: pytest.MonkeyPatch
    ) -> None:
        put(database, "one")
        secure = f"https://127.0.0.1:{urlsplit(channel.url).port}"  # where no TLS is spoken
        for url in (f"http://127.0.0.1:{free_port()}", "http://nowhere.invalid", secure):
            environment.setenv("SLACK_WEBHOOK_URL", url)
            assert dispatch().json["counts"]["again"] == 1, url
            assert rows(database) == [("waiting", "slack_unreachable")]
            pass_time(database)

    def test_whose_address_is_none_is_told_nothing(
        self, dispatch: Dispatch, channel: Server, database: psycopg.Connection, environment: pytest.MonkeyPatch
    ) -> None:
        environment.setenv("SLACK_WEBHOOK_URL", "ftp://hooks.slack.com/x")
        put(database, "one")
        dispatch()
        assert rows(database) == [("dead", "slack_url_invalid")]

    def test_that_is_configured_no_more_keeps_nobody_waiting_forever(
        self, dispatch: Dispatch, channel: Server, database: psycopg.Connection, environment: pytest.MonkeyPatch
    ) -> None:
        environment.delenv("SLACK_WEBHOOK_URL")
        put(database, "one")
        dispatch()
        assert rows(database) == [("waiting", "not_configured")]
        database.execute("update private.outbox set give_up_at = now() where topic = %s", [TOPIC])
        pass_time(database)
        dispatch()
        assert rows(database) == [("dead", "not_configured")]


class TestInvoices:
    def test_are_rendered_before_the_mails_that_carry_them(self, dispatch: Dispatch, peer: Server) -> None:
        peer.renderings = [did(delivered=20), did(delivered=2, again=1)]
        peer.replies = [did(delivered=5)]
        assert dispatch().json["counts"] == {"delivered": 27, "refused": 0, "again": 1, "unknown": 0}
        assert peer.asked == [RENDER] * 3 + [MAIL] * 2

    @pytest.mark.parametrize("reply", [(503, b"", {}), DROP])
    def test_that_can_not_be_rendered_hold_no_mail_up(
        self, dispatch: Dispatch, peer: Server, database: psycopg.Connection, reply: Reply | str
    ) -> None:
        peer.renderings = [did(delivered=1), reply, reply]  # asked again where nothing was answered
        peer.replies = [did(delivered=5)]
        assert dispatch().code == "function_unavailable"
        counts = {"delivered": 6, "refused": 0, "again": 0, "unknown": 0}
        assert last_run(database) == ("failed", counts, "function_unavailable")


class TestOneChannelAway:
    def test_holds_the_other_not_up(
        self, dispatch: Dispatch, peer: Server, channel: Server, database: psycopg.Connection
    ) -> None:
        peer.usual = (503, b"", {})
        put(database, "mails are not sent")
        assert dispatch().code == "function_unavailable"
        counts = {"delivered": 1, "refused": 0, "again": 0, "unknown": 0}
        assert last_run(database) == ("failed", counts, "function_unavailable")
        peer.usual, channel.usual = IDLE, HANG
        peer.replies = [did(delivered=5)]
        put(database, "unheard")
        assert dispatch().json["counts"] == {"delivered": 5, "refused": 0, "again": 0, "unknown": 1}

    def test_nor_does_an_outbox_that_can_not_be_read(
        self, dispatch: Dispatch, peer: Server, stack: Stack, environment: pytest.MonkeyPatch
    ) -> None:
        peer.replies = [did(delivered=5)]
        with ailing(stack.env["SUPABASE_URL"], lambda path: 503 if path.endswith("lease_outbox") else None) as url:
            environment.setenv("SUPABASE_URL", url)
            assert dispatch().code == "database_unavailable"
        assert len(peer.sent) == 2


def test_a_message_whose_workspace_went_meanwhile_is_forgotten(
    dispatch: Dispatch, peer: Server, channel: Server, database: psycopg.Connection
) -> None:
    put(database, "one")
    database.execute("select public.lease_outbox(%s, 1, 60)", [TOPIC])
    database.execute("delete from private.outbox where topic = %s", [TOPIC])
    pass_time(database)
    put(database, "two")
    assert dispatch().json["counts"]["delivered"] == 1
    assert rows(database) == [("delivered", None)]
    assert database.execute("select from private.deliveries where topic = %s", [TOPIC]).fetchall() == []


def test_a_run_that_died_with_a_message_leaves_it_to_a_later_one(
    dispatch: Dispatch, peer: Server, channel: Server, database: psycopg.Connection
) -> None:
    put(database, "one")
    database.execute("select public.lease_outbox(%s, 1, 60)", [TOPIC])  # and its process was killed
    dispatch()
    assert channel.sent == [], "its end is unknown until the lease is over"
    pass_time(database)
    dispatch()
    assert [json.loads(body)["text"] for _, _, body in channel.sent] == ["one"]
    assert rows(database) == [("delivered", None)]
