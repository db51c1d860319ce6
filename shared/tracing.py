"""Following a request: its trace, the calls it makes with their times, and spans where somebody collects them.

Always: `trace_id` in each log line, `traceparent` to Supabase and to our own functions, `calls` in the request's line.
With OTEL_EXPORTER_OTLP_ENDPOINT set, spans as well (`shared.telemetry`, which alone loads OpenTelemetry).
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from contextvars import ContextVar
from typing import TYPE_CHECKING

from shared import clock, context, log, settings, traceparent

if TYPE_CHECKING:
    from shared.telemetry import Recorder, Span

    Attributes = Mapping[str, str] | Mapping[str, str | int] | Mapping[str, int]

# What a request waits at most, once its answer is written, for what it recorded to be sent, in seconds.
FLUSH_SECONDS = 0.5
# Calls named in the request's log line; `database_round_trips` counts on.
MOST_CALLS = 50
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"})

# The innermost stretch of work that is recorded. Threads that copy the context go on beneath it.
_span: ContextVar[Span | None] = ContextVar("span", default=None)
_NOTHING = nullcontext()
_impossible = False


def begin(function: str, method: str, scheme: str) -> Span | None:
    """The server's span of the request that `context.begin` made current; None where nobody collects spans."""
    recorder = _recorder()
    if recorder is None:
        _span.set(None)
        return None
    known = method if method in METHODS else "_OTHER"
    request = context.current()
    root = recorder.serve(
        function,
        known,
        {"http.request.method": known, "url.scheme": scheme, "backroom.request_id": request.request_id},
        request.trace,
    )
    request.trace = request.trace._replace(id=root.trace_id)
    _span.set(root)
    return root


def finish(root: Span | None, status: int, failure: str | None, chunks: list[bytes]) -> Iterable[bytes]:
    """End the server's span. The answer's chunks; closing them sends what was recorded, for at most `FLUSH_SECONDS`.

    `failure`: what an answer of 500 and more is due to, by a code or kind of ours.
    """
    request = context.current()
    if root is not None:
        if request.route:
            # Not what was asked for: a path is a sender's to choose.
            root.name(f"{root.method} {request.route}", {"http.route": request.route, "url.path": request.route})
        root.note({"http.response.status_code": status})
        root.end((failure or str(status)) if status >= 500 else None)
        _span.set(None)
    recorder = root.recorder if root is not None and root.flags & traceparent.SAMPLED else None
    return _Answer(chunks, recorder, reported=request.reported) if recorder or request.reported else chunks


def span(name: str, attributes: Attributes | None = None) -> AbstractContextManager[object]:
    """A stretch of work of our own that is worth seeing in a trace. Attributes are ours: nothing a sender chose."""
    parent = _span.get()
    return _NOTHING if parent is None else _Work(parent.inner(name, attributes or {}))


class Call:
    """A call to somebody else, timed: a context manager that ends up in the request's log line.

    Its caller sets `outcome`: an HTTP status, or a word of ours; None where nothing came back. Send `headers` along,
    but to Supabase and our own functions only.
    """

    __slots__ = ("_name", "_span", "_started", "_token", "outcome")

    def __init__(self, name: str, span_name: str, attributes: Attributes) -> None:
        self.outcome: int | str | None = None
        self._name = name
        parent = _span.get()
        self._span = None if parent is None else parent.call(span_name, attributes)

    @property
    def headers(self) -> dict[str, str]:
        """`traceparent`, and `tracestate` if there is one."""
        trace = context.current().trace
        return trace.headers() if self._span is None else trace.headers(self._span.id, self._span.flags)

    def note(self, attributes: Attributes) -> None:
        """Attributes that only the answer tells."""
        if self._span is not None:
            self._span.note(attributes)

    def __enter__(self) -> Call:
        self._started = time.perf_counter()
        self._token = None if self._span is None else _span.set(self._span)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        milliseconds = round((time.perf_counter() - self._started) * 1000, 1)
        request = context.current()
        if len(request.calls) < MOST_CALLS:
            request.calls.append((self._name, milliseconds, self.outcome))
        if self._span is None:
            return
        if self._token is not None:
            _span.reset(self._token)
        failure = None
        if isinstance(self.outcome, int):
            self._span.note({"http.response.status_code": self.outcome})
            failure = str(self.outcome) if self.outcome >= 400 else None
        if kind is not None:
            failure = str(self.outcome or kind.__name__)
        self._span.end(failure)


class _Work:
    """The context manager of a span of our own."""

    def __init__(self, span: Span) -> None:
        self._inner = span

    def __enter__(self) -> None:
        self._token = _span.set(self._inner)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        _span.reset(self._token)
        self._inner.end(None if kind is None else kind.__name__)


class _Answer:
    """An answer that, once it is sent, waits a little for what was recorded to be sent too.

    The platform may freeze the process as soon as the answer is closed, so this is the last moment.
    """

    def __init__(self, chunks: list[bytes], recorder: Recorder | None, *, reported: bool) -> None:
        self._chunks = chunks
        self._recorder = recorder
        self._reported = reported

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._chunks)

    def __len__(self) -> int:
        return len(self._chunks)

    def close(self) -> None:
        until = clock.seconds() + FLUSH_SECONDS
        if self._reported:
            from shared import reporting

            reporting.flush(until)
        if self._recorder is not None:
            self._recorder.flush(until)


def active_span_id() -> str:
    """The innermost recorded span; empty where none is."""
    active = _span.get()
    return "" if active is None else active.id


def _recorder() -> Recorder | None:
    """Who records, where that is configured and possible. That it isn't possible is said once."""
    global _impossible
    endpoint = settings.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
    if not endpoint:
        base = settings.get("OTEL_EXPORTER_OTLP_ENDPOINT")
        if not base:
            return None
        endpoint = f"{base.rstrip('/')}/v1/traces"
    if _impossible:
        return None
    try:
        from shared import telemetry

        return telemetry.recorder(endpoint)
    except ImportError:
        _impossible = True
        log.write("warning", event="traces are configured but not installed", install="shared/observability.txt")
    except Exception as error:  # settings that OpenTelemetry itself reads
        _impossible = True
        log.write("warning", event="traces are configured but can't be", error=type(error).__name__)
    return None
