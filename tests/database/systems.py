"""Databases as they are before the first migration, and just after the last."""

from __future__ import annotations

import itertools
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from local import migrations
from local.stack import Stack
from local.state import ROOT
from tests.database.acting import Database

MIGRATIONS = ROOT / "supabase" / "migrations"


class System:
    """A cluster with what hosted Supabase has before the first migration. Makes databases like it."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._numbers = itertools.count(1)
        self._made: list[Database] = []

    def database(self, *, migrated: bool = True) -> Database:
        """A new database."""
        name = f"fresh_{next(self._numbers)}"
        with psycopg.connect(self._stack.postgres.url(), autocommit=True) as administrator:
            administrator.execute(
                sql.SQL("create database {} template postgres owner postgres").format(sql.Identifier(name))
            )
        database = Database(
            _at(self._stack.database_url, name),
            _at(self._stack.postgres.url(), name),
        )
        if migrated:
            with psycopg.connect(database.url, autocommit=True) as connection:
                migrations.migrate(connection, MIGRATIONS)
        self._made.append(database)
        return database

    def close(self) -> None:
        """Stop it."""
        for database in self._made:
            database.close()
        self._stack.stop()


def _at(url: str, database: str) -> str:
    return urlsplit(url)._replace(path=f"/{database}").geturl()
