"""Builds the functions as the platform does, with its own builder, and without an account.

In a copy of the tree, for the builder writes into it, and without what git ignores: nobody's `.env` is there to leak.
The copy's `.vercel/output` is what `vercel deploy --prebuilt` sends.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from local.state import ROOT
from local.trouble import Trouble
from local.vercel import configuration, toolchain
from local.vercel.bounds import BUNDLED_MB, bound
from local.vercel.configuration import Service
from local.vercel.toolchain import COMMANDS, Python, Toolchain

# A project that no account knows: with it `vercel build` asks nobody.
PROJECT = {"projectId": "prj_local", "orgId": "team_local"}
SETTINGS = {"buildCommand": "", "outputDirectory": None, "rootDirectory": None, "nodeVersion": "22.x"}
# The builder's virtual environments have pip (`uv venv --seed`), so it bundles pip, which nothing uses. The output is
# the documented Build Output format, which needn't come from the builder: we take it out before anything is deployed.
LEFT_OUT = ("_vendor/pip", "_vendor/pip-*.dist-info", "_vc_pycache/var/task/_vendor/pip")
# What of this environment reaches the builder and what it runs: no secrets.
PASSED = {
    "HOME",
    "LANG",
    "TMPDIR",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "UV_INDEX",
    "UV_INDEX_URL",
    "UV_DEFAULT_INDEX",
    "UV_EXTRA_INDEX_URL",
    "UV_FIND_LINKS",
    "UV_CACHE_DIR",
    "UV_OFFLINE",
    "PIP_INDEX_URL",
    "PIP_EXTRA_INDEX_URL",
    "PIP_FIND_LINKS",
    "PIP_CERT",
    "PIP_CONFIG_FILE",
    "NODE_EXTRA_CA_CERTS",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
}
EXTRA = "extra"
OBSERVABILITY = ROOT / "shared" / "observability.txt"


@dataclass(frozen=True)
class Bundle:
    """One built function: `folder` is what the platform unpacks, `python` an interpreter it can be booted with.

    It was built from `source`, a folder relative to `tree`, the copy.
    """

    name: str
    tree: Path
    source: str
    folder: Path
    python: Python

    def files(self) -> Iterator[Path]:
        """Every file in it, relative to its folder."""
        for parent, _, names in os.walk(self.folder):
            for name in names:
                yield Path(parent, name).relative_to(self.folder)

    def size_bytes(self, *parts: str) -> int:
        """Unpacked, as the platform counts; of the files below these paths only, where some are named."""
        return sum(
            self.folder.joinpath(path).stat().st_size
            for path in self.files()
            if not parts or any(path.is_relative_to(part) for part in parts)
        )

    @property
    def fetches(self) -> bool:
        """Whether part of its dependencies is not in it but fetched at cold start."""
        return self.folder.joinpath("_uv", "_runtime_config.json").exists()


def build(
    destination: Path,
    extra: Mapping[str, Path] | None = None,
    *,
    only: Collection[str] | None = None,
    target: str = "preview",
) -> dict[str, Bundle]:
    """Build the functions, or those named in `only`, in a copy of the tree below `destination`; bundles by name.

    `extra`: further services, by name, each a folder with `handler.py` and `requirements.txt`. A former build there is
    replaced; what it downloaded is used again. Raises Missing where a tool is missing, Trouble where the build fails.
    """
    tools = toolchain.find()
    functions = [each for each in configuration.services() if only is None or each.name in only]
    tree = copy_tree(destination)
    for name, folder in (extra or {}).items():
        service = Service(name, f"{EXTRA}/{name}", 10, 512, {})
        shutil.copytree(folder, tree / service.folder, ignore=shutil.ignore_patterns("__pycache__"))
        functions.append(service)
    for function in functions:
        tree.joinpath(function.folder, ".python-version").write_text(f"{tools.python.version}\n")
        if observed() and function.name not in (extra or {}):
            with tree.joinpath(function.folder, "requirements.txt").open("a") as requirements:
                requirements.write(OBSERVABILITY.read_text())
    tree.joinpath("vercel.json").write_text(configuration.text(functions))
    if any(bound(function.name).most_mb > BUNDLED_MB for function in functions):
        provide_uv(tree, tools)
    run_builder(tree, tools, target)
    return {function.name: trimmed(tree, function, tools.python) for function in functions}


def observed() -> bool:
    """Whether what traces and Sentry need goes into every bundle: where whoever builds says OBSERVABILITY=1."""
    return os.environ.get("OBSERVABILITY", "") not in ("", "0")


def copy_tree(destination: Path) -> Path:
    """What git tracks or would, where the former build was; of that only the downloads stay. Returns the copy."""
    tree, kept = destination / "tree", destination / "downloads"
    downloads = tree / ".vercel" / "python" / "cache"
    if downloads.exists():
        shutil.rmtree(kept, ignore_errors=True)
        downloads.rename(kept)
    shutil.rmtree(tree, ignore_errors=True)
    downloads.parent.mkdir(parents=True)
    if kept.exists():
        kept.rename(downloads)
    # The builder looks upwards for the project it is in, and asks its service about it. These two end the search.
    destination.joinpath(".vercel").mkdir(exist_ok=True)
    subprocess.run(["git", "init", "--quiet", str(tree)], check=True)
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    if listed.returncode != 0:
        raise Trouble(f"git does not say what belongs to the tree: {listed.stderr.strip()}")
    for name in listed.stdout.split("\0"):
        if ROOT.joinpath(name).is_file():
            tree.joinpath(name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, tree / name)
    return tree


def run_builder(tree: Path, tools: Toolchain, target: str, framework: str | None = "services") -> None:
    """`vercel build`, which asks nobody but the package index."""
    tree.joinpath(".vercel", "project.json").write_text(
        json.dumps({**PROJECT, "settings": {**SETTINGS, "framework": framework}})
    )
    environment = {name: value for name, value in os.environ.items() if name.upper() in PASSED}
    environment |= {
        **configuration.BUILD_ENVIRONMENT,  # said in vercel.json too, but only the platform reads it there
        "CI": "1",
        "PATH": tools.path,
        "UV_PYTHON_DOWNLOADS": "never",
        "UV_PYTHON_PREFERENCE": "only-system",
        "UV_SYSTEM_CERTS": "1",  # behind a proxy that inspects, only the system knows who signs
        "VERCEL_TELEMETRY_DISABLED": "1",
    }
    command = ["build", "--yes", "--standalone", f"--target={target}", "--no-color"]
    outcome = subprocess.run(
        [str(COMMANDS[0] / "vercel"), *command, "--global-config", str(tree / ".vercel" / "cli")],
        cwd=tree,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if outcome.returncode != 0:
        raise Trouble("the platform's builder fails:\n" + "\n".join(outcome.stdout.splitlines()[-20:]))


def trimmed(tree: Path, function: Service, python: Python) -> Bundle:
    """The function's bundle, without what nothing in it uses."""
    found = list(tree.glob(f".vercel/output/services/{function.name}/functions/*.func"))
    if len(found) != 1:
        raise Trouble(f"the builder made {len(found)} bundles of {function.name}, not one")
    for pattern in LEFT_OUT:
        for folder in found[0].glob(pattern):
            shutil.rmtree(folder)
    return Bundle(function.name, tree, function.folder, found[0], python)


def provide_uv(tree: Path, tools: Toolchain) -> None:
    """Put the uv that goes into a bundle which fetches at cold start where the builder looks first.

    It would otherwise download it from where uv is developed; the package index has the same.
    """
    version = toolchain.large_functions_uv()
    place = tree / ".vercel" / "python" / "cache" / f"uv-{version}-x86_64-unknown-linux-gnu" / "uv"
    if place.exists():
        return
    draft = tree / ".vercel" / "uv"
    pip = [str(tools.uv), "pip", "install", "--quiet", "--system-certs", "--python", str(tools.python.path)]
    wanted = ["--python-platform", "x86_64-unknown-linux-gnu", "--no-deps", "--only-binary", ":all:"]
    if subprocess.run([*pip, *wanted, "--target", str(draft), f"uv=={version}"]).returncode != 0:
        raise Trouble(f"uv {version}, which large functions need, could not be installed: see above")
    place.parent.mkdir(parents=True)
    shutil.move(draft / "bin" / "uv", place)
