"""Opens, boots and calls every built function; the table of what was found."""

import contextlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import NamedTuple

from local.functions import FunctionsServer
from local.ports import free_port
from local.stack import Stack
from local.vercel import calling, contents
from local.vercel.booting import Booted, BootFailed, boot, fetched
from local.vercel.bounds import BUNDLED_MB, FETCHED_MB, bound
from local.vercel.building import Bundle
from local.vercel.calling import Call, Person, WrongAnswer

BOOTS = 5
EMPTY = "empty"
# The installer that the builder adds where something is fetched is the platform's, not the function's.
INSTALLER = "_uv/uv"


class Sizes(NamedTuple):
    """Of one function, unpacked, in MB of a million bytes; `fetched` comes at cold start."""

    own: float
    shared: float
    dependencies: float
    fetched: float

    @property
    def whole(self) -> float:
        """All of it."""
        return sum(self)


class Checked(NamedTuple):
    """One function: its sizes, the times until its first answer, and what is wrong with it."""

    name: str
    sizes: Sizes
    first_answers_ms: list[float]
    findings: list[str]

    @property
    def bound_is_met(self) -> bool:
        """Whether it is as small as it should be."""
        return self.sizes.whole <= bound(self.name).most_mb


def check(bundles: Mapping[str, Bundle], boots: int = BOOTS) -> list[Checked]:
    """Open, boot and call them all, on an embedded stack of their own; each `boots` times more, for the median.

    Functions that they call, or sign up at, and that aren't among them are served from the tree. The one called
    `empty` is only booted.
    """
    with (
        TemporaryDirectory(prefix="backroom") as folder,
        Path(os.devnull).open("wb") as nowhere,
        Stack(Path(folder), free_port(), seed=False) as stack,
        FunctionsServer(stack.env, output=nowhere) as server,
        contextlib.ExitStack() as standing,
    ):
        # Keys of whoever runs this must pay for nothing, so nothing of our own environment goes in.
        env = {**stack.env, "AI_PROVIDERS": "local", "AI_TIMEOUT_SECONDS": "30", "API_URL": server.url}
        places = {bundle.name: standing.enter_context(completed(bundle)) for bundle in bundles.values()}
        if "detect-local" in bundles:
            env["API_URL"] = standing.enter_context(boot(bundles["detect-local"], env)).url
        auth = Booted("auth", server.port, 0)
        if "auth" in bundles:
            auth = standing.enter_context(boot(bundles["auth"], env))
        person = calling.sign_up(auth)
        calls = {name: call_of(name, person, env) for name in bundles}
        found = {name: contents.check(bundle, places[name]) for name, bundle in bundles.items()}
        times: dict[str, list[float]] = {name: [] for name in bundles}
        # In turns: what else the machine does meets them all alike.
        for number in range(boots + 1):
            for name, bundle in bundles.items():
                if not found[name]:
                    try:
                        times[name].append(first_answer(bundle, calls[name], env, again=number > 0))
                    except (BootFailed, WrongAnswer) as error:
                        found[name].append(str(error))
        return [
            Checked(name, measure(bundle, places[name]), times[name][1:], found[name])
            for name, bundle in bundles.items()
        ]


def call_of(name: str, person: Person, env: Mapping[str, str]) -> Call:
    """What it is asked."""
    return Call("GET", "/", 200) if name == EMPTY else calling.call(name, person, env)


def first_answer(bundle: Bundle, call: Call, env: Mapping[str, str], *, again: bool) -> float:
    """Boot it and ask; milliseconds until the answer. The first time proves it, `again` is for the clock."""
    with boot(bundle, env) as running:
        call(running, again=again)
        return running.first_answer_ms or 0


@contextlib.contextmanager
def completed(bundle: Bundle) -> Iterator[Path | None]:
    """Where a large function's fetched dependencies are while it is used; None for all others."""
    if not bundle.fetches:
        yield None
        return
    with fetched(bundle) as place:
        yield place


def measure(bundle: Bundle, place: Path | None) -> Sizes:
    """Its sizes."""
    own, shared = bundle.size_bytes(bundle.source), bundle.size_bytes("shared")
    rest = bundle.size_bytes() - own - shared - bundle.size_bytes(INSTALLER)
    later = sum(path.stat().st_size for path in place.rglob("*") if path.is_file()) if place else 0
    return Sizes(*(size / 1e6 for size in (own, shared, rest, later)))


def table(checked: list[Checked]) -> list[str]:
    """What was found, as a Markdown table; times are medians, and beside those of a function that does nothing."""
    empty = next((median(each.first_answers_ms) for each in checked if each.name == EMPTY), None)
    lines = [
        "| function | MB | own | shared | dependencies | fetched | bound | cold start ms | of an empty one |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for each in checked:
        sizes = [f"{size:.1f}" if size else "" for size in each.sizes]
        time = median(each.first_answers_ms) if each.first_answers_ms else None
        limit = f"{bound(each.name).most_mb}{'' if each.bound_is_met else ': MISSED'}" if each.name != EMPTY else ""
        times = [f"{time:.0f}" if time else "", f"{time / empty:.1f}" if time and empty else ""]
        lines.append("| " + " | ".join([each.name, f"{each.sizes.whole:.1f}", *sizes, limit, *times]) + " |")
    return lines


def remarks(checked: list[Checked]) -> list[str]:
    """What the platform does with the larger ones."""
    found = []
    for each in checked:
        if each.sizes.whole > FETCHED_MB:
            found.append(f"{each.name} does not deploy: the platform takes {FETCHED_MB:.0f} MB at most.")
        elif each.sizes.fetched:
            found.append(
                f"{each.name}: what goes beyond {BUNDLED_MB:.0f} MB is fetched from the package index at cold start. "
                "That time is not in the one above, nor is bytecode, which fits the platform's own paths only."
            )
    return found
