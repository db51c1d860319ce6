"""Unsubscribing by the link in a mail."""

from __future__ import annotations

from uuid import uuid4

from functions.email_service import templates
from local.resend import Sandbox
from local.stack import Stack
from tests.api import InProcess
from tests.functions.mailing import address, deliver, only, send
from tests.people import Person


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
