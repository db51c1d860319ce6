"""One of our functions calling another, over HTTP, to one that takes its time."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from local.loopback import Loopback, Patient
from local.ports import free_port
from shared import gateway, peers
from shared.errors import Problem

TOKEN = "the token that our functions know each other by"


class Peer:
    """A function that notes who calls, and answers late."""

    def __init__(self) -> None:
        self.status = 200
        self.takes_seconds = 0.0
        self.called: list[tuple[str, str, str | None, bytes]] = []
        self.done = threading.Event()
        peer = self

        class Handler(Patient):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"] or 0))
                peer.called.append((self.command, self.path, self.headers["Authorization"], body))
                time.sleep(peer.takes_seconds)
                peer.done.set()
                self.send_response(peer.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

        self._server = Loopback(0, Handler)
        self.url = self._server.url
        self._server.start()

    def stop(self) -> None:
        self._server.stop()


@pytest.fixture
def peer(monkeypatch: pytest.MonkeyPatch) -> Iterator[Peer]:
    monkeypatch.setattr(gateway, "_pool", None)
    running = Peer()
    monkeypatch.setenv("API_URL", running.url)
    monkeypatch.setenv("INTERNAL_TOKEN", TOKEN)
    yield running
    running.stop()
    gateway.pool().clear()


def logged(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


class TestANudge:
    def test_is_heard(self, peer: Peer, capsys: pytest.CaptureFixture[str]) -> None:
        peers.nudge("email-service/deliver")
        assert peer.called == [("POST", "/api/email-service/deliver", f"Bearer {TOKEN}", b"{}")]
        assert logged(capsys) == []

    def test_does_not_wait_for_what_becomes_of_it(self, peer: Peer, capsys: pytest.CaptureFixture[str]) -> None:
        peer.takes_seconds = 2
        for _ in range(3):
            began = time.monotonic()
            peers.nudge("email-service/deliver")
            assert time.monotonic() - began < 0.45
        assert len(peer.called) == 3
        assert not peer.done.is_set()
        assert peer.done.wait(5), "it works on, though nobody waits"
        assert logged(capsys) == []

    @pytest.mark.parametrize("status", [401, 404, 500, 503])
    def test_that_is_refused_is_logged(self, peer: Peer, capsys: pytest.CaptureFixture[str], status: int) -> None:
        peer.status = status
        peers.nudge("email-service/deliver")
        [line] = logged(capsys)
        assert (line["event"], line["status"]) == ("nudge refused", status)

    def test_to_nobody_is_logged(
        self, peer: Peer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        for url in (f"http://127.0.0.1:{free_port()}", "http://", "ftp://x"):
            monkeypatch.setenv("API_URL", url)
            began = time.monotonic()
            peers.nudge("email-service/deliver")
            assert time.monotonic() - began < 0.45
        assert [line["event"] for line in logged(capsys)] == ["nudge not heard"] * 3

    @pytest.mark.parametrize("setting", ["API_URL", "INTERNAL_TOKEN"])
    def test_without_a_setting_raises_nothing(
        self, peer: Peer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], setting: str
    ) -> None:
        monkeypatch.delenv(setting)
        peer.status = 503  # as a function answers that has no token to compare with
        peers.nudge("email-service/deliver")
        assert len(logged(capsys)) == 1


class TestACall:
    def test_waits_for_the_answer(self, peer: Peer) -> None:
        peer.takes_seconds = 0.5
        assert peers.call("engine", b"x", timeout_seconds=5).status == 200

    def test_that_takes_too_long_is_a_problem(self, peer: Peer) -> None:
        peer.takes_seconds = 2
        with pytest.raises(Problem, check=lambda problem: problem.code == "function_unavailable"):
            peers.call("engine", b"x", timeout_seconds=0.2)
