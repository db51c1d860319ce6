"""An OpenTelemetry collector and a Sentry of a test's own: real HTTP in, decoded as their makers define it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from typing import Any

import urllib3
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from sentry_sdk.envelope import Envelope


@dataclass(frozen=True)
class Recorded:
    """A span as it arrived: ids in hex, attributes as plain values."""

    service: str
    name: str
    kind: str
    trace_id: str
    id: str
    parent: str
    attributes: dict[str, Any]
    failed: bool
    milliseconds: float


class Collector:
    """Takes what is posted to it; a context manager. `status`: what it answers. `hangs`: it answers nothing at all."""

    def __init__(self) -> None:
        self.status = 200
        self.bodies: list[bytes] = []
        self.headers: list[dict[str, str]] = []
        self.paths: list[str] = []
        self.release = threading.Event()
        self.release.set()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                # As it was compressed: Sentry's SDK takes Brotli where that is installed, as `make bench` does.
                encoding = {"Content-Encoding": self.headers.get("Content-Encoding", "identity")}
                body = urllib3.HTTPResponse(BytesIO(body), headers=encoding).data
                outer.bodies.append(body)
                outer.headers.append({name.lower(): value for name, value in self.headers.items()})
                outer.paths.append(self.path)
                outer.release.wait(30)
                self.send_response(outer.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *arguments: object) -> None:
                """Say nothing."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128

            def handle_error(self, *_: object) -> None:
                """Whoever asked may have given up."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self.port = self._server.server_port
        self.url = f"http://127.0.0.1:{self.port}"
        self.dsn = f"http://public@127.0.0.1:{self.port}/1"

    def hang(self) -> None:
        """From now on keep everybody waiting."""
        self.release.clear()

    def __enter__(self) -> Collector:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.release.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def forget(self) -> None:
        for each in (self.bodies, self.headers, self.paths):
            each.clear()

    def spans(self) -> list[Recorded]:
        """What arrived, as OTLP, in the order of its ending."""
        return [
            span
            for path, body in zip(self.paths, self.bodies, strict=True)
            if path == "/v1/traces"
            for span in _spans(body)
        ]

    def events(self) -> list[dict[str, Any]]:
        """What arrived, as Sentry's envelopes."""
        return [
            item.payload.json or {}
            for path, body in zip(self.paths, self.bodies, strict=True)
            if path == "/api/1/envelope/"
            for item in Envelope.deserialize(body).items
        ]

    def await_(self, condition: Callable[[], object], seconds: float = 10) -> None:
        """Until something is so; fails where it doesn't become so."""
        until = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < until, "waited in vain"
            time.sleep(0.01)


def _spans(body: bytes) -> list[Recorded]:
    message = ExportTraceServiceRequest()
    message.ParseFromString(body)
    found = []
    for resource in message.resource_spans:
        service = _plain(resource.resource.attributes)["service.name"]
        for scope in resource.scope_spans:
            found += [
                Recorded(
                    service,
                    span.name,
                    span.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_"),
                    span.trace_id.hex(),
                    span.span_id.hex(),
                    span.parent_span_id.hex(),
                    _plain(span.attributes),
                    span.status.code == 2,
                    (span.end_time_unix_nano - span.start_time_unix_nano) / 1e6,
                )
                for span in scope.spans
            ]
    return found


def _plain(attributes: Any) -> dict[str, Any]:
    return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in attributes}
