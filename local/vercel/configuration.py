"""`vercel.json`, made from what each function says about itself: `python -m local.vercel.configuration` writes it.

All functions are services of one project, each with dependencies of its own.
"""

import importlib
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from local.state import ROOT
from shared.web import SECURITY_HEADERS, Function

FILE = ROOT / "vercel.json"
LONGEST_EXCLUDE = 256  # characters; the platform refuses more
# Bytecode goes into the bundles: three quarters of a cold start would be compiling. Off unless asked for.
BUILD_ENVIRONMENT = {"VERCEL_PYTHON_COMPILEALL": "1"}
# The functions send these themselves; here they are for what the platform answers without asking a function.
HEADERS = ("Referrer-Policy", "Strict-Transport-Security", "X-Content-Type-Options")


class Service(NamedTuple):
    """One function as the platform is told of it. `folder` and `entrypoint` are relative to the tree."""

    name: str
    folder: str
    max_duration_seconds: int
    memory_mb: int
    schedules: Mapping[str, str]

    @property
    def entrypoint(self) -> str:
        """The module whose `app` is served."""
        return f"{self.folder}/handler.py"


def services(tree: Path = ROOT) -> list[Service]:
    """Every function of the tree, in the order of their folders; with CRONS=0 in the environment, none is scheduled."""
    scheduled = os.environ.get("CRONS") != "0"
    found = []
    for path in sorted(tree.glob("functions/*/handler.py")):
        app: Function = importlib.import_module(f"functions.{path.parent.name}.handler").app
        folder = f"functions/{path.parent.name}"
        schedules = app.schedules if scheduled else {}
        found.append(Service(app.name, folder, app.max_duration_seconds, app.memory_mb, schedules))
    return found


def exclude(folder: str) -> str:
    """The pattern of what stays out of a function's bundle: all but `shared/` and the function's own folder.

    Without it everything is bundled, `.env` too. Raises ValueError where it gets longer than the platform takes.
    """
    parent, _, name = folder.rpartition("/")
    # uv.lock and pyproject.toml, which the builder writes, stay: what it leaves out is fetched by them at cold start.
    pattern = f"{{*,**/{{requirements.txt,.*}},!(shared|{parent})/**,{parent}/!({name})/**}}"
    if len(pattern) > LONGEST_EXCLUDE:
        raise ValueError(f"excludeFiles of {folder} has {len(pattern)} characters, {LONGEST_EXCLUDE} is the most")
    return pattern


def document(functions: Iterable[Service]) -> dict[str, Any]:
    """The content of `vercel.json` for these functions."""
    functions = list(functions)
    crons = [
        {"path": f"/api/{function.name}{path.rstrip('/')}", "schedule": schedule}
        for function in functions
        for path, schedule in function.schedules.items()
    ]
    return {
        "build": {"env": BUILD_ENVIRONMENT},
        "services": {function.name: service(function) for function in functions},
        # Two for each: the second pattern does not match /api/x itself.
        "rewrites": [
            {"source": f"/api/{function.name}{below}", "destination": {"service": function.name}}
            for function in functions
            for below in ("", "/(.*)")
        ],
        "headers": [
            {"source": "/(.*)", "headers": [{"key": name, "value": SECURITY_HEADERS[name]} for name in HEADERS]}
        ],
        **({"crons": crons} if crons else {}),
    }


def service(function: Service) -> dict[str, Any]:
    """One entry of `services`."""
    return {
        "root": ".",
        "runtime": "python",
        "framework": "python",  # it would guess, by words in any requirements.txt or pyproject.toml of the tree
        "entrypoint": function.entrypoint,
        "functions": {
            function.entrypoint: {
                "maxDuration": function.max_duration_seconds,
                "memory": function.memory_mb,
                "excludeFiles": exclude(function.folder),
            }
        },
    }


def text(functions: Iterable[Service]) -> str:
    """The file, as it is committed."""
    return json.dumps(document(functions), indent=2) + "\n"


if __name__ == "__main__":
    FILE.write_text(text(services()))
    print(f"{FILE.name} is up to date")
