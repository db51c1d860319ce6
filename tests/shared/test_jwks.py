"""The published keys: how seldom they are fetched, and what happens while they can't be."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID, uuid4

import pytest

from shared import jwks, tokens
from shared.errors import Problem
from tests.shared.conftest import SECRET, MovableClock
from tests.shared.signing import PERSON, AuthServer, SigningKey, forged

JWKS = "/auth/v1/.well-known/jwks.json"


def outcome(token: str) -> UUID | int:
    """The person, or the status of the refusal."""
    try:
        return tokens.verify(token)
    except Problem as problem:
        return problem.status


class TestFetching:
    def test_happens_once_and_then_not_while_the_keys_are_fresh(
        self, auth_server: AuthServer, es256: SigningKey, movable_clock: MovableClock
    ) -> None:
        auth_server.keys = [es256.published()]
        for _ in range(20):
            assert outcome(es256.sign(auth_server.claims())) == PERSON
            movable_clock.advance(jwks.FRESH_SECONDS / 21)
        assert auth_server.asked == [JWKS]

    def test_happens_again_when_the_keys_are_old(
        self, auth_server: AuthServer, es256: SigningKey, movable_clock: MovableClock
    ) -> None:
        auth_server.keys = [es256.published()]
        for _ in range(3):
            assert outcome(es256.sign(auth_server.claims())) == PERSON
            movable_clock.advance(jwks.FRESH_SECONDS + 1)
        assert auth_server.asked == [JWKS] * 3

    def test_happens_once_for_fifty_simultaneous_first_requests(
        self, auth_server: AuthServer, es256: SigningKey
    ) -> None:
        auth_server.keys = [es256.published()]
        auth_server.may_answer.clear()
        token = es256.sign(auth_server.claims())
        together = threading.Barrier(51)

        def first_request() -> UUID | int:
            together.wait(10)
            return outcome(token)

        with ThreadPoolExecutor(50) as people:
            answers = [people.submit(first_request) for _ in range(50)]
            together.wait(10)
            assert auth_server.was_asked.wait(10)
            assert not auth_server.asked_again.wait(0.3)
            auth_server.may_answer.set()
            assert {answer.result(10) for answer in answers} == {PERSON}
        assert auth_server.asked == [JWKS]

    def test_happens_once_for_fifty_simultaneous_requests_with_old_keys(
        self, auth_server: AuthServer, es256: SigningKey, movable_clock: MovableClock
    ) -> None:
        """One goes and asks; the others don't wait for it."""
        auth_server.keys = [es256.published()]
        token = es256.sign(auth_server.claims())
        assert outcome(token) == PERSON
        movable_clock.advance(jwks.FRESH_SECONDS + 1)
        auth_server.may_answer.clear()
        with ThreadPoolExecutor(50) as people:
            asker = people.submit(outcome, token)
            assert auth_server.asked_again.wait(10)
            assert [people.submit(outcome, token).result(10) for _ in range(49)] == [PERSON] * 49
            assert not asker.done()
            auth_server.may_answer.set()
            assert asker.result(10) == PERSON
        assert auth_server.asked == [JWKS] * 2

    def test_happens_at_most_twice_for_a_hundred_unknown_key_ids(
        self, auth_server: AuthServer, es256: SigningKey
    ) -> None:
        auth_server.keys = [es256.published()]
        for _ in range(100):
            assert outcome(es256.sign(auth_server.claims(), kid=str(uuid4()))) == 401
        assert len(auth_server.asked) <= 2
        assert outcome(es256.sign(auth_server.claims())) == PERSON
        assert len(auth_server.asked) <= 2

    def test_happens_at_most_twice_for_a_hundred_unknown_key_ids_at_once(
        self, auth_server: AuthServer, es256: SigningKey
    ) -> None:
        auth_server.keys = [es256.published()]
        invented = [es256.sign(auth_server.claims(), kid=str(uuid4())) for _ in range(100)]
        with ThreadPoolExecutor(50) as people:
            assert set(people.map(outcome, invented)) == {401}
        assert len(auth_server.asked) <= 2

    def test_happens_at_most_twice_where_no_keys_are_published(
        self, auth_server: AuthServer, es256: SigningKey, movable_clock: MovableClock
    ) -> None:
        """As by a project that signs with HS256: an answer, and not an outage."""
        for _ in range(20):
            assert outcome(es256.sign(auth_server.claims(), kid=str(uuid4()))) == 401
            movable_clock.advance(1)
        assert len(auth_server.asked) <= 2

    def test_is_not_led_elsewhere(self, auth_server: AuthServer, es256: SigningKey) -> None:
        auth_server.answer = (302, b"")
        assert outcome(es256.sign(auth_server.claims())) == 503


class TestRotation:
    def test_is_noticed_with_the_first_token_of_the_new_key(self, auth_server: AuthServer, es256: SigningKey) -> None:
        auth_server.keys = [es256.published()]
        assert outcome(es256.sign(auth_server.claims())) == PERSON
        new = SigningKey.es256()
        auth_server.keys = [new.published(), es256.published()]
        assert outcome(new.sign(auth_server.claims())) == PERSON
        assert outcome(es256.sign(auth_server.claims())) == PERSON
        assert auth_server.asked == [JWKS] * 2

    def test_is_noticed_within_one_refresh_also_while_somebody_invents_key_ids(
        self, auth_server: AuthServer, es256: SigningKey, movable_clock: MovableClock
    ) -> None:
        auth_server.keys = [es256.published()]
        for _ in range(10):
            assert outcome(es256.sign(auth_server.claims(), kid=str(uuid4()))) == 401
        new = SigningKey.es256()
        auth_server.keys = [new.published()]
        movable_clock.advance(jwks.LOOK_AGAIN_SECONDS + 1)
        assert outcome(new.sign(auth_server.claims())) == PERSON

    def test_ends_a_revoked_key_once_the_keys_are_old(
        self, auth_server: AuthServer, es256: SigningKey, movable_clock: MovableClock
    ) -> None:
        auth_server.keys = [es256.published()]
        assert outcome(es256.sign(auth_server.claims())) == PERSON
        auth_server.keys = []
        movable_clock.advance(jwks.FRESH_SECONDS + 1)
        assert outcome(es256.sign(auth_server.claims())) == 401

    def test_to_another_key_under_the_same_id_is_noticed_once_the_keys_are_old(
        self, auth_server: AuthServer, es256: SigningKey, movable_clock: MovableClock
    ) -> None:
        auth_server.keys = [es256.published(kid="same")]
        assert outcome(es256.sign(auth_server.claims(), kid="same")) == PERSON
        new = SigningKey.es256()
        auth_server.keys = [new.published(kid="same")]
        movable_clock.advance(jwks.FRESH_SECONDS + 1)
        assert outcome(new.sign(auth_server.claims(), kid="same")) == PERSON
        assert outcome(es256.sign(auth_server.claims(), kid="same")) == 401


class TestAnOutage:
    def test_leaves_the_keys_we_have_in_use(
        self, auth_server: AuthServer, es256: SigningKey, movable_clock: MovableClock
    ) -> None:
        auth_server.keys = [es256.published()]
        assert outcome(es256.sign(auth_server.claims())) == PERSON
        auth_server.go_away()
        for _ in range(5):
            movable_clock.advance(jwks.FRESH_SECONDS + 1)
            assert outcome(es256.sign(auth_server.claims())) == PERSON
        assert outcome(es256.sign(auth_server.claims(), kid="unknown")) == 401

    @pytest.mark.parametrize(
        "answer",
        [
            (500, b'{"keys": []}'),
            (503, b""),
            (404, b'{"keys": []}'),
            (200, b""),
            (200, b"<html>Bad gateway</html>"),
            (200, b"null"),
            (200, b"[]"),
            (200, b"{}"),
            (200, b'{"keys": {}}'),
            (200, b'{"keys": null}'),
            (200, b'{"keys": ['),
            (200, b"\xff\xfe\x00"),
            (200, b"[" * 100_000),
        ],
        ids=lambda answer: f"{answer[0]} {answer[1][:12]!r}",
    )
    def test_of_any_kind_leaves_the_keys_we_have_in_use(
        self, auth_server: AuthServer, es256: SigningKey, movable_clock: MovableClock, answer: tuple[int, bytes]
    ) -> None:
        auth_server.keys = [es256.published()]
        assert outcome(es256.sign(auth_server.claims())) == PERSON
        auth_server.answer = answer
        for _ in range(3):
            movable_clock.advance(jwks.FRESH_SECONDS + 1)
            assert outcome(es256.sign(auth_server.claims())) == PERSON
        assert auth_server.asked == [JWKS] * 4

    def test_is_not_made_worse_by_asking_again_and_again(
        self, auth_server: AuthServer, es256: SigningKey, movable_clock: MovableClock
    ) -> None:
        auth_server.keys = [es256.published()]
        assert outcome(es256.sign(auth_server.claims())) == PERSON
        auth_server.answer = (500, b"")
        movable_clock.advance(jwks.FRESH_SECONDS + 1)
        for _ in range(50):
            assert outcome(es256.sign(auth_server.claims())) == PERSON
        assert auth_server.asked == [JWKS] * 2

    def test_before_any_key_was_had_is_said_to_be_one(self, auth_server: AuthServer, es256: SigningKey) -> None:
        auth_server.keys = [es256.published()]
        auth_server.answer = (500, b"")
        for _ in range(50):
            assert outcome(es256.sign(auth_server.claims())) == 503
        assert auth_server.asked == [JWKS]

    def test_ends_with_the_next_answer(
        self, auth_server: AuthServer, es256: SigningKey, movable_clock: MovableClock
    ) -> None:
        auth_server.keys = [es256.published()]
        auth_server.answer = (500, b"")
        assert outcome(es256.sign(auth_server.claims())) == 503
        auth_server.answer = None
        movable_clock.advance(2)
        assert outcome(es256.sign(auth_server.claims())) == PERSON

    def test_does_not_hold_up_those_who_sign_with_the_secret(self, auth_server: AuthServer) -> None:
        auth_server.go_away()

        assert outcome(forged({"alg": "HS256"}, auth_server.claims(), SECRET.encode())) == PERSON
