"""Shapes of requests and answers: strict, bounded, forbidding what they don't know."""

from __future__ import annotations

import json
import re
from typing import Annotated, Any, NoReturn, Self
from uuid import UUID

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, ValidationError

from shared.errors import FieldError, Problem, unreadable

# NUL is a character PostgreSQL's text can't hold. Escaped is the only way JSON can carry it.
ESCAPED_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
# Each unknown field is an error of its own: half a million of them would keep a processor busy for seconds.
MOST_FIELDS = 1000


class Deferred(BaseModel):
    """Built by pydantic when first used, not on import: a process starts for one request and has models for twenty."""

    model_config = ConfigDict(defer_build=True)


class Body(Deferred):
    """A JSON request body. Strict: no "12" for 12, no true for 1, no NaN; unknown fields are refused."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False, hide_input_in_errors=True)

    @classmethod
    def from_json(cls, raw: bytes) -> Self:
        """Raises `Problem` 400 for what isn't well-formed JSON, 422 for what isn't this shape."""
        if ESCAPED_NUL.search(raw):
            raise unreadable("The body holds the character U+0000.")
        try:
            json.loads(raw, object_pairs_hook=_without_repeats, parse_constant=_refuse_constant)
        except (ValueError, RecursionError) as error:
            raise unreadable("The body is not well-formed JSON.") from error
        try:
            return cls.model_validate_json(raw)
        except ValidationError as error:
            raise _problem(error, cls) from error


class Query(Deferred):
    """The parameters after the question mark: text, read as the declared types."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, hide_input_in_errors=True)

    @classmethod
    def from_query(cls, parameters: dict[str, str]) -> Self:
        """Raises `Problem` 422."""
        try:
            return cls.model_validate(parameters)
        except ValidationError as error:
            raise _problem(error, cls) from error


class Answer(Deferred):
    """What a route answers. Also what an answer given again is rendered through."""

    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)


def whole(value: Any) -> Any:
    """`3.0` as 3: JSON has one kind of number, and JSON Schema calls both an integer."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


# After a number's bounds, so that the schema keeps them.
WHOLE = BeforeValidator(whole)

# Patterns say all of a rule, so that the OpenAPI document does too. They are read by Rust, Python and JavaScript: what
# these understand alike are ranges spelled out. Spaces, and besides them format characters (zero width, direction).
SPACES = r"\x20\xa0\u1680\u2000-\u200a\u202f\u205f\u3000"
INVISIBLE = SPACES + r"\xad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u180e\u200b-\u200f\u202a-\u202e"
INVISIBLE += r"\u2060-\u206f\ufeff\ufff9-\ufffb"
CONTROLS = r"\x00-\x1f\x7f-\x9f"
LINE_BREAKING = CONTROLS + r"\u2028\u2029"
# What turns the direction of the text around it: a name that holds one rewrites the sentence it stands in.
TURNING = r"\u202a-\u202e\u2066-\u2069"
NOT_IN_LINE = LINE_BREAKING + TURNING
# A text may have lines, so here a line feed is the one control character.
NOT_IN_TEXT = CONTROLS.replace(r"\x00-\x1f", r"\x00-\x09\x0b-\x1f") + r"\u2028\u2029" + TURNING
# What other people are shown as it stands, on one line or several.
LINE = f"^[^{NOT_IN_LINE}]*[^{NOT_IN_LINE}{INVISIBLE}][^{NOT_IN_LINE}]*$"
TEXT = f"^[^{NOT_IN_TEXT}]*[^{NOT_IN_TEXT}{INVISIBLE}][^{NOT_IN_TEXT}]*$"

# Names and titles: one line with something visible on it.
Name = Annotated[
    str,
    StringConstraints(max_length=100, pattern=f"^[^{LINE_BREAKING}]*[^{LINE_BREAKING}{INVISIBLE}][^{LINE_BREAKING}]*$"),
    AfterValidator(str.strip),
]
# The address is checked by sending to it; this refuses only what can't be one. A keyboard's space around it is let be.
NOT_IN_EMAIL = f"@{LINE_BREAKING}{SPACES}"
Email = Annotated[
    str,
    StringConstraints(
        max_length=254, pattern=rf"^ *[^{NOT_IN_EMAIL}]{{1,64}}@[^{NOT_IN_EMAIL}]+\.[^{NOT_IN_EMAIL}]+ *$"
    ),
    AfterValidator(str.strip),
]


def _undocumented(schema: dict[str, Any]) -> None:
    schema.pop("default", None)


# For a field of a PATCH: what isn't sent stays as it is, so that no value would be its default.
LEFT_OUT: Any = Field("", json_schema_extra=_undocumented)

PageSize = Annotated[int, Field(ge=1, le=100)]


class Page(Query):
    """A page of a list by keyset: `cursor` is the `next_cursor` of the page before."""

    limit: PageSize = 50
    cursor: UUID | None = None


def page(rows: list[dict[str, Any]], limit: int, key: str) -> dict[str, Any]:
    """`{"data", "next_cursor"}` from rows read with one more than the limit, ordered by the column `key`."""
    more = len(rows) > limit
    return {"data": rows[:limit], "next_cursor": str(rows[limit - 1][key]) if more else None}


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("repeated key")  # readers disagree on which one counts
    if len(pairs) > MOST_FIELDS:
        raise ValueError("too many fields")
    return result


def _refuse_constant(_: str) -> NoReturn:
    raise ValueError("not JSON: NaN or Infinity")


def _problem(error: ValidationError, model: type[BaseModel]) -> Problem:
    if any(e["type"] == "json_invalid" for e in error.errors(include_input=False, include_context=False)):
        return unreadable("The body is not well-formed JSON.")
    found = error.errors(include_url=False, include_input=False)
    # Pydantic counts the parts that are right, so that a list with a wrong one would be too short as well.
    around = {e["loc"][:depth] for e in found for depth in range(len(e["loc"]))}
    told = [e for e in found if e["type"] != "too_short" or e["loc"] not in around]
    return Problem(
        422,
        "invalid_fields",
        "Some fields are not as they must be.",
        errors=[_field_error(dict(e), model) for e in told[:50]],
    )


def _field_error(error: dict[str, Any], model: type[BaseModel]) -> FieldError:
    """Pointer, sentence and code, none of which repeats what was sent."""
    kind: str = error["type"]
    place = list(error["loc"])
    if kind == "extra_forbidden":
        place.pop()  # the name was the sender's
        detail = "Unknown field. Known here: " + ", ".join(model.model_fields) + "." if not place else "Unknown field."
    elif kind == "value_error":
        detail = str(error["ctx"]["error"]).capitalize() + "."
    elif kind.endswith(("_parsing", "_from_date_parsing", "_syntax")):
        detail = f"This is not a valid {kind.split('_')[0]}."  # pydantic's sentence quotes the offending character
    else:
        detail = error["msg"] + "."
    return {"pointer": "".join(map(_reference, place)), "detail": detail, "code": kind}


def _reference(part: str | int) -> str:
    """One step of a JSON pointer (RFC 6901)."""
    return "/" + str(part).replace("~", "~0").replace("/", "~1")
