"""Cold start in the platform's own runtime: built by its builder, booted by its bootstrap, asked once."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from benchmarks import cold
from benchmarks.report import Bound, Report, ratio
from local.stack import Stack
from local.state import ROOT
from local.vercel import building
from local.vercel.booting import boot
from local.vercel.building import Bundle
from local.vercel.toolchain import HERE, Missing
from tests.people import People

ROUNDS = 9
TITLE = "Cold start in the platform's own runtime"
METHOD = (
    "From starting a process to its first complete answer: bundles from the platform's builder, with bytecode, booted\n"
    f"by its runtime, against the embedded stack. In turns, {ROUNDS} rounds: medians; a ratio is the median of the\n"
    "rounds' own. MB: the bundle unpacked, a million bytes each, with the platform's own part (the empty function's)."
)
EMPTY, PLAIN = "empty", "plain"
MOST_OF_PLAIN = 0.5
MOST_MB = 25.0
# What plain_fastapi imports, in the versions that `make bench` installs.
PLAIN_REQUIREMENTS = ("fastapi", "supabase", "pydantic", "PyJWT")


def run() -> Report:
    """Build, boot and ask each in turns; without what that takes, a report that says what is missing."""
    with TemporaryDirectory() as folder:
        try:
            bundles = building.build(
                ROOT / ".local" / "bench" / "build",
                {EMPTY: HERE / EMPTY, PLAIN: plain(Path(folder))},
                only=("health", "auth", "workspaces"),
            )
        except Missing as missing:
            return Report(TITLE, f"Skipped: {missing}", ["first answer"], [], [])
        with Stack(Path(folder, "stack"), seed=False) as stack:
            token = People(stack.env).sign_up("Somebody").token
            # The plain app's HTTP client heeds proxies, the functions' doesn't: nobody goes through one.
            found = measured(bundles, token, {**stack.env, "NO_PROXY": "*"})
    return report(bundles, found)


def plain(folder: Path) -> Path:
    """The plain app as a service of its own."""
    service = folder / PLAIN
    service.mkdir()
    shutil.copy(ROOT / "benchmarks" / "plain_fastapi.py", service / "handler.py")
    pins = [
        line
        for name in ("requirements.txt", "tests/requirements.txt", "benchmarks/requirements.txt")
        for line in ROOT.joinpath(name).read_text().splitlines()
        if line.partition("==")[0] in PLAIN_REQUIREMENTS
    ]
    service.joinpath("requirements.txt").write_text("\n".join(pins) + "\n")
    return service


def measured(bundles: Mapping[str, Bundle], token: str, environment: Mapping[str, str]) -> dict[str, list[float]]:
    """Milliseconds by what was asked, in turns. The first round fills caches and doesn't count."""
    write = cold.new_workspace(token)
    signed_in = {"Authorization": f"Bearer {token}"}
    asked = {
        "the empty function": (EMPTY, "GET", f"/api/{EMPTY}", {}, None, 200),
        cold.PLAIN: (PLAIN, "POST", "/workspaces", write.headers, write.body, 201),
        "health, live": ("health", "GET", "/api/health?probe=live", {}, None, 200),
        "auth, who am I": ("auth", "GET", "/api/auth/me", signed_in, None, 200),
        write.name: ("workspaces", "POST", "/api/workspaces", write.headers, write.body, 201),
    }
    found: dict[str, list[float]] = {name: [] for name in asked}
    for number in range(ROUNDS + 1):
        for name, (bundle, method, path, headers, body, status) in asked.items():
            with boot(bundles[bundle], environment) as booted:
                answer = booted.request(method, path, headers, body)
                if answer.status != status:
                    raise RuntimeError(f"{name} answered {answer.status}: {answer.body[:500]!r}")
                if number and booted.first_answer_ms is not None:
                    found[name].append(booted.first_answer_ms)
    return found


def report(bundles: Mapping[str, Bundle], found: Mapping[str, list[float]]) -> Report:
    """Medians, and ratios to the plain app."""
    rows = []
    for name, times in found.items():
        of_plain = "" if name == cold.PLAIN else f"{ratio(times, found[cold.PLAIN]):.2f}"
        rows.append([name, f"{median(times):.0f}", f"{min(times):.0f}", f"{max(times):.0f}", of_plain])
    sizes = {name: bundle.size_bytes() / 1e6 for name, bundle in bundles.items()}
    rows += [[f"MB: {name}", f"{size:.1f}", "", "", ""] for name, size in sizes.items()]
    bounds = [
        Bound(f"{name}, of the plain app", ratio(found[name], found[cold.PLAIN]), MOST_OF_PLAIN)
        for name in ("auth, who am I", "workspaces, a new one")
    ]
    bounds += [Bound(f"MB of {name}", size, MOST_MB) for name, size in sizes.items() if name not in (EMPTY, PLAIN)]
    return Report(TITLE, METHOD, ["first answer", "ms", "min", "max", "of plain"], rows, bounds)
