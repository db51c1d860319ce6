"""Gemini's wire format."""

import re
import secrets
from typing import Any, ClassVar

from local.vendors.behaviours import Says
from local.vendors.formats import Asked, Format, Json, decoded, joined


class Gemini(Format):
    """`POST /v1/models/{model}:generateContent`.

    `{"systemInstruction": {"parts": [{"text"}]}, "contents": [{"role", "parts": [{"text"}, {"inlineData": {"mimeType",
    "data"}}]}], "generationConfig": {"responseJsonSchema", "maxOutputTokens"}}` is answered with `{"candidates":
    [{"content": {"parts": [{"text"}]}, "finishReason"}], "usageMetadata"}`, or `{"error": {"code", "message", "status",
    "details"}}`.
    """

    vendor = "gemini"
    base = "/gemini"
    path = re.compile(r"/v1(beta)?/models/([^/:]+):generateContent")
    setting = "GEMINI"
    key = "fake-gemini-key-7f3a"
    shown: ClassVar = {"x-goog-api-key": ""}
    keyless = 400

    _statuses: ClassVar = {
        400: "INVALID_ARGUMENT",
        401: "UNAUTHENTICATED",
        403: "PERMISSION_DENIED",
        404: "NOT_FOUND",
        429: "RESOURCE_EXHAUSTED",
        500: "INTERNAL",
        503: "UNAVAILABLE",
        504: "DEADLINE_EXCEEDED",
    }
    _finishes: ClassVar = {"normal": "STOP", "length": "MAX_TOKENS", "refused": "SAFETY"}

    def asked(self, path: str, headers: dict[str, str], body: Json) -> Asked:
        told = _in_camel_case(body)
        parts = [part for content in told["contents"] for part in content["parts"]]
        images = [part["inlineData"] for part in parts if "inlineData" in part]
        config = told.get("generationConfig", {})
        match = self.path.fullmatch(path)
        return Asked(
            vendor=self.vendor,
            path=path,
            model=match[2] if match else "",
            instructions=joined(told.get("systemInstruction", {"parts": []})["parts"]),
            text=joined(parts),
            images=[decoded(image["data"].replace("-", "+").replace("_", "/")) for image in images],
            media_types=[image["mimeType"] for image in images],
            schema=config.get("responseJsonSchema", config.get("responseSchema")),
            tools=body.get("tools", []),
            max_output_tokens=config.get("maxOutputTokens"),
            headers=headers,
            raw=body,
        )

    def answer(self, asked: Asked, says: Says) -> Json:
        written = says.output_tokens if says.finish in ("normal", "length") else 0
        usage = {
            "promptTokenCount": says.input_tokens,
            "totalTokenCount": says.input_tokens + written + says.thought_tokens,
            **({"candidatesTokenCount": written} if written else {}),
            **({"thoughtsTokenCount": says.thought_tokens} if says.thought_tokens else {}),
        }
        answer: Json = {"usageMetadata": usage, "modelVersion": asked.model, "responseId": secrets.token_urlsafe(12)}
        if says.finish == "blocked":
            return {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}, **answer}
        candidate: Json = {"finishReason": self._finishes[says.finish], "index": 0}
        if says.finish != "refused":
            content = {"parts": [{"text": says.text}]} if says.text else {}  # thinking may have used up all it had
            candidate["content"] = {**content, "role": "model"}
        return {"candidates": [candidate], **answer}

    def wrong_key(self, headers: dict[str, str]) -> Json:
        body = self.error(self.keyless, "API key not valid. Please pass a valid API key.")
        service = {"service": "generativelanguage.googleapis.com"}
        reason = {"reason": "API_KEY_INVALID", "domain": "googleapis.com", "metadata": service}
        body["error"]["details"] = [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", **reason}]
        return body

    def error(self, status: int, message: str) -> Json:
        return {"error": {"code": status, "message": message, "status": self._statuses.get(status, "UNKNOWN")}}

    def retry(self, after: float | str, error: Json) -> dict[str, str]:
        delay = after if isinstance(after, str) else f"{after:g}s"
        error["error"]["details"] = [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay}]
        return {}


def _in_camel_case(value: Any) -> Any:
    """Gemini takes names in snake case as well, and its SDK sends some; those within a schema are not Gemini's."""
    if isinstance(value, list):
        return [_in_camel_case(each) for each in value]
    if not isinstance(value, dict):
        return value
    named = {re.sub("_([a-z])", lambda match: match[1].upper(), name): each for name, each in value.items()}
    return {name: each if name.endswith("Schema") else _in_camel_case(each) for name, each in named.items()}
