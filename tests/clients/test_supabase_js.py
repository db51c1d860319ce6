"""supabase-js calls the functions unchanged, from Node and from a page of another origin in a real browser."""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Queue
from typing import Any

import pytest

from shared import cors
from tests.api import OverHttp
from tests.clients.running import FOLDER, PACKAGES, node

PAGE = "http://localhost:5173"
# What a page may send without asking first: the Fetch standard's safelist, as far as a client sends it.
SAFELISTED = {"accept", "accept-language", "content-language"}
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"]
FLAGS += ["--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage"]


@pytest.fixture
def answered(settings: dict[str, str]) -> dict[str, Any]:
    ran = node(FOLDER / "supabase.mjs", settings=settings)
    assert ran.returncode == 0, ran.stderr
    found: dict[str, Any] = json.loads(ran.stdout)
    return found


def check(answered: dict[str, Any], email: str) -> None:
    """What `calls.mjs` was answered."""
    assert answered["health"]["data"]["status"] == "ok"
    assert problem(answered["before"]) == (401, "token_missing")
    assert problem(answered["refused"]) == (401, "credentials_invalid")
    assert answered["me"]["data"]["user"]["email"] == email, "the signed-in client's Authorization"
    [item] = answered["detected"]["data"]["items"]
    assert item["barcode"]["format"] == "ean_13"
    assert answered["detected"]["rateLimit"].startswith('"detect";r=')
    assert problem(answered["unreadable"]) == (422, "invalid_fields")
    assert answered["unreadable"]["error"]["problem"]["errors"][0]["code"] == "image_unreadable"
    assert answered["again"]["data"] == answered["made"]["data"]
    assert answered["again"]["replayed"] == "true"
    assert answered["changed"]["data"]["name"] == "Café Süd"
    assert problem(answered["late"]) == (412, "changed_meanwhile")
    assert len(answered["listed"]["data"]["data"]) == 1
    assert all(each["requestId"] for name, each in answered.items() if isinstance(each, dict) and "requestId" in each)


def problem(outcome: dict[str, Any]) -> tuple[int, str]:
    """The status and code of what `invoke` gave as an error, whose `context` is the response."""
    error = outcome["error"]
    assert error["name"] == "FunctionsHttpError"
    return error["status"], error["problem"]["code"]


def test_from_node(answered: dict[str, Any], settings: dict[str, str]) -> None:
    check(answered, settings["EMAIL"])
    assert answered["alone"]["user"]["email"] == settings["EMAIL"], "FunctionsClient by itself"
    assert set(answered["headers"].split(", ")) <= set(cors.ACCEPTED.split(", ")), "what its authors say it may send"
    each_call_would_pass_a_browser(answered, settings)


def each_call_would_pass_a_browser(answered: dict[str, Any], settings: dict[str, str]) -> None:
    """Asks the preflight for exactly what the client sent."""
    api = OverHttp(settings["API_URL"])
    assert {call["method"] for call in answered["sent"]} == {"GET", "POST", "PATCH"}
    for call in answered["sent"]:
        asked = sorted(set(call["headers"]) - SAFELISTED)
        preflight = api(
            "OPTIONS",
            call["url"].removeprefix(settings["API_URL"]),
            headers={
                "Origin": PAGE,
                "Access-Control-Request-Method": call["method"],
                "Access-Control-Request-Headers": ",".join(asked),
            },
        )
        assert preflight.status == 204
        assert preflight.headers["access-control-allow-origin"] == PAGE
        assert call["method"] in preflight.headers["access-control-allow-methods"].split(", ")
        assert set(asked) <= set(preflight.headers["access-control-allow-headers"].split(", "))


class Frontend(ThreadingHTTPServer):
    """Serves the page, and takes what it reports."""

    def __init__(self, settings: dict[str, str]) -> None:
        self.files: dict[str, tuple[str, bytes]] = {
            "/": ("text/html", (FOLDER / "page.html").read_bytes()),
            "/calls.mjs": ("text/javascript", (FOLDER / "calls.mjs").read_bytes()),
            "/supabase.js": ("text/javascript", UMD.read_bytes()),
            "/settings": ("application/json", json.dumps(settings).encode()),
        }
        self.outcomes: Queue[dict[str, Any]] = Queue()
        super().__init__(("127.0.0.1", 0), Handler)


UMD = PACKAGES / "@supabase" / "supabase-js" / "dist" / "umd" / "supabase.js"


class Handler(BaseHTTPRequestHandler):
    server: Frontend

    def do_GET(self) -> None:
        kind, content = self.server.files.get(self.path, ("", b""))
        self.send_response(200 if kind else 404)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def do_POST(self) -> None:
        self.server.outcomes.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(204)
        self.end_headers()

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing."""


@pytest.fixture
def frontend(settings: dict[str, str]) -> Iterator[Frontend]:
    with Frontend(settings) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine: Debian's package is called chromium")
def test_from_a_page_of_another_origin(frontend: Frontend, settings: dict[str, str], tmp_path: Path) -> None:
    page = f"http://127.0.0.1:{frontend.server_port}"
    assert CHROMIUM is not None
    browser = subprocess.Popen(
        [CHROMIUM, *FLAGS, f"--user-data-dir={tmp_path}", f"{page}/"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        answered = frontend.outcomes.get(timeout=60)
    finally:
        browser.terminate()
        browser.wait(timeout=20)
    assert answered.get("failed") is None
    assert answered["origin"] == page != settings["API_URL"]
    check(answered, settings["EMAIL"])
