"""The functions' server as a process of ours."""

import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from signal import SIGTERM
from typing import IO

from local.lifeline import tethered
from local.ports import claimed
from local.service import Service
from local.state import ROOT
from local.trouble import Trouble


class FunctionsServer(Service):
    """Serves all functions on `port` (0: any) with a stack's settings; a context manager.

    Without `reload` the socket is opened here and handed over, so no other process can slip in.
    `mail` is the stack's mailbox, for its page; `output` takes what the server prints.
    """

    def __init__(
        self,
        env: Mapping[str, str],
        port: int = 0,
        *,
        functions: Path = ROOT / "functions",
        mail: Path | None = None,
        reload: bool = False,
        output: IO[bytes] | None = None,
    ) -> None:
        self.port = port
        self._env = env
        self._arguments = ["--functions", str(functions)]
        self._arguments += ["--mail", str(mail)] if mail else []
        self._arguments += ["--reload"] if reload else []
        self._reload = reload
        self._output = output
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where the functions are: `<url>/api/<name>`."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it; returns when it answers. Raises Trouble when the port is taken."""
        with claimed(self.port) as socket:
            self.port = socket.getsockname()[1]
            if not self._reload:
                self._launch(socket.fileno())
        if self._reload:  # the reloader opens its socket itself
            self._launch(None)
        self._await_answer()

    @property
    def running(self) -> bool:
        """Whether it still is."""
        return self._process is not None and self._process.poll() is None

    @property
    def process_id(self) -> int:
        """Of the server while it runs."""
        if self._process is None:
            raise Trouble("the functions' server does not run")
        return self._process.pid

    def stop(self) -> None:
        """End it, and what it is doing."""
        if self._process is not None:
            if self._process.stdin:
                self._process.stdin.close()
            self._process.wait()
            self._process = None

    def _launch(self, socket: int | None) -> None:
        command = [sys.executable, "-m", "local.server", "--port", str(self.port), *self._arguments]
        if socket is not None:
            command += ["--listening", str(socket)]
        self._process = tethered(
            command,
            at_the_end=SIGTERM,
            stdout=self._output,
            stderr=self._output,
            env={**os.environ, "PYTHONPATH": str(ROOT), **self._env, "API_URL": self.url},
            pass_fds=() if socket is None else (socket,),
        )

    def _await_answer(self) -> None:
        while self.running:
            try:
                with urllib.request.urlopen(self.url, timeout=60):  # noqa: S310 - our own address
                    return
            except OSError:
                time.sleep(0.02)
        self.stop()
        raise Trouble("the functions' server does not start: see what it says above")
