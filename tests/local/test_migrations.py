"""Migrations and seed: order, books, transactions, complaints; and PostgreSQL 17."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from local import migrations
from local.postgres import Cluster
from local.stack import Stack
from local.trouble import Trouble
from tests.local.versions import postgres17

BOOKS = """
    create schema supabase_migrations;
    create table supabase_migrations.schema_migrations (
      version text primary key, statements text[], name text
    );
    create table supabase_migrations.seed_files (path text primary key, hash text not null);
"""
Connection = psycopg.Connection[tuple[object, ...]]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    cluster = Cluster(tmp_path_factory.mktemp("cluster") / "postgres", password="secret")
    cluster.start()
    yield cluster
    cluster.stop()


@pytest.fixture
def connection(cluster: Cluster) -> Iterator[Connection]:
    """A database of its own for each test, with the books that the gateway would have made."""
    with psycopg.connect(cluster.url(), autocommit=True) as administrator:
        administrator.execute("drop database if exists trial")
        administrator.execute("create database trial")
    with psycopg.connect(cluster.url(), dbname="trial", autocommit=True) as connection:
        connection.execute(BOOKS)
        yield connection


def write(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        (folder / f"{name.removeprefix('_')}.sql").write_text(text)
    return folder


def count(connection: Connection, table: str) -> object:
    row = connection.execute(f"select count(*) from {table}".encode()).fetchone()  # noqa: S608
    return row and row[0]


class TestMigrate:
    def test_says_so_where_a_file_was_changed_after_it_was_applied(
        self, connection: Connection, tmp_path: Path
    ) -> None:
        folder = write(tmp_path, _20260101000000_tables="create table a (id int);")
        migrations.migrate(connection, folder)
        write(folder, _20260101000000_tables="create table a (id bigint);", _20260102000000_more="create table b ();")
        with pytest.raises(Trouble, match=r"20260101000000_tables\.sql was changed .* `make reset`"):
            migrations.migrate(connection, folder)
        assert count(connection, "supabase_migrations.schema_migrations") == 1

    def test_applies_each_file_once_in_order(self, connection: Connection, tmp_path: Path) -> None:
        write(tmp_path, _20260102000000_more="insert into a values (1); insert into a values (2);")
        write(tmp_path, _20260101000000_tables="create table a (id int);")
        assert migrations.migrate(connection, tmp_path) == [
            "20260101000000_tables.sql",
            "20260102000000_more.sql",
        ]
        assert migrations.migrate(connection, tmp_path) == []
        assert count(connection, "a") == 2

    def test_keeps_the_books_of_the_supabase_cli(self, connection: Connection, tmp_path: Path) -> None:
        write(tmp_path, _20260101000000_two_words="select 1")
        migrations.migrate(connection, tmp_path)
        books = connection.execute("select version, name from supabase_migrations.schema_migrations")
        assert books.fetchall() == [("20260101000000", "two_words")]

    def test_leaves_nothing_of_a_file_that_fails(self, connection: Connection, tmp_path: Path) -> None:
        write(tmp_path, _20260101000000_good="create table a (id int);")
        write(tmp_path, _20260102000000_bad="insert into a values (1);\n\ninsert into b values (1);")
        with pytest.raises(Trouble, match=r'20260102000000_bad\.sql:3: relation "b" does not exist'):
            migrations.migrate(connection, tmp_path)
        assert count(connection, "a") == 0
        write(tmp_path, _20260102000000_bad="insert into a values (1);")
        assert migrations.migrate(connection, tmp_path) == ["20260102000000_bad.sql"]


class TestSeed:
    def test_runs_once(self, connection: Connection, tmp_path: Path) -> None:
        connection.execute("create table a (id int)")
        seed = write(tmp_path, seed="insert into a values (1);") / "seed.sql"
        assert migrations.seed(connection, seed)
        assert not migrations.seed(connection, seed)
        assert count(connection, "a") == 1

    def test_may_be_missing(self, connection: Connection, tmp_path: Path) -> None:
        assert not migrations.seed(connection, tmp_path / "seed.sql")


def test_ours_run_on_postgresql_17(tmp_path: Path) -> None:
    with Stack(tmp_path, binaries=postgres17(), postgres_settings={"fsync": "off"}) as stack:
        with psycopg.connect(stack.database_url) as connection:
            assert connection.info.server_version // 10000 == 17
