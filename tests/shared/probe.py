"""A `Function` with routes of every kind, for tests to call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any
from uuid import UUID

from shared import context
from shared.auth import Caller
from shared.binding import Reply
from shared.models import Body, Query
from shared.web import Function

app = Function("probe")


class Thing(Body):
    """Something to make."""

    name: str


class Filter(Query):
    """What to look for."""

    limit: int = 10


@app.get(public=True)
def read() -> dict[str, str]:
    return {"was": "read"}


@app.post(public=True, status=201)
def make(body: Thing) -> dict[str, str]:
    return {"name": body.name}


@app.post("/raw", public=True)
def take_raw(raw: bytes) -> dict[str, int]:
    return {"size": len(raw)}


@app.post("/picture/raw", public=True)
def take_picture(raw: Annotated[bytes, "image/png", "image/jpeg"]) -> dict[str, int]:
    return {"size": len(raw)}


@app.get("/picture", public=True, media_type="image/png")
def draw() -> Reply[bytes]:
    return Reply(b"\x89PNG", headers={"Cache-Control": "max-age=60", "ETag": '"1"'})


@app.post("/picture", public=True, media_type="image/png")
def redraw() -> Reply[bytes]:
    return Reply(b"\x89PNG", headers={"ETag": '"1"'})


@app.get("/text/<text>", public=True)
def read_text(text: str) -> dict[str, str]:
    return {"text": text}


@app.get("/id/<number>", public=True)
def read_id(number: UUID) -> dict[str, str]:
    return {"id": str(number)}


@app.post("/id/next", public=True)
def next_id() -> dict[str, str]:
    return {"id": "next"}


@app.get("/search", public=True)
def search(query: Filter) -> dict[str, int]:
    return {"limit": query.limit}


@app.delete("/text/<text>", public=True)
def remove(text: str) -> None:
    """Nothing to say."""


@app.post("/mine")
def make_mine(caller: Caller, body: Thing) -> dict[str, str]:
    return {"name": body.name, "user_id": str(caller.user_id)}


@app.get("/ip", public=True)
def ip() -> dict[str, str]:
    return {"ip": context.current().ip}


@app.get("/teapot", public=True)
def teapot() -> Reply[dict[str, str]]:
    return Reply({"short": "stout"}, 418, {"X-Handle": "here", "Cache-Control": "max-age=60"})


failures: dict[str, Callable[[], Any]] = {}


@app.get("/failing/<how>", public=True)
def fail(how: str) -> Any:
    return failures[how]()


@app.get("/welcome", public=True)
def welcome(caller: Caller | None) -> dict[str, str | None]:
    return {"user_id": str(caller.user_id) if caller else None}
