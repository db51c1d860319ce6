"""What the first document of a process costs: from its start to the PDF, and how much must be unpacked for it."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from statistics import median

from benchmarks.report import Report, ratio

ROUNDS = 5
REQUIREMENTS = Path(__file__).parents[1] / "functions" / "invoice" / "requirements.txt"
MADE = (
    "from functions.invoice.rendering import render; from tests.functions.invoice.making import content, line;"
    "render(content([line({name!r}, 119_000)]), logo=None, paid_on=None)"
)
CASES = {
    "the interpreter": "pass",
    "the function imported": "import functions.invoice.handler",
    "a PDF with XML, Latin": MADE.format(name="Hoodie"),
    "a PDF with XML, Arabic": MADE.format(name="بالونات"),
    "a PDF with XML, Chinese": MADE.format(name="云朵气球拱门"),
}
METHOD = (
    f"Wall time of a process that starts, does this and ends; medians of {ROUNDS} turns, bytecode there. `of bare`:\n"
    "beside the interpreter alone, the median of the turns' own ratios. What is unpacked is what the function needs,\n"
    "and what that needs: {size:.0f} MB of a million bytes. `make vercel` boots and times the bundle itself."
)


def run() -> Report:
    """Measure all, in turns."""
    turns = [{name: spent(code) for name, code in CASES.items()} for _ in range(ROUNDS + 1)][1:]
    bare = [turn["the interpreter"] for turn in turns]
    rows = []
    for name in CASES:
        found = [turn[name] for turn in turns]
        rows.append([name, f"{median(found):.0f}", f"{ratio(found, bare):.1f}"])
    return Report("The first invoice", METHOD.format(size=unpacked() / 1e6), ["ms", "wall", "of bare"], rows, [])


def spent(code: str) -> float:
    """Milliseconds that a process takes."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return (time.perf_counter() - began) * 1000


def unpacked() -> int:
    """Bytes of all distributions that the function stands on."""
    wanted = [line.partition("==")[0] for line in REQUIREMENTS.read_text().splitlines()]
    seen: set[str] = set()
    total = 0
    while wanted:
        name = wanted.pop().lower().replace("_", "-")
        try:
            found = distribution(name)
        except PackageNotFoundError:  # for another platform
            continue
        if name in seen:
            continue
        seen.add(name)
        total += sum(Path(file.locate()).stat().st_size for file in found.files or [] if Path(file.locate()).is_file())
        wanted += [re.split(r"[ ;<>=!~\[(]", each)[0] for each in found.requires or [] if "extra ==" not in each]
    return total
