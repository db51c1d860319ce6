"""/api/auth while Supabase is away or busy."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from uuid import uuid4

import pytest

from local.ports import free_port
from local.stack import Stack
from tests.api import InProcess
from tests.functions.accounts import fresh_address, new_person, sign_in, sign_up
from tests.functions.conftest import ailing, signed, together
from tests.people import PASSWORD


class TestWhileSupabaseIsAway:
    @pytest.mark.parametrize(
        ("method", "path", "body"),
        [
            ("POST", "sign-up", new_person()),
            ("POST", "sign-in", {"email": "a@example.com", "password": PASSWORD}),
            ("POST", "refresh", {"refresh_token": "x"}),
            ("POST", "sign-out", None),
            ("POST", "password-reset", {"email": "a@example.com"}),
            ("POST", "verify", {"type": "sign_up", "email": "a@example.com", "code": "123456"}),
            ("POST", "password", {"password": PASSWORD}),
            ("GET", "me", None),
        ],
    )
    def test_answers_503_and_when_to_come_back(
        self,
        api: InProcess,
        stack: Stack,
        environment: pytest.MonkeyPatch,
        method: str,
        path: str,
        body: dict[str, object] | None,
    ) -> None:
        away = {**stack.env, "SUPABASE_URL": f"http://127.0.0.1:{free_port()}"}
        environment.setenv("SUPABASE_URL", away["SUPABASE_URL"])
        token = signed(away, uuid4())
        answer = api(method, f"/api/auth/{path}", token=token, json=body)
        assert answer.status == 503
        assert int(answer.headers["retry-after"]) >= 1

    @pytest.fixture
    def busy(self, stack: Stack, environment: pytest.MonkeyPatch) -> Iterator[None]:
        """Supabase with an Auth that has had enough of us: hosted, it counts by IP, and ours is everybody's."""
        with ailing(stack.env["SUPABASE_URL"], lambda path: 429 if path.startswith("/auth/") else None) as url:
            environment.setenv("SUPABASE_URL", url)
            yield

    @pytest.mark.usefixtures("busy")
    def test_says_nothing_against_the_password_when_auth_is_merely_busy(self, api: InProcess) -> None:
        answers = together(
            partial(sign_in, api, fresh_address(), PASSWORD),
            partial(sign_up, api),
            partial(api, "POST", "/api/auth/refresh", json={"refresh_token": "x"}),
        )
        assert [(answer.status, answer.code) for answer in answers] == [(503, "auth_unavailable")] * 3
