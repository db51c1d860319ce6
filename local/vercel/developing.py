"""`make vercel-dev`: the platform's own development server with all functions, on the stack that `make run` started.

It needs no account. It wants a tree without pyproject.toml (it would install that as a package), so it gets one of
links. Unlike the deployed platform it decodes the path before a function sees it.
"""

import os
import subprocess
import sys

from local import envfile, state
from local.ports import chosen_port, is_free
from local.trouble import Trouble
from local.vercel import building, toolchain

PLACE = state.ROOT / ".local" / "vercel" / "dev"
LINKED = ("functions", "shared", "vercel.json", "requirements.txt")


def main() -> None:
    """Serve until ended."""
    tools = toolchain.find()
    stack = envfile.read(state.folder(chosen_port()) / "env")
    if not stack or is_free(chosen_port()):
        raise Trouble("no stack is running on this PORT: make run, in another terminal, starts one")
    port = chosen_port() + 100
    if not is_free(port):
        raise Trouble(f"port {port} is taken: stop what listens there")
    tree = PLACE / "tree"
    tree.mkdir(parents=True, exist_ok=True)
    # As in building: these end its search for a project that it would have to ask about.
    PLACE.joinpath(".vercel").mkdir(exist_ok=True)
    subprocess.run(["git", "init", "--quiet", str(tree)], check=True)
    for name in LINKED:
        if not tree.joinpath(name).is_symlink():
            tree.joinpath(name).symlink_to(state.ROOT / name)
    environment = {name: value for name, value in os.environ.items() if name.upper() in building.PASSED}
    own = {"PATH": tools.path, "UV_PYTHON_DOWNLOADS": "never", "UV_SYSTEM_CERTS": "1"}
    quiet = {"NO_UPDATE_NOTIFIER": "1", "VERCEL_TELEMETRY_DISABLED": "1"}
    print(f"All functions, by the platform's development server, on http://127.0.0.1:{port}", flush=True)
    command = ["dev", "--local", "--yes", f"--listen=127.0.0.1:{port}", "--global-config", str(PLACE / "cli")]
    sys.exit(
        subprocess.call(
            [str(toolchain.COMMANDS[0] / "vercel"), *command],
            cwd=tree,
            env={**environment, **own, **quiet, **stack, "API_URL": f"http://127.0.0.1:{port}"},
        )
    )


if __name__ == "__main__":
    try:
        main()
    except Trouble as trouble:
        sys.exit(str(trouble))
    except KeyboardInterrupt:
        sys.exit(0)
