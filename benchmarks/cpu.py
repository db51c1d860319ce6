"""CPU per warm request, and how much of it is spent in `shared`."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from types import FrameType
from typing import Any, Self
from uuid import uuid4

import jwt

from benchmarks.report import Bound, Report
from benchmarks.round_trips import environment
from local.ports import listening
from local.stack import Stack
from local.state import ROOT
from shared.web import Function
from tests.people import People

REQUESTS = 3000
WARM_UP = 50
MOST_MS = 0.5
METHOD = (
    f"{REQUESTS} requests of each kind in turns, called through WSGI in this process. A process beside it answers for\n"
    "Supabase, at once, what the embedded stack answered before. `all`: the median of the thread's CPU time, in which\n"
    "waiting doesn't count. The rows divide it by where the CPU profiling signal finds the program: in the innermost\n"
    "frame that isn't the standard library's, so that what `shared` has json or uuid do counts as its own, and what\n"
    "urllib3 does for it does not."
)
OWNERS = ("shared", "functions", "werkzeug", "pydantic", "urllib3")


@dataclass
class Kind:
    """Requests of one kind, and what was found of them."""

    name: str
    app: Function
    request: Callable[[], dict[str, Any]]
    status: str
    times_ms: list[float] = field(default_factory=list)
    samples: Counter[str] = field(default_factory=Counter)

    def spent_ms(self, owner: str) -> float:
        """Per request."""
        return median(self.times_ms) * self.samples[owner] / max(1, self.samples.total())


def run() -> Report:
    """Measure each kind."""
    with (
        TemporaryDirectory() as folder,
        Stack(Path(folder), seed=False) as stack,
        replaying(stack.env["SUPABASE_URL"]) as url,
        environment({**stack.env, "SUPABASE_URL": url}),
    ):
        writer, reader = (signed_anew(People(stack.env).sign_up().token, url) for _ in range(2))
        kinds = prepared(writer, reader)
        with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere):
            for kind in kinds * WARM_UP:
                call(kind)
            for kind in kinds:
                kind.times_ms.clear()
            with Sampling() as sampling:
                for _ in range(REQUESTS):
                    for kind in kinds:
                        sampling.into = kind.samples
                        call(kind)
    rows = [[owner, *(f"{kind.spent_ms(owner):.2f}" for kind in kinds)] for owner in OWNERS]
    rows.append(["all", *(f"{median(kind.times_ms):.2f}" for kind in kinds)])
    rows.append(["samples", *(str(kind.samples.total()) for kind in kinds)])
    return Report(
        "CPU per warm request",
        METHOD,
        ["ms", *(kind.name for kind in kinds)],
        rows,
        [Bound(f"CPU in shared, ms, {kind.name}", kind.spent_ms("shared"), MOST_MS) for kind in kinds],
    )


@contextmanager
def replaying(gateway: str) -> Iterator[str]:
    """Where `replay` answers for a gateway."""
    with listening(0) as asked_at:
        program = f"from benchmarks.replay import serve; serve({gateway!r}, {asked_at.fileno()})"
        process = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, pass_fds=[asked_at.fileno()])
        try:
            yield f"http://127.0.0.1:{asked_at.getsockname()[1]}"
        finally:
            process.kill()
            process.wait()


def signed_anew(token: str, url: str) -> str:
    """The same token, issued by Supabase at another address."""
    claims = jwt.decode(token, options={"verify_signature": False})
    return jwt.encode({**claims, "iss": f"{url}/auth/v1"}, os.environ["SUPABASE_JWT_SECRET"], "HS256")


def prepared(writer: str, reader: str) -> list[Kind]:
    """A write with two database round trips, a read with one, a probe with none. By two people's tokens."""
    workspaces, auth, health = (
        import_module(f"functions.{name}.handler").app for name in ("workspaces", "auth", "health")
    )
    body = json.dumps({"name": "Workshop", "time_zone": "Europe/Berlin", "currency": "EUR"}).encode()

    def write() -> dict[str, Any]:
        headers = {"CONTENT_TYPE": "application/json", "HTTP_IDEMPOTENCY_KEY": uuid4().hex}
        return environ("POST", "/api/workspaces", body=body, **headers, HTTP_AUTHORIZATION=f"Bearer {writer}")

    def read() -> dict[str, Any]:
        return environ("GET", "/api/auth/me", HTTP_AUTHORIZATION=f"Bearer {reader}")

    def probe() -> dict[str, Any]:
        return environ("GET", "/api/health", "probe=live")

    return [
        Kind("POST /workspaces, with a key", workspaces, write, "201 Created"),
        Kind("GET /auth/me", auth, read, "200 OK"),
        Kind("GET /health?probe=live", health, probe, "200 OK"),
    ]


def environ(method: str, path: str, query: str = "", body: bytes = b"", **headers: str) -> dict[str, Any]:
    """A request as a server hands it over."""
    return {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        **headers,
    }


def call(kind: Kind) -> None:
    """One request, timed."""
    answered: list[str] = []
    request = kind.request()
    started = time.thread_time()
    kind.app(request, lambda status, headers: answered.append(status))
    kind.times_ms.append((time.thread_time() - started) * 1000)
    if answered != [kind.status]:
        raise RuntimeError(f"{kind.name} answered {answered}")


class Sampling:
    """Counts where in a function's work the CPU is spent, `into` what is named at the moment."""

    def __init__(self) -> None:
        self.into: Counter[str] = Counter()

    def __enter__(self) -> Self:
        signal.signal(signal.SIGPROF, self._look)
        # One timer for the whole run: one started with each request would look at its later part only.
        signal.setitimer(signal.ITIMER_PROF, 0.001, 0.001)
        return self

    def __exit__(self, *_: object) -> None:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, signal.SIG_DFL)

    def _look(self, _: int, frame: FrameType | None) -> None:
        owner = None
        while frame is not None and frame.f_code is not Function.__call__.__code__:
            owner = owner or owner_of(frame.f_code.co_filename)
            frame = frame.f_back
        if frame is not None:
            self.into[owner or "shared"] += 1


def owner_of(path: str) -> str | None:
    """Whose a file is; None for the standard library's."""
    if path.startswith(str(ROOT)) and ".venv" not in path:
        return Path(path).relative_to(ROOT).parts[0]
    _, found, rest = path.partition("site-packages/")
    return rest.partition("/")[0] if found else None
