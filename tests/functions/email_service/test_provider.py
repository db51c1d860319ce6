"""What Resend answers, and what that says of the mails."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from functions.email_service import provider


class Answering(BaseHTTPRequestHandler):
    """200 with whatever `body` is."""

    body = b""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(self.body)))
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def resend(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Answering]]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Answering) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("RESEND_API_URL", f"http://127.0.0.1:{server.server_port}")
        monkeypatch.setenv("RESEND_API_KEY", "re_test")
        yield Answering
        server.shutdown()


def test_ids_are_receipts(resend: type[Answering]) -> None:
    resend.body = b'{"data": [{"id": "a"}, {"id": "b"}]}'
    assert [(each.outcome, each.receipt) for each in provider.send("k", [{}, {}])] == [
        ("delivered", "a"),
        ("delivered", "b"),
    ]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"null",
        b"[]",
        b"{}",
        b'{"data": null}',
        b'{"data": ["a", "b"]}',
        b'{"data": [{"id": "a"}]}',
        b'{"data": [{"id": "a"}, {"id": "b"}, {"id": "c"}]}',
        b'{"data": [{"id": "a"}, {"id": "a"}]}',
        b'{"data": [{"id": "a"}, {"id": "b"}, {"id": "b"}]}',
        b'{"data": [{"id": null}, {"id": 1}]}',
    ],
    ids=repr,
)
def test_after_any_other_answer_the_end_is_unknown(resend: type[Answering], body: bytes) -> None:
    resend.body = body
    assert [each.outcome for each in provider.send("k", [{}, {}])] == ["unknown"] * 2


@pytest.mark.parametrize("body", [b"null", b'{"id": null}', b'{"id": {}}'], ids=repr)
def test_of_one_mail_too(resend: type[Answering], body: bytes) -> None:
    resend.body = body
    assert [each.outcome for each in provider.send("k", [{}])] == ["unknown"]
