"""The local engine: a function of this deployment that needs no network and no key, and costs nothing."""

from __future__ import annotations

import json
from typing import NamedTuple

from shared import peers
from shared.errors import Problem, invalid


class Seen(NamedTuple):
    """What the engine says a picture shows, and the engine's name and version."""

    answer: dict[str, object]
    model: str


def see(jpeg: bytes, kind: str, *, seconds: float) -> Seen:
    """Ask detect-local. Raises `Problem` 503 when it is away, 422 for what it can't open."""
    reply = peers.call(f"detect-local?kind={kind}", jpeg, timeout_seconds=seconds)
    if reply.status == 422:
        raise invalid("/image", "image_unreadable", json.loads(reply.body)["detail"])
    if reply.status != 200:
        raise Problem(503, "engine_refused", "The local engine refuses this deployment's calls.")
    answer = reply.json()
    return Seen(answer, answer["model"])
