"""The job refresh-rates: against a real HTTP server in the place of the source of exchange rates."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import psycopg
import pytest

from functions.jobs.refreshing import per_dollar
from local.stack import Stack
from shared.errors import Problem
from tests.api import InProcess, Response

TOLD = {"base": "EUR", "date": "2030-01-02", "rates": {"USD": 1.25, "GBP": 0.8, "BDT": 150, "XXX": 3}}


class Source:
    """Says what it is told to say."""

    def __init__(self) -> None:
        self.status, self.content = 200, json.dumps(TOLD).encode()
        source = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(source.status)
                self.send_header("Content-Length", str(len(source.content)))
                self.end_headers()
                self.wfile.write(source.content)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/latest?key=secret"


@pytest.fixture
def source() -> Iterator[Source]:
    made = Source()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def refresh(
    api: InProcess, stack: Stack, source: Source, environment: pytest.MonkeyPatch, database: psycopg.Connection
) -> Iterator[Callable[[], Response]]:
    environment.setenv("EXCHANGE_RATES_URL", source.url)
    headers = {"Authorization": f"Bearer {stack.env['CRON_SECRET']}"}
    yield lambda: api("GET", "/api/jobs/refresh-rates", headers=headers)
    database.execute("delete from private.exchange_rates where as_of >= '2030-01-01'")


def rates(database: psycopg.Connection) -> dict[str, Decimal]:
    """What a dollar is worth by what was recorded of that day."""
    rows = database.execute("select currency, rate from private.exchange_rates where as_of = '2030-01-02'").fetchall()
    return {currency: rate.normalize() for currency, rate in rows}


def test_records_what_a_dollar_is_worth(refresh: Callable[[], Response], database: psycopg.Connection) -> None:
    assert refresh().json["counts"] == {"recorded": 3}
    assert rates(database) == {"EUR": Decimal("0.8"), "GBP": Decimal("0.64"), "BDT": Decimal("120")}
    sources = database.execute("select distinct source from private.exchange_rates where as_of = '2030-01-02'")
    assert "secret" not in str(sources.fetchall())


def test_of_a_day_to_come_count_from_that_day(refresh: Callable[[], Response], database: psycopg.Connection) -> None:
    assert refresh().json["counts"] == {"recorded": 3}
    row = database.execute("select private.exchange_rate('USD', 'EUR') ->> 'rate'").fetchone()
    assert row == ("0.864",)


def test_what_was_said_of_a_day_stays(
    refresh: Callable[[], Response], source: Source, database: psycopg.Connection
) -> None:
    refresh()
    source.content = json.dumps({**TOLD, "rates": {"USD": 2, "GBP": 9}}).encode()
    assert refresh().json["counts"] == {"recorded": 0}
    assert rates(database)["GBP"] == Decimal("0.64")


@pytest.mark.parametrize(
    ("status", "content"),
    [
        (500, b"{}"),
        (302, b"{}"),
        (200, b""),
        (200, b"<html>"),
        (200, b"[]"),
        (200, b'{"base": "EUR", "rates": {"USD": 1}}'),
        (200, b'{"base": "EUR", "date": "2030-01-02", "rates": {"GBP": 1}}'),
        (200, b'{"base": "USD", "date": "2030-01-02", "rates": {}}'),
        (200, b'{"base": "USD", "date": "2030-01-02", "rates": {"EUR": "many"}}'),
        (200, b'{"base": "USD", "date": "2030-01-02", "rates": {"EUR": -1}}'),
        (200, b'{"base": "USD", "date": "2030-01-02", "rates": {"EUR": 0}}'),
        (200, b'{"base": "USD", "date": "2030-01-02", "rates": {"EUR": NaN}}'),
        (200, b'{"base": "EUR", "date": "2030-01-02", "rates": {"USD": 0}}'),
        (200, b" " * 200_000),
        (200, b"[" * 50_000),
    ],
)
def test_keeps_the_last_good_ones(
    refresh: Callable[[], Response], source: Source, database: psycopg.Connection, status: int, content: bytes
) -> None:
    source.status, source.content = status, content
    answer = refresh()
    assert (answer.status, answer.code) == (503, "rates_unavailable")
    assert rates(database) == {}
    row = database.execute("select private.exchange_rate('USD', 'EUR') ->> 'rate'").fetchone()
    assert row == ("0.864",)


def test_does_nothing_without_a_source(refresh: Callable[[], Response], environment: pytest.MonkeyPatch) -> None:
    environment.delenv("EXCHANGE_RATES_URL")
    assert refresh().json["counts"] == {}


def test_reads_numbers_exactly() -> None:
    told: Any = {"base": "USD", "date": "2030-01-02", "rates": {"BDT": Decimal("122.30")}}
    assert per_dollar(told) == (date(2030, 1, 2), {"BDT": 122.3})
    with pytest.raises(Problem):
        per_dollar(None)
