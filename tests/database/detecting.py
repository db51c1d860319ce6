"""What engines find, for tests that act in SQL."""

from __future__ import annotations

from typing import Any
from uuid import uuid4


def sha256() -> str:
    """What no other image or prompt has."""
    return uuid4().hex * 2


def detection(**changes: Any) -> dict[str, Any]:
    """As detect records it: of an image nobody else sent."""
    return {
        "kind": "general",
        "image_sha256": sha256(),
        "prompt_sha256": "0" * 64,
        "items": [],
        "text": "",
        "confidence": 0,
        "provider": "local",
        "model": "test",
        "cost_micro_usd": 0,
        "fallback_reason": None,
        "processing_time_ms": 1,
        **changes,
    }
