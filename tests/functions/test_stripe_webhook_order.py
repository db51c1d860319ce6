"""Whatever Stripe tells, whenever, however often and in whatever order: it comes to the same, Stripe's own."""

from __future__ import annotations

import itertools
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from random import Random
from typing import Any
from uuid import UUID, uuid4

import pytest

from local.stripe import Slow
from tests.functions.conftest import together
from tests.functions.paying import PAYMENTS, Till
from tests.ordering import DEPOSIT, TOTAL

Json = dict[str, Any]
STATES = ["unpaid", "deposit_paid", "paid", "partly_refunded", "refunded"]
ASKS, DECLINED, BANK = "pm_card_authenticationRequired", "pm_card_visa_chargeDeclined", "pm_usBankAccount"
# Of all that Stripe tells what says something new; the rest is told in order only.
KINDS = {
    *(
        f"payment_intent.{name}"
        for name in ("processing", "requires_action", "succeeded", "payment_failed", "canceled")
    ),
    *("charge.refunded", "refund.failed", "charge.dispute.created", "charge.dispute.closed"),
}


class History:
    """What happens at Stripe to the payments of an order: for the same seed the same, but for ids."""

    def __init__(self, till: Till, seed: int) -> None:
        self.till, self.stripe, self.chance = till, till.stripe, Random(seed)
        till.begin()
        self.order = till.order()
        self.left: dict[str, int] = {}
        self.came_back = False

    def steps(self) -> Iterator[bool]:
        """Makes it happen, step by step. True: what happened last must be heard before it goes on."""
        if self.chance.random() < 0.3:
            deposit = yield from self.attempts("deposit")
            yield from self.pays(deposit, DEPOSIT)
            balance = yield from self.attempts("balance")
            yield from self.refunds(deposit)
            yield from self.pays(balance, TOTAL - DEPOSIT)
        else:
            yield from self.pays((yield from self.attempts("full")), TOTAL)
        for intent in self.left:
            yield from self.refunds(intent)
            yield from self.disputes(intent)
        refunds = self.stripe.all("refund")
        if refunds and self.chance.random() < 0.4:
            self.stripe.fail_refund(self.chance.choice(refunds)["id"])
            self.came_back = True
            yield False

    def attempts(self, instalment: str) -> Generator[bool, None, str]:
        """An intent that wasn't paid at once. Returns it."""
        intent = self.till.started(self.order, instalment)
        yield False
        for _ in range(self.chance.choice([0, 0, 1])):
            match self.chance.randrange(4):
                case 0:
                    self.stripe.pay(intent, DECLINED)
                case 1:
                    self.stripe.pay(intent, ASKS)
                    yield False
                    self.stripe.authenticate(intent, ok=False)
                case 2:
                    self.stripe.pay(intent, BANK)
                    yield False
                    self.stripe.settle(intent, ok=False)
                case _:
                    cancelled = self.till.api("POST", f"{PAYMENTS}/{intent}/cancel", token=self.till.buyer.token)
                    assert cancelled.json["status"] == "canceled"
                    yield False
                    intent = self.till.started(self.order, instalment)
            yield False
        return intent

    def pays(self, intent: str, amount: int) -> Iterator[bool]:
        match self.chance.randrange(3):
            case 0:
                self.stripe.pay(intent)
            case 1:
                self.stripe.pay(intent, ASKS)
                yield False
                self.stripe.authenticate(intent)
            case _:
                self.stripe.pay(intent, BANK)
                yield False
                self.stripe.settle(intent, ok=True)
        self.left[intent] = amount
        yield True

    def refunds(self, intent: str) -> Iterator[bool]:
        for _ in range(self.chance.choice([0, 0, 1, 2])):
            if not self.left[intent]:
                return
            amount = self.chance.choice([self.left[intent], 1 + self.left[intent] // 3])
            self.left[intent] -= amount
            if self.chance.random() < 0.5:
                assert self.till.refund(intent, amount_minor=amount).status == 201
            else:
                self.till.by_hand("refunds", payment_intent=intent, amount=amount)
            yield False

    def disputes(self, intent: str) -> Iterator[bool]:
        if self.left[intent] and self.chance.random() < 0.4:
            dispute = self.stripe.dispute(intent)["id"]
            yield False
            if self.chance.random() < 0.8:
                self.stripe.close_dispute(dispute, won=self.chance.random() < 0.5)
                yield False


def outcome(till: Till, order: UUID) -> Json:
    """All that an order's payments came to, but for ids and times."""
    kept = ("instalment", "amount_minor", "status", "received_minor", "refunded_minor", "failure", "reason")

    def seen(thing: Json) -> Json:
        parts = {name: [seen(each) for each in thing.get(name, [])] for name in ("refunds", "disputes")}
        return {name: thing[name] for name in kept if name in thing} | parts

    return {"state": till.state(order), "payments": [seen(each) for each in till.payments(order)]}


def hold(till: Till, order: UUID) -> Json:
    """Our books are Stripe's, and each payment was told the customer once. Returns what it came to."""
    came_to = outcome(till, order)
    books = till.books(order)
    assert till.state(order)[1:] == (books.received, books.refunded)
    intents = [each for each in till.stripe.all("payment_intent") if each["metadata"]["order"] == str(order)]
    paid = [each for each in intents if each["status"] == "succeeded"]
    assert till.mails(order).count("payment-received") == len(paid)
    assert Counter(each["status"] for each in intents) == Counter(each["status"] for each in came_to["payments"])
    return came_to


@cache
def in_order(till: Till, seed: int) -> tuple[Json, set[str]]:
    """What a history comes to when each step is told at once and once; and which kinds of events that were."""
    history = History(till, seed)
    for _ in history.steps():
        till.hear()
    return hold(till, history.order), {event["type"] for event in till.stripe.all("event")}


class Watch:
    """Tells of what happened, and looks at the order's payment state each time."""

    def __init__(self, till: Till, order: UUID) -> None:
        self.till, self.order, self.seen = till, order, "unpaid"

    def tell(self, *events: Json, came_back: bool = False) -> None:
        """All of these at once. `came_back`: a refund did, so that the state may too."""
        calls = [partial(self.till.tell, event) for event in events]
        answers = together(*calls) if len(calls) > 1 else [calls[0]()]
        assert {answer.status for answer in answers} == {200}, [answer.body for answer in answers]
        state = self.till.state(self.order)[0]
        if not came_back:
            # Only the next instalment makes less of "refunded", and never "paid".
            least = "partly_refunded" if self.seen == "refunded" else self.seen
            assert STATES.index(state) >= STATES.index(least), (self.seen, state)
        self.seen = state


def at_random(till: Till, seed: int, chance: Random) -> Json:
    """What the same history comes to when it is told anyhow, while it happens and after."""
    history = History(till, seed)
    watch = Watch(till, history.order)
    for must_be_heard in history.steps():
        happened = [event for event in till.stripe.all("event") if event["type"] in KINDS]
        told = chance.sample(happened, min(len(happened), chance.choice([0, 0, 0, 1])))
        for event in [*told, *happened[-1:]] if must_be_heard else told:
            watch.tell(event, came_back=history.came_back)
    left = [*happened, *chance.choices(happened, k=2)]
    chance.shuffle(left)
    while left:
        both = [left.pop() for _ in range(min(len(left), chance.choice([1, 1, 2])))]
        watch.tell(*both, came_back=history.came_back)
    return hold(till, history.order)


class TestOrder:
    @pytest.mark.parametrize(
        "order", list(itertools.permutations(range(4))), ids=lambda order: "".join(map(str, order))
    )
    def test_of_four_events_is_all_the_same(self, till: Till, order: tuple[int, ...]) -> None:
        of = till.order()
        intent = till.started(of, "full")
        till.stripe.pay(intent, BANK)
        till.stripe.settle(intent, ok=False)
        till.stripe.pay(intent)
        till.by_hand("refunds", payment_intent=intent)
        types = ["payment_intent.processing", "payment_intent.payment_failed", "payment_intent.succeeded"]
        events = {event["type"]: event for event in till.stripe.all("event")}
        told = [events[type_] for type_ in [*types, "charge.refunded"]]
        watch = Watch(till, of)
        for place in (*order, *order):
            watch.tell(told[place])
            assert watch.seen == "refunded"
        assert till.state(of) == ("refunded", TOTAL, TOTAL)
        hold(till, of)

    @pytest.mark.parametrize("history", range(20))
    def test_of_anything_is_all_the_same(self, till: Till, history: int) -> None:
        expected = in_order(till, history)[0]
        for telling in range(10):
            try:
                assert at_random(till, history, Random(telling)) == expected
            except AssertionError as error:
                error.add_note(f"history {history}, telling {telling}")
                raise

    def test_was_tried_with_all_that_stripe_tells(self, till: Till) -> None:
        assert set().union(*(in_order(till, history)[1] for history in range(20))) >= KINDS

    @pytest.mark.parametrize("heard", [True, False])
    def test_does_not_matter_to_a_deposit_given_back_before_the_balance_came(self, till: Till, heard: bool) -> None:
        order = till.order()
        deposit = till.paid(order)
        balance = till.started(order, "balance")
        till.by_hand("refunds", payment_intent=deposit)
        watch = Watch(till, order)
        if heard:
            watch.tell(till.stripe.all("event")[-1])
            assert watch.seen == "refunded"
        till.stripe.pay(balance)
        for event in till.stripe.all("event")[::-1]:
            watch.tell(event)
        hold(till, order)
        assert till.state(order) == ("partly_refunded", TOTAL, DEPOSIT)


class TestStaleReading:
    """Of two readings the one that was begun later counts, whichever is taken down first."""

    @pytest.mark.parametrize("news", ["succeeded", "refunded", "refund failed", "won"])
    def test_does_not_undo_a_newer_one(self, till: Till, news: str) -> None:
        order, stripe = till.order(), till.stripe
        intent = till.started(order, "full")
        stripe.pay(intent, BANK)
        path = f"payment_intents/{intent}"
        if news != "succeeded":
            stripe.settle(intent, ok=True)
            till.hear()
        if news == "refund failed":
            refund = till.refund(intent).json["refund_id"]
            (made,) = (each["id"] for each in stripe.all("refund") if each["metadata"]["refund"] == refund)
            path = f"refunds/{made}"
        if news == "won":
            dispute = stripe.dispute(intent)["id"]
            path = f"disputes/{dispute}"
        old = next(each for each in stripe.all("event")[::-1] if path.endswith(each["data"]["object"]["id"]))
        old |= {"id": f"evt_{uuid4().hex}"}
        stripe.script(Slow(1.0, accepted=True), on=f"GET /v1/{path}")
        with ThreadPoolExecutor(1) as threads:
            late = threads.submit(till.tell, old)
            while stripe.asked[-1].path != f"/v1/{path}":
                time.sleep(0.01)
            time.sleep(0.2)  # it has been read, and is on its way
            happens: dict[str, Callable[[], object]] = {
                "succeeded": lambda: stripe.settle(intent, ok=True),
                "refunded": lambda: till.by_hand("refunds", payment_intent=intent),
                "refund failed": lambda: stripe.fail_refund(made),
                "won": lambda: stripe.close_dispute(dispute, won=True),
            }
            happens[news]()
            till.hear()
            assert not late.done()
            assert late.result().json == {"outcome": "late"}
        hold(till, order)
        assert till.state(order)[0] == ("refunded" if news == "refunded" else "paid")
        payment = till.payments(order)[0]
        assert [each["status"] for each in payment["disputes"]] == (["won"] if news == "won" else [])
        assert [each["status"] for each in payment["refunds"]] == (["failed"] if news == "refund failed" else [])

    def test_does_not_hide_an_end(self, till: Till) -> None:
        """Cancelling takes its time; meanwhile somebody reads later, but how it was before."""
        order, stripe = till.order(), till.stripe
        intent = till.started(order)
        stripe.script(Slow(0.6), on=f"POST /v1/payment_intents/{intent}/cancel")
        with ThreadPoolExecutor(1) as threads:
            asked = threads.submit(till.api, "POST", f"{PAYMENTS}/{intent}/cancel", token=till.buyer.token)
            time.sleep(0.3)
            till.hear()
            assert not asked.done()
            answer = asked.result()
        assert (answer.status, answer.json["status"]) == (200, "canceled")
        assert till.start(order, "full").status == 200
