"""`make run`, as somebody with a fresh checkout meets it."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
import urllib3

from local import envfile
from local.ports import free_port, is_free, listening
from local.state import ROOT

HELLO = '''"""GET /api/say-hello: says hello."""


class Hello:
    name = "say-hello"

    def __call__(self, environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"hello"]


app = Hello()
'''


STRIPE = '''"""POST /api/stripe-webhook: notes what it is told; GET says it, and whose key it has."""

import json
import os


class StripeWebhook:
    name = "stripe-webhook"

    def __init__(self):
        self.types = []

    def __call__(self, environ, start_response):
        if environ["REQUEST_METHOD"] == "POST":
            self.types.append(json.loads(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))["type"])
        start_response("200 OK", [("Content-Type", "application/json")])
        return [json.dumps({"types": self.types, "key": os.environ.get("STRIPE_SECRET_KEY")}).encode()]


app = StripeWebhook()
'''


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with one function and no migrations; what was installed is borrowed from ours."""
    shutil.copytree(ROOT / "local", tmp_path / "local", ignore=shutil.ignore_patterns("node_modules", "__pycache__"))
    (tmp_path / "local" / "gateway" / "node_modules").symlink_to(ROOT / "local" / "gateway" / "node_modules")
    (tmp_path / "supabase" / "migrations").mkdir(parents=True)
    (tmp_path / "shared").mkdir()
    handler = tmp_path / "functions" / "say_hello" / "handler.py"
    handler.parent.mkdir(parents=True)
    handler.write_text(HELLO)
    return tmp_path


@contextmanager
def running(checkout: Path, port: int, *command: str) -> Iterator["subprocess.Popen[str]"]:
    """`make run` once it says that it runs; ended on leaving."""
    process = launch(checkout, port, *command)
    try:
        assert process.stdout is not None
        said = []
        for line in process.stdout:
            said.append(line)
            if "curl" in line:
                break
        else:
            pytest.fail("it ended: " + "".join(said))
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        process.communicate()


def launch(checkout: Path, port: int | str, *command: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        command or [sys.executable, "-m", "local"],
        cwd=checkout,
        env={**os.environ, "PORT": str(port)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def get(port: int, path: str = "/api/say-hello") -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as response:
        return str(response.read().decode())


def settings(checkout: Path, port: int) -> dict[str, str]:
    return envfile.read(checkout / ".local" / str(port) / "env")


def test_serves_until_ctrl_c_and_keeps_what_it_knows(checkout: Path) -> None:
    port = free_port()
    with running(checkout, port) as process:
        assert get(port) == "hello"
        assert "say-hello" in get(port, "/")
        known = settings(checkout, port)
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0
    assert is_free(port)
    with running(checkout, port):
        assert settings(checkout, port) == known


def test_payments_are_made_in_a_sandbox_that_tells_the_functions(checkout: Path) -> None:
    handler = checkout / "functions" / "stripe_webhook" / "handler.py"
    handler.parent.mkdir()
    port = free_port()
    with running(checkout, port):  # nobody hears of it yet: that disturbs nobody
        stripe = settings(checkout, port)
        create_intent(stripe)
        assert get(port) == "hello"
    handler.write_text(STRIPE)
    with running(checkout, port):
        create_intent(stripe)
        began = time.monotonic()
        while len((heard := json.loads(get(port, "/api/stripe-webhook")))["types"]) < 2:
            assert time.monotonic() - began < 15
            time.sleep(0.05)
        assert heard == {"types": ["payment_intent.created"] * 2, "key": stripe["STRIPE_SECRET_KEY"]}
        assert "2 open" in urllib3.request("GET", stripe["STRIPE_API_BASE"]).data.decode()


def create_intent(stripe: Mapping[str, str]) -> None:
    answer = urllib3.request(
        "POST",
        stripe["STRIPE_API_BASE"] + "/v1/payment_intents",
        body="amount=1250&currency=eur",
        headers={"Authorization": f"Bearer {stripe['STRIPE_SECRET_KEY']}"},
    )
    assert answer.status == 200


def test_payments_go_to_stripe_itself_with_a_key_of_its_own(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    handler = checkout / "functions" / "stripe_webhook" / "handler.py"
    handler.parent.mkdir()
    handler.write_text(STRIPE)
    port = free_port()
    with running(checkout, port):
        sandbox = settings(checkout, port)["STRIPE_API_BASE"]
    monkeypatch.setenv("STRIPE_SECRET_KEY", "sk_test_of_somebody")
    with running(checkout, port):
        assert json.loads(get(port, "/api/stripe-webhook"))["key"] == "sk_test_of_somebody"
        assert not [name for name in settings(checkout, port) if name.startswith("STRIPE_")]
        assert is_free(int(sandbox.rpartition(":")[2]))


def test_killed_it_leaves_nothing_in_the_way(checkout: Path) -> None:
    port = free_port()
    with running(checkout, port) as process:
        process.kill()
        process.wait()
    began = time.monotonic()
    while not is_free(port):
        assert time.monotonic() - began < 5
        time.sleep(0.05)
    with running(checkout, port):
        assert get(port) == "hello"
    assert time.monotonic() - began < 10


def test_it_ends_when_its_make_is_killed(checkout: Path) -> None:
    port = free_port()
    (checkout / "Makefile").write_text(f"run:\n\t@exec {sys.executable} -m local\n")
    with running(checkout, port, "make", "run") as make:
        make.kill()
        make.wait()
        began = time.monotonic()
        while not is_free(port):
            assert time.monotonic() - began < 10
            time.sleep(0.1)


def test_two_run_side_by_side(checkout: Path) -> None:
    first, second = free_port(), free_port()
    with running(checkout, first), running(checkout, second):
        assert get(first) == get(second) == "hello"
        one, other = settings(checkout, first), settings(checkout, second)
        assert all(one[name] != other[name] for name in one if name not in ("ENVIRONMENT", "EMAIL_FROM"))


def test_a_change_takes_effect(checkout: Path) -> None:
    port = free_port()
    handler = checkout / "functions" / "say_hello" / "handler.py"
    with running(checkout, port):
        handler.write_text(HELLO.replace("hello", "good morning").replace("say-good morning", "say-hello"))
        began = time.monotonic()
        while get(port) != "good morning":
            assert time.monotonic() - began < 10
            time.sleep(0.1)


class TestComplaints:
    """One line that says what to do, and no traceback."""

    def complaint(self, checkout: Path, port: int | str) -> str:
        process = launch(checkout, port)
        said, _ = process.communicate(timeout=30)
        assert process.returncode == 1
        assert "Traceback" not in said
        return said

    def test_about_a_taken_port(self, checkout: Path) -> None:
        with listening(0) as taken:
            port = taken.getsockname()[1]
            said = self.complaint(checkout, port)
        assert f"port {port} is taken" in said
        assert f"make run PORT={port + 1}" in said

    def test_about_a_port_that_is_none(self, checkout: Path) -> None:
        assert "PORT=http is no port" in self.complaint(checkout, "http")

    def test_about_a_broken_migration(self, checkout: Path) -> None:
        migration = checkout / "supabase" / "migrations" / "20260101000000_broken.sql"
        migration.write_text("create table a (id int);\ncreate tabel b (id int);\n")
        said = self.complaint(checkout, free_port())
        assert f"{migration}:2: syntax error" in said
