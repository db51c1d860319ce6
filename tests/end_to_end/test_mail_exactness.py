"""Nothing lost, nothing twice: workers killed at any instant, a provider that fails in every way it can."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from local.functions import FunctionsServer
from local.ports import free_port
from local.resend import Behaviour, Drops, Fails, Hangs, Sandbox
from local.stack import Stack
from tests.api import OverHttp
from tests.people import People

ROOT = Path(__file__).resolve().parents[2]
MAILS = 10_000
WORKERS = 2
PATIENCE_SECONDS = 240


@dataclass(frozen=True)
class Office:
    """A stack of its own with mails in its outbox, and workers on it."""

    stack: Stack
    database: psycopg.Connection

    @property
    def sandbox(self) -> Sandbox:
        return self.stack.resend

    def queue(self, count: int, template: str = "plain") -> None:
        self.database.execute(
            """
            select private.queue_email(null, %s, 'robin.' || n || '@example.com',
              jsonb_build_object('subject', 'Mail ' || n, 'paragraphs', jsonb_build_array('Number ' || n)))
            from generate_series(1, %s) as n
            """,
            [template, count],
        )

    def worker(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", "tests.end_to_end.mail_worker"],
            cwd=ROOT,
            env={**os.environ, **self.stack.env, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.DEVNULL,
        )

    def pass_time(self) -> None:
        """As if an hour had gone by: leases are over and what was put off is due."""
        self.database.execute(
            """
            update private.deliveries
            set leased_until = leased_until - interval '2 h', due_at = due_at - interval '2 h'
            """
        )
        self.database.execute(
            """
            update private.outbox set due_at = due_at - interval '2 h' where state = 'waiting' and delivery is null
            """
        )

    def states(self) -> Counter[str]:
        rows = self.database.execute("select state from private.email_messages").fetchall()
        return Counter(state for (state,) in rows)

    def waiting(self) -> int:
        row = self.database.execute("select count(*) from private.outbox where state = 'waiting'").fetchone()
        assert row is not None
        return int(row[0])

    def sent(self) -> Counter[object]:
        """How often the provider took each mail."""
        return self.sandbox.counts(by=lambda mail: mail.tags["message"])


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    with (
        Stack(tmp_path, free_port(), seed=False, postgres_settings={"fsync": "off"}) as stack,
        psycopg.connect(stack.database_url, autocommit=True) as database,
    ):
        yield Office(stack, database)


def drain(office: Office, chance: random.Random, *, killing: bool) -> int:
    """Have the workers deliver all there is, killing one now and then; how many were killed."""
    workers = [office.worker() for _ in range(WORKERS)]
    killed, left = 0, office.waiting()
    give_up = time.monotonic() + PATIENCE_SECONDS
    try:
        while office.waiting():
            assert time.monotonic() < give_up, f"{office.waiting()} are left"
            time.sleep(chance.uniform(0.1, 1.5))
            number, before, left = chance.randrange(WORKERS), left, office.waiting()
            # On a busy machine they would else be killed before they have begun.
            if killing and left < before and workers[number].poll() is None:
                workers[number].send_signal(signal.SIGKILL)
                workers[number].wait()
                killed += 1
            workers = [each if each.poll() is None else office.worker() for each in workers]
            office.pass_time()
    finally:
        for each in workers:
            each.kill()
            each.wait()
    return killed


def test_ten_thousand_mails_by_workers_that_are_killed_at_random(office: Office) -> None:
    office.queue(MAILS)
    killed = drain(office, random.Random(7), killing=True)
    sent = office.sent()
    assert killed >= 10
    assert len(sent) == MAILS
    assert set(sent.values()) == {1}
    assert office.states() == {"sent": MAILS}
    assert office.database.execute("select from private.deliveries").fetchall() == []


def test_a_provider_that_fails_in_every_way_and_workers_that_are_killed(office: Office) -> None:
    office.queue(1500)
    troubles: list[Behaviour] = [
        Fails(500),
        Fails(503),
        Fails(500, accepted=True),
        Drops(),
        Drops(accepted=True),
        Fails(429, retry_after=1),
    ]
    chance = random.Random(8)
    office.sandbox.script(*chance.choices(troubles, k=25))
    drain(office, chance, killing=True)
    sent = office.sent()
    assert len(sent) == 1500
    assert set(sent.values()) == {1}
    assert office.states() == {"sent": 1500}


@pytest.mark.parametrize(
    ("trouble", "unknown"),
    [
        ([Fails(500)], 1),
        ([Fails(500, accepted=True)], 1),
        ([Drops()], 1),
        ([Drops(accepted=True)], 1),
        ([Hangs()], 1),
        ([Hangs(accepted=True)], 1),
        ([Drops(accepted=True), Fails(500), Hangs(accepted=True)], 3),
    ],
    ids=lambda value: "-".join(map(str, value)) if isinstance(value, list) else str(value),
)
def test_one_mail_in_the_end_and_nobody_waits_for_it(office: Office, trouble: list[Behaviour], unknown: int) -> None:
    """Whatever the provider does, whoever has a mail sent is answered at once, and it arrives once."""
    office.sandbox.script(*trouble)
    with FunctionsServer(office.stack.env) as server:
        api = OverHttp(server.url)
        person = People(office.stack.env).sign_up("Robin")
        started = time.monotonic()
        answer = api(
            "POST",
            "/api/email-service",
            token=person.token,
            json={"template": "plain", "to": "robin@example.com", "data": {"subject": "A", "paragraphs": ["b"]}},
        )
        took = time.monotonic() - started
        assert answer.status == 202
        assert took < 2
        message = answer.json["id"]
        internal = {"Authorization": f"Bearer {office.stack.env['INTERNAL_TOKEN']}"}
        wait_for(lambda: office.database.execute("select from private.attempts").fetchall() != [])  # the nudge
        while office.waiting():
            wait_for(lambda: ended(office))
            office.pass_time()
            api("POST", "/api/email-service/deliver", headers=internal)
        story = api("GET", f"/api/email-service/messages/{message}/explain", token=person.token).json
    assert office.sent() == {message: 1}
    assert [each["outcome"] for each in story["attempts"]] == ["unknown"] * unknown + ["delivered"]
    assert len({each["idempotency_key"] for each in story["attempts"]}) == 1
    assert story["state"] == "sent"


def ended(office: Office) -> bool:
    return office.database.execute("select from private.attempts where ended_at is null").fetchall() == []


def wait_for(met: Callable[[], bool]) -> None:
    give_up = time.monotonic() + 60
    while not met():
        assert time.monotonic() < give_up
        time.sleep(0.05)
