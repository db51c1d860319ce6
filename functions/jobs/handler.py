"""/api/jobs: scheduled work, called by the platform's scheduler, and for platform admins what became of it.

The database lends each run a lease, so that of calls that overlap or come twice one works. A run that is killed is
taken over by the next call after its lease. Side effects: whatever the job does, and a row for the run.
"""

from __future__ import annotations

from functions.jobs import running
from functions.jobs.models import JobRuns, Ran
from functions.jobs.registry import JOBS
from shared import auth
from shared.auth import Caller
from shared.database import as_caller
from shared.errors import not_found
from shared.models import Page, page
from shared.web import Function

# What jobs stand on, and how that can be away.
AWAY = [
    "503 database_unavailable",
    "503 function_refused",
    "503 function_unavailable",
    "503 rates_unavailable",
    "503 storage_unavailable",
    "503 upstream_unavailable",
]

app = Function(
    "jobs",
    max_duration_seconds=60,
    memory_mb=256,
    schedules={f"/{name}": job.schedule for name, job in JOBS.items()},
)


@app.get(problems=["404 not_found"])
def list_job_runs(caller: Caller, query: Page) -> JobRuns:
    """Runs of jobs, newest first. For platform admins; to anybody else there is nothing here."""
    after = str(query.cursor) if query.cursor else None
    rows = as_caller(caller).rpc("list_job_runs", after=after, page_size=query.limit + 1)
    return JobRuns.model_validate(page(rows, query.limit, "id"))


@app.get("/<name>", signed_by=auth.scheduler, problems=["404 not_found", *AWAY])
def run_job(name: str) -> Ran:
    """Run a job now. Where it is under way already this does nothing, and says so."""
    job = JOBS.get(name)
    if job is None:
        raise not_found()
    return Ran.model_validate(running.once(name, job.work, app.max_duration_seconds))
