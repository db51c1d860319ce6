"""From a model's words to a checked answer, and from a pydantic model to a schema that every provider takes."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from shared.models import Deferred

# A model that repeats itself may write until it is cut off; what is longer is not parsed.
MOST_CHARACTERS = 200_000
# What every provider's structured output understands. Bounds are left out, for each knows other ones: they are checked
# here, on the answer, and said in the descriptions.
UNDERSTOOD = {"type", "description", "properties", "required", "items", "enum", "anyOf", "additionalProperties"}


class Told(Deferred):
    """What a model is asked to fill in. Strict like a request body: it comes from as far away."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False, hide_input_in_errors=True)


Answer = TypeVar("Answer", bound=Told)


class Invalid(Exception):
    """An answer that doesn't fit; `errors` says where and why, and repeats nothing of it."""

    def __init__(self, errors: str) -> None:
        super().__init__("invalid answer")
        self.errors = errors


def parse(text: str, model: type[Answer]) -> Answer:
    """The answer as this model. Raises `Invalid`."""
    if len(text) > MOST_CHARACTERS:
        raise Invalid("The answer is too long.")
    if "\0" in text or "\\u0000" in text:
        raise Invalid("The answer holds the character U+0000.")
    try:
        answer = model.model_validate_json(_unfenced(text))
        answer.model_dump_json()  # lone surrogates can be read and can't be written
    except ValidationError as error:
        raise Invalid(_errors(error)) from None
    except ValueError:
        raise Invalid("The answer holds characters that are none.") from None
    return answer


def schema(model: type[BaseModel]) -> dict[str, Any]:
    """The model's JSON schema, self-contained: every field required (null where there is nothing), no other allowed."""
    whole = model.model_json_schema()
    named: dict[str, Any] = whole.get("$defs", {})

    def plain(part: dict[str, Any]) -> dict[str, Any]:
        if "$ref" in part:
            part = {**named[part["$ref"].rpartition("/")[2]], **part}
        if "const" in part:
            part = {**part, "enum": [part["const"]]}
        kept = {key: value for key, value in part.items() if key in UNDERSTOOD}
        if "properties" in part:
            kept["properties"] = {name: plain(field) for name, field in part["properties"].items()}
            kept["required"] = list(part["properties"])
            kept["additionalProperties"] = False
        if "items" in part:
            kept["items"] = plain(part["items"])
        if "anyOf" in part:
            kept["anyOf"] = [plain(choice) for choice in part["anyOf"]]
        return kept

    return plain(whole)


def _unfenced(text: str) -> str:
    """Without the Markdown fence that models put around JSON where the provider can't hold them to a schema."""
    text = text.strip()
    if text.startswith("```") and text.endswith("```"):
        return text.removesuffix("```").partition("\n")[2]
    return text


def _errors(error: ValidationError) -> str:
    found = error.errors(include_url=False, include_input=False, include_context=False)
    if any(each["type"] == "json_invalid" for each in found):
        return "The answer is not JSON."
    # The names of unknown fields are the model's own words: its place is said, not its name.
    places = (each["loc"][:-1] if each["type"] == "extra_forbidden" else each["loc"] for each in found[:10])
    return "\n".join(
        f"{'.'.join(map(str, place)) or 'the answer'}: {each['msg']}"
        for place, each in zip(places, found, strict=False)
    )
