"""Canaries in every secret, password, token, code and header: they never come out where they must not."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

from local.functions import FunctionsServer
from local.stack import Stack
from shared import clock, jwks, tracing
from shared.settings import SETTINGS
from shared.web import Function
from tests.api import Api, InProcess, OverHttp, Response
from tests.collecting import Collector
from tests.shared.signing import forged
from tests.shared.wsgi import call

SECRETS = ("SUPABASE_SECRET_KEY", "SUPABASE_JWT_SECRET", "BOOTSTRAP_ADMIN_TOKEN", "INTERNAL_TOKEN", "CRON_SECRET")


def sealed(name: str) -> str:
    """A canary: a value found nowhere else, that says where it was put."""
    return f"canary-{name}-{uuid4().hex}"


@dataclass
class Canaries:
    """What must not come out: secrets nowhere at all, personal data not in logs and records."""

    secret: dict[str, str]
    personal: dict[str, str] = field(default_factory=dict)
    number: int = 0

    @classmethod
    def of(cls, env: Mapping[str, str]) -> Canaries:
        """Those of a deployment: its secrets, current and previous."""
        secret = {name: env[name] for name in env if name.removesuffix("_PREVIOUS") in SECRETS}
        secret["database password"] = urlsplit(env["DATABASE_URL"]).password or ""
        assert all(len(value) > 20 for value in secret.values())
        return cls(secret)

    def put(self, name: str, value: str | None = None) -> str:
        """One more secret, and its value."""
        self.number += 1
        return self.secret.setdefault(f"{name} {self.number}", value or sealed(name))

    def about(self, name: str, value: str) -> str:
        """One more piece of personal data."""
        self.number += 1
        return self.personal.setdefault(f"{name} {self.number}", value)

    def secrets_in(self, text: str | bytes) -> list[str]:
        text = text if isinstance(text, str) else text.decode(errors="replace")
        return [name for name, value in self.secret.items() if value in text]

    def any_in(self, text: str | bytes) -> list[str]:
        text = text if isinstance(text, str) else text.decode(errors="replace")
        return self.secrets_in(text) + [name for name, value in self.personal.items() if value in text]


@dataclass
class Walk:
    """The main flows and their failures, as one person after another; keeps all answers."""

    api: Api
    canaries: Canaries
    answers: list[tuple[str, Response]] = field(default_factory=list)

    def ask(self, method: str, path: str, **request: Any) -> Response:
        headers = {
            "Cookie": self.canaries.put("cookie"),
            "User-Agent": self.canaries.put("agent"),
            "Referer": self.canaries.put("referer"),
            "Origin": self.canaries.put("origin"),
            "If-Match": self.canaries.put("tag") if "odd" in request.get("headers", {}) else "",
            "X-Forwarded-For": self.canaries.put("address"),
            "X-Api-Key": self.canaries.put("key"),
            "apikey": self.canaries.put("key"),
            **request.pop("headers", {}),
        }
        answer = self.api(method, path, headers={name: value for name, value in headers.items() if value}, **request)
        self.answers.append((f"{method} {path}", answer))
        return answer

    def all(self) -> None:
        self.signing_up_and_in()
        self.working()
        self.what_goes_wrong()
        self.leaving()

    def signing_up_and_in(self) -> None:
        put, about = self.canaries.put, self.canaries.about
        self.password = put("password")
        self.email = about("email", f"{sealed('email')}@example.com".lower())
        self.name = about("name", sealed("name"))
        account = {"email": self.email, "password": self.password, "name": self.name}
        self.ask("POST", "/api/auth/sign-up", json=account)
        self.ask("POST", "/api/auth/sign-up", json=account)
        self.ask("POST", "/api/auth/sign-up", json={**account, "password": "short-canary"})
        self.ask("POST", "/api/auth/sign-up", json={**account, "password": put("password") * 9})
        self.ask("POST", "/api/auth/sign-up", json={**account, "invite_code": put("code")})
        another = {**account, "email": about("email", f"{sealed('email')}@example.com".lower())}
        self.ask("POST", "/api/auth/sign-up", json={**another, "invite_code": put("code")})
        self.ask("POST", "/api/auth/sign-in", json={"email": self.email, "password": put("password")})
        self.ask("POST", "/api/auth/sign-in", json={"email": another["email"], "password": put("password")})
        session = self.ask("POST", "/api/auth/sign-in", json={"email": self.email, "password": self.password})
        self.token = put("token", session.json.get("access_token"))
        next_session = self.ask(
            "POST", "/api/auth/refresh", json={"refresh_token": put("refresh", session.json.get("refresh_token"))}
        )
        put("refresh", next_session.json.get("refresh_token"))
        self.ask("POST", "/api/auth/refresh", json={"refresh_token": put("refresh")})
        self.ask("POST", "/api/auth/password-reset", json={"email": self.email})
        self.ask("POST", "/api/auth/verify", json={"type": "password_reset", "email": self.email, "code": "0000000000"})

    def working(self) -> None:
        put = self.canaries.put
        self.ask("GET", "/api/auth/me", token=self.token)
        key = {"Idempotency-Key": uuid4().hex}
        made = [
            self.ask("POST", "/api/workspaces", token=self.token, json={"name": "Shop"}, headers=key) for _ in range(2)
        ]
        workspace = made[0].json.get("id", uuid4())
        path = f"/api/workspaces/{workspace}"
        self.ask("PATCH", path, token=self.token, json={"name": "Shop 2"}, headers={"odd": "1"})
        self.ask("POST", f"{path}/roles", token=self.token, json={"name": "packer", "permissions": ["orders.read"]})
        invite = self.ask("POST", f"{path}/invites", token=self.token, json={"role": "staff"})
        self.code = put("code", invite.json.get("code"))
        guest = self.canaries.about("email", f"{sealed('email')}@example.com".lower())
        account = {"email": guest, "password": put("password"), "name": self.name, "invite_code": self.code}
        joined = self.ask("POST", "/api/auth/sign-up", json=account)
        put("token", joined.json.get("access_token"))
        for code in (put("code"), self.code):
            self.ask("POST", "/api/workspaces/join", token=self.token, json={"code": code}, headers=key)
        for view in ("members", "roles", "invites", "audit", "audit/verification"):
            self.ask("GET", f"{path}/{view}", token=self.token)
        image = base64.b64encode(put("image").encode()).decode()
        self.ask("POST", "/api/detect", token=self.token, json={"image": put("image", image)})
        self.ask("GET", "/api/health")

    def what_goes_wrong(self) -> None:
        put = self.canaries.put
        for token in (put("token"), f"{put('token')}.{put('token')}.{put('token')}"):
            self.ask("GET", "/api/auth/me", token=token)
        body = json.dumps({"sub": put("sub")})
        self.ask(
            "GET", "/api/auth/me", token=put("token", forged({"alg": "HS256", "kid": put("kid")}, body, b"x" * 32))
        )
        self.ask("GET", f"/api/workspaces/{put('segment')}", token=self.token)
        self.ask("GET", f"/api/workspaces?{put('parameter')}={put('value')}", token=self.token)
        self.ask("GET", f"/api/workspaces?limit={put('value')}&cursor={put('value')}", token=self.token)
        self.ask(put("method").upper(), "/api/workspaces", token=self.token)
        self.ask("POST", f"/api/health/{put('segment')}")
        as_json = {"Content-Type": "application/json"}
        canary = put("body").encode()
        for raw in (b'{"%s": 1}', b'{"name": "%s\\u0000"}', b'{"name": ["%s"]}', b'{"name": "\n%s"}', b"%s", b'"%s"'):
            self.ask("POST", "/api/workspaces", token=self.token, body=raw % canary, headers=as_json)
            self.ask("POST", "/api/auth/sign-in", body=raw % canary, headers=as_json)
        for kind in ("Content-Type", "Content-Encoding", "Idempotency-Key"):
            self.ask("POST", "/api/workspaces", token=self.token, body=canary, headers={kind: put("header") + " é"})
        claim = {"email": self.email, "token": put("bootstrap")}
        self.ask("POST", "/api/bootstrap-admin", json=claim)
        nobody = {"email": "nobody@example.com", "token": self.canaries.secret["BOOTSTRAP_ADMIN_TOKEN"]}
        self.ask("POST", "/api/bootstrap-admin", json=nobody)
        self.ask("POST", "/api/detect-local", token=put("internal"), body=canary)
        self.ask("POST", "/api/detect-local", token=self.canaries.secret["INTERNAL_TOKEN"], body=canary)

    def leaving(self) -> None:
        self.ask("POST", "/api/auth/password", token=self.token, json={"password": self.canaries.put("password")})
        self.ask("POST", "/api/auth/sign-out", token=self.token)
        self.ask("POST", "/api/auth/password", token=self.token, json={"password": self.canaries.put("password")})

    def leaks(self) -> list[tuple[str, list[str]]]:
        """Answers that hold what they must not: an error anything at all, any other a secret it isn't there to tell."""
        found = []
        for request, answer in self.answers:
            if answer.status >= 400:
                found.append((request, self.canaries.any_in(answer.body)))
            else:
                names = self.canaries.secrets_in(answer.body)
                found.append((request, [n for n in names if n.split()[0] not in ("token", "refresh", "code")]))
            found.append((request, self.canaries.secrets_in(str(answer.headers))))
        return [(request, names) for request, names in found if names]


@pytest.fixture
def deployed(stack: Stack) -> dict[str, str]:
    """The settings of a production deployment, each rotating secret with a previous value."""
    previous = {f"{name}_PREVIOUS": sealed("previous") for name, setting in SETTINGS.items() if setting.rotates}
    return {**stack.env, **previous, "ENVIRONMENT": "production"}


@pytest.fixture
def canaries(deployed: dict[str, str]) -> Canaries:
    return Canaries.of(deployed)


@pytest.fixture
def walk(
    deployed: dict[str, str],
    canaries: Canaries,
    server: FunctionsServer,
    api: InProcess,
    environment: pytest.MonkeyPatch,
) -> Walk:
    """Through this process, production settings around it."""
    for name, value in deployed.items():
        environment.setenv(name, value)
    environment.setenv("API_URL", server.url)
    environment.setattr(clock, "sleep", lambda seconds: None)
    return Walk(api, canaries)


def records(database: psycopg.Connection, *schemas: str) -> Iterator[tuple[str, str]]:
    """Every row of every table, as text."""
    tables = database.execute(
        "select schemaname, tablename from pg_tables where schemaname = any(%s)", [list(schemas)]
    ).fetchall()
    assert tables
    for schema, table in tables:
        query = sql.SQL("select t::text from {} as t").format(sql.Identifier(schema, table))
        for (row,) in database.execute(query):
            yield f"{schema}.{table}", row


class TestTheMainFlowsAndTheirFailures:
    def test_tell_no_secret_in_this_process(
        self, walk: Walk, capsys: pytest.CaptureFixture[str], database: psycopg.Connection
    ) -> None:
        walk.all()
        statuses = {answer.status for _, answer in walk.answers}
        assert {200, 201, 204, 400, 401, 404, 405, 415, 422} <= statuses  # it was all there
        assert not {status for status in statuses if status >= 500}
        assert walk.leaks() == []
        logged = capsys.readouterr()
        assert len(logged.out.splitlines()) >= len(walk.answers)
        assert walk.canaries.any_in(logged.out) == []
        assert logged.err == ""
        self.nothing_is_recorded(walk, database)

    def test_tell_a_collector_and_sentry_nothing(self, walk: Walk, environment: pytest.MonkeyPatch) -> None:
        with Collector() as collector:
            environment.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
            environment.setenv("SENTRY_DSN", collector.dsn)
            environment.setattr(tracing, "_impossible", False)
            walk.all()
            collector.await_(lambda: len([s for s in collector.spans() if s.kind == "SERVER"]) >= len(walk.answers))
            assert {span.name for span in collector.spans()} >= {"POST auth/token", "POST rpc/begin_request"}
            sent = [*collector.bodies, json.dumps(collector.headers).encode()]
        assert [names for body in sent if (names := walk.canaries.any_in(body))] == []

    def test_tell_no_secret_in_a_server_s_output(
        self, deployed: dict[str, str], canaries: Canaries, tmp_path: Path, database: psycopg.Connection
    ) -> None:
        with (tmp_path / "output").open("wb") as output, FunctionsServer(deployed, output=output) as server:
            walk = Walk(OverHttp(server.url), canaries)
            walk.all()
        assert not [answer for _, answer in walk.answers if answer.status >= 500]
        assert walk.leaks() == []
        logged = (tmp_path / "output").read_text()
        assert len(logged.splitlines()) >= len(walk.answers)
        assert canaries.any_in(logged) == []
        self.nothing_is_recorded(walk, database)

    def nothing_is_recorded(self, walk: Walk, database: psycopg.Connection) -> None:
        """Secrets in no table of ours; personal data not in what is kept for other reasons."""
        kept = {"private.audit_log", "private.rate_limits"}
        seen = set()
        for table, row in records(database, "public", "private"):
            seen.add(table)
            assert walk.canaries.secrets_in(row) == [], table
            if table in kept:
                assert walk.canaries.any_in(row) == [], table
        assert {*kept, "private.idempotency", "public.invites"} <= seen
        for _, row in records(database, "auth"):  # Supabase Auth keeps its own sessions
            names = walk.canaries.secrets_in(row)
            assert not [name for name in names if not name.startswith("refresh")]


class Echo:
    """A Supabase that answers everything with all it was sent, wherever words could stand."""

    def __init__(self) -> None:
        self.status = 200
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                size = int(self.headers.get("Content-Length") or 0)
                heard = f"{self.path} {self.headers} {self.rfile.read(size).decode(errors='replace')}"
                words = ("message", "msg", "code", "error", "error_code", "error_description", "details", "hint")
                body = json.dumps({**dict.fromkeys(words, heard), "body": heard, "status": heard}).encode()
                self.send_response(outer.status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_POST = do_PUT = do_PATCH = do_DELETE = do_GET

            def log_message(self, format: str, *arguments: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Echo:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class TestASupabaseThatRepeatsWhatItHears:
    @pytest.mark.parametrize("status", [200, 201, 400, 401, 403, 404, 406, 409, 413, 422, 429, 500, 502, 503])
    def test_has_nothing_repeated_by_us(
        self,
        canaries: Canaries,
        api: InProcess,
        deployed: dict[str, str],
        environment: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
        status: int,
    ) -> None:
        for name, value in deployed.items():
            environment.setenv(name, value)
        environment.setattr(clock, "sleep", lambda seconds: None)
        environment.setattr(jwks, "_fetched_at", float("-inf"))
        with Echo() as echo:
            echo.status = status
            environment.setenv("SUPABASE_URL", echo.url)
            environment.setenv("API_URL", echo.url)
            claims = {"sub": str(uuid4()), "aud": "authenticated", "role": "authenticated", "exp": 2**33}
            token = canaries.put("token", forged({"alg": "HS256"}, claims, deployed["SUPABASE_JWT_SECRET"].encode()))
            workspace = f"/api/workspaces/{uuid4()}"
            password, code = canaries.put("password"), canaries.put("code")
            email = canaries.about("email", f"{sealed('email')}@example.com")
            account = {"email": email, "password": password, "name": "Ana"}
            requests: list[tuple[str, str, dict[str, Any]]] = [
                ("POST", "/api/auth/sign-up", {"json": {**account, "invite_code": code}}),
                ("POST", "/api/auth/sign-in", {"json": {"email": email, "password": password}}),
                ("POST", "/api/auth/refresh", {"json": {"refresh_token": canaries.put("refresh")}}),
                ("POST", "/api/auth/password", {"token": token, "json": {"password": password}}),
                ("GET", "/api/auth/me", {"token": token}),
                ("POST", "/api/workspaces/join", {"token": token, "json": {"code": code}}),
                ("GET", "/api/workspaces", {"token": token}),
                ("POST", f"{workspace}/invites", {"token": token, "json": {"role": "staff"}}),
                ("DELETE", f"{workspace}/members/{uuid4()}", {"token": token}),
                ("POST", "/api/bootstrap-admin", {"json": {"email": email, "token": canaries.put("bootstrap")}}),
                ("POST", "/api/detect", {"token": token, "json": {"image": "AAAA"}}),
                ("GET", "/api/health", {}),
            ]
            answers = [(path, api(method, path, **request)) for method, path, request in requests]
        assert len(answers) == 12
        assert [(path, names) for path, answer in answers if (names := canaries.any_in(answer.body))] == []
        assert [(path, names) for path, answer in answers if (names := canaries.any_in(str(answer.headers)))] == []
        assert canaries.any_in(capsys.readouterr().out) == []


class TestAnExceptionWithASecretInItsWords:
    app = Function("probe")
    failing: Callable[[], Any]

    @staticmethod
    @app.get(public=True)
    def fail() -> None:
        TestAnExceptionWithASecretInItsWords.failing()

    @pytest.mark.parametrize("environment_name", ["production", "staging", "prod", "Production"])
    def test_is_logged_by_its_kind_and_place_alone(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], environment_name: str
    ) -> None:
        canary = sealed("secret")

        def fails() -> None:
            try:
                dict[str, str]()[canary]
            except KeyError as error:
                error.add_note(canary)
                raise ValueError(f"no {canary}") from error

        monkeypatch.setenv("ENVIRONMENT", environment_name)
        monkeypatch.setattr(TestAnExceptionWithASecretInItsWords, "failing", fails, raising=False)
        answer = call(self.app, path="/api/probe")
        assert answer.status == 500
        assert canary.encode() not in answer.body
        logged = capsys.readouterr()
        assert canary not in logged.out + logged.err
        assert json.loads(logged.out.splitlines()[0])["error"] == "ValueError"
