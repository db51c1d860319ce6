"""Whether a client of one OpenAPI document still works with a later one.

What goes to the server may only become wider, what comes from it only narrower or richer.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Schema = dict[str, Any]
METHODS = ("get", "post", "patch", "put", "delete")
# What bounds a value: (keyword, whether a larger number admits more).
BOUNDS = (
    ("maxLength", True),
    ("maximum", True),
    ("maxItems", True),
    ("minLength", False),
    ("minimum", False),
    ("minItems", False),
)


def breaks(old: Schema, new: Schema) -> list[str]:
    """What a client of the old document would stumble over; empty where nothing."""
    return [f"{place}: {what}" for place, what in Comparison(old, new).operations()]


# Compared in ways of their own; what says nothing about values; and every other keyword must stay as it is.
COMPARED = {
    "$ref",
    "type",
    "properties",
    "required",
    "items",
    "additionalProperties",
    "anyOf",
    "oneOf",
    "enum",
    "const",
}
COMPARED |= {"pattern", *(keyword for keyword, _ in BOUNDS)}
SAID = {"description", "title", "example", "examples"}


class Comparison:
    """Two documents, side by side."""

    def __init__(self, old: Schema, new: Schema) -> None:
        self._old, self._new = old, new
        self._seen: set[tuple[str, str, bool]] = set()

    def operations(self) -> Iterator[tuple[str, str]]:
        for path, methods in self._old["paths"].items():
            for method in METHODS:
                if method in methods:
                    now = self._new["paths"].get(path, {}).get(method)
                    for what in ["is gone"] if now is None else self._operation(methods[method], now):
                        yield f"{method} {path}", what

    def _operation(self, old: Schema, new: Schema) -> Iterator[str]:
        if old["operationId"] != new["operationId"]:
            yield f"is called {new['operationId']} now"
        if new.get("security") and new["security"] != old.get("security"):
            yield "asks for another proof of who calls"
        yield from self._parameters(old, new)
        yield from self._contents(old.get("requestBody", {}), new.get("requestBody", {}), "its body", sent=True)
        for status in old["responses"].keys() | new["responses"].keys():
            before, now = old["responses"].get(status), new["responses"].get(status)
            if now is None:
                yield f"answers {status} no more"
            elif before is None:
                if status[0] == "2":
                    yield f"answers {status} now"
            else:
                before, now = _resolved(self._old, before), _resolved(self._new, now)
                if lost := before.get("headers", {}).keys() - now.get("headers", {}).keys():
                    yield f"its {status} lacks {', '.join(lost)}"
                if status[0] == "2":
                    yield from self._contents(before, now, f"its {status}", sent=False)
                elif lost := _codes(before) - _codes(now):
                    yield f"its {status} has {', '.join(lost)} no more"

    def _contents(self, old: Schema, new: Schema, place: str, *, sent: bool) -> Iterator[str]:
        before, now = old.get("content", {}), new.get("content", {})
        if before.keys() - now.keys() or (sent and now and not before):
            yield f"{place} is {', '.join(now) or 'nothing'} now"
        for media_type in before.keys() & now.keys():
            yield from self._compare(
                before[media_type].get("schema", {}), now[media_type].get("schema", {}), place, sent=sent
            )

    def _parameters(self, old: Schema, new: Schema) -> Iterator[str]:
        before, now = self._by_name(self._old, old), self._by_name(self._new, new)
        for name in before.keys() - now.keys():
            yield f"knows the parameter {name} no more"
        for name, parameter in now.items():
            if name not in before:
                if parameter.get("required"):
                    yield f"asks for the parameter {name} now"
                continue
            if parameter["in"] != before[name]["in"]:
                yield f"takes the parameter {name} in the {parameter['in']} now"
            if parameter.get("required") and not before[name].get("required"):
                yield f"insists on the parameter {name} now"
            yield from self._compare(before[name]["schema"], parameter["schema"], f"the parameter {name}", sent=True)

    @staticmethod
    def _by_name(document: Schema, operation: Schema) -> dict[str, Schema]:
        found = [_resolved(document, each) for each in operation.get("parameters", ())]
        return {each["name"]: each for each in found}

    def _compare(self, old: Schema, new: Schema, place: str, *, sent: bool) -> Iterator[str]:
        """`sent`: by the client; else by the server."""
        pair = (str(old.get("$ref")), str(new.get("$ref")), sent)
        if "$ref" in old and "$ref" in new:
            if pair in self._seen:  # said before, or a schema within itself
                return
            self._seen.add(pair)
        old, new = _resolved(self._old, old), _resolved(self._new, new)
        wider, narrower = (new, old) if sent else (old, new)
        if kinds := _others(wider, narrower):
            yield f"{place} {'can be no' if sent else 'may now be'} {', '.join(sorted(kinds))}"
        yield from self._values(wider, narrower, place)
        yield from self._fields(old, new, place, sent=sent)
        for keyword in (old.keys() | new.keys()) - COMPARED - SAID:
            if old.get(keyword) != new.get(keyword):
                yield f"{place} has another {keyword}"
        for keyword in ("items", "additionalProperties"):
            before, now = old.get(keyword), new.get(keyword)
            if isinstance(before, dict) and isinstance(now, dict):
                yield from self._compare(before, now, f"each of {place}", sent=sent)
            elif before != now:
                yield f"{place} has other {keyword}"
        yield from self._choices(old, new, place, sent=sent)

    def _choices(self, old: Schema, new: Schema, place: str, *, sent: bool) -> Iterator[str]:
        """Of what may be sent none may go, of what may come none may be added."""
        before, now = ({_name(each): each for each in _choices(schema)} for schema in (old, new))
        if lost := (before.keys() - now.keys() if sent else now.keys() - before.keys()):
            yield f"{place} {'can be no' if sent else 'may now be'} {', '.join(lost)}"
        for name in before.keys() & now.keys():
            yield from self._compare(before[name], now[name], place, sent=sent)

    @staticmethod
    def _values(wider: Schema, narrower: Schema, place: str) -> Iterator[str]:
        """Whatever fits the narrower one must fit the wider one."""
        allowed, given = _enum(wider), _enum(narrower)
        if allowed is not None and (given is None or given - allowed):
            yield f"{place} has other values: {sorted(given - allowed) if given else 'any'}"
        for keyword, larger_is_wider in BOUNDS:
            bound, other = wider.get(keyword), narrower.get(keyword)
            if bound is not None and (other is None or (bound < other if larger_is_wider else bound > other)):
                yield f"{place} has another {keyword}"
        if wider.get("pattern") not in (None, narrower.get("pattern")):
            yield f"{place} has another pattern"

    def _fields(self, old: Schema, new: Schema, place: str, *, sent: bool) -> Iterator[str]:
        before, now = old.get("properties", {}), new.get("properties", {})
        required_before, required_now = set(old.get("required", ())), set(new.get("required", ()))
        for name in before.keys() - now.keys():
            yield f"{place} knows the field {name} no more"
        if sent:
            for name in sorted(required_now - required_before):
                yield f"{place} insists on the field {name} now"
        else:
            for name in sorted(required_before - required_now):
                yield f"{place} may lack the field {name} now"
        for name in before.keys() & now.keys():
            yield from self._compare(before[name], now[name], f"{name} of {place}", sent=sent)


def _codes(response: Schema) -> set[str]:
    """The codes of a problem."""
    schema = response.get("content", {}).get("application/problem+json", {}).get("schema", {})
    return {
        code for part in schema.get("allOf", ()) for code in part.get("properties", {}).get("code", {}).get("enum", ())
    }


def _resolved(document: Schema, part: Schema) -> Schema:
    while "$ref" in part:
        found: Any = document
        for step in part["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        part = found
    return part


def _choices(schema: Schema) -> list[Schema]:
    return list(schema.get("anyOf") or schema.get("oneOf") or ())


def _name(schema: Schema) -> str:
    return str(schema.get("$ref") or schema.get("type") or schema.get("const"))


def _others(wider: Schema, narrower: Schema) -> set[str]:
    """The types that the narrower schema has and the wider one hasn't; none where that one takes all."""
    allowed = _types(wider)
    if "number" in allowed:
        allowed.add("integer")
    given = _types(narrower)
    if allowed and not given and _enum(narrower) is None:
        return {"thing"}
    return given - allowed if allowed else set()


def _types(schema: Schema) -> set[str]:
    found = schema.get("type", [])
    own = {found} if isinstance(found, str) else set(found)
    for each in _choices(schema):
        own |= {"object"} if "$ref" in each else _types(each)
    return own


def _enum(schema: Schema) -> set[str] | None:
    if "const" in schema:
        return {str(schema["const"])}
    return set(map(str, schema["enum"])) if "enum" in schema else None
