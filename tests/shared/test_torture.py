"""Whatever is sent to whichever route, the answer is an answer: never a 5xx, never a dropped connection."""

from __future__ import annotations

import contextlib
import json
import socket
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import hypothesis
import psycopg
import pytest
from hypothesis import strategies as st

from local.functions import FunctionsServer
from local.stack import Stack
from shared import clock
from shared.request import LARGEST_BODY_BYTES
from tests.api import OverHttp, Response
from tests.people import People, Person
from tests.shared.torture import (
    AUTHORIZATIONS,
    BODIES,
    HEADERS,
    QUERIES,
    SEGMENTS,
    TAILS,
    TARGETS,
    TEN_MEGABYTES,
    WRITING,
    Target,
    example,
    function,
    odd_bodies,
)
from tests.shared.wsgi import call

JSON = {"Content-Type": "application/json"}
routes = pytest.mark.parametrize("target", TARGETS, ids=str)


class Tormentor:
    """Sends in process, and keeps what was not answered as it must be. Limits are forgotten all the time."""

    def __init__(self, person: Person, internal_token: str, database: psycopg.Connection) -> None:
        self.person = person
        self.complaints: list[str] = []
        self.statuses: set[int] = set()
        self._internal_token = internal_token
        self._database = database
        self._sent = 0

    def send(
        self,
        what: str,
        target: Target,
        path: str | None = None,
        *,
        signed_in: bool = True,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        if self._sent % 3 == 0:  # the smallest quota there is
            self._database.execute("delete from private.rate_limits")
        self._sent += 1
        sent = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in (headers or {}).items()}
        for name in ("CONTENT_TYPE", "CONTENT_LENGTH"):
            if f"HTTP_{name}" in sent:
                sent[name] = sent.pop(f"HTTP_{name}")
        if signed_in:
            token = self._internal_token if target.route.signed_by else self.person.token
            sent.setdefault("HTTP_AUTHORIZATION", f"Bearer {token}")
        path = target.path(self.segments(target)) if path is None else path
        try:
            answer = call(function(target.function), target.method, path, body=body, **sent)
        except Exception as error:
            self.complaints.append(f"{what}: {error!r}")
            return
        self.statuses.add(answer.status)
        if complaint := complaint_about(answer):
            self.complaints.append(f"{what}: {complaint}")

    def segments(self, target: Target) -> dict[str, str]:
        """Those of what this person may change, so that what is odd elsewhere gets as far as it can."""
        own = {"workspace_id": self.person.workspace_id, "user_id": self.person.user_id, "role": "packer"}
        return {name: str(own.get(name, uuid4())) for name in target.names}


def complaint_about(answer: Response) -> str | None:
    """What is wrong with an answer; None when it is one we promise."""
    if answer.status >= 500:
        return f"{answer.status} {answer.body[:200]!r}"
    if not answer.headers.get("x-request-id") or "set-cookie" in answer.headers:
        return f"headers {answer.headers}"
    if answer.body and "json" in answer.headers["content-type"]:
        document = answer.json
        if answer.status >= 400 and document["status"] != answer.status:
            return f"body {answer.body[:200]!r}"
    return None


@pytest.fixture(scope="module")
def owners(people: People, stack: Stack) -> dict[str, Person]:
    """Who owns a workspace with a role in it; another for the route that ends the session."""
    made = {"everything": people.sign_up("Tess"), "sign-out": people.sign_up("Tom")}
    with psycopg.connect(stack.database_url) as connection:
        for owner in made.values():
            connection.execute(
                "insert into public.roles (workspace_id, name) values (%s, 'packer')", [owner.workspace_id]
            )
    return made


@pytest.fixture
def tormentor(
    target: Target,
    owners: dict[str, Person],
    stack: Stack,
    server: FunctionsServer,
    database: psycopg.Connection,
    environment: pytest.MonkeyPatch,
) -> Iterator[Tormentor]:
    environment.setenv("API_URL", server.url)  # where detect finds its engine
    environment.setattr(clock, "sleep", lambda seconds: None)  # that answers take equally long is not at stake here
    person = owners["sign-out" if target.route.path == "/sign-out" else "everything"]
    made = Tormentor(person, stack.env["INTERNAL_TOKEN"], database)
    yield made
    assert made.complaints == []
    assert made.statuses, "nothing was sent"


class TestEveryRouteSurvives:
    @routes
    def test_bodies(self, tormentor: Tormentor, target: Target) -> None:
        takes_one = target.fields or target.route.signature.raw
        for name in BODIES if takes_one else ("deep arrays", "raw NUL", "10 MB"):
            body = BODIES[name]
            tormentor.send(name, target, body=body)
            if target.route.signature.caller or target.route.signed_by:
                tormentor.send(f"{name}, as a stranger", target, body=body, signed_in=False)

    @pytest.mark.parametrize("target", [target for target in WRITING if target.fields], ids=str)
    def test_a_good_body_with_one_field_made_odd(self, tormentor: Tormentor, target: Target) -> None:
        for name, body in odd_bodies(target, tormentor.person):
            tormentor.send(name, target, body=body)
        assert 422 in tormentor.statuses

    @pytest.mark.parametrize("target", [target for target in TARGETS if target.names], ids=str)
    def test_segments(self, tormentor: Tormentor, target: Target) -> None:
        body = json.dumps(example(target, tormentor.person)).encode()
        for name in target.names:
            for segment in SEGMENTS:
                path = target.path({**tormentor.segments(target), name: segment})
                tormentor.send(path, target, path, body=body)

    @routes
    def test_what_is_added_to_its_path(self, tormentor: Tormentor, target: Target) -> None:
        path = target.path(tormentor.segments(target))
        for tail in TAILS:
            tormentor.send(tail, target, path + tail, signed_in=False)

    @routes
    def test_parameters(self, tormentor: Tormentor, target: Target) -> None:
        path = target.path(tormentor.segments(target))
        for query in QUERIES:
            tormentor.send(query, target, f"{path}?{query}", body=b"{}")

    @routes
    def test_headers(self, tormentor: Tormentor, target: Target) -> None:
        body = json.dumps(example(target, tormentor.person) if target.function == "workspaces" else {}).encode()
        for headers in HEADERS:
            tormentor.send(str(headers)[:60], target, body=body, headers=headers)

    @routes
    def test_authorizations(self, tormentor: Tormentor, target: Target) -> None:
        for authorization in AUTHORIZATIONS:
            tormentor.send(authorization[:60], target, body=b"{}", headers={"Authorization": authorization})
        if target.route.signature.guests:  # without any they are guests
            assert 401 in tormentor.statuses
        elif target.route.signature.caller or target.route.signed_by:
            assert tormentor.statuses == {401}


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
latin = st.text(alphabet=st.characters(max_codepoint=255), max_size=20)
HOW_OFTEN = hypothesis.settings(
    max_examples=12, deadline=None, suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture]
)


class TestAnyRouteSurvives:
    @HOW_OFTEN
    @hypothesis.given(data=st.data())
    @routes
    def test_a_body_of_its_fields_with_anything_in_them(
        self, tormentor: Tormentor, data: st.DataObject, target: Target
    ) -> None:
        fields = st.sampled_from(target.fields or ["x"]) | st.text(max_size=5)
        changes = data.draw(st.dictionaries(fields, json_values, max_size=3))
        body = json.dumps({**example(target, tormentor.person), **changes}).encode()
        tormentor.send(repr(body), target, body=body)
        assert not tormentor.complaints

    @HOW_OFTEN
    @hypothesis.given(
        tail=latin,
        query=latin,
        headers=st.dictionaries(
            st.sampled_from(["Authorization", "Idempotency-Key", "If-Match", "Content-Type", "Origin", "X-Request-Id"]),
            latin,
            max_size=2,
        ),
        body=st.binary(max_size=40),
        signed_in=st.booleans(),
    )
    @routes
    def test_any_path_query_headers_and_bytes(
        self,
        tormentor: Tormentor,
        target: Target,
        tail: str,
        query: str,
        headers: dict[str, str],
        body: bytes,
        signed_in: bool,
    ) -> None:
        path = f"{target.path(tormentor.segments(target))}{tail.replace('?', '')}?{query}"
        tormentor.send(repr((path, headers, body)), target, path, signed_in=signed_in, body=body, headers=headers)
        assert not tormentor.complaints


def exchange(server: FunctionsServer, *parts: bytes) -> bytes:
    """What comes back, to the end, for bytes sent as they are; nothing for a connection that was dropped."""
    address = urlsplit(server.url)
    with contextlib.closing(socket.create_connection((address.hostname, address.port), timeout=20)) as connection:
        try:
            for part in parts:
                connection.sendall(part)
            connection.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # it has answered before the end; the answer is to be had all the same
        received = b""
        while chunk := connection.recv(65536):
            received += chunk
        return received


def raw(line: str, *headers: str, body: bytes = b"") -> bytes:
    return "\r\n".join([line, "Host: localhost", *headers, "", ""]).encode("latin-1") + body


CHUNKED = "Transfer-Encoding: chunked"
SIGN_IN = "POST /api/auth/sign-in HTTP/1.1"
AS_JSON = "Content-Type: application/json"

MALFORMED: dict[str, bytes] = {
    "%2F": raw("GET /api/workspaces/%2F HTTP/1.1"),
    "//": raw("GET //api//health HTTP/1.1"),
    "// below": raw("GET /api/health// HTTP/1.1"),
    "%0d%0a": raw("GET /api/workspaces/%0d%0aSet-Cookie:%20a=b HTTP/1.1"),
    "..": raw("GET /api/../../etc/passwd HTTP/1.1"),
    "%2e%2e": raw("GET /api/%2e%2e/%2e%2e/etc/passwd HTTP/1.1"),
    ".. within": raw("GET /api/workspaces/../health HTTP/1.1"),
    "%00": raw("GET /api/workspaces/%00 HTTP/1.1"),
    "an absolute target": raw("GET http://elsewhere.example/api/health?probe=live HTTP/1.1"),
    "an absolute target of no host": raw("GET http:///api/health HTTP/1.1"),
    "an asterisk": raw("OPTIONS * HTTP/1.1"),
    "an authority": raw("CONNECT elsewhere.example:443 HTTP/1.1"),
    "bytes in the path": raw("GET /api/workspaces/\xff\xfe HTTP/1.1"),
    "brackets in the path": raw("GET //[::1/api/health HTTP/1.1"),
    "bytes in the query": raw("GET /api/workspaces?\xff=\xfe HTTP/1.1"),
    "a fragment": raw("GET /api/health?probe=live#x HTTP/1.1"),
    "a method in small letters": raw("get /api/health?probe=live HTTP/1.1"),
    "a method that is none": raw("HTTP/1.1 /api/health HTTP/1.1"),
    "a long path": raw(f"GET /api/workspaces/{'x' * 60_000} HTTP/1.1"),
    "a long header": raw("GET /api/health?probe=live HTTP/1.1", f"X: {'x' * 60_000}"),
    "ninety headers": raw("GET /api/health?probe=live HTTP/1.1", *(f"X-{number}: x" for number in range(90))),
    "a header without a colon": raw("GET /api/health?probe=live HTTP/1.1", "nothing"),
    "a header without a name": raw("GET /api/health?probe=live HTTP/1.1", ": x"),
    "a folded header": raw("GET /api/health?probe=live HTTP/1.1", "X: a", " b"),
    "NUL in a header": raw("GET /api/health?probe=live HTTP/1.1", "X-Request-Id: a\0b"),
    "bytes in a header": raw("GET /api/workspaces HTTP/1.1", "Authorization: Bearer \xff\xfe"),
    "an expectation": raw("GET /api/health?probe=live HTTP/1.1", "Expect: miracles"),
    "an upgrade": raw("GET /api/health?probe=live HTTP/1.1", "Connection: Upgrade", "Upgrade: websocket"),
    "no host": b"GET /api/health?probe=live HTTP/1.1\r\n\r\n",
    "bare line feeds": b"GET /api/health?probe=live HTTP/1.1\nHost: x\n\n",
    "two lengths": raw(SIGN_IN, AS_JSON, "Content-Length: 2", "Content-Length: 3", body=b"{}x"),
    "a length that is none": raw(SIGN_IN, AS_JSON, "Content-Length: two", body=b"{}"),
    "a negative length": raw(SIGN_IN, AS_JSON, "Content-Length: -2", body=b"{}"),
    "a length of many digits": raw(SIGN_IN, AS_JSON, f"Content-Length: {'9' * 5000}", body=b"{}"),
    "a length beyond the body": raw(SIGN_IN, AS_JSON, "Content-Length: 500", body=b"{}"),
    "a length within the body": raw(SIGN_IN, AS_JSON, "Content-Length: 2", body=b"{}GET / HTTP/1.1\r\n\r\n"),
    "a body without a length": raw(SIGN_IN, AS_JSON, body=b"{}"),
    "chunks": raw(SIGN_IN, AS_JSON, CHUNKED, body=b"2\r\n{}\r\n0\r\n\r\n"),
    "chunks and a length": raw(SIGN_IN, AS_JSON, CHUNKED, "Content-Length: 9", body=b"2\r\n{}\r\n0\r\n\r\n"),
    "a chunk of no size": raw(SIGN_IN, AS_JSON, CHUNKED, body=b"zz\r\n{}\r\n0\r\n\r\n"),
    "a chunk of negative size": raw(SIGN_IN, AS_JSON, CHUNKED, body=b"-2\r\n{}\r\n0\r\n\r\n"),
    "a chunk of another size": raw(SIGN_IN, AS_JSON, CHUNKED, body=b"5\r\n{}\r\n0\r\n\r\n"),
    "a chunk of enormous size": raw(SIGN_IN, AS_JSON, CHUNKED, body=b"f" * 5000 + b"\r\n{}\r\n0\r\n\r\n"),
    "chunks without an end": raw(SIGN_IN, AS_JSON, CHUNKED, body=b"2\r\n{}\r\n"),
    "a compressed transfer": raw(SIGN_IN, AS_JSON, "Transfer-Encoding: gzip, chunked", body=b"0\r\n\r\n"),
}

# Refused by Python's own http.server before we see them. It closes with the rest unread, so its answer may get lost.
BEYOND_ALL_REASON: dict[str, bytes] = {
    "a path": raw(f"GET /api/workspaces/{'x' * 200_000} HTTP/1.1"),
    "a header": raw("GET /api/health HTTP/1.1", f"X: {'x' * 200_000}"),
    "a thousand headers": raw("GET /api/health HTTP/1.1", *(f"X-{number}: x" for number in range(1000))),
    "another protocol": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500),
    "no request at all": b"",
}


class TestTheServerSurvives:
    @pytest.mark.parametrize("name", MALFORMED)
    def test_requests_that_are_hardly_any(self, server: FunctionsServer, name: str) -> None:
        received = exchange(server, MALFORMED[name])
        status_line, _, rest = received.partition(b"\r\n")
        assert status_line.startswith((b"HTTP/1.1 2", b"HTTP/1.1 4")), received[:200]
        assert b"\r\nset-cookie" not in rest.lower()
        assert server.running

    @pytest.mark.parametrize("name", BEYOND_ALL_REASON)
    def test_what_is_no_request_and_answers_the_next(self, server: FunctionsServer, name: str) -> None:
        with contextlib.suppress(ConnectionResetError):
            received = exchange(server, BEYOND_ALL_REASON[name])
            assert not received.startswith(b"HTTP/1.1 2")
        assert exchange(server, raw("GET /api/health?probe=live HTTP/1.1")).startswith(b"HTTP/1.1 200 ")

    @pytest.mark.parametrize("target", TARGETS, ids=str)
    def test_ten_megabytes(self, server: FunctionsServer, target: Target) -> None:
        path = target.path({name: str(uuid4()) for name in target.names})
        head = raw(f"{target.method} {path} HTTP/1.1", AS_JSON, f"Content-Length: {TEN_MEGABYTES}")
        received = exchange(server, head, b"x" * TEN_MEGABYTES)
        assert received.startswith(b"HTTP/1.1 413 "), received[:200]

    @pytest.mark.parametrize("target", WRITING, ids=str)
    def test_ten_megabytes_in_chunks(self, server: FunctionsServer, target: Target) -> None:
        path = target.path({name: str(uuid4()) for name in target.names})
        chunk = b"%x\r\n%s\r\n" % (TEN_MEGABYTES // 10, b"x" * (TEN_MEGABYTES // 10))
        head = raw(f"{target.method} {path} HTTP/1.1", AS_JSON, CHUNKED)
        received = exchange(server, head, *[chunk] * 10, b"0\r\n\r\n")
        # A signature is over the body: a webhook's is read first.
        signed = target.route.signed_by is not None and target.route.signed_by.__module__ == "shared.auth"
        known = target.route.signature.caller is not None and not target.route.signature.guests
        expected = b"HTTP/1.1 401 " if known or signed else b"HTTP/1.1 413 "
        assert received.startswith(expected), received[:200]

    def test_bodies_of_the_largest_size(self, server: FunctionsServer, people: People) -> None:
        api = OverHttp(server.url)
        body = b'{"image": "' + b"A" * (LARGEST_BODY_BYTES - 13) + b'"}'
        assert len(body) == LARGEST_BODY_BYTES
        answer = api("POST", "/api/detect", token=people.sign_up("Tess").token, body=body, headers=JSON)
        assert (answer.status, answer.code) == (422, "invalid_fields")

    def test_the_torture_set_one_request_after_the_other(self, server: FunctionsServer, people: People) -> None:
        """Over HTTP a smaller one: every body to one route of each function."""
        person = people.sign_up("Tess")
        api = OverHttp(server.url)
        complaints: list[Any] = []
        for target in {target.function: target for target in WRITING}.values():
            path = target.path({name: str(uuid4()) for name in target.names})
            for name, body in BODIES.items():
                answer = api(target.method, path, token=person.token, body=body, headers=JSON)
                if complaint := complaint_about(answer):
                    complaints.append((str(target), name, complaint))
        assert complaints == []
        assert server.running
