"""The stack's own database to act in, and fresh ones to put the migrations on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from local.ports import free_port
from local.stack import Stack
from tests.database.acting import Database, Person
from tests.database.mailing import Mail
from tests.database.market import Market
from tests.database.systems import System
from tests.local.versions import postgres17


@pytest.fixture(scope="session")
def make_system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[Path | None], System]]:
    """Starts a `System` on PostgreSQL 18, or on the binaries given."""
    running: list[System] = []

    def make(binaries: Path | None = None) -> System:
        nothing = tmp_path_factory.mktemp("supabase")
        nothing.joinpath("migrations").mkdir()
        stack = Stack(
            tmp_path_factory.mktemp("system"),
            free_port(),
            supabase=nothing,
            seed=False,
            binaries=binaries,
            postgres_settings={"fsync": "off"},
        )
        stack.start()
        stack.gateway.stop()  # it made the system's schemas; connected, it would keep them from being copied
        running.append(System(stack))
        return running[-1]

    yield make
    for system in running:
        system.close()


@pytest.fixture(scope="session")
def system(make_system: Callable[[Path | None], System]) -> System:
    """On the PostgreSQL of the embedded stack."""
    return make_system(None)


@pytest.fixture(scope="session")
def system17(make_system: Callable[[Path | None], System]) -> System:
    """On PostgreSQL 17, which hosted Supabase runs."""
    return make_system(postgres17())


@pytest.fixture(scope="session")
def migrated(system: System) -> Database:
    """A database with the migrations and nothing else: only to be looked at."""
    return system.database()


@pytest.fixture(scope="session")
def db(stack: Stack) -> Iterator[Database]:
    """The worker's own database, with the people that tests make there."""
    database = Database(stack.database_url, stack.postgres.url())
    yield database
    database.close()


@pytest.fixture
def owner(db: Database) -> Person:
    """Somebody who just signed up, the owner of their workspace."""
    return db.sign_up(name="Olga", workspace_name="Olga's")


@pytest.fixture(scope="module")
def crowd(db: Database) -> Market:
    """A market's people, made once for a file; nobody is changed by an order."""
    owner = db.sign_up(name="Farah", workspace_name="Market")
    home = owner.workspace_id
    roles = "admin manager inventory_manager designer staff readonly buyer supplier factory".split()
    people = {role: db.member(home, role) for role in roles}
    people |= {"another buyer": db.member(home, "buyer"), "another supplier": db.member(home, "supplier")}
    return Market(db, owner, {"owner": owner, "stranger": db.sign_up(), **people})


@pytest.fixture
def market(crowd: Market) -> Market:
    """The market without an order, and nothing spent of any limit."""
    db = crowd.db
    for table in ("private.outbox", "private.email_messages", "public.orders"):
        db.owner.rows(f"delete from {table} where workspace_id = %s", crowd.owner.workspace_id)  # noqa: S608
    db.owner.rows("delete from private.rate_limits")
    return crowd


@pytest.fixture
def mail(db: Database) -> Mail:
    """What is done to mails, with no other test's in the outbox."""
    db.owner.rows("delete from private.outbox where topic = 'email'")
    db.owner.rows("delete from private.deliveries where topic = 'email'")
    return Mail(db)
