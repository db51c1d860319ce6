"""`Function`: a WSGI application made of routes. Werkzeug routes; this adds binding from type hints, and fails closed.

A request passes, in this order: size and encoding → route → who calls → limits, idempotency and permission (one round
trip) → binding → the route → rendering → one JSON log line.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, TypeVar
from urllib.parse import unquote
from uuid import UUID

from werkzeug.exceptions import MethodNotAllowed, NotFound
from werkzeug.routing import Map, Rule

from shared import auth, context, cors, limits, log, tracing
from shared.binding import Reply, Signature
from shared.context import Context
from shared.errors import Problem, not_found
from shared.request import Environ, Identifier, Request

SECURITY_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Strict-Transport-Security": "max-age=63072000; includeSubDomains",
    "X-Content-Type-Options": "nosniff",
}

StartResponse = Callable[[str, list[tuple[str, str]]], object]
Verifier = Callable[[Request], None]
Handler = TypeVar("Handler", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True, eq=False)
class Route:
    """One method on one path, with who may call it."""

    method: str
    path: str
    handler: Callable[..., Any]
    signature: Signature
    status: int
    signed_by: Verifier | None
    permission: str | None
    limit: limits.Limit | None
    idempotent: bool
    # For the reference alone: shared/openapi.
    problems: Sequence[str] = ()
    also: Mapping[int, Any] = field(default_factory=dict)
    tagged: bool = False
    media_type: str = "application/json"


class Function:
    """One deployable function, served at `/api/<name>`.

    `max_duration_seconds`, `memory_mb` and `schedules` (a path below the function → when it is called, as cron writes
    it, UTC) are what the platform is told. Routes are added with `get`, `post`, `patch` and `delete`; one that doesn't
    say who may call it raises `TypeError` when the module is imported.
    """

    def __init__(
        self,
        name: str,
        *,
        max_duration_seconds: int = 10,
        memory_mb: int = 512,
        schedules: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self.name = name
        self.max_duration_seconds = max_duration_seconds
        self.memory_mb = memory_mb
        self.schedules = schedules
        self.routes: list[Route] = []
        # Paths are matched undecoded, segment by segment, and nothing is redirected: %2F and // stay what they are.
        self._map = Map(
            strict_slashes=False, merge_slashes=False, redirect_defaults=False, converters={"id": Identifier}
        )

    def get(self, path: str = "/", **access: Any) -> Callable[[Handler], Handler]:
        """A route that reads. Also answers HEAD. For the options see `route`."""
        return self.route("GET", path, **access)

    def post(self, path: str = "/", **access: Any) -> Callable[[Handler], Handler]:
        """A route that makes or does something."""
        return self.route("POST", path, **access)

    def patch(self, path: str = "/", **access: Any) -> Callable[[Handler], Handler]:
        """A route that changes some fields."""
        return self.route("PATCH", path, **access)

    def delete(self, path: str = "/", **access: Any) -> Callable[[Handler], Handler]:
        """A route that removes."""
        return self.route("DELETE", path, **access)

    def route(
        self,
        method: str,
        path: str = "/",
        *,
        public: bool = False,
        signed_by: Verifier | None = None,
        permission: str | None = None,
        limit: limits.Limit | None = None,
        idempotent: bool | None = None,
        status: int = 200,
        problems: Sequence[str] = (),
        also: Mapping[int, Any] | None = None,
        tagged: bool = False,
        media_type: str = "application/json",
    ) -> Callable[[Handler], Handler]:
        """Add a route. Exactly one of: a `Caller` parameter, `public=True` (also with a `Caller | None`: guests may
        come too), `signed_by=` (another of our functions, the scheduler, a vendor's webhook).

        `permission` and `limit` (one unit per request) are taken before the body is decoded. `idempotent`: whether an
        `Idempotency-Key` is honoured, by default wherever a signed-in person writes; switch it off where the answer
        holds a secret, for answers are kept.

        What the reference can't see by itself: `problems`, what this route refuses beyond what all of its kind do, as
        `"409 last_owner"`; `also`, other statuses it answers with, and what; `tagged`, that it answers an ETag and, if
        it writes, heeds `If-Match`.

        `media_type` is that of the answer, where it isn't JSON: the route then returns bytes, or a `Reply` of them.
        """

        def register(handler: Handler) -> Handler:
            signature = Signature.of(handler)
            signed_in = signature.caller is not None and not signature.guests
            if [signed_in, public, signed_by is not None].count(True) != 1:
                raise TypeError(f"{handler.__name__} must say who may call it: a Caller, public=True or signed_by=…")
            if not signed_in and (permission or limit or (idempotent and not signature.guests)):
                raise TypeError(f"{handler.__name__}: permission, limit and idempotent need a Caller")
            keeps = signature.caller is not None and method != "GET" if idempotent is None else idempotent
            route = Route(
                method,
                path,
                handler,
                signature,
                status,
                signed_by,
                permission,
                limit,
                keeps,
                problems,
                also or {},
                tagged,
                media_type,
            )
            self.routes.append(route)
            methods = ["GET", "HEAD"] if method == "GET" else [method]
            # `/api/name` is the route "/": a path of its own, without a trailing slash.
            rule = path.rstrip("/") or "/"
            for name in (name for name, hint in signature.path.items() if hint is UUID):
                rule = rule.replace(f"<{name}>", f"<id:{name}>")
            self._map.add(Rule(rule, endpoint=route, methods=methods))
            return handler

        return register

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        started = time.perf_counter()
        request = Request(environ)
        context.begin(request.context)
        request.context.function = self.name
        recorded = tracing.begin(self.name, request.method, environ.get("wsgi.url_scheme", "http"))
        route: Route | None = None
        failure: str | None = None
        try:
            if request.method == "OPTIONS":
                status, headers, body = 204, {"Allow": ", ".join(self._allowed(request.path))}, b""
            else:
                route, arguments = self._match(request)
                request.context.route = f"/api/{self.name}{route.path}".rstrip("/")
                status, headers, body = self._serve(route, request, arguments)
        except Problem as problem:
            failure = problem.code
            status, headers, body = _render_problem(problem, request.context)
        except Exception as error:  # the platform drops the connection on an uncaught one
            log.failure(error)
            failure = type(error).__name__
            internal = Problem(500, "internal", "Something went wrong on our side.")
            status, headers, body = _render_problem(internal, request.context)
        headers = {
            **SECURITY_HEADERS,
            "X-Request-Id": request.context.request_id,
            **limits.headers(request.context.limits),
            **cors.headers(request.header("origin"), preflight=request.method == "OPTIONS"),
            **headers,
        }
        if status in (204, 304):
            headers.pop("Content-Type", None)
        else:
            headers["Content-Length"] = str(len(body))
        start_response(f"{status} {HTTPStatus(status).phrase}", list(headers.items()))
        self._log_line(request, route, status, started)
        return tracing.finish(recorded, status, failure, [b"" if request.method == "HEAD" else body])

    def _match(self, request: Request) -> tuple[Route, dict[str, str]]:
        adapter = self._map.bind("")
        try:
            route, raw = adapter.match(self._below(request.path), method=request.method)
        except NotFound:
            raise not_found() from None
        except MethodNotAllowed as error:
            allow = ", ".join(sorted({*(error.valid_methods or ()), "OPTIONS"}))
            raise Problem(
                405, "method_not_allowed", "This path doesn't know this method.", headers={"Allow": allow}
            ) from None
        return route, {name: unquote(value, errors="replace") for name, value in raw.items()}

    def _below(self, path: str) -> str:
        """The part of the raw path below `/api/<name>`."""
        prefix = f"/api/{self.name}"
        # Werkzeug would take the leading slashes of "//x" for one.
        if path != prefix and (not path.startswith(prefix + "/") or path.startswith(prefix + "//")):
            raise not_found()
        return path.removeprefix(prefix) or "/"

    def _allowed(self, path: str) -> list[str]:
        methods = self._map.bind("").allowed_methods(self._below(path))
        if not methods:
            raise not_found()
        return sorted({*methods, "OPTIONS"})

    def _serve(self, route: Route, request: Request, arguments: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
        request.refuse_compressed()
        request.refuse_oversized()
        caller = None
        authorization = request.header("authorization")
        if route.signature.caller is not None and (authorization or not route.signature.guests):
            caller = auth.authenticate(authorization)
            request.context.caller_id = str(caller.user_id)
        elif route.signed_by is not None:
            route.signed_by(request)
        request.read()
        try:
            if caller is not None:
                workspace_id, replay = self._begin(route, request, arguments, caller)
                if replay is not None:
                    status, content = replay
                    return (
                        status,
                        {"Content-Type": "application/json", "Idempotent-Replayed": "true"},
                        route.signature.render_again(content),
                    )
                caller = replace(caller, workspace_id=workspace_id)
            ignored = {"workspace_id"} - set(arguments) if route.permission else set()
            result = route.handler(**route.signature.bind(request, arguments, caller, ignored))
        except Exception:
            # Where the change may yet be made the record stays until its lease ends.
            if request.context.idempotency_record and not request.context.change_in_flight:
                limits.release()
            raise
        reply = result if isinstance(result, Reply) else Reply(result, 204 if result is None else route.status)
        if request.context.idempotency_record:
            raise RuntimeError("an idempotent route ended without closing its record")
        headers = {"Content-Type": route.media_type, **reply.headers}
        if route.method == "GET" and reply.status == 200 and request.knows(headers.get("ETag")):
            return 304, headers, b""
        return reply.status, headers, route.signature.render(reply.content)

    def _begin(self, route: Route, request: Request, arguments: dict[str, str], caller: auth.Caller) -> limits.Begun:
        key = request.idempotency_key() if route.idempotent else None
        if not (key or route.limit or route.permission):
            return limits.Begun(None, None)
        return limits.begin(
            caller_id=str(caller.user_id),
            wanted=[route.limit.wanted(str(caller.user_id))] if route.limit else [],
            route=f"{route.method} /api/{self.name}{route.path}",
            key=key,
            fingerprint=request.fingerprint() if key else None,
            lease_seconds=self.max_duration_seconds + 5,
            permission=route.permission,
            workspace_id=request.workspace_id(arguments) if route.permission else None,
        )

    def _log_line(self, request: Request, route: Route | None, status: int, started: float) -> None:
        log.write(
            "error" if status >= 500 else "info",
            function=self.name,
            route=f"{request.method} {route.path}" if route else None,
            status=status,
            duration_ms=round((time.perf_counter() - started) * 1000, 1),
            caller_id=request.context.caller_id,
            database_round_trips=request.context.database_round_trips,
            calls=request.context.calls,
        )


def _render_problem(problem: Problem, request: Context) -> tuple[int, dict[str, str], bytes]:
    headers = {"Content-Type": "application/problem+json", **problem.headers}
    return problem.status, headers, json.dumps(problem.document(request.request_id)).encode()
