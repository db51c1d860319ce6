"""One question to the first provider that gives a good answer, in time and within budget, whatever the capability.

The rules, in the order they bite (docs/decisions/0008-ai-providers.md):

- A provider is asked for at most `AI_TIMEOUT_SECONDS`, and nobody once `until` is nearer than a second.
- 429, 5xx and a broken connection are tried once more after a short, random wait; a timeout only where nobody else is
  left to ask, for time is what is scarce.
- An answer that doesn't fit goes back once, with what is wrong about it.
- Every call is reserved before and settled after.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Generic

from shared import clock, log, settings, tracing
from shared.ai import answers, ledger, providers
from shared.ai.answers import Answer, Invalid
from shared.ai.ledger import Asker, CircuitOpen
from shared.ai.prices import Price, price
from shared.ai.providers import Failure, Provider, Question, Words
from shared.errors import Problem

# Less is too short for any provider's answer.
LEAST_SECONDS = 1.0
# The wait before a second try: long enough for a hiccup to pass, random so that callers don't come back together.
WAIT_SECONDS = (0.1, 0.4)
# What is set aside for a picture of up to 1600 pixels: more than any of the providers counts for one.
PICTURE_TOKENS = 5_000
# What OpenTelemetry calls the providers that it calls otherwise.
TRACED_AS = {"gemini": "gcp.gemini", "openai_compatible": "openai"}
# A token is at least this many characters, in any script.
CHARACTERS_PER_TOKEN = 1
# Set aside a little longer than the call can take, so that settling finds it.
LEASE_MARGIN_SECONDS = 5


@dataclass
class Asked(Generic[Answer]):
    """What asking came to: an answer, if any, who gave it, what everybody together cost, and who failed before."""

    answer: Answer | None = None
    provider: str = ""
    model: str = ""
    cost_micro_usd: int = 0
    failures: Sequence[str] = ()  # "gemini: timeout"


def ask(
    question: Question, model: type[Answer], *, names: Sequence[str], capability: str, asker: Asker, until: float
) -> Asked[Answer]:
    """Ask these remote providers in turn, by `clock.seconds()` not beyond `until`.

    Raises `Problem` 402 or 429 where a budget is used up, 503 where the database or the settings fail.
    """
    asked: Asked[Answer] = Asked()
    failures = []
    for name in names:
        turn = _Turn(name, capability, asker, until, is_last=name == names[-1])
        try:
            asked.answer = turn.take(question, model)
            asked.provider, asked.model = name, turn.access.model
        except CircuitOpen:
            failures.append(f"{name}: circuit_open")
        except Failure as failure:
            failures.append(f"{name}: {failure.reason}")
        asked.cost_micro_usd += turn.cost_micro_usd
        if asked.answer is not None:
            break
    asked.failures = failures
    if failures:
        log.write("warning", event="AI providers failed", failures=failures, answered_by=asked.provider or None)
    return asked


class _Turn:
    """One provider's turn: up to two calls for a failure, up to two for an answer that doesn't fit."""

    def __init__(self, name: str, capability: str, asker: Asker, until: float, *, is_last: bool) -> None:
        self.access = providers.access(name)
        self.cost_micro_usd = 0
        self._name = name
        self._capability = capability
        self._asker = asker
        self._until = until
        self._is_last = is_last

    def take(self, question: Question, model: type[Answer]) -> Answer:
        """The provider's answer. Raises `Failure`, `CircuitOpen`, `Problem`."""
        retried = corrected = False
        while True:
            try:
                return self._call(question, model)
            except Failure as failure:
                if retried or not failure.retriable or (failure.reason == "timeout" and not self._is_last):
                    raise
                if self._left() < LEAST_SECONDS + WAIT_SECONDS[1]:
                    raise
                retried = True
                clock.sleep(random.uniform(*WAIT_SECONDS))  # noqa: S311 - not a secret
            except Invalid as invalid:
                if corrected or self._left() < LEAST_SECONDS:
                    raise Failure("answer_invalid") from None
                corrected = True
                question = replace(
                    question,
                    instructions=f"{question.instructions}\n\nYour first answer was refused:\n{invalid.errors}",
                )

    def _call(self, question: Question, model: type[Answer]) -> Answer:
        tariff = price(self.access.model)
        code = providers.module(self._name)
        seconds = min(settings.seconds("AI_TIMEOUT_SECONDS"), self._left())
        if seconds < LEAST_SECONDS:
            raise Failure("no_time_left")
        most = tariff.of(_most_input_tokens(question), question.most_output_tokens)
        call = ledger.reserve(
            self._asker, self._capability, self._name, self.access.model, most, int(seconds) + LEASE_MARGIN_SECONDS
        )
        started = clock.seconds()
        words: Words | None = None
        outcome, healthy = "broken", False
        try:
            words = self._asked(code, question, seconds)
            outcome, healthy = "answer_invalid", True
            answer = answers.parse(words.text, model)
            outcome = "answered"
            return answer
        except Failure as failure:
            words, outcome, healthy = failure.words, failure.reason, failure.healthy
            raise
        except Invalid:
            raise
        except Exception as error:  # an SDK met with what its authors didn't expect
            log.failure(error)
            raise Failure("answer_unreadable") from error
        finally:
            cost = _cost(words, tariff, most)
            self.cost_micro_usd += cost
            ledger.settle(
                call,
                outcome=outcome,
                healthy=healthy,
                micro_usd=cost,
                input_tokens=words.input_tokens if words else None,
                output_tokens=words.output_tokens if words else None,
                duration_ms=round((clock.seconds() - started) * 1000),
            )

    def _asked(self, code: Provider, question: Question, seconds: float) -> Words:
        """The call itself, followed: who was asked and how many tokens it took, never what was said."""
        from shared.ai.transport import bounded

        about: dict[str, str | int] = {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": TRACED_AS.get(self._name, self._name),
            "gen_ai.request.model": self.access.model,
            "gen_ai.request.max_tokens": question.most_output_tokens,
        }
        words: Words | None = None
        with tracing.Call(f"ai/{self._name}", f"chat {self.access.model}", about) as call:
            try:
                words = bounded(seconds, lambda client: code.ask(question, self.access, client, seconds))
                call.outcome = "answered"
            except Failure as failure:
                words, call.outcome = failure.words, failure.reason
                raise
            finally:
                counted = {
                    "gen_ai.usage.input_tokens": words.input_tokens if words else None,
                    "gen_ai.usage.output_tokens": words.output_tokens if words else None,
                }
                call.note({name: tokens for name, tokens in counted.items() if tokens is not None})
        return words

    def _left(self) -> float:
        return self._until - clock.seconds()


def _cost(words: Words | None, tariff: Price, most: int) -> int:
    """What a call came to: nothing where nothing came back, the most where nobody counted."""
    if words is None:
        return 0
    if words.input_tokens is None or words.output_tokens is None:
        return most
    return tariff.of(words.input_tokens, words.output_tokens)


def _most_input_tokens(question: Question) -> int:
    characters = len(question.instructions) + len(question.said) + len(str(question.schema))
    return characters // CHARACTERS_PER_TOKEN + (PICTURE_TOKENS if question.jpeg else 0)


def nobody(failures: Sequence[str]) -> Problem:
    """503: no provider answered, and there is nobody else."""
    detail = "No AI provider answered." if failures else "No AI provider is configured."
    return Problem(503, "ai_unavailable", detail, headers={"Retry-After": "30"})
