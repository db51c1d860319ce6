"""One route as an OpenAPI operation."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from uuid import UUID

from shared.openapi import headers, problems
from shared.openapi.schemas import Schemas, answers
from shared.web import Function, Route

SENTENCE = re.compile(r"(?<=[.?!])\s+")


def operation(function: Function, route: Route, schemas: Schemas, example: Mapping[str, Any]) -> dict[str, Any]:
    """The operation object."""
    summary, rest = _words(route)
    made: dict[str, Any] = {
        "operationId": route.handler.__name__,
        "tags": [function.name],
        "summary": summary,
        "description": "\n\n".join(filter(None, [rest, *_rules(route)])),
        "security": _security(route),
        "parameters": [
            *_in_path(route, example.get("parameters", {})),
            *_in_query(route, schemas),
            *headers.parameters(route),
        ],
    }
    if body := _body(route, schemas, example):
        made["requestBody"] = body
    answered: dict[int, Any] = _answers(route, schemas, example)
    for status, problem in problems.responses(route).items():
        if status not in answered:
            answered[status] = problem
        elif "content" in problem:  # health answers its own 503
            answered[status]["content"] |= problem["content"]
    made["responses"] = {str(status): answered[status] for status in sorted(answered)}
    return {key: value for key, value in made.items() if value != ""}


def _words(route: Route) -> tuple[str, str]:
    """The first sentence of a handler's docstring, and the others."""
    text = inspect.cleandoc(route.handler.__doc__ or "")
    if not text:
        raise ValueError(f"{route.handler.__name__} has no docstring: it is what the reference says of it")
    first, *others = SENTENCE.split(text.replace("\n", " ").strip(), maxsplit=1)
    return first.removesuffix("."), "".join(others)


def _rules(route: Route) -> list[str]:
    """What else the route says of itself, in words."""
    found = []
    if route.permission:
        found.append(f"Needs the permission `{route.permission}`.")
    if route.limit:
        minutes = route.limit.window_seconds / 60
        found.append(f"At most {route.limit.quota} requests in any {minutes:g} minutes for each person.")
    return found


def _security(route: Route) -> list[dict[str, list[str]]]:
    if route.signature.caller:
        return [{"person": []}, *([{}] if route.signature.guests else [])]
    return [{route.signed_by.__name__: []}] if route.signed_by else []


def _in_path(route: Route, examples: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": {"type": "string", "format": "uuid"} if hint is UUID else {"type": "string", "maxLength": 100},
            **({"example": examples[name]} if name in examples else {}),
        }
        for name, hint in route.signature.path.items()
    ]


def _in_query(route: Route, schemas: Schemas) -> list[dict[str, Any]]:
    if route.signature.query is None:
        return []
    fields, required = schemas.parameters(route.signature.query[1])
    return [
        {
            "name": name,
            "in": "query",
            "required": name in required,
            "schema": _sendable(schema),
            **({"description": DESCRIPTIONS[name]} if name in DESCRIPTIONS else {}),
        }
        for name, schema in fields.items()
    ]


DESCRIPTIONS = {
    "limit": "How many at most.",
    "cursor": "The `next_cursor` of the page before.",
    "workspace_id": "The workspace meant; your default where it is left out.",
}


def _sendable(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Without the null that stands for a parameter left out: nobody can send it in a URL."""
    kinds = [kind for kind in schema.get("anyOf", ()) if kind.get("type") != "null"]
    rest = {key: value for key, value in schema.items() if key not in ("anyOf", "title")}
    if rest.get("default", ...) is None:
        del rest["default"]
    return {**rest, **kinds[0]} if len(kinds) == 1 else dict(schema)


def _body(route: Route, schemas: Schemas, example: Mapping[str, Any]) -> dict[str, Any] | None:
    if route.signature.body:
        content: dict[str, Any] = {"schema": schemas.body(route.signature.body[1])}
        if "body" in example:
            content["example"] = example["body"]
        return {"required": True, "content": {"application/json": content}}
    if route.signature.raw:
        media_types = route.signature.media_types or ("application/octet-stream",)
        return {"required": True, "content": {media_type: {"schema": {}} for media_type in media_types}}
    return None


def _answers(route: Route, schemas: Schemas, example: Mapping[str, Any]) -> dict[int, Any]:
    found: dict[int, Any] = {}
    for status, model in answers(route).items():
        made: dict[str, Any] = {
            "description": HTTPStatus(status).phrase,
            "headers": headers.of_answer(route),
        }
        if model is not None:
            # Bytes are what their media type says, and no schema can say more.
            content = {} if model is bytes else {"schema": schemas.answer(model)}
            if "answer" in example and status == route.status:
                content["example"] = example["answer"]
            media_type = route.media_type if status == route.status else "application/json"
            made["content"] = {media_type: content}
        found[status] = made
    if route.tagged and route.method == "GET":
        found[304] = {"description": "Unchanged: you have it.", "headers": headers.of_answer(route)}
    return found
