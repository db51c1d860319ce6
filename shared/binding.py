"""From a route's type hints to its arguments, and from what it returns to bytes.

A parameter is bound by its type: `Caller` (`Caller | None` where guests may come too), a `Body` model, a `Query` model,
`raw: bytes`, or bytes of certain media types, as `raw: Annotated[bytes, "image/png"]`; every other parameter is a piece
of the path. Models are recognised by what they can do, so that a function without any doesn't load pydantic.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, is_dataclass
from typing import Annotated, Any, Generic, TypeVar, get_args, get_origin, get_type_hints
from uuid import UUID

from shared.auth import Caller
from shared.errors import Problem, not_found
from shared.request import Request, identifier

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Reply(Generic[T]):
    """What a route returns when the status or a header depends on the outcome. Its headers win over the usual ones."""

    content: T
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Signature:
    """A route's parameters by kind, and what it answers."""

    caller: str | None
    guests: bool
    body: tuple[str, Any] | None
    query: tuple[str, Any] | None
    raw: str | None
    media_types: tuple[str, ...]
    path: dict[str, Any]
    answer: Any

    @classmethod
    def of(cls, handler: Callable[..., Any]) -> Signature:
        """Read a route's type hints. Raises `TypeError` for a parameter that isn't of a known kind."""
        hints = get_type_hints(handler, include_extras=True)
        answer = hints.pop("return", None)
        caller = body = query = raw = None
        media_types: tuple[str, ...] = ()
        path = {}
        guests = False
        for name in inspect.signature(handler).parameters:
            hint = hints.get(name)
            if hint in (Caller, Caller | None):
                caller, guests = name, hint is not Caller
            elif hasattr(hint, "from_json"):
                body = (name, hint)
            elif hasattr(hint, "from_query"):
                query = (name, hint)
            elif hint is bytes:
                raw = name
            elif get_origin(hint) is Annotated and get_args(hint)[0] is bytes:
                raw, media_types = name, get_args(hint)[1:]
            elif hint in (UUID, str):
                path[name] = hint
            else:
                raise TypeError(f"{handler.__name__}: nothing binds the parameter {name}")
        answered = get_args(answer)[0] if get_origin(answer) is Reply else answer
        return cls(caller, guests, body, query, raw, media_types, path, answered)

    def bind(
        self, request: Request, segments: dict[str, str], caller: Caller | None, ignored: set[str]
    ) -> dict[str, Any]:
        """The arguments of the route. Raises `Problem` 400, 404, 415 or 422."""
        values: dict[str, Any] = {name: _segment(segments[name], hint) for name, hint in self.path.items()}
        if self.caller:
            values[self.caller] = caller
        parameters = {name: value for name, value in request.parameters().items() if name not in ignored}
        if self.query:
            name, model = self.query
            values[name] = model.from_query(parameters)
        elif parameters:
            raise Problem(422, "unknown_parameter", "This route takes no such parameter.")
        media_type = request.header("content-type").partition(";")[0].strip().lower()
        if self.body:
            name, model = self.body
            if media_type != "application/json":
                raise Problem(415, "json_expected", "Send JSON, as Content-Type: application/json.")
            values[name] = model.from_json(request.body)
        if self.raw:
            if self.media_types and media_type not in self.media_types:
                raise Problem(415, "media_type_unsupported", f"Send {' or '.join(self.media_types)}, and say which.")
            values[self.raw] = request.body
        return values

    def render(self, content: Any) -> bytes:
        """What the route returned: as it is where it says that it answers bytes, else as JSON."""
        return content if self.answer is bytes and isinstance(content, bytes) else render(content)

    def render_again(self, content: Any) -> bytes:
        """A kept answer in the same bytes as the first time: through the same model."""
        return render(content if content is None else self.answer.model_validate(content))


def render(content: Any) -> bytes:
    """What a route returned, as JSON."""
    if content is None:
        return b""
    if hasattr(content, "model_dump_json"):
        return content.model_dump_json().encode()  # type: ignore[no-any-return]
    if is_dataclass(content) and not isinstance(content, type):
        content = asdict(content)
    return json.dumps(content).encode()


def _segment(text: str, hint: Any) -> Any:
    if hint is UUID:
        return identifier(text)
    if len(text) > 100 or not text.isprintable():
        raise not_found()
    return text
