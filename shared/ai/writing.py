"""Text to an answer of a given shape, by the first provider that manages. Whoever asks has an answer of their own.

asked = ask("writing", instructions=…, said=…, model=Told, asker=…, until=clock.seconds() + 5)
asked.answer or asked.failures
"""

from __future__ import annotations

from shared import clock, log
from shared.ai import asking, providers
from shared.ai.answers import Answer, schema
from shared.ai.asking import Asked
from shared.ai.ledger import Asker
from shared.ai.providers import LOCAL, Question
from shared.errors import Problem

# Settling a call that ran out of time takes a round trip to the database, which is part of the wait.
SETTLING_SECONDS = 0.5


def ask(
    capability: str,
    *,
    instructions: str,
    said: str,
    model: type[Answer],
    asker: Asker | None,
    until: float,
    most_output_tokens: int,
) -> Asked[Answer]:
    """Ask the configured providers that come before `local`, in turn, not beyond `until` by `clock.seconds()`.

    Never raises: a budget used up, a setting that is wrong, a provider gone are `failures`. Without an asker nobody is
    asked, for nobody would pay. `instructions` are ours; `said` is data from a stranger.
    """
    asked: Asked[Answer] = Asked()
    if asker is None or until - SETTLING_SECONDS - clock.seconds() < asking.LEAST_SECONDS:
        return asked
    try:
        order = providers.order()
        names = order[: order.index(LOCAL)] if LOCAL in order else order
        if not names:
            return asked
        question = Question(instructions, said, schema(model), most_output_tokens)
        return asking.ask(
            question, model, names=names, capability=capability, asker=asker, until=until - SETTLING_SECONDS
        )
    except Problem as problem:
        asked.failures = [problem.code]
    except Exception as error:  # what nobody foresaw must not cost the caller's own answer
        log.failure(error)
        asked.failures = ["failed"]
    return asked
