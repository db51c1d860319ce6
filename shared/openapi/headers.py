"""The headers that mean something here, as parameters and in answers."""

from __future__ import annotations

from typing import Any

from shared.web import Route

TEXT = {"type": "string"}

COMPONENTS: dict[str, Any] = {
    "X-Request-Id": {"description": "This request's id, in every log line of it.", "schema": TEXT},
    "RateLimit-Policy": {
        "description": 'The limits that count this request: `"name";q=quota;w=window in seconds`.',
        "schema": TEXT,
        "example": '"detect";q=100;w=900',
    },
    "RateLimit": {
        "description": 'How they stand: `"name";r=remaining;t=seconds until there is room again`.',
        "schema": TEXT,
        "example": '"detect";r=99;t=0',
    },
    "Retry-After": {"description": "Seconds to wait before trying again.", "schema": {"type": "integer", "minimum": 0}},
    "ETag": {
        "description": "The state answered. As `If-Match`: change just this; as `If-None-Match`: is there news?",
        "schema": TEXT,
        "example": '"3"',
    },
    "Idempotent-Replayed": {
        "description": "`true`: this is the first answer to that `Idempotency-Key`, given again.",
        "schema": {"type": "string", "enum": ["true"]},
    },
    "WWW-Authenticate": {"description": "How to sign in.", "schema": TEXT, "example": "Bearer"},
}

PARAMETERS: dict[str, Any] = {
    "request-id": {
        "name": "X-Request-Id",
        "in": "header",
        "description": "An id of your own for this request: 1 to 64 letters, digits, `.`, `_` and `-`. "
        "Any other is replaced by one of ours.",
        "schema": TEXT,
    },
    "idempotency-key": {
        "name": "Idempotency-Key",
        "in": "header",
        "description": "Sent again with the same request, it is done once. Kept for a day. Empty is none.",
        "schema": {"type": "string", "pattern": "^[!-~]{0,255}$"},
    },
    "if-match": {
        "name": "If-Match",
        "in": "header",
        "description": "The ETag read before: the change is made only if nobody else made one since. Empty is none.",
        "schema": {"type": "string", "pattern": '^(\\*|"[0-9]{1,18}")?$'},
    },
    "if-none-match": {
        "name": "If-None-Match",
        "in": "header",
        "description": "The ETag read before: 304 where nothing has changed since.",
        "schema": TEXT,
    },
    "workspace": {
        "name": "workspace_id",
        "in": "query",
        "description": "The workspace meant; your default where it is left out.",
        "schema": {"type": "string", "format": "uuid"},
    },
}


def parameters(route: Route) -> list[dict[str, Any]]:
    """The headers a route heeds, and the workspace where it is the platform's to find."""
    names = []
    if route.permission and not _names_its_workspace(route):
        names.append("workspace")
    if route.idempotent:
        names.append("idempotency-key")
    if route.tagged:
        names.append("if-none-match" if route.method == "GET" else "if-match")
    return [{"$ref": f"#/components/parameters/{name}"} for name in [*names, "request-id"]]


def of_answer(route: Route) -> dict[str, Any]:
    """The headers of what is no problem."""
    names = ["X-Request-Id"]
    if route.limit:
        names += ["RateLimit-Policy", "RateLimit"]
    if route.idempotent:
        names.append("Idempotent-Replayed")
    if route.tagged:
        names.append("ETag")
    return refer(names)


def refer(names: list[str]) -> dict[str, Any]:
    """By reference to the components."""
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _names_its_workspace(route: Route) -> bool:
    query = route.signature.query
    return "workspace_id" in route.signature.path or (
        query is not None and "workspace_id" in getattr(query[1], "model_fields", {})
    )
