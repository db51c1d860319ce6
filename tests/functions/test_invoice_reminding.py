"""The scheduled reminders: who owes gets a mail with the invoice, once for each step."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest

from functions.email_service import templates
from tests.functions.billing import Office

SECRET = "a secret of the scheduler's, long enough for it"


def test_the_job_reminds_of_what_is_overdue(office: Office, environment: pytest.MonkeyPatch) -> None:
    environment.setenv("CRON_SECRET", SECRET)
    order, paid = office.order(), office.order()
    owed, settled = office.issued(order), office.issued(paid)
    office.pay(paid, settled["payable"]["amount_minor"])
    office.render()
    before = len(office.mails(paid))
    for invoice in (owed, settled):
        office.age(UUID(invoice["id"]), timedelta(days=14 + 15))  # it was due after fourteen

    def remind() -> int:
        answer = office.api("GET", "/api/jobs/remind-invoices", token=SECRET)
        assert answer.status == 200, answer.body
        return int(answer.json["counts"]["reminded"])

    assert remind() >= 1
    (mail,) = office.mails(order)
    assert mail["data"]["overdue_days"] == 15
    assert mail["attachments"][0]["name"] == f"{owed['number']}.pdf"
    templates.find("invoice").read(mail["data"])
    remind()
    assert len(office.mails(order)) == 1
    assert len(office.mails(paid)) == before
