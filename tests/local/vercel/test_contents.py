"""What does not belong into a bundle is found, and what is missing from it."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from local.vercel import contents
from local.vercel.building import Bundle
from local.vercel.toolchain import Python

TREE = {
    "functions/__init__.py": "",
    "functions/greet/__init__.py": "",
    "functions/greet/handler.py": "import json\n\nfrom shared.web import Function\nfrom functions.greet import words\n",
    "functions/greet/words.py": "def known():\n    import numbers_of_words\n",
    "functions/greet/greetings.md": "Hello",
    "functions/greet/requirements.txt": "numbers_of_words==1",
    "shared/__init__.py": "",
    "shared/web.py": "from typing import TYPE_CHECKING\n\nif TYPE_CHECKING:\n    import only_for_types\n",
}
VENDORED = {"_vendor/numbers_of_words/__init__.py": "", "vc__handler__python.py": "", ".vc-config.json": "{}"}


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        folder.joinpath(name).parent.mkdir(parents=True, exist_ok=True)
        folder.joinpath(name).write_text(text)


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    """Of a function that greets, as it should be."""
    tree, folder = tmp_path / "tree", tmp_path / "greet.func"
    write(tree, TREE)
    write(folder, {**TREE, **VENDORED})
    folder.joinpath("functions/greet/requirements.txt").unlink()
    version = "{}.{}".format(*sys.version_info)
    return Bundle("greet", tree, "functions/greet", folder, Python(version, Path(sys.executable)))


def plant(name: str) -> Callable[[Path], None]:
    return lambda folder: write(folder, {name: "secret"})


def remove(name: str) -> Callable[[Path], None]:
    return lambda folder: folder.joinpath(name).unlink()


def test_nothing_is_wrong_with_a_bundle_as_it_should_be(bundle: Bundle) -> None:
    write(bundle.folder, {"functions/__pycache__/__init__.cpython-312.pyc": "", "shared/__pycache__/web.pyc": ""})
    write(bundle.folder, {"_vc_pycache/var/task/functions/greet/words.cpython-312.pyc": ""})
    assert contents.check(bundle) == []


@pytest.mark.parametrize(
    "name",
    [
        ".env",
        ".env.production",
        "functions/greet/.env",
        "shared/.env.local",
        ".local/env",
        ".git/config",
        "README.md",
        "benchmarks/cold.py",
        "docs/decisions/0001-wsgi-functions.md",
        "functions/health/handler.py",
        "functions/greetings/handler.py",
        "functions/__pycache__/other.cpython-312.pyc",
        "_vc_pycache/var/task/functions/health/handler.cpython-312.pyc",
        "local/stack.py",
        "supabase/seed.sql",
        "tests/people.py",
    ],
)
def test_what_does_not_belong_is_found(bundle: Bundle, name: str) -> None:
    plant(name)(bundle.folder)
    assert contents.check(bundle) == [f"greet: {name} does not belong there"]


@pytest.mark.parametrize("name", ["functions/greet/greetings.md", "shared/__init__.py"])
def test_what_is_missing_is_found(bundle: Bundle, name: str) -> None:
    remove(name)(bundle.folder)
    assert f"greet: {name} is missing" in contents.check(bundle)


def test_a_module_that_is_not_there_is_found_also_where_it_is_imported_late(bundle: Bundle) -> None:
    shutil.rmtree(bundle.folder / "_vendor")
    assert contents.check(bundle) == ["greet: numbers_of_words can't be imported"]


def test_what_is_fetched_at_cold_start_counts_as_there(bundle: Bundle, tmp_path: Path) -> None:
    shutil.rmtree(bundle.folder / "_vendor")
    write(bundle.folder, {"_uv/_runtime_config.json": "{}"})
    fetched = tmp_path / "fetched"
    write(fetched, {"lib/python3.12/site-packages/numbers_of_words.py": ""})
    assert bundle.fetches
    assert contents.check(bundle, fetched) == []
