"""A TCP proxy that makes the network slow, and can hold a request or an answer back as a crash would."""

from __future__ import annotations

import asyncio
import threading
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

CHUNK_BYTES = 65536


class Proxy:
    """Forwards connections to `target`; each chunk of a request arrives `delay_seconds` after it was sent.

    Chunks follow each other at the pace they were sent, so that a request in two chunks is delayed once, not twice.
    `delay_seconds` may be changed at any time.
    """

    def __init__(self, target: str, *, delay_seconds: float = 0.05) -> None:
        self._host, self._port = urlsplit(target).hostname, urlsplit(target).port
        self.delay_seconds = delay_seconds
        self._requests_held: bytes | None = None
        self._answers_held: bytes | None = None
        self._loop = asyncio.new_event_loop()
        self._released = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="latency", daemon=True)
        self._ready = threading.Event()
        self._stopped = asyncio.Event()
        self.holding = threading.Event()
        """Set once something is held back."""
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def hold_requests(self, containing: bytes) -> None:
        """From now on keep back requests with these bytes in them, until `release`."""
        self._hold()
        self._requests_held = containing

    def hold_answers(self, to: bytes) -> None:
        """From now on deliver requests with these bytes in them, and keep back what is answered."""
        self._hold()
        self._answers_held = to

    def _hold(self) -> None:
        self._loop.call_soon_threadsafe(self._released.clear)
        self.holding.clear()

    def stop_holding(self) -> None:
        """Hold nothing new; what is held stays so."""
        self._requests_held = self._answers_held = None

    def release(self) -> None:
        """Deliver what was held back, however late."""
        self.stop_holding()
        self._loop.call_soon_threadsafe(self._released.set)

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._stopped.set)
        self._thread.join()

    def _run(self) -> None:
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    async def _serve(self) -> None:
        server = await asyncio.start_server(self._connect, "127.0.0.1", 0, backlog=512)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stopped.wait()
        server.close()
        connections = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in connections:
            task.cancel()
        await asyncio.gather(*connections, return_exceptions=True)

    async def _connect(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        answers = asyncio.Event()  # whether they may pass
        answers.set()
        to_target: asyncio.StreamWriter | None = None
        try:
            target, to_target = await asyncio.open_connection(self._host, self._port)
            ways = [self._requests(client, to_target, answers), self._answers(target, to_client, answers)]
            # Either end gone, the connection is: as it would be without us.
            _, others = await asyncio.wait(map(asyncio.ensure_future, ways), return_when=asyncio.FIRST_COMPLETED)
            for other in others:
                if not self.holding.is_set():
                    other.cancel()
            await asyncio.gather(*others, return_exceptions=True)
        except (OSError, asyncio.CancelledError):
            pass  # the target is away, or we end: the client sees its connection close
        finally:
            for writer in (to_client, to_target):
                if writer is not None:
                    writer.close()

    async def _requests(
        self, client: asyncio.StreamReader, to_target: asyncio.StreamWriter, answers: asyncio.Event
    ) -> None:
        sent: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

        async def receive() -> None:
            chunk = b"more"
            while chunk:
                try:
                    chunk = await client.read(CHUNK_BYTES)
                except OSError:
                    chunk = b""
                sent.put_nowait((self._loop.time() + self.delay_seconds, chunk))

        receiving = asyncio.ensure_future(receive())
        try:
            while True:
                due, chunk = await sent.get()
                if not chunk:
                    return
                await asyncio.sleep(due - self._loop.time())
                if self._requests_held and self._requests_held in chunk:
                    self.holding.set()
                    await self._released.wait()
                if self._answers_held and self._answers_held in chunk:
                    answers.clear()
                to_target.write(chunk)
                await to_target.drain()
        except OSError:
            return
        finally:
            receiving.cancel()

    async def _answers(
        self, target: asyncio.StreamReader, to_client: asyncio.StreamWriter, answers: asyncio.Event
    ) -> None:
        try:
            while chunk := await target.read(CHUNK_BYTES):
                if not answers.is_set():
                    self.holding.set()
                    await self._released.wait()
                to_client.write(chunk)
                await to_client.drain()
        except OSError:
            return
