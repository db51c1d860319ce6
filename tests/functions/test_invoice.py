"""Invoicing an order: issued, rendered, read, sent, paid, credited."""

from __future__ import annotations

import hashlib

from tests.functions.billing import Office
from tests.ordering import DEPOSIT, TOTAL


def test_a_deposit_and_a_balance_come_to_the_order(office: Office) -> None:
    order = office.order()
    deposit = office.issued(order, "deposit")
    assert deposit["payable"] == {"amount_minor": DEPOSIT, "currency": "EUR"}
    assert (deposit["status"], deposit["document"]["state"]) == ("issued", "pending")
    balance = office.issued(order, "balance")
    assert balance["payable"]["amount_minor"] == TOTAL - DEPOSIT
    assert balance["content"]["lines"][-1]["deducts"]["number"] == deposit["number"]
    before, after = (int(each["number"].removeprefix("INV-2026-")) for each in (deposit, balance))
    assert after == before + 1


def test_the_document_follows_and_is_kept(office: Office) -> None:
    invoice = office.issued(office.order())
    while not office.render()["idle"]:
        pass
    read = office.read(invoice)
    assert read["document"]["state"] == "ready"
    link, pdf = office.pdf(invoice)
    assert pdf.startswith(b"%PDF-1.7")
    assert hashlib.sha256(pdf).hexdigest() == link["sha256"] == read["document"]["sha256"]
    assert link["file_name"] == f"{invoice['number']}.pdf"
    assert (link["bytes"], link["expires_in_seconds"], link["paid_on"]) == (len(pdf), 600, None)
