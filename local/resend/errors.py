"""Refusals, in the vendor's words: `{"statusCode", "name", "message"}`."""

from local.sandbox import server

USUAL = {
    400: ("validation_error", "We found an error with one or more fields in the request."),
    401: ("missing_api_key", "Missing API Key"),
    403: ("invalid_api_key", "API key is invalid"),
    404: ("not_found", "The requested endpoint does not exist."),
    405: ("method_not_allowed", "Method is not allowed for the requested path."),
    422: ("validation_error", "We found an error with one or more fields in the request."),
    429: ("rate_limit_exceeded", "Too many requests."),
    500: ("application_error", "An unexpected error occurred."),
    503: ("service_unavailable", "API is temporarily unavailable"),
}


class Refused(server.Refused):
    """`name` and `message` are the usual ones of the status unless given."""

    def __init__(
        self, status: int, name: str | None = None, message: str | None = None, headers: dict[str, str] | None = None
    ) -> None:
        usual_name, usual_message = USUAL.get(status, USUAL[500])
        message = message or usual_message
        super().__init__(
            status, message, {"statusCode": status, "name": name or usual_name, "message": message}, headers
        )


def invalid(message: str) -> Refused:
    """A field that is there but can't be used."""
    return Refused(422, "validation_error", message)


def missing(field: str) -> Refused:
    """A field that isn't there."""
    return Refused(422, "missing_required_field", f"Missing {field} field.")
