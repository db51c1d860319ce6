"""The page where a person pays an intent, as they would on the shop's own with the vendor's script."""

from hmac import compare_digest
from html import escape
from urllib.parse import parse_qs

from local.sandbox.journal import Json
from local.sandbox.server import Reply, Request
from local.stripe import intents
from local.stripe.account import Account, Change
from local.stripe.errors import Refused
from local.stripe.methods import METHODS, method
from local.stripe.money import written
from local.style import POLICY, page

HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": POLICY.replace("form-action 'none'", "form-action 'self'"),
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    "Referrer-Policy": "same-origin",
}
ANSWERS = {
    "requires_action": [("yes", "It is me: pay"), ("no", "It isn't me")],
    "processing": [("yes", "The bank sends it"), ("no", "The bank refuses")],
}


def paying(account: Account, request: Request) -> Reply:
    """`/pay/<intent>/<client secret>`: shows how it stands; a POST of `do` moves it, and leads back here."""
    _, _, id_, *rest = request.path.split("/")
    intent = account.find(id_)
    secret = intent.get("client_secret", "") if intent else ""
    if intent is None or len(rest) != 1 or not secret or not compare_digest(rest[0].encode(), secret.encode()):
        return _shown(404, "No such payment", "<h1>No such payment</h1>")
    if request.method == "GET":
        return _shown(200, "Pay", _page(intent))
    if request.method != "POST":
        return _shown(405, "Not allowed", "<h1>Not allowed</h1>")
    do = parse_qs(request.content.decode(errors="replace")).get("do", [""])[0]
    try:
        account.do(lambda change: _move(change, intent, do))
    except Refused as refusal:  # an old page, or none of ours
        return _shown(409, "Not possible", f"<h1>Not possible</h1><p>{escape(str(refusal))}</p>")
    return Reply(303, {}, {**HEADERS, "Location": request.path}, b"")


def _move(change: Change, intent: Json, do: str) -> Json:
    if do not in ("yes", "no"):
        return intents.paid(change, intent["id"], method(do))
    move = intents.settled if intent["status"] == "processing" else intents.answered
    return move(change, intent["id"], do == "yes")


def _page(intent: Json) -> str:
    choices = ANSWERS.get(intent["status"], [])
    if intent["status"] in ("requires_payment_method", "requires_confirmation"):
        choices = [(id_, id_.removeprefix("pm_")) for id_ in METHODS]
    buttons = "".join(
        f'<p><button name="do" value="{escape(value)}">{escape(label)}</button></p>' for value, label in choices
    )
    error = intent["last_payment_error"]
    trouble = f'<p role="alert">{escape(error["message"])}</p>' if error else ""
    return (
        f"<h1>{escape(written(intent['amount'], intent['currency']).upper())}</h1>"
        f'<p>{escape(intent["description"] or "A payment")} <span class="state">{escape(intent["status"])}</span></p>'
        f'{trouble}<form method="post">{buttons}</form>'
    )


def _shown(status: int, title: str, body: str) -> Reply:
    return Reply(status, {}, HEADERS, page(title, body).encode())
