"""What a vendor can be told to do with a request."""

import json
from dataclasses import dataclass
from typing import Literal, TypeAlias


@dataclass(frozen=True)
class Says:
    """Answers, the way the vendor does.

    `answer` is what the model wrote: a string as it is, anything else as JSON. `finish` is why it stopped: "length"
    cuts JSON in half; "refused" is the model that declines, "blocked" the filter around it (Anthropic knows one of
    them). `thought_tokens` are billed as output, on top of `output_tokens`.
    """

    answer: object
    input_tokens: int = 900
    output_tokens: int = 120
    after_seconds: float = 0.0
    finish: Literal["normal", "length", "refused", "blocked"] = "normal"
    thought_tokens: int = 0

    @property
    def text(self) -> str:
        """What the model wrote."""
        if isinstance(self.answer, str):
            return self.answer
        text = json.dumps(self.answer, ensure_ascii=False)
        return text[: len(text) // 2] if self.finish == "length" else text


@dataclass(frozen=True)
class Fails:
    """Answers with this status and the vendor's error body.

    `retry_after` are seconds, or what else the header shall say; Gemini says it in the body instead.
    """

    status: int
    retry_after: float | str | None = None


@dataclass(frozen=True)
class Hangs:
    """Never answers."""


@dataclass(frozen=True)
class Trickles:
    """Answers as usual, a byte at a time: all of it, or the body after proper headers."""

    seconds_per_byte: float = 1.0
    where: Literal["headers", "body"] = "headers"


@dataclass(frozen=True)
class Drops:
    """Closes the connection without a word."""


@dataclass(frozen=True)
class Garbage:
    """Answers 200 with a proxy's page."""


@dataclass(frozen=True)
class Compressed:
    """Answers as usual, but after so many megabytes of white space, which gzip makes a thousandth of."""

    megabytes: int


@dataclass(frozen=True)
class Endless:
    """Answers 200 and goes on for as long as anybody reads, or for so many megabytes."""

    megabytes: int = 1024


Behaviour: TypeAlias = Says | Fails | Hangs | Trickles | Drops | Garbage | Compressed | Endless
