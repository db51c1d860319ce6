"""Gemini, through Google's SDK."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shared.ai.providers import Access, Failure, Question, Words, failure_of, tokens
from shared.ai.transport import failure

if TYPE_CHECKING:
    import httpx2


def load() -> None:
    """The SDK takes half a second."""
    import google.genai  # noqa: F401


def ask(question: Question, access: Access, client: httpx2.Client, seconds: float) -> Words:
    """One generateContent call with structured output. Raises `Failure`."""
    import httpx2
    from google import genai
    from google.genai import errors, types

    contents: list[Any] = [question.said]
    if question.jpeg is not None:
        contents.insert(0, types.Part.from_bytes(data=question.jpeg, mime_type="image/jpeg"))
    sdk = genai.Client(
        api_key=access.key,
        vertexai=False,  # whatever its own environment says
        http_options=types.HttpOptions(
            base_url=access.base_url or None,
            api_version="v1beta",  # where the previews are
            httpx_client=client,
            timeout=round(seconds * 1000),
            retry_options=types.HttpRetryOptions(attempts=1),
        ),
    )
    try:
        response = sdk.models.generate_content(
            model=access.model,
            contents=contents,
            config=types.GenerateContentConfig(
                system_instruction=question.instructions,
                max_output_tokens=question.most_output_tokens,
                response_mime_type="application/json",
                response_json_schema=question.schema,
                thinking_config=_little_thinking(access.model),
            ),
        )
    except errors.APIError as error:
        raise failure_of(error.code) from error
    except httpx2.HTTPError as error:
        raise failure(error) from error
    except ValueError as error:  # what isn't JSON, or not of the API's shape
        raise Failure("answer_unreadable") from error
    return _words(response)


def _little_thinking(model: str) -> Any:
    """A person waits. The second generation counts tokens of thought, the third knows levels."""
    from google.genai import types

    if model.startswith("gemini-2"):
        return types.ThinkingConfig(thinking_budget=0)
    return types.ThinkingConfig(thinking_level=types.ThinkingLevel.LOW)


def _words(response: Any) -> Words:
    candidate = response.candidates[0] if response.candidates else None
    parts = (candidate.content.parts or []) if candidate and candidate.content else []
    usage = response.usage_metadata
    words = Words(
        "".join(part.text for part in parts if part.text and not part.thought),
        tokens(usage.prompt_token_count) if usage else None,
        tokens(usage.candidates_token_count or 0, usage.thoughts_token_count or 0) if usage else None,
    )
    if candidate is None and response.prompt_feedback is None:
        raise Failure("answer_unreadable")
    finished = candidate.finish_reason.name if candidate and candidate.finish_reason else None
    if finished == "MAX_TOKENS":
        raise Failure("answer_too_long", healthy=True, words=words)
    if finished != "STOP":
        raise Failure("answer_refused", healthy=True, words=words)
    return words
