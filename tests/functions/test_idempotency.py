"""Writes with an Idempotency-Key, on /api/workspaces: done once, answered alike."""

from __future__ import annotations

from functools import partial

import pytest

from tests.api import InProcess, Response
from tests.functions.conftest import together
from tests.functions.workspaces import WORKSPACES, As
from tests.people import People, Person


class TestIdempotency:
    def test_gives_the_first_answer_again_to_the_byte(self, api: InProcess, owner: Person) -> None:
        def create() -> Response:
            headers = {"Idempotency-Key": "once"}
            return api("POST", WORKSPACES, token=owner.token, json={"name": "The Café"}, headers=headers)

        first, second = create(), create()
        assert (first.status, second.status) == (201, 201)
        assert first.body == second.body
        assert "idempotent-replayed" not in first.headers
        assert second.headers["idempotent-replayed"] == "true"
        assert len(api("GET", WORKSPACES, token=owner.token).json["data"]) == 2

    def test_covers_answers_without_a_body(self, home: As, owner: Person, people: People) -> None:
        member = people.member(owner.workspace_id, "staff")
        path = f"/members/{member.user_id}"
        answers = [home("DELETE", path, Idempotency_Key="once") for _ in range(2)]
        assert [(answer.status, answer.body) for answer in answers] == [(204, b"")] * 2
        assert answers[1].headers["idempotent-replayed"] == "true"

    def test_refuses_the_key_for_another_request(self, home: As) -> None:
        assert home("PATCH", json={"name": "One"}, Idempotency_Key="once").status == 200
        other = home("PATCH", json={"name": "Two"}, Idempotency_Key="once")
        assert (other.status, other.code) == (422, "idempotency_key_reused")
        assert home("GET").json["name"] == "One"

    def test_belongs_to_the_caller(self, api: InProcess, owner: Person, people: People) -> None:
        for person in (owner, people.sign_up()):
            headers = {"Idempotency-Key": "the-same-for-both"}
            answer = api("POST", WORKSPACES, token=person.token, json={"name": "x"}, headers=headers)
            assert answer.status == 201
            assert "idempotent-replayed" not in answer.headers

    @pytest.mark.parametrize(
        "refused",
        [
            pytest.param(("PATCH", "", {"name": ""}), id="by the model"),
            pytest.param(("PATCH", "", {"time_zone": "Europe/Nowhere"}), id="by the database"),
            pytest.param(("POST", "/roles", {"name": "staff", "permissions": []}), id="by a conflict"),
            pytest.param(("PATCH", "/roles/nothing", {"permissions": []}), id="as not found"),
        ],
    )
    def test_frees_the_key_of_a_refused_request(self, home: As, refused: tuple[str, str, object]) -> None:
        method, below, body = refused
        assert 400 <= home(method, below, body, Idempotency_Key="once").status < 500
        again = home(method, below, {**dict(body), "x": 1}, Idempotency_Key="once")  # type: ignore[call-overload]
        assert again.code != "idempotency_key_reused"
        assert home("PATCH", json={"name": "Right"}, Idempotency_Key="once").status == 200

    def test_lets_one_of_many_twins_through(self, home: As) -> None:
        answers = together(
            *(
                partial(home, "POST", "/roles", {"name": "twin", "permissions": []}, Idempotency_Key="once")
                for _ in range(6)
            )
        )
        assert {answer.status for answer in answers} <= {201, 409}
        made = [answer for answer in answers if answer.status == 201]
        assert len({answer.body for answer in made}) == 1
        assert len([answer for answer in made if "idempotent-replayed" not in answer.headers]) == 1
        assert {answer.code for answer in answers if answer.status == 409} <= {"request_in_progress"}

    @pytest.mark.parametrize("key", ["x" * 256, "two words", "schlüssel"])
    def test_refuses_a_key_that_cannot_be_kept(self, settled_home: As, key: str) -> None:
        assert settled_home("PATCH", json={"name": "One"}, Idempotency_Key=key).status == 400
