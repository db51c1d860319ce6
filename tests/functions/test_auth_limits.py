"""/api/auth: how often anything that can be guessed at is tried."""

from __future__ import annotations

from functools import partial

import psycopg
import pytest

from tests.api import InProcess
from tests.functions.accounts import WRONG, fresh_address, people_and_workspaces, sign_in
from tests.functions.conftest import spend, spent, together
from tests.people import PASSWORD, People


class TestLimits:
    """10 tries per 15 minutes, by IP and by address."""

    def test_refuse_the_eleventh_try_from_an_ip_whatever_the_address(self, api: InProcess) -> None:
        answers = together(*(partial(sign_in, api, fresh_address(), WRONG) for _ in range(11)))
        assert sorted(answer.status for answer in answers) == [401] * 10 + [429]
        [refused] = (answer for answer in answers if answer.status == 429)
        assert refused.code == "rate_limited"
        assert 890 <= int(refused.headers["retry-after"]) <= 900
        assert '"auth.ip";q=10;w=900' in refused.headers["ratelimit-policy"]
        assert '"auth.ip";r=0;' in refused.headers["ratelimit"]

    def test_refuse_the_eleventh_try_at_an_address_whatever_the_ip(
        self, environment: pytest.MonkeyPatch, people: People
    ) -> None:
        person = people.sign_up()
        spellings = [person.email.upper(), f" {person.email} "] + [person.email] * 9
        answers = together(*(partial(sign_in, InProcess(), email, WRONG) for email in spellings))
        assert sorted(answer.status for answer in answers) == [401] * 10 + [429]
        assert sign_in(InProcess(), person.email, PASSWORD).status == 429

    @pytest.mark.parametrize(
        ("path", "body"),
        [
            ("sign-up", {"password": PASSWORD, "name": "Ada"}),
            ("sign-in", {"password": PASSWORD}),
            ("password-reset", {}),
            ("verify", {"type": "sign_up", "code": "123456"}),
        ],
    )
    def test_are_one_for_all_that_can_be_guessed_at(
        self, api: InProcess, database: psycopg.Connection, path: str, body: dict[str, object]
    ) -> None:
        spend(database, "auth.ip", api.ip, 10)
        before = people_and_workspaces(database)
        answer = api("POST", f"/api/auth/{path}", json={"email": fresh_address(), **body})
        assert (answer.status, answer.code) == (429, "rate_limited")
        assert people_and_workspaces(database) == before

        email = fresh_address()
        spend(database, "auth.address", email, 10)
        assert InProcess()("POST", f"/api/auth/{path}", json={"email": email, **body}).status == 429

    def test_are_not_spent_on_requests_that_cannot_be_tries(self, api: InProcess, database: psycopg.Connection) -> None:
        assert sign_in(api, "nobody", WRONG).status == 422
        assert spent(database, "auth.ip", api.ip) == 0
