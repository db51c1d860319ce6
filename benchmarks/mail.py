"""What a mail costs: filling each template in, and one worker that delivers what waits."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import mean, median
from tempfile import TemporaryDirectory

import psycopg
from jinja2 import Environment
from psycopg.types.json import Jsonb

from benchmarks.report import Bound, Report, ratio
from functions.email_service import rendering, templates
from functions.email_service.rendering import Brand
from local.stack import Stack
from local.state import ROOT

ROUNDS = 50
TIMES = 5
OF_EACH = 200  # mails of each template
MOST_MS = 10.0
MOST_OF_FILLING = 2.0
EMPTY = "an empty template of Jinja2's"
METHOD = (
    f"Each template warm, with its sample: subject, HTML and text. Medians of {ROUNDS} rounds in turns, each the mean\n"
    f"of {TIMES}; a ratio is the median of the rounds' own. Then one worker, a process of its own, delivers {OF_EACH}\n"
    "mails of each template from the outbox to the sandbox, a hundred at a time: medians of the deliveries. The\n"
    "database, the gateway and the sandbox share the machine with it."
)
# How mails of nobody's workspace look, which are the ones delivered here: those have no limit of a day.
BRAND = Brand("Backroom")


def run() -> Report:
    """Measure both."""
    filled = filling()
    with TemporaryDirectory() as folder, Stack(Path(folder), seed=False) as stack:
        queue(stack)
        batches = delivered(stack)
        taken = stack.resend.counts(by=lambda mail: mail.tags["message"])
    if set(taken.values()) != {1} or len(taken) != OF_EACH * len(templates.NAMES):
        raise RuntimeError(f"{len(taken)} mails arrived, one of them {max(taken.values(), default=0)} times")
    rows = [
        [name, f"{median(times):.2f}", f"{ratio(times, filled[EMPTY]):.0f}" if name != EMPTY else ""]
        for name, times in filled.items()
    ]
    full = [(ms, cpu_ms) for mails, ms, cpu_ms in batches[1:] if mails == 100]
    each_ms, cpu_ms = (median(column) / 100 for column in zip(*full, strict=True))
    filling_ms = mean(median(times) for name, times in filled.items() if name != EMPTY)
    rows += [
        ["all of them, on average", f"{filling_ms:.2f}", ""],
        ["a mail delivered", f"{each_ms:.2f}", ""],
        ["of it the worker's own CPU", f"{cpu_ms:.2f}", ""],
        ["mails a second, one worker", f"{1000 / each_ms:.0f}", ""],
    ]
    slowest = max(median(times) for times in filled.values())
    return Report(
        "Mail",
        METHOD,
        ["filling in", "ms", "of an empty one"],
        rows,
        [
            Bound("the slowest template, ms", slowest, MOST_MS),
            # Of the CPU, for the rest is waiting for what shares the machine with it.
            Bound("CPU of a mail delivered, of filling it in", cpu_ms / filling_ms, MOST_OF_FILLING),
        ],
    )


def filling() -> dict[str, list[float]]:
    """Milliseconds to fill each template in. The first round loads them and doesn't count."""
    empty = Environment().from_string("")  # noqa: S701 - it shows nothing
    works: dict[str, Callable[[], object]] = {EMPTY: lambda: empty.render(brand=BRAND)}
    for name in templates.NAMES:
        template = templates.find(name)
        data = template.read(template.sample)
        works[name] = lambda template=template, data=data: rendering.render(template, data, BRAND)  # type: ignore[misc]
    found: dict[str, list[float]] = {name: [] for name in works}
    for number in range(ROUNDS + 1):
        for name, work in works.items():
            started = time.perf_counter()
            for _ in range(TIMES):
                work()
            if number:
                found[name].append((time.perf_counter() - started) * 1000 / TIMES)
    return found


def queue(stack: Stack) -> None:
    """Put the mails into the outbox."""
    samples = {name: templates.find(name).sample for name in templates.NAMES}
    with psycopg.connect(stack.database_url) as database:
        database.execute(
            """
            select private.queue_email(null, template, 'robin.' || n || '@example.com', data)
            from generate_series(1, %s) as n, jsonb_each(%s) as sample (template, data)
            """,
            [OF_EACH, Jsonb(samples)],
        )


def delivered(stack: Stack) -> list[tuple[int, float, float]]:
    """Of each delivery by one worker: mails, milliseconds, and the milliseconds of CPU that were the worker's own."""
    program = "from benchmarks.mail import worker; worker()"
    environment = {**os.environ, **stack.env}
    printed = subprocess.check_output([sys.executable, "-c", program], cwd=ROOT, env=environment, text=True)
    return [(mails, ms, cpu_ms) for mails, ms, cpu_ms in json.loads(printed.splitlines()[-1])]


def worker() -> None:
    """Deliver until nothing is due, and print what `delivered` gives."""
    from functions.email_service.delivering import deliver

    found = []
    while True:
        started, cpu = time.perf_counter(), time.process_time()
        done = deliver()
        if done.idle:
            break
        found.append((done.delivered, (time.perf_counter() - started) * 1000, (time.process_time() - cpu) * 1000))
    print(json.dumps(found))


if __name__ == "__main__":
    print(run())
