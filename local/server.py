"""All functions on one port: `python -m local.server --port …`, a stack's settings around it.

The platform gives each function a process of its own; here one dispatcher hands each request, its
environ untouched, to the function that the path names.
"""

import argparse
import importlib
import json
import logging
import os
import sys
import traceback
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from werkzeug.serving import WSGIRequestHandler, is_running_from_reloader, make_server, run_simple

from local import envfile
from local.pages import Pages
from local.state import ROOT

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment


class Application(Protocol):
    """What a handler module calls `app`."""

    name: str

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse", /) -> Iterable[bytes]: ...


class Problem:
    """A function that can only say what is wrong, as RFC 9457 has it."""

    def __init__(self, name: str, status: str, code: str, detail: str) -> None:
        self.name = name
        self._status = status
        number, _, title = status.partition(" ")
        document = {"type": "about:blank", "title": title, "status": int(number)}
        self._body = json.dumps({**document, "detail": detail, "code": code}).encode()

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse", /) -> Iterable[bytes]:
        headers = [("Content-Type", "application/problem+json")]
        start_response(self._status, [*headers, ("Content-Length", str(len(self._body)))])
        return [self._body]


UNKNOWN = Problem("", "404 Not Found", "not_found", "There is no such function.")


def load(folder: Path) -> dict[str, tuple[Application, str]]:
    """Import every `<folder>/<name>/handler.py`: its app and first docstring line by URL name.

    One that fails says so on the console and answers 503; the others work.
    """
    sys.path[:0] = [str(folder.parent)]
    found: dict[str, tuple[Application, str]] = {}
    for path in sorted(folder.glob("*/handler.py")):
        module_name = f"{folder.name}.{path.parent.name}.handler"
        try:
            module = importlib.import_module(module_name)
            app: Application = module.app
            about = (module.__doc__ or "").strip().partition("\n")[0]
        except Exception:
            traceback.print_exc()
            about = f"{module_name} could not be imported: its traceback is on the console."
            name = path.parent.name.replace("_", "-")
            app = Problem(name, "503 Service Unavailable", "import_failed", about)
        found[app.name] = app, about
    return found


class Functions:
    """`/api/<name>` and all below it go to the function of that name; the rest is local pages."""

    def __init__(self, functions: dict[str, tuple[Application, str]], pages: Application) -> None:
        self._functions = functions
        self._pages = pages

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse", /) -> Iterable[bytes]:
        root, _, rest = environ["PATH_INFO"].lstrip("/").partition("/")
        if root != "api":
            return self._pages(environ, start_response)
        app, _ = self._functions.get(rest.partition("/")[0], (UNKNOWN, ""))
        return app(environ, start_response)


class Quiet(WSGIRequestHandler):
    """Functions log each request themselves, as one JSON line."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing."""


def main() -> None:
    """Serve until ended."""
    parser = argparse.ArgumentParser(prog="python -m local.server", description=__doc__)
    parser.add_argument("--functions", type=Path, default=ROOT / "functions", help="their folder")
    parser.add_argument("--env-file", type=Path, help="a stack's, for one started by hand")
    parser.add_argument("--mail", type=Path, help="where the stack puts mails")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--listening", type=int, metavar="FD", help="an open socket to serve on")
    parser.add_argument("--reload", action="store_true", help="start anew when a file changes")
    options = parser.parse_args()
    if options.env_file:
        # The file wins: an address from elsewhere must not get what is meant for this stack.
        os.environ.update(envfile.read(options.env_file))

    def application() -> Functions:
        functions = load(options.functions)
        about = {name: text for name, (_, text) in functions.items()}
        return Functions(functions, Pages(about, options.mail))

    if not options.reload:
        make_server(
            "127.0.0.1",
            options.port,
            application(),
            threaded=True,
            request_handler=Quiet,
            fd=options.listening,
        ).serve_forever()
        return
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    run_simple(
        "127.0.0.1",
        options.port,
        # The outer of the reloader's two processes only watches over the inner, which serves.
        application() if is_running_from_reloader() else UNKNOWN,
        threaded=True,
        use_reloader=True,
        request_handler=Quiet,
        exclude_patterns=[str(ROOT / name / "*") for name in ("tests", "benchmarks", ".local")],
        extra_files=[
            str(path)
            for folder in (options.functions, ROOT / "shared")
            for path in folder.rglob("*")
            if path.is_file() and path.suffix not in (".py", ".pyc")
        ],
    )


if __name__ == "__main__":
    main()
