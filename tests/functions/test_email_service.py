"""Mails as people and the provider meet them: queued, refused, delivered, followed, explained."""

from __future__ import annotations

import base64
import json
import re
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
import resend
import urllib3

from functions.email_service import templates
from functions.email_service.explaining import REASONS, STATES
from local.resend import Bounces, Complains, Fails, Mail, Opens, Sandbox
from local.resend.webhooks import signed
from local.stack import Stack
from tests.api import InProcess, Response
from tests.people import People, Person

HELLO = {"subject": "Hello", "paragraphs": ["How are you?"]}
WEBHOOK = "/api/email-service/webhooks/resend"


@pytest.fixture
def sandbox(stack: Stack, database: psycopg.Connection) -> Sandbox:
    """Resend without anything in it, and an outbox without any mail of another test."""
    database.execute("delete from private.outbox where topic = 'email'")
    database.execute("delete from private.deliveries where topic = 'email'")
    stack.resend.forget()
    return stack.resend


@pytest.fixture
def person(people: People) -> Person:
    return people.sign_up("Robin")


def address() -> str:
    return f"{uuid4().hex}@example.com"


def send(api: InProcess, person: Person, query: str = "", **fields: Any) -> Response:
    body = {"template": "plain", "to": address(), "data": HELLO} | fields
    return api("POST", f"/api/email-service{query}", token=person.token, json=body)


def deliver(api: InProcess, stack: Stack) -> dict[str, Any]:
    """One call of the worker."""
    answer = api(
        "POST", "/api/email-service/deliver", headers={"Authorization": f"Bearer {stack.env['INTERNAL_TOKEN']}"}
    )
    assert answer.status == 200, answer.body
    found: dict[str, Any] = answer.json
    return found


def explain(api: InProcess, person: Person, message: str) -> dict[str, Any]:
    answer = api("GET", f"/api/email-service/messages/{message}/explain", token=person.token)
    assert answer.status == 200, answer.body
    found: dict[str, Any] = answer.json
    return found


def tell(api: InProcess, stack: Stack, sandbox: Sandbox) -> list[int]:
    """The provider's webhooks about all that happened, last one first, each twice; the answers' statuses."""
    statuses = []
    for mail in sandbox.mails:
        for event in reversed(mail.events):
            body = json.dumps(mail.payload(event)).encode()
            headers = signed(stack.env["RESEND_WEBHOOK_SECRET"], f"msg_{event.type}_{mail.id}", body, int(time.time()))
            statuses += [api("POST", WEBHOOK, body=body, headers=headers).status for _ in range(2)]
    return statuses


def only(sandbox: Sandbox) -> Mail:
    (mail,) = sandbox.mails
    return mail


class TestSending:
    def test_a_mail_arrives_as_its_template_says_in_the_workspaces_look(
        self, api: InProcess, stack: Stack, sandbox: Sandbox, person: Person
    ) -> None:
        changes = {"name": "Corner, Café", "reply_to": "hello@corner.example", "colour": "#7a1f4d"}
        assert api("PATCH", f"/api/workspaces/{person.workspace_id}", token=person.token, json=changes).status == 200
        to = address()
        answer = send(api, person, to=to)
        assert answer.status == 202
        assert answer.json["state"] == "queued"
        assert deliver(api, stack)["delivered"] == 1
        mail = only(sandbox)
        assert mail.sender == '"Corner, Café" <mail@backroom.example>'
        assert (mail.to, mail.reply_to, mail.subject) == ([to], ["hello@corner.example"], "Hello")
        assert "How are you?" in (mail.html or "")
        assert "How are you?" in (mail.text or "")
        assert "Corner, Café" in (mail.html or "")
        assert mail.tags["message"] == answer.json["id"]
        assert "List-Unsubscribe" not in mail.headers
        assert deliver(api, stack)["idle"]

    def test_a_name_with_lines_breaks_no_header_and_holds_up_nobody(
        self,
        api: InProcess,
        stack: Stack,
        sandbox: Sandbox,
        people: People,
        person: Person,
        database: psycopg.Connection,
    ) -> None:
        """Supabase Auth's own sign-up takes any name."""
        named = "update public.workspaces set name = %s where id = %s"
        database.execute(named, ["Corner\r\nBcc: all@example.com\u2028\u202eCafé\x01", person.workspace_id])
        send(api, person)
        other = send(api, people.sign_up("Other")).json["id"]
        assert deliver(api, stack)["delivered"] == 2
        assert other in {mail.tags["message"] for mail in sandbox.mails}
        assert '"Corner Bcc: all@example.com Café" <mail@backroom.example>' in {mail.sender for mail in sandbox.mails}

    @pytest.mark.parametrize("name", templates.NAMES)
    def test_every_template_is_sent_with_its_sample(
        self, api: InProcess, stack: Stack, sandbox: Sandbox, person: Person, name: str
    ) -> None:
        template = templates.find(name)
        assert send(api, person, template=name, data=template.sample).status == 202
        assert deliver(api, stack) == {
            "delivered": 1,
            "refused": 0,
            "again": 0,
            "unknown": 0,
            "idle": False,
            "wait_seconds": None,
        }
        mail = only(sandbox)
        assert mail.subject
        assert ("List-Unsubscribe" in mail.headers) is template.follow_up

    def test_many_are_sent_in_one_call(self, api: InProcess, stack: Stack, sandbox: Sandbox, person: Person) -> None:
        ids = {send(api, person).json["id"] for _ in range(7)}
        assert deliver(api, stack)["delivered"] == 7
        assert {mail.tags["message"] for mail in sandbox.mails} == ids
        assert [request.path for request in sandbox.asked] == ["/emails/batch"]

    def test_later_means_later(
        self, api: InProcess, stack: Stack, sandbox: Sandbox, person: Person, database: psycopg.Connection
    ) -> None:
        made = send(api, person, send_at="2026-12-24T08:00:00+01:00").json
        assert made["send_at"].startswith("2026-12-24T07:00:00")
        assert deliver(api, stack)["idle"]
        assert "It is due at" in " ".join(explain(api, person, made["id"])["because"])
        database.execute("update private.outbox set due_at = now() where topic = 'email'")
        assert deliver(api, stack)["delivered"] == 1

    def test_later_may_be_said_with_any_offset(self, api: InProcess, sandbox: Sandbox, person: Person) -> None:
        assert send(api, person, send_at="2026-12-24T08:00:00+23:59").json["send_at"].startswith("2026-12-23T08:01:00")

    def test_a_key_sends_once(self, api: InProcess, stack: Stack, sandbox: Sandbox, person: Person) -> None:
        body = {"template": "plain", "to": address(), "data": HELLO}
        answers = [
            api("POST", "/api/email-service", token=person.token, json=body, headers={"Idempotency-Key": "k"})
            for _ in range(3)
        ]
        assert {answer.body for answer in answers} == {answers[0].body}
        assert deliver(api, stack)["delivered"] == 1

    def test_what_one_mail_has_wrong_holds_up_no_other(
        self, api: InProcess, stack: Stack, sandbox: Sandbox, person: Person, database: psycopg.Connection
    ) -> None:
        good = [send(api, person).json["id"] for _ in range(2)]
        bad = send(api, person).json["id"]
        database.execute("update private.email_messages set data = '{\"no\": 1}' where id = %s", [bad])
        done = deliver(api, stack)
        assert (done["delivered"], done["refused"]) == (2, 1)
        assert {mail.tags["message"] for mail in sandbox.mails} == set(good)
        assert explain(api, person, bad)["reason"] == "invalid_data"

    def test_without_a_provider_mails_wait_and_say_so(
        self, api: InProcess, stack: Stack, sandbox: Sandbox, person: Person, environment: pytest.MonkeyPatch
    ) -> None:
        environment.delenv("RESEND_API_KEY")
        made = send(api, person).json["id"]
        assert deliver(api, stack)["again"] == 1
        assert REASONS["not_configured"] in " ".join(explain(api, person, made)["because"])


class TestRefusing:
    @pytest.mark.parametrize(
        ("fields", "pointer", "code"),
        [
            ({"to": "nobody"}, "/to", None),
            ({"to": "robin@example.com\r\nBcc: all@example.com"}, "/to", None),
            ({"to": "a" * 65 + "@example.com"}, "/to", None),
            ({"to": "a@" + "b" * 250 + ".com"}, "/to", None),
            ({"to": "robin@-example.com"}, "/to", "invalid_address"),
            ({"to": "robin@corner.test"}, "/to", "invalid_address"),
            ({"to": "robin@mailinator.com"}, "/to", "disposable_address"),
            ({"to": "robin@mail.Mailinator.com"}, "/to", "disposable_address"),
            ({"template": "newsletter"}, "/template", None),
            ({"data": {"subject": "Hello", "paragraphs": ["a"], "bcc": "x"}}, "/data", None),
            ({"data": {"paragraphs": ["a"]}}, "/data/subject", "missing"),
            ({"data": {"subject": "Hello\r\nBcc: x@y.example", "paragraphs": ["a"]}}, "/data/subject", None),
            ({"data": {"subject": "<b>Hello</b>", "paragraphs": ["a"]}}, "/data/subject", "markup"),
            (
                {"data": {"subject": "Hello", "paragraphs": ["<script>alert(1)</script>"]}},
                "/data/paragraphs/0",
                "markup",
            ),
            ({"data": "hello"}, "/data", None),
            ({"data": {"Bcc": "<b>x", "subject": "Hello", "paragraphs": ["a"]}}, "/data", "extra_forbidden"),
            ({"data": {"subject": "Hello", "paragraphs": [{"Bcc": ["<b>x"]}]}}, "/data/paragraphs/0", None),
            ({"send_at": "tomorrow"}, "/send_at", None),
            ({"send_at": "2026-12-24T08:00:00"}, "/send_at", None),
            ({"send_at": "2020-01-01T00:00:00Z"}, "/send_at", "value_error"),
            ({"send_at": "2126-01-01T00:00:00Z"}, "/send_at", "value_error"),
            ({"attachments": [{"path": "../x", "name": "a.pdf"}]}, "/attachments/0/path", None),
            ({"attachments": [{"path": f"{uuid4()}/{uuid4()}", "name": "a\r\nb.pdf"}]}, "/attachments/0/name", None),
            ({"cc": "x@example.com"}, "", "extra_forbidden"),
        ],
    )
    def test_what_is_wrong_is_named_and_nothing_queued(
        self,
        api: InProcess,
        stack: Stack,
        sandbox: Sandbox,
        person: Person,
        fields: dict[str, Any],
        pointer: str,
        code: str | None,
    ) -> None:
        answer = send(api, person, **fields)
        assert (answer.status, answer.code) == (422, "invalid_fields")
        found = answer.json["errors"]
        assert pointer in [error["pointer"] for error in found]
        assert code in [None, *(error["code"] for error in found)]
        assert "Bcc" not in answer.body.decode()
        assert deliver(api, stack)["idle"]
        listed = api("GET", "/api/email-service/messages", token=person.token)
        assert listed.json["data"] == []

    def test_who_may_not_send(self, api: InProcess, people: People, person: Person) -> None:
        assert send(api, people.member(person.workspace_id, "designer")).status == 403
        assert send(api, people.sign_up("Stranger"), f"?workspace_id={person.workspace_id}").status == 404

    def test_the_thousand_and_first_of_a_day(
        self, api: InProcess, stack: Stack, sandbox: Sandbox, person: Person, database: psycopg.Connection
    ) -> None:
        from tests.functions.conftest import spend

        spend(database, "email.daily", str(person.workspace_id), 999)
        assert send(api, person).headers["ratelimit"].startswith('"email.daily";r=0;')
        answer = send(api, person)
        assert (answer.status, answer.code) == (429, "rate_limited")
        assert int(answer.headers["retry-after"]) > 80_000


class TestAttachments:
    def upload(self, api: InProcess, person: Person, content: bytes, name: str = "size chart.pdf") -> dict[str, str]:
        place = api(
            "POST",
            "/api/email-service/attachments",
            token=person.token,
            json={"name": name, "content_type": "application/pdf"},
        ).json
        put = urllib3.request("PUT", place["upload_url"], body=content, headers={"Content-Type": "application/pdf"})
        assert put.status == 200, put.data
        return {"path": place["path"], "name": name}

    def test_are_sent_along(self, api: InProcess, stack: Stack, sandbox: Sandbox, person: Person) -> None:
        files = [self.upload(api, person, b"%PDF-1.7 one"), self.upload(api, person, b"%PDF-1.7 two", "zwölf.pdf")]
        send(api, person)
        assert send(api, person, attachments=files).status == 202
        while not deliver(api, stack)["idle"]:
            pass
        mail = next(mail for mail in sandbox.mails if mail.attachments)
        assert [each.filename for each in mail.attachments] == ["size chart.pdf", "zwölf.pdf"]
        assert sandbox.attachments(mail) == [b"%PDF-1.7 one", b"%PDF-1.7 two"]
        assert len(sandbox.mails) == 2

    def test_of_others_are_not_found(self, api: InProcess, people: People, sandbox: Sandbox, person: Person) -> None:
        file = self.upload(api, people.sign_up("Stranger"), b"secret")
        assert send(api, person, attachments=[file]).code == "attachment_not_found"
        nothing = {"path": f"{person.workspace_id}/{uuid4()}", "name": "a.pdf"}
        assert send(api, person, attachments=[nothing]).code == "attachment_not_found"

    def test_have_ten_megabytes_together(self, api: InProcess, stack: Stack, sandbox: Sandbox, person: Person) -> None:
        half = b"x" * (5 * 2**20)
        files = [self.upload(api, person, half), self.upload(api, person, half)]
        assert send(api, person, attachments=files).status == 202
        files.append(self.upload(api, person, b"x"))
        assert send(api, person, attachments=files).code == "attachments_too_large"

    def test_are_sent_while_they_are_kept(self, api: InProcess, sandbox: Sandbox, person: Person) -> None:
        file = self.upload(api, person, b"here")
        late, soon = ((datetime.now(UTC) + timedelta(days=days)).isoformat() for days in (90, 88))
        assert send(api, person, attachments=[file], send_at=late).code == "attachment_not_kept"
        assert send(api, person, attachments=[file], send_at=soon).status == 202
        assert send(api, person, send_at=late).status == 202

    def test_one_that_is_gone_when_the_mail_goes_out_fails_it(
        self, api: InProcess, stack: Stack, sandbox: Sandbox, person: Person, database: psycopg.Connection
    ) -> None:
        file = self.upload(api, person, b"here")
        made = send(api, person, attachments=[file]).json["id"]
        secret = stack.env["SUPABASE_SECRET_KEY"]
        gone = urllib3.request(
            "DELETE",
            f"{stack.env['SUPABASE_URL']}/storage/v1/object/attachments",
            json={"prefixes": [file["path"]]},
            headers={"apikey": secret, "Authorization": f"Bearer {secret}"},
        )
        assert gone.status == 200
        assert deliver(api, stack)["refused"] == 1
        assert explain(api, person, made)["reason"] == "attachment_missing"


class TestFollowing:
    def test_to_its_end_in_whatever_order_it_is_told(
        self, api: InProcess, stack: Stack, sandbox: Sandbox, person: Person
    ) -> None:
        made = send(api, person).json["id"]
        deliver(api, stack)
        assert set(tell(api, stack, sandbox)) == {200}
        story = explain(api, person, made)
        assert story["state"] == "delivered"
        assert [event["type"] for event in story["events"]] == ["sent", "delivered"]
        assert STATES["delivered"] in story["because"]
        assert [each["outcome"] for each in story["attempts"]] == ["delivered"]
        assert story["provider_id"] == only(sandbox).id

    @pytest.mark.parametrize(("behaviour", "state"), [(Bounces(), "bounced"), (Complains(), "complained")])
    def test_a_bounce_or_complaint_ends_writing_to_them_until_it_is_lifted(
        self, api: InProcess, stack: Stack, sandbox: Sandbox, person: Person, behaviour: Any, state: str
    ) -> None:
        to = address()
        sandbox.always(behaviour, to)
        made = send(api, person, to=to).json["id"]
        deliver(api, stack)
        tell(api, stack, sandbox)
        assert explain(api, person, made)["state"] == state
        again = send(api, person, to=to).json
        assert (again["state"], again["reason"]) == ("suppressed", state)
        assert REASONS[state] in explain(api, person, again["id"])["because"]
        (listed,) = api("GET", "/api/email-service/suppressions", token=person.token).json["data"]
        assert (listed["address"], listed["reason"]) == (to, state)
        path = f"/api/email-service/suppressions/{listed['id']}"
        assert api("DELETE", path, token=person.token).status == 204
        assert send(api, person, to=to).json["state"] == "queued"

    def test_opens_are_recorded_where_the_workspace_wants_it(
        self, api: InProcess, stack: Stack, sandbox: Sandbox, person: Person
    ) -> None:
        ids = []
        for wanted in (False, True):
            api("PATCH", f"/api/workspaces/{person.workspace_id}", token=person.token, json={"track_opens": wanted})
            to = address()
            sandbox.always(Opens(), to)
            ids.append(send(api, person, to=to).json["id"])
            deliver(api, stack)
            tell(api, stack, sandbox)
            sandbox.forget()
        assert [explain(api, person, id_)["state"] for id_ in ids] == ["delivered", "opened"]

    def test_a_refused_one_is_tried_again_when_a_person_says_so(
        self, api: InProcess, stack: Stack, sandbox: Sandbox, person: Person
    ) -> None:
        made = send(api, person).json["id"]
        sandbox.script(Fails(422))
        assert deliver(api, stack)["refused"] == 1
        assert explain(api, person, made)["state"] == "failed"
        assert api("POST", f"/api/email-service/messages/{made}/retry", token=person.token).status == 202
        assert deliver(api, stack)["delivered"] == 1
        assert api("POST", f"/api/email-service/messages/{made}/retry", token=person.token).code == "not_failed"

    def test_lists_by_state_template_and_address(
        self, api: InProcess, stack: Stack, sandbox: Sandbox, person: Person
    ) -> None:
        made = [send(api, person).json for _ in range(3)]
        sent = templates.find("one-time-code").sample
        code = send(api, person, template="one-time-code", data=sent).json

        def listed(query: str) -> list[str]:
            answer = api("GET", f"/api/email-service/messages?{query}", token=person.token)
            assert answer.status == 200, answer.body
            return [each["id"] for each in answer.json["data"]]

        assert listed("template=one-time-code") == [code["id"]]
        assert listed(f"to={made[0]['to'].upper()}") == [made[0]["id"]]
        assert listed("state=sent") == []
        deliver(api, stack)
        assert len(listed("state=sent")) == 4
        first = api("GET", "/api/email-service/messages?limit=3", token=person.token).json
        assert len(first["data"]) == 3
        assert listed(f"limit=3&cursor={first['next_cursor']}") == [made[0]["id"]]


class TestWebhook:
    """Signed by whoever knows the secret, about now; read to the byte."""

    BODY = json.dumps(
        {"type": "email.delivered", "created_at": "2026-01-01T00:00:00Z", "data": {"email_id": "e"}}
    ).encode()

    def post(self, api: InProcess, stack: Stack, **changed: Any) -> Response:
        secret = changed.get("secret", stack.env["RESEND_WEBHOOK_SECRET"])
        headers = signed(secret, "msg_1", self.BODY, int(time.time()) + changed.get("late", 0))
        headers |= changed.get("headers", {})
        return api("POST", WEBHOOK, body=changed.get("body", self.BODY), headers=headers)

    def test_the_vendors_library_agrees(self, api: InProcess, stack: Stack) -> None:
        headers = signed(stack.env["RESEND_WEBHOOK_SECRET"], "msg_1", self.BODY, int(time.time()))
        resend.Webhooks.verify(
            {
                "payload": self.BODY.decode(),
                "headers": {
                    "id": headers["svix-id"],
                    "timestamp": headers["svix-timestamp"],
                    "signature": headers["svix-signature"],
                },
                "webhook_secret": stack.env["RESEND_WEBHOOK_SECRET"],
            }
        )
        assert self.post(api, stack).json == {"outcome": "unknown"}

    @pytest.mark.parametrize("late", [-290, 290])
    def test_near_enough_to_now(self, api: InProcess, stack: Stack, late: int) -> None:
        assert self.post(api, stack, late=late).status == 200

    @pytest.mark.parametrize(
        "changed",
        [
            {"late": -301},
            {"late": 310},
            {"late": 31_536_000},
            {"body": BODY.replace(b"delivered", b"delivereD")},
            {"body": BODY + b" "},
            {"secret": "whsec_" + base64.b64encode(b"another secret, as long").decode()},
            {"headers": {"svix-id": "msg_2"}},
            {"headers": {"svix-id": ""}},
            {"headers": {"svix-timestamp": ""}},
            {"headers": {"svix-timestamp": "٣"}},
            {"headers": {"svix-timestamp": "-1"}},
            {"headers": {"svix-signature": ""}},
            {"headers": {"svix-signature": "v1,"}},
            {"headers": {"svix-signature": "v1,é"}},
            {"headers": {"svix-signature": "v2,AAAA"}},
        ],
        ids=lambda changed: str(changed)[:60],
    )
    def test_refuses_all_else(self, api: InProcess, stack: Stack, changed: dict[str, Any]) -> None:
        answer = self.post(api, stack, **changed)
        assert (answer.status, answer.code) == (401, "signature_invalid")

    def test_takes_one_of_several_signatures(self, api: InProcess, stack: Stack) -> None:
        right = signed(stack.env["RESEND_WEBHOOK_SECRET"], "msg_1", self.BODY, int(time.time()))["svix-signature"]
        assert self.post(api, stack, headers={"svix-signature": f"v1,AAAA v2,x {right}"}).status == 200

    def test_takes_the_secret_before_too(self, api: InProcess, stack: Stack, environment: pytest.MonkeyPatch) -> None:
        environment.setenv("RESEND_WEBHOOK_SECRET_PREVIOUS", stack.env["RESEND_WEBHOOK_SECRET"])
        environment.setenv("RESEND_WEBHOOK_SECRET", "whsec_" + base64.b64encode(b"n" * 24).decode())
        assert self.post(api, stack).status == 200

    @pytest.mark.parametrize("secret", ["", "whsec_", "whsec_!!", "whsec_" + base64.b64encode(b"short").decode()])
    def test_is_closed_without_a_secret(
        self, api: InProcess, stack: Stack, environment: pytest.MonkeyPatch, secret: str
    ) -> None:
        environment.setenv("RESEND_WEBHOOK_SECRET", secret)
        assert self.post(api, stack).code == "not_configured"

    @pytest.mark.parametrize(
        "body", [b"", b"[]", b"{}", b'{"type": "email.sent"}', b"\xff", b'{"type": ["a"]}', b"[" * 9999], ids=range(7)
    )
    def test_says_what_it_cannot_read(self, api: InProcess, stack: Stack, body: bytes) -> None:
        headers = signed(stack.env["RESEND_WEBHOOK_SECRET"], "msg_1", body, int(time.time()))
        answer = api("POST", WEBHOOK, body=body, headers=headers)
        assert answer.code == "unreadable" or answer.json == {"outcome": "ignored"}

    @pytest.mark.parametrize(
        ("created_at", "email_id"),
        [("infinity", "a"), ("now", "a"), ("", "a"), (5, "a")]
        + [("2026-01-01T00:00:00Z", id_) for id_ in ("", "a\0b", "a" * 101, None, {"a": 1}, "\ud800")],
    )
    def test_says_so_of_an_event_that_cannot_be(
        self, api: InProcess, stack: Stack, created_at: object, email_id: object
    ) -> None:
        event = {"type": "email.sent", "created_at": created_at, "data": {"email_id": email_id}}
        body = json.dumps(event).encode()
        headers = signed(stack.env["RESEND_WEBHOOK_SECRET"], "msg_1", body, int(time.time()))
        assert api("POST", WEBHOOK, body=body, headers=headers).code == "unreadable"

    def test_acknowledges_what_it_keeps_nothing_of(self, api: InProcess, stack: Stack) -> None:
        body = b'{"type": "domain.created", "created_at": "2026-01-01T00:00:00Z", "data": {}}'
        headers = signed(stack.env["RESEND_WEBHOOK_SECRET"], "msg_1", body, int(time.time()))
        assert api("POST", WEBHOOK, body=body, headers=headers).json == {"outcome": "ignored"}


class TestUnsubscribing:
    def follow_up(self, api: InProcess, stack: Stack, sandbox: Sandbox, person: Person, to: str) -> str:
        sandbox.forget()
        send(api, person, template="quote-followup", data=templates.find("quote-followup").sample, to=to)
        deliver(api, stack)
        header = only(sandbox).headers["List-Unsubscribe"]
        assert only(sandbox).headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        assert header.startswith(f"<{stack.env['API_URL']}/api/email-service/unsubscribe/")
        return header.strip("<>").removeprefix(stack.env["API_URL"])

    def test_takes_one_click_of_a_mail_program(
        self, api: InProcess, stack: Stack, sandbox: Sandbox, person: Person
    ) -> None:
        to = address()
        path = self.follow_up(api, stack, sandbox, person, to)
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        for _ in range(2):
            assert api("POST", path, body=b"List-Unsubscribe=One-Click", headers=form).status == 200
        sample = templates.find("quote-followup").sample
        again = send(api, person, template="quote-followup", data=sample, to=to).json
        assert (again["state"], again["reason"]) == ("suppressed", "unsubscribed")
        assert send(api, person, to=to).json["state"] == "queued"

    def test_looking_at_the_page_changes_nothing(
        self, api: InProcess, stack: Stack, sandbox: Sandbox, person: Person
    ) -> None:
        name = {"name": "<Corner> & Sons"}
        api("PATCH", f"/api/workspaces/{person.workspace_id}", token=person.token, json=name)
        path = self.follow_up(api, stack, sandbox, person, address())
        page = api("GET", path)
        assert (page.status, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
        assert b"&lt;Corner&gt; &amp; Sons" in page.body
        assert b'<form method="post">' in page.body
        assert api("GET", "/api/email-service/suppressions", token=person.token).json["data"] == []

    def test_a_link_that_leads_nowhere(self, api: InProcess) -> None:
        for method in ("GET", "POST"):
            assert api(method, f"/api/email-service/unsubscribe/{uuid4()}").code == "not_found"


class TestTemplates:
    def test_are_known_to_the_database_alike(self, database: psycopg.Connection) -> None:
        known = database.execute("select name, follow_up, secret from private.email_templates").fetchall()
        ours = [(name, templates.find(name).follow_up, templates.find(name).secret) for name in templates.NAMES]
        assert sorted(known) == sorted(ours)

    def test_are_listed_with_what_they_take(self, api: InProcess, person: Person) -> None:
        listed = api("GET", "/api/email-service/templates", token=person.token).json["data"]
        assert [each["name"] for each in listed] == list(templates.NAMES)
        assert all(each["data_schema"]["properties"] and each["sample"] and each["description"] for each in listed)

    @pytest.mark.parametrize("name", templates.NAMES)
    def test_can_be_previewed_in_the_workspaces_look(self, api: InProcess, person: Person, name: str) -> None:
        renamed = api(
            "PATCH", f"/api/workspaces/{person.workspace_id}", token=person.token, json={"name": "Juniper Café"}
        )
        assert renamed.status == 200
        shown = api("GET", f"/api/email-service/templates/{name}/preview", token=person.token).json
        assert "Juniper Café" in shown["html"]
        assert shown["subject"]
        assert shown["text"]

    def test_unknown_ones_cannot(self, api: InProcess, person: Person) -> None:
        assert api("GET", "/api/email-service/templates/none/preview", token=person.token).code == "not_found"


def test_every_reason_has_a_sentence() -> None:
    """Whatever code the database or the provider's side may put down."""

    root = Path(__file__).parents[2]
    written = "".join(
        path.read_text() for path in (root / "functions/email_service").glob("[dp]*.py") if path.stem != "pages"
    )
    codes = set(re.findall(r'Outcome\([^)]*?"(?:delivered|again|unknown|refused)", "([a-z_]+)"', written))
    assert len(codes) >= 6
    assert codes <= REASONS.keys()
