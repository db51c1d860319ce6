"""What the README has the database do where the platform's scheduler does not: its SQL, and what that then calls."""

from __future__ import annotations

import re

from functions.jobs.registry import JOBS
from local.state import ROOT
from tests.database.systems import System

# What hosted Supabase has of its extensions, as far as it matters here: each notes what it is asked.
EXTENSIONS = """
    create schema vault; create schema cron; create schema net;
    create table vault.decrypted_secrets (name text primary key, decrypted_secret text);
    create function vault.create_secret(new_secret text, new_name text) returns void language sql as
      'insert into vault.decrypted_secrets values (new_name, new_secret)';
    create table cron.job (jobname text primary key, schedule text, command text);
    create function cron.schedule(job_name text, schedule text, command text) returns void language sql as
      'insert into cron.job values (job_name, schedule, command)';
    create table net.called (url text, headers jsonb);
    create function net.http_get(
      url text, params jsonb default '{}', headers jsonb default '{}', timeout_milliseconds int default 5000
    ) returns bigint language sql as 'insert into net.called values (url, headers) returning 1::bigint';
"""


def test_calls_every_job_at_its_time_with_the_secret(system: System) -> None:
    [snippet] = re.findall(r"```sql\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    database = system.database(migrated=False)
    database.owner.rows(EXTENSIONS)
    database.owner.rows(snippet)
    scheduled = database.owner.rows("select jobname, schedule, command from cron.job")
    assert {name: schedule for name, schedule, _ in scheduled} == {
        f"backroom {name}": job.schedule for name, job in JOBS.items()
    }
    for _, _, command in scheduled:
        database.owner.rows(command)
    called = database.owner.rows("select url, headers from net.called")
    headers = {"Authorization": "Bearer the CRON_SECRET of that deployment"}
    assert sorted(called) == [(f"https://your-deployment.example/api/jobs/{name}", headers) for name in sorted(JOBS)]
