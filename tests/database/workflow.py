"""An order's workflow as the product describes it: states, payment states, and who may make which move."""

from __future__ import annotations

from tests.ordering import DEPOSIT, TOTAL

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
# Each state to move from, with the state it was held in.
FROM = [(state, "") for state in STATES if state != "on_hold"] + [("on_hold", held) for held in HOLDABLE]


def expected(state: str, to: str, held: str, payment: str) -> dict[str, set[str]]:
    """Who may make a move, each with the payment states it needs."""
    if state == "on_hold" and to == held:
        return {"s": RESUMED.get(held, ANY)}
    return EXPECTED.get((state, to), {})
