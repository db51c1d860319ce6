"""Types generated from the document compile, refuse what is wrong, and fit what the functions truly answer."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from local.state import ROOT
from tests.clients.running import FOLDER, PACKAGES, node


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample beside types generated as the README says."""
    folder = tmp_path_factory.mktemp("typescript")
    for name in ("sample.ts", "tsconfig.json", "package.json"):
        shutil.copy(FOLDER / name, folder)
    (folder / "node_modules").symlink_to(PACKAGES)
    generator = PACKAGES / "openapi-typescript" / "bin" / "cli.js"
    document = ROOT / "docs" / "openapi.json"
    made = node(generator, document, "--default-non-nullable", "false", "--output", folder / "api.d.ts")
    assert made.returncode == 0, made.stderr
    return folder


def compiled(project: Path) -> str:
    return node(PACKAGES / "typescript" / "bin" / "tsc", "--project", project).stdout


def test_the_lock_file_names_no_addresses() -> None:
    assert '"resolved"' not in (FOLDER / "package-lock.json").read_text()


def test_the_sample_compiles_strictly(project: Path) -> None:
    assert compiled(project) == ""


def test_what_is_wrong_does_not_compile(project: Path) -> None:
    sample = (FOLDER / "sample.ts").read_text()
    mistakes = sample.count("// @ts-expect-error")
    (project / "sample.ts").write_text(sample.replace("// @ts-expect-error", "//"))
    found = compiled(project).count(": error TS")
    (project / "sample.ts").write_text(sample)
    assert found == mistakes > 10


def test_the_sample_runs(project: Path, settings: dict[str, str]) -> None:
    ran = node(project / "sample.ts", settings=settings)
    assert ran.returncode == 0, ran.stderr
    said = json.loads(ran.stdout)
    assert said["detected"] == 1
    assert "image" in said["explained"]
