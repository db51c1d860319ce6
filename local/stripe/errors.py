"""Refusals, in the vendor's shape: `{"error": {"type", "code", "message", "param", …}}`."""

from typing import Any

from local.sandbox import server
from local.sandbox.journal import Json

USUAL = {
    400: ("invalid_request_error", "The request was unacceptable."),
    401: ("invalid_request_error", "You did not provide an API key."),
    402: ("card_error", "Your card was declined."),
    404: ("invalid_request_error", "The requested resource doesn't exist."),
    409: ("invalid_request_error", "The request conflicts with another request."),
    429: ("invalid_request_error", "Request rate limit exceeded."),
}
UNUSUAL = ("api_error", "An unknown error occurred.")


class Refused(server.Refused):
    """An answer that isn't 200.

    `begun` says that the endpoint had begun to act: only then is the answer kept for the idempotency key, and what
    was changed until then stays changed. `more` are further fields of the error: `decline_code`, `payment_intent`.
    """

    def __init__(
        self,
        status: int,
        message: str | None = None,
        *,
        type: str | None = None,
        code: str | None = None,
        param: str | None = None,
        more: Json | None = None,
        headers: dict[str, str] | None = None,
        begun: bool = False,
    ) -> None:
        usual_type, usual_message = USUAL.get(status, UNUSUAL)
        self.begun = begun
        message = message or usual_message
        told = {"type": type or usual_type, "code": code, "message": message, "param": param}
        error = {name: value for name, value in told.items() if value is not None} | (more or {})
        super().__init__(status, message, {"error": error}, headers)


def invalid(message: str, param: str | None = None, code: str | None = None) -> Refused:
    """A parameter that can't be used: refused before anything is done."""
    return Refused(400, message, param=param, code=code)


def missing(param: str) -> Refused:
    """A parameter that isn't there."""
    return invalid(f"Missing required param: {param}.", param, "parameter_missing")


def refused(message: str, code: str | None = None, *, param: str | None = None, **more: Any) -> Refused:
    """What can't be done with the object as it stands: found while doing it, so it is kept for the key."""
    return Refused(400, message, code=code, param=param, more=more, begun=True)


def unknown(kind: str, id_: str, param: str | None = None, *, status: int = 400) -> Refused:
    """An object that isn't there: 404 where the path names it, 400 where a parameter does."""
    return Refused(status, f"No such {kind}: '{id_}'", param=param or "id", code="resource_missing")
