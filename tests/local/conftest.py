"""The Supabase that the contract tests ask, with the relations and functions they ask for; what sandboxes need."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from local.stack import Stack
from tests.local.sandboxes import Clock, Endpoint
from tests.local.supabase import Supabase

SCHEMA = Path(__file__).with_name("schema.sql")


@pytest.fixture(scope="session")
def supabase(request: pytest.FixtureRequest) -> Supabase:
    """The instance that the environment names, else the embedded stack."""
    found = Supabase.elsewhere()
    if found is None:
        stack: Stack = request.getfixturevalue("stack")
        found = Supabase.of(stack.env)
    found.execute(SCHEMA.read_text())
    found.reload_schema("contract_notes")
    return found


@pytest.fixture(scope="module")
def clock() -> Clock:
    """The time of a sandbox."""
    return Clock()


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    """Where a sandbox's webhooks go."""
    made = Endpoint()
    yield made
    made.server.shutdown()
    made.server.server_close()
