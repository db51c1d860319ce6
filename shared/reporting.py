"""Unexpected exceptions to Sentry. Loaded only where SENTRY_DSN is set and one happened (see `shared.log.failure`).

What is sent is built here from an allow-list: kinds, places in the code, ids and codes of ours. No exception's words
(they may quote a secret), no local variables, no source, no request, no person.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from typing import TYPE_CHECKING, Any

import shared
from shared import clock, context, log, settings, tracing

if TYPE_CHECKING:
    import sentry_sdk

FRAME = ("filename", "function", "module", "lineno", "in_app")
# After a delivery that was late nobody waits for one for so long.
REST_SECONDS = 10.0

_clients: dict[str, sentry_sdk.Client] = {}
_lock = threading.Lock()
_rests_until = float("-inf")
_impossible = False


def report(error: Exception) -> None:
    """Send one exception, in the background. Never raises; that it isn't possible is said once."""
    global _impossible
    if _impossible:
        return
    try:
        client = _client(settings.get("SENTRY_DSN"))
    except ImportError:
        _impossible = True
        log.write("warning", event="Sentry is configured but not installed", install="shared/observability.txt")
    except Exception as failure:  # an address that is none
        _impossible = True
        log.write("warning", event="Sentry is configured but can't be", error=type(failure).__name__)
    else:
        try:
            client.capture_event(_event(error, client))  # type: ignore[arg-type]  # its Event is a TypedDict
            context.current().reported = True
        except Exception as failure:  # an exception that can't be looked at
            log.write("warning", event="exception not reported", error=type(failure).__name__)


def flush(until: float) -> None:
    """Wait for what was reported to be sent until `clock.seconds()` is so much; not at all where that was late."""
    global _rests_until
    if clock.seconds() < _rests_until:
        return
    seconds = until - clock.seconds()
    started = time.monotonic()
    # One at a time: the SDK makes them queue, however little time they have.
    if seconds > 0 and _lock.acquire(timeout=seconds):
        try:
            for client in _clients.values():
                client.flush(timeout=max(0.0, until - clock.seconds()))
        finally:
            _lock.release()
    if time.monotonic() - started >= seconds:
        _rests_until = clock.seconds() + REST_SECONDS
        log.write("warning", event="Sentry is late", waits_again_in_seconds=REST_SECONDS)


def _client(dsn: str) -> sentry_sdk.Client:
    made = _clients.get(dsn)
    if made is None:
        import sentry_sdk

        with _lock:
            made = _clients.get(dsn)
            if made is None:
                logging.getLogger("sentry_sdk").addHandler(logging.NullHandler())
                # A client of ours and not the SDK's global one: no library finds it.
                made = _clients[dsn] = sentry_sdk.Client(
                    dsn=dsn,
                    release=shared.__version__,
                    environment=settings.get("ENVIRONMENT"),
                    server_name="",
                    # None of its integrations: they patch libraries, slow the start, and collect what they see.
                    # Personal data is off by default; naming that option is deprecated, and warns.
                    default_integrations=False,
                    auto_enabling_integrations=False,
                    include_local_variables=False,
                    include_source_context=False,
                    max_breadcrumbs=0,
                    auto_session_tracking=False,
                    send_client_reports=False,
                    shutdown_timeout=0,
                )
    return made


def _event(error: Exception, client: sentry_sdk.Client) -> dict[str, Any]:
    from sentry_sdk.utils import event_from_exception

    event, _ = event_from_exception(error, client_options=client.options)
    request = context.current()
    span = tracing.active_span_id() or os.urandom(8).hex()
    return {
        "level": "error",
        "transaction": request.route,
        "tags": {
            "function": request.function,
            "route": request.route,
            "request_id": request.request_id,
            "trace_id": request.trace.id,
        },
        "contexts": {"trace": {"trace_id": request.trace.id, "span_id": span}},
        "exception": {"values": [_bare(raised) for raised in event["exception"]["values"]]},
    }


def _bare(raised: Any) -> dict[str, Any]:
    """One exception of a chain: its kind and where it was raised."""
    frames = (raised.get("stacktrace") or {}).get("frames", ())
    return {
        "type": raised.get("type"),
        "module": raised.get("module"),
        "stacktrace": {"frames": [{name: frame.get(name) for name in FRAME} for frame in frames]},
    }
