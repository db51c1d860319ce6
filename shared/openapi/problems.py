"""What a route may refuse: each problem's status and code, from what kind of route it is and what it says of itself."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from shared.openapi import headers
from shared.web import Route

MEDIA_TYPE = "application/problem+json"

SCHEMA: dict[str, Any] = {
    "description": "What went wrong (RFC 9457).",
    "type": "object",
    "required": ["type", "title", "status", "detail", "code", "request_id"],
    "properties": {
        "type": {"type": "string", "const": "about:blank"},
        "title": {"type": "string", "description": "The status in words."},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "A sentence for people."},
        "code": {"type": "string", "pattern": "^[a-z][a-z0-9_]*$", "description": "Stable, for programs."},
        "request_id": {"type": "string", "description": "Quote it when you ask for help."},
        "errors": {
            "type": "array",
            "description": "With status 422: what is wrong with which field.",
            "items": {
                "type": "object",
                "required": ["pointer", "detail", "code"],
                "properties": {
                    "pointer": {"type": "string", "description": "JSON pointer (RFC 6901); empty for the whole body."},
                    "detail": {"type": "string"},
                    "code": {"type": "string"},
                },
            },
        },
    },
}

MEANINGS = {
    400: "The request can't be read.",
    401: "No access token, or none that holds.",
    402: "The workspace's budget for today is used up.",
    403: "Your role doesn't permit it.",
    404: "There is nothing here, or nothing you may see.",
    409: "It doesn't fit how things stand.",
    412: "Somebody else changed it meanwhile.",
    413: "Too large.",
    415: "Not in a form that is understood.",
    422: "Some fields are not as they must be.",
    429: "Too many requests.",
    500: "Something went wrong on our side.",
    503: "Something it stands on is away, or not configured.",
}


ALSO_SENT = {
    401: ("WWW-Authenticate",),
    402: ("Retry-After",),
    429: ("Retry-After", "RateLimit-Policy", "RateLimit"),
    503: ("Retry-After",),
}

# Those that many routes have alike, by name.
SHARED = {
    (400, ("unreadable",)): "Unreadable",
    (401, ("token_invalid", "token_missing")): "SignedOut",
    (403, ("permission_denied",)): "Forbidden",
    (404, ("not_found",)): "NotFound",
    (409, ("conflict", "request_in_progress")): "Conflict",
    (413, ("too_large",)): "TooLarge",
    (415, ("encoding_unsupported",)): "Compressed",
    (415, ("encoding_unsupported", "json_expected")): "NotJson",
    (422, ("unknown_parameter",)): "UnknownParameter",
    (500, ("internal",)): "Internal",
    (503, ("auth_unavailable", "database_unavailable", "not_configured", "upstream_unavailable")): "Unavailable",
}


def codes(route: Route) -> dict[int, list[str]]:
    """Every code a route may refuse with, by status, in order."""
    writes = route.method != "GET"
    signed_in = route.signature.caller is not None
    found = ["400 unreadable", "413 too_large", "415 encoding_unsupported", "500 internal", "503 not_configured"]
    found += ["422 invalid_fields"] if route.signature.query else ["422 unknown_parameter"]
    if route.signature.body:
        found += ["415 json_expected", "422 invalid_fields"]
    if route.signature.media_types:
        found += ["415 media_type_unsupported"]
    if signed_in:
        found += ["401 token_missing", "401 token_invalid", "403 permission_denied", "503 auth_unavailable"]
    if route.signed_by:  # ours bring a token, vendors sign
        found += ["401 token_invalid" if route.signed_by.__module__ == "shared.auth" else "401 signature_invalid"]
    if signed_in or writes:  # they ask the database
        found += ["503 database_unavailable", "503 upstream_unavailable"]
    if signed_in and writes:
        found += ["409 conflict", "422 value_refused"]
    if signed_in and (route.permission or route.signature.path):
        found += ["404 not_found"]
    if route.limit:
        found += ["429 rate_limited"]
    if route.idempotent:
        found += ["409 request_in_progress", "422 idempotency_key_reused"]
    by_status: defaultdict[int, list[str]] = defaultdict(list)
    for each in dict.fromkeys([*found, *route.problems]):
        status, _, code = each.partition(" ")
        by_status[int(status)].append(code)
    return {status: sorted(by_status[status]) for status in sorted(by_status)}


def responses(route: Route) -> dict[int, dict[str, Any]]:
    """The same as OpenAPI has it, by status."""
    found = {}
    for status, names in codes(route).items():
        shared = SHARED.get((status, tuple(names)))
        refusal = {"$ref": f"#/components/responses/{shared}"} if shared else response(status, names)
        found[status] = refusal
    return found


def components() -> dict[str, Any]:
    """Those that many routes share, in full."""
    return {name: response(status, list(names)) for (status, names), name in SHARED.items()}


def response(status: int, names: list[str]) -> dict[str, Any]:
    """One status with the codes it may have."""
    sent = ["X-Request-Id", *ALSO_SENT.get(status, ())]
    schema = {
        "allOf": [
            {"$ref": "#/components/schemas/Problem"},
            {"properties": {"status": {"const": status}, "code": {"enum": names}}},
        ]
    }
    return {
        "description": MEANINGS[status],
        "headers": headers.refer(sent),
        "content": {MEDIA_TYPE: {"schema": schema}},
    }
