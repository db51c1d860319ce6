"""Applies `supabase/migrations` and the seed, keeping the Supabase CLI's books.

Each file runs in a transaction of its own and is noted in `supabase_migrations.schema_migrations`,
so that `supabase migration list` and `db push` against this database agree with us.
"""

import hashlib
from pathlib import Path

import psycopg

from local.trouble import Trouble


def migrate(connection: "psycopg.Connection[tuple[object, ...]]", folder: Path) -> list[str]:
    """Apply the files that the database lacks, in order; returns their names.

    Raises Trouble naming the file and, where PostgreSQL says it, the line; also where a file is no longer what was
    applied: until the first release they are edited in place.
    """
    rows = connection.execute("select version, statements from supabase_migrations.schema_migrations")
    applied = {str(version): statements for version, statements in rows}
    fresh = []
    for path in sorted(folder.glob("*.sql")):
        version, _, name = path.stem.partition("_")
        script = path.read_text()
        if version in applied:
            _unchanged(path, script, applied[version])
            continue
        fresh.append(path)
        with connection.transaction():
            _run(connection, path, script)
            connection.execute(
                "insert into supabase_migrations.schema_migrations (version, name, statements) values (%s, %s, %s)",
                (version, name, [script]),
            )
    return [path.name for path in fresh]


def seed(connection: "psycopg.Connection[tuple[object, ...]]", path: Path) -> bool:
    """Run the seed once in a database's life; says whether this was the time."""
    known = connection.execute("select from supabase_migrations.seed_files").fetchone()
    if known is not None or not path.exists():
        return False
    script = path.read_text()
    with connection.transaction():
        _run(connection, path, script)
        connection.execute(
            "insert into supabase_migrations.seed_files (path, hash) values (%s, %s)",
            (f"supabase/{path.name}", hashlib.sha256(script.encode()).hexdigest()),
        )
    return True


def _unchanged(path: Path, script: str, applied: object) -> None:
    by_us = isinstance(applied, list) and len(applied) == 1  # the Supabase CLI keeps statement by statement
    if by_us and applied != [script]:
        raise Trouble(f"{path.name} was changed after it was applied to this database; `make reset` makes it anew")


def _run(connection: "psycopg.Connection[tuple[object, ...]]", path: Path, script: str) -> None:
    try:
        connection.execute(script.encode())
    except psycopg.Error as error:
        raise Trouble(_explain(error, path, script)) from error


def _explain(error: psycopg.Error, path: Path, script: str) -> str:
    """One message: file, line if known, what PostgreSQL says, and where inside a function."""
    told = error.diag
    position = int(told.statement_position) if told.statement_position else None
    line = f":{script.count(chr(10), 0, position) + 1}" if position else ""
    details = (told.message_detail, told.message_hint, told.context)
    more = "".join(f"\n  {detail}" for detail in details if detail)
    return f"{path}{line}: {told.message_primary or error} ({error.sqlstate}){more}"
