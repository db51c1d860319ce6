"""Boots a bundle with the platform's own runtime, which is in it, as the platform does on a cold start.

The platform starts the bundle's entry module with a Unix socket's path in the environment. The runtime imports the
function, listens on a port of its own choosing and says so on the socket; each request then comes over HTTP.
"""

import base64
import fcntl
import json
import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from types import MappingProxyType
from typing import Any

from local.trouble import Trouble
from local.vercel.building import Bundle

STARTS_WITHIN_SECONDS = 60
NOTHING: Mapping[str, str] = MappingProxyType({})
# Where the runtime puts, and looks for, what a large function fetches. It can't be told another place.
FETCHED = Path("/tmp/_vc_deps")  # noqa: S108


class BootFailed(Trouble):
    """A function did not start, or dropped a request. The message holds what it said."""


@dataclass(frozen=True)
class Answer:
    """One answer; `headers` by lower-case name; `took_ms` from sending the request to the last byte."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    took_ms: float

    def json(self) -> Any:
        """The body, which is JSON."""
        return json.loads(self.body)


@dataclass
class Booted:
    """A function that runs. `started_ms`: until it listened; `first_answer_ms`: until its first answer was complete."""

    name: str
    port: int
    started_ms: float
    first_answer_ms: float | None = None
    _began: float = 0.0
    _said: list[str] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    @property
    def url(self) -> str:
        """Where it answers: `<url>/api/<name>`."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def output(self) -> str:
        """What it has said so far: its log, and what went to its standard streams."""
        return "".join(self._said)

    def request(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str] = NOTHING,
        body: bytes | None = None,
        *,
        timeout_seconds: float = 60,
    ) -> Answer:
        """Send a request as the platform would. Raises BootFailed where the function gives no answer."""
        number = str(next(self._numbers))
        platform = {
            "x-vercel-internal-invocation-id": number,
            "x-vercel-internal-request-id": number,
            "x-real-ip": "127.0.0.1",
            "x-forwarded-for": "127.0.0.1",
        }
        connection = HTTPConnection("127.0.0.1", self.port, timeout=timeout_seconds)
        sent = time.perf_counter()
        try:
            connection.request(method, path, body, {**platform, **headers})
            reply = connection.getresponse()
            content = reply.read()
        except (OSError, HTTPException) as error:
            raise BootFailed(f"{self.name} gives {method} {path} no answer ({error!r}):\n{self.output}") from error
        finally:
            connection.close()
        ended = time.perf_counter()
        if self.first_answer_ms is None:
            self.first_answer_ms = (ended - self._began) * 1000
        shown = {name.lower(): value for name, value in reply.getheaders()}
        return Answer(reply.status, shown, content, (ended - sent) * 1000)


@contextmanager
def boot(bundle: Bundle, environment: Mapping[str, str]) -> Iterator[Booted]:
    """Boot it with these settings; it ends with the block. Raises BootFailed, with what it said."""
    configuration = json.loads(bundle.folder.joinpath(".vc-config.json").read_text())
    module = configuration["handler"].rpartition(".")[0]
    said: list[str] = []
    with TemporaryDirectory(prefix="vc") as folder, socket.socket(socket.AF_UNIX) as listening:
        path = os.path.join(folder, "ipc")
        listening.bind(path)
        listening.listen(1)
        began = time.perf_counter()
        process = subprocess.Popen(
            [bundle.python.path, "-c", f"import sys; sys.path.insert(0, ''); import {module}"],
            cwd=bundle.folder,
            env={
                "PATH": os.pathsep.join([str(bundle.python.path.parent), os.defpath]),
                "VERCEL": "1",
                **configuration["environment"],
                **environment,
                "VERCEL_IPC_PATH": path,
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        # Its own streams, read to their end, so that it never waits for us to read them.
        streams = threading.Thread(target=listen_to_streams, args=(process, said))
        streams.start()
        try:
            port = await_start(bundle.name, listening, process, said)
            yield Booted(bundle.name, port, (time.perf_counter() - began) * 1000, _began=began, _said=said)
        finally:
            process.kill()
            process.wait()
            streams.join()


def listen_to_streams(process: "subprocess.Popen[bytes]", said: list[str]) -> None:
    """Keep what the process writes until it ends."""
    if process.stdout is None:
        return
    with process.stdout:
        for line in process.stdout:
            said.append(line.decode(errors="replace"))


def await_start(name: str, listening: socket.socket, process: "subprocess.Popen[bytes]", said: list[str]) -> int:
    """The port on which the runtime says that it listens. What it says later is kept by a thread of its own."""
    deadline = time.monotonic() + STARTS_WITHIN_SECONDS
    listening.settimeout(0.05)
    while True:
        try:
            connection, _ = listening.accept()
            break
        except TimeoutError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise BootFailed(f"{name} does not start:\n{''.join(said)}") from None
    connection.settimeout(STARTS_WITHIN_SECONDS)
    messages = read_messages(connection)
    for message in messages:
        if message["type"] == "server-started":
            connection.settimeout(None)
            threading.Thread(target=keep_log, args=(messages, said), daemon=True).start()
            return int(message["payload"]["httpPort"])
        if message["type"] == "unrecoverable-error":
            raise BootFailed(f"{name} does not start:\n{message['payload']['message']}")
    raise BootFailed(f"{name} ended before it listened:\n{''.join(said)}")


def read_messages(connection: socket.socket) -> Iterator[dict[str, Any]]:
    """The runtime's messages: JSON, each ended by a zero byte."""
    unread = b""
    with connection:
        while chunk := connection.recv(65536):
            *whole, unread = (unread + chunk).split(b"\0")
            yield from map(json.loads, whole)


def keep_log(messages: Iterator[dict[str, Any]], said: list[str]) -> None:
    """Keep what the function logs, until it ends."""
    for message in messages:
        if message["type"] == "log":
            said.append(base64.b64decode(message["payload"]["message"]).decode(errors="replace"))


@contextmanager
def fetched(bundle: Bundle) -> Iterator[Path]:
    """What a large function fetches at cold start, fetched as its runtime does; gone with the block.

    Done beforehand because the runtime lets no settings through to its installer: behind a proxy it would fail here.
    The runtime, finding it done, goes on as on a warm start.
    """
    configuration = json.loads(bundle.folder.joinpath("_uv", "_runtime_config.json").read_text())
    kept = [option for name in configuration["bundledPackages"] for option in ("--no-install-package", name)]
    command = ["sync", "--inexact", "--active", "--frozen", "--no-dev", "--no-editable", "--no-install-project"]
    with open(Path(gettempdir(), "backroom-fetched.lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # there is one place for all
        shutil.rmtree(FETCHED, ignore_errors=True)
        site_packages = FETCHED / "lib" / f"python{bundle.python.version}" / "site-packages"
        site_packages.mkdir(parents=True)
        FETCHED.joinpath("pyvenv.cfg").write_text(f"home = {bundle.python.path.parent}\n")
        try:
            outcome = subprocess.run(
                [bundle.folder / "_uv" / "uv", *command, "--no-build", "--no-progress", *kept],
                cwd=bundle.folder / configuration["projectDir"],
                env={
                    **os.environ,
                    "PATH": os.pathsep.join([str(bundle.python.path.parent), os.defpath]),
                    "VIRTUAL_ENV": str(FETCHED),
                    "UV_PYTHON_DOWNLOADS": "never",
                    "UV_NATIVE_TLS": "1",
                },
                capture_output=True,
                text=True,
            )
            if outcome.returncode != 0:
                raise BootFailed(f"{bundle.name} can't fetch its dependencies:\n{outcome.stderr}")
            FETCHED.joinpath(".installed").touch()
            yield FETCHED
        finally:
            shutil.rmtree(FETCHED, ignore_errors=True)
