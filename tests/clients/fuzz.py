"""`make fuzz`: schemathesis asks every operation of the document whatever it can think of, with all its checks.

`python -m tests.clients.fuzz --seconds 300 [--seed 1]` starts a stack of its own with two people in it, and ends with
0 when nothing was found. What the run may send and what counts as found is `tests.clients.rules`.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import threading
from collections import Counter
from pathlib import Path

import psycopg
import schemathesis.cli

from local.functions import FunctionsServer
from local.ports import free_port
from local.stack import Stack
from local.state import ROOT
from tests.clients import given, rules, strangers
from tests.functions.quote_generator.storing import store_quote
from tests.ordering import create_order
from tests.people import People, Person

DOCUMENT = ROOT / "docs" / "openapi.json"
CONFIGURATION = Path(__file__).with_name("schemathesis.toml")


def main() -> None:
    """Run it and end with its outcome."""
    parser = argparse.ArgumentParser(prog="python -m tests.clients.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=int, default=300, help="how long")
    parser.add_argument("--seed", type=int, help="the same questions again")
    parser.add_argument("--folder", type=Path, help="where the log of the functions goes, and schemathesis' reports")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        sys.exit(run(options.folder or Path(temporary), options.seconds, options.seed))


def run(folder: Path, seconds: int, seed: int | None) -> int:
    """0 when nothing was found."""
    folder.mkdir(exist_ok=True, parents=True)
    with (
        Stack(folder / "stack", free_port(), seed=False, postgres_settings={"fsync": "off"}) as stack,
        (folder / "functions.log").open("wb") as log,
        FunctionsServer({**stack.env, "AI_PROVIDERS": "local"}, output=log) as server,
        forgetting_limits(stack.database_url),
    ):
        people = People(stack.env)
        owner, stranger = people.sign_up("Owner"), people.sign_up("Stranger")
        gathered = strangers.Gathered(owner)
        with psycopg.connect(stack.database_url) as connection:
            for _ in range(20):
                gathered.add("order_id", str(create_order(connection, owner.workspace_id)))
                gathered.add("quote_id", str(store_quote(connection, owner.workspace_id, owner.user_id)))
        given.prepare(people, gathered)
        tokens = {owner.token, stranger.token}
        answers = rules.install(people, tokens, given.admin(people), stack.env, gathered)
        found = fuzz(folder, server.url, owner, stranger, seconds, seed)
        asked, leaks = strangers.look(server.url, stranger, gathered)
    report(answers, asked, leaks)
    return found or int(bool(leaks))


def report(answers: Counter[tuple[str, str]], asked: dict[str, int], leaks: list[strangers.Finding]) -> None:
    """Says what the operations answered, and what strangers found."""
    print("\nAnswers:")
    for operation in sorted({operation for operation, _ in answers}):
        given = {answer: times for (name, answer), times in answers.items() if name == operation}
        print(f"  {operation}: " + ", ".join(f"{answer} ×{given[answer]}" for answer in sorted(given)))
    print(f"\nStrangers: {sum(asked.values())} requests for what is somebody else's, by {len(asked)} operations.")
    for place in (place for place, times in asked.items() if not times):
        print(f"  Nobody made what {place} is about.")
    print(*map(str, leaks) if leaks else ["  None was told more, or did more, than for what isn't there."], sep="\n")


def fuzz(folder: Path, url: str, owner: Person, stranger: Person, seconds: int, seed: int | None) -> int:
    """Schemathesis' own exit code."""
    identities = folder / "identities.json"
    identities.write_text(
        json.dumps(
            {
                "auth": [
                    {"name": name, "fixedHeaders": [{"name": "Authorization", "value": f"Bearer {person.token}"}]}
                    for name, person in (("owner", owner), ("stranger", stranger))
                ]
            }
        )
    )
    configuration = folder / "schemathesis.toml"
    configuration.write_text(CONFIGURATION.read_text().replace("identities.json", str(identities)))
    arguments = ["--config-file", str(configuration), "run", str(DOCUMENT), "--url", url, "--max-time", str(seconds)]
    arguments += ["--seed", str(seed)] if seed is not None else []
    try:
        schemathesis.cli.schemathesis.main(arguments)
    except SystemExit as ended:
        return int(ended.code or 0)
    return 0


class forgetting_limits:
    """Empties the counters of the rate limits ten times a second: they stand and are met, but the run isn't all 429."""

    def __init__(self, database_url: str) -> None:
        self._url = database_url
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._forget)

    def _forget(self) -> None:
        with psycopg.connect(self._url, autocommit=True) as database:
            while not self._ended.wait(0.1):
                database.execute("delete from private.rate_limits")

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()


if __name__ == "__main__":
    main()
