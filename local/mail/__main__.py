"""`make mails`: write anew what is made from the mails' sources. `--check` only says whether it is up to date."""

import sys
from pathlib import Path

from local.mail import catalogs, markup
from local.state import ROOT


def main() -> None:
    """HTML first: some messages stand in MJML alone."""
    check = sys.argv[1:] == ["--check"]
    for path, html in markup.compiled().items():
        put(path, html.encode(), check)
    for file in catalogs.files():
        put(file, catalogs.updated(file), check)
        put(file.with_suffix(".mo"), catalogs.compiled(file), check)
        for message in catalogs.missing(file):
            print(f"{file.relative_to(ROOT)} lacks: {message}", file=sys.stderr)


def put(path: Path, content: bytes, check: bool) -> None:
    """Write it, or with `check` compare."""
    if not check:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    elif not path.exists() or path.read_bytes() != content:
        sys.exit(f"{path.relative_to(ROOT)} is not up to date: make mails")


if __name__ == "__main__":
    main()
