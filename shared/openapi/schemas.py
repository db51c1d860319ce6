"""The models of all routes as JSON Schema (2020-12, which OpenAPI 3.1 speaks)."""

from __future__ import annotations

from collections.abc import Iterable
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema

from shared.web import Route

Mode = Literal["validation", "serialization"]
PLACE = "#/components/schemas/"


class Untitled(GenerateJsonSchema):
    """Without a title for each field: it would be the field's name again."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


class Schemas:
    """All models, under the names that the document calls them by."""

    def __init__(self, routes: Iterable[Route]) -> None:
        models: dict[tuple[int, Mode], Any] = {}
        for route in routes:
            for each in (route.signature.body, route.signature.query):
                if each:
                    models[id(each[1]), "validation"] = each[1]
            for answer in answers(route).values():
                if answer not in (None, bytes):
                    models[id(answer), "serialization"] = answer
        adapters = [(key, mode, TypeAdapter(model)) for (key, mode), model in models.items()]
        self._found, shared = TypeAdapter.json_schemas(
            adapters, ref_template=PLACE + "{model}", schema_generator=Untitled
        )
        self._components: dict[str, Any] = _without_titles(shared.get("$defs", {}))

    def body(self, model: Any) -> dict[str, Any]:
        """The schema of what is sent."""
        return dict(self._found[id(model), "validation"])

    def answer(self, model: Any) -> dict[str, Any]:
        """The schema of what is answered."""
        return dict(self._found[id(model), "serialization"])

    def parameters(self, model: Any) -> tuple[dict[str, Any], set[str]]:
        """The fields of a query model, each with its schema, and the names of those that must be sent."""
        schema = self.body(model)
        if "$ref" in schema:
            schema = self._components[schema["$ref"].removeprefix(PLACE)]
        return schema.get("properties", {}), set(schema.get("required", ()))

    def components(self) -> dict[str, Any]:
        """All that a `$ref` leads to; what only a query was read with isn't."""
        wanted: set[str] = set()
        for schema in self._found.values():
            wanted |= _referred(schema)
        while more := {name for each in wanted for name in _referred(self._components[each])} - wanted:
            wanted |= more
        return {name: self._components[name] for name in sorted(wanted)}


def answers(route: Route) -> dict[int, Any]:
    """What a route answers, by status; None for an empty answer."""
    answer = route.signature.answer
    others = set(map(id, route.also.values()))
    if get_origin(answer) in (Union, UnionType):  # one of them belongs to another status
        [answer] = [each for each in get_args(answer) if id(each) not in others]
    if answer is type(None):
        answer = None
    return {204 if answer is None else route.status: answer, **route.also}


def _referred(schema: Any) -> set[str]:
    """The names of the components a schema refers to directly."""
    if isinstance(schema, dict):
        here = {schema["$ref"].removeprefix(PLACE)} if isinstance(schema.get("$ref"), str) else set()
        return here.union(*map(_referred, schema.values()))
    return set().union(*map(_referred, schema)) if isinstance(schema, list) else set()


def _without_titles(components: dict[str, Any]) -> dict[str, Any]:
    """A component's title is its name again."""
    return {name: {key: value for key, value in each.items() if key != "title"} for name, each in components.items()}
