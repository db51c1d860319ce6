"""Attachments of mails: uploaded, looked at, sent along."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import psycopg
import urllib3

from local.resend import Sandbox
from local.stack import Stack
from tests.api import InProcess
from tests.functions.mailing import deliver, explain, send
from tests.people import People, Person


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
