"""`make deploy` and `make rollback`: what was built, opened, booted and called here is what is deployed.

Build → contents → boot and call → migrations → deploy → ask it. Each step ends it all where it fails.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence

import urllib3

from local.state import ROOT
from local.trouble import Trouble
from local.vercel import building, checking, configuration, toolchain
from local.vercel.bounds import beyond_the_plan
from local.vercel.configuration import Service
from local.vercel.releasing import ROUTER, Command, Release, router

PLACE = ROOT / ".local" / "vercel" / "deploy"
TREE = PLACE / "tree"
ANSWERS_WITHIN_SECONDS = 60


def main(arguments: Sequence[str] | None = None) -> None:
    """Deploy or roll back, as the command line and the environment say."""
    parser = argparse.ArgumentParser(prog="python -m local.vercel.deploying", description=__doc__)
    parser.add_argument("what", choices=["deploy", "rollback"])
    parser.add_argument("--dry-run", action="store_true", default=os.environ.get("DRY_RUN", "") not in ("", "0"))
    options = parser.parse_args(arguments)
    functions = configuration.services()
    environment, only = os.environ.get("ENVIRONMENT") or "staging", os.environ.get("ONLY") or None
    release = Release.asked(environment, only, functions, commit=commit(), dry=options.dry_run)
    to = os.environ.get("TO") or None
    if options.what == "rollback" and not release.production:
        raise Trouble(f"there is nothing to roll back. {release.undoing}")
    if options.dry_run:
        print(*(deploy_plan if options.what == "deploy" else rollback_plan)(release, functions, to), sep="\n")
    elif options.what == "deploy":
        deploy(release, functions)
    else:
        rollback(release, to)


def commit() -> str:
    """The commit that is checked out."""
    answer = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True)
    return answer.stdout.strip()


def chosen(release: Release, functions: list[Service]) -> list[Service]:
    """The functions that the release deploys: none where it is the router."""
    return [each for each in functions if release.only in (None, each.name)]


def document(release: Release, functions: list[Service]) -> str:
    """The `vercel.json` of the project that is deployed."""
    if release.only == ROUTER:
        return json.dumps(router(functions, release.setting("FUNCTION_HOSTS")), indent=2) + "\n"
    return configuration.text(chosen(release, functions))


def deploy_plan(release: Release, functions: list[Service], to: str | None = None) -> list[str]:
    """What `deploy` would do, line by line."""
    names = ", ".join(function.name for function in chosen(release, functions)) or "none, only rewrites"
    migrations = [] if release.only == ROUTER else release.migration(TREE)
    return [
        f"In {TREE}, a copy of the tree, with this vercel.json:",
        "",
        document(release, functions),
        f"vercel build --yes --standalone --target={release.target}",
        f"with {building.OBSERVABILITY.relative_to(ROOT)} in each function's requirements"
        if building.observed()
        else "without OpenTelemetry and Sentry (OBSERVABILITY=1 adds them)",
        f"then open, boot and call: {names}",
        *map(str, migrations),
        str(release.deployment()),
        f"then ask {asked(release)} of what was deployed",
        *([str(release.promotion("<its address>"))] if release.production else []),
        *beyond_the_plan(chosen(release, functions)),
        release.undoing,
    ]


def rollback_plan(release: Release, functions: list[Service], to: str | None = None) -> list[str]:
    """What `rollback` would do."""
    return [str(release.rollback(to))] if to else [str(release.former()), "then: name one of these, as TO=<address>"]


def deploy(
    release: Release,
    functions: list[Service],
    path: str | None = None,
    prepare: Callable[[Release, list[Service]], None] | None = None,
) -> None:
    """All of it. `path` is where the commands are looked for, `prepare` builds and checks: both are for tests."""
    refuse_unsaved(release)
    commands = [release.deployment()]  # before anything is done: says which setting is missing
    if release.only != ROUTER:
        commands[:0] = release.migration(TREE)
    (prepare or build_and_check)(release, functions)
    print(*beyond_the_plan(chosen(release, functions)), sep="\n")
    said = ""
    for command in commands:
        said = run(command, release, path)
    address = said.strip().rpartition("\n")[2]
    if not address.startswith("http"):
        raise Trouble(f"vercel does not say where it put the deployment; it may be there: see above\n{release.undoing}")
    ask(release, address)
    if release.production:
        run(release.promotion(address), release, path)
    print(f"Deployed: {address}", release.undoing, sep="\n")


def refuse_unsaved(release: Release) -> None:
    """Production is what a commit holds, and so is any schema: Trouble where the tree holds something else."""
    what = () if release.production else ("--", "supabase")
    status = subprocess.run(["git", "status", "--porcelain", *what], cwd=ROOT, capture_output=True, text=True)
    if status.returncode != 0 or status.stdout.strip():
        raise Trouble(
            "production gets only what is committed, and every database only committed migrations; this isn't:\n"
            f"{status.stdout}{status.stderr}".rstrip()
        )


def build_and_check(release: Release, functions: list[Service]) -> None:
    """Build what is deployed; raise Trouble where anything about it is wrong."""
    if release.only == ROUTER:
        build_router(document(release, functions), release.target)
        return
    names = [function.name for function in chosen(release, functions)]
    print(f"Building {', '.join(names)}", flush=True)
    bundles = building.build(PLACE, only=names, target=release.target)
    checked = checking.check(bundles, boots=1)
    print(*checking.table(checked), *checking.remarks(checked), sep="\n", flush=True)
    if findings := [finding for each in checked for finding in each.findings]:
        raise Trouble("nothing is deployed:\n" + "\n".join(findings))


def build_router(text: str, target: str) -> None:
    """The project in front, which is its `vercel.json` alone."""
    tools = toolchain.find()
    shutil.rmtree(TREE, ignore_errors=True)
    TREE.joinpath(".vercel").mkdir(parents=True)
    PLACE.joinpath(".vercel").mkdir(exist_ok=True)
    TREE.joinpath("vercel.json").write_text(text)
    building.run_builder(TREE, tools, target, framework=None)


def run(command: Command, release: Release, path: str | None = None) -> str:
    """Run it in the copy; returns what it prints. Shows all it says, without secrets. Raises Trouble where it fails."""
    print(without_secrets(f"\n$ {command}", release), flush=True)
    path = path or toolchain.find().path
    program = shutil.which(command.arguments[0], path=path)
    if program is None:
        raise Trouble(f"{command.arguments[0]} is not installed: {toolchain.INSTALL}")
    environment = {name: value for name, value in os.environ.items() if name.upper() in building.PASSED}
    quiet = {"CI": "1", "DO_NOT_TRACK": "1", "NO_UPDATE_NOTIFIER": "1"}
    quiet |= {"SUPABASE_TELEMETRY_DISABLED": "1", "VERCEL_TELEMETRY_DISABLED": "1"}
    outcome = subprocess.run(
        [program, *command.arguments[1:]],
        cwd=TREE,
        env={**environment, **quiet, "PATH": path, **command.settings},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    print(without_secrets(outcome.stderr + outcome.stdout, release), flush=True)
    if outcome.returncode != 0:
        raise Trouble(f"{' '.join(command.arguments[:3])} fails: see above")
    return outcome.stdout


def without_secrets(said: str, release: Release) -> str:
    """What may be shown."""
    for secret in release.secrets():
        said = said.replace(secret, "…")
    return said


def asked(release: Release) -> str:
    """What shows that a release works: its health, or of one function that it answers at all."""
    return "/api/health" if release.only in (None, ROUTER, "health") else f"/api/{release.only}"


def ask(release: Release, address: str) -> None:
    """Raise Trouble, with the way back, unless the deployment answers.

    A deployment's own address may be closed to the public: VERCEL_AUTOMATION_BYPASS_SECRET opens it.
    """
    secret = release.settings.get("VERCEL_AUTOMATION_BYPASS_SECRET")
    headers = {"x-vercel-protection-bypass": secret} if secret else {}
    path = asked(release)
    deadline = time.monotonic() + ANSWERS_WITHIN_SECONDS
    while True:
        try:
            reply = urllib3.request("GET", address + path, headers=headers, timeout=30, redirect=False, retries=False)
            content = reply.json()
            right = reply.status == 200 if path == "/api/health" else reply.status < 500
            said = f"{reply.status} {reply.data[:500].decode(errors='replace')}"
        except ValueError:
            content, right, said = None, False, f"{reply.status}, and no JSON: is the address closed to the public?"
        except urllib3.exceptions.HTTPError as error:
            content, right, said = None, False, repr(error)
        if right and isinstance(content, dict):
            return
        if time.monotonic() > deadline or said.startswith("3") or said.startswith("4"):
            raise Trouble(f"{address}{path} answers {without_secrets(said, release)}\n{release.undoing}")
        time.sleep(2)


def rollback(release: Release, to: str | None, path: str | None = None) -> None:
    """Make the deployment named the current one again. Migrations stay: they only add.

    Which one that is no list tells: the second newest may be the one that was rolled back from before.
    """
    TREE.mkdir(parents=True, exist_ok=True)
    if to is None:
        run(release.former(), release, path)
        raise Trouble(f"Name the one to go back to, which was good: {release.undoing.removeprefix('Go back with: ')}")
    run(release.rollback(to), release, path)
    print(f"{to} is the current release again.")


if __name__ == "__main__":
    try:
        main()
    except Trouble as trouble:
        sys.exit(str(trouble))
    except KeyboardInterrupt:
        sys.exit("interrupted")
