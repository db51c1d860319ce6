"""The app one would write: FastAPI and supabase-py, as their documentation shows them. What the functions are beside.

It checks less than they do (no limits, idempotency, size bounds, security headers or log line), and verifies tokens
without asking Supabase Auth, as they do: nothing here is slower than it must be.
"""

from __future__ import annotations

import os
import socket
from typing import Annotated, Any
from uuid import UUID

import jwt
from fastapi import Depends, FastAPI, HTTPException
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel, ConfigDict, Field

from supabase import Client, ClientOptions, create_client

app = FastAPI()


class NewWorkspace(BaseModel):
    """A workspace to make."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(min_length=1, max_length=100)]
    time_zone: Annotated[str, Field(max_length=64)] = "UTC"
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] = "USD"


class Workspace(BaseModel):
    """A workspace that was made."""

    id: UUID
    name: str
    time_zone: str
    currency: str
    revision: int


def as_caller(credentials: Annotated[HTTPAuthorizationCredentials, Depends(HTTPBearer())]) -> Client:
    """A client with the caller's identity: one for each request, for a shared one would mix people up."""
    token = credentials.credentials
    try:
        jwt.decode(token, os.environ["SUPABASE_JWT_SECRET"], algorithms=["HS256"], audience="authenticated")
    except jwt.PyJWTError as error:
        raise HTTPException(401, "Invalid token") from error
    return create_client(
        os.environ["SUPABASE_URL"],
        os.environ["SUPABASE_PUBLISHABLE_KEY"],
        ClientOptions(headers={"Authorization": f"Bearer {token}"}),
    )


@app.get("/live")
def live() -> dict[str, str]:
    """Whether it is up."""
    return {"status": "ok"}


@app.post("/workspaces", status_code=201)
def create_workspace(body: NewWorkspace, supabase: Annotated[Client, Depends(as_caller)]) -> Workspace:
    """Make a workspace, by the procedure that the functions call too."""
    settings = body.model_dump(exclude={"name"})
    reply: Any = supabase.rpc("create_workspace", {"name": body.name, "settings": settings}).execute().data
    if reply["status"] != 201:
        raise HTTPException(reply["status"], reply["detail"])
    return Workspace.model_validate(reply["body"])


def serve(listening: int) -> None:
    """Answer on the socket of that number until killed."""
    import uvicorn  # the platform's own runtime brings another

    server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
    server.run(sockets=[socket.socket(fileno=listening)])
