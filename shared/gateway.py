"""HTTP to Supabase: one connection pool for the process, no identity kept between calls.

`urllib3` and not `httpx` or the `supabase` packages: see docs/decisions/0002-thin-supabase-client.md. The first call
loads it: a probe that calls nobody starts a third faster without it.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from shared import context, settings, tracing
from shared.errors import unavailable

if TYPE_CHECKING:
    import urllib3

CONNECT_SECONDS = 2.0
READ_SECONDS = 8.0

_pool: urllib3.PoolManager | None = None
_pool_lock = threading.Lock()


class Reply(NamedTuple):
    """What came back, whatever its status."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The body as JSON; None when it is empty or not JSON."""
        try:
            return json.loads(self.body) if self.body else None
        except (ValueError, RecursionError):
            return None


def pool() -> urllib3.PoolManager:
    """The process's connection pool. Threads share its connections; each call brings its own identity."""
    global _pool
    if _pool is None:
        import urllib3

        with _pool_lock:
            if _pool is None:
                _pool = urllib3.PoolManager(
                    maxsize=64,
                    # A connection that could not be made sent nothing: one more try is safe. Reading is not retried.
                    retries=urllib3.Retry(1, connect=1, read=0, redirect=0, status=0, other=0),
                    timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=READ_SECONDS),
                )
    return _pool


def send(
    method: str,
    path: str,
    *,
    token: str | None = None,
    secret: bool = False,
    payload: object = None,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    read_seconds: float = READ_SECONDS,
) -> Reply:
    """Call Supabase at `path` (`/rest/v1/…`, `/auth/v1/…`, `/storage/v1/…`).

    As the person whose access `token` is given; as the service with `secret=True`; else as nobody. `payload` is sent as
    JSON, `body` as it is. Raises `Problem` 503 when Supabase cannot be reached or doesn't answer in time.
    """
    import urllib3

    key = settings.get("SUPABASE_SECRET_KEY" if secret else "SUPABASE_PUBLISHABLE_KEY")
    sent = {"apikey": key, "X-Request-Id": context.current().request_id, **(headers or {})}
    if token is not None:
        sent["Authorization"] = f"Bearer {token}"
    elif not key.startswith("sb_"):  # a key of the older kind is itself a token
        sent["Authorization"] = f"Bearer {key}"
    if payload is not None:
        body = json.dumps(payload, separators=(",", ":")).encode()
        sent["Content-Type"] = "application/json"
    operation, about = _described(method, path)
    try:
        with tracing.Call(operation, f"{method} {operation}", about) as call:
            response = pool().request(
                method,
                settings.get("SUPABASE_URL").rstrip("/") + path,
                body=body,
                headers={**sent, **call.headers},
                timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=read_seconds),
            )
            call.outcome = response.status
    except urllib3.exceptions.HTTPError as error:
        raise unavailable("upstream_unavailable", "A service we stand on is away. Try again shortly.") from error
    return Reply(response.status, response.headers, response.data)


def _described(method: str, path: str) -> tuple[str, dict[str, str]]:
    """What a call is named (`rpc/begin_request`, `workspaces`, `auth/token`, `storage/object`) and its attributes.

    Never an id, a filter or a file's name.
    """
    service, _, rest = path.partition("?")[0].removeprefix("/").partition("/v1/")
    first, _, second = rest.partition("/")
    about = {"http.request.method": method, "backroom.supabase": service}
    if service != "rest":
        return f"{service}/{first}", about
    about["db.system.name"] = "postgresql"
    if first == "rpc":
        return f"rpc/{second}", {**about, "db.stored_procedure.name": second}
    return first, {**about, "db.collection.name": first}
