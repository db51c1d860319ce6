"""A workspace that sells, by two server processes far from their database, with a Stripe of its own."""

from __future__ import annotations

import itertools
import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
import urllib3

from local.functions import FunctionsServer
from local.ports import free_port
from local.stack import Stack
from local.stripe import Sandbox
from tests.api import OverHttp, Response
from tests.end_to_end.crowd import gather, wait_until
from tests.end_to_end.latency import Proxy
from tests.end_to_end.test_exactness import Deployment, deployed, server_process
from tests.functions.paying import Till
from tests.people import People, Person

JOB = "/api/jobs/reconcile-payments"
OPEN = ("requires_payment_method", "requires_confirmation", "requires_action", "processing")


class InTurn:
    """Asks one process after the other."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self._numbers = itertools.count()

    def __call__(
        self,
        method: str,
        path: str,
        *,
        token: str | None = None,
        json: object = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        number = next(self._numbers)
        return self._deployment.ask(number, method, path, token=token, json=json, body=body, headers=headers)


class Gathered(People):
    """People whose tokens hold on processes that know Supabase by another address: that of the proxy."""

    def sign_up(self, name: str = "Somebody", **data: str) -> Person:
        [someone] = gather(self._env, 1)
        with psycopg.connect(self.database_url) as connection:
            row = connection.execute(
                "select default_workspace_id from public.profiles where user_id = %s", [someone.user_id]
            ).fetchone()
        assert row is not None
        return Person(someone.user_id, someone.email, someone.token, "", row[0])


class Shop(Till):
    """A till on two processes, and what is to be known of it after a storm."""

    def __init__(self, deployment: Deployment, stripe: Sandbox, database: psycopg.Connection) -> None:
        super().__init__(InTurn(deployment), stripe, database, Gathered(deployment.stack.env))
        self.deployment = deployment
        self.told = len(stripe.all("event"))

    def intents(self, order: UUID) -> list[dict[str, Any]]:
        """All that Stripe has for an order."""
        return [each for each in self.stripe.all("payment_intent") if each["metadata"].get("order") == str(order)]

    def rows(self, query: str, *parameters: object) -> list[tuple[Any, ...]]:
        return self.database.execute(query.encode(), parameters or None).fetchall()

    def agrees(self, order: UUID) -> None:
        """Our payments of an order are Stripe's, one for one; none is unknown to it but what was given up."""
        ours = self.rows(
            """
            select stripe_id, status, received_minor, refunded_minor from private.payments
            where order_id = %s and (stripe_id is not null or status <> 'abandoned')
            """,
            order,
        )
        theirs = []
        for intent in self.intents(order):
            charge = self.stripe.find(intent["latest_charge"]) if intent["latest_charge"] else {}
            refunded = charge.get("amount_refunded", 0)
            theirs.append((intent["id"], intent["status"], intent["amount_received"], refunded))
        assert sorted(ours) == sorted(theirs)

    def reconcile(self) -> dict[str, int]:
        """Run the job on one of the processes; what it counted."""
        answer = self.deployment.ask(0, "GET", JOB, token=self.deployment.stack.env["CRON_SECRET"])
        assert (answer.status, answer.json["outcome"]) == (200, "done"), answer.body
        counts: dict[str, int] = answer.json["counts"]
        return counts


class Market:
    """Two processes and a Stripe, on a port that it has again when it is stopped and started; opens shops on them."""

    def __init__(self, stack: Stack, folder: Path, closing: ExitStack) -> None:
        self.stack = stack
        self.ago_seconds = 0
        """How long ago it is at Stripe."""
        self.stripe = closing.enter_context(
            Sandbox(folder, port=free_port(), hold_webhooks=True, clock=lambda: time.time() - self.ago_seconds)
        )
        self.deployment = deployed(stack, closing, **self.stripe.env)
        self.database = closing.enter_context(psycopg.connect(stack.database_url, autocommit=True))

    def open(self) -> Shop:
        """A new workspace with an owner and a buyer; nothing else is wrong at Stripe or on the way to the database."""
        return Shop(self.deployment, self.stripe, self.database)

    @contextmanager
    def doomed(self) -> Iterator[Doomed]:
        """One more process, to be killed."""
        with Proxy(self.stack.env["SUPABASE_URL"], delay_seconds=0) as proxy:
            env = {**self.stack.env, **self.stripe.env, "SUPABASE_URL": proxy.url, "VERCEL": "1"}
            with FunctionsServer(env) as server:
                yield Doomed(server, proxy)


class Doomed:
    """A process to be killed in the middle of what it is asked."""

    def __init__(self, server: FunctionsServer, proxy: Proxy) -> None:
        self.server, self.proxy = server, proxy

    def kill_while(self, *requests: Callable[[OverHttp], Response], until: Callable[[], bool]) -> None:
        """Ask all of that at once, and kill it as soon as `until` holds: nobody gets an answer."""
        client = OverHttp(self.server.url)
        with ThreadPoolExecutor(len(requests)) as threads:
            sent = [threads.submit(request, client) for request in requests]
            wait_until(until)
            os.kill(server_process(self.server), signal.SIGKILL)
            for each in sent:
                with pytest.raises(urllib3.exceptions.HTTPError):
                    each.result(20)
