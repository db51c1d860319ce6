"""A picture to an answer of a given shape, by the first provider that manages, and who that was.

seen = see(picture, instructions=…, said=…, model=Sighting, kind="pantry", asker=…)
seen.answer, seen.provider, seen.cost_micro_usd, seen.fallback_reason
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic

from shared import clock, images
from shared.ai import asking, local, providers
from shared.ai.answers import Answer, schema
from shared.ai.asking import Asked
from shared.ai.ledger import Asker
from shared.ai.providers import LOCAL, Question

if TYPE_CHECKING:
    from PIL import Image

# What a person waits for at most where a provider is asked, in seconds; the last part is the local
# engine's. Where nobody else is asked there is no fallback to keep time for, and the engine may be starting.
WHOLE = 9.5
OF_WHICH_LOCAL = 2.5
LOCAL_ALONE = 25.0
# Long sides in pixels: what a provider is sent, and the local engine, which looks closer for small barcodes.
REMOTE_SIDE = 1600
LOCAL_SIDE = 3200
MOST_OUTPUT_TOKENS = 4096


@dataclass(frozen=True)
class Seen(Generic[Answer]):
    """An answer with its provenance. `fallback_reason`: who was asked first and why that failed; None if nobody was."""

    answer: Answer
    provider: str
    model: str
    cost_micro_usd: int
    fallback_reason: str | None


def see(
    picture: Image.Image,
    *,
    instructions: str,
    said: str,
    model: type[Answer],
    kind: str,
    asker: Asker,
    started: float,
    local_only: bool = False,
) -> Seen[Answer]:
    """What the picture shows, in the shape of `model`. It leaves re-encoded: small, and without metadata.

    `started`: when, by `clock.seconds()`, the person began to wait.

    Raises `Problem` 402 or 429 (budget), 503 (nobody answers).
    """
    order = [LOCAL] if local_only else providers.order()
    before_local = order[: order.index(LOCAL)] if LOCAL in order else order
    asked: Asked[Answer] = Asked()
    if before_local:
        question = Question(
            instructions=instructions,
            said=said,
            schema=schema(model),
            most_output_tokens=MOST_OUTPUT_TOKENS,
            jpeg=images.jpeg(picture, REMOTE_SIDE),
        )
        until = started + WHOLE - (OF_WHICH_LOCAL if LOCAL in order else 0)
        asked = asking.ask(question, model, names=before_local, capability="seeing", asker=asker, until=until)
    reason = "; ".join(asked.failures) or None
    if asked.answer is not None:
        return Seen(asked.answer, asked.provider, asked.model, asked.cost_micro_usd, reason)
    if LOCAL not in order:
        raise asking.nobody(asked.failures)
    seconds = max(started + WHOLE - clock.seconds(), OF_WHICH_LOCAL / 2) if before_local else LOCAL_ALONE
    answer, engine = local.see(images.jpeg(picture, LOCAL_SIDE), kind, seconds=seconds)
    found = {name: answer[name] for name in model.model_fields if name in answer}
    return Seen(model.model_validate(found, strict=False), LOCAL, engine, asked.cost_micro_usd, reason)
