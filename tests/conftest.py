"""What all tests share: one embedded stack for each worker of pytest-xdist."""

from collections.abc import Iterator

import pytest

from local.ports import free_port
from local.stack import Stack


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """PostgreSQL and the Supabase gateway with the migrations and no seed; nothing is kept."""
    state = tmp_path_factory.mktemp("stack")
    with Stack(state, free_port(), seed=False, postgres_settings={"fsync": "off"}) as running:
        yield running
