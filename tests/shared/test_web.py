"""`Function`: HTTP as it is promised to callers, whatever they send."""

from __future__ import annotations

import inspect
import io
import json
import threading
from collections.abc import Callable
from typing import Annotated, Any, ClassVar
from uuid import UUID
from wsgiref.validate import validator

import pytest

from shared import context
from shared.auth import Caller, internal
from shared.binding import Reply
from shared.errors import Problem
from shared.limits import Limit
from shared.models import Body, Query
from shared.request import LARGEST_BODY_BYTES
from shared.web import SECURITY_HEADERS, Function
from tests.shared.conftest import SECRET
from tests.shared.signing import PERSON, AuthServer, forged
from tests.shared.wsgi import call, environ, serve

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


class Untouchable(io.RawIOBase):
    """A body that nobody may read."""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        pytest.fail("the body was read")


class Endless(io.RawIOBase):
    """A body that does not end, and counts what was taken of it."""

    taken = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self.taken += len(buffer)
        buffer[:] = b"x" * len(buffer)
        return len(buffer)


class TestARouteForGuestsToo:
    def test_knows_who_signed_in_and_lets_others_in(self, auth_server: AuthServer) -> None:
        token = forged({"alg": "HS256"}, auth_server.claims(), SECRET.encode())
        signed_in = call(app, "GET", "/api/probe/welcome", HTTP_AUTHORIZATION=f"Bearer {token}")
        assert signed_in.json == {"user_id": str(PERSON)}
        assert call(app, "GET", "/api/probe/welcome").json == {"user_id": None}

    @pytest.mark.parametrize("authorization", ["Bearer x", "Bearer ", "Basic eDp5"])
    def test_takes_nobody_for_a_guest_who_says_otherwise(self, authorization: str) -> None:
        assert call(app, "GET", "/api/probe/welcome", HTTP_AUTHORIZATION=authorization).status == 401

    def test_says_that_it_is_public(self) -> None:
        with pytest.raises(TypeError, match="must say who may call it"):

            @Function("open").get()
            def open_door(caller: Caller | None) -> None: ...


class TestARouteThatDoesNotSayWhoMayCall:
    def test_does_not_import(self) -> None:
        with pytest.raises(TypeError, match="must say who may call it"):

            @Function("open").get()
            def forgotten() -> None: ...

    def test_nor_does_one_that_says_two_things(self) -> None:
        with pytest.raises(TypeError, match="must say who may call it"):

            @Function("open").get(public=True)
            def both(caller: Caller) -> None: ...

        with pytest.raises(TypeError, match="must say who may call it"):

            @Function("open").get(public=True, signed_by=internal)
            def either() -> None: ...

    @pytest.mark.parametrize(
        "access", [{"permission": "detect.use"}, {"limit": Limit("x", 1, 1)}, {"idempotent": True}], ids=str
    )
    def test_nor_does_one_that_limits_nobody_in_particular(self, access: dict[str, Any]) -> None:
        with pytest.raises(TypeError, match="need a Caller"):

            @Function("open").post(public=True, **access)
            def anybody() -> None: ...

    def test_nor_does_one_with_a_parameter_that_nothing_binds(self) -> None:
        with pytest.raises(TypeError, match="nothing binds the parameter size"):

            @Function("open").get(public=True)
            def sized(size: int) -> None: ...


class TestTheApplication:
    def test_is_wsgi_to_the_platform(self) -> None:
        """It looks at the number of parameters, and for an `asgi` attribute."""
        assert list(inspect.signature(app).parameters) == ["environ", "start_response"]
        assert not hasattr(app, "asgi")
        assert not hasattr(app, "anything_else")

    @pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE", "OPTIONS", "POST"])
    def test_keeps_the_protocol(self, method: str) -> None:
        request = environ(method, "/api/probe/text/x", CONTENT_LENGTH="0")
        started: list[Any] = []

        def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            started.append(status)
            return lambda data: None

        chunks = validator(app)(request, start_response)
        try:
            list(chunks)
        finally:
            chunks.close()  # type: ignore[attr-defined]
        assert len(started) == 1

    def test_answers_callers_side_by_side_with_what_is_theirs(self) -> None:
        answers: dict[int, str] = {}
        together = threading.Barrier(8)

        def ask(number: int) -> None:
            together.wait(10)
            answers[number] = call(app, path="/api/probe/ip", REMOTE_ADDR=f"192.0.2.{number}").json["ip"]

        threads = [threading.Thread(target=ask, args=[number]) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)
        assert answers == {number: f"192.0.2.{number}" for number in range(8)}


class TestARouteAsPlainPython:
    def test_takes_values_and_returns_one(self) -> None:
        assert make(Thing(name="a")) == {"name": "a"}
        assert make_mine(Caller(user_id=PERSON, token=""), Thing(name="a")) == {"name": "a", "user_id": str(PERSON)}


class TestAnswers:
    def test_are_json(self) -> None:
        answer = call(app, path="/api/probe")
        assert (answer.status, answer.json) == (200, {"was": "read"})
        assert answer.headers["content-type"] == "application/json"
        assert answer.headers["content-length"] == str(len(answer.body))

    def test_have_the_status_of_their_route(self) -> None:
        assert call(app, "POST", "/api/probe", body=b'{"name": "a"}').status == 201

    def test_without_content_are_204_without_a_body_or_a_word_about_it(self) -> None:
        answer = call(app, "DELETE", "/api/probe/text/x")
        assert (answer.status, answer.body) == (204, b"")
        assert not {"content-type", "content-length"} & set(answer.headers)

    def test_can_choose_status_and_headers(self) -> None:
        answer = call(app, path="/api/probe/teapot")
        assert (answer.status, answer.headers["x-handle"]) == (418, "here")
        assert answer.headers["cache-control"] == "max-age=60"

    @pytest.mark.parametrize(
        ("method", "path"),
        [("GET", ""), ("GET", "/none"), ("PUT", ""), ("OPTIONS", ""), ("DELETE", "/text/x"), ("GET", "/failing/x")],
    )
    def test_carry_the_security_headers_whatever_they_are(self, method: str, path: str) -> None:
        answer = call(app, method, f"/api/probe{path}")
        for name, value in SECURITY_HEADERS.items():
            assert answer.headers[name.lower()] == value
        assert {"strict-transport-security", "x-content-type-options"} <= set(answer.headers)


class TestAnswersThatAreNotJson:
    def test_go_out_as_they_are_under_their_media_type(self) -> None:
        answer = call(app, path="/api/probe/picture")
        assert (answer.status, answer.body) == (200, b"\x89PNG")
        assert answer.headers["content-type"] == "image/png"
        assert answer.headers["cache-control"] == "max-age=60"

    @pytest.mark.parametrize("known", ['"1"', 'W/"1"', '"0", "1"', "*"])
    def test_are_not_sent_to_whoever_has_them(self, known: str) -> None:
        answer = call(app, path="/api/probe/picture", HTTP_IF_NONE_MATCH=known)
        assert (answer.status, answer.body) == (304, b"")
        assert answer.headers["etag"] == '"1"'
        assert answer.headers["cache-control"] == "max-age=60"
        assert not {"content-type", "content-length"} & set(answer.headers)

    @pytest.mark.parametrize("other", ["", '"2"', "1", '"1'])
    def test_are_sent_to_whoever_has_others(self, other: str) -> None:
        assert call(app, path="/api/probe/picture", HTTP_IF_NONE_MATCH=other).status == 200

    def test_of_a_change_are_always_sent(self) -> None:
        assert call(app, "POST", "/api/probe/picture", body=b"", HTTP_IF_NONE_MATCH='"1"').status == 200

    def test_a_problem_is_json_also_there(self) -> None:
        answer = call(app, path="/api/probe/picture?x=1")
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.headers["cache-control"] == "no-store"


class TestMethods:
    def test_head_is_get_without_the_body(self) -> None:
        head, get = (call(app, m, "/api/probe", HTTP_X_REQUEST_ID="same") for m in ("HEAD", "GET"))
        assert (head.status, head.body, head.headers) == (get.status, b"", get.headers)

    def test_head_of_a_problem_has_no_body_either(self) -> None:
        answer = call(app, "HEAD", "/api/probe/none")
        assert (answer.status, answer.body) == (404, b"")

    def test_options_lists_the_methods(self) -> None:
        answer = call(app, "OPTIONS", "/api/probe/text/x")
        assert (answer.status, answer.body) == (204, b"")
        assert answer.headers["allow"] == "DELETE, GET, HEAD, OPTIONS"

    def test_options_needs_no_token_and_runs_nothing(self) -> None:
        assert call(app, "OPTIONS", "/api/probe/mine").headers["allow"] == "OPTIONS, POST"

    @pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "TRACE", "CONNECT", "PROPFIND", "X" * 5000, "%00"])
    def test_others_are_405_with_those_there_are(self, method: str) -> None:
        answer = call(app, method, "/api/probe")
        assert (answer.status, answer.code) == (405, "method_not_allowed")
        assert answer.headers["allow"] == "GET, HEAD, OPTIONS, POST"

    def test_of_a_path_of_its_own_are_not_those_of_the_ids_beside_it(self) -> None:
        answer = call(app, path="/api/probe/id/next")
        assert (answer.status, answer.headers["allow"]) == (405, "OPTIONS, POST")
        assert call(app, "OPTIONS", "/api/probe/id/next").headers["allow"] == "OPTIONS, POST"
        assert call(app, "OPTIONS", f"/api/probe/id/{PERSON}").headers["allow"] == "GET, HEAD, OPTIONS"

    def test_head_of_what_cannot_be_read_is_405(self) -> None:
        assert call(app, "HEAD", "/api/probe/mine").status == 405


class TestPaths:
    @pytest.mark.parametrize(
        "path",
        ["/api/probe/none", "/api/probes", "/api/prob", "/api", "/", "", "*", "/probe", "//api/probe", "/API/probe"],
    )
    def test_that_lead_nowhere_are_404(self, path: str) -> None:
        answer = call(app, path=path)
        assert (answer.status, answer.code) == (404, "not_found")

    @pytest.mark.parametrize(
        ("segment", "text"),
        [
            ("plain", "plain"),
            ("%2F", "/"),
            ("a%2fb%2F..%2Fc", "a/b/../c"),
            ("..", ".."),
            ("%2E%2E", ".."),
            ("%2541", "%41"),
            ("%E2%82%AC", "€"),
            ("%", "%"),
            ("%zz", "%zz"),
            ("%ff", "\N{REPLACEMENT CHARACTER}"),
            ("a+b", "a+b"),
            ("a;b=c", "a;b=c"),
            ("a|b", "a|b"),
            ("<text>", "<text>"),
        ],
    )
    def test_are_cut_at_slashes_first_and_each_segment_decoded_once(self, segment: str, text: str) -> None:
        answer = call(app, path=f"/api/probe/text/{segment}")
        assert (answer.status, answer.json) == (200, {"text": text})

    @pytest.mark.parametrize(
        "segment",
        ["", "/", "/x", "x//y", "%0d%0aSet-Cookie:%20a=b", "%0A", "%00", "a%00b", "%7F", "%E2%80%AE", "x" * 101, "x/y"],
    )
    def test_with_segments_that_name_nothing_are_404(self, segment: str) -> None:
        answer = call(app, path=f"/api/probe/text/{segment}")
        assert (answer.status, answer.code) == (404, "not_found")
        assert "set-cookie" not in answer.headers

    @pytest.mark.parametrize("path", ["/api/probe//", "/api/probe//text/x", "/api//probe", "/api/probe/text//x"])
    def test_with_empty_segments_are_404(self, path: str) -> None:
        assert call(app, path=path).status == 404

    @pytest.mark.parametrize("path", ["/api/probe/", "/api/probe/text/x/"])
    def test_may_end_in_one_slash(self, path: str) -> None:
        assert call(app, path=path).status == 200

    @pytest.mark.parametrize("path", ["/api/probe/text/../ip", "/api/probe/../probe", "/api/probe/./ip"])
    def test_are_not_walked_up(self, path: str) -> None:
        assert call(app, path=path).status == 404

    def test_are_taken_raw_where_the_server_sends_both(self) -> None:
        decoded = "/api/probe/text/a/b"
        for name in ("RAW_URI", "REQUEST_URI"):
            answer = call(app, path=decoded, **{name: "/api/probe/text/a%2Fb?limit=1"})
            assert (answer.status, answer.json) == (200, {"text": "a/b"})

    @pytest.mark.parametrize("target", ["http://localhost/api/probe", "https://elsewhere.example/api/probe?"])
    def test_of_an_absolute_target_are_those_behind_the_host(self, target: str) -> None:
        assert call(app, path="/", RAW_URI=target).json == {"was": "read"}

    @pytest.mark.parametrize("target", ["http://localhost", "http:///api/probe", "http:", "://", "localhost:80", "?"])
    def test_of_an_odd_target_are_served_or_404(self, target: str) -> None:
        assert call(app, path="/", RAW_URI=target).status in (200, 404)

    @pytest.mark.parametrize(
        "number", ["x", "1", "0" * 32 + "0", "8c7b5f0e-1d3a-4c39-9a51-6f2f5a0c1b1g", "%2F", "..", "٣" * 32, "_" * 32]
    )
    def test_whose_id_is_none_are_404(self, number: str) -> None:
        assert call(app, path=f"/api/probe/id/{number}").status == 404

    def test_name_ids_in_one_way(self) -> None:
        assert call(app, path=f"/api/probe/id/{str(PERSON).upper()}").json == {"id": str(PERSON)}


class TestParameters:
    def test_that_are_known_are_read(self) -> None:
        assert call(app, path="/api/probe/search?limit=7").json == {"limit": 7}
        assert call(app, path="/api/probe/search").json == {"limit": 10}

    @pytest.mark.parametrize("path", ["/api/probe?limit=1", "/api/probe/search?limits=1", "/api/probe?workspace_id=1"])
    def test_that_are_unknown_are_422(self, path: str) -> None:
        assert call(app, path=path).status == 422

    @pytest.mark.parametrize("value", ["x", "", "1.5", "1e3", "NaN", "9" * 5000, "%F0%9F%92%A9"])
    def test_that_are_of_another_type_are_422_at_their_pointer(self, value: str) -> None:
        answer = call(app, path=f"/api/probe/search?limit={value}")
        assert (answer.status, answer.json["errors"][0]["pointer"]) == (422, "/limit")

    @pytest.mark.parametrize(
        "query",
        [
            "limit=1&limit=2",
            "limit=%00",
            "%00=1",
            "limit=%ff",
            "limit=%ED%A0%80",
            "&".join(f"a{n}=1" for n in range(60)),
        ],
    )
    def test_that_cannot_be_read_in_one_way_are_400(self, query: str) -> None:
        for path in ("/api/probe/search", "/api/probe"):
            assert call(app, path=f"{path}?{query}").status == 400


class TestBodies:
    @pytest.mark.parametrize("path", ["", "/raw", "/mine"])
    @pytest.mark.parametrize("length", [str(LARGEST_BODY_BYTES + 1), "9" * 30, "9" * 5000])
    def test_that_say_they_are_too_large_are_413_before_a_byte_is_read(self, path: str, length: str) -> None:
        body = io.BufferedReader(Untouchable())
        answer = call(app, "POST", f"/api/probe{path}", body=b"", CONTENT_LENGTH=length, **{"wsgi.input": body})
        assert (answer.status, answer.code) == (413, "too_large")

    def test_of_strangers_are_not_read(self) -> None:
        body = io.BufferedReader(Untouchable())
        assert call(app, "POST", "/api/probe/mine", body=b"{}", **{"wsgi.input": body}).status == 401

    @pytest.mark.parametrize(("method", "path"), [("POST", "/none"), ("PUT", ""), ("OPTIONS", "")])
    def test_that_nobody_asked_for_are_not_read(self, method: str, path: str) -> None:
        body = io.BufferedReader(Untouchable())
        answer = call(app, method, f"/api/probe{path}", body=b"{}", **{"wsgi.input": body})
        assert answer.status in (404, 405, 204)

    def test_of_the_largest_size_are_taken(self) -> None:
        answer = call(app, "POST", "/api/probe/raw", body=b"x" * LARGEST_BODY_BYTES)
        assert answer.json == {"size": LARGEST_BODY_BYTES}

    def test_of_no_stated_length_are_413_once_they_go_on_for_too_long(self) -> None:
        endless = Endless()
        request = environ("POST", "/api/probe/raw", HTTP_TRANSFER_ENCODING="chunked")
        request |= {"wsgi.input": io.BufferedReader(endless), "wsgi.input_terminated": True}
        answer = serve(app, request)
        assert (answer.status, answer.code) == (413, "too_large")
        assert endless.taken < 2 * LARGEST_BODY_BYTES

    def test_of_no_stated_length_are_taken_to_their_end(self) -> None:
        request = environ("POST", "/api/probe/raw", HTTP_TRANSFER_ENCODING="chunked")
        request |= {"wsgi.input": io.BytesIO(b"x" * 100_000), "wsgi.input_terminated": True}
        assert serve(app, request).json == {"size": 100_000}

    def test_are_not_read_beyond_their_stated_length(self) -> None:
        body = io.BytesIO(b"12345GET / HTTP/1.1")
        assert call(app, "POST", "/api/probe/raw", CONTENT_LENGTH="5", **{"wsgi.input": body}).json == {"size": 5}
        assert body.read() == b"GET / HTTP/1.1"

    @pytest.mark.parametrize("length", ["x", "-1", "+5", "1e3", "0x5", "5,5", "5 5", " 5", "5.0", "٥", "²"])
    def test_of_an_odd_length_are_400(self, length: str) -> None:
        answer = call(app, "POST", "/api/probe/raw", body=b"12345", CONTENT_LENGTH=length)
        assert (answer.status, answer.code) == (400, "unreadable")

    @pytest.mark.parametrize("length", ["0" * 5000, "0" * 5000 + "5", "0" * 30 + "5"])
    def test_of_a_length_with_leading_zeros_do_no_harm(self, length: str) -> None:
        answer = call(app, "POST", "/api/probe/raw", body=b"12345", CONTENT_LENGTH=length)
        assert (answer.status, answer.json) in [(200, {"size": 0}), (200, {"size": 5})]

    def test_too_large_behind_leading_zeros_are_413(self) -> None:
        length = "0" * 30 + str(LARGEST_BODY_BYTES + 1)
        body = io.BufferedReader(Untouchable())
        answer = call(app, "POST", "/api/probe/raw", body=b"", CONTENT_LENGTH=length, **{"wsgi.input": body})
        assert answer.status == 413

    def test_that_break_off_are_400(self) -> None:
        answer = call(app, "POST", "/api/probe/raw", body=b"12345", CONTENT_LENGTH="500")
        assert (answer.status, answer.code) == (400, "unreadable")

    @pytest.mark.parametrize("error", [ConnectionResetError, TimeoutError, OSError, ValueError])
    def test_whose_connection_fails_are_400(self, error: type[Exception]) -> None:
        class Failing(io.RawIOBase):
            def readable(self) -> bool:
                return True

            def readinto(self, buffer: Any) -> int:
                raise error("gone")

        answer = call(app, "POST", "/api/probe/raw", CONTENT_LENGTH="5", **{"wsgi.input": Failing()})
        assert answer.status == 400

    @pytest.mark.parametrize(
        "encoding", ["gzip", "GZIP", "deflate", "br", "zstd", "x-gzip", "gzip, identity", "nonsense"]
    )
    def test_that_are_compressed_are_415_and_not_inflated(self, encoding: str) -> None:
        body = io.BufferedReader(Untouchable())
        answer = call(app, "POST", "/api/probe", body=b"{}", HTTP_CONTENT_ENCODING=encoding, **{"wsgi.input": body})
        assert (answer.status, answer.code) == (415, "encoding_unsupported")

    def test_that_say_they_are_not_compressed_are_taken(self) -> None:
        assert call(app, "POST", "/api/probe", body=b'{"name": "a"}', HTTP_CONTENT_ENCODING="identity").status == 201

    @pytest.mark.parametrize(
        "content_type",
        [
            None,
            "",
            "text/plain",
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=x",
            "json",
            "*/*",
            "application/jsonx",
            "application/json, text/plain",
            "text/json",
            "x" * 10000,
        ],
    )
    def test_of_another_type_are_415(self, content_type: str | None) -> None:
        answer = call(app, "POST", "/api/probe", body=b'{"name": "a"}', CONTENT_TYPE=content_type)
        assert (answer.status, answer.code) == (415, "json_expected")

    @pytest.mark.parametrize("media_type", ["", "image/gif", "image", "application/json", "image/png2"])
    def test_of_bytes_is_of_one_of_the_media_types_wanted(self, media_type: str) -> None:
        answer = call(app, "POST", "/api/probe/picture/raw", body=b"12345", CONTENT_TYPE=media_type)
        assert (answer.status, answer.code) == (415, "media_type_unsupported")
        for wanted in ("image/png", "IMAGE/JPEG; q=1"):
            assert call(app, "POST", "/api/probe/picture/raw", body=b"12345", CONTENT_TYPE=wanted).json == {"size": 5}

    @pytest.mark.parametrize(
        "content_type", ["application/json", "APPLICATION/JSON", "application/json; charset=utf-8", "application/json;"]
    )
    def test_of_type_json_are_taken(self, content_type: str) -> None:
        assert call(app, "POST", "/api/probe", body=b'{"name": "a"}', CONTENT_TYPE=content_type).status == 201


class TestAnUnexpectedException:
    CANARY = "canary-5f0e1d3a"

    @pytest.mark.parametrize(
        "error", [Exception, KeyError, RuntimeError, RecursionError, MemoryError, UnicodeError, AssertionError, OSError]
    )
    @pytest.mark.parametrize("environment", ["production", "staging", "development"])
    def test_is_a_500_of_fixed_text(
        self,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
        error: type[Exception],
        environment: str,
    ) -> None:
        def fails() -> None:
            raise error(self.CANARY)

        monkeypatch.setenv("ENVIRONMENT", environment)
        monkeypatch.setitem(failures, "x", fails)
        answer = call(app, path="/api/probe/failing/x", HTTP_X_REQUEST_ID="this-one")
        assert answer.status == 500
        assert answer.json == {
            "type": "about:blank",
            "title": "Internal Server Error",
            "status": 500,
            "detail": "Something went wrong on our side.",
            "code": "internal",
            "request_id": "this-one",
        }
        logged = capsys.readouterr()
        assert (self.CANARY in logged.out) == (environment == "development")
        assert logged.err == ""
        failure, line = map(json.loads, logged.out.splitlines())
        assert failure["error"] == error.__name__
        assert any("fails" in frame for frame in failure["frames"])
        assert (line["status"], line["level"]) == (500, "error")

    @pytest.mark.parametrize(
        "content", [object(), {1, 2}, {"at": object()}, b"bytes", Reply(object())], ids=lambda it: type(it).__name__
    )
    def test_while_rendering_is_one_too(self, monkeypatch: pytest.MonkeyPatch, content: object) -> None:
        monkeypatch.setitem(failures, "x", lambda: content)
        answer = call(app, path="/api/probe/failing/x")
        assert (answer.status, answer.code) == (500, "internal")

    def test_with_a_problem_underneath_tells_only_the_problem(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def fails() -> None:
            try:
                raise ValueError(self.CANARY)
            except ValueError as error:
                raise Problem(409, "conflict", "Not now.") from error

        monkeypatch.setitem(failures, "x", fails)
        answer = call(app, path="/api/probe/failing/x")
        assert (answer.status, answer.code) == (409, "conflict")
        assert self.CANARY.encode() not in answer.body


class TestRequestIds:
    @pytest.mark.parametrize("given", ["a", "01JD-abc_DEF.9", "x" * 64])
    def test_given_are_given_back(self, given: str) -> None:
        answer = call(app, path="/api/probe/none", HTTP_X_REQUEST_ID=given)
        assert (answer.headers["x-request-id"], answer.json["request_id"]) == (given, given)

    @pytest.mark.parametrize(
        "given", ["", " ", "x" * 65, "a b", "a\r\nSet-Cookie: a=b", "<script>", "é", "a\n", '"', "a,b", "\0", "${jndi}"]
    )
    def test_that_are_odd_are_replaced(self, given: str) -> None:
        answer = call(app, path="/api/probe/none", HTTP_X_REQUEST_ID=given)
        assert len(answer.headers["x-request-id"]) == 32
        assert answer.json["request_id"] == answer.headers["x-request-id"]

    def test_not_given_are_different_each_time(self) -> None:
        assert len({call(app, path="/api/probe").headers["x-request-id"] for _ in range(50)}) == 50


class TestTheLogLine:
    FIELDS = frozenset(
        {
            *("level", "request_id", "trace_id", "function", "route", "status", "duration_ms"),
            *("caller_id", "database_round_trips", "calls"),
        }
    )

    def test_is_one_for_each_request_with_its_fields(self, capsys: pytest.CaptureFixture[str]) -> None:
        call(app, path="/api/probe/text/something", HTTP_X_REQUEST_ID="this-one")
        (line,) = map(json.loads, capsys.readouterr().out.splitlines())
        assert set(line) == self.FIELDS
        assert line.pop("duration_ms") >= 0
        assert len(line.pop("trace_id")) == 32
        assert line == {
            "level": "info",
            "request_id": "this-one",
            "function": "probe",
            "route": "GET /text/<text>",
            "status": 200,
            "caller_id": None,
            "database_round_trips": 0,
            "calls": [],
        }

    @pytest.mark.parametrize(
        ("method", "path", "status", "route"),
        [
            ("GET", "/api/probe/none", 404, None),
            ("SECRET-METHOD", "/api/probe", 405, None),
            ("OPTIONS", "/api/probe", 204, None),
            ("HEAD", "/api/probe", 200, "HEAD /"),
            ("POST", "/api/probe/mine", 401, "POST /mine"),
            ("GET", "/api/probe?x=1", 422, "GET /"),
        ],
    )
    def test_is_one_for_a_refusal_too(
        self, capsys: pytest.CaptureFixture[str], method: str, path: str, status: int, route: str | None
    ) -> None:
        assert call(app, method, path).status == status
        (line,) = map(json.loads, capsys.readouterr().out.splitlines())
        assert (line["status"], line["route"], line["level"]) == (status, route, "info")
        assert set(line) == self.FIELDS

    def test_names_the_person_and_nothing_they_sent(
        self, auth_server: AuthServer, capsys: pytest.CaptureFixture[str]
    ) -> None:
        token = forged({"alg": "HS256"}, auth_server.claims(), SECRET.encode())
        answer = call(
            app,
            "POST",
            "/api/probe/mine",
            body=b'{"name": "canary-body"}',
            HTTP_AUTHORIZATION=f"Bearer {token}",
            HTTP_COOKIE="canary-cookie",
            HTTP_USER_AGENT="canary-agent",
            HTTP_REFERER="canary-referer",
        )
        assert answer.status == 200
        logged = capsys.readouterr().out
        assert f'"caller_id": "{PERSON}"' in logged
        assert "canary" not in logged
        assert token not in logged

    def test_is_one_line_whatever_the_method_path_or_query_hold(self, capsys: pytest.CaptureFixture[str]) -> None:
        call(app, 'G"\n{"level": "info"}', "/api/probe\n/canary?canary=\n")
        (line,) = capsys.readouterr().out.splitlines()
        assert "canary" not in line


class TestTheCallersAddress:
    HEADERS: ClassVar = {
        "HTTP_X_FORWARDED_FOR": "203.0.113.1",
        "HTTP_FORWARDED": "for=203.0.113.2",
        "HTTP_X_CLIENT_IP": "203.0.113.3",
        "HTTP_TRUE_CLIENT_IP": "203.0.113.4",
        "HTTP_CF_CONNECTING_IP": "203.0.113.5",
    }

    def test_is_the_socket_s_and_no_header_changes_that(self) -> None:
        answer = call(app, path="/api/probe/ip", **self.HEADERS, HTTP_X_REAL_IP="203.0.113.9")
        assert answer.json == {"ip": "192.0.2.1"}

    def test_is_what_the_platform_says_on_the_platform(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """There REMOTE_ADDR is X-Forwarded-For, which anybody can send."""
        monkeypatch.setenv("VERCEL", "1")
        answer = call(app, path="/api/probe/ip", **self.HEADERS, HTTP_X_REAL_IP="198.51.100.7")
        assert answer.json == {"ip": "198.51.100.7"}
        assert call(app, path="/api/probe/ip", **self.HEADERS).json == {"ip": ""}

    def test_counts_the_network_that_one_ipv6_line_is_given_as_one_place(self) -> None:
        answers = [
            call(app, path="/api/probe/ip", REMOTE_ADDR=address).json["ip"]
            for address in ("2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff", "2001:db8:1:3::1")
        ]
        assert answers == ["2001:db8:1:2::/64", "2001:db8:1:2::/64", "2001:db8:1:3::/64"]
