"""/api/invoice: invoices and credit notes for orders, numbered without a gap, as PDF and e-invoice in one.

What is issued is composed, numbered and frozen by one procedure, which renders nothing; its document follows through
the outbox within moments, or at once for whoever asks. Side effects: a document in private storage, a mail to the buyer
when it is sent or paid, an audit entry for each change.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from pydantic import ValidationError

from functions.invoice import keeping
from functions.invoice.delivering import deliver
from functions.invoice.document import Content, QuoteContent
from functions.invoice.models import (
    DocumentLink,
    InvoiceDetail,
    InvoicePage,
    InvoiceRequest,
    Invoices,
    InWorkspace,
    NewCreditNote,
    NewSettings,
    Rendered,
    Settings,
    WhichCopy,
)
from shared import auth, peers, storage
from shared.auth import Caller
from shared.binding import Reply
from shared.database import as_caller, as_service
from shared.errors import Problem
from shared.models import page
from shared.web import Function

LINK_SECONDS = 600
INCOMPLETE = ["409 buyer_incomplete", "409 exchange_rate_needed", "409 order_not_invoiceable", "409 seller_incomplete"]
CHAINED = ["409 already_invoiced", "409 deposit_not_invoiced", "409 no_deposit", "422 reason_needed", "422 unknown_tax"]

# Ten documents of 200 lines leave 450 MB remembered by the typesetter.
app = Function("invoice", max_duration_seconds=60, memory_mb=1024)


@app.post(status=201, problems=["404 not_found", *INCOMPLETE, *CHAINED])
def create_invoice(caller: Caller, body: InvoiceRequest) -> InvoiceDetail:
    """Invoice an order's deposit, its balance or all of it, or make a draft or a pro forma of it."""
    made = as_service().rpc(
        "create_invoice",
        caller=str(caller.user_id),
        order_id=str(body.order_id),
        kind=body.kind,
        request=body.model_dump(mode="json", exclude={"order_id", "kind", "draft"}, exclude_none=True),
        draft=body.draft,
    )
    return rendered_soon(InvoiceDetail.model_validate(made))


@app.get(problems=["403 permission_denied", "404 not_found"])
def list_invoices(caller: Caller, query: InvoicePage) -> Invoices:
    """The invoices one may see, newest first: all of the workspace, or those of one's own orders."""
    rows = as_caller(caller).rpc(
        "list_invoices",
        workspace_id=text(query.workspace_id),
        status=query.status,
        kind=query.kind,
        order_id=text(query.order_id),
        after=text(query.cursor),
        page_size=query.limit + 1,
    )
    return Invoices.model_validate(page(rows, query.limit, "id"))


@app.get("/settings", problems=["404 not_found"])
def read_invoice_settings(caller: Caller, query: InWorkspace) -> Settings:
    """What invoices say of the seller."""
    return Settings.model_validate(
        as_caller(caller).rpc("read_invoice_settings", workspace_id=text(query.workspace_id))
    )


@app.route("PUT", "/settings", permission="workspace.manage")
def change_invoice_settings(caller: Caller, body: NewSettings) -> Settings:
    """Say it anew, all of it. Invoices already issued stay as they are."""
    changed = as_service().rpc(
        "change_invoice_settings",
        caller=str(caller.user_id),
        workspace_id=str(caller.workspace_id),
        settings=body.model_dump(),
    )
    return Settings.model_validate(changed)


@app.get("/<invoice_id>")
def read_invoice(caller: Caller, invoice_id: UUID) -> InvoiceDetail:
    """One invoice, with all that it says."""
    return InvoiceDetail.model_validate(as_caller(caller).rpc("read_invoice", invoice_id=str(invoice_id)))


@app.get("/<invoice_id>/pdf", problems=["409 not_issued", "503 storage_unavailable"])
def read_invoice_pdf(caller: Caller, invoice_id: UUID, query: WhichCopy) -> DocumentLink:
    """Where to download the document: of what is paid the stamped copy. Rendered now if it isn't there yet."""
    document = document_of(caller, invoice_id, original=query.original)
    kept = document if document["sha256"] else keeping.keep(document)
    return DocumentLink(
        url=storage.signed_url(keeping.BUCKET, document["path"], LINK_SECONDS),
        expires_in_seconds=LINK_SECONDS,
        file_name=document["path"].rpartition("/")[2],
        sha256=kept["sha256"],
        bytes=kept["bytes"],
        paid_on=document["paid_on"],
    )


@app.get("/<invoice_id>/xml", media_type="application/xml", problems=["409 no_e_invoice", "409 not_issued"])
def read_invoice_xml(caller: Caller, invoice_id: UUID) -> Reply[bytes]:
    """The e-invoice by itself: EN 16931 as UN/CEFACT CII, the same that the PDF carries."""
    from functions.invoice.einvoice import to_xml
    from functions.invoice.expressing import NotExpressible

    document = document_of(caller, invoice_id, original=True)
    try:
        xml = to_xml(Content.model_validate(document["content"]))
    except NotExpressible as error:
        raise Problem(409, "no_e_invoice", "Of this there is no e-invoice: the standard has none like it.") from error
    return Reply(xml, 200, {"Content-Disposition": f'attachment; filename="{document["number"]}.xml"'})


@app.post("/<invoice_id>/issue", problems=["409 not_a_draft", *INCOMPLETE, *CHAINED])
def issue_invoice(caller: Caller, invoice_id: UUID) -> InvoiceDetail:
    """Give a draft its number. From then on it stays as it is."""
    issued = as_caller(caller).rpc("issue_invoice", invoice_id=str(invoice_id))
    return rendered_soon(InvoiceDetail.model_validate(issued))


@app.post("/<invoice_id>/void", problems=["409 not_a_draft"])
def void_invoice(caller: Caller, invoice_id: UUID) -> InvoiceDetail:
    """Give a draft up. What is issued is credited instead."""
    return InvoiceDetail.model_validate(as_caller(caller).rpc("void_invoice", invoice_id=str(invoice_id)))


@app.post("/<invoice_id>/send", status=202, problems=["409 no_recipient", "409 not_issued"])
def send_invoice(caller: Caller, invoice_id: UUID) -> InvoiceDetail:
    """Mail it to the buyer with the document attached, as soon as that is there."""
    sent = InvoiceDetail.model_validate(as_caller(caller).rpc("send_invoice", invoice_id=str(invoice_id)))
    if sent.document and sent.document.state == "ready":
        peers.nudge("email-service/deliver?rounds=5")
        return sent
    return rendered_soon(sent)


@app.post(
    "/<invoice_id>/credit-notes",
    status=201,
    problems=[
        "409 credit_too_large",
        "409 deducted_already",
        "409 not_creditable",
        "422 invalid_reason",
        "422 unknown_line",
    ],
)
def credit_invoice(caller: Caller, invoice_id: UUID, body: NewCreditNote) -> InvoiceDetail:
    """Credit an invoice, all that is left of it or some lines: never more than was invoiced."""
    lines = None if body.lines is None else [each.model_dump(exclude_none=True) for each in body.lines]
    made = as_caller(caller).rpc("credit_invoice", invoice_id=str(invoice_id), lines=lines, reason=body.reason)
    return rendered_soon(InvoiceDetail.model_validate(made))


@app.post("/deliver", signed_by=auth.internal)
def render_due() -> Rendered:
    """Render what is due, up to twenty documents."""
    return deliver()


@app.post("/quotes", signed_by=auth.internal, media_type="application/pdf", problems=["422 quote_unreadable"])
def typeset_quote(raw: bytes) -> Reply[bytes]:
    """A quote in the design of invoices, for the function that knows quotes."""
    from functions.invoice import rendering

    try:
        quote = QuoteContent.model_validate_json(raw)
    except ValidationError as error:
        raise Problem(422, "quote_unreadable", "This is not a quote as it is typeset.") from error
    return Reply(rendering.render_quote(quote, logo=keeping.logo(quote.logo)))


def document_of(caller: Caller, invoice_id: UUID, *, original: bool) -> dict[str, Any]:
    """What is typeset, and where it is kept."""
    found: dict[str, Any] = as_caller(caller).rpc(
        "read_invoice_document", invoice_id=str(invoice_id), original=original
    )
    return found


def rendered_soon(invoice: InvoiceDetail) -> InvoiceDetail:
    """Have the document made now, rather than by the next run of the job."""
    if invoice.status != "draft":
        peers.nudge("invoice/deliver")
    return invoice


def text(identifier: UUID | None) -> str | None:
    """As SQL is given it."""
    return None if identifier is None else str(identifier)
