"""Bodies as callers send them, whatever they are."""

from __future__ import annotations

import io
from typing import Any

import pytest

from shared.request import LARGEST_BODY_BYTES
from tests.shared.probe import app
from tests.shared.wsgi import call, environ, serve


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
