"""Limits, idempotency and permission checks against 100, 10,000 and 1,000,000 rows: they should take the same time."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, LiteralString
from urllib.parse import urlsplit
from uuid import UUID

import psycopg
from psycopg import sql

from benchmarks.report import Bound, Report, ratio
from local.stack import Stack

HERE = Path(__file__).resolve().parent
SIZES = (100, 10_000, 1_000_000)
PEOPLE = 50
ROUNDS = 12
MOST = 1.5
METHOD = (
    "One database of each size: so many people, workspaces, own roles, memberships (and half as many more in one\n"
    f"large workspace), limits, kept answers, audit entries, detections. {PEOPLE} people spread over each, {ROUNDS}\n"
    "rounds in turns: the server's own planning and execution time (EXPLAIN ANALYZE). Medians, and the median of the\n"
    "rounds' own ratios."
)
POSTGRES_SETTINGS = {
    "fsync": "off",
    "autovacuum": "off",  # vacuumed once, after loading
    "max_wal_size": "8GB",
    "shared_buffers": "512MB",
}


@dataclass(frozen=True)
class Check:
    """A query that some role runs about a person; `proof`, of its `result`, shows that it did what it is for."""

    name: str
    role: str
    query: LiteralString
    proof: LiteralString


LIMIT: LiteralString = """jsonb_build_array(jsonb_build_object(
  'name', 'detect', 'subject', %(person)s, 'quota', 1000, 'window_seconds', 900, 'units', 1))"""

CHECKS = (
    Check(
        "begin_request: limit, new key, permission",
        "service_role",
        f"""select public.begin_request(
          caller => %(person)s, workspace_id => %(workspace)s, permission => 'detect.use', route => 'POST /api/detect/',
          key => gen_random_uuid()::text, fingerprint => '', limits => {LIMIT}) as result""",
        "result #>> '{idempotency,state}' = 'started' and result -> 'refusal' = 'null' and result ? 'limits'",
    ),
    Check(
        "begin_request: an answer given again",
        "service_role",
        f"""select public.begin_request(
          caller => %(person)s, workspace_id => %(workspace)s, permission => 'detect.use', route => 'POST /api/detect/',
          key => 'kept', fingerprint => repeat('0', 64), limits => {LIMIT}) as result""",
        "result #>> '{idempotency,answer,text}' = 'kept'",
    ),
    Check(
        "begin_request: no permission, audited",
        "service_role",
        """select public.begin_request(
          caller => %(person)s, workspace_id => %(workspace)s, permission => 'designs.write') as result""",
        "result #>> '{refusal,status}' = '403'",
    ),
    Check(
        "take_limits",
        "postgres",
        f"select private.take_limits({LIMIT}) as result",
        "(result -> 'admitted')::boolean",
    ),
    Check(
        "permission_scope: a member",
        "postgres",
        "select private.permission_scope(%(workspace)s, 'detect.use', %(person)s) as result",
        "result = 'all'",
    ),
    Check(
        "permission_scope: a stranger, large workspace",
        "postgres",
        "select private.permission_scope(md5('workspace0')::uuid, 'detect.use', %(person)s) as result",
        "result is null",
    ),
    Check(
        "me",
        "authenticated",
        "select public.me() as result",
        "result #>> '{body,workspaces,0,permissions,0}' = 'detect.use'",
    ),
    Check(
        "row-level security: one's workspaces",
        "authenticated",
        "select count(*) as result from (select * from public.workspaces order by id limit 51) as page",
        "result = 1",
    ),
    Check(
        "row-level security: one workspace",
        "authenticated",
        "select count(*) as result from public.workspaces where id = %(workspace)s",
        "result = 1",
    ),
    Check(
        "row-level security: all members one sees",
        "authenticated",
        "select count(*) as result from (select * from public.members order by workspace_id, user_id limit 51) as page",
        "result = 1",
    ),
    Check(
        "row-level security: all roles one sees",
        "authenticated",
        "select count(*) as result from (select * from public.roles where workspace_id is not null) as own",
        "result = 1",
    ),
    Check(
        "row-level security: what they permit",
        "authenticated",
        """select count(*) as result from public.role_permissions as p join public.roles as r on r.id = p.role_id
          where r.workspace_id is not null""",
        "result = 3",
    ),
    Check(
        "row-level security: the newest detections",
        "authenticated",
        "select count(*) as result from (select * from public.detections order by created_at desc limit 51) as page",
        "result = 1",
    ),
)


# As PostgREST does it; `claim.sub` is where the embedded stack looks.
BECOME = """
select set_config('request.jwt.claims', %(claims)s, false), set_config('request.jwt.claim.sub', %(person)s, false),
  set_config('role', %(role)s, false)
"""


def run() -> Report:
    """Load the databases and measure in turns."""
    with (
        TemporaryDirectory() as folder,
        Stack(Path(folder), seed=False, postgres_settings=POSTGRES_SETTINGS) as stack,
        ExitStack() as opened,
    ):
        stack.gateway.stop()  # a database that somebody is connected to can't be copied
        databases = {rows: opened.enter_context(database(stack.postgres.url(), rows)) for rows in SIZES}
        found = measured(databases)
    smallest, *_, largest = SIZES
    growth = {check.name: ratio(found[check.name, largest], found[check.name, smallest]) for check in CHECKS}
    return Report(
        f"Flat from {smallest} to {largest:,} rows",
        METHOD,
        ["microseconds with … rows", *(f"{rows:,}" for rows in SIZES), "ratio"],
        [
            [check.name, *(f"{median(found[check.name, rows]):.0f}" for rows in SIZES), f"{growth[check.name]:.2f}"]
            for check in CHECKS
        ],
        [Bound(f"{name}, {largest:,} rows to {smallest}", times, MOST) for name, times in growth.items()],
    )


@contextmanager
def database(url: str, rows: int) -> Iterator[psycopg.Connection[Any]]:
    """A copy of the migrated database with that many rows, connected as the superuser."""
    name = f"rows_{rows}"
    with psycopg.connect(urlsplit(url)._replace(path="/template1").geturl(), autocommit=True) as administrator:
        administrator.execute(sql.SQL("create database {} template postgres").format(sql.Identifier(name)))
    with psycopg.connect(
        urlsplit(url)._replace(path=f"/{name}").geturl(), autocommit=True, cursor_factory=psycopg.ClientCursor
    ) as connection:
        connection.execute((HERE / "rows.sql").read_bytes(), {"rows": rows})
        connection.execute("vacuum analyze")
        connection.execute("checkpoint")
        yield connection


def measured(databases: dict[int, psycopg.Connection[Any]]) -> dict[tuple[str, int], list[float]]:
    """Microseconds, a median over the people for each round. The first round proves the checks and doesn't count."""
    found: dict[tuple[str, int], list[float]] = {(check.name, rows): [] for check in CHECKS for rows in databases}
    for number in range(ROUNDS + 1):
        for check in CHECKS:
            for rows, connection in databases.items():
                step = rows // PEOPLE  # even: none of them is in the large workspace
                people = [once(connection, check, who, prove=number == 0) for who in range(step, rows + 1, step)]
                if number > 0:
                    found[check.name, rows].append(median(people))
    return found


def once(connection: psycopg.Connection[Any], check: Check, who: int, *, prove: bool) -> float:
    """Run it about one person; the microseconds it took the server."""
    ids = {"person": identifier(f"person{who}"), "workspace": identifier(f"workspace{who}")}
    claims = json.dumps({"sub": ids["person"], "role": check.role})
    connection.execute(BECOME, {"person": ids["person"], "claims": claims, "role": check.role})
    if prove:
        proof: LiteralString = f"select result, {check.proof} from ({check.query}) as answer"  # noqa: S608 - our own
        row = connection.execute(proof, ids).fetchone()
        if not row or not row[1]:
            raise RuntimeError(f"{check.name} answered {row}")
    row = connection.execute(f"explain (analyze, timing off, format json) {check.query}", ids).fetchone()
    connection.execute("reset role")
    assert row
    (plan,) = row[0]
    return float(plan["Planning Time"] + plan["Execution Time"]) * 1000


def identifier(name: str) -> str:
    """As rows.sql makes them."""
    return str(UUID(hashlib.md5(name.encode(), usedforsecurity=False).hexdigest()))
