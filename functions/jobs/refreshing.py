"""The job refresh-rates: the day's exchange rates. Where their source fails the last good ones count."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from typing import Any

import urllib3

from functions.jobs.running import Run
from shared import gateway, settings, tracing
from shared.database import as_service
from shared.errors import unavailable

READ_SECONDS = 10.0
MOST_BYTES = 100_000
CURRENCIES = ("EUR", "GBP", "CAD", "AUD", "BDT")
DIGITS = Decimal("0.0000000001")


def refresh_rates(run: Run) -> None:
    """Counts the rates `recorded`; without a source nothing is done. Raises `Problem` 503."""
    url = settings.get("EXCHANGE_RATES_URL")
    if not url:
        return
    as_of, rates = per_dollar(fetched(url))
    run.counts["recorded"] += as_service().value(
        "record_exchange_rates", as_of=as_of.isoformat(), rates=rates, source=url.partition("?")[0][:200]
    )


def fetched(url: str) -> Any:
    """What the source says, as JSON with exact numbers: `{"base", "date", "rates": {currency: number}}`."""
    try:
        with tracing.Call("exchange rates", "GET rates", {"http.request.method": "GET"}) as call:
            response = gateway.pool().request(
                "GET",
                url,
                timeout=urllib3.Timeout(connect=gateway.CONNECT_SECONDS, read=READ_SECONDS),
                preload_content=False,
                redirect=False,
            )
            call.outcome = response.status
            content = response.read(MOST_BYTES + 1, decode_content=True)
            response.release_conn()
    except urllib3.exceptions.HTTPError as error:
        raise away() from error
    if response.status != 200 or len(content) > MOST_BYTES:
        raise away()
    try:
        return json.loads(content, parse_float=Decimal, parse_int=Decimal)
    except (ValueError, RecursionError) as error:
        raise away() from error


def per_dollar(told: Any) -> tuple[date, dict[str, float]]:
    """The day, and what a US dollar is worth in the currencies that quotes are made in. Raises `Problem` 503."""
    try:
        as_of, rates = date.fromisoformat(told["date"]), {str(told["base"]): Decimal(1), **told["rates"]}
        dollar = rates["USD"]
        found = {
            currency: (rates[currency] / dollar).quantize(DIGITS)
            for currency in CURRENCIES
            if currency in rates and Decimal(0) < rates[currency] / dollar < Decimal(1_000_000)
        }
    except (KeyError, TypeError, ValueError, ArithmeticError) as error:
        raise away() from error
    if not found:
        raise away()
    return as_of, {currency: float(rate) for currency, rate in found.items()}


def away() -> Exception:
    """503: the run fails, and is told as an alert; quotes go on with the last good rates."""
    return unavailable("rates_unavailable", "The source of exchange rates is away or says something else.")
