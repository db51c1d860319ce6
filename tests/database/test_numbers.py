"""Numbers run without a gap, by workspace, series and year."""

from __future__ import annotations

from uuid import UUID

from tests.database.acting import Database, Person, at_once


def take(db: Database, workspace_id: UUID, series: str = "O") -> str:
    number: str = db.owner.value("select private.next_number(%s, %s)", workspace_id, series)
    return number


def year(db: Database, zone: str = "UTC") -> int:
    found: int = db.owner.value("select extract(year from now() at time zone %s)::integer", zone)
    return found


def test_each_workspace_and_series_counts_by_itself(db: Database, owner: Person) -> None:
    other = db.sign_up().workspace_id
    taken = [take(db, owner.workspace_id), take(db, owner.workspace_id), take(db, owner.workspace_id, "Q")]
    taken += [take(db, other), take(db, owner.workspace_id)]
    wanted = ["O-{}-00001", "O-{}-00002", "Q-{}-00001", "O-{}-00001", "O-{}-00003"]
    assert taken == [number.format(year(db)) for number in wanted]


def test_a_year_is_the_workspaces_own_and_begins_anew(db: Database, owner: Person) -> None:
    for zone in ("Pacific/Kiritimati", "Pacific/Pago_Pago"):
        db.owner.rows("update public.workspaces set time_zone = %s where id = %s", zone, owner.workspace_id)
        assert take(db, owner.workspace_id).startswith(f"O-{year(db, zone)}-")
    counters = "update private.number_counters set year = year - 1 where workspace_id = %s"
    db.owner.rows(counters, owner.workspace_id)
    assert take(db, owner.workspace_id).endswith("-00001")


def test_grow_beyond_five_digits(db: Database, owner: Person) -> None:
    take(db, owner.workspace_id)
    db.owner.rows("update private.number_counters set last = 99998 where workspace_id = %s", owner.workspace_id)
    taken = [take(db, owner.workspace_id).rpartition("-")[2] for _ in range(3)]
    assert taken == ["99999", "100000", "100001"]


def test_what_is_undone_leaves_no_gap(db: Database, owner: Person) -> None:
    def take_and_perhaps_regret(number: int) -> None:
        with db.owner.transaction() as connection, connection.transaction(force_rollback=number % 3 == 0):
            connection.execute("select private.next_number(%s, 'O')", [owner.workspace_id])

    for _ in range(3):
        at_once(30, take_and_perhaps_regret)
    assert take(db, owner.workspace_id).endswith("-00061")
