"""What the clients are given: where everything is, somebody to sign in, a photo of theirs."""

from __future__ import annotations

import base64

import psycopg
import pytest

from local.functions import FunctionsServer
from local.pictures import labels
from local.stack import Stack
from tests.clients import running
from tests.people import PASSWORD, People


@pytest.fixture(scope="session", autouse=True)
def packages() -> None:
    """The client packages."""
    running.installed()


@pytest.fixture
def settings(stack: Stack, server: FunctionsServer, people: People, database: psycopg.Connection) -> dict[str, str]:
    """As a frontend's configuration; the photo is as `make run` prints it: a label with an EAN-13."""
    database.execute("delete from private.rate_limits")  # all of these sign in from one address
    return {
        "API_URL": server.url,
        "SUPABASE_URL": stack.env["SUPABASE_URL"],
        "SUPABASE_PUBLISHABLE_KEY": stack.env["SUPABASE_PUBLISHABLE_KEY"],
        "EMAIL": people.sign_up("Frontend").email,
        "PASSWORD": PASSWORD,
        "IMAGE": base64.b64encode(labels()[0].image).decode(),
    }
