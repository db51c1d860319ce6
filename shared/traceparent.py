"""W3C Trace Context: which trace a request belongs to, as `traceparent` and `tracestate` say it."""

from __future__ import annotations

import os
import re
from typing import NamedTuple

# version-trace-parent-flags. Versions after 00 may say more behind these; ff is none.
TRACEPARENT = re.compile(r"(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
TRACESTATE = re.compile(r"[\t\x20-\x7e]{1,512}")
MOST_STATES = 32
SAMPLED, RANDOM = 1, 2


class Trace(NamedTuple):
    """The trace that this request is part of. `parent`: the caller's span, empty where the trace begins here."""

    id: str
    parent: str = ""
    flags: int = 0
    state: str = ""

    def headers(self, span: str = "", flags: int | None = None) -> dict[str, str]:
        """What a call carries, made from this span; from a new one where nobody records them."""
        flags = self.flags if flags is None else flags
        sent = {"traceparent": f"00-{self.id}-{span or os.urandom(8).hex()}-{flags:02x}"}
        return {**sent, "tracestate": self.state} if self.state else sent


def begun() -> Trace:
    """A trace that begins here. Not sampled: whoever records it says otherwise."""
    return Trace(os.urandom(16).hex(), flags=RANDOM)


def received(traceparent: str, tracestate: str = "") -> Trace:
    """The trace that a caller sent; a new one where that isn't well-formed, which is never an error."""
    found = TRACEPARENT.fullmatch(traceparent)
    if found is None or (found[1] == "00" and found[5]):
        return begun()
    well_formed = TRACESTATE.fullmatch(tracestate) and tracestate.count(",") < MOST_STATES
    state = tracestate.strip() if well_formed else ""
    return Trace(found[2], found[3], int(found[4], 16) & (SAMPLED | RANDOM), state)
