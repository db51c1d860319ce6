"""/api/quote-generator: a price for what is to be made, computed from a rate card and computable again to the cent.

Price is arithmetic on data (`pricing`, pure); a model only writes the narrative and reads briefs. Side effects: a
quote, an audit entry, and the mail with it where somebody of the workspace makes it; an order, once, where it is
converted.
"""

from __future__ import annotations

import secrets
from datetime import date
from typing import Any
from uuid import UUID

from functions.quote_generator import quoting, telling, typesetting
from functions.quote_generator.brief.models import Known, Parsed
from functions.quote_generator.cards import INCOTERMS
from functions.quote_generator.models import (
    CodeSent,
    Conversion,
    Converted,
    Declining,
    Description,
    GuestQuote,
    InWorkspace,
    Quote,
    QuotePage,
    QuoteRequest,
    Quotes,
    Replay,
    Token,
)
from functions.quote_generator.ratecards import ByProduct, NewRateCard, RateCards, RateCardVersion
from shared import context, peers
from shared.ai.ledger import Asker
from shared.auth import Caller
from shared.binding import Reply
from shared.database import as_caller, as_service
from shared.limits import Limit
from shared.models import page
from shared.web import Function

BY_PERSON = Limit("quotes", 20, 86_400)
BY_ADDRESS = Limit("quotes.guests", 15, 86_400)
BRIEFS = Limit("quotes.briefs", 60, 3600)
NOT_MINE = ["404 not_found"]
PRICED = ["429 rate_limited", *NOT_MINE]
UNTYPESET = ["503 function_refused", "503 function_unavailable"]

app = Function("quote-generator", max_duration_seconds=30)


@app.post(public=True, status=201, problems=PRICED)
def create_quote(caller: Caller | None, body: QuoteRequest, query: InWorkspace) -> GuestQuote:
    """Price what is to be made. Guests name the workspace, and are told once what opens their quote."""
    basis = basis_of(caller, query.workspace_id, body)
    token = None if caller else secrets.token_urlsafe(24)
    made = as_service().rpc(
        "create_quote",
        caller=person(caller),
        workspace_id=basis["workspace_id"],
        quote=told(caller, body, basis),
        token=token,
    )
    if basis["role"] == "staff":
        peers.nudge("email-service/deliver")
    return GuestQuote.model_validate({**made, "token": token})


@app.get(problems=NOT_MINE)
def list_quotes(caller: Caller, query: QuotePage) -> Quotes:
    """The quotes of a workspace, newest first: all, or one's own."""
    rows = as_caller(caller).rpc(
        "list_quotes",
        workspace_id=text(query.workspace_id),
        status=query.status,
        after=text(query.cursor),
        page_size=query.limit + 1,
    )
    return Quotes.model_validate(page(rows, query.limit, "id"))


@app.get("/rate-cards", problems=NOT_MINE)
def list_rate_cards(caller: Caller, query: ByProduct) -> RateCards:
    """The rate cards that count now; with product_type, all versions of that one."""
    rows = as_caller(caller).rpc("list_rate_cards", workspace_id=text(query.workspace_id), product=query.product_type)
    return RateCards.model_validate({"data": rows})


@app.post("/rate-cards", permission="rates.manage", status=201)
def add_rate_card(caller: Caller, body: NewRateCard) -> RateCardVersion:
    """Enter a new version of a product's rate card, or the first of a new product. It counts at once."""
    added = as_service().rpc(
        "add_rate_card",
        caller=str(caller.user_id),
        workspace_id=str(caller.workspace_id),
        product=body.product_type,
        content=body.card.model_dump(mode="json", exclude_none=True),
        note=body.note,
    )
    return RateCardVersion.model_validate(added)


@app.post("/parse", public=True, idempotent=False, problems=PRICED)
def parse_brief(caller: Caller | None, body: Description, query: InWorkspace) -> Parsed:
    """Read a brief in somebody's own words: the fields it gives, how sure, and what is left to ask."""
    from functions.quote_generator.understanding import understand

    limit = BRIEFS.wanted(str(caller.user_id) if caller else context.current().ip)
    basis = as_service().begin(
        "brief_basis", caller=person(caller), workspace_id=text(query.workspace_id), limits=[limit]
    )
    return understand(
        body.description,
        Asker(caller.user_id if caller else None, UUID(basis["workspace_id"])),
        date.fromisoformat(basis["today"]),
        Known(basis["fabrics"], incoterms=INCOTERMS),
    )


@app.get("/<quote_id>", public=True, problems=NOT_MINE)
def read_quote(caller: Caller | None, quote_id: UUID, query: Token) -> Quote:
    """A quote, for whoever made it, for the workspace, or for a guest with its token."""
    return Quote.model_validate(stored(caller, quote_id, query.token))


@app.get("/<quote_id>/replay", public=True, problems=NOT_MINE)
def replay_quote(caller: Caller | None, quote_id: UUID, query: Token) -> Replay:
    """Compute a quote's price again from what was stored: equal, or which lines differ."""
    return Replay.model_validate(quoting.replayed(stored(caller, quote_id, query.token)))


@app.get("/<quote_id>/pdf", public=True, media_type="application/pdf", problems=[*NOT_MINE, *UNTYPESET])
def read_quote_pdf(caller: Caller | None, quote_id: UUID, query: Token) -> Reply[bytes]:
    """A quote as a PDF, in the design of the invoices that follow."""
    quote = as_service().rpc("quote_document", caller=person(caller), quote_id=str(quote_id), token=query.token)
    name = f"{quote['number']}-{quote['version']}.pdf"
    return Reply(typesetting.pdf(quote), 200, {"Content-Disposition": f'inline; filename="{name}"'})


@app.post("/<quote_id>/revise", public=True, status=201, problems=["409 quote_not_current", *PRICED])
def revise_quote(caller: Caller | None, quote_id: UUID, body: QuoteRequest, query: Token) -> Quote:
    """Price a quote anew, at today's rates: a new version, which supersedes this one."""
    old = stored(caller, quote_id, query.token)
    basis = basis_of(caller, UUID(old["workspace_id"]), body)
    revised = as_service().rpc(
        "revise_quote",
        caller=person(caller),
        quote_id=str(quote_id),
        token=query.token,
        revised=told(caller, body, basis),
    )
    if basis["role"] == "staff":
        peers.nudge("email-service/deliver")
    return Quote.model_validate(revised)


@app.post("/<quote_id>/decline", public=True, problems=["409 quote_not_open", *NOT_MINE])
def decline_quote(caller: Caller | None, quote_id: UUID, body: Declining, query: Token) -> Quote:
    """Say no to a quote."""
    declined = as_service().rpc(
        "decline_quote", caller=person(caller), quote_id=str(quote_id), token=query.token, reason=body.reason
    )
    return Quote.model_validate(declined)


@app.post("/<quote_id>/code", public=True, status=202, problems=["409 quote_not_open", "429 rate_limited", *NOT_MINE])
def send_code(caller: Caller | None, quote_id: UUID, query: Token) -> CodeSent:
    """Mail a guest the code that proves the quote's address is theirs: ten minutes, five tries, three a day."""
    code = f"{secrets.randbelow(1_000_000):06d}"
    sent = as_service().rpc(
        "send_quote_code", caller=person(caller), quote_id=str(quote_id), token=query.token, code=code
    )
    peers.nudge("email-service/deliver")
    return CodeSent.model_validate(sent)


@app.post(
    "/<quote_id>/convert",
    public=True,
    status=201,
    idempotent=False,  # it is by itself, and the answer opens something
    also={200: Converted},
    problems=["403 code_needed", "409 quote_expired", "409 quote_not_open", "422 code_invalid", *NOT_MINE],
)
def convert_quote(caller: Caller | None, quote_id: UUID, body: Conversion, query: Token) -> Reply[Converted]:
    """Make a quote an order, once; 200 and the same order for whoever comes again. Guests send the code they got."""
    tracking = secrets.token_urlsafe(24)
    made = as_service().rpc(
        "convert_quote",
        caller=person(caller),
        quote_id=str(quote_id),
        token=query.token,
        code=body.code,
        tracking_token=tracking,
    )
    peers.nudge("email-service/deliver")
    return Reply(Converted.model_validate(made), 201 if made["tracking_token"] else 200)


def basis_of(caller: Caller | None, workspace_id: UUID | None, body: QuoteRequest) -> dict[str, Any]:
    """What the price is computed from. Raises `Problem` 403, 404 and 429."""
    wanted = BY_PERSON.wanted(str(caller.user_id)) if caller else BY_ADDRESS.wanted(context.current().ip)
    return as_service().begin(
        "quote_basis",
        caller=person(caller),
        workspace_id=text(workspace_id),
        product=body.product_type,
        currency=body.currency,
        limits=[wanted],
    )


def told(caller: Caller | None, body: QuoteRequest, basis: dict[str, Any]) -> dict[str, Any]:
    """The quote with a few sentences about it, and as its mail has it."""
    quote = quoting.quoted(body, basis)
    return {
        **quote,
        "narrative": telling.narrative(quote, caller.user_id if caller else None, UUID(basis["workspace_id"])),
        "mail": telling.mail(quote) if basis["role"] == "staff" else None,
    }


def stored(caller: Caller | None, quote_id: UUID, token: str | None) -> dict[str, Any]:
    """A quote with all it was computed from. Raises `Problem` 404."""
    # No procedure that ends the request: a revision still has its change to make.
    found = as_service().begin("read_quote", caller=person(caller), quote_id=str(quote_id), token=token)
    body: dict[str, Any] = found["body"]
    return body


def person(caller: Caller | None) -> str | None:
    """As SQL is given it."""
    return str(caller.user_id) if caller else None


def text(identifier: UUID | None) -> str | None:
    """As SQL is given it."""
    return None if identifier is None else str(identifier)
