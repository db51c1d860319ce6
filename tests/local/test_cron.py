"""What the platform's scheduler does, done locally."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from local.cron import Cron
from local.loopback import Loopback
from local.ports import free_port

SECRET = "the scheduler's"
EACH_SECOND = "* * * * * *"
NEVER_MEANWHILE = "0 0 29 2 *"


class Functions:
    """A server that notes who calls what, and takes its time."""

    def __init__(self, port: int = 0) -> None:
        self.called: list[tuple[str, str, str | None]] = []
        self.under_way = self.most_under_way = 0
        self.takes_seconds = 0.0
        self.status = 200
        lock = threading.Lock()
        functions = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                with lock:
                    functions.called.append((self.command, self.path, self.headers["Authorization"]))
                    functions.under_way += 1
                    functions.most_under_way = max(functions.under_way, functions.most_under_way)
                time.sleep(functions.takes_seconds)
                with lock:
                    functions.under_way -= 1
                self.send_response(functions.status)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = Loopback(port, Handler)
        self.url = self._server.url
        self._server.start()

    def stop(self) -> None:
        self._server.stop()

    def await_calls(self, count: int) -> None:
        began = time.monotonic()
        while len(self.called) < count:
            assert time.monotonic() - began < 10, self.called
            time.sleep(0.02)


@pytest.fixture
def functions() -> Iterator[Functions]:
    running = Functions()
    yield running
    running.stop()


@pytest.fixture
def scheduled(tmp_path: Path) -> Path:
    file = tmp_path / "vercel.json"
    crons = [{"path": "/api/often", "schedule": EACH_SECOND}, {"path": "/api/never", "schedule": NEVER_MEANWHILE}]
    file.write_text(json.dumps({"crons": crons}))
    return file


def test_calls_what_is_due_with_the_secret(functions: Functions, scheduled: Path) -> None:
    with Cron(scheduled, functions.url, SECRET):
        functions.await_calls(3)
    assert set(functions.called) == {("GET", "/api/often", f"Bearer {SECRET}")}


def test_calls_it_once_each_time(functions: Functions, scheduled: Path) -> None:
    began = time.time()
    with Cron(scheduled, functions.url, SECRET):
        functions.await_calls(3)
        assert len(functions.called) <= time.time() - began + 1


def test_never_calls_what_is_under_way(functions: Functions, scheduled: Path) -> None:
    functions.takes_seconds = 1.5
    with Cron(scheduled, functions.url, SECRET):
        functions.await_calls(2)
    assert functions.most_under_way == 1


@pytest.mark.parametrize("status", [404, 503])
def test_goes_on_after_a_failure(functions: Functions, scheduled: Path, status: int) -> None:
    functions.status = status
    with Cron(scheduled, functions.url, SECRET):
        functions.await_calls(2)


def test_goes_on_when_the_server_was_away(scheduled: Path) -> None:
    port = free_port()
    with Cron(scheduled, f"http://127.0.0.1:{port}", SECRET):
        time.sleep(1.2)
        functions = Functions(port)
        functions.await_calls(1)
        functions.stop()
        time.sleep(1.2)
        functions = Functions(port)
        functions.await_calls(2)
        functions.stop()


def test_calls_soon_what_may_have_waited(functions: Functions, scheduled: Path) -> None:
    with Cron(scheduled, functions.url, SECRET, at_start=["/api/never"]):
        began = time.monotonic()
        while not any(path == "/api/never" for _, path, _ in functions.called):
            assert time.monotonic() - began < 5
            time.sleep(0.05)


def test_ends(functions: Functions, scheduled: Path) -> None:
    functions.takes_seconds = 5
    with Cron(scheduled, functions.url, SECRET):
        functions.await_calls(1)
        began = time.monotonic()
    assert time.monotonic() - began < 0.5, "though a call is under way"
    time.sleep(2)
    assert len(functions.called) == 1


def test_without_schedules_does_nothing(functions: Functions, tmp_path: Path) -> None:
    tmp_path.joinpath("vercel.json").write_text("{}")
    for file in ("vercel.json", "none.json"):
        with Cron(tmp_path / file, functions.url, SECRET, at_start=["/api/often"]):
            pass
    assert functions.called == []
