"""Budgets and breakers over two server processes, their providers real SDKs that ask a fake vendor over HTTP."""

from __future__ import annotations

import base64
import os
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from io import BytesIO
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
import urllib3
from PIL import Image

from local.functions import FunctionsServer
from local.stack import Stack
from local.vendors import Behaviour, Fails, Hangs, Says, Vendors
from shared.ai.prices import price
from tests.api import OverHttp, Response
from tests.end_to_end.crowd import Someone, at_once, gather, wait_until
from tests.end_to_end.test_exactness import LATENCY_SECONDS, Deployment, deployed, server_process

ROUNDS = 5
CALLERS = 50
SETTLING = b"/rpc/settle_ai_call"
MODEL = "gemini-3-flash-preview"
MOST_OUTPUT_TOKENS = 4096
SEEN = {"items": [], "text": "", "confidence": 0.5}
PICTURE = Image.effect_noise((64, 48), 40).convert("RGB")


@dataclass(frozen=True)
class Shop:
    """Two processes, both with the same vendors behind them: gemini is asked first, then anthropic."""

    deployment: Deployment
    vendors: Vendors
    reserved: int
    """What is set aside for one photo, in micro-dollars."""

    def detect(self, number: int, person: Someone, workspace: UUID | None = None) -> Response:
        """A photo that nobody else has sent, to one process or the other."""
        where = f"?workspace_id={workspace}" if workspace else ""
        return self.deployment.ask(number, "POST", "/api/detect" + where, token=person.token, json=photo())

    def at_once(self, count: int, ask: Callable[[int], Response], *, unsettled: bytes, others: int) -> list[Response]:
        """Have so many ask. Calls whose settling holds these bytes stay under way until the others are answered."""
        answered: list[int] = []

        def noted(number: int) -> Response:
            answer = ask(number)
            answered.append(number)
            return answer

        self.deployment.proxy.hold_requests(unsettled)
        with ThreadPoolExecutor(1) as threads:
            asking = threads.submit(at_once, count, noted)
            try:
                wait_until(lambda: len(answered) >= others)
            finally:
                self.deployment.proxy.release()
            return asking.result()

    def workspace_of(self, person: Someone) -> UUID:
        query = "select default_workspace_id from public.profiles where user_id = %s"
        return UUID(str(self.deployment.value(query, person.user_id)))

    def budget(self, subject: UUID, micro_usd: int) -> None:
        self.deployment.value("select public.set_ai_budget(%s, %s)", subject, micro_usd)

    def spent(self, subject: UUID) -> int:
        query = "select coalesce(sum(micro_usd), 0) from private.ai_spending where subject = %s"
        return int(self.deployment.value(query, subject))

    def calls(self, subject: UUID) -> list[tuple[Any, ...]]:
        """(outcome, settled cost) of each call for a workspace or a person."""
        query = (
            b"select outcome, micro_usd from private.ai_calls where %s in (workspace_id, user_id) order by created_at"
        )
        with psycopg.connect(self.deployment.stack.database_url) as connection:
            return connection.execute(query, [subject]).fetchall()

    def answers_cost(self, micro_usd: int) -> Says:
        """An answer that costs exactly this."""
        tariff = price(MODEL)
        input_tokens = (micro_usd - tariff.of(0, MOST_OUTPUT_TOKENS)) * 1_000_000 // tariff.input
        assert tariff.of(input_tokens, MOST_OUTPUT_TOKENS) == micro_usd
        return Says(SEEN, input_tokens=input_tokens, output_tokens=MOST_OUTPUT_TOKENS)


def photo() -> dict[str, str]:
    written = BytesIO()
    PICTURE.save(written, "JPEG", comment=uuid4().hex)
    return {"image": base64.b64encode(written.getvalue()).decode(), "kind": "pantry"}


def warm(client: OverHttp, vendors: Vendors, person: Someone) -> None:
    """Have a process load both SDKs, which takes seconds, before anything is timed."""
    for vendor in ("gemini", "anthropic"):
        while client("POST", "/api/detect", token=person.token, json=photo()).json.get("provider") != vendor:
            pass
        vendors.always("gemini", Fails(400))  # its question's fault: the breaker doesn't mind


@pytest.fixture(scope="module")
def vendors() -> Iterator[Vendors]:
    with Vendors() as vendors:
        yield vendors


@pytest.fixture(scope="module")
def settings(vendors: Vendors) -> dict[str, str]:
    return {**vendors.env, "AI_PROVIDERS": "gemini,anthropic", "AI_TIMEOUT_SECONDS": "5"}


@pytest.fixture(scope="module")
def opened(stack: Stack, vendors: Vendors, settings: dict[str, str]) -> Iterator[Shop]:
    with ExitStack() as closing:
        deployment = deployed(stack, closing, **settings)
        deployment.proxy.delay_seconds = 0
        people = gather(stack.env, 2)
        for client, person in zip(deployment.clients, people, strict=True):
            vendors.forget()
            warm(client, vendors, person)
        reserved = deployment.value(
            """
            select min(reserved_micro_usd) from private.ai_calls where provider = 'gemini' and user_id = any (%s)
            having count(distinct reserved_micro_usd) = 1
            """,
            [person.user_id for person in people],
        )
        yield Shop(deployment, vendors, reserved)


@pytest.fixture
def shop(opened: Shop) -> Shop:
    """As if nothing had happened yet, and with a database that is near."""
    opened.vendors.forget()
    opened.deployment.execute("delete from private.ai_breakers")
    opened.deployment.proxy.delay_seconds = 0
    return opened


def hire(shop: Shop, people: list[Someone]) -> UUID:
    """A new workspace in which all of these may detect."""
    [owner] = gather(shop.deployment.stack.env, 1)
    workspace = shop.workspace_of(owner)
    shop.deployment.execute(
        """
        insert into public.members (workspace_id, user_id, role_id)
        select %s, unnest(%s::uuid[]), id from public.roles where name = 'staff' and workspace_id is null
        """,
        workspace,
        [person.user_id for person in people],
    )
    return workspace


def expect(
    shop: Shop, subject: UUID, answers: list[Response], admitted: int, refusal: tuple[int, str]
) -> list[Response]:
    """That so many were let through and the others refused, and the books are right; who was let through."""
    assert Counter((answer.status, answer.code) for answer in answers) == {
        (201, None): admitted,
        refusal: CALLERS - admitted,
    }
    for answer in answers:
        if answer.status != 201:
            assert 0 < int(answer.headers["retry-after"]) <= 86_400
    calls = shop.calls(subject)
    assert [outcome for outcome, _ in calls] == ["answered"] * admitted, "nothing is open, nothing else was asked"
    assert len(shop.vendors.asked("gemini")) == admitted
    made = [answer for answer in answers if answer.status == 201]
    assert shop.spent(subject) == sum(cost for _, cost in calls) == sum(each.json["cost_micro_usd"] for each in made)
    return made


@pytest.fixture(params=[0, LATENCY_SECONDS], ids=["near", "far"])
def distant(request: pytest.FixtureRequest, shop: Shop) -> Shop:
    """With a database that is near, and one that is far away."""
    shop.deployment.proxy.delay_seconds = request.param
    return shop


class TestBudgets:
    """Of fifty at once as many are let through as there is money for, whichever process they come to."""

    @pytest.fixture(params=[pytest.param(round, id=f"round {round + 1}") for round in range(ROUNDS)])
    def costs(self, request: pytest.FixtureRequest, distant: Shop) -> list[int]:
        """What those let through cost: little, or (each third time) all that was set aside."""
        admitted = (7, 1, 12)[request.param % 3]
        if request.param % 3 == 1:
            distant.vendors.always("gemini", distant.answers_cost(distant.reserved))
            return [distant.reserved] * admitted
        tokens = [(900 + number, 120 + number) for number in range(admitted)]
        distant.vendors.script("gemini", *(Says(SEEN, i, o, after_seconds=1) for i, o in tokens))
        return [price(MODEL).of(i, o) for i, o in tokens]

    def test_a_workspaces_is_exact(self, distant: Shop, costs: list[int], crowd: list[Someone]) -> None:
        workspace = hire(distant, crowd)
        distant.budget(workspace, distant.reserved * (len(costs) + 1) - 1)
        answers = distant.at_once(
            CALLERS,
            lambda number: distant.detect(number, crowd[number], workspace),
            unsettled=SETTLING,
            others=CALLERS - len(costs),
        )
        made = expect(distant, workspace, answers, len(costs), (402, "ai_budget_of_workspace"))
        assert sorted(answer.json["cost_micro_usd"] for answer in made) == sorted(costs)

    def test_a_persons_is_exact(self, distant: Shop, costs: list[int]) -> None:
        [person] = gather(distant.deployment.stack.env, 1)
        distant.budget(person.user_id, distant.reserved * len(costs))
        answers = distant.at_once(
            CALLERS,
            lambda number: distant.detect(number, person),
            unsettled=SETTLING,
            others=CALLERS - len(costs),
        )
        made = expect(distant, person.user_id, answers, len(costs), (429, "ai_budget_of_person"))
        assert sorted(answer.json["cost_micro_usd"] for answer in made) == sorted(costs)


@pytest.fixture(scope="module")
def crowd(opened: Shop) -> list[Someone]:
    """Fifty people, each with a budget of their own."""
    return gather(opened.deployment.stack.env, CALLERS)


class TestCrash:
    def test_what_the_dead_had_set_aside_comes_back_with_its_lease(
        self, shop: Shop, stack: Stack, settings: dict[str, str]
    ) -> None:
        [person] = gather(stack.env, 1)
        shop.budget(person.user_id, shop.reserved)
        shop.vendors.script("gemini", Hangs())
        with FunctionsServer({**stack.env, **settings}) as doomed, ThreadPoolExecutor(1) as threads:
            sent = threads.submit(OverHttp(doomed.url), "POST", "/api/detect", token=person.token, json=photo())
            wait_until(lambda: len(shop.vendors.asked("gemini")) == 1)
            os.kill(server_process(doomed), signal.SIGKILL)
            with pytest.raises(urllib3.exceptions.HTTPError):
                sent.result(10)
        assert shop.calls(person.user_id) == [(None, None)]
        for number in range(2):
            refused = shop.detect(number, person)
            assert (refused.status, refused.code) == (429, "ai_budget_of_person")
        query = "select extract(epoch from leased_until - created_at)::float from private.ai_calls where user_id = %s"
        assert 8 < shop.deployment.value(query, person.user_id) < 11, "the five seconds a call may take, and five more"
        ended = "update private.ai_calls set leased_until = clock_timestamp() where user_id = %s"
        assert shop.deployment.execute(ended, person.user_id) == 1
        assert shop.detect(0, person).status == 201
        assert sorted(outcome or "" for outcome, _ in shop.calls(person.user_id)) == ["", "answered"]


class TestNothingIsHeldWhileAProviderThinks:
    def test_neither_a_transaction_nor_a_lock(self, shop: Shop) -> None:
        people = gather(shop.deployment.stack.env, 20)
        workspace = hire(shop, people)
        shop.vendors.always("gemini", Hangs())
        with ThreadPoolExecutor(20) as threads:
            sent = [threads.submit(shop.detect, number, person, workspace) for number, person in enumerate(people)]
            wait_until(lambda: len(shop.vendors.asked("gemini")) == 20)
            with psycopg.connect(shop.deployment.stack.database_url) as connection:
                assert connection.execute(BUSY).fetchall() == []
                assert connection.execute(LOCKS).fetchall() == []
                connection.execute("set local lock_timeout = '1ms'")
                reserve = "select public.reserve_ai_call(%s, %s, 'seeing', 'gemini', 'test', 1, 1)"
                made = connection.execute(reserve, [people[0].user_id, workspace]).fetchone()
            assert made is not None
            assert set(made[0]) == {"call"}
            assert [outcome for outcome, _ in shop.calls(workspace)] == [None] * 21, "all of them still think"
            answers = [each.result() for each in sent]
        assert Counter((answer.status, answer.json.get("fallback_reason")) for answer in answers) == {
            (201, "gemini: timeout"): 20
        }


BUSY = """
    select state, query from pg_stat_activity
    where datname = current_database() and backend_type = 'client backend' and pid <> pg_backend_pid()
      and (xact_start is not null or state like 'idle in transaction%')
"""
LOCKS = """
    select pid, mode from pg_locks
    where relation in ('private.ai_spending'::regclass, 'private.ai_calls'::regclass, 'private.ai_breakers'::regclass)
      and pid <> pg_backend_pid()
"""


class TestBreaker:
    """Five failures in all, and neither process asks any more; then one asks for both."""

    def test_opens_for_both_processes_after_five_failed_calls(self, shop: Shop) -> None:
        self.open(shop)
        answers = at_once(10, lambda number: shop.detect(number, self.people[number]))
        assert Counter(map(told, answers)) == {("anthropic", "gemini: circuit_open"): 10}
        assert len(shop.vendors.asked("gemini")) == 5

    def test_one_of_twenty_tries_again_and_its_success_lets_all_through(self, shop: Shop) -> None:
        self.open(shop)
        asked = self.half_open(shop, Says(SEEN, input_tokens=98_765), b"98765")
        assert asked == {("gemini", None): 1, ("anthropic", "gemini: circuit_open"): 19}
        answers = at_once(10, lambda number: shop.detect(number, self.people[number]))
        assert Counter(map(told, answers)) == {("gemini", None): 10}

    def test_its_failure_lets_nobody(self, shop: Shop) -> None:
        self.open(shop)
        asked = self.half_open(shop, Fails(401), b"access_refused")
        assert asked == {("anthropic", "gemini: access_refused"): 1, ("anthropic", "gemini: circuit_open"): 19}
        answers = at_once(10, lambda number: shop.detect(number, self.people[number]))
        assert Counter(map(told, answers)) == {("anthropic", "gemini: circuit_open"): 10}
        assert len(shop.vendors.asked("gemini")) == 1
        left = "select extract(epoch from opened_until - clock_timestamp())::float from private.ai_breakers"
        assert 15 < shop.deployment.value(left + " where provider = 'gemini'") <= 30

    @pytest.fixture(autouse=True)
    def gathered(self, opened: Shop) -> None:
        self.people = gather(opened.deployment.stack.env, 20)

    def open(self, shop: Shop) -> None:
        """Each failed call is made twice: the fifth is the third one's first."""
        shop.vendors.always("gemini", Fails(500))
        answers = [shop.detect(number, self.people[number]) for number in range(4)]
        assert [told(answer) for answer in answers] == [
            ("anthropic", "gemini: server_error"),
            ("anthropic", "gemini: server_error"),
            ("anthropic", "gemini: circuit_open"),
            ("anthropic", "gemini: circuit_open"),
        ]
        assert len(shop.vendors.asked("gemini")) == 5

    def half_open(self, shop: Shop, does: Behaviour, settling: bytes) -> Counter[tuple[str, str | None]]:
        """Thirty seconds later twenty ask at once; who answered, and why not gemini. One is slow: gemini's."""
        shop.vendors.forget()
        shop.vendors.script("gemini", does)
        later = "update private.ai_breakers set opened_until = opened_until - interval '30 seconds'"
        assert shop.deployment.execute(later) == 1
        answers = shop.at_once(
            20, lambda number: shop.detect(number, self.people[number]), unsettled=settling, others=19
        )
        assert len(shop.vendors.asked("gemini")) == 1
        return Counter(map(told, answers))


def told(answer: Response) -> tuple[str, str | None]:
    """Who answered, and why nobody before them."""
    assert answer.status == 201, answer.json
    return answer.json["provider"], answer.json["fallback_reason"]
