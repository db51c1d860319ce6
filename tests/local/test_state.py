"""What `make reset` removes and what it leaves."""

from pathlib import Path

import pytest

from local import envfile, state
from local.trouble import Trouble


def test_reset_forgets_one_port_and_no_other(tmp_path: Path) -> None:
    (tmp_path / "postgres").mkdir()
    (tmp_path / "env").touch()
    (tmp_path / "3001").mkdir()
    state.forget(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["3001"]


def test_reset_waits_for_nobody_who_runs(tmp_path: Path) -> None:
    (tmp_path / "env").touch()
    with state.hold(tmp_path), pytest.raises(Trouble, match="stop that one first"):
        state.forget(tmp_path)
    assert (tmp_path / "env").exists()


def test_an_env_file_is_its_owners_and_comes_back_as_written(tmp_path: Path) -> None:
    settings = {"A": "b=c", "URL": "postgresql://a:b@c/d?e=f"}
    envfile.write(tmp_path / "env", settings)
    assert envfile.read(tmp_path / "env") == settings
    assert (tmp_path / "env").stat().st_mode & 0o777 == 0o600
