"""A picture and the request that detects in it, beside the stack's state: for the command that `make run` prints."""

from __future__ import annotations

import base64
import json
from pathlib import Path


def write(folder: Path) -> Path:
    """`sample.jpg`, and `sample.json`, which is the body for POST /api/detect; made once."""
    from local.pictures import labels

    body = folder / "sample.json"
    if not body.exists():
        picture = labels()[0].image
        (folder / "sample.jpg").write_bytes(picture)
        body.write_text(json.dumps({"image": base64.b64encode(picture).decode(), "kind": "pantry"}))
    return body
