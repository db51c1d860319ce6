"""Calls to the functions as a client makes them: in this process through WSGI, or over HTTP to a server."""

from __future__ import annotations

import importlib
import io
import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import urllib3

from tests import contract

FUNCTIONS = {
    "auth": "auth",
    "bootstrap-admin": "bootstrap_admin",
    "detect": "detect",
    "detect-local": "detect_local",
    "docs": "docs",
    "email-service": "email_service",
    "health": "health",
    "invoice": "invoice",
    "jobs": "jobs",
    "orders": "orders",
    "payment-intent": "payment_intent",
    "quote-generator": "quote_generator",
    "stripe-webhook": "stripe_webhook",
    "workspaces": "workspaces",
}

_numbers = itertools.count(1)


def fresh_ip() -> str:
    """An address no other test of this worker uses, so that limits per IP don't meet."""
    number = next(_numbers)
    return f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


@dataclass(frozen=True)
class Response:
    """An answer: header names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str | None:
        """The problem's code; None for an answer that is none."""
        return self.json.get("code") if "problem" in self.headers.get("content-type", "") else None


class Api(Protocol):
    """`api("POST", "/api/workspaces", token=…, json={…})`."""

    def __call__(
        self,
        method: str,
        path: str,
        *,
        token: str | None = None,
        json: object = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        """Raises `contract.Broken` for an answer that the OpenAPI document doesn't know."""
        ...


class InProcess:
    """Calls through WSGI as the platform does: PATH_INFO undecoded."""

    def __init__(self, ip: str | None = None) -> None:
        self.ip = ip or fresh_ip()

    def __call__(
        self,
        method: str,
        path: str,
        *,
        token: str | None = None,
        json: object = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        sent, content = _sent(token, json, body, headers)
        raw_path, _, query = path.partition("?")
        environ: dict[str, Any] = {
            "REQUEST_METHOD": method,
            "SCRIPT_NAME": "",
            "PATH_INFO": raw_path,
            "QUERY_STRING": query,
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": self.ip,
            "CONTENT_LENGTH": str(len(content)),
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(content),
            "wsgi.errors": io.StringIO(),
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
        }
        for name, value in sent.items():
            key = name.upper().replace("-", "_")
            environ[key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"] = value
        name = path.removeprefix("/api/").partition("?")[0].partition("/")[0]
        app = importlib.import_module(f"functions.{FUNCTIONS[name]}.handler").app
        started: list[Any] = []
        answer = app(environ, lambda status, headers: started.extend((status, headers)))
        chunks = b"".join(answer)
        getattr(answer, "close", lambda: None)()  # as every server does
        status, received = started
        return _held(method, path, Response(int(status.split()[0]), {k.lower(): v for k, v in received}, chunks))


class OverHttp:
    """Calls to a running server."""

    def __init__(self, url: str, *, timeout_seconds: float = 30) -> None:
        self.url = url
        self._pool = urllib3.PoolManager(maxsize=128, retries=False, timeout=timeout_seconds)

    def __call__(
        self,
        method: str,
        path: str,
        *,
        token: str | None = None,
        json: object = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        sent, content = _sent(token, json, body, headers)
        response = self._pool.request(method, self.url + path, body=content or None, headers=sent)
        answer = Response(response.status, {k.lower(): v for k, v in response.headers.items()}, response.data)
        return _held(method, path, answer)


def _held(method: str, path: str, response: Response) -> Response:
    """Raises `contract.Broken` for an answer that the document doesn't know."""
    contract.hold(method, path, response.status, response.headers.get("content-type", ""), response.body)
    return response


def _sent(
    token: str | None, payload: object, body: bytes | None, headers: Mapping[str, str] | None
) -> tuple[dict[str, str], bytes]:
    sent = dict(headers or {})
    if token is not None:
        sent["Authorization"] = f"Bearer {token}"
    if payload is not None:
        sent.setdefault("Content-Type", "application/json")
        body = json.dumps(payload).encode()
    return sent, body or b""
