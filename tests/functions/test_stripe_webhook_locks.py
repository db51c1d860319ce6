"""What Stripe tells while others change the same workspace: nobody waits for somebody who waits for them."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from local.stack import Stack
from tests.api import InProcess
from tests.end_to_end.crowd import wait_until
from tests.functions.paying import Till
from tests.ordering import DEPOSIT
from tests.people import People


@pytest.fixture(scope="module")
def till(people: People, stack: Stack) -> Iterator[Till]:
    with psycopg.connect(stack.database_url, autocommit=True) as connection:
        yield Till(InProcess(), stack.stripe, connection, people)


@pytest.mark.usefixtures("environment")
def test_a_change_that_mails_before_it_is_audited(till: Till, stack: Stack) -> None:
    till.begin()
    order, workspace = till.order(), till.owner.workspace_id
    till.stripe.pay(till.started(order))
    event = till.stripe.all("event")[-1]
    with psycopg.connect(stack.database_url) as other, ThreadPoolExecutor(1) as threads:
        # As a move of another order does: its mail counts first, its audit entry comes last.
        other.execute("select private.take_email_units(%s, 1)", [workspace])
        telling = threads.submit(till.tell, event)
        wait_until(lambda: till.database.execute("select from pg_locks where not granted").fetchone() is not None)
        other.execute("select private.audit(%s, null, 'order.moved', 'another', '{}')", [workspace])
        other.commit()
        answer = telling.result()
    assert (answer.status, answer.json.get("outcome")) == (200, "applied"), answer.body
    assert till.state(order) == ("deposit_paid", DEPOSIT, 0)
