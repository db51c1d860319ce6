"""The job dispatch-outbox: what is due in the outbox is delivered, until nothing is or the time is over."""

from __future__ import annotations

from typing import Any

from functions.jobs import slack
from functions.jobs.running import Run
from shared import clock, peers
from shared.errors import Problem

# With less time left nobody is asked to deliver: cut off, it would leave an end that nobody knows.
LEAST_SECONDS = 15.0
OUTCOMES = ("delivered", "refused", "again", "unknown")


def dispatch_outbox(run: Run) -> None:
    """Deliver to Slack, then have invoices rendered, then mails delivered, which carry them; none waits for another to
    be well.

    Raises `Problem` 503.
    """
    try:
        slack.deliver(run)
    finally:
        try:
            deliver(run, "invoice")
        finally:
            deliver(run, "email-service")


def deliver(run: Run, function: str) -> None:
    """Ask a function for one delivery after another. Raises `Problem` 503."""
    while run.seconds_left >= LEAST_SECONDS:
        done = _delivered(function, run.seconds_left)
        made = {name: int(done[name]) for name in OUTCOMES}
        run.counts.update(made)
        if done["idle"]:
            return
        # Not idle, nothing done and no word how long to wait: not to be asked at once again.
        wait_seconds = done["wait_seconds"] or (0.0 if any(made.values()) else 1.0)
        if run.seconds_left - wait_seconds < LEAST_SECONDS:
            return
        clock.sleep(wait_seconds)


def _delivered(function: str, timeout_seconds: float) -> dict[str, Any]:
    """What one call delivered: the outcomes' numbers, `idle`, `wait_seconds`."""
    reply = peers.call(f"{function}/deliver", b"{}", timeout_seconds=timeout_seconds)
    done = reply.json()
    if reply.status != 200 or not isinstance(done, dict) or not {*OUTCOMES, "idle", "wait_seconds"} <= done.keys():
        raise Problem(503, "function_refused", "A function we stand on doesn't do what it is asked.")
    return done
