"""A `Function` as the platform, its callers and its own routes meet it; each route says who may call it."""

from __future__ import annotations

import inspect
import threading
from typing import Any
from wsgiref.validate import validator

import pytest

from shared.auth import Caller, internal
from shared.limits import Limit
from shared.web import Function
from tests.shared.conftest import SECRET
from tests.shared.probe import Thing, app, make, make_mine
from tests.shared.signing import PERSON, AuthServer, forged
from tests.shared.wsgi import call, environ


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
