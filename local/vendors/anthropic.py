"""Anthropic's wire format."""

import re
import secrets
from typing import ClassVar

from local.vendors.behaviours import Says
from local.vendors.formats import Asked, Format, Json, decoded, joined, parts_of


class Anthropic(Format):
    """`POST /v1/messages`.

    `{"model", "max_tokens", "system", "messages": [{"role", "content": [{"type": "text", "text"}, {"type": "image",
    "source": {"type": "base64", "media_type", "data"}}]}], "output_config": {"format": {"type": "json_schema",
    "schema"}}}` is answered with `{"content": [{"type": "text", "text"}], "stop_reason", "usage"}`, or `{"type":
    "error", "error": {"type", "message"}, "request_id"}`.
    """

    vendor = "anthropic"
    base = "/anthropic"
    path = re.compile(r"/v1/messages")
    setting = "ANTHROPIC"
    key = "fake-anthropic-key-91c2"
    shown: ClassVar = {"authorization": "Bearer ", "x-api-key": ""}  # what the SDK sends; the older way

    _errors: ClassVar = {
        400: "invalid_request_error",
        401: "authentication_error",
        402: "billing_error",
        403: "permission_error",
        404: "not_found_error",
        413: "request_too_large",
        429: "rate_limit_error",
        504: "timeout_error",
        529: "overloaded_error",
    }
    _finishes: ClassVar = {"normal": "end_turn", "length": "max_tokens", "refused": "refusal", "blocked": "refusal"}

    def asked(self, path: str, headers: dict[str, str], body: Json) -> Asked:
        if "anthropic-version" not in headers:
            raise ValueError("anthropic-version: header is required")
        parts = [part for message in body["messages"] for part in parts_of(message["content"])]
        images = [part["source"] for part in parts if part["type"] == "image"]
        return Asked(
            vendor=self.vendor,
            path=path,
            model=body["model"],
            instructions=joined(parts_of(body.get("system", []))),
            text=joined(parts),
            images=[decoded(image["data"]) for image in images],
            media_types=[image["media_type"] for image in images],
            schema=body.get("output_config", {}).get("format", {}).get("schema"),
            tools=body.get("tools", []),
            max_output_tokens=body["max_tokens"],
            headers=headers,
            raw=body,
        )

    def answer(self, asked: Asked, says: Says) -> Json:
        refused = says.finish in ("refused", "blocked")
        return {
            "id": f"msg_{secrets.token_hex(12)}",
            "type": "message",
            "role": "assistant",
            "model": asked.model,
            "content": [] if refused else [{"type": "text", "text": says.text}],
            "stop_reason": self._finishes[says.finish],
            "stop_sequence": None,
            "stop_details": {"type": "refusal", "category": None, "explanation": None} if refused else None,
            "usage": {
                "input_tokens": says.input_tokens,
                "cache_creation_input_tokens": 0,
                "cache_read_input_tokens": 0,
                "output_tokens": says.output_tokens + says.thought_tokens,
                "output_tokens_details": {"thinking_tokens": says.thought_tokens},
                "service_tier": "standard",
            },
        }

    def wrong_key(self, headers: dict[str, str]) -> Json:
        return self.error(self.keyless, "Invalid bearer token" if "authorization" in headers else "invalid x-api-key")

    def error(self, status: int, message: str) -> Json:
        error = {"type": self._errors.get(status, "api_error"), "message": message}
        return {"type": "error", "error": error, "request_id": f"req_{secrets.token_hex(12)}"}
