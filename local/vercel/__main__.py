"""`make vercel`: builds the functions as the platform does, opens every bundle, boots and calls every function."""

import sys

from local.state import ROOT
from local.trouble import Trouble
from local.vercel import building, checking
from local.vercel.toolchain import HERE, Missing

PLACE = ROOT / ".local" / "vercel" / "build"


def main() -> int:
    """Print the table. 1 where something is wrong with a bundle or an answer."""
    print("Building the functions with the platform's builder", flush=True)
    try:
        bundles = building.build(PLACE, {checking.EMPTY: HERE / checking.EMPTY})
    except Missing as missing:
        print(f"Skipped: {missing}")
        return 0
    print(f"Opening, booting and calling {len(bundles)} of them", flush=True)
    checked = checking.check(bundles)
    print("", *checking.table(checked), "", *checking.remarks(checked), sep="\n")
    findings = [finding for each in checked for finding in each.findings]
    print(*findings or ["Every bundle holds what it should; every function answered."], sep="\n")
    return 1 if findings else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Trouble as trouble:
        sys.exit(str(trouble))
    except KeyboardInterrupt:
        sys.exit("interrupted")
