"""Where a stack keeps its data, and whose it is."""

import fcntl
import shutil
from pathlib import Path
from typing import TextIO

from local.trouble import Trouble

ROOT = Path(__file__).resolve().parent.parent
DEFAULT_PORT = 3000


def folder(port: int) -> Path:
    """Of the stack of a port: `.local`, and `.local/<port>` for all ports but the default."""
    base = ROOT / ".local"
    return base if port == DEFAULT_PORT else base / str(port)


def hold(state: Path) -> TextIO:
    """Make the folder ours alone, until the file returned is closed or we end in any way.

    Raises Trouble when another run holds it.
    """
    try:
        state.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = (state / "lock").open("w")
    except PermissionError:
        raise Trouble(f"{state} belongs to another user: be that user, or remove it") from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        raise Trouble(f"a stack is running on {state}: stop that one first") from None
    return lock


def forget(state: Path) -> None:
    """Remove a stack's data; `.local` also holds the folders of other ports, which stay."""
    with hold(state):
        for path in state.iterdir():
            if path.is_dir() and not path.name.isdigit():
                shutil.rmtree(path)
            elif path.is_file() and path.suffix != ".lock":
                path.unlink()
