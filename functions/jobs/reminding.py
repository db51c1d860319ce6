"""The job remind-invoices: customers are reminded of invoices overdue by 7, 14 and 30 days."""

from __future__ import annotations

from functions.jobs.running import Run
from shared.database import as_service

LEAST_SECONDS = 10.0
MOST = 200


def remind_invoices(run: Run) -> None:
    """Counts the invoices `reminded` of. Raises `Problem` 503."""
    while run.seconds_left >= LEAST_SECONDS:
        reminded = as_service().value("remind_invoices", most=MOST)
        run.counts["reminded"] += reminded
        if not reminded:
            return
