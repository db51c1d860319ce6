"""The wire format that OpenAI made and many speak."""

import re
import secrets
import time
from typing import ClassVar

from local.vendors.behaviours import Says
from local.vendors.formats import Asked, Format, Json, decoded, joined, parts_of


class OpenAICompatible(Format):
    """`POST /chat/completions`.

    `{"model", "messages": [{"role", "content": [{"type": "text", "text"}, {"type": "image_url", "image_url": {"url":
    "data:…;base64,…"}}]}], "response_format": {"type": "json_schema", "json_schema": {"schema"}}}` is answered with
    `{"choices": [{"message": {"content", "refusal"}, "finish_reason"}], "usage"}`, or `{"error": {"message", "type",
    "param", "code"}}`.
    """

    vendor = "openai_compatible"
    base = "/openai/v1"
    path = re.compile(r"/chat/completions")
    setting = "OPENAI"
    key = "fake-openai-key-d40e"
    shown: ClassVar = {"authorization": "Bearer "}

    _errors: ClassVar = {
        401: ("invalid_request_error", "invalid_api_key"),
        404: ("invalid_request_error", "model_not_found"),
        429: ("requests", "rate_limit_exceeded"),
    }
    _finishes: ClassVar = {"normal": "stop", "length": "length", "refused": "stop", "blocked": "content_filter"}

    def asked(self, path: str, headers: dict[str, str], body: Json) -> Asked:
        said = [(message["role"], parts_of(message["content"])) for message in body["messages"]]
        parts = [part for role, parts in said if role == "user" for part in parts]
        images = [part["image_url"]["url"] for part in parts if part["type"] == "image_url"]
        if not all(re.match(r"data:[\w./+-]+;base64,", image) for image in images):
            raise ValueError("image_url: expected a base64-encoded data URL")
        return Asked(
            vendor=self.vendor,
            path=path,
            model=body["model"],
            instructions=joined(part for role, parts in said if role in ("system", "developer") for part in parts),
            text=joined(parts),
            images=[decoded(image.partition(",")[2]) for image in images],
            media_types=[image[len("data:") : image.index(";")] for image in images],
            schema=body.get("response_format", {}).get("json_schema", {}).get("schema"),
            tools=body.get("tools", []),
            max_output_tokens=body.get("max_completion_tokens", body.get("max_tokens")),
            headers=headers,
            raw=body,
        )

    def answer(self, asked: Asked, says: Says) -> Json:
        message: Json = {"role": "assistant", "content": says.text, "refusal": None}
        if says.finish in ("refused", "blocked"):
            message["content"] = None
            message["refusal"] = "I'm sorry, I can't assist with that." if says.finish == "refused" else None
        output = says.output_tokens + says.thought_tokens
        return {
            "id": f"chatcmpl-{secrets.token_hex(12)}",
            "object": "chat.completion",
            "created": int(time.time()),
            "model": asked.model,
            "choices": [
                {"index": 0, "message": message, "logprobs": None, "finish_reason": self._finishes[says.finish]},
            ],
            "usage": {
                "prompt_tokens": says.input_tokens,
                "completion_tokens": output,
                "total_tokens": says.input_tokens + output,
                "completion_tokens_details": {"reasoning_tokens": says.thought_tokens},
            },
        }

    def wrong_key(self, headers: dict[str, str]) -> Json:
        """Shows both ends of the key that was given, as OpenAI does."""
        given = headers.get("authorization", "").removeprefix("Bearer ")
        masked = f"{given[:8]}{'*' * 12}{given[-4:]}"
        where = "You can find your API key at https://platform.openai.com/account/api-keys."
        return self.error(self.keyless, f"Incorrect API key provided: {masked}. {where}")

    def error(self, status: int, message: str) -> Json:
        usual = ("server_error" if status >= 500 else "invalid_request_error", None)
        kind, code = self._errors.get(status, usual)
        return {"error": {"message": message, "type": kind, "param": None, "code": code}}
