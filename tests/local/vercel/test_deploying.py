"""Which commands a release runs, in which order, and that no secret gets onto a command line or into the output.

`vercel` and `supabase` are programs of ours on PATH that write down how they were called.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from local.trouble import Trouble
from local.vercel import configuration, deploying
from local.vercel.bounds import beyond_the_plan
from local.vercel.configuration import Service
from local.vercel.releasing import ROUTER, Release, router

FUNCTIONS = configuration.services()
SECRETS = {
    "VERCEL_TOKEN": "token-0123456789",
    "VERCEL_AUTOMATION_BYPASS_SECRET": "bypass-0123456789",
    "SUPABASE_DB_URL_STAGING": "postgresql://postgres.ref:pass%2Fword-0123@db.example.com:5432/postgres?sslmode=require",
}
SECRETS["SUPABASE_DB_URL_PRODUCTION"] = SECRETS["SUPABASE_DB_URL_STAGING"].replace("db.", "live.")
SETTINGS = {**SECRETS, "VERCEL_ORG_ID": "team_1", "VERCEL_PROJECT_ID": "prj_all", "VERCEL_PROJECT_ID_DETECT": "prj_one"}
RECORDER = """#!{python}
import json, os, sys
given = {{name: os.environ[name] for name in {names} if name in os.environ}}
name = os.path.basename(sys.argv[0])
with open({record!r}, "a") as record:
    record.write(json.dumps([name, sys.argv[1:], given]) + "\\n")
print("I was given", *given.values(), file=sys.stderr)
if name == {fails!r}:
    sys.exit(3)
elif "deploy" in sys.argv:
    print({address!r})
"""


class Site:
    """What was deployed: answers `/api/…` with a status and a body."""

    def __init__(self) -> None:
        self.status, self.body = 200, b'{"status": "ok"}'
        self.asked: list[tuple[str, str | None]] = []
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                site.asked.append((self.path, self.headers["x-vercel-protection-bypass"]))
                self.send_response(site.status)
                self.send_header("Content-Length", str(len(site.body)))
                self.end_headers()
                self.wfile.write(site.body)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def site() -> Iterator[Site]:
    site = Site()
    with site.server:
        threading.Thread(target=site.server.serve_forever).start()
        yield site
        site.server.shutdown()


class Commands:
    """The two programs, and how they were called."""

    def __init__(self, folder: Path, address: str, fails: str = "") -> None:
        self.path = f"{folder}{os.pathsep}{os.defpath}"
        self._record = folder / "record"
        names = [*SETTINGS, "PGPASSWORD"]
        text = RECORDER.format(
            python=sys.executable, names=names, record=str(self._record), fails=fails, address=address
        )
        for name in ("vercel", "supabase"):
            folder.joinpath(name).write_text(text)
            folder.joinpath(name).chmod(0o755)

    @property
    def calls(self) -> list[tuple[str, list[str], dict[str, str]]]:
        if not self._record.exists():
            return []
        return [json.loads(line) for line in self._record.read_text().splitlines()]


@pytest.fixture
def commands(tmp_path: Path, site: Site, monkeypatch: pytest.MonkeyPatch) -> Commands:
    tree = tmp_path / "tree"
    tree.mkdir()
    monkeypatch.setattr(deploying, "TREE", tree)
    monkeypatch.setattr(deploying, "refuse_unsaved", lambda release: None)  # of the tree that is being worked in
    for name in (*SETTINGS, "ONLY", "TO", "DRY_RUN", "STAGING_TARGET", "FUNCTION_HOSTS"):
        monkeypatch.delenv(name, raising=False)
    programs = tmp_path / "programs"
    programs.mkdir()
    return Commands(programs, site.address)


def release(environment: str = "staging", only: str | None = None) -> Release:
    return Release(environment, only, SETTINGS, "abc123")


def prepared(release: Release, functions: list[Service]) -> None:
    """The building and checking before, which other tests do."""


def test_a_release_shows_migrations_applies_them_and_sends_what_was_built(
    commands: Commands, site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    deploying.deploy(release(), FUNCTIONS, commands.path, prepared)
    calls = commands.calls
    assert [(name, arguments[:3]) for name, arguments, _ in calls] == [
        ("supabase", ["db", "push", calls[0][1][2]]),
        ("supabase", ["db", "push", calls[0][1][2]]),
        ("vercel", ["deploy", "--prebuilt", "--archive=tgz"]),
    ]
    assert calls[0][1][2] == "--remote=postgresql://postgres.ref@db.example.com:5432/postgres?sslmode=require"
    assert "--dry-run" in calls[0][1]
    assert "--yes" in calls[1][1]
    assert {"--target=preview", "commit=abc123"} <= set(calls[2][1])
    account = {"VERCEL_TOKEN": SETTINGS["VERCEL_TOKEN"], "VERCEL_ORG_ID": "team_1", "VERCEL_PROJECT_ID": "prj_all"}
    assert [given for _, _, given in calls] == [{"PGPASSWORD": "pass/word-0123"}] * 2 + [account]
    assert site.asked == [("/api/health", SETTINGS["VERCEL_AUTOMATION_BYPASS_SECRET"])]
    assert f"Deployed: {site.address}" in capsys.readouterr().out


def test_no_secret_is_on_a_command_line_or_in_the_output(
    commands: Commands, capsys: pytest.CaptureFixture[str]
) -> None:
    deploying.deploy(release(), FUNCTIONS, commands.path, prepared)
    shown = "".join(capsys.readouterr()) + json.dumps([arguments for _, arguments, _ in commands.calls])
    assert "I was given" in shown
    for secret in (*SECRETS.values(), "pass%2Fword-0123", "pass/word-0123"):
        assert secret not in shown


def test_one_function_goes_to_a_project_of_its_own(commands: Commands, site: Site) -> None:
    site.status, site.body = 401, b'{"status": 401}'
    deploying.deploy(release(only="detect"), FUNCTIONS, commands.path, prepared)
    assert commands.calls[-1][2]["VERCEL_PROJECT_ID"] == "prj_one"
    assert site.asked[0][0] == "/api/detect"
    content = json.loads(deploying.document(release(only="detect"), FUNCTIONS))
    assert list(content["services"]) == ["detect"]


def test_the_router_sends_each_function_to_its_project() -> None:
    rewrites = router(FUNCTIONS, "shop-{name}.example.app")["rewrites"]
    assert {
        "source": "/api/detect-local/(.*)",
        "destination": "https://shop-detect-local.example.app/api/detect-local/$1",
    } in rewrites
    assert len(rewrites) == 2 * len(FUNCTIONS)
    for wrong in ("shop.example.app", "https://{name}.example.app"):
        with pytest.raises(Trouble, match="is no pattern"):
            router(FUNCTIONS, wrong)


def test_the_router_changes_no_database(commands: Commands) -> None:
    settings = {**SETTINGS, "VERCEL_PROJECT_ID_ROUTER": "prj_router"}
    deploying.deploy(Release("staging", ROUTER, settings), FUNCTIONS, commands.path, prepared)
    assert [name for name, _, _ in commands.calls] == ["vercel"]


def test_nothing_is_deployed_where_the_migrations_fail(tmp_path: Path, commands: Commands, site: Site) -> None:
    folder = tmp_path / "failing"
    folder.mkdir()
    failing = Commands(folder, site.address, fails="supabase")
    with pytest.raises(Trouble, match="supabase db push fails"):
        deploying.deploy(release(), FUNCTIONS, failing.path, prepared)
    assert [name for name, _, _ in failing.calls] == ["supabase"]


def test_nothing_is_run_where_a_bundle_is_wrong_or_a_setting_is_missing(commands: Commands) -> None:
    def wrong(release: Release, functions: list[Service]) -> None:
        raise Trouble("nothing is deployed: .env does not belong there")

    with pytest.raises(Trouble, match="does not belong"):
        deploying.deploy(release(), FUNCTIONS, commands.path, wrong)
    for name in ("VERCEL_TOKEN", "VERCEL_ORG_ID", "VERCEL_PROJECT_ID", "SUPABASE_DB_URL_STAGING"):
        settings = {key: value for key, value in SETTINGS.items() if key != name}
        with pytest.raises(Trouble, match=f"{name} is not set"):
            deploying.deploy(Release("staging", None, settings), FUNCTIONS, commands.path, wrong)
    assert commands.calls == []


@pytest.mark.parametrize(
    ("status", "body"), [(404, b'{"status": 404}'), (401, b"<html>Sign in</html>"), (302, b""), (200, b"<html>")]
)
def test_a_deployment_that_does_not_answer_says_the_way_back(
    commands: Commands, site: Site, monkeypatch: pytest.MonkeyPatch, status: int, body: bytes
) -> None:
    monkeypatch.setattr(deploying, "ANSWERS_WITHIN_SECONDS", 0)
    site.status, site.body = status, body
    with pytest.raises(Trouble, match="make rollback ENVIRONMENT=production"):
        deploying.deploy(release("production"), FUNCTIONS, commands.path, prepared)


def test_rolling_back_shows_the_releases_and_goes_to_the_one_named(commands: Commands) -> None:
    with pytest.raises(Trouble, match="Name the one to go back to"):
        deploying.rollback(release("production"), None, commands.path)
    deploying.rollback(release("production", "detect"), "older.example.com", commands.path)
    assert [arguments[:2] for _, arguments, _ in commands.calls] == [
        ["list", "--environment=production"],
        ["rollback", "older.example.com"],
    ]
    assert commands.calls[-1][2]["VERCEL_PROJECT_ID"] == "prj_one"


def test_production_is_current_once_it_has_answered(commands: Commands, site: Site) -> None:
    deploying.deploy(release("production"), FUNCTIONS, commands.path, prepared)
    assert "@live.example.com" in commands.calls[0][1][2]
    assert "--skip-domain" in commands.calls[2][1]
    assert commands.calls[3][1][:2] == ["promote", site.address]
    site.status = 404
    with pytest.raises(Trouble, match="answers 404"):
        deploying.deploy(release("production"), FUNCTIONS, commands.path, prepared)
    assert [arguments[0] for _, arguments, _ in commands.calls][4:] == ["db", "db", "deploy"]


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://postgres:pa/ss@db.example.com",
        "postgresql://postgres:pa?ss@db.example.com",
        "postgresql://postgres:p[ss@db.example.com",
        "postgresql://postgres@db.example.com?password=hunter22",
        "postgresql://postgres@db.example.com",
    ],
)
def test_a_password_that_cannot_be_told_from_the_address_is_never_shown(
    commands: Commands, capsys: pytest.CaptureFixture[str], address: str
) -> None:
    settings = {**SETTINGS, "SUPABASE_DB_URL_STAGING": address}
    with pytest.raises(Trouble, match="percent-encoded") as trouble:
        deploying.deploy(Release("staging", None, settings), FUNCTIONS, commands.path, prepared)
    assert commands.calls == []
    assert not {"pa", "ss", "hunter22"} & set("".join([*capsys.readouterr(), str(trouble.value)]).split())


def test_staging_is_never_production(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STAGING_TARGET", "production")
    with pytest.raises(Trouble, match="ENVIRONMENT=production"):
        Release.asked("staging", None, FUNCTIONS)


@pytest.mark.parametrize("what", ["deploy", "rollback"])
def test_a_dry_run_shows_the_commands_and_runs_none(
    commands: Commands, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], what: str
) -> None:
    monkeypatch.setenv("PATH", commands.path)
    monkeypatch.setenv("ENVIRONMENT", "production")
    for name, value in SETTINGS.items():
        monkeypatch.setenv(name, value)
    deploying.main([what, "--dry-run"])
    shown = capsys.readouterr().out
    assert commands.calls == []
    assert not any(secret in shown for secret in SECRETS.values())
    real = release("production")
    wanted = [*real.migration(deploying.TREE), real.deployment()] if what == "deploy" else [real.former()]
    for command in wanted:
        assert " ".join(command.arguments[:4]) in shown


def test_a_dry_run_needs_no_account(commands: Commands, capsys: pytest.CaptureFixture[str]) -> None:
    deploying.main(["deploy", "--dry-run"])
    shown = capsys.readouterr().out
    assert "postgresql://<user>@<host>" in shown
    assert json.dumps(json.loads(configuration.FILE.read_text()), indent=2) in shown


@pytest.mark.parametrize(
    ("environment", "only", "why"),
    [
        ("development", None, "make run serves it"),
        ("live", None, "production, staging, development"),
        ("staging", "nonsense", "ONLY=nonsense is no function"),
    ],
)
def test_what_there_is_not_is_refused(environment: str, only: str | None, why: str) -> None:
    with pytest.raises(Trouble, match=why):
        Release.asked(environment, only, FUNCTIONS)


def test_production_is_what_is_committed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    monkeypatch.setattr(deploying, "ROOT", tmp_path)
    deploying.refuse_unsaved(release("production"))
    tmp_path.joinpath("half-done.py").touch()
    deploying.refuse_unsaved(release("staging"))
    tmp_path.joinpath("supabase").mkdir()
    tmp_path.joinpath("supabase", "half-done.sql").touch()
    with pytest.raises(Trouble, match="supabase"):
        deploying.refuse_unsaved(release("staging"))
    with pytest.raises(Trouble, match=r"half-done\.py"):
        deploying.refuse_unsaved(release("production"))


def test_what_the_plan_does_not_take_is_said() -> None:
    daily = Service("tidy", "functions/tidy", 60, 256, {"/daily": "0 3 * * *"})
    assert beyond_the_plan([daily] * 12) == []
    often = Service("often", "functions/often", 400, 4096, {"/soon": "*/5 * * * *"})
    said = beyond_the_plan([often] * 13)
    assert "13 functions" in said[0]
    assert any("400 s" in line for line in said)
    assert any("4096 MB" in line for line in said)
    assert any("often/soon" in line for line in said)
