"""The cluster: made, started, crashed, taken over."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from local.ports import free_port, listening
from local.postgres import Cluster, command_line
from local.trouble import Trouble


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    cluster = Cluster(tmp_path / "postgres", password="secret", settings={"fsync": "off"})
    yield cluster
    cluster.stop()


def value(cluster: Cluster, query: str) -> object:
    with psycopg.connect(cluster.url()) as connection:
        row = connection.execute(query.encode()).fetchone()
        return row[0] if row else None


def test_knows_letters_beyond_ascii(cluster: Cluster) -> None:
    cluster.start()
    assert value(cluster, "select lower('ÄЖ')") == "äж"


def test_asks_for_the_password(cluster: Cluster) -> None:
    cluster.start()
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(cluster.url().replace("secret", "guess"))


def test_keeps_what_was_committed_through_stop_and_crash(cluster: Cluster) -> None:
    cluster.start()
    with psycopg.connect(cluster.url()) as connection:
        connection.execute("create table kept (id int)")
    cluster.stop()
    cluster.start()
    cluster.kill()
    cluster.start()
    assert value(cluster, "select count(*) from kept") == 0


def test_moves_when_its_port_is_taken(cluster: Cluster) -> None:
    taken = cluster.port = free_port()
    with listening(taken):
        cluster.start()
    assert cluster.port != taken
    assert value(cluster, "select 1") == 1


def test_takes_over_from_a_postmaster_left_behind(cluster: Cluster, tmp_path: Path) -> None:
    # Killed with no chance to tidy up, and its lifeline too: the worst case.
    script = f"""
import os, pathlib
from local.postgres import Cluster
cluster = Cluster(pathlib.Path({str(tmp_path)!r}) / "postgres", password="secret")
cluster.start()
os.kill(cluster._process.pid, 9)
os.kill(os.getpid(), 9)
"""
    subprocess.run([sys.executable, "-c", script], check=False)
    left = int((cluster.data / "postmaster.pid").read_text().splitlines()[0])
    assert command_line(left)
    cluster.start()
    assert value(cluster, "select 1") == 1
    assert not command_line(left)


def test_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    script = f"""
import os, pathlib
from local.postgres import Cluster
cluster = Cluster(pathlib.Path({str(tmp_path)!r}) / "postgres", password="secret")
cluster.start()
print((cluster.data / "postmaster.pid").read_text().splitlines()[0], flush=True)
os.kill(os.getpid(), 9)
"""
    told = subprocess.run([sys.executable, "-c", script], check=False, capture_output=True, text=True)
    pid = int(told.stdout)
    for _ in range(100):
        if not command_line(pid):
            return
        time.sleep(0.05)
    pytest.fail("PostgreSQL outlived its parent")


def test_is_not_fooled_by_a_stale_pid_file(cluster: Cluster) -> None:
    cluster.start()
    cluster.kill()
    pid_file = cluster.data / "postmaster.pid"
    lines = pid_file.read_text().splitlines()
    pid_file.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")
    cluster.start()
    assert value(cluster, "select 1") == 1


def test_says_what_is_wrong_in_one_line(cluster: Cluster) -> None:
    cluster.start()
    cluster.stop()
    broken = Cluster(cluster.data, password="secret", settings={"max_connections": "many"})
    with pytest.raises(Trouble, match=r'invalid value for parameter "max_connections"'):
        broken.start()
