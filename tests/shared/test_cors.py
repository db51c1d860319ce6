"""Which web pages may call from a browser."""

from __future__ import annotations

import pytest

from shared import cors
from shared.web import Function
from tests.contract import DOCUMENT
from tests.shared.wsgi import call

app = Function("probe")
OURS = "https://app.backroom.example"


@app.post("/things", public=True)
def make() -> dict[str, str]:
    return {}


@pytest.fixture(autouse=True)
def deployed(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setenv("ENVIRONMENT", "production")
    monkeypatch.setenv("CORS_ORIGINS", f"{OURS}, https://second.example")
    return monkeypatch


def test_every_header_that_the_document_offers_may_be_sent() -> None:
    parameters = DOCUMENT["components"]["parameters"].values()
    offered = {each["name"].lower() for each in parameters if each["in"] == "header"}
    assert len(offered) > 3
    assert offered <= set(cors.ACCEPTED.split(", "))


class TestAListedPage:
    @pytest.mark.parametrize("origin", [OURS, "https://second.example"])
    def test_may_send_what_our_routes_take(self, origin: str) -> None:
        answer = call(
            app,
            "OPTIONS",
            "/api/probe/things",
            HTTP_ORIGIN=origin,
            HTTP_ACCESS_CONTROL_REQUEST_METHOD="POST",
            HTTP_ACCESS_CONTROL_REQUEST_HEADERS="authorization,content-type,idempotency-key",
        )
        assert (answer.status, answer.body) == (204, b"")
        assert answer.headers["access-control-allow-origin"] == origin
        assert {"GET", "POST", "PATCH", "DELETE"} <= set(answer.headers["access-control-allow-methods"].split(", "))
        accepted = answer.headers["access-control-allow-headers"].split(", ")
        assert {"authorization", "content-type", "idempotency-key", "if-match", "x-request-id"} <= set(accepted)
        assert int(answer.headers["access-control-max-age"]) > 0

    @pytest.mark.parametrize(("method", "status"), [("POST", 200), ("PUT", 405)])
    def test_may_read_answers_and_their_headers(self, method: str, status: int) -> None:
        answer = call(app, method, "/api/probe/things", HTTP_ORIGIN=OURS)
        assert (answer.status, answer.headers["access-control-allow-origin"]) == (status, OURS)
        exposed = answer.headers["access-control-expose-headers"].split(", ")
        assert {"X-Request-Id", "RateLimit", "RateLimit-Policy", "Retry-After", "ETag"} <= set(exposed)

    def test_sends_no_cookies(self) -> None:
        answer = call(app, "OPTIONS", "/api/probe/things", HTTP_ORIGIN=OURS)
        assert "access-control-allow-credentials" not in answer.headers

    def test_may_be_told_of_a_failure(self) -> None:
        answer = call(app, "GET", "/api/probe/none", HTTP_ORIGIN=OURS)
        assert (answer.status, answer.headers["access-control-allow-origin"]) == (404, OURS)


class TestAnyOtherPage:
    @pytest.mark.parametrize(
        "origin",
        [
            "https://evil.example",
            "null",
            "*",
            OURS.upper(),
            f"{OURS}/",
            f"{OURS}:443",
            f"{OURS}.evil.example",
            f"{OURS},https://second.example",
            f"{OURS}\r\nX: y",
            "http://app.backroom.example",
            "http://localhost:3000",
            "http://127.0.0.1:3000",
            ",",
            " ",
        ],
    )
    @pytest.mark.parametrize("method", ["OPTIONS", "POST", "PUT"])
    def test_may_nothing(self, origin: str, method: str) -> None:
        answer = call(app, method, "/api/probe/things", HTTP_ORIGIN=origin)
        assert not [name for name in answer.headers if name.startswith("access-control")]
        assert answer.headers["vary"] == "Origin"

    def test_may_nothing_while_no_page_is_listed(self, deployed: pytest.MonkeyPatch) -> None:
        deployed.delenv("CORS_ORIGINS")
        for origin in (OURS, "", "null"):
            answer = call(app, "OPTIONS", "/api/probe/things", HTTP_ORIGIN=origin)
            assert "access-control-allow-origin" not in answer.headers


class TestADevelopersPage:
    @pytest.mark.parametrize("origin", ["http://localhost:5173", "http://127.0.0.1:3000", "http://localhost"])
    def test_may_call_on_their_own_machine_only(self, deployed: pytest.MonkeyPatch, origin: str) -> None:
        for environment, allowed in (("development", origin), ("staging", None), ("production", None)):
            deployed.setenv("ENVIRONMENT", environment)
            answer = call(app, "OPTIONS", "/api/probe/things", HTTP_ORIGIN=origin)
            assert answer.headers.get("access-control-allow-origin") == allowed

    @pytest.mark.parametrize(
        "origin",
        [
            "http://localhost.evil.example",
            "http://localhost:3000.evil.example",
            "https://evil.example#http://localhost",
            "http://localhost:",
            "http://localhost:3000\n",
            "http://127x0x0x1:3000",
            "http://user@localhost:3000",
        ],
    )
    def test_is_not_what_only_looks_like_one(self, deployed: pytest.MonkeyPatch, origin: str) -> None:
        deployed.setenv("ENVIRONMENT", "development")
        answer = call(app, "OPTIONS", "/api/probe/things", HTTP_ORIGIN=origin)
        assert "access-control-allow-origin" not in answer.headers


class TestNoPageAtAll:
    def test_is_told_only_that_answers_vary(self) -> None:
        answer = call(app, "POST", "/api/probe/things")
        assert answer.status == 200
        assert answer.headers["vary"] == "Origin"
        assert "access-control-allow-origin" not in answer.headers
