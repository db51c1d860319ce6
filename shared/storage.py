"""Files in Supabase Storage, in private buckets by signed URLs, or public. Paths start with the workspace's id."""

from __future__ import annotations

from urllib.parse import quote

from shared import gateway, settings
from shared.errors import Problem, not_found, unavailable


def upload(bucket: str, path: str, content: bytes, content_type: str) -> None:
    """Store a file as the service; an existing one is replaced."""
    _call(
        "POST",
        f"object/{_place(bucket, path)}",
        body=content,
        headers={"Content-Type": content_type, "x-upsert": "true"},
    )


def download(bucket: str, path: str) -> bytes:
    """A file's bytes, as the service. Raises `Problem` 404."""
    return _call("GET", f"object/{_place(bucket, path)}").body


def signed_url(bucket: str, path: str, expires_in_seconds: int) -> str:
    """An address from which anybody can download this one file for a while. Raises `Problem` 404."""
    reply = _call("POST", f"object/sign/{_place(bucket, path)}", payload={"expiresIn": expires_in_seconds})
    return str(settings.get("SUPABASE_URL").rstrip("/") + "/storage/v1" + reply.json()["signedURL"])


def public_url(bucket: str, path: str) -> str:
    """The address of a file in a public bucket; nobody is asked whether it is there."""
    return settings.get("SUPABASE_URL").rstrip("/") + f"/storage/v1/object/public/{_place(bucket, path)}"


def signed_upload_url(bucket: str, path: str) -> str:
    """An address to which anybody can upload this one file, for two hours."""
    reply = _call("POST", f"object/upload/sign/{_place(bucket, path)}", payload={})
    return str(settings.get("SUPABASE_URL").rstrip("/") + "/storage/v1" + reply.json()["url"])


def remove(bucket: str, paths: list[str]) -> None:
    """Delete files; those that aren't there don't matter."""
    _call("DELETE", f"object/{bucket}", payload={"prefixes": paths})


def _place(bucket: str, path: str) -> str:
    """The address of a file. `..` would be resolved on the way, out of the workspace: `Problem` 404."""
    if any(segment in ("", ".", "..") for segment in path.split("/")):
        raise not_found()
    return f"{bucket}/{quote(path)}"


def _call(
    method: str, path: str, *, payload: object = None, body: bytes | None = None, headers: dict[str, str] | None = None
) -> gateway.Reply:
    reply = gateway.send(method, f"/storage/v1/{path}", secret=True, payload=payload, body=body, headers=headers)
    if reply.status < 300:
        return reply
    if reply.status >= 500:
        raise unavailable("storage_unavailable", "Storage is away. Try again shortly.")
    status = _meant(reply)
    if status in (400, 404) and method != "DELETE":
        raise not_found()
    if status == 413:
        raise Problem(413, "too_large", "The file is larger than its bucket takes.")
    raise Problem(500, "internal", "Something went wrong on our side.")


def _meant(reply: gateway.Reply) -> int:
    """Storage answers 400 to nearly everything and says in the body which status it means."""
    said = reply.json()
    status = str(said.get("statusCode")) if isinstance(said, dict) else ""
    return int(status) if status.isdecimal() else reply.status
