"""The whole document: every function's operations, the models they share, and what can be referred to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from shared import __version__
from shared.openapi import headers, links, problems
from shared.openapi.operations import operation
from shared.openapi.paths import written
from shared.openapi.schemas import Schemas
from shared.web import Function

ABOUT = """\
The back room of a small business: functions called by URL.

**Signing in.** `POST /api/auth/sign-in` answers an access token; send it as `Authorization: Bearer <token>`.

**Workspaces.** A request names its workspace with the query parameter `workspace_id`; left out, it is your default.

**Problems.** What goes wrong is answered as `application/problem+json` (RFC 9457). `code` is stable and made for
programs, `detail` for people; `errors` names fields by JSON pointer. Quote `request_id` when you ask for help.

**Lists.** `{"data": […], "next_cursor": …}`: send `next_cursor` as `cursor` for the next page; null is the end.

**Trying again.** With an `Idempotency-Key` a repeated write is done once, and the first answer is given again.
"""


@dataclass(frozen=True)
class Documented:
    """A function, what it is for, and examples by handler: `{"body"?, "parameters"?, "answer"?}` each."""

    function: Function
    about: str
    examples: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def document(functions: Iterable[Documented]) -> dict[str, Any]:
    """The OpenAPI 3.1 document, as JSON has it. Raises `ValueError` where two operations have the same name."""
    documented = sorted(functions, key=lambda each: each.function.name)
    routes = [route for each in documented for route in each.function.routes]
    repeated = [name for name, count in Counter(route.handler.__name__ for route in routes).items() if count > 1]
    if repeated:
        raise ValueError(f"two handlers have the same name, and a client one method for both: {', '.join(repeated)}")
    schemas = Schemas(routes)
    paths: dict[str, dict[str, Any]] = {}
    for each in documented:
        for route in each.function.routes:
            path = written(each.function, route)
            example = each.examples.get(route.handler.__name__, {})
            made = operation(each.function, route, schemas, example)
            paths.setdefault(path, {})[route.method.lower()] = made
    links.add(documented, paths)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Backroom",
            "version": __version__,
            "description": ABOUT,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/", "description": "Where this document is served"}],
        "tags": [{"name": each.function.name, "description": each.about} for each in documented],
        "paths": paths,
        "components": {
            "schemas": {**schemas.components(), "Problem": problems.SCHEMA},
            "responses": problems.components(),
            "headers": headers.COMPONENTS,
            "parameters": headers.PARAMETERS,
            "securitySchemes": {
                "person": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "JWT",
                    "description": "The access token of a session: `POST /api/auth/sign-in`.",
                },
                "internal": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "How one of these functions proves itself to another. Not for clients.",
                },
                "scheduler": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "How the scheduler proves itself: `CRON_SECRET`. Not for clients.",
                },
                "resend": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "svix-signature",
                    "description": "How Resend signs its webhooks. Not for clients.",
                },
            },
        },
    }
