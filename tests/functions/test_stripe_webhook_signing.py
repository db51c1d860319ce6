"""Stripe's signature of a webhook: what it signed is heard, all else is refused alike and leaves nothing."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from random import Random
from typing import Any
from uuid import uuid4

import psycopg
import pytest
import stripe
from stripe import SignatureVerificationError, Webhook, WebhookSignature

from local.stack import Stack
from local.stripe import new_secret, signature
from tests.api import InProcess, Response
from tests.functions.paying import WEBHOOK

Json = dict[str, Any]
Tell = Callable[..., Response]


def event(**changed: object) -> Json:
    """One that is kept and does nothing."""
    thing = {"id": "cus_1", "object": "customer", "name": "Zoë"}
    told = {"id": f"evt_{uuid4().hex}", "object": "event", "type": "customer.updated", "created": 1_790_000_000}
    return told | {"livemode": False, "api_version": "2026-10-28.endive", "data": {"object": thing}} | changed


def encoded(**changed: object) -> bytes:
    return json.dumps(event(**changed), indent=2).encode()


@pytest.fixture
def secret(stack: Stack) -> str:
    return stack.env["STRIPE_WEBHOOK_SECRET"]


@pytest.fixture
def tell(api: InProcess, secret: str) -> Tell:
    """Posts a body with a header, by default Stripe's own library's for it, signed `late` seconds from now."""

    def told(body: bytes, header: str | None = None, by: str = secret, late: int = 0) -> Response:
        at = (math.ceil if late > 0 else math.floor)(time.time()) + late
        if header is None:
            header = f"t={at},v1={signature(by, body, at)}"
        # A request's id is in its answer: with the same one equal refusals are equal to the byte.
        sent = {"Stripe-Signature": header, "X-Request-Id": "same", "Content-Type": "application/json"}
        return api("POST", WEBHOOK, body=body, headers=sent)

    return told


@pytest.fixture
def nothing_kept(database: psycopg.Connection) -> Callable[[], bool]:
    """Whether no event was recorded since."""

    def count() -> object:
        return database.execute("select count(*) from private.stripe_events").fetchone()

    before = count()
    return lambda: count() == before


def refused(answer: Response) -> bool:
    """As every signature is that doesn't hold: always the same bytes."""
    problem = {"type": "about:blank", "title": "Unauthorized", "status": 401, "code": "signature_invalid"}
    told = {name: answer.json.get(name) for name in problem}
    return told == problem and (answer.body, answer.headers) == REFUSALS.setdefault(0, (answer.body, answer.headers))


REFUSALS: dict[int, tuple[bytes, dict[str, str]]] = {}


class TestSigned:
    @pytest.mark.parametrize("late", [-290, 0, 290])
    def test_about_now(self, tell: Tell, late: int) -> None:
        assert tell(encoded(), late=late).json == {"outcome": "ignored"}

    def test_by_one_of_two(self, tell: Tell, secret: str) -> None:
        body, at = encoded(), int(time.time())
        wrong, right = signature(new_secret(), body, at), signature(secret, body, at)
        assert tell(body, f"t={at},v1={wrong},v1={right},v0={wrong}").status == 200
        assert tell(body, f"v1={right},v1={wrong},t={at}").json == {"outcome": "already_recorded"}

    def test_by_the_secret_before(self, tell: Tell, secret: str, environment: pytest.MonkeyPatch) -> None:
        now = new_secret()
        environment.setenv("STRIPE_WEBHOOK_SECRET", now)
        assert tell(encoded()).status == 401
        environment.setenv("STRIPE_WEBHOOK_SECRET_PREVIOUS", secret)
        assert tell(encoded()).status == 200
        assert tell(encoded(), by=now).status == 200
        assert tell(encoded(), by=new_secret()).status == 401

    def test_as_the_official_library_does(self, tell: Tell, secret: str) -> None:
        for id_ in (f"evt_{uuid4().hex}" for _ in range(5)):
            body = json.dumps(event(id=id_), ensure_ascii=False)
            header = WebhookSignature.generate_signature_header(body, secret)
            assert tell(body.encode(), header).json == {"outcome": "ignored"}
            at = int(time.time())
            ours = f"t={at},v1={signature(secret, body.encode(), at)}"
            assert Webhook.construct_event(body, ours, secret).id == id_


class TestRefused:
    @pytest.mark.parametrize("late", [-301, -31_536_000, 301, 31_536_000])
    def test_long_ago_or_far_ahead(self, tell: Tell, late: int, nothing_kept: Callable[[], bool]) -> None:
        assert refused(tell(encoded(), late=late))
        assert nothing_kept()

    def test_with_any_byte_changed(self, tell: Tell, secret: str, nothing_kept: Callable[[], bool]) -> None:
        body, at = encoded(), int(time.time())
        header = f"t={at},v1={signature(secret, body, at)}"
        for place in Random(3).sample(range(len(body)), 20):
            flipped = body[:place] + bytes([body[place] ^ 1]) + body[place + 1 :]
            assert refused(tell(flipped, header))
        for other in (json.dumps(json.loads(body)).encode(), body + b"\n", b"\xef\xbb\xbf" + body, body[:-1], b""):
            assert refused(tell(other, header))
        assert nothing_kept()

    @pytest.mark.parametrize(
        "header",
        [
            "",
            ",",
            "garbage",
            "t={t}",
            "t={t},v1=",
            "v1={v1}",
            "t=,v1={v1}",
            "t={t},t={t},v1={v1}",
            "t={t},v1={v1},t=1",
            "t={t},v0={v1}",
            "t={t},v2={v1}",
            "t={t},V1={v1}",
            "t={t};v1={v1}",
            "t={t}.0,v1={v1}",
            "t=-{t},v1={v1}",
            "t=+{t},v1={v1}",
            "t=0x7,v1={v1}",
            "t=nan,v1={v1}",
            "t=" + "9" * 5000 + ",v1={v1}",
            "t=٣,v1={v1}",
            "t={t},v1=é",
            "é={t},v1=é,\xff",
            "t={t},v1={v1}é",
            "t={t},v1={v1}0",
            "t={t},v1=other",
            "t={t}" + ",v1=" + "0" * 64,
            "t={t}" + (",v1=" + "0" * 64) * 1000,
            "t={t}" + (",v1=" + "0" * 64) * 999 + ",v1={v1}",
        ],
        ids=range(28),
    )
    def test_with_such_a_header(self, tell: Tell, secret: str, header: str, nothing_kept: Callable[[], bool]) -> None:
        body, at = encoded(), int(time.time())
        sent = header.replace("{t}", str(at)).replace("{v1}", signature(secret, body, at))
        assert refused(tell(body, sent))
        assert nothing_kept()

    def test_of_another_endpoint(self, tell: Tell, secret: str, nothing_kept: Callable[[], bool]) -> None:
        for other in (new_secret(), secret.removeprefix("whsec_"), secret.upper(), secret + "a"):
            assert refused(tell(encoded(), by=other))
        assert nothing_kept()

    def test_by_the_official_library_too(self, tell: Tell, secret: str, nothing_kept: Callable[[], bool]) -> None:
        """What we don't admit it doesn't; but for times ahead, a second `t` and more signatures than anybody sends."""
        chance, body = Random(11), encoded()
        for _ in range(150):
            at = int(time.time()) + chance.choice([0, 0, -290, -302, -9999])
            by = chance.choice([secret, secret, new_secret()])
            header = f"t={at},v1={signature(by, body, at)}"
            for _ in range(chance.choice([0, 1, 1, 2])):
                place = chance.randrange(len(header))
                header = header[:place] + chance.choice(["", ",", "=", "0", "v1=", " "]) + header[place + 1 :]
            answer = tell(body, header)
            try:
                WebhookSignature.verify_header(body, header, secret, Webhook.DEFAULT_TOLERANCE)
            except SignatureVerificationError:
                assert refused(answer), header
            else:
                assert answer.status == 200, header
        assert stripe.VERSION

    @pytest.mark.parametrize("value", ["", "whsec_", "whsec_short"])
    def test_by_nobody_known_while_it_is_closed(
        self, tell: Tell, environment: pytest.MonkeyPatch, value: str, nothing_kept: Callable[[], bool]
    ) -> None:
        environment.setenv("STRIPE_WEBHOOK_SECRET", value)
        environment.delenv("STRIPE_WEBHOOK_SECRET_PREVIOUS", raising=False)
        answer = tell(encoded(), by=value)
        assert (answer.status, answer.code) == (503, "not_configured")
        assert nothing_kept()


UNFIT: list[tuple[bytes, str]] = [
    *((encoded(livemode=live), "livemode_mismatch") for live in (True, 0, None, "false")),
    (encoded(object="v2.core.event"), "event_not_supported"),
    (encoded(account="acct_1"), "account_not_supported"),
    *((body, "unreadable") for body in (b"", b"null", b"7", b"[]", b"{}", b"\xff", b"not JSON", b'{"a":')),
    (b"[" * 100_000, "unreadable"),
    (b'{"object":' * 100_000, "unreadable"),
    (encoded(data={"object": [[]]})[:-2] + b',"x":' + b"[" * 50_000 + b"]" * 50_000 + b"}", "unreadable"),
    (Random(1).randbytes(1_000_000), "unreadable"),
    (b'"' + b"a" * 1_000_000 + b'"', "unreadable"),
    (b"1" * 1_000_000, "unreadable"),
    *(
        (encoded(**changed), "unreadable")
        for changed in (
            {"id": "evt_"},
            {"id": "evt_1\n"},
            {"id": 7},
            {"id": "evt_" + "a" * 91},
            {"type": ""},
            {"type": "a" * 101},
            {"type": "Ä"},
            {"type": "payment_intent.succeeded", "data": None},
            {"type": "payment_intent.succeeded", "data": {"object": {"object": {}}}},
            {"type": "payment_intent.succeeded", "data": {"object": {"object": "payment_intent"}}},
            {"created": "now"},
            {"created": True},
            {"created": 1e300},
            {"created": -1},
            {"created": 10**30},
            {"created": 10**15},
        )
    ),
]


class TestUnfit:
    """Signed, but nothing we take: 400, and nothing is kept."""

    @pytest.mark.parametrize(
        ("body", "code"),
        UNFIT,
        ids=range(len(UNFIT)),
    )
    def test_is_said_to_be(self, tell: Tell, body: bytes, code: str, nothing_kept: Callable[[], bool]) -> None:
        answer = tell(body)
        assert (answer.status, answer.code) == (400, code)
        assert nothing_kept()

    def test_of_live_payments_is_told_from_tests(
        self, tell: Tell, environment: pytest.MonkeyPatch, nothing_kept: Callable[[], bool]
    ) -> None:
        for key in ("sk_live_" + "a" * 24, "rk_live_" + "a" * 24):
            environment.setenv("STRIPE_SECRET_KEY", key)
            assert tell(encoded()).code == "livemode_mismatch"
        assert nothing_kept()
        assert tell(encoded(livemode=True)).json == {"outcome": "ignored"}
