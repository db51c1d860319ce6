"""The Resend sandbox, asked through the vendor's own SDK: what passes here would pass there."""

from __future__ import annotations

import base64
import http.client
import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import resend
from resend.exceptions import MissingRequiredFieldsError, RateLimitError, ResendError, ValidationError

from local.resend import Bounces, Clicks, Complains, Delays, Drops, Fails, Hangs, Opens, Sandbox, Slow
from local.resend.drafts import ATTACHED
from local.resend.script import KNOWN
from tests.local.sandboxes import Clock, until

FROM = "Backroom <mail@backroom.example>"
DAY = 24 * 3600


@pytest.fixture(scope="module")
def running(clock: Clock) -> Iterator[Sandbox]:
    with Sandbox(clock=clock) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    running.forget()
    use(running, monkeypatch)
    return running


def use(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, seconds: int = 5) -> None:
    """Let the SDK ask this one."""
    monkeypatch.setattr(resend, "api_key", sandbox.env["RESEND_API_KEY"])
    monkeypatch.setattr(resend, "api_url", sandbox.env["RESEND_API_URL"])
    monkeypatch.setattr(resend, "default_http_client", resend.RequestsClient(timeout=seconds))


def mail(to: str | list[str] = "ada@juniper.example", subject: str = "Hello", **more: Any) -> Any:
    return {"from": FROM, "to": to, "subject": subject, "html": "<p>Hello</p>", **more}


def send(key: str | None = None, **fields: Any) -> str:
    options: Any = {} if key is None else {"idempotency_key": key}
    return str(resend.Emails.send(mail(**fields), options)["id"])


def send_many(count: int) -> None:
    for _ in range(count):
        send()


def send_batch(mails: list[Any], **options: Any) -> Any:
    return resend.Batch.send(mails, options)  # type: ignore[arg-type]  # the SDK's options are a TypedDict


def refused(**fields: Any) -> ResendError:
    with pytest.raises(ResendError) as refusal:
        send(**fields)
    return refusal.value


def names(error: ResendError) -> tuple[Any, str]:
    return error.code, error.error_type


def last_event(id_: str) -> str:
    return str(resend.Emails.get(id_)["last_event"])


class TestSending:
    def test_is_accepted_kept_and_delivered(self, sandbox: Sandbox) -> None:
        id_ = send(
            to=["Ada <ada@juniper.example>"],
            cc="ben@juniper.example",
            reply_to="desk@juniper.example",
            headers={"X-Order": "7"},
            tags=[{"name": "kind", "value": "receipt"}],
        )
        (kept,) = sandbox.mails
        assert (kept.id, kept.sender, kept.to, kept.cc) == (
            id_,
            FROM,
            ["Ada <ada@juniper.example>"],
            ["ben@juniper.example"],
        )
        assert (kept.headers, kept.tags, kept.text) == ({"X-Order": "7"}, {"kind": "receipt"}, "Hello")
        shown = resend.Emails.get(id_)
        assert (shown["from"], shown["subject"], shown["last_event"]) == (FROM, "Hello", "delivered")
        assert [event.type for event in kept.events] == ["email.sent", "email.delivered"]

    def test_text_is_made_from_html_unless_it_is_given_even_empty(self, sandbox: Sandbox) -> None:
        html = "<style>p {}</style><h1>Hi</h1><p>Read <a href='https://a.example/b'>this</a></p>"
        send(html=html)
        send(html=html, text="")
        assert [kept.text for kept in sandbox.mails] == ["Hi\nRead this https://a.example/b", ""]

    def test_attachments_come_as_base64_or_as_numbers(self, sandbox: Sandbox) -> None:
        content = bytes(range(256))
        send(
            attachments=[
                {"filename": "a.pdf", "content": base64.b64encode(content).decode()},
                {"filename": "b.bin", "content": list(content), "content_id": "logo"},
                {"path": "https://files.example/c.png"},
            ]
        )
        (kept,) = sandbox.mails
        assert sandbox.attachments(kept) == [content, content, b""]
        assert [each.content_type for each in kept.attachments] == [
            "application/pdf",
            "application/octet-stream",
            "image/png",
        ]

    def test_more_than_ten_megabytes_pass(self, sandbox: Sandbox) -> None:
        content = b"x" * (12 * 2**20)
        send(attachments=[{"filename": "a.bin", "content": base64.b64encode(content).decode()}])
        assert sandbox.attachments(sandbox.mails[0]) == [content]

    def test_lists_newest_first_by_cursors(self, sandbox: Sandbox) -> None:
        sent = [send(subject=str(number)) for number in range(5)][::-1]
        first = resend.Emails.list({"limit": 2})
        assert ([each["id"] for each in first["data"]], first["has_more"]) == (sent[:2], True)
        rest = resend.Emails.list({"limit": 3, "after": sent[1]})
        assert ([each["id"] for each in rest["data"]], rest["has_more"]) == (sent[2:], False)
        before = resend.Emails.list({"limit": 1, "before": sent[2]})
        assert ([each["id"] for each in before["data"]], before["has_more"]) == ([sent[1]], True)


class TestRefusals:
    @pytest.mark.parametrize("field", ["from", "to", "subject"])
    def test_a_missing_field_is_named(self, sandbox: Sandbox, field: str) -> None:
        error = refused(**{field: ""})
        assert isinstance(error, MissingRequiredFieldsError)
        assert names(error) == (422, "missing_required_field")
        assert error.message == f"Missing `{field}` field."
        assert sandbox.mails == []

    def test_a_mail_without_a_body_is_refused(self, sandbox: Sandbox) -> None:
        assert names(refused(html="")) == (422, "missing_required_field")

    @pytest.mark.parametrize(
        "fields",
        [
            {"from": "Backroom"},
            {"from": "Backroom <mail@backroom>"},
            {"to": "ada"},
            {"to": ["ada@juniper.example", "Ben ben@juniper.example"]},
            {"to": [f"p{number}@juniper.example" for number in range(51)]},
            {"cc": "@juniper.example"},
            {"reply_to": "nobody"},
            {"to": "a@b.example\r\nBcc: c@d.example"},
            {"subject": "Hello\nBcc: c@d.example"},
            {"headers": {"X-A": "1\r\nBcc: c@d.example"}},
            {"headers": {"X A": "1"}},
            {"tags": [{"name": "ünder", "value": "x"}]},
            {"tags": [{"name": "a" * 257, "value": "x"}]},
            {"scheduled_at": "soon"},
            {"scheduled_at": "2001-01-01T00:00:00Z"},
            {"scheduled_at": "in 31 days"},
            {"html": 7},
        ],
    )
    def test_an_invalid_field_is_a_validation_error(self, sandbox: Sandbox, fields: Any) -> None:
        error = refused(**fields)
        assert isinstance(error, ValidationError)
        assert names(error) == (422, "validation_error")
        assert sandbox.mails == []

    def test_fifty_recipients_pass(self, sandbox: Sandbox) -> None:
        send(to=[f"p{number}@juniper.example" for number in range(50)])

    @pytest.mark.parametrize("attachment", [{"filename": "a.pdf"}, {"filename": "a.pdf", "content": "not Base64!"}])
    def test_an_attachment_needs_content(self, sandbox: Sandbox, attachment: Any) -> None:
        assert names(refused(attachments=[attachment])) == (422, "invalid_attachment")

    def test_attachments_are_40_mb_at_most_in_base64(self, sandbox: Sandbox) -> None:
        half = "A" * (ATTACHED // 2)
        send(attachments=[{"filename": "a", "content": half}] * 2)
        over = [{"filename": "a", "content": half}] * 2 + [{"filename": "b", "content": "AAAA"}]
        assert names(refused(attachments=over)) == (422, "validation_error")
        assert len(sandbox.mails) == 1

    def test_an_unknown_mail_is_404_and_what_is_no_id_422(self, sandbox: Sandbox) -> None:
        for id_, status, name in (
            ("49a3999c-0ce1-4ea6-ab68-afcd6dc2e794", 404, "not_found"),
            ("nonsense", 422, "invalid_parameter"),
        ):
            with pytest.raises(ResendError) as refusal:
                resend.Emails.get(id_)
            assert names(refusal.value) == (status, name)

    def test_a_domain_that_is_not_verified_is_403_and_example_com_422(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with Sandbox(domains={"backroom.example"}, blocks_examples=True) as strict:
            use(strict, monkeypatch)
            error = refused(**{"from": "a@other.example"})
            assert (*names(error), error.message) == (
                403,
                "validation_error",
                "The other.example domain is not verified. Please, add and verify your domain.",
            )
            assert names(refused(to="ada@example.com")) == (422, "validation_error")
            send()

    def test_the_key_of_the_account_is_needed(self, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(resend, "api_key", "re_another")
        assert names(refused()) == (403, "invalid_api_key")
        monkeypatch.setattr(resend, "api_key", "")
        assert names(refused()) == (401, "missing_api_key")
        assert sandbox.mails == []

    @pytest.mark.parametrize(
        ("method", "path", "body", "status", "name"),
        [
            ("POST", "/emails", "{", 400, "validation_error"),
            ("POST", "/emails", "[" * 100_000, 400, "validation_error"),
            ("POST", "/emails", "[]", 422, "validation_error"),
            ("PUT", "/emails", "{}", 405, "method_not_allowed"),
            ("GET", "/nothing", "", 404, "not_found"),
            ("GET", "/emails?limit=101", "", 422, "validation_error"),
        ],
    )
    def test_nonsense_is_answered(
        self, sandbox: Sandbox, method: str, path: str, body: str, status: int, name: str
    ) -> None:
        connection = http.client.HTTPConnection(urlsplit(sandbox.url).netloc, timeout=5)
        connection.request(method, path, body, {"Authorization": f"Bearer {sandbox.env['RESEND_API_KEY']}"})
        answer = connection.getresponse()
        told = json.load(answer)
        assert (answer.status, told["statusCode"], told["name"]) == (status, status, name)
        connection.close()

    def test_a_rate_is_kept(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with Sandbox(rate=2) as limited:
            use(limited, monkeypatch)
            with pytest.raises(RateLimitError) as refusal:
                send_many(5)  # two seconds may meet in it
            assert names(refusal.value) == (429, "rate_limit_exceeded")
            headers = refusal.value.headers
            assert (headers["retry-after"], headers["ratelimit-limit"], headers["ratelimit-remaining"]) == (
                "1",
                "2",
                "0",
            )
            time.sleep(float(headers["retry-after"]))
            send()


class TestBatch:
    def test_sends_each(self, sandbox: Sandbox) -> None:
        sent = send_batch([mail(subject=str(number)) for number in range(100)])
        assert [each["id"] for each in sent["data"]] == [kept.id for kept in sandbox.mails]
        assert "errors" not in sent

    @pytest.mark.parametrize("count", [0, 101])
    def test_holds_1_to_100(self, sandbox: Sandbox, count: int) -> None:
        with pytest.raises(ResendError) as refusal:
            send_batch([mail()] * count)
        assert names(refusal.value) == (422, "validation_error")

    @pytest.mark.parametrize(
        "wrong", [{"to": "ada"}, {"scheduled_at": "in 1 min"}, {"attachments": [{"filename": "a", "content": "AAAA"}]}]
    )
    def test_strictly_one_that_is_wrong_refuses_all(self, sandbox: Sandbox, wrong: Any) -> None:
        with pytest.raises(ResendError) as refusal:
            send_batch([mail(), mail(**wrong)])
        assert names(refusal.value) == (422, "validation_error")
        assert sandbox.mails == []

    def test_permissively_the_others_are_sent(self, sandbox: Sandbox) -> None:
        sent = send_batch([mail(to="ada"), mail(), mail(subject="")], batch_validation="permissive")
        assert [each["id"] for each in sent["data"]] == [kept.id for kept in sandbox.mails]
        assert [each["index"] for each in sent["errors"]] == [0, 2]
        assert sent["errors"][1]["message"] == "Missing `subject` field."

    def test_the_same_key_sends_nothing_twice(self, sandbox: Sandbox) -> None:
        first, again = (send_batch([mail(), mail()], idempotency_key="news/1")["data"] for _ in range(2))
        assert first == again
        assert len(sandbox.mails) == 2

    def test_ten_thousand_messages_are_quick(self, sandbox: Sandbox) -> None:
        began = time.monotonic()
        for batch in range(100):
            send_batch(
                [
                    mail(to=f"p{batch}.{number}@juniper.example", headers={"X-Message": f"{batch}-{number}"})
                    for number in range(100)
                ],
                idempotency_key=f"news/{batch}",
            )
        assert time.monotonic() - began < 60
        counts = sandbox.counts(by=lambda kept: kept.headers["X-Message"])
        assert len(counts) == 10_000
        assert set(counts.values()) == {1}


class TestIdempotency:
    def test_the_same_request_gets_the_first_answer(self, sandbox: Sandbox) -> None:
        assert send("welcome/1") == send("welcome/1")
        assert sandbox.accepted("ada@juniper.example", "Hello") == 1

    def test_however_its_json_is_written(self, sandbox: Sandbox) -> None:
        id_ = send("welcome/1")
        again: Any = dict(reversed(mail().items()))
        assert resend.Emails.send(again, {"idempotency_key": "welcome/1"})["id"] == id_

    def test_another_payload_is_refused(self, sandbox: Sandbox) -> None:
        send("welcome/1")
        error = refused(key="welcome/1", subject="Other")
        assert names(error) == (409, "invalid_idempotent_request")
        assert "the request body was modified" in error.message
        assert len(sandbox.mails) == 1

    def test_without_keys_or_with_others_all_are_sent(self, sandbox: Sandbox) -> None:
        assert len({send(), send(), send("a"), send("b")}) == 4

    def test_each_endpoint_has_keys_of_its_own(self, sandbox: Sandbox) -> None:
        send("welcome/1")
        send_batch([mail()], idempotency_key="welcome/1")
        assert len(sandbox.mails) == 2

    @pytest.mark.parametrize("key", ["", "k" * 257])
    def test_a_key_has_1_to_256_letters(self, sandbox: Sandbox, key: str) -> None:
        assert names(refused(key=key)) == (400, "invalid_idempotency_key")
        send("k" * 256)

    def test_a_key_is_forgotten_after_24_hours(self, sandbox: Sandbox, clock: Clock) -> None:
        first = send("welcome/1")
        clock.now += DAY - 1
        assert send("welcome/1") == first
        clock.now += 1
        assert send("welcome/1") != first
        assert len(sandbox.mails) == 2

    def test_while_the_first_is_in_progress_others_are_refused(self, sandbox: Sandbox) -> None:
        sandbox.script(Slow(0.5))
        with ThreadPoolExecutor(1) as thread:
            first = thread.submit(send, "welcome/1")
            until(lambda: bool(sandbox.asked))
            assert names(refused(key="welcome/1")) == (409, "concurrent_idempotent_requests")
            assert send("welcome/2") != first.result()
        assert send("welcome/1") == first.result()
        assert len(sandbox.mails) == 2

    def test_of_many_at_once_one_is_sent(self, sandbox: Sandbox) -> None:
        def attempt(_: int) -> str:
            try:
                return send("welcome/1")
            except ResendError as error:
                return error.error_type

        with ThreadPoolExecutor(16) as threads:
            told = set(threads.map(attempt, range(64)))
        assert told - {"concurrent_idempotent_requests"} == {kept.id for kept in sandbox.mails}
        assert len(sandbox.mails) == 1

    def test_a_refused_request_leaves_its_key_free(self, sandbox: Sandbox) -> None:
        refused(key="welcome/1", to="ada")
        send("welcome/1")


class TestFailures:
    def test_before_accepting_nothing_is_sent_and_a_retry_sends(self, sandbox: Sandbox) -> None:
        sandbox.script(Fails())
        assert names(refused(key="welcome/1")) == (500, "application_error")
        assert sandbox.mails == []
        send("welcome/1")
        assert sandbox.accepted() == 1

    @pytest.mark.parametrize("behaviour", [Fails(accepted=True), Drops(accepted=True), Hangs(accepted=True)])
    def test_after_accepting_a_retry_with_the_key_sends_nothing(
        self, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, behaviour: Any
    ) -> None:
        use(sandbox, monkeypatch, seconds=1)
        sandbox.script(behaviour, behaviour)
        for _ in range(2):
            refused(key="welcome/1")
        assert send("welcome/1") == sandbox.mails[0].id
        assert sandbox.accepted() == 1

    def test_after_accepting_a_retry_without_a_key_sends_twice(self, sandbox: Sandbox) -> None:
        sandbox.script(Drops(accepted=True))
        error = refused()
        assert (error.code, error.error_type) == (500, "HttpClientError")
        send()
        assert sandbox.accepted() == 2

    def test_one_that_hangs_lets_its_key_go_when_the_caller_does(
        self, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        use(sandbox, monkeypatch, seconds=1)
        sandbox.script(Hangs())
        refused(key="welcome/1")
        until(lambda: _sends("welcome/1"))
        assert sandbox.accepted() == 1

    def test_too_many_requests_say_when_to_come_again(self, sandbox: Sandbox) -> None:
        sandbox.script(Fails(429, retry_after=3))
        error = refused()
        assert isinstance(error, RateLimitError)
        assert error.headers["retry-after"] == "3"

    def test_by_recipient(self, sandbox: Sandbox) -> None:
        sandbox.script(Fails(503), to="Ben <ben@juniper.example>")
        send()
        assert names(refused(to="ben@juniper.example")) == (503, "service_unavailable")
        send(to="ben@juniper.example")

    def test_who_asks_wrongly_uses_up_no_script(self, sandbox: Sandbox) -> None:
        sandbox.script(Fails())
        assert refused(to="ada").code == 422
        assert refused().code == 500


def _sends(key: str) -> bool:
    try:
        return bool(send(key))
    except ResendError:
        return False


class TestWhatBecomesOfAMail:
    @pytest.mark.parametrize(
        ("outcome", "events"),
        [
            (Bounces(), ["sent", "bounced"]),
            (Complains(), ["sent", "delivered", "complained"]),
            (Opens(), ["sent", "delivered", "opened"]),
            (Clicks("https://a.example/"), ["sent", "delivered", "opened", "clicked"]),
            (Delays(), ["sent", "delivery_delayed", "delivered"]),
            (Delays(then="bounced"), ["sent", "delivery_delayed", "bounced"]),
            (Delays(then=None), ["sent", "delivery_delayed"]),
        ],
    )
    def test_can_be_scripted(self, sandbox: Sandbox, outcome: Any, events: list[str]) -> None:
        sandbox.script(outcome)
        id_ = send()
        assert [event.type.removeprefix("email.") for event in sandbox.mails[0].events] == events
        assert last_event(id_) == events[-1]

    def test_is_said_of_each_recipient(self, sandbox: Sandbox) -> None:
        sandbox.script(Bounces(), to="ben@juniper.example")
        send(to=["ada@juniper.example", "ben@juniper.example"])
        assert [(event.type, event.to) for event in sandbox.mails[0].events] == [
            ("email.sent", ["ada@juniper.example", "ben@juniper.example"]),
            ("email.delivered", ["ada@juniper.example"]),
            ("email.bounced", ["ben@juniper.example"]),
        ]

    @pytest.mark.parametrize("outcome", [Bounces(), Complains()])
    def test_who_bounced_or_complained_is_suppressed(self, sandbox: Sandbox, outcome: Any) -> None:
        sandbox.script(outcome)
        send()
        assert last_event(send()) == "suppressed"
        assert last_event(send(to="ben@juniper.example")) == "delivered"

    def test_who_bounced_for_a_while_is_not(self, sandbox: Sandbox) -> None:
        sandbox.script(Bounces("Transient", "MailboxFull"))
        send()
        assert last_event(send()) == "delivered"

    @pytest.mark.parametrize(
        ("address", "event"),
        [
            ("delivered@resend.dev", "delivered"),
            ("bounced+a.label@resend.dev", "bounced"),
            ("Complained <complained@resend.dev>", "complained"),
            ("suppressed@resend.dev", "suppressed"),
            ("opened@resend.test", "opened"),
            ("soft-bounced@resend.test", "bounced"),
        ],
    )
    def test_known_addresses_need_no_script(self, sandbox: Sandbox, address: str, event: str) -> None:
        assert [last_event(send(to=address)) for _ in range(2)] == [event, event]

    @pytest.mark.parametrize("address", ["fails@resend.test", "drops@resend.test", "lost@resend.test"])
    def test_addresses_that_fail_do_so_at_the_first_try(self, sandbox: Sandbox, address: str) -> None:
        refused(to=address, key="welcome/1")
        send("welcome/1", to=address)
        assert sandbox.accepted(address) == 1

    def test_one_address_fails_always(self, sandbox: Sandbox) -> None:
        for _ in range(3):
            assert refused(to="down@resend.test", key="welcome/1").code == 503
        assert "down@resend.test" in KNOWN


class TestScheduling:
    @pytest.mark.parametrize("told", ["in 1 min", "in 60 seconds", "IN 1 MINUTE"])
    def test_goes_when_it_is_due(self, sandbox: Sandbox, clock: Clock, told: str) -> None:
        id_ = send(scheduled_at=told)
        assert last_event(id_) == "scheduled"
        clock.now += 59
        assert last_event(id_) == "scheduled"
        clock.now += 1
        assert last_event(id_) == "delivered"

    def test_takes_iso_8601_with_and_without_a_zone(self, sandbox: Sandbox, clock: Clock) -> None:
        times = ["2100-01-01T12:00:00.000Z", "2100-01-01T13:00:00+01:00", "2100-01-01T12:00:00"]
        clock.now, before = 4102444800.0, clock.now  # 2100-01-01
        try:
            shown = [resend.Emails.get(send(scheduled_at=told)) for told in times]
        finally:
            clock.now = before
        assert {each["scheduled_at"] for each in shown} == {times[0]}  # type: ignore[typeddict-item]

    def test_can_be_put_off(self, sandbox: Sandbox, clock: Clock) -> None:
        id_ = send(scheduled_at="in 1 hour")
        resend.Emails.update({"id": id_, "scheduled_at": "in 2 hours"})
        clock.now += 3600
        assert last_event(id_) == "scheduled"
        clock.now += 3600
        assert last_event(id_) == "delivered"
        with pytest.raises(ResendError) as refusal:
            resend.Emails.update({"id": id_, "scheduled_at": "in 1 hour"})
        assert refusal.value.code == 422

    def test_can_be_cancelled_until_then(self, sandbox: Sandbox, clock: Clock) -> None:
        id_ = send(scheduled_at="in 1 hour")
        assert resend.Emails.cancel(id_)["id"] == id_
        clock.now += DAY
        assert last_event(id_) == "canceled"
        for sent in (id_, send()):
            with pytest.raises(ResendError) as refusal:
                resend.Emails.cancel(sent)
            assert refusal.value.code == 422


class TestRemembering:
    def test_a_later_sandbox_knows_mails_keys_and_schedules(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: Clock
    ) -> None:
        with Sandbox(tmp_path, clock=clock) as first:
            use(first, monkeypatch)
            sent = send("welcome/1", attachments=[{"filename": "a", "content": "AAAA"}])
            waiting = send(scheduled_at="in 1 hour")
        with (tmp_path / "journal.jsonl").open("ab") as journal:
            journal.write(b'{"kind": "mail", "id"')  # killed while it wrote
        with Sandbox(tmp_path, clock=clock, api_key=first.env["RESEND_API_KEY"]) as second:
            use(second, monkeypatch)
            again = send("welcome/1", attachments=[{"filename": "a", "content": "AAAA"}])
            assert again == sent
            assert second.attachments(second.mails[0]) == [bytes(3)]
            assert last_event(waiting) == "scheduled"
            clock.now += 3600
            assert last_event(waiting) == "delivered"
            assert len(second.mails) == 2

    @pytest.mark.parametrize("line", ['{"kind": "mail", "id": "a", "attachments": [], "colour": 7}', "{}", "?"])
    def test_what_another_version_left_is_forgotten(self, tmp_path: Path, line: str) -> None:
        (tmp_path / "journal.jsonl").write_text(line + "\n")
        with Sandbox(tmp_path) as sandbox:
            assert sandbox.mails == []
        assert (tmp_path / "journal.jsonl").read_text() == ""

    def test_counts_by_what_a_mail_carries(self, sandbox: Sandbox) -> None:
        for tag in ("a", "a", "b"):
            send(tags=[{"name": "message", "value": tag}])
        assert sandbox.accepted(tag=("message", "a")) == 2
        assert sandbox.counts(by=lambda kept: kept.tags["message"]) == Counter(a=2, b=1)

    def test_its_threads_end(self) -> None:
        before = threading.active_count()
        with Sandbox():
            assert threading.active_count() > before
        until(lambda: threading.active_count() <= before)
