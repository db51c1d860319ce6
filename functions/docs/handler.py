"""GET /api/docs: the reference of all functions, to read and to try. Public; reads files and touches nothing else.

Swagger UI draws it, from a wheel that carries nothing but its built files; signing in is ours (page/). The document is
the committed one. What the page may load is said twice, by a list of names here and by its content security policy:
only from here, no inline scripts, no eval.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from string import Template

from shared.binding import Reply
from shared.errors import not_found
from shared.web import Function

HERE = Path(__file__).parent
HTML = "text/html; charset=utf-8"
SCRIPT = "text/javascript; charset=utf-8"
STYLE = "text/css; charset=utf-8"

# All that is served, with its type: ours first, then Swagger UI's.
OURS = {"reference.js": SCRIPT, "reference.css": STYLE}
THEIRS = {"swagger-ui-bundle.js": SCRIPT, "swagger-ui.css": STYLE, "favicon-32x32.png": "image/png"}

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",  # the arrows in Swagger UI's style sheet
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
FOREVER = "public, max-age=31536000, immutable"
ASK_EACH_TIME = "no-cache"


@dataclass(frozen=True, slots=True)
class Asset:
    """A file as it is served. `digest` names its content: 16 hexadecimal digits."""

    content: bytes
    media_type: str
    digest: str


@dataclass(frozen=True, slots=True)
class Whatever:
    """The parameters that links bring along, to tell where one came from: let be."""

    @classmethod
    def from_query(cls, parameters: dict[str, str]) -> Whatever:
        return cls()


app = Function("docs", memory_mb=256)


@app.get(public=True, tagged=True, media_type=HTML)
def show_reference(query: Whatever) -> Reply[bytes]:
    """The reference as a page. It signs you in, and sends requests from where you read about them."""
    page = drawn()
    headers = {
        "Cache-Control": ASK_EACH_TIME,
        "Content-Security-Policy": POLICY,
        "Cross-Origin-Opener-Policy": "same-origin",
        "ETag": f'"{digest(page)}"',
    }
    return Reply(page, headers=headers)


@app.get("/openapi.json", public=True, tagged=True)
def read_document() -> Reply[bytes]:
    """The OpenAPI 3.1 document that the page shows, for your own tools."""
    document = (HERE / "openapi.json").read_bytes()
    return Reply(document, headers={"Cache-Control": ASK_EACH_TIME, "ETag": f'"{digest(document)}"'})


@app.get("/assets/<asset_digest>/<name>", public=True, tagged=True, media_type="*/*", problems=["404 not_found"])
def read_asset(asset_digest: str, name: str) -> Reply[bytes]:
    """A file that the page is made of. Its path changes with its content, so it may be kept for good."""
    asset = assets().get(name)
    if asset is None or asset.digest != asset_digest:
        raise not_found()
    headers = {"Content-Type": asset.media_type, "Cache-Control": FOREVER, "ETag": f'"{asset.digest}"'}
    return Reply(asset.content, headers=headers)


@cache
def assets() -> dict[str, Asset]:
    """Every file by its name, read once."""
    # Found without being imported: its module would load Flask, which nobody here needs.
    package = find_spec("flask_swagger_ui")
    if package is None or not package.submodule_search_locations:
        raise RuntimeError("flask-swagger-ui is not installed")
    theirs = Path(package.submodule_search_locations[0]) / "dist"
    files = [*((HERE / "page", *each) for each in OURS.items()), *((theirs, *each) for each in THEIRS.items())]
    return {name: asset((folder / name).read_bytes(), media_type) for folder, name, media_type in files}


@cache
def drawn() -> bytes:
    """The page, with the paths of its files as they are now."""
    paths = {
        name.replace(".", "_").replace("-", "_"): f"/api/docs/assets/{each.digest}/{name}"
        for name, each in assets().items()
    }
    return Template((HERE / "page" / "reference.html").read_text()).substitute(paths).encode()


def asset(content: bytes, media_type: str) -> Asset:
    """A file's content under its digest."""
    return Asset(content, media_type, digest(content))


def digest(content: bytes) -> str:
    """Another for other content: the start of its SHA-256."""
    return hashlib.sha256(content).hexdigest()[:16]
