"""The platform's scheduler: calls what `vercel.json` schedules, when it is due."""

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Collection
from datetime import UTC, datetime
from pathlib import Path

from cronsim import CronSim

from local.service import Service

FIRST_SECONDS = 2.0
# A machine that slept is late by so much at most: what waits doesn't count while it sleeps.
NAP_SECONDS = 20.0
AGAIN_SECONDS = 1.0
LONGEST_SECONDS = 120.0


class Cron(Service):
    """A context manager: meanwhile each path is called by a thread of its own, so never while it is under way.

    `file` is a `vercel.json`; `url` is where its paths are. `at_start` are those called soon after the start too.
    """

    def __init__(self, file: Path, url: str, secret: str, *, at_start: Collection[str] = ()) -> None:
        self._crons = json.loads(file.read_text()).get("crons", []) if file.exists() else []
        self._url = url
        self._secret = secret
        self._at_start = at_start
        self._ended = threading.Event()

    def start(self) -> None:
        """Begin to call."""
        for cron in self._crons:
            # A daemon: what it waits for may take a minute, and the server that it has asked is about to end.
            threading.Thread(target=self._keep, args=(cron["path"], cron["schedule"]), daemon=True).start()

    def stop(self) -> None:
        """Call nothing more; what is under way goes on."""
        self._ended.set()

    def _keep(self, path: str, schedule: str) -> None:
        """Call one path whenever it is due, until the end."""
        if path in self._at_start and not self._ended.wait(FIRST_SECONDS):
            self._call(path)
        while self._wait(next(CronSim(schedule, _now()))):
            self._call(path)

    def _wait(self, due: datetime) -> bool:
        """Whether that moment came before the end."""
        while (seconds := (due - _now()).total_seconds()) > 0:
            if self._ended.wait(min(seconds, NAP_SECONDS)):
                return False
        return not self._ended.is_set()

    def _call(self, path: str) -> None:
        """One call, whatever is answered: the functions log it. Again while nobody answers: a server starts anew."""
        asked = urllib.request.Request(self._url + path, headers={"Authorization": f"Bearer {self._secret}"})  # noqa: S310
        while not self._ended.is_set():
            try:
                with urllib.request.urlopen(asked, timeout=LONGEST_SECONDS):  # noqa: S310 - our own address
                    return
            except urllib.error.HTTPError:
                return
            except OSError:
                self._ended.wait(AGAIN_SECONDS)


def _now() -> datetime:
    return datetime.now(UTC)
