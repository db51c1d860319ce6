"""Mails as people send them: queued and delivered, or refused."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import psycopg
import pytest

from functions.email_service import templates
from functions.email_service.explaining import REASONS
from local.resend import Sandbox
from local.stack import Stack
from tests.api import InProcess
from tests.functions.mailing import HELLO, address, deliver, explain, only, send
from tests.people import People, Person


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
