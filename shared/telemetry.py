"""Spans by OpenTelemetry's SDK, sent by OTLP over HTTP. Loaded only where an endpoint is set (see `shared.tracing`).

Neither the SDK's global provider nor its current context is used: libraries that look there (Anthropic's SDK does)
find nothing, so that they record no prompts and send no trace ids to their vendors.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Mapping
from queue import SimpleQueue

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.trace import SpanKind, StatusCode

import shared
from shared import clock, log, settings
from shared.traceparent import Trace

Attributes = Mapping[str, str | int | float | bool]

# How long one delivery may take in its thread. No request waits for that: see `tracing.FLUSH_SECONDS`.
DELIVERY_SECONDS = 5.0
# After a delivery that failed or was late nobody waits for one for so long.
REST_SECONDS = 10.0
# Spans kept while they can't be delivered; the oldest go first.
MOST_SPANS = 2048

_recorders: dict[str, Recorder] = {}
_lock = threading.Lock()


def recorder(endpoint: str) -> Recorder:
    """The one that sends to this endpoint. Raises `Exception` where settings the SDK reads itself are wrong."""
    made = _recorders.get(endpoint)
    if made is None:
        with _lock:
            made = _recorders.get(endpoint) or Recorder(endpoint)
            _recorders[endpoint] = made
    return made


class Span:
    """A stretch of work being recorded. Never holds an exception's words, a body or anything a sender chose."""

    __slots__ = ("_own", "_span", "_tracer", "flags", "id", "method", "recorder", "trace_id")

    def __init__(self, tracer: trace.Tracer, span: trace.Span, recorder: Recorder, method: str = "") -> None:
        identity = span.get_span_context()
        self.trace_id = trace.format_trace_id(identity.trace_id)
        self.id = trace.format_span_id(identity.span_id)
        self.flags = int(identity.trace_flags)
        self.method = method
        self.recorder = recorder
        self._tracer = tracer
        self._span = span
        self._own = trace.set_span_in_context(span, Context())

    def inner(self, name: str, attributes: Attributes, kind: SpanKind = SpanKind.INTERNAL) -> Span:
        """A stretch within this one."""
        span = self._tracer.start_span(name, self._own, kind, dict(attributes))
        return Span(self._tracer, span, self.recorder)

    def call(self, name: str, attributes: Attributes) -> Span:
        """A call to somebody else within this stretch."""
        return self.inner(name, attributes, SpanKind.CLIENT)

    def name(self, name: str, attributes: Attributes) -> None:
        """What it turned out to be."""
        self._span.update_name(name)
        self.note(attributes)

    def note(self, attributes: Attributes) -> None:
        """Add attributes."""
        self._span.set_attributes(dict(attributes))

    def end(self, failure: str | None) -> None:
        """It is over. `failure`: a code or kind of ours."""
        if failure is not None:
            self._span.set_attribute("error.type", failure)
            self._span.set_status(StatusCode.ERROR)
        self._span.end()


class Recorder(SpanProcessor):
    """Keeps what ended and sends it when a request is over, in a thread of its own."""

    def __init__(self, endpoint: str, exporter: SpanExporter | None = None) -> None:
        # Its complaints go where the process's logging goes; where that is nowhere, not to standard error either.
        logging.getLogger("opentelemetry").addHandler(logging.NullHandler())
        self._exporter = exporter or OTLPSpanExporter(endpoint=endpoint, timeout=DELIVERY_SECONDS)
        self._tracers: dict[str, trace.Tracer] = {}
        self._ended: deque[ReadableSpan] = deque(maxlen=MOST_SPANS)
        self._asked: SimpleQueue[threading.Event] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()
        self._failing = False
        self._rests_until = float("-inf")

    def serve(self, function: str, name: str, attributes: Attributes, received: Trace) -> Span:
        """A server's span, going on with the trace that was received."""
        tracer = self._tracers.get(function) or self._tracer(function)
        above = Context()
        if received.parent:
            remote = trace.SpanContext(
                int(received.id, 16),
                int(received.parent, 16),
                is_remote=True,
                trace_flags=trace.TraceFlags(received.flags),
                trace_state=trace.TraceState.from_header([received.state]) if received.state else None,
            )
            above = trace.set_span_in_context(trace.NonRecordingSpan(remote), above)
        return Span(tracer, tracer.start_span(name, above, SpanKind.SERVER, dict(attributes)), self, name)

    def on_end(self, span: ReadableSpan) -> None:
        if span.context is not None and span.context.trace_flags.sampled:
            self._ended.append(span)

    def flush(self, until: float) -> None:
        """Have what ended sent, and wait for that until `clock.seconds()` is so much; not at all where it failed."""
        done = threading.Event()
        self._deliver_in_thread(done)
        now = clock.seconds()
        if now < self._rests_until:
            return
        if done.wait(max(0.0, until - now)) and not self._failing:
            return
        self._rests_until = clock.seconds() + REST_SECONDS
        reason = "refused or unreachable" if done.is_set() else "late"
        log.write("warning", event="traces not delivered", reason=reason, waits_again_in_seconds=REST_SECONDS)

    def _tracer(self, function: str) -> trace.Tracer:
        resource = Resource.create(
            {
                "service.namespace": "backroom",
                "service.name": function,
                "service.version": shared.__version__,
                "deployment.environment.name": settings.get("ENVIRONMENT"),
            }
        )
        provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        provider.add_span_processor(self)
        self._tracers[function] = provider.get_tracer("backroom", shared.__version__)
        return self._tracers[function]

    def _deliver_in_thread(self, done: threading.Event) -> None:
        self._asked.put(done)
        if self._thread is None or not self._thread.is_alive():  # none yet, or left behind by a fork
            with self._starting:
                if self._thread is None or not self._thread.is_alive():
                    self._thread = threading.Thread(target=self._deliver, name="traces", daemon=True)
                    self._thread.start()

    def _deliver(self) -> None:
        while True:
            # All who ask meanwhile are served by one delivery: while a collector hangs, more ask than it takes.
            asked = [self._asked.get()]
            asked += [self._asked.get_nowait() for _ in range(self._asked.qsize())]
            spans: list[ReadableSpan] = []
            while self._ended:
                spans.append(self._ended.popleft())
            if spans:
                try:
                    self._failing = self._exporter.export(spans) is not SpanExportResult.SUCCESS
                except Exception:
                    self._failing = True
                if not self._failing:
                    self._rests_until = float("-inf")
            for done in asked:
                done.set()
