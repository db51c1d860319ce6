"""Calls to a `Function` made in a test, with every part of the WSGI environment in the test's hands."""

from __future__ import annotations

import io
from typing import Any

from shared.web import Function
from tests.api import Response


def environ(method: str = "GET", path: str = "/", *, body: bytes | None = None, **changes: Any) -> dict[str, Any]:
    """As the platform makes it: PATH_INFO undecoded. `changes` are WSGI's names (HTTP_ORIGIN=…); None removes one."""
    raw_path, _, query = path.partition("?")
    made: dict[str, Any] = {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": raw_path,
        "QUERY_STRING": query,
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "192.0.2.1",
        "CONTENT_LENGTH": None if body is None else str(len(body)),
        "CONTENT_TYPE": None if body is None else "application/json",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body or b""),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        **changes,
    }
    return {name: value for name, value in made.items() if value is not None}


def serve(app: Function, request: dict[str, Any]) -> Response:
    """What the function answers to that environment."""
    started: list[Any] = []
    answer = app(request, lambda status, headers: started.extend((status, headers)))
    body = b"".join(answer)
    getattr(answer, "close", lambda: None)()  # as every server does
    status, headers = started
    assert len(headers) == len({name.lower() for name, _ in headers}), "a header is sent twice"
    return Response(int(status.split()[0]), {name.lower(): value for name, value in headers}, body)


def call(app: Function, method: str = "GET", path: str = "/", **request: Any) -> Response:
    """`environ` and `serve` in one."""
    return serve(app, environ(method, path, **request))
