"""A short run of `make fuzz`, the same each time: what the document says of the functions is so."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from local.state import ROOT

SECONDS = 25


def test_schemathesis_finds_nothing(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.clients.fuzz", "--seconds", str(SECONDS), "--seed", "1"]
    ran = subprocess.run(
        [*command, "--folder", tmp_path],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=150,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "None was told more" in ran.stdout
