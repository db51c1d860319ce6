"""The audit log: appended to in one order, never rewritten unnoticed, and told of every change and denial."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from tests.database.acting import Actor, Database, Person, at_once, call, run
from tests.database.detecting import detection

ROUNDS = 5
APPEND = "select private.audit(%s, %s, 'thing.done', 'target', '{\"count\": 1}')"
PLATFORM = UUID(int=0)


@dataclass
class Chain:
    """A chain of six entries, and its head as exported before anybody tampered with it."""

    db: Database
    id: UUID
    sequence: int
    hash: str

    def verdict(self, *, exported: bool = False) -> dict[str, Any]:
        head: dict[str, Any] = {"sequence": self.sequence, "hash": self.hash} if exported else {}
        found: dict[str, Any] = self.db.service.call("verify_audit_log", chain=self.id, **head)
        return found

    def tamper(self, *statements: str) -> None:
        """As whoever holds the database: a superuser, past all triggers. `:chain` stands for the chain."""
        with self.db.superuser.transaction() as connection:
            run(connection, "set local session_replication_role = replica")
            for statement in statements:
                assert connection.execute(statement.replace(":chain", f"'{self.id}'").encode()).rowcount, statement


@pytest.fixture
def chain(db: Database) -> Chain:
    made = uuid4()
    for _ in range(6):
        db.owner.rows(APPEND, made, uuid4())
    heads = {head["chain"]: head for head in db.service.call("audit_heads")}
    head = heads[str(made)]
    return Chain(db, made, head["sequence"], head["hash"])


class TestAppendOnly:
    @pytest.mark.parametrize(
        "statement",
        [
            "update private.audit_log set action = 'a.b'",
            "update private.audit_log set action = action where false",
            "delete from private.audit_log",
            "delete from private.audit_log where false",
            "truncate private.audit_log",
            "truncate private.audit_log cascade",
        ],
    )
    @pytest.mark.parametrize("who", ["owner", "superuser", "service", "person"])
    def test_refuses_everybody(self, db: Database, owner: Person, who: str, statement: str) -> None:
        actors: dict[str, Actor] = {
            "owner": db.owner, "superuser": db.superuser, "service": db.service, "person": owner,
        }  # fmt: skip
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            actors[who].rows(statement)

    def test_deleting_people_and_workspaces_leaves_it_whole(self, db: Database, owner: Person) -> None:
        staff = db.member(owner.workspace_id, "staff")
        owner.call("change_member", workspace_id=owner.home, user_id=staff.id, role="manager")
        before = db.audit(owner.workspace_id)
        db.owner.rows("delete from public.workspaces where id in (%s)", owner.workspace_id)
        db.owner.rows("delete from auth.users where id = %s", owner.user_id)
        assert db.audit(owner.workspace_id) == before
        assert len(before) == 2
        assert db.service.call("verify_audit_log", chain=owner.workspace_id)["intact"]


class TestVerification:
    def test_finds_a_whole_chain_whole(self, chain: Chain) -> None:
        for exported in (False, True):
            assert chain.verdict(exported=exported) == {
                "intact": True,
                "entries": 6,
                "head": {"sequence": 6, "hash": chain.hash},
                "broken_at": None,
                "reason": None,
            }

    def test_an_older_head_holds_while_the_chain_grows(self, chain: Chain) -> None:
        chain.db.owner.rows(APPEND, chain.id, None)
        assert chain.verdict(exported=True)["intact"]
        assert chain.verdict()["entries"] == 7

    def test_a_chain_nobody_wrote_to_is_whole(self, db: Database) -> None:
        verdict = db.service.call("verify_audit_log", chain=uuid4())
        assert (verdict["intact"], verdict["entries"]) == (True, 0)

    @pytest.mark.parametrize("entry", [1, 3, 6])
    @pytest.mark.parametrize(
        "change",
        [
            "at = at + interval '1 microsecond'",
            "actor = gen_random_uuid()",
            "actor = null",
            "action = 'thing.undone'",
            "target = 'targeu'",
            "target = null",
            "target = ''",
            "details = '{\"count\": 2}'",
            "details = '{}'",
            "request_id = 'forged'",
            "hash = sha256(hash)",
            "chain = gen_random_uuid()",
            "sequence = sequence + 100",
        ],
    )
    def test_finds_an_edit_of_any_column(self, chain: Chain, change: str, entry: int) -> None:
        chain.tamper(f"update private.audit_log set {change} where chain = :chain and sequence = {entry}")  # noqa: S608
        assert chain.verdict()["intact"] is False
        assert chain.verdict()["broken_at"] == entry

    def test_every_column_is_covered_by_the_edits_above(self, db: Database) -> None:
        columns = db.owner.rows("""
            select attname::text from pg_attribute
            where attrelid = 'private.audit_log'::regclass and attnum > 0 and not attisdropped
        """)
        assert {name for (name,) in columns} == {
            "chain", "sequence", "at", "actor", "action", "target", "details", "request_id", "hash",
        }  # fmt: skip

    def test_neighbouring_fields_do_not_run_into_each_other(self, db: Database) -> None:
        hashes = set()
        for action, target in (("a.b", "cd"), ("a.bc", "d"), ("a.b", '"cd'), ("a.b", 'c","d')):
            entry = db.owner.value(
                """
                select private.audit_hash('', jsonb_populate_record(null::private.audit_log, jsonb_build_object(
                  'chain', %s::text, 'sequence', 1, 'at', '2026-01-01', 'action', %s::text, 'target', %s::text)))
                """,
                str(PLATFORM), action, target,
            )  # fmt: skip
            hashes.add(entry)
        assert len(hashes) == 4

    def test_the_time_zone_of_the_session_does_not_matter(self, chain: Chain) -> None:
        for zone in ("Asia/Kathmandu", "America/Los_Angeles"):
            with chain.db.owner.transaction() as connection:
                run(connection, "select set_config('timezone', %s, true)", zone)
                run(connection, "select set_config('datestyle', 'German, DMY', true)")
                assert call(connection, "verify_audit_log", chain=chain.id)["intact"]
                run(connection, APPEND, chain.id, None)
        assert chain.verdict()["intact"]

    @pytest.mark.parametrize("entry", [1, 3])
    def test_finds_a_removal(self, chain: Chain, entry: int) -> None:
        chain.tamper(f"delete from private.audit_log where chain = :chain and sequence = {entry}")  # noqa: S608
        verdict = chain.verdict()
        assert (verdict["intact"], verdict["broken_at"], verdict["reason"]) == (False, entry, "an entry is missing")

    def test_finds_a_removal_after_which_the_rest_was_moved_up(self, chain: Chain) -> None:
        chain.tamper(
            "delete from private.audit_log where chain = :chain and sequence = 3",
            "update private.audit_log set sequence = sequence - 1 where chain = :chain and sequence = 4",
            "update private.audit_log set sequence = sequence - 1 where chain = :chain and sequence = 5",
            "update private.audit_log set sequence = sequence - 1 where chain = :chain and sequence = 6",
            "update private.audit_heads set sequence = 5 where chain = :chain",
        )
        assert chain.verdict()["broken_at"] == 3

    def test_finds_a_reordering(self, chain: Chain) -> None:
        chain.tamper(
            "update private.audit_log set sequence = 99 where chain = :chain and sequence = 2",
            "update private.audit_log set sequence = 2 where chain = :chain and sequence = 5",
            "update private.audit_log set sequence = 5 where chain = :chain and sequence = 99",
        )
        assert chain.verdict()["broken_at"] == 2

    def test_finds_an_insertion(self, chain: Chain) -> None:
        chain.tamper(
            "insert into private.audit_log select chain, 7, at, actor, action, target, details, request_id, hash "
            "from private.audit_log where chain = :chain and sequence = 6"
        )
        assert chain.verdict()["broken_at"] == 7

    def test_finds_an_entry_copied_from_another_chain(self, chain: Chain) -> None:
        other = uuid4()
        chain.db.owner.rows(APPEND, other, None)
        chain.tamper(
            "delete from private.audit_log where chain = :chain and sequence = 1",
            f"update private.audit_log set chain = :chain where chain = '{other}'",  # noqa: S608
        )
        assert chain.verdict()["broken_at"] == 1

    def test_finds_a_cut_tail_by_its_head(self, chain: Chain) -> None:
        chain.tamper("delete from private.audit_log where chain = :chain and sequence > 4")
        assert chain.verdict()["reason"] == "the chain ends before its head"

    @pytest.mark.parametrize("kept", [0, 1, 4, 5])
    def test_finds_a_cut_tail_whose_head_was_moved_too_against_an_exported_head(self, chain: Chain, kept: int) -> None:
        chain.tamper(
            f"delete from private.audit_log where chain = :chain and sequence > {kept}",  # noqa: S608
            rewound(kept),
        )
        assert chain.verdict()["intact"], "without an exported head nobody could tell"
        verdict = chain.verdict(exported=True)
        assert (verdict["intact"], verdict["broken_at"]) == (False, kept + 1)
        assert verdict["reason"] == "the chain ends before the exported head"

    def test_finds_a_cut_tail_grown_again_against_an_exported_head(self, chain: Chain) -> None:
        chain.tamper("delete from private.audit_log where chain = :chain and sequence > 4", rewound(4))
        for _ in range(5):
            chain.db.owner.rows(APPEND, chain.id, None)
        assert chain.verdict()["intact"]
        verdict = chain.verdict(exported=True)
        assert (verdict["broken_at"], verdict["reason"]) == (6, "the chain differs from the exported head")

    def test_finds_a_chain_written_anew_against_an_exported_head(self, chain: Chain) -> None:
        chain.tamper(
            "update private.audit_log set action = 'thing.hidden' where chain = :chain and sequence = 2",
            """
            do $$
            declare
              previous bytea := sha256(convert_to(:chain::text, 'UTF8'));
              entry private.audit_log;
            begin
              for entry in select * from private.audit_log where chain = :chain order by sequence loop
                previous := private.audit_hash(previous, entry);
                update private.audit_log set hash = previous where chain = :chain and sequence = entry.sequence;
              end loop;
              update private.audit_heads set hash = previous where chain = :chain;
            end
            $$
            """,
        )
        assert chain.verdict()["intact"], "a perfect forgery by itself"
        verdict = chain.verdict(exported=True)
        assert (verdict["intact"], verdict["reason"]) == (False, "the chain differs from the exported head")

    def test_finds_a_chain_that_is_gone(self, chain: Chain) -> None:
        chain.tamper(
            "delete from private.audit_log where chain = :chain", "delete from private.audit_heads where chain = :chain"
        )
        assert chain.verdict(exported=True)["reason"] == "the chain ends before the exported head"

    def test_finds_a_head_that_is_gone_or_moved(self, chain: Chain) -> None:
        chain.tamper("update private.audit_heads set sequence = sequence + 1 where chain = :chain")
        assert chain.verdict()["intact"] is False
        chain.tamper("delete from private.audit_heads where chain = :chain")
        assert chain.verdict()["intact"] is False

    def test_a_person_verifies_their_workspaces_chain_alone(self, db: Database, owner: Person) -> None:
        mine = owner.call("verify_workspace_audit", workspace_id=owner.home)
        assert (mine["status"], mine["body"]["intact"]) == (200, True)
        staff = db.member(owner.workspace_id, "staff")
        assert staff.call("verify_workspace_audit", workspace_id=owner.home)["status"] == 403
        assert db.sign_up().call("verify_workspace_audit", workspace_id=owner.home)["status"] == 404
        assert owner.call("verify_workspace_audit", workspace_id=str(PLATFORM))["status"] == 404


def rewound(kept: int) -> str:
    """Moves a chain's head back to an entry that is left, or takes it away with the last."""
    if kept == 0:
        return "delete from private.audit_heads where chain = :chain"
    return f"""
        update private.audit_heads as h set sequence = l.sequence, hash = l.hash
        from private.audit_log as l where l.chain = h.chain and l.chain = :chain and l.sequence = {kept}
    """  # noqa: S608


class TestConcurrency:
    def test_simultaneous_entries_form_one_chain(self, db: Database) -> None:
        for _ in range(ROUNDS):
            chain = uuid4()  # new: also its head is made by one of them
            actors = [uuid4() for _ in range(20)]

            def append(number: int, chain: UUID = chain, actors: list[UUID] = actors) -> None:
                for _ in range(3):
                    db.owner.rows(APPEND, chain, actors[number])

            at_once(20, append)
            verdict = db.service.call("verify_audit_log", chain=chain)
            assert (verdict["intact"], verdict["entries"]) == (True, 60)
            times = db.owner.rows("select at, actor from private.audit_log where chain = %s order by sequence", chain)
            assert times == sorted(times, key=lambda row: row[0])
            assert sorted(actor for _, actor in times) == sorted(actors * 3)

    def test_an_entry_rolled_back_leaves_no_gap(self, db: Database, chain: Chain) -> None:
        def append(number: int) -> None:
            undone = number % 3 == 0
            with db.owner.transaction() as connection, connection.transaction(force_rollback=undone):
                run(connection, APPEND, chain.id, None)

        at_once(12, append)
        verdict = chain.verdict(exported=True)
        assert (verdict["intact"], verdict["entries"]) == (True, 6 + 8)

    def test_a_verification_under_writers_finds_the_chain_whole(self, db: Database, chain: Chain) -> None:
        def act(number: int) -> bool:
            if number % 2:
                return all(chain.verdict(exported=True)["intact"] for _ in range(10))
            for _ in range(10):
                db.owner.rows(APPEND, chain.id, None)
            return True

        assert all(at_once(8, act))


@pytest.fixture
def heard(db: Database, owner: Person) -> Heard:
    return Heard(db, owner)


class Heard:
    """Acts with a request id of its own each time, and says what the log then holds under that id."""

    def __init__(self, db: Database, owner: Person) -> None:
        self.db = db
        self.owner = owner

    def after(self, who: Actor, procedure: str, **arguments: Any) -> tuple[Any, list[tuple[Any, ...]]]:
        """What the procedure answered, and (chain, actor, action, target) of the entries it wrote."""
        request_id = uuid4().hex
        answer = who.call(procedure, headers={"X-Request-Id": request_id}, **arguments)
        query = "select chain, actor, action, target from private.audit_log where request_id = %s order by sequence"
        return answer, self.db.owner.rows(query, request_id)


class TestWhatIsTold:
    def test_every_change_to_a_workspace(self, heard: Heard) -> None:
        owner, db = heard.owner, heard.db
        home, by = owner.workspace_id, owner.user_id
        staff = db.member(home, "staff")
        leaver = db.member(home, "staff")
        joiner = db.sign_up()
        here = {"workspace_id": owner.home}

        def entries(actor: Actor, procedure: str, **arguments: Any) -> list[tuple[Any, ...]]:
            answer, written = heard.after(actor, procedure, **arguments)
            assert answer["status"] < 300, answer
            return written

        assert entries(owner, "update_workspace", **here, changes={"name": "x"}) == [
            (home, by, "workspace.changed", owner.home)
        ]
        assert entries(owner, "set_logo", **here, logo=f"{home}/{uuid4()}.png") == [
            (home, by, "workspace.changed", owner.home)
        ]
        assert db.audit(home)[-1][3] == {"fields": ["logo"]}
        assert entries(owner, "create_role", **here, name="barista", permissions=["stock.move"]) == [
            (home, by, "role.created", "barista")
        ]
        assert entries(owner, "update_role", **here, name="barista", permissions=[]) == [
            (home, by, "role.changed", "barista")
        ]
        assert entries(owner, "delete_role", **here, name="barista") == [(home, by, "role.deleted", "barista")]
        assert entries(owner, "change_member", **here, user_id=staff.id, role="manager") == [
            (home, by, "member.changed", staff.id)
        ]
        assert entries(owner, "remove_member", **here, user_id=staff.id) == [(home, by, "member.removed", staff.id)]
        assert entries(leaver, "remove_member", **here, user_id=leaver.id) == [
            (home, leaver.user_id, "member.removed", leaver.id)
        ]
        code = uuid4().hex
        [(chain, actor, action, invite)] = entries(owner, "create_invite", **here, role="staff", code=code)
        assert (chain, actor, action) == (home, by, "invite.created")
        assert entries(joiner, "join_workspace", code=code) == [(home, joiner.user_id, "member.joined", joiner.id)]
        assert entries(owner, "revoke_invite", **here, invite_id=invite) == [(home, by, "invite.revoked", invite)]
        [(chain, actor, action, target)] = entries(owner, "create_workspace", name="Another")
        assert (chain, actor, action, target) == (UUID(target), by, "workspace.created", target)

    def test_detections_the_purge_and_what_happens_outside(self, heard: Heard) -> None:
        owner, db = heard.owner, heard.db
        home, by = owner.workspace_id, owner.user_id
        copied = db.member(home, "buyer")
        here = {"workspace_id": owner.home, "batch": False}
        outcome = {"detection": detection(items=[{"name": "Mug", "quantity": 2}])}
        answer, written = heard.after(db.service, "record_detections", caller=owner.id, outcomes=[outcome], **here)
        made = answer["body"]["detection_id"]
        assert written == [(home, by, "detection.created", made)]
        repeats = [{"repeats": made}]
        answer, written = heard.after(db.service, "record_detections", caller=owner.id, outcomes=repeats, **here)
        assert (answer["body"]["detection_id"], written) == (made, []), "one's own is given again"
        answer, written = heard.after(db.service, "record_detections", caller=copied.id, outcomes=repeats, **here)
        assert written == [(home, copied.user_id, "detection.repeated", answer["body"]["detection_id"])]
        items = [{"name": "Mug", "quantity": 3}]
        _, written = heard.after(owner, "correct_detection", detection_id=made, items=items)
        assert written == [(home, by, "detection.corrected", made)]
        assert db.audit(home)[-1][3] == {"detected": 2, "present": 3, "correct": 2}
        _, written = heard.after(db.service, "purge_expired")
        assert written == [(PLATFORM, None, "retention.obeyed", None)]
        _, written = heard.after(db.service, "append_audit", action="password.changed", actor=owner.id)
        assert written == [(PLATFORM, owner.user_id, "password.changed", None)]

    @pytest.mark.parametrize(
        ("procedure", "arguments"),
        [
            ("update_workspace", {"changes": {"name": "x"}}),
            ("set_logo", {"logo": None}),
            ("list_members", {}),
            ("change_member", {"user_id": str(uuid4()), "role": "staff"}),
            ("remove_member", {"user_id": str(uuid4())}),
            ("list_roles", {}),
            ("create_role", {"name": "mine", "permissions": []}),
            ("update_role", {"name": "mine"}),
            ("delete_role", {"name": "mine"}),
            ("create_invite", {"role": "staff", "code": uuid4().hex}),
            ("list_invites", {}),
            ("revoke_invite", {"invite_id": str(uuid4())}),
            ("list_audit", {}),
            ("verify_workspace_audit", {}),
            ("detection_accuracy", {}),
        ],
    )
    def test_every_denial(self, heard: Heard, procedure: str, arguments: dict[str, Any]) -> None:
        db, home = heard.db, heard.owner.workspace_id
        buyer, stranger = db.member(home, "buyer"), db.sign_up()
        answer, written = heard.after(buyer, procedure, workspace_id=home, **arguments)
        assert answer["status"] == 403
        assert written == [(home, buyer.user_id, "access.denied", str(home))]
        # A stranger's try is none of the workspace's business: its owner could tell that somebody guesses ids.
        answer, written = heard.after(stranger, procedure, workspace_id=home, **arguments)
        assert answer["status"] == 404
        assert written == [(PLATFORM, stranger.user_id, "access.denied", str(home))]

    def test_a_strangers_look_at_a_workspace(self, heard: Heard) -> None:
        owner, stranger = heard.owner, heard.db.sign_up()
        answer, written = heard.after(owner, "read_workspace", workspace_id=owner.home)
        assert (answer["status"], answer["body"]["id"], written) == (200, owner.home, [])
        for workspace in (owner.home, str(uuid4())):
            answer, written = heard.after(stranger, "read_workspace", workspace_id=workspace)
            assert answer["status"] == 404
            assert written == [(PLATFORM, stranger.user_id, "access.denied", workspace)]

    def test_a_denial_names_the_permission(self, heard: Heard) -> None:
        buyer = heard.db.member(heard.owner.workspace_id, "buyer")
        buyer.call("list_audit", workspace_id=heard.owner.home)
        assert heard.db.audit(heard.owner.workspace_id)[-1][3] == {"permission": "audit.read"}

    def test_granting_beyond_oneself_and_a_code_that_does_not_work(self, heard: Heard) -> None:
        admin = heard.db.member(heard.owner.workspace_id, "admin")
        home = heard.owner.workspace_id
        answer, written = heard.after(admin, "change_member", workspace_id=home, user_id=heard.owner.id, role="staff")
        assert answer["status"] == 403
        assert written == [(home, admin.user_id, "access.denied", "staff")]
        answer, written = heard.after(admin, "join_workspace", code="no such code")
        assert answer["status"] == 404
        assert written == [(PLATFORM, admin.user_id, "invite.denied", None)]

    def test_a_refusal_before_the_work_too(self, heard: Heard) -> None:
        buyer = heard.db.member(heard.owner.workspace_id, "buyer")
        answer, written = heard.after(
            heard.db.service, "begin_request", caller=buyer.id, permission="audit.read",
            workspace_id=heard.owner.home,
        )  # fmt: skip
        assert answer["refusal"]["status"] == 403
        assert written == [(heard.owner.workspace_id, buyer.user_id, "access.denied", heard.owner.home)]

    def test_what_is_rolled_back_is_not_told(self, heard: Heard) -> None:
        before = heard.db.audit(heard.owner.workspace_id)
        with heard.owner.transaction() as connection, connection.transaction(force_rollback=True):
            call(connection, "update_workspace", workspace_id=heard.owner.home, changes={"name": "y"})
        assert heard.db.audit(heard.owner.workspace_id) == before

    def test_only_names_of_fields_that_exist(self, heard: Heard) -> None:
        changes = {"name": "x", "tax_id": None, "somebody's secret " + "x" * 1000: 1}
        heard.owner.call("update_workspace", workspace_id=heard.owner.home, changes=changes)
        assert heard.db.audit(heard.owner.workspace_id)[-1][3] == {"fields": ["name", "tax_id"]}

    @pytest.mark.parametrize("odd", ["x" * 65, "Jane Doe, jane@doe.example", ""])
    def test_a_request_id_that_is_odd_is_left_out(self, heard: Heard, odd: str) -> None:
        headers = {"X-Request-Id": odd}
        heard.owner.call("update_workspace", headers=headers, workspace_id=heard.owner.home, changes={"name": "z"})
        assert heard.db.audit(heard.owner.workspace_id)[-1][4] is None


class TestReading:
    def test_pages_newest_first(self, db: Database, owner: Person) -> None:
        for number in range(5):
            owner.call("update_workspace", workspace_id=owner.home, changes={"name": str(number)})
        first = owner.call("list_audit", workspace_id=owner.home, page_size=4)["body"]
        rest = owner.call("list_audit", workspace_id=owner.home, page_size=4, before=first[-1]["sequence"])["body"]
        assert [entry["sequence"] for entry in first + rest] == [6, 5, 4, 3, 2, 1]
        assert rest[-1]["action"] == "workspace.created"

    def test_never_tells_of_other_chains(self, db: Database, owner: Person) -> None:
        db.sign_up().call("list_audit", workspace_id=owner.home)
        actions = [entry["action"] for entry in owner.call("list_audit", workspace_id=owner.home)["body"]]
        assert actions == ["workspace.created"]


@pytest.mark.parametrize("half", [{"sequence": 1}, {"hash": "0" * 64}])
def test_half_a_head_is_compared_with_nothing_and_refused(db: Database, half: dict[str, Any]) -> None:
    with pytest.raises(psycopg.Error) as caught:
        db.service.call("verify_audit_log", chain=uuid4(), **half)
    assert caught.value.sqlstate == "22023"
