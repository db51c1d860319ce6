"""The server of all functions: dispatch, what fails to import, the local pages."""

import http.client
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.functions import FunctionsServer

ECHO = '''"""GET /api/echo-it: says what it was asked."""

import json
import os


class Echo:
    name = "echo-it"

    def __call__(self, environ, start_response):
        asked = {name: environ.get(name) for name in ("PATH_INFO", "REQUEST_URI", "SCRIPT_NAME", "QUERY_STRING")}
        asked["body"] = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)).decode()
        start_response("200 OK", [("Content-Type", "application/json")])
        return [json.dumps({**asked, "setting": os.environ.get("A_SETTING"), "api": os.environ["API_URL"]}).encode()]


app = Echo()
'''
MAIL = {
    "at": "2026-11-21T10:00:00Z",
    "to": "ada@example.com",
    "subject": "<script>alert(1)</script>",
    "text": "Or follow this link: http://127.0.0.1:1/auth/v1/verify?a=1&b=<2>",
    "code": None,
    "link": "http://127.0.0.1:1/auth/v1/verify?a=1&b=%3C2%3E",
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FunctionsServer]:
    folder = tmp_path_factory.mktemp("checkout")
    for name, source in (("echo_it", ECHO), ("ill", "import there_is_no_such_module")):
        handler = folder / "samples" / name / "handler.py"
        handler.parent.mkdir(parents=True)
        handler.write_text(source)
    mail = folder / "mail.jsonl"
    mail.write_text(json.dumps(MAIL) + "\n")
    with (folder / "output").open("wb") as output:
        server = FunctionsServer({"A_SETTING": "set"}, functions=folder / "samples", mail=mail, output=output)
        with server:
            yield server
    assert "there_is_no_such_module" in (folder / "output").read_text()


def ask(server: FunctionsServer, path: str, method: str = "GET", body: str | None = None) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    connection.request(method, path, body)
    return connection.getresponse()


def test_hands_over_the_whole_path_and_the_settings(server: FunctionsServer) -> None:
    told = json.load(ask(server, "/api/echo-it/a%2Fb//c?x=%20", "POST", "data"))
    assert told["PATH_INFO"] == "/api/echo-it/a/b//c"
    assert told["REQUEST_URI"] == "/api/echo-it/a%2Fb//c?x=%20"
    assert (told["SCRIPT_NAME"], told["QUERY_STRING"], told["body"]) == ("", "x=%20", "data")
    assert (told["setting"], told["api"]) == ("set", server.url)


@pytest.mark.parametrize("path", ["/api/echo-it", "/api/echo-it/", "/api/echo-it/deep/er"])
def test_everything_below_the_name_is_the_functions(server: FunctionsServer, path: str) -> None:
    assert json.load(ask(server, path))["PATH_INFO"] == path


def test_one_that_does_not_import_answers_503_and_the_others_work(server: FunctionsServer) -> None:
    answer = ask(server, "/api/ill/anything")
    assert answer.status == 503
    assert answer.headers["content-type"] == "application/problem+json"
    problem = json.load(answer)
    assert (problem["status"], problem["code"]) == (503, "import_failed")
    assert ask(server, "/api/echo-it").status == 200


@pytest.mark.parametrize("path", ["/api/unknown", "/api/", "/api", "/api/echo-itself", "/api/echo_it"])
def test_an_unknown_function_is_404(server: FunctionsServer, path: str) -> None:
    answer = ask(server, path)
    assert (answer.status, json.load(answer)["code"]) == (404, "not_found")


class TestPages:
    def test_list_the_functions(self, server: FunctionsServer) -> None:
        answer = ask(server, "/")
        page = answer.read().decode()
        assert "<code>GET /api/echo-it</code></dt><dd>says what it was asked." in page
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")

    def test_show_mails_harmlessly(self, server: FunctionsServer) -> None:
        mails = ask(server, "/mail").read().decode()
        assert "<script>" not in mails
        assert 'href="/mail/auth-0"' in mails
        page = ask(server, "/mail/auth-0").read().decode()
        assert "<script>" not in page
        assert '<a href="http://127.0.0.1:1/auth/v1/verify?a=1&amp;b=%3C2%3E"' in page

    def test_give_mails_to_tests(self, server: FunctionsServer) -> None:
        assert json.load(ask(server, "/mail.json")) == {"data": [MAIL]}

    def test_are_few(self, server: FunctionsServer) -> None:
        assert ask(server, "/nothing").status == 404


def test_two_serve_at_once_on_ports_of_their_own(server: FunctionsServer, tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    with FunctionsServer({}, functions=tmp_path / "none") as other:
        assert other.port != server.port
        assert ask(other, "/").status == 200
