"""`make bench`: run the benchmarks, print what they found."""

from __future__ import annotations

import argparse
import os
import sys
from importlib import import_module

NAMES = (
    "round_trips",
    "cpu",
    "cold",
    "platform_cold",
    "accounting",
    "flat",
    "pricing",
    "mail",
    "invoices",
    "typesetting_cold",
    "seeing",
    "balloons",
    "briefs",
)


def main() -> None:
    """Run those named, or all of them."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="|".join(NAMES), help="which ones; by default all")
    names = parser.parse_args().names or NAMES
    if unknown := set(names) - set(NAMES):
        parser.error(f"no benchmark is named {', '.join(sorted(unknown))}")
    os.environ["AI_PROVIDERS"] = "local"  # whose keys are in this environment pays for no measuring
    bounds = []
    for name in names:
        print(f"Measuring {name} …", file=sys.stderr, flush=True)
        report = import_module(f"benchmarks.{name}").run()
        print(report, flush=True)
        bounds += report.bounds
    missed = [bound for bound in bounds if not bound.met]
    print(f"{len(bounds) - len(missed)} of {len(bounds)} bounds met.", *missed, sep="\n")


if __name__ == "__main__":
    main()
