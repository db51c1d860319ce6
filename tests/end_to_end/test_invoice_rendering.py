"""Documents of invoices, by workers killed at any instant: each is there in the end, once, and mailed once."""

from __future__ import annotations

import hashlib
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from functions.invoice import keeping
from local.ports import free_port
from local.stack import Stack
from shared import storage
from tests.database.acting import Database
from tests.database.invoicing import Books

ROOT = Path(__file__).resolve().parents[2]
INVOICES = 60
WORKERS = 2
PATIENCE_SECONDS = 150


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    with Stack(tmp_path, free_port(), seed=False, postgres_settings={"fsync": "off"}) as running:
        yield running


def worker(stack: Stack) -> subprocess.Popen[bytes]:
    environment = {**os.environ, **stack.env, "API_URL": "http://127.0.0.1:9", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "tests.end_to_end.invoice_worker"]
    return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)


def waiting(database: psycopg.Connection) -> int:
    row = database.execute(
        "select count(*) from private.outbox where topic = 'invoice' and state = 'waiting'"
    ).fetchone()
    assert row is not None
    return int(row[0])


def pass_time(database: psycopg.Connection) -> None:
    """As if the leases of the dead were over."""
    database.execute("update private.deliveries set leased_until = now(), due_at = now() where topic = 'invoice'")
    database.execute("update private.outbox set due_at = now() where topic = 'invoice' and state = 'waiting'")


def render_all(stack: Stack, database: psycopg.Connection) -> int:
    """Have workers render all there is, killing one now and then; how many were killed."""
    chance, killed, before = random.Random(11), 0, documents(database)
    workers = [worker(stack) for _ in range(WORKERS)]
    give_up = time.monotonic() + PATIENCE_SECONDS
    try:
        while waiting(database):
            assert time.monotonic() < give_up, f"{waiting(database)} are left"
            time.sleep(chance.uniform(0.05, 0.6))
            made, number = documents(database), chance.randrange(WORKERS)
            # On a busy machine they would else be killed before they have begun.
            if made > before and workers[number].poll() is None:
                workers[number].send_signal(signal.SIGKILL)
                workers[number].wait()
                killed, before = killed + 1, made + 8
                pass_time(database)  # also for the living one: two at one document come to the same
            workers = [each if each.poll() is None else worker(stack) for each in workers]
    finally:
        for each in workers:
            each.kill()
            each.wait()
    return killed


def documents(database: psycopg.Connection) -> int:
    row = database.execute("select count(*) from private.invoice_documents").fetchone()
    assert row is not None
    return int(row[0])


def test_sixty_invoices_by_workers_that_are_killed_at_random(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    people = Database(stack.database_url, stack.postgres.url())
    books = Books.open(people)
    issued: list[dict[str, Any]] = []
    for number in range(INVOICES):
        invoice = books.issue(books.order(1000 + number, 250 * number + 1), "full")
        assert books.owner.call("send_invoice", invoice_id=invoice["id"])["status"] == 202
        issued.append(invoice)
    with psycopg.connect(stack.database_url, autocommit=True) as database:
        killed = render_all(stack, database)
        kept = {
            str(id_): (path, sha256, bytes_)
            for id_, path, sha256, bytes_ in database.execute(
                "select invoice_id, path, encode(sha256, 'hex'), bytes from private.invoice_documents"
            ).fetchall()
        }
        mails = Counter(
            name
            for (name,) in database.execute(
                "select attachments -> 0 ->> 'name' from private.email_messages where template = 'invoice'"
            ).fetchall()
        )
    people.close()
    assert killed >= 3
    assert kept.keys() == {invoice["id"] for invoice in issued}
    assert mails == Counter({f"{invoice['number']}.pdf": 1 for invoice in issued})
    for name, value in stack.env.items():
        monkeypatch.setenv(name, value)
    for invoice in issued:
        path, sha256, size = kept[invoice["id"]]
        stored = storage.download(keeping.BUCKET, path)
        assert (hashlib.sha256(stored).hexdigest(), len(stored)) == (sha256, size)
    for invoice in issued[::20]:  # by this process, the same bytes
        again = keeping.typeset({"content": invoice["content"], "paid_on": None})
        assert hashlib.sha256(again).hexdigest() == kept[invoice["id"]][1]
