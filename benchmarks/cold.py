"""Cold start: from starting a process to its first complete answer, each function in a process of its own."""

from __future__ import annotations

import base64
import compileall
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import urllib3

from benchmarks.report import Bound, Report, ratio
from benchmarks.round_trips import MAIL, tomorrow
from local.functions import FunctionsServer
from local.pictures import labels
from local.ports import listening
from local.stack import Stack
from local.state import ROOT
from tests.people import People

ROUNDS = 11
# A second of reading lettering tells nothing new eleven times over.
ROUNDS_WITH_MODELS = 3
METHOD = (
    "From starting a process to its first complete answer: Python, bytecode compiled beforehand, on the standard\n"
    "library's threaded server as on the platform (the plain app on uvicorn), against the embedded stack. In turns,\n"
    f"{ROUNDS} rounds (detect-local {ROUNDS_WITH_MODELS}): medians; a ratio is the median of the rounds' own. "
    "CPU is the process's, ended after\nthe answer."
)

FLOOR = "the bare floor: no application"
PLAIN = "plain FastAPI + supabase-py, a new workspace"
PLAIN_LIVE = "plain FastAPI + supabase-py, live"
# What each is compared with, and the most it may take of that.
WITH_DATABASE = (PLAIN, 0.5)
WORKSPACE = {"name": "Workshop", "time_zone": "Europe/Berlin", "currency": "EUR"}
LIVE = (PLAIN_LIVE, 0.25)


@dataclass(frozen=True)
class Variant:
    """A program to start, the request it answers first, and what that is compared with."""

    name: str
    program: str
    asked: str
    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    bound: tuple[str, float] | None = None
    rounds: int = ROUNDS


NOTHING = Variant(FLOOR, "from benchmarks.host import serve; serve('benchmarks.host', 'empty', {socket})", "GET /", 200)


@dataclass(frozen=True)
class Start:
    """One start, in milliseconds."""

    answered_ms: float
    cpu_ms: float


def run() -> Report:
    """Measure all of them."""
    for folder in ("shared", "functions", "benchmarks"):
        compileall.compile_dir(ROOT / folder, quiet=1)
    with (
        TemporaryDirectory() as folder,
        Path(os.devnull).open("wb") as nowhere,
        Stack(Path(folder), seed=False) as stack,
        FunctionsServer(stack.env, output=nowhere) as server,
    ):
        variants = prepared(stack, server.url)
        # The plain app's HTTP client heeds proxies, the functions' doesn't: nobody goes through one.
        found = measured(variants, {**os.environ, **stack.env, "API_URL": server.url, "NO_PROXY": "*"})
    return report(variants, found)


def prepared(stack: Stack, url: str) -> list[Variant]:
    """Everything to start, with somebody signed in and the first admin made."""
    person = People(stack.env).sign_up("Somebody")
    claim = as_json({"email": person.email, "token": stack.env["BOOTSTRAP_ADMIN_TOKEN"]})
    no_image = as_json({"image": base64.b64encode(b"not an image").decode()})
    in_json = {"Content-Type": "application/json"}
    signed_in = {"Authorization": f"Bearer {person.token}"}
    internal = {"Authorization": f"Bearer {stack.env['INTERNAL_TOKEN']}"}
    scheduler = {"Authorization": f"Bearer {stack.env['CRON_SECRET']}"}
    made = urllib3.request("POST", f"{url}/api/bootstrap-admin", body=claim, headers=in_json)
    assert made.status == 201, made.data

    plain = "from benchmarks.plain_fastapi import serve; serve({socket})"
    return [
        NOTHING,
        Variant(PLAIN_LIVE, plain, "GET /live", 200),
        Variant(PLAIN, plain, "POST /workspaces", 201, {**in_json, **signed_in}, as_json(WORKSPACE)),
        Variant("health, live", function("health"), "GET /api/health?probe=live", 200, bound=LIVE),
        Variant("health", function("health"), "GET /api/health", 200, bound=WITH_DATABASE),
        Variant(
            "bootstrap-admin, done before",
            function("bootstrap_admin"),
            "POST /api/bootstrap-admin",
            409,
            in_json,
            claim,
            WITH_DATABASE,
        ),
        Variant("auth, who am I", function("auth"), "GET /api/auth/me", 200, signed_in, bound=WITH_DATABASE),
        new_workspace(person.token),
        Variant(
            "email-service, a mail for tomorrow",
            function("email_service"),
            "POST /api/email-service",
            202,
            {**in_json, **signed_in},
            as_json({**MAIL, "send_at": tomorrow()}),
            WITH_DATABASE,
        ),
        Variant("jobs, watch", function("jobs"), "GET /api/jobs/watch", 200, scheduler, bound=WITH_DATABASE),
        Variant(
            "detect, of what is no image",
            function("detect"),
            "POST /api/detect",
            422,
            {**in_json, **signed_in},
            no_image,
            WITH_DATABASE,
        ),
        Variant(
            "detect-local, a small label",
            function("detect_local"),
            "POST /api/detect-local",
            200,
            internal,
            labels()[0].image,
            rounds=ROUNDS_WITH_MODELS,
        ),
    ]


def function(name: str) -> str:
    """The program that serves a function."""
    return f"from benchmarks.host import serve; serve('functions.{name}.handler', 'app', {{socket}})"


def new_workspace(token: str) -> Variant:
    """A signed-in, validated write with one database call."""
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
    path = "POST /api/workspaces"
    return Variant(
        "workspaces, a new one", function("workspaces"), path, 201, headers, as_json(WORKSPACE), WITH_DATABASE
    )


def as_json(content: object) -> bytes:
    return json.dumps(content).encode()


def measured(variants: list[Variant], environment: Mapping[str, str]) -> dict[str, list[Start]]:
    """All starts by variant, in turns. The first round fills caches and doesn't count."""
    found: dict[str, list[Start]] = {variant.name: [] for variant in variants}
    for number in range(ROUNDS + 1):
        for variant in variants:
            if number <= variant.rounds:
                found[variant.name].append(start(variant, environment))
    return {name: starts[1:] for name, starts in found.items()}


def start(variant: Variant, environment: Mapping[str, str]) -> Start:
    """Start it, and ask before it listens: the request waits in the socket."""
    with listening(0) as asked_at, socket.create_connection(asked_at.getsockname(), timeout=60) as client:
        client.sendall(request(variant))
        started = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-c", variant.program.format(socket=asked_at.fileno())],
            cwd=ROOT,
            env=environment,
            pass_fds=[asked_at.fileno()],
            stdout=subprocess.DEVNULL,
        )
        answer = b"".join(iter(lambda: client.recv(65536), b""))
        answered_ms = (time.perf_counter() - started) * 1000
        process.kill()
        _, _, usage = os.wait4(process.pid, 0)
        process.returncode = 0  # it was waited for, here
    status = answer.split(b" ", 2)[1:2]
    if status != [str(variant.status).encode()]:
        raise RuntimeError(f"{variant.name} answered {answer.decode(errors='replace')}")
    return Start(answered_ms, (usage.ru_utime + usage.ru_stime) * 1000)


def request(variant: Variant) -> bytes:
    """As it goes over the wire."""
    headers = {"Host": "127.0.0.1", "Connection": "close", "Content-Length": len(variant.body), **variant.headers}
    lines = [f"{variant.asked} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode() + variant.body


def report(variants: list[Variant], found: Mapping[str, list[Start]]) -> Report:
    """Medians, and ratios to the plain app."""
    answered = {name: [each.answered_ms for each in starts] for name, starts in found.items()}
    cpu = {name: [each.cpu_ms for each in starts] for name, starts in found.items()}
    rows = []
    bounds = []
    for variant in variants:
        name, times = variant.name, answered[variant.name]
        row = [
            name,
            f"{median(times):.0f}",
            f"{min(times):.0f}",
            f"{max(times):.0f}",
            "",
            f"{median(cpu[name]):.0f}",
            "",
        ]
        if variant.bound:
            beside, most = variant.bound
            of_plain = ratio(times, answered[beside])
            row[4], row[6] = f"{of_plain:.2f}", f"{ratio(cpu[name], cpu[beside]):.2f}"
            bounds.append(Bound(f"{name}, of the plain app", of_plain, most))
        rows.append(row)
    columns = ["first answer", "ms", "min", "max", "of plain", "CPU ms", "of plain"]
    return Report("Cold start", METHOD, columns, rows, bounds)
