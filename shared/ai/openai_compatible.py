"""Whatever speaks OpenAI's chat completions: GPT, a gateway, Ollama, vLLM. One POST: no SDK."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from shared.ai.providers import Access, Failure, Question, Words, failure_of, tokens
from shared.ai.transport import failure

if TYPE_CHECKING:
    import httpx2

OPENAI = "https://api.openai.com/v1"


def load() -> None:
    """httpx2 alone."""
    import httpx2  # noqa: F401


def ask(question: Question, access: Access, client: httpx2.Client, seconds: float) -> Words:
    """One chat completion with structured output. Raises `Failure`."""
    import httpx2

    content: list[dict[str, Any]] = [{"type": "text", "text": question.said}]
    if question.jpeg is not None:
        data = base64.b64encode(question.jpeg).decode()
        content.insert(0, {"type": "image_url", "image_url": {"url": f"data:image/jpeg;base64,{data}"}})
    answer = {"name": "answer", "strict": True, "schema": question.schema}
    try:
        response = client.post(
            f"{(access.base_url or OPENAI).rstrip('/')}/chat/completions",
            headers={"Authorization": f"Bearer {access.key}"} if access.key else {},
            json={
                "model": access.model,
                "messages": [
                    {"role": "system", "content": question.instructions},
                    {"role": "user", "content": content},
                ],
                "max_completion_tokens": question.most_output_tokens,
                "response_format": {"type": "json_schema", "json_schema": answer},
            },
            timeout=seconds,
        )
    except httpx2.HTTPError as error:
        raise failure(error) from error
    if response.status_code != 200:
        raise failure_of(response.status_code)
    try:
        return _words(response.json())
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError) as error:
        raise Failure("answer_unreadable") from error


def _words(completion: dict[str, Any]) -> Words:
    choice, usage = completion["choices"][0], completion.get("usage") or {}
    words = Words(
        str(choice["message"].get("content") or ""),
        tokens(usage.get("prompt_tokens")),
        tokens(usage.get("completion_tokens")),
    )
    if choice["message"].get("refusal") or choice.get("finish_reason") == "content_filter":
        raise Failure("answer_refused", healthy=True, words=words)
    if choice.get("finish_reason") == "length":
        raise Failure("answer_too_long", healthy=True, words=words)
    return words
