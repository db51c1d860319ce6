"""Claude, through Anthropic's SDK."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from shared.ai.providers import Access, Failure, Question, Words, failure_of, tokens

if TYPE_CHECKING:
    import httpx2


def load() -> None:
    """The SDK takes a second."""
    import anthropic  # noqa: F401


def ask(question: Question, access: Access, client: httpx2.Client, seconds: float) -> Words:
    """One Messages call with structured output. Raises `Failure`."""
    import anthropic

    content: list[Any] = [{"type": "text", "text": question.said}]
    if question.jpeg is not None:
        data = base64.b64encode(question.jpeg).decode()
        content.insert(0, {"type": "image", "source": {"type": "base64", "media_type": "image/jpeg", "data": data}})
    sdk = anthropic.Anthropic(
        api_key=access.key,
        base_url=access.base_url or None,
        http_client=client,
        timeout=seconds,
        max_retries=0,
        open_telemetry=False,  # whatever its own environment says: it would send trace ids, and record prompts
    )
    try:
        message = sdk.messages.create(
            model=access.model,
            max_tokens=question.most_output_tokens,
            system=question.instructions,
            messages=[{"role": "user", "content": content}],
            output_config={
                "effort": "low",  # a person waits
                "format": {"type": "json_schema", "schema": question.schema},
            },
        )
    except anthropic.APIStatusError as error:
        raise failure_of(error.status_code) from error
    except anthropic.APITimeoutError as error:
        raise Failure("timeout", retriable=True) from error
    except anthropic.APIConnectionError as error:
        if isinstance(error.__cause__, Failure):  # ours, raised beneath the SDK
            raise error.__cause__ from None
        raise Failure("unreachable", retriable=True) from error
    except anthropic.APIError as error:
        raise Failure("answer_unreadable") from error
    if not isinstance(message, anthropic.types.Message):  # a page that isn't JSON arrives as text
        raise Failure("answer_unreadable")
    usage: Any = message.usage  # the SDK believes what it is sent
    words = Words(
        "".join(block.text for block in message.content if block.type == "text"),
        tokens(usage.input_tokens, usage.cache_creation_input_tokens or 0, usage.cache_read_input_tokens or 0)
        if usage
        else None,
        tokens(usage.output_tokens) if usage else None,
    )
    if message.stop_reason == "refusal":
        raise Failure("answer_refused", healthy=True, words=words)
    if message.stop_reason == "max_tokens":
        raise Failure("answer_too_long", healthy=True, words=words)
    return words
