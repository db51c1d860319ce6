"""The installer takes up what was left half done, and says what it lacks."""

import importlib.util
from pathlib import Path

import pytest

from local import install


@pytest.fixture
def venv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(install, "ROOT", tmp_path)
    monkeypatch.setattr(install, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(install, "PYTHON", tmp_path / ".venv" / "bin" / "python")
    (tmp_path / "requirements.txt").write_text("one==1\n")
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    return tmp_path / ".venv"


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    commands: list[list[str]] = []
    monkeypatch.setattr(install, "run", lambda command, complaint: commands.append(command))
    return commands


def test_a_broken_environment_is_made_anew(venv: Path, ran: list[list[str]]) -> None:
    (venv / "bin" / "python").symlink_to("/no/such/python")
    (venv / "run.installed").write_text("as if")
    install.ensure_environment()
    assert [command[1:] for command in ran] == [["-m", "venv", str(venv)]]
    assert not venv.exists()


def test_a_python_without_ensurepip_is_named(venv: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SystemExit, match=r"has no ensurepip.*install the package"):
        install.ensure_environment()


def test_requirements_are_installed_once_until_they_change(venv: Path, ran: list[list[str]]) -> None:
    for _ in range(2):
        install.ensure_requirements(["run"])
    assert len(ran) == 1
    (venv.parent / "requirements.txt").write_text("one==2\n")
    install.ensure_requirements(["run"])
    assert len(ran) == 2


def test_a_failure_leaves_no_stamp(venv: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(command: list[str], complaint: str) -> None:
        raise SystemExit(complaint)

    monkeypatch.setattr(install, "run", fail)
    with pytest.raises(SystemExit, match="pip could not install"):
        install.ensure_requirements(["run"])
    assert not (venv / "run.installed").exists()
