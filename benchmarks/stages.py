"""A function whose start is taken apart: it notes the clock between its imports, and around the parts of one request.

The stages are imported one after the other, so that what two of them share counts for the first.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

SPANS: list[tuple[str, float]] = []  # a stage's name, and the seconds it took
_began = time.perf_counter()  # the process's first line of ours

FUNCTION = "functions.workspaces.handler"
INTERPRETER = "process, interpreter"
SERVER = "the server that the platform brings"
STAGES = {
    SERVER: "import benchmarks.host",
    "urllib3": "import urllib3",
    "pydantic": "from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationError",
    "werkzeug": "import werkzeug.exceptions, werkzeug.routing, werkzeug.wsgi",
    "shared": "import shared.database, shared.models, shared.tokens, shared.web",
}
OWN = "the function: its models, its routes"
TOKEN = "the access token"
BUILDING = "building the two models of the call"
CALL = "the database call"
REST = "routing, binding, rendering, the log"
SERVING = "accepting, parsing HTTP, answering"


def serve(listening: int, told: str) -> None:
    """Import `FUNCTION` stage by stage, answer one request, then write `{stage: ms}` to the file `told`."""
    for name, statement in {**STAGES, OWN: f"import {FUNCTION}"}.items():
        with_clock(name, partial(exec, statement, {}))
    import json
    import sys
    from pathlib import Path

    import pydantic

    import benchmarks.host
    import shared.auth
    import shared.gateway

    timed(shared.auth, "authenticate", TOKEN)
    timed(shared.gateway, "send", CALL)
    rebuild: Any = vars(pydantic.BaseModel)["model_rebuild"].__func__
    pydantic.BaseModel.model_rebuild = classmethod(  # type: ignore[assignment]
        lambda cls, **options: with_clock(BUILDING, lambda: rebuild(cls, **options))
    )
    function = sys.modules[FUNCTION].app

    def application(environ: Any, start_response: Any) -> Iterable[bytes]:
        before = sum(seconds for _, seconds in SPANS)
        started = time.perf_counter()
        answer: Iterable[bytes] = function(environ, start_response)
        ended = time.perf_counter()
        SPANS.append((REST, ended - started - sum(seconds for _, seconds in SPANS) + before))
        found = {name: sum(seconds for other, seconds in SPANS if other == name) * 1000 for name, _ in SPANS}
        Path(told).write_text(json.dumps({**found, SERVING: (ended - _began) * 1000 - sum(found.values())}))
        return answer

    sys.modules["benchmarks.stages"].application = application  # type: ignore[attr-defined]
    benchmarks.host.serve("benchmarks.stages", "application", listening)


def with_clock(name: str, work: Callable[[], Any]) -> Any:
    """What `work` gives, its time noted; without the time of what is noted inside it."""
    before = sum(seconds for _, seconds in SPANS)
    started = time.perf_counter()
    try:
        return work()
    finally:
        inside = sum(seconds for _, seconds in SPANS) - before
        SPANS.append((name, time.perf_counter() - started - inside))


def timed(module: Any, function: str, name: str) -> None:
    """Have the clock noted around a module's function."""
    original = getattr(module, function)
    setattr(module, function, lambda *given, **named: with_clock(name, lambda: original(*given, **named)))
