"""Each millisecond of a signed-in call's cold start: where it goes, and that it all adds up."""

from __future__ import annotations

import json
import os
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from socket import create_connection, socket
from statistics import median
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

import jwt
import trustme

from benchmarks import cold, stages
from benchmarks.report import Bound, Report
from local.ports import listening
from local.stack import Stack
from tests.people import People

ROUNDS = 15
WHOLE, FLOOR, TLS = "whole", "floor", "TLS"
METHOD = (
    "POST /api/workspaces: signed in (HS256), one database call. A process of its own loads one stage after the other\n"
    "and notes the clock, also around the parts of its first request; what stages share counts for the first. Medians\n"
    f"of {ROUNDS} rounds, in turns with the same function untouched, an empty application, and the same call through\n"
    "a TLS server beside it, with all of the system's authorities to load."
)


def run() -> Report:
    """Measure it."""
    with TemporaryDirectory() as folder, Stack(Path(folder), seed=False) as stack:
        told = Path(folder, "told.json")
        token = People(stack.env).sign_up("Somebody").token
        whole = cold.new_workspace(token)
        taken_apart = replace(whole, program=f"from benchmarks.stages import serve; serve({{socket}}, {str(told)!r})")
        with tls_before(stack.env["SUPABASE_URL"], Path(folder)) as (url, authorities):
            plain = {**os.environ, **stack.env, "NO_PROXY": "*"}
            over_tls = {**plain, "SUPABASE_URL": url, "SSL_CERT_FILE": authorities}
            # A token's issuer is where the database is, so that there it needs another one.
            claims = {**jwt.decode(token, options={"verify_signature": False}), "iss": f"{url}/auth/v1"}
            another = cold.new_workspace(jwt.encode(claims, stack.env["SUPABASE_JWT_SECRET"], "HS256"))
            found: list[dict[str, float]] = []
            unexplained: list[float] = []
            for number in range(ROUNDS + 1):
                measured = cold.start(taken_apart, plain).answered_ms
                stages_ms = json.loads(told.read_text())
                untouched = cold.start(whole, plain).answered_ms
                floor = cold.start(cold.NOTHING, plain).answered_ms
                cold.start(replace(taken_apart, headers=another.headers), over_tls)
                tls = json.loads(told.read_text())[stages.CALL] - stages_ms[stages.CALL]
                interpreter = {stages.INTERPRETER: measured - sum(stages_ms.values())}
                if number:  # the first one fills caches
                    found.append({**interpreter, **stages_ms, WHOLE: untouched, FLOOR: floor, TLS: tls})
                    unexplained.append((untouched - measured) / untouched)
    return report({name: median(each[name] for each in found) for name in found[0]}, abs(median(unexplained)))


def report(found: dict[str, float], unexplained: float) -> Report:
    """The stages, their sum, and what they leave unexplained."""
    aside = {name: found.pop(name) for name in (WHOLE, FLOOR, TLS)}
    total = sum(found.values())
    rows = [
        *found.items(),
        ("their sum", total),
        ("what the timers cost, and noise", aside[WHOLE] - total),
        ("the whole, measured untouched", aside[WHOLE]),
        ("of it the floor: the same server, an empty application", aside[FLOOR]),
        ("TLS to the database would add", aside[TLS]),
    ]
    printed = [[name, f"{ms:.1f}", f"{ms / aside[WHOLE]:.0%}"] for name, ms in rows]
    return Report(
        "Where a signed-in call's cold start goes",
        METHOD,
        ["stage", "ms", "of the whole"],
        printed,
        [Bound("unexplained, of the whole, by rounds", unexplained, 0.1)],
    )


@contextmanager
def tls_before(upstream: str, folder: Path) -> Iterator[tuple[str, str]]:
    """A TLS server that passes everything on: its address, and a file of the system's authorities and its own."""
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    system = ssl.get_default_verify_paths().cafile
    authorities = folder / "authorities.pem"
    authorities.write_bytes((Path(system).read_bytes() if system else b"") + authority.cert_pem.bytes())
    target = urlsplit(upstream)
    with listening(0) as server:
        threading.Thread(target=accept, args=(server, context, (target.hostname, target.port)), daemon=True).start()
        yield f"https://127.0.0.1:{server.getsockname()[1]}", str(authorities)


def accept(server: socket, context: ssl.SSLContext, target: tuple[str, int]) -> None:
    """Serve until the socket is closed."""
    while True:
        try:
            client = context.wrap_socket(server.accept()[0], server_side=True)
        except ssl.SSLError:
            continue
        except OSError:
            return
        behind = create_connection(target)
        for source, sink in ((client, behind), (behind, client)):
            threading.Thread(target=pump, args=(source, sink), daemon=True).start()


def pump(source: socket, sink: socket) -> None:
    """Pass on what comes until one side ends."""
    try:
        while part := source.recv(65536):
            sink.sendall(part)
    except OSError:
        pass
    finally:
        sink.close()
