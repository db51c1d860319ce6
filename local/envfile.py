"""The env file of a stack: what any tool needs to join, and the stack's own memory."""

import os
from collections.abc import Mapping
from pathlib import Path


def read(path: Path) -> dict[str, str]:
    """The settings in an env file; none when there is no file."""
    if not path.exists():
        return {}
    lines = (line.partition("=") for line in path.read_text().splitlines())
    return {name: value for name, equals, value in lines if equals and not name.startswith("#")}


def write(path: Path, settings: Mapping[str, str]) -> None:
    """Replace the file in one step; only its owner may read it, for it holds secrets."""
    draft = path.with_name(f"{path.name}.new")
    draft.touch(mode=0o600)
    draft.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
    os.replace(draft, path)
