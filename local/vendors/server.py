"""The vendors' server, and what it is told and remembers."""

import json
import threading
import zlib
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from local.loopback import Loopback, Patient
from local.service import Service
from local.vendors.anthropic import Anthropic
from local.vendors.behaviours import (
    Behaviour,
    Compressed,
    Drops,
    Endless,
    Fails,
    Garbage,
    Hangs,
    Says,
    Trickles,
)
from local.vendors.formats import Asked, Format, Json, phrase
from local.vendors.gemini import Gemini
from local.vendors.openai_compatible import OpenAICompatible

FORMATS: list[Format] = [Gemini(), Anthropic(), OpenAICompatible()]
USUAL = Says({"items": [], "text": "", "confidence": 0.0})
PAGE = b"<!doctype html><html><title>502</title><h1>Bad gateway</h1></html>"
MEGABYTE = b" " * 2**20  # white space, which may stand before JSON


class Vendors(Service):
    """All three vendors behind one address; a context manager. Whoever still waits at its end is let go.

    `env` are the settings of whoever shall ask them. A request that shows the key and makes sense takes the next of
    the vendor's scripted behaviours; any other is refused as the vendor would.
    """

    url: str
    env: dict[str, str]

    def __init__(self) -> None:
        self._server: _Server | None = None
        self._lock = threading.Lock()
        self._open = {format.vendor: 0 for format in FORMATS}
        self.forget()

    def script(self, vendor: str, *behaviours: Behaviour) -> None:
        """Do these next, each for one request."""
        with self._lock:
            self._scripts[vendor].extend(behaviours)

    def always(self, vendor: str, behaviour: Behaviour) -> None:
        """Do this whenever nothing is scripted, instead of saying that nothing was seen."""
        with self._lock:
            self._usual[vendor] = behaviour

    def asked(self, vendor: str) -> list[Asked]:
        """Every request that made sense, in order, wrong keys included."""
        with self._lock:
            return list(self._asked[vendor])

    def most_at_once(self, vendor: str) -> int:
        """How many requests were open at the same time, at most."""
        with self._lock:
            return self._most[vendor]

    def forget(self) -> None:
        """Begin anew: nothing scripted, nothing asked."""
        with self._lock:
            self._scripts: dict[str, deque[Behaviour]] = {vendor: deque() for vendor in self._open}
            self._usual: dict[str, Behaviour] = dict.fromkeys(self._open, USUAL)
            self._asked: dict[str, list[Asked]] = {vendor: [] for vendor in self._open}
            self._most = dict(self._open)

    def note(self, asked: Asked) -> None:
        """Remember a request."""
        with self._lock:
            self._asked[asked.vendor].append(asked)

    def next(self, vendor: str) -> Behaviour:
        """What to do now."""
        with self._lock:
            return self._scripts[vendor].popleft() if self._scripts[vendor] else self._usual[vendor]

    @contextmanager
    def opened(self, vendor: str) -> Iterator[None]:
        """Count a request as open meanwhile."""
        with self._lock:
            self._open[vendor] += 1
            self._most[vendor] = max(self._most[vendor], self._open[vendor])
        try:
            yield
        finally:
            with self._lock:
                self._open[vendor] -= 1

    def start(self) -> None:
        """Serve, on any port."""
        self._server = _Server(self)
        self._server.start()
        self.url = self._server.url
        self.env = {
            name: value
            for format in FORMATS
            for name, value in (
                (f"{format.setting}_API_KEY", format.key),
                (f"{format.setting}_BASE_URL", self.url + format.base),
            )
        }

    def stop(self) -> None:
        """End it."""
        if self._server:
            self._server.stop()
            self._server = None


class _Server(Loopback):
    def __init__(self, vendors: Vendors) -> None:
        self.vendors = vendors
        super().__init__(0, _Handler)


class _Handler(Patient):
    server: _Server

    def do_POST(self) -> None:
        path = urlsplit(self.path).path
        content = self.rfile.read(int(self.headers["Content-Length"] or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        format = next((format for format in FORMATS if path.startswith(format.base + "/")), None)
        if format is None:
            self.wfile.write(_http(404, b"{}"))
            return
        path = path.removeprefix(format.base)
        if not format.path.fullmatch(path):
            self.wfile.write(_failure(format, 404, f"no such path: {path}"))
            return
        try:
            asked = format.asked(path, headers, json.loads(content))
        except (KeyError, TypeError, ValueError, AttributeError) as trouble:
            self.wfile.write(_failure(format, 400, f"invalid request: {trouble}"))
            return
        self.server.vendors.note(asked)
        if not format.admits(headers):
            self.wfile.write(_http(format.keyless, _json(format.wrong_key(headers))))
            return
        piece = b""
        with self.server.vendors.opened(format.vendor):
            for following in self._pieces(format, asked):
                self.wfile.write(piece)
                piece = following
        self.wfile.write(piece)  # whoever has all of an answer is not counted any more

    def _pieces(self, format: Format, asked: Asked) -> Iterator[bytes]:
        """What goes over the wire, piece by piece."""
        usual = _json(format.answer(asked, USUAL))
        match self.server.vendors.next(format.vendor):
            case Says() as says:
                self.pause(says.after_seconds)
                yield _http(200, _json(format.answer(asked, says)))
            case Fails(status, retry_after):
                yield _failure(format, status, phrase(status), retry_after)
            case Hangs():
                self.pause(None)
            case Drops():
                raise ConnectionAbortedError
            case Garbage():
                yield _http(200, PAGE, {"Content-Type": "text/html"})
            case Trickles(seconds, where):
                prompt = b"" if where == "headers" else _head(200, {"Content-Length": str(len(usual))})
                yield prompt
                for byte in _http(200, usual)[len(prompt) :]:
                    yield bytes([byte])
                    self.pause(seconds)
            case Compressed(megabytes):
                yield _http(200, _gzipped(megabytes, usual), {"Content-Encoding": "gzip"})
            case Endless(megabytes):
                yield _head(200, {"Transfer-Encoding": "chunked"})
                for _ in range(megabytes):
                    yield b"%x\r\n%b\r\n" % (len(MEGABYTE), MEGABYTE)
                yield b"0\r\n\r\n"


def _head(status: int, headers: dict[str, str]) -> bytes:
    """A status line and headers."""
    lines = {"Content-Type": "application/json", **headers}
    text = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"HTTP/1.1 {status} {phrase(status)}\r\n{text}\r\n".encode()


def _http(status: int, content: bytes, headers: dict[str, str] | None = None) -> bytes:
    """A whole answer."""
    return _head(status, {"Content-Length": str(len(content)), **(headers or {})}) + content


def _json(body: Json) -> bytes:
    return json.dumps(body).encode()


def _failure(format: Format, status: int, message: str, retry_after: float | str | None = None) -> bytes:
    body = format.error(status, message)
    headers = {} if retry_after is None else format.retry(retry_after, body)
    return _http(status, _json(body), headers)


def _gzipped(megabytes: int, ending: bytes) -> bytes:
    """White space and what follows it, in gzip's format."""
    packing = zlib.compressobj(level=1, wbits=zlib.MAX_WBITS | 16)
    return b"".join(
        [*(packing.compress(MEGABYTE) for _ in range(megabytes)), packing.compress(ending), packing.flush()]
    )
