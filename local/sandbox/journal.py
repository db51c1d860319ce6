"""The append-only file that a restarted sandbox remembers by: a JSON document a line, each with its `kind`."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Json = dict[str, Any]


class Journal:
    """Written by one sandbox."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        whole = sum(length for _, length in lines(path, 0))
        self._file = path.open("ab", buffering=0)
        self._file.truncate(whole)  # of a sandbox that was killed, the last line may be half

    def append(self, records: list[Json]) -> None:
        """Write them all at once, so that nobody reads half of what belongs together; nothing once closed."""
        if not self._file.closed:
            self._file.write(b"".join(json.dumps(record).encode() + b"\n" for record in records))

    def read(self) -> Iterator[Json]:
        """Everything so far."""
        for line, _ in lines(self.path, 0):
            yield json.loads(line)

    def clear(self) -> None:
        """Forget everything."""
        self._file.truncate(0)

    def close(self) -> None:
        """Nothing more will be written."""
        self._file.close()


def lines(path: Path, offset: int) -> Iterator[tuple[bytes, int]]:
    """The whole lines from an offset on, each with its length in bytes; none when there is no file."""
    if not path.exists():
        return
    with path.open("rb") as file:
        file.seek(offset)
        for line in file:
            if not line.endswith(b"\n"):
                return
            yield line, len(line)
