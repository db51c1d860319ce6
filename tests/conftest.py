"""What all tests share: one embedded stack for each worker of pytest-xdist, and ways to call and to be somebody."""

from __future__ import annotations

import os
from collections.abc import Iterator

import psycopg
import pytest

from local.functions import FunctionsServer
from local.ports import free_port
from local.stack import Stack
from tests.api import InProcess
from tests.people import People

# Whose keys are in this environment pays for no test: the only vendors here are fakes, or none.
for name in (
    *("GEMINI_API_KEY", "ANTHROPIC_API_KEY", "OPENAI_API_KEY", "OPENAI_BASE_URL", "AI_PROVIDERS"),
    *("STRIPE_SECRET_KEY", "STRIPE_API_BASE", "STRIPE_WEBHOOK_SECRET"),
):
    os.environ.pop(name, None)


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """PostgreSQL and the Supabase gateway with the migrations and no seed; nothing is kept."""
    state = tmp_path_factory.mktemp("stack")
    with Stack(state, free_port(), seed=False, postgres_settings={"fsync": "off"}) as running:
        yield running


@pytest.fixture(scope="session")
def server(stack: Stack) -> Iterator[FunctionsServer]:
    """All functions in a process of their own, on this worker's stack."""
    with FunctionsServer(stack.env) as running:
        yield running


@pytest.fixture
def environment(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """The stack's settings in this process's environment; change more with the monkeypatch it is."""
    for name, value in stack.env.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


@pytest.fixture
def api(environment: pytest.MonkeyPatch) -> InProcess:
    """Calls the functions in this process, from an IP address of the test's own."""
    return InProcess()


@pytest.fixture(scope="session")
def people(stack: Stack) -> People:
    """Makes people."""
    return People(stack.env)


@pytest.fixture
def database(stack: Stack) -> Iterator[psycopg.Connection]:
    """The database as its owner; each statement commits by itself."""
    with psycopg.connect(stack.database_url, autocommit=True) as connection:
        yield connection
