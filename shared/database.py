"""The database, through PostgREST: procedures and reads, as the caller or as the service.

Procedures end in `private.answer` or `private.refuse` (see the migrations), so that their result is
`{"status", "body"}` or `{"status", "code", "detail"}`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from shared import context, gateway, limits, log
from shared.errors import Problem, unauthenticated, unavailable

if TYPE_CHECKING:
    from shared.auth import Caller

ERROR_CODE = re.compile(r"[0-9A-Z]{5,8}")  # SQLSTATE, or PostgREST's own; anything else may be somebody's words


class Database:
    """PostgREST with one identity. Made for a request and dropped with it."""

    def __init__(self, *, token: str | None = None, secret: bool = False) -> None:
        self._token = token
        self._secret = secret

    def rpc(self, procedure: str, **arguments: object) -> Any:
        """Run a procedure that answers or refuses; its body. Raises the refusal as a `Problem`."""
        headers = {}
        request = context.current()
        if request.idempotency_record:
            headers["X-Idempotency-Record"] = request.idempotency_record
        request.change_in_flight = True
        try:
            result = self._call(procedure, arguments, headers)
        except Problem as problem:
            request.change_in_flight = problem.status >= 500  # below that the database has said that it did nothing
            raise
        if result is None:  # only a person who no longer exists gets nothing at all
            raise unauthenticated()
        request.change_in_flight = False
        request.idempotency_record = None  # closed or freed in the procedure's own transaction
        _admit(result)
        return result["body"]

    def begin(self, procedure: str, **arguments: object) -> dict[str, Any]:
        """Run a procedure that refuses, or tells what is needed to go on: another one will end the request.

        Raises the refusal as a `Problem`.
        """
        result = self._call(procedure, arguments, {})
        if result is None:
            raise unauthenticated()
        _admit(result)
        return result  # type: ignore[no-any-return]

    def value(self, function: str, **arguments: object) -> Any:
        """Call a function that returns a plain value."""
        return self._call(function, arguments, {})

    def select(self, table: str, **filters: str) -> list[dict[str, Any]]:
        """Rows of a table, by PostgREST's filters: `select("workspaces", id="eq.…")`. Row-level security applies."""
        return self._read(self._send("GET", f"/rest/v1/{table}?{urlencode(filters)}"))  # type: ignore[no-any-return]

    def _call(self, function: str, arguments: dict[str, object], headers: dict[str, str]) -> Any:
        return self._read(self._send("POST", f"/rest/v1/rpc/{function}", payload=arguments, headers=headers))

    def _send(self, method: str, path: str, **options: Any) -> gateway.Reply:
        context.current().database_round_trips += 1
        return gateway.send(method, path, token=self._token, secret=self._secret, **options)

    def _read(self, reply: gateway.Reply) -> Any:
        answer = reply.json()
        if reply.status < 300:
            if answer is None and reply.body.strip() not in (b"", b"null"):  # not PostgREST: something in between
                raise _away()
            return answer
        code = str(answer.get("code")) if isinstance(answer, dict) else ""
        if not ERROR_CODE.fullmatch(code):
            code = ""
        log.write("warning", event="database refused", status=reply.status, code=code)  # its message quotes rows
        if self._secret and reply.status in (401, 403):  # our own key or grants: nothing the caller can mend
            raise Problem(500, "internal", "Something went wrong on our side.")
        raise _problem(reply.status, code)


def _admit(result: dict[str, Any]) -> None:
    """Note how the limits stand. Raises the refusal, if it is one."""
    request = context.current()
    if "limits" in result:
        request.limits = result["limits"]
    if "code" in result:
        headers = _refusal_headers(result["status"], request)
        raise Problem(result["status"], result["code"], result["detail"], headers=headers)


def _refusal_headers(status: int, request: context.Context) -> dict[str, str]:
    if status == 429:
        return limits.retry_after(request.limits)
    return {"WWW-Authenticate": "Bearer"} if status == 401 else {}


def _problem(status: int, code: str) -> Problem:
    if code == "PT409":
        return limits.in_progress()
    if status == 401 or code.startswith("PGRST30"):
        return unauthenticated()
    if code == "23505":
        return Problem(409, "conflict", "Something like this exists already.")
    if code.startswith(("22", "23")):
        return Problem(422, "value_refused", "The database refuses one of these values.")
    if status == 403:
        return Problem(403, "permission_denied", "You may not do this.")
    if status >= 500 or status in (408, 429):
        return _away()
    return Problem(500, "internal", "Something went wrong on our side.")


def _away() -> Problem:
    return unavailable("database_unavailable", "The database is away. Try again shortly.")


def as_caller(caller: Caller) -> Database:
    """The database as this person sees it: row-level security applies, procedures know who asks."""
    return Database(token=caller.token)


def as_service() -> Database:
    """The database past row-level security. A test names the few modules that may ask for it."""
    return Database(secret=True)
