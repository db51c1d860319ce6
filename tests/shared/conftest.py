"""What tests of the shared library share."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from shared import clock, gateway, jwks
from tests.shared.signing import AuthServer, SigningKey

SECRET = "the secret that this project signs with, for tests"
PREVIOUS_SECRET = "the secret that it signed with before, for tests"


class MovableClock:
    """`shared.clock.seconds`, put forward by hand."""

    def __init__(self) -> None:
        self._ahead = 0.0
        self._seconds = clock.seconds

    def advance(self, seconds: float) -> None:
        self._ahead += seconds

    def seconds(self) -> float:
        return self._seconds() + self._ahead


@pytest.fixture
def movable_clock(monkeypatch: pytest.MonkeyPatch) -> MovableClock:
    made = MovableClock()
    monkeypatch.setattr(clock, "seconds", made.seconds)
    return made


@pytest.fixture
def auth_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[AuthServer]:
    """A Supabase of the test's own, in a process that has never asked it for keys."""
    monkeypatch.setattr(jwks, "_keys", {})
    monkeypatch.setattr(jwks, "_lock", threading.Lock())
    for moment in ("_fetched_at", "_tried_at", "_looked_again_at"):
        monkeypatch.setattr(jwks, moment, float("-inf"))
    monkeypatch.setattr(gateway, "_pool", None)
    with AuthServer() as server:
        monkeypatch.setenv("SUPABASE_URL", server.url)
        monkeypatch.setenv("SUPABASE_PUBLISHABLE_KEY", "sb_publishable_for_tests")
        monkeypatch.setenv("SUPABASE_SECRET_KEY", "sb_secret_for_tests")
        monkeypatch.setenv("SUPABASE_JWT_SECRET", SECRET)
        monkeypatch.delenv("SUPABASE_JWT_SECRET_PREVIOUS", raising=False)
        yield server
    gateway.pool().clear()


@pytest.fixture(scope="session")
def es256() -> SigningKey:
    return SigningKey.es256()


@pytest.fixture(scope="session")
def rs256() -> SigningKey:
    return SigningKey.rs256()
