"""Orders: what was agreed stays, moves are those of the table, and the payment state is what the money makes of it."""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg.types.json import Jsonb

from tests.database.acting import NOBODY, Database, Person, at_once
from tests.ordering import CUSTOMER, DEPOSIT, LINES, TIMELINE, TOTAL, create_order

Json = dict[str, Any]
REFUSED = "BR004"

STATES = (
    "draft awaiting_payment in_production quality_check ready_to_ship shipped delivered completed on_hold cancelled"
).split()
PAYMENTS: dict[str, tuple[int, int]] = {
    "unpaid": (0, 0),
    "deposit_paid": (DEPOSIT, 0),
    "paid": (TOTAL, 0),
    "partly_refunded": (TOTAL, 1000),
    "refunded": (TOTAL, TOTAL),
}

# Who may make each move, and with which payment states; written down from what the product says, not from the table.
# s: staff with orders.write, m: who makes it, b: the buyer. On hold, "held" is the state it was held in.
ANY = set(PAYMENTS)
DEPOSITED = {"deposit_paid", "paid", "partly_refunded"}
EXPECTED: dict[tuple[str, str], dict[str, set[str]]] = {
    ("draft", "awaiting_payment"): {"s": ANY},
    ("awaiting_payment", "in_production"): {"s": DEPOSITED, "m": DEPOSITED},
    ("in_production", "quality_check"): {"s": ANY, "m": ANY},
    ("quality_check", "in_production"): {"s": DEPOSITED, "m": DEPOSITED},
    ("quality_check", "ready_to_ship"): {"s": ANY, "m": ANY},
    ("ready_to_ship", "shipped"): {"s": {"paid"}, "m": {"paid"}},
    ("shipped", "delivered"): {"s": ANY},
    ("delivered", "completed"): {"s": ANY, "b": ANY},
    ("draft", "cancelled"): {"s": ANY, "b": {"unpaid"}},
    ("awaiting_payment", "cancelled"): {"s": ANY, "b": {"unpaid"}},
    ("in_production", "cancelled"): {"s": ANY},
    ("quality_check", "cancelled"): {"s": ANY},
    ("ready_to_ship", "cancelled"): {"s": ANY},
    ("on_hold", "cancelled"): {"s": ANY},
    ("awaiting_payment", "on_hold"): {"s": ANY},
    ("in_production", "on_hold"): {"s": ANY},
    ("quality_check", "on_hold"): {"s": ANY},
    ("ready_to_ship", "on_hold"): {"s": ANY},
    ("on_hold", "held"): {"s": ANY},
}
RESUMED = {"in_production": DEPOSITED}  # as into it the first time
HOLDABLE = ["awaiting_payment", "in_production", "quality_check", "ready_to_ship"]
LETTERS = {
    "owner": "s", "admin": "s", "manager": "s", "buyer": "b", "supplier": "m", "factory": "m",
    "staff": "", "readonly": "",
}  # fmt: skip
STRANGERS = ("inventory_manager", "designer", "another buyer", "another supplier", "stranger")


@dataclass
class Market:
    """A workspace, its people, and orders in any state."""

    db: Database
    owner: Person
    people: dict[str, Person] = field(default_factory=dict)

    def create(self, buyer: Person | None = None, **changes: Any) -> UUID:
        buyer_id = (buyer or self.people["buyer"]).user_id
        with self.db.owner.transaction() as connection:
            return create_order(connection, self.owner.workspace_id, **{"_buyer": buyer_id, **changes})

    def put(
        self, order: UUID, state: str, payment: str = "unpaid", maker: Person | None = None, held: str = ""
    ) -> None:
        """Into a state, past the trigger: by the way of the workflow it would have to be paid for."""
        received, refunded = PAYMENTS[payment]
        with self.db.superuser.transaction() as connection:
            connection.execute("set local session_replication_role = replica")
            connection.execute(
                """
                update public.orders set workflow_state = %s, held_from = %s, payment_state = %s, received_minor = %s,
                  refunded_minor = %s, assigned_to = %s where id = %s
                """,
                [state, held or None, payment, received, refunded, maker and maker.user_id, order],
            )

    def pay(self, order: UUID, received: int, refunded: int = 0) -> str:
        state: str = self.db.owner.value(
            "select (private.record_payment(%s, %s, %s)).payment_state", order, received, refunded
        )
        return state

    def of(self, order: UUID, columns: str) -> tuple[Any, ...]:
        ((*found,),) = self.db.owner.rows(f"select {columns} from public.orders where id = %s", order)  # noqa: S608
        return tuple(found)

    def state(self, order: UUID) -> str:
        return str(self.of(order, "workflow_state")[0])

    def history(self, order: UUID, kind: str = "workflow") -> list[tuple[Any, ...]]:
        return self.db.owner.rows(
            """
            select from_state, to_state, actor, reason from private.order_history
            where order_id = %s and kind = %s order by position
            """,
            order,
            kind,
        )

    def mails(self) -> list[tuple[str, Json]]:
        """Template and data of the workspace's mails, in order."""
        rows = self.db.owner.rows(
            """
            select m.template, m.data from private.email_messages as m join private.outbox as o on o.id = m.outbox_id
            where m.workspace_id = %s order by o.position
            """,
            self.owner.workspace_id,
        )
        return [(template, data) for template, data in rows]

    def move(self, person: Person, order: UUID, to: str | None, **more: Any) -> Json:
        answer: Json = person.call("transition_order", order_id=order, state=to, **more)
        return answer

    def move_at_once(self, order: UUID, wishes: list[str]) -> list[Json]:
        return at_once(len(wishes), lambda number: self.move(self.owner, order, wishes[number]))


@pytest.fixture(scope="module")
def crowd(db: Database) -> Market:
    """The people, made once; nobody is changed by an order."""
    owner = db.sign_up(name="Farah", workspace_name="Market")
    home = owner.workspace_id
    roles = "admin manager inventory_manager designer staff readonly buyer supplier factory".split()
    people = {role: db.member(home, role) for role in roles}
    people |= {"another buyer": db.member(home, "buyer"), "another supplier": db.member(home, "supplier")}
    return Market(db, owner, {"owner": owner, "stranger": db.sign_up(), **people})


@pytest.fixture
def market(crowd: Market) -> Market:
    db = crowd.db
    for table in ("private.outbox", "private.email_messages", "public.orders"):
        db.owner.rows(f"delete from {table} where workspace_id = %s", crowd.owner.workspace_id)  # noqa: S608
    db.owner.rows("delete from private.rate_limits")
    return crowd


def sqlstate(act: Callable[..., object], *arguments: object, **named: object) -> str | None:
    """How the database refuses; None where it doesn't."""
    try:
        act(*arguments, **named)
    except psycopg.Error as error:
        return error.sqlstate
    return None


def expected(state: str, to: str, held: str, payment: str) -> dict[str, set[str]]:
    """Who may make a move, each with the payment states it needs."""
    if state == "on_hold" and to == held:
        return {"s": RESUMED.get(held, ANY)}
    return EXPECTED.get((state, to), {})


class TestMoves:
    """Every pair of states, every actor, every payment state."""

    FROM: ClassVar = [(state, "") for state in STATES if state != "on_hold"] + [("on_hold", held) for held in HOLDABLE]

    @pytest.mark.parametrize(("state", "held"), FROM, ids=lambda value: value or "-")
    def test_are_made_by_those_who_may_when_it_is_paid_for(self, market: Market, state: str, held: str) -> None:
        order, asked, made = market.create(), 0, 0
        for payment, to, actor in itertools.product(PAYMENTS, STATES, LETTERS):
            maker = market.people[actor] if LETTERS[actor] == "m" else None
            market.put(order, state, payment, maker, held)
            may = expected(state, to, held, payment)
            letter = LETTERS[actor]
            if not letter:
                wanted: tuple[int, str | None] = (403, "permission_denied")
            elif letter in may and payment in may[letter]:
                wanted = (200, None)
            elif letter in may:
                wanted = (409, "already_paid" if may[letter] == {"unpaid"} else "payment_needed")
            elif may:
                wanted = (403, "permission_denied")
            else:
                wanted = (409, "move_not_allowed")
            with market.people[actor].transaction() as connection:
                row = connection.execute("select public.transition_order(%s, %s)", [order, to]).fetchone()
                assert row is not None
                answer = row[0]
                found = (answer["status"], answer.get("code"))
            assert found == wanted, (payment, to, actor)
            assert market.state(order) == (to if found[0] == 200 else state), (payment, to, actor)
            asked, made = asked + 1, made + (found[0] == 200)
        assert asked == 400
        assert made == sum(
            len(payments) * list(LETTERS.values()).count(letter)
            for to in STATES
            for letter, payments in expected(state, to, held, "").items()
        )

    @pytest.mark.parametrize("actor", STRANGERS)
    def test_whoever_may_not_see_the_order_is_told_that_there_is_none(self, market: Market, actor: str) -> None:
        order, person = market.create(), market.people[actor]
        market.put(order, "awaiting_payment", "paid", market.people["supplier"])
        for procedure, more in (
            ("read_order", {}),
            ("transition_order", {"state": "in_production"}),
            ("cancel_order", {}),
            ("assign_order", {"user_id": person.user_id}),
        ):
            theirs = person.call(procedure, order_id=order, **more)
            assert theirs == person.call(procedure, order_id=uuid4(), **more)
            assert theirs["status"] == 404
        assert market.state(order) == "awaiting_payment"

    def test_that_are_told_are_those_that_can_be_made(self, market: Market) -> None:
        order = market.create()
        for (state, held), payment, actor in itertools.product(self.FROM, PAYMENTS, ("owner", "buyer", "supplier")):
            market.put(order, state, payment, market.people["supplier"], held)
            told = market.people[actor].call("read_order", order_id=order)["body"]["moves"]
            letter = LETTERS[actor]
            wanted = [
                to for to in STATES if payment in expected(state, to, held, payment).get(letter, set())
            ]  # fmt: skip
            assert told == sorted(wanted), (state, held, payment, actor)

    def test_the_table_has_these_and_no_others(self, market: Market) -> None:
        wanted = {
            (state, to, letter)
            for state, held in self.FROM
            for to in STATES
            for letter in expected(state, to, held, "")
        }
        scopes = {"all": "s", "own": "b", "assigned": "m"}
        rows = market.db.owner.rows("select from_state, to_state, by from private.order_moves")
        assert {(state, to, scopes[by]) for state, to, by in rows} == wanted
        assert len(rows) == 30

    def test_a_custom_role_moves_only_what_its_scope_reaches(self, market: Market) -> None:
        db, home = market.db, market.owner.workspace_id
        role = db.owner.value(
            "insert into public.roles (workspace_id, name) values (%s, %s) returning id", home, f"r{uuid4().hex[:20]}"
        )
        db.owner.rows(
            """
            insert into public.role_permissions (role_id, permission, scope)
            values (%s, 'orders.read', 'all'), (%s, 'orders.write', 'own')
            """,
            role,
            role,
        )
        person = db.member(home, "readonly")
        db.owner.rows(
            "update public.members set role_id = %s where (workspace_id, user_id) = (%s, %s)",
            role,
            home,
            person.user_id,
        )
        theirs, others = market.create(person), market.create()
        assert market.move(person, others, "cancelled")["status"] == 403
        assert market.move(person, theirs, "cancelled")["status"] == 200

    def test_whoever_signed_out_moves_nothing(self, market: Market) -> None:
        order = market.create()
        person = market.db.member(market.owner.workspace_id, "manager")
        market.db.owner.rows("delete from auth.sessions where user_id = %s", person.user_id)
        assert market.move(person, order, "cancelled")["status"] == 401
        assert person.call("read_order", order_id=order)["status"] == 401

    def test_nothing_goes_to_what_is_no_state(self, market: Market) -> None:
        order = market.create()
        for to in ("", "lost", "Cancelled", None):
            assert market.move(market.owner, order, to)["code"] == "move_not_allowed"


class TestTheDatabaseItself:
    """As the owner of the table, by UPDATE."""

    @pytest.mark.parametrize("payment", PAYMENTS)
    def test_refuses_every_other_move(self, market: Market, payment: str) -> None:
        order, refused, done = market.create(), 0, 0
        for (state, held), to in itertools.product(TestMoves.FROM, STATES):
            if to == state:
                continue
            market.put(order, state, payment, None, held)
            may = any(payment in payments for payments in expected(state, to, held, payment).values())
            found = sqlstate(
                market.db.owner.rows, "update public.orders set workflow_state = %s where id = %s", to, order
            )
            assert found == (None if may else REFUSED), (state, held, to)
            assert market.state(order) == (to if may else state)
            refused, done = refused + (not may), done + may
        assert refused + done == 13 * 9
        assert refused > 80

    @pytest.mark.parametrize("role", ["superuser", "service"])
    def test_refuses_whoever_it_is(self, market: Market, role: str) -> None:
        order = market.create()
        actor = {"superuser": market.db.superuser, "service": market.db.service}[role]
        found = sqlstate(actor.rows, "update public.orders set workflow_state = 'shipped' where id = %s", order)
        assert found == (REFUSED if role == "superuser" else "42501")

    FROZEN: ClassVar = {
        "id": "gen_random_uuid()",
        "number": "'O-2026-99999'",
        "quote_id": "gen_random_uuid()",
        "summary": "'1 hoodie'",
        "currency": "'EUR'",
        "lines": "'[{\"kind\": \"item\", \"description\": \"a\", \"amount_minor\": 976000}]'",
        "subtotal_minor": "1",
        "total_minor": "total_minor + 1, balance_minor = balance_minor + 1",
        "deposit_minor": "deposit_minor + 1, balance_minor = balance_minor - 1",
        "balance_minor": "balance_minor + 1, deposit_minor = deposit_minor - 1",
        "terms": "'{}'",
        "tracking_token_hash": "sha256('a')",
        "created_at": "now() - interval '1 day'",
        "customer": "customer || '{\"email\": \"other@example.com\"}'",
        "payment_state": "'paid'",
        "received_minor": "976000",
        "refunded_minor": "1, received_minor = 1",
    }  # fmt: skip

    @pytest.mark.parametrize("column", FROZEN)
    def test_keeps_what_was_agreed(self, market: Market, column: str) -> None:
        order = market.create()
        before = market.of(order, "orders.*")
        update = f"update public.orders set {column} = {self.FROZEN[column]} where id = %s"  # noqa: S608
        assert sqlstate(market.db.owner.rows, update, order) == REFUSED
        assert market.of(order, "orders.*") == before

    def test_names_every_column_as_frozen_or_moving(self, market: Market) -> None:
        columns = market.db.owner.rows(
            """
            select attname::text from pg_attribute
            where attrelid = 'public.orders'::regclass and attnum > 0 and not attisdropped
            """
        )
        moving = {"workflow_state", "held_from", "assigned_to", "tracking", "expected_on", "updated_at", "revision"}
        assert {name for (name,) in columns} == set(self.FROZEN) | moving | {"workspace_id", "buyer_id"}

    def test_lets_an_order_change_neither_workspace_nor_buyer(self, market: Market) -> None:
        order, other = market.create(), market.people["another buyer"]
        stranger = market.people["stranger"]
        for column, value in (("workspace_id", stranger.workspace_id), ("buyer_id", other.user_id)):
            update = f"update public.orders set {column} = %s where id = %s"  # noqa: S608
            assert sqlstate(market.db.owner.rows, update, value, order) == REFUSED

    def test_lets_a_customer_be_forgotten(self, market: Market) -> None:
        order = market.create()
        forget = "update public.orders set customer = customer - '{email,name,company}'::text[], buyer_id = null"
        market.db.owner.rows(f"{forget} where id = %s", order)
        assert market.of(order, "customer, buyer_id") == ({"country": "US"}, None)
        mails = len(market.mails())
        assert market.move(market.owner, order, "cancelled")["status"] == 200
        assert len(market.mails()) == mails

    @pytest.mark.parametrize(
        "changes",
        [
            {"workflow_state": "in_production"},
            {"payment_state": "paid", "received_minor": TOTAL},
            {"received_minor": 1},
            {"customer": Jsonb({})},
        ],
        ids=lambda changes: "-".join(changes),
    )
    def test_begins_an_order_at_the_beginning(self, market: Market, changes: Json) -> None:
        order = market.create()
        row = market.db.owner.value("select to_jsonb(o) from public.orders as o where id = %s", order)
        row |= {"id": str(uuid4()), "number": "O-1", "quote_id": None, "tracking_token_hash": "\\x" + uuid4().hex * 2}
        insert = "insert into public.orders select * from jsonb_populate_record(null::public.orders, %s)"
        market.db.owner.rows(insert, Jsonb(row))
        changed = row | {name: getattr(value, "obj", value) for name, value in changes.items()}
        changed |= {"id": str(uuid4()), "number": "O-2", "tracking_token_hash": "\\x" + uuid4().hex * 2}
        assert sqlstate(market.db.owner.rows, insert, Jsonb(changed)) == REFUSED

    def test_keeps_history(self, market: Market) -> None:
        order = market.create()
        for statement in (
            "update private.order_history set to_state = 'paid'",
            "delete from private.order_history",
            "truncate private.order_history",
        ):
            assert sqlstate(market.db.owner.rows, statement) == "42501"
        market.db.owner.rows("delete from public.orders where id = %s", order)
        assert market.history(order) == []


class TestOnHold:
    @pytest.mark.parametrize("held", HOLDABLE)
    def test_goes_back_where_it_was_and_nowhere_else(self, market: Market, held: str) -> None:
        order = market.create()
        market.put(order, held, "paid")
        assert market.move(market.owner, order, "on_hold", reason="No cotton")["body"]["held_from"] == held
        for to in set(STATES) - {held, "cancelled"}:
            assert market.move(market.owner, order, to)["code"] == "move_not_allowed"
        answer = market.move(market.owner, order, held)
        assert (answer["body"]["workflow_state"], answer["body"]["held_from"]) == (held, None)

    def test_is_not_told_another_state_to_go_back_to(self, market: Market) -> None:
        order = market.create()
        market.move(market.owner, order, "on_hold")
        update = "update public.orders set held_from = 'ready_to_ship' where id = %s"
        market.db.owner.rows(update, order)
        assert market.of(order, "held_from") == ("awaiting_payment",)

    def test_does_not_go_on_producing_what_was_refunded(self, market: Market) -> None:
        order = market.create()
        market.pay(order, DEPOSIT)
        market.move(market.owner, order, "in_production")
        market.move(market.owner, order, "on_hold")
        market.pay(order, DEPOSIT, DEPOSIT)
        assert market.move(market.owner, order, "in_production")["code"] == "payment_needed"
        assert market.move(market.owner, order, "cancelled")["status"] == 200


class TestAtOnce:
    ROUNDS = 5

    def test_of_twenty_alike_one_moves(self, market: Market) -> None:
        for _ in range(self.ROUNDS):
            order = market.create()
            market.pay(order, DEPOSIT)
            answers = market.move_at_once(order, ["in_production"] * 20)
            assert sorted(answer["status"] for answer in answers) == [200] + [409] * 19
            assert [to for _, to, *_ in market.history(order)] == ["awaiting_payment", "in_production"]

    def test_of_a_cancelling_buyer_and_a_payment_both_are_never_had(self, market: Market) -> None:
        """A buyer cancels while nothing is paid: what was paid before that keeps the order."""
        buyer, outcomes = market.people["buyer"], set()
        for _ in range(self.ROUNDS * 2):
            order = market.create()

            def act(number: int, order: UUID = order) -> Any:
                return market.pay(order, DEPOSIT) if number else buyer.call("cancel_order", order_id=order)["status"]

            status, payment = at_once(2, act)
            assert payment == "deposit_paid"
            state, history = market.state(order), market.history(order)
            assert (status, state) in ((200, "cancelled"), (409, "awaiting_payment"))
            assert len(history) == (2 if status == 200 else 1)
            outcomes.add(status)
        assert outcomes <= {200, 409}

    def test_twenty_different_moves_leave_one_unbroken_path(self, market: Market) -> None:
        for _ in range(self.ROUNDS):
            order = market.create()
            market.pay(order, TOTAL)
            wishes = ["in_production", "on_hold", "cancelled", "quality_check", "ready_to_ship"] * 4
            market.move_at_once(order, wishes)
            path = market.history(order)
            assert [step[1] for step in path[:-1]] == [step[0] for step in path[1:]]
            assert path[-1][1] == market.state(order)
            assert len(market.mails()) == len(path)
            market.db.owner.rows("delete from private.email_messages")

    def test_numbers_have_no_gaps(self, market: Market) -> None:
        def make(number: int) -> None:
            lines = LINES if number % 3 else [{**LINES[0], "amount_minor": 1}]  # every third is refused
            sqlstate(market.create, _lines=Jsonb(lines))

        market.db.owner.rows("delete from private.number_counters where workspace_id = %s", market.owner.workspace_id)
        at_once(30, make)
        rows = market.db.owner.rows(
            "select number from public.orders where workspace_id = %s order by number", market.owner.workspace_id
        )
        year = market.db.owner.value("select extract(year from now() at time zone 'UTC')::int")
        assert [number for (number,) in rows] == [f"O-{year}-{n:05d}" for n in range(1, 21)]


class TestCreating:
    def test_freezes_what_was_agreed_and_tells_the_customer(self, market: Market) -> None:
        quote, token = uuid4(), uuid4().hex
        order = market.create(_quote=quote, _tracking_token=token)
        assert market.of(order, "quote_id, workflow_state, payment_state, balance_minor, lines") == (
            quote, "awaiting_payment", "unpaid", TOTAL - DEPOSIT, LINES,
        )  # fmt: skip
        assert market.history(order) == [(None, "awaiting_payment", market.people["buyer"].user_id, None)]
        ((template, data),) = market.mails()
        number = market.of(order, "number")[0]
        usd = {"currency": "USD"}
        assert (template, data) == (
            "order-confirmation",
            {
                "number": number,
                "recipient_name": "Maya Lindqvist",
                "expected_on": "2027-03-05",
                "items": [
                    {
                        "description": "Heavyweight hoodie, black",
                        "detail": "3-colour front print",
                        "quantity": "500",
                        "unit": "pcs",
                        "unit_price": {"amount_minor": 1925, **usd},
                        "amount": {"amount_minor": 962500, **usd},
                    }
                ],
                "fees": [{"description": "Screen set-up, 3 colours", "amount": {"amount_minor": 13500, **usd}}],
                "subtotal": {"amount_minor": 962500, **usd},
                "total": {"amount_minor": TOTAL, **usd},
                "due": {"amount_minor": DEPOSIT, **usd},
            },
        )
        action, actor, target, details, _ = market.db.audit(market.owner.workspace_id)[-1]
        assert (action, actor, target) == ("order.created", market.people["buyer"].user_id, str(order))
        assert details == {"number": number, "quote": str(quote)}

    def test_makes_one_order_of_a_quote(self, market: Market) -> None:
        quote = uuid4()
        market.create(_quote=quote)
        assert sqlstate(market.create, _quote=quote) == "23505"
        assert len(market.mails()) == 1

    @pytest.mark.parametrize(
        "changes",
        [
            {"_total_minor": TOTAL + 1},
            {"_deposit_minor": TOTAL + 1},
            {"_deposit_minor": -1},
            {"_lines": Jsonb([])},
            {"_lines": Jsonb([{**LINES[0], "amount_minor": "976000x"}])},
            {"_lines": Jsonb([{**LINES[1], "amount_minor": TOTAL}])},
            {"_lines": Jsonb([{**LINES[0], "amount_minor": TOTAL, "description": "a\nb"}])},
            {"_lines": Jsonb([{**LINES[0], "amount_minor": TOTAL, "quantity": "NaN"}])},
            {"_lines": Jsonb([LINES[0], *[{**LINES[1], "amount_minor": 500}] * 27])},
            {"_customer": Jsonb({"name": "Nobody"})},
            {"_customer": Jsonb({**CUSTOMER, "phone": "1"})},
            {"_customer": Jsonb({**CUSTOMER, "name": 7})},
            {"_summary": "\u202egnp.exe"},
            {"_summary": " \u200b"},
            {"_currency": "usd"},
            {"_tracking_token": "short"},
            {"_tracking_token": None},
            {"_expected_on": "2500-01-01"},
        ],
        ids=lambda changes: "-".join(changes),
    )
    def test_takes_nothing_that_does_not_add_up(self, market: Market, changes: Json) -> None:
        assert sqlstate(market.create, **changes) is not None
        assert (
            market.db.owner.value("select count(*) from public.orders where workspace_id = %s", market.owner.home) == 0
        )
        assert market.mails() == []

    def test_a_name_no_mail_can_show_does_not_fail_the_order(self, market: Market) -> None:
        market.create(_customer=Jsonb({**CUSTOMER, "name": "\u202eevil\n" + "x" * 300}))
        assert market.mails()[0][1]["recipient_name"] == "evil " + "x" * 115

    def test_a_guest_may_order(self, market: Market) -> None:
        order = market.create(_buyer=None)
        assert market.of(order, "buyer_id") == (None,)
        assert market.history(order)[0][2] is None


class TestPayment:
    def test_follows_from_the_sums(self, market: Market) -> None:
        order = market.create()
        steps = [
            ((DEPOSIT - 1, 0), "unpaid"),
            ((DEPOSIT, 0), "deposit_paid"),
            ((TOTAL - 1, 0), "deposit_paid"),
            ((TOTAL, 0), "paid"),
            ((TOTAL, 1), "partly_refunded"),
            ((TOTAL + 1, 1), "partly_refunded"),
            ((TOTAL + 1, TOTAL + 1), "refunded"),
            ((2 * TOTAL, TOTAL + 1), "refunded"),
        ]
        for (received, refunded), state in steps:
            assert market.pay(order, received, refunded) == state
            assert market.pay(order, received, refunded) == state
            assert market.of(order, "received_minor, refunded_minor") == (received, refunded)
        path = [(before, after) for before, after, *_ in market.history(order, "payment")]
        assert path == [
            ("unpaid", "deposit_paid"),
            ("deposit_paid", "paid"),
            ("paid", "partly_refunded"),
            ("partly_refunded", "refunded"),
        ]
        assert market.state(order) == "awaiting_payment"

    def test_comes_to_the_same_in_any_order_however_often_it_is_told(self, market: Market) -> None:
        told = [(DEPOSIT, 0), (TOTAL, 0), (TOTAL, 1000), (TOTAL, TOTAL)]
        for order_of_news in itertools.permutations(told):
            order, ranks = market.create(), [0]
            for news in order_of_news:
                for _ in range(2):
                    ranks.append(list(PAYMENTS).index(market.pay(order, *news)))
            assert ranks == sorted(ranks)
            assert market.of(order, "payment_state, received_minor, refunded_minor") == ("refunded", TOTAL, TOTAL)

    def test_never_goes_back_whatever_is_told(self, market: Market) -> None:
        chance = random.Random(7)
        for _ in range(20):
            order, rank, received, refunded = market.create(), 0, 0, 0
            for _ in range(12):
                news = chance.choice([0, 1, DEPOSIT, TOTAL, TOTAL + 5])
                back = chance.choice([0, 0, 1, DEPOSIT, TOTAL])
                if max(refunded, back) > max(received, news):
                    assert sqlstate(market.pay, order, news, back) == "23514"
                    continue
                received, refunded = max(received, news), max(refunded, back)
                now = list(PAYMENTS).index(market.pay(order, news, back))
                assert now >= rank
                rank = now
            assert market.of(order, "received_minor, refunded_minor") == (received, refunded)

    def test_twenty_at_once_are_counted_once(self, market: Market) -> None:
        for _ in range(5):
            order = market.create()

            def pay(number: int, order: UUID = order) -> str:
                return market.pay(order, TOTAL if number % 2 else DEPOSIT)

            states = at_once(20, pay)
            assert set(states) <= {"deposit_paid", "paid"}
            assert market.of(order, "payment_state, received_minor") == ("paid", TOTAL)
            assert len(market.history(order, "payment")) in (1, 2)

    def test_of_an_order_without_a_deposit_begins_unpaid(self, market: Market) -> None:
        order = market.create(_deposit_minor=0)
        assert market.of(order, "payment_state") == ("unpaid",)
        assert market.move(market.owner, order, "in_production")["status"] == 200
        assert market.pay(order, 1) == "deposit_paid"

    def test_given_back_in_part_has_to_come_again_before_it_is_shipped(self, market: Market) -> None:
        order = market.create()
        market.pay(order, TOTAL, 1000)
        for to in ("in_production", "quality_check", "ready_to_ship"):
            assert market.move(market.owner, order, to)["status"] == 200
        assert market.move(market.owner, order, "shipped")["code"] == "payment_needed"
        market.pay(order, TOTAL + 1000, 1000)
        assert market.move(market.owner, order, "shipped")["status"] == 200

    def test_of_a_deposit_given_back_in_part_begins_no_production(self, market: Market) -> None:
        order = market.create()
        market.pay(order, DEPOSIT, 1)
        assert market.move(market.owner, order, "in_production")["code"] == "payment_needed"
        market.pay(order, DEPOSIT + 1, 1)
        assert market.move(market.owner, order, "in_production")["status"] == 200

    def test_goes_on_after_the_order_was_cancelled(self, market: Market) -> None:
        order = market.create()
        market.pay(order, DEPOSIT)
        market.move(market.owner, order, "cancelled")
        assert market.pay(order, DEPOSIT, DEPOSIT) == "refunded"
        assert market.state(order) == "cancelled"

    def test_is_written_down(self, market: Market) -> None:
        order = market.create()
        market.db.owner.rows(
            "select private.record_payment(%s, %s, 0, %s, 'by card')", order, DEPOSIT, market.owner.user_id
        )
        assert market.history(order, "payment") == [("unpaid", "deposit_paid", market.owner.user_id, "by card")]
        action, actor, target, details, _ = market.db.audit(market.owner.workspace_id)[-1]
        assert (action, actor, target) == ("order.payment", market.owner.user_id, str(order))
        assert details == {"received_minor": DEPOSIT, "refunded_minor": 0, "state": "deposit_paid"}

    def test_of_no_order_fails(self, market: Market) -> None:
        assert sqlstate(market.pay, NOBODY, 1) == "P0002"


class TestTelling:
    def test_each_move_is_mailed_in_order_and_written_down(self, market: Market) -> None:
        order, owner = market.create(), market.owner
        market.pay(order, TOTAL)
        parcel = {"carrier": "DHL", "number": "JD01 4600", "link": "https://example.com/t/1"}
        path = ["in_production", "on_hold", "in_production", "quality_check", "ready_to_ship"]
        for to in path:
            assert (
                market.move(owner, order, to, reason="No cotton\nthis week" if to == "on_hold" else None)["status"]
                == 200
            )
        answer = market.move(owner, order, "shipped", tracking=parcel)
        assert answer["body"]["tracking"] == parcel
        mails = [data for template, data in market.mails() if template == "order-status"]
        assert [data["status"] for data in mails] == [*path, "shipped"]
        assert mails[1]["reason"] == "No cotton\nthis week"
        assert mails[-1]["tracking"] == parcel
        assert all("tracking" not in data for data in mails[:-1])
        keys = market.db.owner.rows(
            "select distinct ordering_key from private.outbox where workspace_id = %s", owner.workspace_id
        )
        assert keys == [(f"{owner.home}:order {order}",)]
        steps = ["awaiting_payment", *path, "shipped"]
        assert [(a, b) for a, b, *_ in market.history(order)] == list(zip([None, *steps[:-1]], steps, strict=True))
        moves = [row for row in market.db.audit(owner.workspace_id) if row[0] == "order.moved" and row[2] == str(order)]
        assert [row[3]["to"] for row in moves] == steps[1:]
        assert {row[1] for row in moves} == {owner.user_id}

    def test_a_move_undone_tells_nobody(self, market: Market) -> None:
        order = market.create()
        before = (market.mails(), market.history(order), market.of(order, "orders.*"))
        with market.owner.transaction() as connection, connection.transaction(force_rollback=True):
            row = connection.execute("select public.transition_order(%s, 'cancelled') -> 'status'", [order]).fetchone()
        assert row == (200,)
        assert (market.mails(), market.history(order), market.of(order, "orders.*")) == before

    @pytest.mark.parametrize("reason", ["", " ", "x" * 501, "\u202ecba", "a\x07", "\u2060"])
    def test_a_reason_is_something_one_can_read(self, market: Market, reason: str) -> None:
        order = market.create()
        assert market.move(market.owner, order, "cancelled", reason=reason)["code"] == "invalid_reason"

    @pytest.mark.parametrize(
        ("to", "tracking"),
        [
            ("shipped", {}),
            ("shipped", {"carrier": "DHL"}),
            ("shipped", {"carrier": "DHL", "number": "1", "link": "javascript:alert(1)"}),
            ("shipped", {"carrier": "DHL", "number": "1", "link": "http://example.com"}),
            ("shipped", {"carrier": "DHL", "number": "1", "price": "1"}),
            ("shipped", {"carrier": "D\nL", "number": "1"}),
            ("shipped", []),
            ("cancelled", {"carrier": "DHL", "number": "1"}),
        ],
    )
    def test_tracking_is_a_parcel_that_leaves(self, market: Market, to: str, tracking: Any) -> None:
        order = market.create()
        market.put(order, "ready_to_ship", "paid")
        answer = market.owner.call("transition_order", order_id=order, state=to, tracking=Jsonb(tracking))
        assert answer["code"] == "invalid_tracking"

    def test_a_move_that_is_others_is_audited(self, market: Market) -> None:
        order, buyer = market.create(), market.people["buyer"]
        market.put(order, "in_production", "paid")
        assert market.move(buyer, order, "cancelled")["status"] == 403
        action, actor, target, *_ = market.db.audit(market.owner.workspace_id)[-1]
        assert (action, actor, target) == ("access.denied", buyer.user_id, str(order))


class TestAssigning:
    def test_shows_the_order_to_who_makes_it_without_prices_and_customer(self, market: Market) -> None:
        order, supplier = market.create(), market.people["supplier"]
        assert supplier.call("read_order", order_id=order)["status"] == 404
        given = market.owner.call("assign_order", order_id=order, user_id=supplier.user_id)
        assert given["body"]["assigned_to"] == supplier.id
        seen = supplier.call("read_order", order_id=order)["body"]
        assert seen["lines"] == [
            {
                "kind": "item",
                "description": "Heavyweight hoodie, black",
                "detail": "3-colour front print",
                "quantity": "500",
                "unit": "pcs",
                "unit_price": None,
                "amount": None,
            }
        ]
        told = json.dumps([seen, supplier.call("list_orders")["body"]])
        for secret in ("minor", "USD", "maya", "Maya", "Lindqvist", "FOB", market.people["buyer"].id, market.owner.id):
            assert secret not in told

    def test_the_buyer_is_not_told_who_makes_it_nor_who_moves_it(self, market: Market) -> None:
        order, buyer = market.create(), market.people["buyer"]
        market.owner.call("assign_order", order_id=order, user_id=market.people["factory"].user_id)
        market.move(market.owner, order, "on_hold")
        told = json.dumps([buyer.call("read_order", order_id=order)["body"], buyer.call("list_orders")["body"]])
        assert market.people["factory"].id not in told
        assert market.owner.id not in told
        assert "maya@example.com" in told
        assert "rule" not in told

    @pytest.mark.parametrize("role", ["owner", "staff", "buyer", "designer", "stranger"])
    def test_is_only_to_suppliers_and_factories_of_the_workspace(self, market: Market, role: str) -> None:
        order = market.create()
        person = market.people[role]
        assert market.owner.call("assign_order", order_id=order, user_id=person.user_id)["code"] == "not_assignable"

    @pytest.mark.parametrize(
        ("role", "status"), [("owner", 200), ("manager", 200), ("staff", 403), ("buyer", 403), ("supplier", 403)]
    )
    def test_is_the_staff_s(self, market: Market, role: str, status: int) -> None:
        order, factory = market.create(), market.people["factory"]
        market.put(order, "awaiting_payment", maker=market.people["supplier"])
        answer = market.people[role].call("assign_order", order_id=order, user_id=factory.user_id)
        assert answer["status"] == status

    def test_can_be_taken_back(self, market: Market) -> None:
        order, supplier = market.create(), market.people["supplier"]
        market.owner.call("assign_order", order_id=order, user_id=supplier.user_id)
        assert market.owner.call("assign_order", order_id=order, user_id=None)["body"]["assigned_to"] is None
        assert supplier.call("read_order", order_id=order)["status"] == 404

    @pytest.mark.parametrize("state", ["completed", "cancelled"])
    def test_ends_with_the_order(self, market: Market, state: str) -> None:
        order = market.create()
        market.put(order, state)
        answer = market.owner.call("assign_order", order_id=order, user_id=market.people["supplier"].user_id)
        assert answer["code"] == "order_ended"

    def test_whoever_left_sees_it_no_more(self, market: Market) -> None:
        order, supplier = market.create(), market.db.member(market.owner.workspace_id, "supplier")
        market.owner.call("assign_order", order_id=order, user_id=supplier.user_id)
        assert supplier.call("read_order", order_id=order)["status"] == 200
        market.db.owner.rows(
            "delete from public.members where (workspace_id, user_id) = (%s, %s)",
            market.owner.workspace_id,
            supplier.user_id,
        )
        assert supplier.call("read_order", order_id=order)["status"] == 404
        assert supplier.rows("select id from public.orders") == []


class TestSeeing:
    @pytest.fixture
    def orders(self, market: Market) -> dict[str, UUID]:
        made = {"bought": market.create(), "made": market.create(market.people["another buyer"])}
        market.owner.call("assign_order", order_id=made["made"], user_id=market.people["supplier"].user_id)
        return made

    SEEN: ClassVar = {
        "owner": {"bought", "made"}, "manager": {"bought", "made"}, "staff": {"bought", "made"},
        "readonly": {"bought", "made"}, "buyer": {"bought"}, "another buyer": {"made"}, "supplier": {"made"},
        "factory": set(), "designer": None, "inventory_manager": None, "stranger": None,
    }  # fmt: skip

    @pytest.mark.parametrize("actor", SEEN)
    def test_what_is_theirs(self, market: Market, orders: dict[str, UUID], actor: str) -> None:
        person, wanted = market.people[actor], self.SEEN[actor]
        listed = person.call("list_orders", workspace_id=market.owner.workspace_id)
        if wanted is None:
            assert listed["status"] == (404 if actor == "stranger" else 403)
        else:
            assert {row["id"] for row in listed["body"]} == {str(orders[name]) for name in wanted}
        selected = {row[0] for row in person.rows("select id from public.orders")}
        assert selected == {orders[name] for name in wanted or ()}
        for name, order in orders.items():
            assert person.call("read_order", order_id=order)["status"] == (200 if name in (wanted or ()) else 404)

    @pytest.mark.parametrize("column", ["*", "total_minor", "customer", "lines", "assigned_to", "tracking_token_hash"])
    def test_a_select_tells_no_prices_nor_people(self, market: Market, orders: dict[str, UUID], column: str) -> None:
        for actor in ("owner", "buyer", "supplier"):
            query = f"select {column} from public.orders"  # noqa: S608
            assert sqlstate(market.people[actor].rows, query) == "42501"

    def test_page_by_page_and_filtered(self, market: Market) -> None:
        made = [market.create() for _ in range(7)]
        market.pay(made[2], DEPOSIT)
        market.move(market.owner, made[4], "cancelled")
        found: list[str] = []
        after = None
        while rows := market.owner.call("list_orders", after=after, page_size=3)["body"]:
            found += [row["id"] for row in rows]
            after = rows[-1]["id"]
        assert found == [str(order) for order in reversed(made)]
        cases: list[tuple[Json, list[UUID]]] = [
            ({"payment_state": "deposit_paid"}, [made[2]]),
            ({"workflow_state": "cancelled"}, [made[4]]),
            ({"workflow_state": "cancelled", "payment_state": "paid"}, []),
        ]
        for filters, wanted in cases:
            rows = market.owner.call("list_orders", **filters)["body"]
            assert [row["id"] for row in rows] == [str(order) for order in wanted]

    def test_a_platform_admin_sees_all(self, market: Market, orders: dict[str, UUID]) -> None:
        admin = market.db.sign_up()
        market.db.owner.rows("insert into public.platform_admins (user_id) values (%s)", admin.user_id)
        assert len(admin.call("list_orders", workspace_id=market.owner.workspace_id)["body"]) == 2
        assert admin.call("read_order", order_id=orders["bought"])["status"] == 200
        assert admin.call("read_order", order_id=uuid4())["status"] == 404


class TestTracking:
    def test_tells_how_far_it_is_and_nothing_else(self, market: Market) -> None:
        token = uuid4().hex
        order = market.create(_tracking_token=token)
        market.move(market.owner, order, "on_hold", reason="Maya asked for it")
        told = market.db.service.call("track_order", token=token)["body"]
        assert set(told) == {"number", "workflow_state", "expected_on", "timeline", "tracking", "history"}
        assert (told["workflow_state"], told["expected_on"]) == ("on_hold", "2027-03-05")
        assert told["timeline"] == TIMELINE
        assert [(set(step), step["state"]) for step in told["history"]] == [
            ({"at", "state"}, "awaiting_payment"),
            ({"at", "state"}, "on_hold"),
        ]
        for secret in ("Maya", "maya", "Lindqvist", "hoodie", "minor", "USD", str(order), market.owner.id):
            assert secret not in json.dumps(told)

    def test_knows_no_other_token(self, market: Market) -> None:
        token = uuid4().hex
        market.create(_tracking_token=token)
        for other in ("", token[:-1], token.upper() + "A", uuid4().hex):
            assert market.db.service.call("track_order", token=other)["status"] == 404

    def test_the_token_itself_is_nowhere(self, market: Market) -> None:
        token = uuid4().hex
        order = market.create(_tracking_token=token)
        row = market.db.owner.value("select to_jsonb(o)::text from public.orders as o where id = %s", order)
        assert token not in row
        assert token not in json.dumps(market.mails())

    def test_people_ask_our_function(self, market: Market) -> None:
        for person in (market.owner, market.db.anon):
            assert sqlstate(person.call, "track_order", token="a") == "42501"
