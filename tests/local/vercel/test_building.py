"""A function is built by the platform's builder and answers under the platform's runtime."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from local.stack import Stack
from local.vercel import __main__ as command
from local.vercel import building, contents, toolchain
from local.vercel.booting import BootFailed, boot


def fake_python(folder: Path, name: str, version: str) -> Path:
    folder.joinpath(name).write_text(f"#!/bin/sh\necho {version} {folder / name}\n")
    folder.joinpath(name).chmod(0o755)
    return folder / name


@pytest.fixture
def no_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine whose only Python is too old for the platform; returns the one folder on its PATH."""
    monkeypatch.setattr(sys, "executable", str(fake_python(tmp_path, "python3.11", "3.11")))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("PYTHON", raising=False)
    return tmp_path


def test_without_a_python_of_the_platform_it_is_skipped_in_one_sentence(
    no_python: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main() == 0
    assert "Skipped: The platform runs Python 3.12 or newer and there is none here" in capsys.readouterr().out


def test_the_python_named_is_taken_before_the_one_on_the_path(no_python: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_python(no_python, "python3.13", "3.13")
    assert toolchain.find_python().version == "3.13"
    monkeypatch.setenv("PYTHON", str(fake_python(no_python, "mine", "3.14")))
    assert toolchain.find_python().version == "3.14"
    monkeypatch.setenv("PYTHON", str(fake_python(no_python, "newest", "3.19")))
    assert toolchain.find_python().version == "3.13"


def test_health_is_built_opened_booted_and_asked(stack: Stack, tmp_path: Path) -> None:
    try:
        toolchain.find()
    except toolchain.Missing as missing:
        pytest.skip(str(missing))
    broken = tmp_path / "broken"
    broken.mkdir()
    broken.joinpath("requirements.txt").touch()
    broken.joinpath("handler.py").write_text(
        'def app(environ, start_response):\n    return []\n\nraise RuntimeError("the reason")\n'
    )
    bundles = building.build(tmp_path / "build", {"empty": toolchain.HERE / "empty", "broken": broken}, only=["health"])

    health = bundles["health"]
    assert contents.check(health) == []
    assert any(path.suffix == ".pyc" for path in health.files()), "bytecode is shipped"
    assert not any("pip" in path.parts for path in health.files())
    with boot(health, stack.env) as running:
        answer = running.request("GET", "/api/health")
        assert answer.status == 200, running.output
        assert answer.json()["checks"]["database"]["status"] == "ok"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert 0 < running.started_ms < (running.first_answer_ms or 0)
    health.folder.joinpath("functions", "health", ".env").touch()
    assert contents.check(health) == ["health: functions/health/.env does not belong there"]

    with boot(bundles["empty"], {}) as running:
        assert running.request("POST", "/api/empty", {"X-Any": "1"}, b"body").json() == {}
    with pytest.raises(BootFailed, match="the reason"), boot(bundles["broken"], {}):
        pass
