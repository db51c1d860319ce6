"""The job watch: what is wrong with the platform is told to `ALERT_EMAIL` and Slack, once until it clears."""

from __future__ import annotations

from functions.jobs.running import Run
from shared import settings
from shared.database import as_service


def watch(run: Run) -> None:
    """Counts the alerts `raised` and `cleared`. The database puts the messages down; they go out with the outbox."""
    found = as_service().value(
        "watch", email=settings.get("ALERT_EMAIL"), slack=bool(settings.get("SLACK_WEBHOOK_URL"))
    )
    run.counts.update(found)
