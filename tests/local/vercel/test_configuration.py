"""`vercel.json` says what the functions say, and keeps everything else out of their bundles."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from local.state import ROOT
from local.vercel import configuration, toolchain
from local.vercel.bounds import beyond_the_plan
from local.vercel.configuration import Service, document, exclude, services

FUNCTIONS = services()


def test_the_committed_file_is_fresh() -> None:
    assert configuration.FILE.read_text() == configuration.text(FUNCTIONS), "run: make vercel.json"


def test_every_function_is_a_service_with_both_rewrites() -> None:
    content = json.loads(configuration.FILE.read_text())
    names = {path.parent.name.replace("_", "-") for path in ROOT.glob("functions/*/handler.py")}
    assert set(content["services"]) == names
    for name in names:
        sources = [each["source"] for each in content["rewrites"] if each["destination"] == {"service": name}]
        assert sources == [f"/api/{name}", f"/api/{name}/(.*)"]


def test_names_suit_the_platform() -> None:
    assert all(re.fullmatch("[a-z][a-z0-9_-]*", function.name) for function in FUNCTIONS)


def test_schedules_become_crons() -> None:
    tidy = Service("tidy", "functions/tidy", 10, 256, {"/": "0 3 * * *", "/uploads": "*/5 * * * *"})
    assert document([tidy])["crons"] == [
        {"path": "/api/tidy", "schedule": "0 3 * * *"},
        {"path": "/api/tidy/uploads", "schedule": "*/5 * * * *"},
    ]
    assert "crons" not in document([Service("plain", "functions/plain", 10, 256, {})])


def test_without_crons_none_is_scheduled(monkeypatch: pytest.MonkeyPatch) -> None:
    assert document(services())["crons"]
    monkeypatch.setenv("CRONS", "0")
    assert "crons" not in document(services())
    assert not [each for each in beyond_the_plan(services()) if "scheduled" in each]


def test_a_pattern_that_the_platform_would_refuse_is_not_written() -> None:
    assert all(len(exclude(function.folder)) <= 256 for function in FUNCTIONS)
    with pytest.raises(ValueError, match="256 is the most"):
        exclude("functions/" + "a" * 200)


BAIT = (".env", ".env.local", ".local/env", ".local/3001/env", ".git/config", "functions/detect/.env", "shared/.env")
KEPT = {
    "functions/__init__.py",
    "functions/detect/__init__.py",
    "functions/detect/handler.py",
    "functions/detect/pyproject.toml",
    "functions/detect/prompts/general.md",
    "functions/detect/uv.lock",
    "shared/ai/prices.toml",
    "shared/web.py",
}
LEFT = {
    "README.md",
    "benchmarks/cold.py",
    "functions/detect/.python-version",
    "functions/detect/requirements.txt",
    "functions/detect_local/handler.py",
    "functions/health/handler.py",
    "local/gateway/serve.mjs",
    "supabase/seed.sql",
    "tests/people.py",
    "vercel.json",
}


def test_the_pattern_keeps_shared_and_the_functions_own(tmp_path: Path) -> None:
    """By the builder's own glob, where it is installed; see the test that builds for the whole of it."""
    for name in (*BAIT, *KEPT, *LEFT):
        tmp_path.joinpath(name).parent.mkdir(parents=True, exist_ok=True)
        tmp_path.joinpath(name).touch()
    modules = ROOT / "local" / "vercel" / "node" / "node_modules"
    if not modules.exists():
        pytest.skip("the platform's builder is not installed: make vercel installs it")
    node = toolchain.find_node()
    program = f"""
const {{ glob }} = require({json.dumps(str(modules / "@vercel" / "build-utils"))});
glob("**", {{ cwd: {json.dumps(str(tmp_path))}, ignore: [{json.dumps(exclude("functions/detect"))}] }})
  .then((files) => console.log(JSON.stringify(Object.keys(files))));
"""
    run = subprocess.run([str(node), "-e", program], capture_output=True, text=True, check=True)
    found = set(json.loads(run.stdout))
    assert found == KEPT
