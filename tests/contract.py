"""Whether an answer is one that the OpenAPI document promises: every answer that a test sees is held against it."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs

DOCUMENT: dict[str, Any] = json.loads((Path(__file__).parents[1] / "docs" / "openapi.json").read_text())


class Broken(AssertionError):
    """An answer that the document doesn't know."""


def hold(method: str, path: str, status: int, content_type: str, body: bytes) -> None:
    """Raises `Broken` where an operation of the document answered what the document doesn't say of it."""
    operation = find("get" if method == "HEAD" else method.lower(), path.partition("?")[0])
    if operation is None:  # no such route: every function answers that alike
        if status not in (204, 400, 404, 405, 413, 415, 500, 503):
            raise Broken(f"{method} {path} is in no document, and answered {status}")
        return
    place = f"{operation} answered {status}"
    answers = DOCUMENT["paths"][operation.partition(" ")[2]][operation.partition(" ")[0]]["responses"]
    if str(status) not in answers:
        raise Broken(f"{place}, which is none of {', '.join(answers)}: {body[:300]!r}")
    content = resolved(answers[str(status)]).get("content", {})
    if not content:
        if body:
            raise Broken(f"{place} with a body")
        return
    if "*/*" in content and "problem" not in content_type:
        return
    if content_type not in content:
        raise Broken(f"{place} as {content_type}, which is none of {', '.join(content)}")
    if method == "HEAD" or "schema" not in content[content_type]:  # bytes of their own
        return
    error = next(iter(validator(operation, status, content_type).iter_errors(json.loads(body))), None)
    if error is not None:
        raise Broken(f"{place}: {error.message} at {'/'.join(map(str, error.instance_path))}")


def resolved(part: dict[str, Any]) -> dict[str, Any]:
    """What a reference leads to."""
    if "$ref" not in part:
        return part
    found: Any = DOCUMENT
    for step in part["$ref"].removeprefix("#/").split("/"):
        found = found[step]
    return dict(found)


@cache
def templates() -> list[tuple[re.Pattern[str], str]]:
    """Every path of the document as a pattern; those with fewer parameters first, as a router prefers them."""
    paths = sorted(DOCUMENT["paths"], key=lambda path: path.count("{"))
    return [(re.compile(re.sub(r"\{[a-z_]+\}", "[^/]+", path)), path) for path in paths]


def find(method: str, path: str) -> str | None:
    """The operation meant, as `get /api/…`."""
    template = next((template for pattern, template in templates() if pattern.fullmatch(path)), None)
    known = template is not None and method in DOCUMENT["paths"][template]
    return f"{method} {template}" if known else None


@cache
def validator(operation: str, status: int, content_type: str) -> jsonschema_rs.Draft202012Validator:
    """Of one answer."""
    method, _, path = operation.partition(" ")
    answer = resolved(DOCUMENT["paths"][path][method]["responses"][str(status)])
    schema = answer["content"][content_type]["schema"]
    whole = {**schema, "components": DOCUMENT["components"]}
    return jsonschema_rs.Draft202012Validator(whole, validate_formats=True)
