"""/api/docs."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from functions.docs import handler
from tests.api import InProcess, Response

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def api() -> InProcess:
    """Without a stack: nothing here asks for one."""
    return InProcess()


class Links(HTMLParser):
    """What a page loads, and what in it a strict policy would refuse."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.refused: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = dict(attributes)
        path = given.get("src") or (given.get("href") if tag == "link" else None)
        if path:
            self.loaded.append(path)
        if tag == "style" or (tag == "script" and "src" not in given):
            self.refused.append(tag)
        self.refused += [name for name in given if name == "style" or name.startswith("on")]


@pytest.fixture
def paths(api: InProcess) -> list[str]:
    """The files that the page is made of."""
    return Links(api("GET", "/api/docs").body.decode()).loaded


def directives(answer: Response) -> dict[str, list[str]]:
    """A content security policy's directives with their values."""
    parts = (each.split() for each in answer.headers["content-security-policy"].split(";"))
    return {name: values for name, *values in parts}


class TestThePage:
    def test_is_html_that_is_asked_for_anew_each_time(self, api: InProcess) -> None:
        answer = api("GET", "/api/docs")
        assert answer.status == 200
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert answer.headers["cache-control"] == "no-cache"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert b"<h1>Backroom</h1>" in answer.body

    def test_has_a_policy_that_lets_nothing_in_from_elsewhere_and_nothing_inline_run(self, api: InProcess) -> None:
        assert directives(api("GET", "/api/docs")) == {
            "default-src": ["'none'"],
            "script-src": ["'self'"],
            "style-src": ["'self'"],
            "img-src": ["'self'", "data:"],
            "connect-src": ["'self'"],
            "base-uri": ["'none'"],
            "form-action": ["'self'"],
            "frame-ancestors": ["'none'"],
        }

    def test_keeps_to_its_policy(self, api: InProcess) -> None:
        links = Links(api("GET", "/api/docs").body.decode())
        assert not links.refused
        assert len(links.loaded) == len(handler.OURS | handler.THEIRS)
        assert all(path.startswith("/api/docs/assets/") for path in links.loaded)

    def test_names_no_other_host(self) -> None:
        for path in (ROOT / "functions" / "docs" / "page").iterdir():
            assert not re.search(r"//[a-z]|url\(", path.read_text()), path

    def test_sends_a_form_that_no_script_caught_in_a_body_and_never_in_a_url(self, api: InProcess) -> None:
        assert b'<form id="sign-in" method="post"' in api("GET", "/api/docs").body


class TestTheDocument:
    def test_is_the_committed_one_byte_by_byte(self, api: InProcess) -> None:
        answer = api("GET", "/api/docs/openapi.json")
        assert answer.status == 200
        assert answer.headers["content-type"] == "application/json"
        assert answer.body == (ROOT / "docs" / "openapi.json").read_bytes()

    def test_says_what_this_function_answers(self, api: InProcess) -> None:
        described = api("GET", "/api/docs/openapi.json").json["paths"]
        page, document, asset = (
            described[path]["get"]["responses"]
            for path in ("/api/docs", "/api/docs/openapi.json", "/api/docs/assets/{asset_digest}/{name}")
        )
        assert page["200"]["content"] == {"text/html; charset=utf-8": {}}
        assert document["200"]["content"] == {"application/json": {}}
        assert asset["200"]["content"] == {"*/*": {}}
        assert "content" not in page["304"]


class TestAssets:
    def test_have_their_type_and_are_kept_for_good(self, api: InProcess, paths: list[str]) -> None:
        types = {Path(path).name: api("GET", path).headers["content-type"] for path in paths}
        assert types == {
            "favicon-32x32.png": "image/png",
            "reference.css": "text/css; charset=utf-8",
            "reference.js": "text/javascript; charset=utf-8",
            "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
            "swagger-ui.css": "text/css; charset=utf-8",
        }
        for path in paths:
            assert api("GET", path).headers["cache-control"] == "public, max-age=31536000, immutable"

    def test_are_named_by_their_content(self, api: InProcess, paths: list[str]) -> None:
        for path in paths:
            digest = path.split("/")[-2]
            assert handler.digest(api("GET", path).body) == digest
            other = path.replace(digest, "0" * 16)
            assert api("GET", other).status == 404

    @pytest.mark.parametrize(
        "name",
        [
            "..",
            "../handler.py",
            "..%2Fhandler.py",
            "%2E%2E%2Fhandler.py",
            "..%5Chandler.py",
            "%2Fetc%2Fpasswd",
            "reference.js%00",
            "./reference.js",
            "%2e/reference.js",
            "REFERENCE.JS",
            "reference.html",
            "swagger-ui.js",
            "index.css",
            "",
        ],
    )
    def test_are_those_of_the_list_and_no_other_file(self, api: InProcess, paths: list[str], name: str) -> None:
        [ours] = [path for path in paths if path.endswith("/reference.js")]
        answer = api("GET", ours.replace("reference.js", name))
        assert (answer.status, answer.code) == (404, "not_found")
        assert answer.headers["cache-control"] == "no-store"

    @pytest.mark.parametrize(
        "path",
        ["/../handler.py", "/%2e%2e/handler.py", "/handler.py", "/page/reference.html", "//etc/passwd", "/assets"],
    )
    def test_nothing_else_lies_below(self, api: InProcess, path: str) -> None:
        assert api("GET", f"/api/docs{path}").status == 404

    def test_fit_into_one_answer_of_the_platform(self, api: InProcess, paths: list[str]) -> None:
        assert max(len(api("GET", path).body) for path in paths) < 4_500_000


def test_a_link_that_says_where_it_came_from_leads_to_the_page(api: InProcess) -> None:
    assert api("GET", "/api/docs?utm_source=mail").body == api("GET", "/api/docs").body


class TestEverything:
    @pytest.fixture
    def everything(self, paths: list[str]) -> list[str]:
        return ["/api/docs", "/api/docs/openapi.json", *paths]

    def test_answers_head_with_the_same_headers_and_no_body(self, api: InProcess, everything: list[str]) -> None:
        for path in everything:
            head, got = (api(method, path, headers={"X-Request-Id": "same"}) for method in ("HEAD", "GET"))
            assert head.body == b""
            assert head.headers == got.headers
            assert int(head.headers["content-length"]) == len(got.body) > 0

    def test_is_not_sent_again_to_whoever_has_it(self, api: InProcess, everything: list[str]) -> None:
        for path in everything:
            etag = api("GET", path).headers["etag"]
            for known in (etag, f"W/{etag}", f'"other", {etag}', "*"):
                answer = api("GET", path, headers={"If-None-Match": known})
                assert (answer.status, answer.body) == (304, b"")
                assert answer.headers["etag"] == etag
                assert not {"content-type", "content-length"} & set(answer.headers)
            assert api("GET", path, headers={"If-None-Match": '"other"'}).status == 200

    @pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
    def test_is_only_read(self, api: InProcess, everything: list[str], method: str) -> None:
        for path in everything:
            answer = api(method, path)
            assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD, OPTIONS")
