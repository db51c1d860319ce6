"""Invoicing an order over the API: issued, rendered, read, sent, paid, credited."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from functions.email_service import templates
from functions.invoice.document import Content
from functions.invoice.einvoice import to_xml
from local.stack import Stack
from tests.functions.billing import INVOICES, Office
from tests.functions.conftest import ailing
from tests.ordering import DEPOSIT, TOTAL


def years() -> str:
    return str(datetime.now(UTC).year)


class TestIssuing:
    def test_a_deposit_and_a_balance_come_to_the_order(self, office: Office) -> None:
        order = office.order()
        deposit = office.issued(order, "deposit")
        assert deposit["payable"] == {"amount_minor": DEPOSIT, "currency": "EUR"}
        assert (deposit["status"], deposit["document"]["state"]) == ("issued", "pending")
        balance = office.issued(order, "balance")
        assert balance["payable"]["amount_minor"] == TOTAL - DEPOSIT
        assert balance["content"]["lines"][-1]["deducts"]["number"] == deposit["number"]
        before, after = (each["number"].split("-") for each in (deposit, balance))
        assert before[0] == after[0] == "INV"
        assert int(after[2]) == int(before[2]) + 1

    @pytest.mark.parametrize("kind", ["deposit", "full"])
    def test_nothing_is_invoiced_twice(self, office: Office, kind: str) -> None:
        order = office.order()
        office.issued(order, kind)
        assert [office.create(order, again).code for again in ("deposit", "full")] == ["already_invoiced"] * 2

    def test_sent_again_with_its_key_it_is_the_same(self, office: Office) -> None:
        order, headers = office.order(), {"Idempotency-Key": str(uuid4())}
        first, second = (
            office.api(
                "POST",
                INVOICES,
                token=office.owner.token,
                json={"order_id": str(order), "kind": "full"},
                headers=headers,
            )
            for _ in range(2)
        )
        assert first.json["number"] == second.json["number"]
        assert second.headers["idempotent-replayed"] == "true"

    def test_a_draft_has_no_number_until_it_is_issued(self, office: Office) -> None:
        order = office.order()
        draft = office.issued(order, draft=True)
        assert (draft["status"], draft["number"], draft["document"]) == ("draft", None, None)
        assert draft["content"]["payable_minor"] == TOTAL
        for path in ("pdf", "xml"):
            assert office.ask("GET", f"/{draft['id']}/{path}").code == "not_issued"
        issued = office.ask("POST", f"/{draft['id']}/issue").json
        assert issued["number"] == issued["content"]["number"] is not None
        assert office.ask("POST", f"/{draft['id']}/void").code == "not_a_draft"

    def test_a_voided_draft_is_over(self, office: Office) -> None:
        order = office.order()
        draft = office.issued(order, draft=True)
        assert office.ask("POST", f"/{draft['id']}/void").json["status"] == "void"
        assert office.ask("POST", f"/{draft['id']}/issue").code == "not_a_draft"
        assert office.issued(order)["status"] == "issued"

    def test_a_seller_who_is_nobody_yet_is_told_what_is_missing(self, office: Office) -> None:
        stranger = office.people.sign_up("Nobody yet")
        order = office.order_in(stranger.workspace_id)
        answer = office.create(order, by=stranger)
        assert answer.code == "seller_incomplete"
        assert "legal_name" in answer.json["detail"]

    @pytest.mark.parametrize(
        ("buyer", "code"),
        [
            ({"vat_id": "DE136695977"}, "value_error"),  # its check digit is wrong
            ({"vat_id": "ZZ136695976"}, "value_error"),
            ({"vat_id": "FR83404833048", "country": "DE"}, "value_error"),
            ({"country": "Germany"}, "string_pattern_mismatch"),
            ({"name": "\u202eevil"}, "string_pattern_mismatch"),
        ],
    )
    def test_a_buyer_must_be_somebody(self, office: Office, buyer: dict[str, str], code: str) -> None:
        answer = office.create(office.order(), buyer=buyer)
        assert answer.status == 422
        assert answer.json["errors"][0]["code"] == code

    def test_between_businesses_of_the_union_the_buyer_pays_the_tax(self, office: Office) -> None:
        buyer = {"name": "Atelier Sud SARL", "country": "FR", "vat_id": "FR 83 404 833 048"}
        invoice = office.issued(office.order(), buyer=buyer)
        (tax,) = invoice["content"]["taxes"]
        assert (tax["category"], tax["tax_minor"], tax["reason_code"]) == ("K", 0, "VATEX-EU-IC")
        assert invoice["content"]["buyer"]["vat_id"] == "FR83404833048"
        assert b"VATEX-EU-IC" in office.ask("GET", f"/{invoice['id']}/xml").body


class TestDocuments:
    def test_the_document_follows_and_is_kept(self, office: Office) -> None:
        invoice = office.issued(office.order())
        assert office.render()["delivered"] == 1
        assert office.render()["idle"]
        read = office.read(invoice)
        assert read["document"]["state"] == "ready"
        link, pdf = office.pdf(invoice)
        assert pdf.startswith(b"%PDF-1.7")
        assert hashlib.sha256(pdf).hexdigest() == link["sha256"] == read["document"]["sha256"]
        assert link["file_name"] == f"{invoice['number']}.pdf"
        assert (link["bytes"], link["expires_in_seconds"], link["paid_on"]) == (len(pdf), 600, None)

    def test_asked_for_before_it_is_rendered_at_once(self, office: Office) -> None:
        invoice = office.issued(office.order())
        link, pdf = office.pdf(invoice)
        assert hashlib.sha256(pdf).hexdigest() == link["sha256"]
        assert office.render()["delivered"] == 1  # which finds it there
        assert office.pdf(invoice)[0]["sha256"] == link["sha256"]

    def test_its_xml_is_the_one_inside(self, office: Office) -> None:
        invoice = office.issued(office.order())
        answer = office.ask("GET", f"/{invoice['id']}/xml")
        assert answer.headers["content-type"] == "application/xml"
        assert answer.body == to_xml(Content.model_validate(invoice["content"]))

    def test_a_pro_forma_is_no_e_invoice(self, office: Office) -> None:
        invoice = office.issued(office.order(), "proforma")
        assert invoice["number"].startswith(f"PRO-{years()}-")
        assert office.ask("GET", f"/{invoice['id']}/xml").code == "no_e_invoice"
        assert office.pdf(invoice)[1].startswith(b"%PDF")

    def test_the_link_opens_nothing_else(self, office: Office) -> None:
        invoice = office.issued(office.order())
        link, _ = office.pdf(invoice)
        assert office.download(link["url"]) == 200
        for url in (link["url"].partition("?")[0], link["url"][:-4] + "AAAA", link["url"].replace(".pdf", "-paid.pdf")):
            assert office.download(url) >= 400

    def test_with_storage_away_it_is_tried_again(
        self, office: Office, stack: Stack, environment: pytest.MonkeyPatch
    ) -> None:
        invoice = office.issued(office.order())
        with ailing(stack.env["SUPABASE_URL"], lambda path: 503 if path.startswith("/storage/") else None) as url:
            environment.setenv("SUPABASE_URL", url)
            assert office.render()["again"] == 1
        environment.setenv("SUPABASE_URL", stack.env["SUPABASE_URL"])
        assert office.read(invoice)["document"]["state"] == "pending"
        office.database.execute("update private.outbox set due_at = now() where topic = 'invoice'")
        assert office.render()["delivered"] == 1
        assert office.read(invoice)["document"]["state"] == "ready"


class TestSending:
    def test_it_waits_for_its_document(self, office: Office) -> None:
        order = office.order()
        invoice = office.issued(order)
        assert office.ask("POST", f"/{invoice['id']}/send").status == 202
        assert office.mails(order) == []
        office.render()
        (mail,) = office.mails(order)
        assert (mail["template"], mail["recipient"]) == ("invoice", "maya@example.com")
        assert mail["attachments"][0]["name"] == f"{invoice['number']}.pdf"
        assert office.read(invoice)["sent_at"]
        templates.find("invoice").read(mail["data"])

    def test_sent_again_it_goes_again(self, office: Office) -> None:
        order = office.order()
        invoice = office.issued(order)
        office.render()
        for _ in range(2):
            assert office.ask("POST", f"/{invoice['id']}/send").status == 202
        assert len(office.mails(order)) == 2

    def test_paid_it_is_stamped_and_mailed(self, office: Office) -> None:
        order = office.order()
        invoice = office.issued(order, "deposit")
        office.render()
        _, original = office.pdf(invoice)
        office.pay(order, DEPOSIT)
        assert office.read(invoice)["status"] == "paid"
        office.render()
        (mail,) = office.mails(order)
        assert mail["attachments"][0]["name"].startswith(f"{invoice['number']}-paid-")
        assert mail["data"]["due"]["amount_minor"] == 0
        templates.find("invoice").read(mail["data"])
        link, stamped = office.pdf(invoice)
        assert link["paid_on"]
        assert stamped != original
        assert office.pdf(invoice, query="?original=true")[1] == original


class TestCrediting:
    def test_some_of_a_line_then_all_that_is_left(self, office: Office) -> None:
        order = office.order()
        invoice = office.issued(order)
        part = {"reason": "Two came back", "lines": [{"line": 1, "quantity": "2"}]}
        first = office.ask("POST", f"/{invoice['id']}/credit-notes", json=part)
        assert first.status == 201
        assert (first.json["kind"], first.json["credits"]) == ("credit_note", invoice["id"])
        assert first.json["number"].startswith(f"CN-{years()}-")
        rest = office.ask("POST", f"/{invoice['id']}/credit-notes", json={"reason": "All of it", "full": True}).json
        assert first.json["payable"]["amount_minor"] + rest["payable"]["amount_minor"] == TOTAL
        assert office.read(invoice)["status"] == "credited"
        again = office.ask("POST", f"/{invoice['id']}/credit-notes", json={"reason": "Again", "full": True})
        assert again.code == "credit_too_large"
        assert office.issued(order)["status"] == "issued"  # what was wrong is invoiced anew

    def test_a_credit_note_has_a_document_and_a_mail(self, office: Office) -> None:
        order = office.order()
        invoice = office.issued(order)
        note = office.ask("POST", f"/{invoice['id']}/credit-notes", json={"reason": "Returned", "full": True}).json
        office.ask("POST", f"/{note['id']}/send")
        office.render()
        (mail,) = office.mails(order)
        assert (mail["template"], mail["data"]["invoice_number"]) == ("credit-note", invoice["number"])
        templates.find("credit-note").read(mail["data"])
        assert b"<ram:TypeCode>381</ram:TypeCode>" in office.ask("GET", f"/{note['id']}/xml").body

    @pytest.mark.parametrize(
        ("body", "status"),
        [
            ({"reason": "Both", "full": True, "lines": [{"line": 1}]}, 422),
            ({"reason": "Neither"}, 422),
            ({"reason": "Twice", "lines": [{"line": 1}, {"line": 1}]}, 422),
            ({"reason": "Both", "lines": [{"line": 1, "quantity": "1", "amount_minor": 1}]}, 422),
            ({"reason": "No such", "lines": [{"line": 9}]}, 422),
            ({"reason": "Too much", "lines": [{"line": 1, "quantity": "501"}]}, 409),
            ({"reason": "Too much", "lines": [{"line": 1, "amount_minor": TOTAL}]}, 409),
            ({"reason": "Nothing", "lines": [{"line": 1, "quantity": "0"}]}, 409),
        ],
    )
    def test_what_is_no_credit(self, office: Office, body: dict[str, object], status: int) -> None:
        invoice = office.issued(office.order())
        assert office.ask("POST", f"/{invoice['id']}/credit-notes", json=body).status == status
        assert office.read(invoice)["credited"]["amount_minor"] == 0


class TestReading:
    def test_buyers_read_theirs_and_no_drafts(self, office: Office) -> None:
        order = office.order()
        draft = office.issued(order, "proforma", draft=True)
        invoice = office.issued(order)
        listed = office.ask("GET", f"?order_id={order}", office.buyer).json["data"]
        assert [each["id"] for each in listed] == [invoice["id"]]
        assert office.ask("GET", f"/{draft['id']}", office.buyer).status == 404
        assert office.pdf(invoice, office.buyer)[1].startswith(b"%PDF")
        other = office.issued(office.order(_buyer=office.people.member(office.owner.workspace_id, "buyer").user_id))
        assert office.ask("GET", f"/{other['id']}/pdf", office.buyer).status == 404

    def test_another_workspace_sees_nothing_alike(self, office: Office) -> None:
        invoice = office.issued(office.order())
        stranger = office.people.sign_up("Stranger")
        for path in ("", "/pdf", "/xml"):
            there = office.ask("GET", f"/{invoice['id']}{path}", stranger)
            nowhere = office.ask("GET", f"/{uuid4()}{path}", stranger)
            assert there.status == nowhere.status == 404
            assert {**there.json, "request_id": ""} == {**nowhere.json, "request_id": ""}

    def test_pages_by_state(self, office: Office) -> None:
        made = [office.issued(office.order())["id"] for _ in range(3)]
        first = office.ask("GET", "?limit=2&status=issued&kind=full").json
        assert [each["id"] for each in first["data"]] == made[:0:-1]
        second = office.ask("GET", f"?limit=2&status=issued&kind=full&cursor={first['next_cursor']}").json
        assert second["data"][0]["id"] == made[0]

    def test_overdue_is_told(self, office: Office) -> None:
        invoice = office.issued(office.order())
        office.age(UUID(invoice["id"]), timedelta(days=15))
        assert office.read(invoice)["status"] == "overdue"


class TestSettings:
    def test_are_kept_as_they_are_written(self, office: Office) -> None:
        wanted = {"vat_id": "de 136 695 976", "iban": "DE89 3704 0044 0532 0130 00", "payment_days": 30}
        answer = office.ask("PUT", "/settings", json=wanted)
        assert (answer.json["vat_id"], answer.json["iban"]) == ("DE136695976", "DE89370400440532013000")
        assert office.ask("GET", "/settings").json == answer.json
        assert answer.json["seller"]["name"] == "Atelier Nord GmbH"

    @pytest.mark.parametrize(
        "wanted",
        [{"vat_id": "DE136695970"}, {"iban": "DE88370400440532013000"}, {"bic": "NOBIC"}, {"payment_days": 121}],
    )
    def test_refuse_what_is_wrong(self, office: Office, wanted: dict[str, object]) -> None:
        assert office.ask("PUT", "/settings", json=wanted).status == 422
