"""`make openapi`: write the OpenAPI document of all functions, for people and for the docs function to send.

`python -m local.openapi --check` only says whether what is there is up to date.
"""

import importlib
import json
import sys
from pathlib import Path

from local.state import ROOT
from shared.openapi import Documented, document

PLACES = (ROOT / "docs" / "openapi.json", ROOT / "functions" / "docs" / "openapi.json")


def functions() -> list[Documented]:
    """Every function, with its docstring and its `examples.json`."""
    return [documented(path.parent) for path in sorted(ROOT.glob("functions/*/handler.py"))]


def documented(folder: Path) -> Documented:
    """One function."""
    module = importlib.import_module(f"functions.{folder.name}.handler")
    about = (module.__doc__ or "").partition("\n")[0].partition(": ")[2].strip()
    examples = folder / "examples.json"
    return Documented(module.app, about, json.loads(examples.read_text()) if examples.exists() else {})


def text() -> str:
    """The document as it is committed."""
    return json.dumps(document(functions()), indent=2, ensure_ascii=False) + "\n"


def main() -> None:
    """Write it, or with `--check` compare."""
    made = text()
    if sys.argv[1:] == ["--check"]:
        stale = [place for place in PLACES if not place.exists() or place.read_text() != made]
        sys.exit(f"{stale[0].relative_to(ROOT)} is not up to date: make openapi" if stale else 0)
    for place in PLACES:
        place.parent.mkdir(exist_ok=True)
        place.write_text(made)


if __name__ == "__main__":
    main()
