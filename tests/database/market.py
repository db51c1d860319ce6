"""A workspace whose orders are put, moved and paid for in SQL."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import psycopg

from tests.database.acting import Database, Person, at_once
from tests.database.workflow import PAYMENTS
from tests.ordering import create_order

Json = dict[str, Any]


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


def sqlstate(act: Callable[..., object], *arguments: object, **named: object) -> str | None:
    """How the database refuses; None where it doesn't."""
    try:
        act(*arguments, **named)
    except psycopg.Error as error:
        return error.sqlstate
    return None
