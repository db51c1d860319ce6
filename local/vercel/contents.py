"""Opens a bundle: it holds the function, `shared/` and its dependencies, all of them, and nothing else."""

import ast
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path, PurePath

from local.vercel.building import Bundle

# What the builder puts beside the function's own files.
BUILDERS = ("_vendor", "_uv", "_vc_pycache", "vc__handler__python.py", ".vc-config.json", "__pycache__")
# A large function's bytecode stands under the path where the platform unpacks the bundle.
BYTECODE = PurePath("_vc_pycache", "var", "task")
# Never, wherever it stands.
SECRET = (".env", ".local", ".git", ".vercel")
# Beside a function, but for the builder only.
FOR_THE_BUILDER = ("requirements.txt", ".python-version")


def check(bundle: Bundle, fetched: Path | None = None) -> list[str]:
    """What is wrong with a bundle, a sentence each; none when it is as it should be.

    `fetched`: where what it fetches at cold start was put; without it such a bundle's dependencies aren't looked for.
    """
    files = set(bundle.files())
    found = [f"{bundle.name}: {path} does not belong there" for path in sorted(files) if not belongs(bundle, path)]
    found += [f"{bundle.name}: {path} is missing" for path in sorted(expected(bundle) - files)]
    if fetched or not bundle.fetches:
        found += [f"{bundle.name}: {module} can't be imported" for module in missing_modules(bundle, fetched)]
    return found


def belongs(bundle: Bundle, path: PurePath) -> bool:
    """Whether a file may be in the bundle."""
    if any(part == secret or part.startswith(".env") for part in path.parts for secret in SECRET):
        return False
    if path.is_relative_to(BYTECODE):
        path = path.relative_to(BYTECODE)
    if path.parts[0] in (*BUILDERS, "shared"):
        return True
    packages = [PurePath(parent, "__init__.py") for parent in PurePath(bundle.source).parents]
    return path.is_relative_to(bundle.source) or path in packages or is_bytecode_of(packages, path)


def is_bytecode_of(sources: list[PurePath], path: PurePath) -> bool:
    """Whether a file is what Python compiled from one of these."""
    beside = path.parent.parent if path.parent.name == "__pycache__" else path.parent
    return path.suffix == ".pyc" and beside / f"{path.name.partition('.')[0]}.py" in sources


def expected(bundle: Bundle) -> set[Path]:
    """The tree's files that must be in it: the function's own and all of `shared/`."""
    return {
        path.relative_to(bundle.tree)
        for folder in ("shared", bundle.source)
        for path in bundle.tree.joinpath(folder).rglob("*")
        if path.is_file() and path.suffix != ".pyc" and path.name not in FOR_THE_BUILDER
    }


def missing_modules(bundle: Bundle, fetched: Path | None) -> list[str]:
    """Modules that the function imports and its Python does not find in the bundle.

    That is what is imported when `handler` is, and what the function's own modules import later, in their functions.
    """
    program = """
import importlib.util, json, sys
names, paths = json.loads(sys.argv[1])
sys.path[:0] = paths
def there(name):
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False
print(json.dumps([name for name in names if not there(name)]))
"""
    paths = [str(bundle.folder), str(bundle.folder / "_vendor")]
    paths += [str(path) for path in fetched.glob("lib/*/site-packages")] if fetched else []
    names = sorted(imported(bundle))
    run = subprocess.run(
        [bundle.python.path, "-I", "-S", "-c", program, json.dumps([names, paths])],
        capture_output=True,
        text=True,
        check=True,
    )
    missing: list[str] = json.loads(run.stdout)
    return missing


def imported(bundle: Bundle) -> set[str]:
    """Modules: full names of the tree's own, the first part of all others."""
    waiting = [Path(bundle.source, "handler.py")]
    read: set[Path] = set()
    names: set[str] = set()
    while waiting:
        path = waiting.pop()
        source = bundle.folder / path
        if path in read or not source.exists():
            continue
        read.add(path)
        own = path.is_relative_to(bundle.source)
        for name, attributes in imports(ast.parse(source.read_text()), inside_functions=own):
            if name.partition(".")[0] not in ("shared", "functions"):
                names.add(name.partition(".")[0])
                continue
            names.add(name)
            for module in (name, *(f"{name}.{attribute}" for attribute in attributes)):
                parts = PurePath(*module.split("."))
                waiting += [Path(parts.with_suffix(".py")), Path(parts, "__init__.py")]
    return names


def imports(tree: ast.AST, *, inside_functions: bool) -> Iterator[tuple[str, list[str]]]:
    """Each module that is imported, with the names taken from it; nothing that only a type checker reads."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, []) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module, [alias.name for alias in node.names]
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        elif inside_functions or not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield from imports(node, inside_functions=inside_functions)
