"""Problems: every refusal and failure a caller can see (RFC 9457)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import TypedDict


class FieldError(TypedDict):
    """What is wrong with one field: a JSON pointer, a sentence, a stable snake_case code."""

    pointer: str
    detail: str
    code: str


class Problem(Exception):
    """An answer that says no: raised anywhere, rendered once, by `shared.web`.

    `detail` is a fixed sentence. It never holds input, a vendor's words or the database's.
    """

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.detail = detail
        self.errors = errors
        self.headers = dict(headers or {})

    def document(self, request_id: str) -> dict[str, object]:
        """The body of the `application/problem+json` answer."""
        document: dict[str, object] = {
            "type": "about:blank",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
            "request_id": request_id,
        }
        if self.errors:
            document["errors"] = list(self.errors)
        return document


def unreadable(detail: str) -> Problem:
    """400: the request itself cannot be read."""
    return Problem(400, "unreadable", detail)


def unauthenticated(code: str = "token_invalid") -> Problem:
    """401: no access token, or none that holds. One sentence for all reasons: it guides no forger."""
    detail = "This needs a valid access token, as Authorization: Bearer <token>."
    return Problem(401, code, detail, headers={"WWW-Authenticate": "Bearer"})


def not_found() -> Problem:
    """404: nothing there, or nothing the caller may see. The database answers with the same words."""
    return Problem(404, "not_found", "There is nothing here, or nothing you may see.")


def invalid(pointer: str, code: str, detail: str) -> Problem:
    """422 for one field that only the function itself can judge."""
    return Problem(
        422,
        "invalid_fields",
        "Some fields are not as they must be.",
        errors=[{"pointer": pointer, "detail": detail, "code": code}],
    )


def unavailable(code: str, detail: str, retry_after_seconds: int = 2) -> Problem:
    """503: something we stand on is away for the moment."""
    return Problem(503, code, detail, headers={"Retry-After": str(retry_after_seconds)})
