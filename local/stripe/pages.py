"""The pages where a person pays: the intents that are open, and each as they would pay it with the vendor's script."""

from hmac import compare_digest
from html import escape
from typing import Literal
from urllib.parse import parse_qs

from local.sandbox.journal import Json
from local.sandbox.server import Reply, Request
from local.stripe import intents
from local.stripe.account import Account, Change
from local.stripe.errors import Refused
from local.stripe.methods import METHODS, method
from local.stripe.money import written
from local.style import POLICY, page, row, rows, state

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
BACK = '<nav><a href="/">← Payments</a></nav>'
AT_ONCE = 100  # payments on the list
UNPAID = ("requires_payment_method", "requires_confirmation")
SETTLED: dict[str, Literal["good", "bad"]] = {"succeeded": "good", "canceled": "bad"}


def has(path: str) -> bool:
    """Whether there is a page, and not the vendor's API."""
    return path == "/" or path.startswith("/pay/")


def answer(account: Account, request: Request) -> Reply:
    """`/`: what is open. `/pay/<intent>/<client secret>`: how it stands; a POST of `do` moves it, and leads back."""
    if request.path == "/" and request.method == "GET":
        return _shown(200, "Payments", _list(account.all("payment_intent")[::-1]))
    if request.path == "/":
        return _not_allowed()
    _, _, id_, *rest = request.path.split("/")
    intent = account.find(id_)
    secret = intent.get("client_secret", "") if intent else ""
    if intent is None or len(rest) != 1 or not secret or not compare_digest(rest[0].encode(), secret.encode()):
        return _shown(404, "No such payment", f"{BACK}<h1>No such payment</h1>")
    if request.method == "GET":
        return _shown(200, "Pay", _page(intent))
    if request.method != "POST":
        return _not_allowed()
    do = parse_qs(request.content.decode(errors="replace")).get("do", [""])[0]
    try:
        account.do(lambda change: _move(change, intent, do))
    except Refused as refusal:  # an old page, or none of ours
        return _shown(409, "Not possible", f"{BACK}<h1>Not possible</h1><p>{escape(str(refusal))}</p>")
    return Reply(303, {}, {**HEADERS, "Location": request.path}, b"")


def path(intent: Json) -> str:
    """Of the page where it is paid."""
    return f"/pay/{intent['id']}/{intent['client_secret']}"


def _list(made: list[Json]) -> str:
    opened = [each for each in made if each["status"] not in SETTLED]
    found = "".join(
        row(path(each), _amount(each), _subject(each), _brief(each), each["created"]) for each in opened[:AT_ONCE]
    )
    count = f"{len(opened)} open, newest first; {len(made) - len(opened)} settled"
    return f'<h1>Payments</h1><p class="faint">{count}. A sandbox: no money moves.</p>{rows(found, "None is open.")}'


def _amount(intent: Json) -> str:
    return written(intent["amount"], intent["currency"]).upper()


def _subject(intent: Json) -> str:
    return str(intent["description"] or "A payment")


def _state(intent: Json) -> str:
    return state(intent["status"], SETTLED.get(intent["status"], "wait"))


def _brief(intent: Json) -> str:
    """The same in few words, for the list."""
    return state("unpaid" if intent["status"] in UNPAID else intent["status"], "wait")


def _move(change: Change, intent: Json, do: str) -> Json:
    if do not in ("yes", "no"):
        return intents.paid(change, intent["id"], method(do))
    move = intents.settled if intent["status"] == "processing" else intents.answered
    return move(change, intent["id"], do == "yes")


def _page(intent: Json) -> str:
    choices = ANSWERS.get(intent["status"], [])
    if intent["status"] in UNPAID:
        choices = [(id_, id_.removeprefix("pm_")) for id_ in METHODS]
    buttons = "".join(f'<button name="do" value="{escape(value)}">{escape(label)}</button>' for value, label in choices)
    error = intent["last_payment_error"]
    trouble = f'<p role="alert">{escape(error["message"])}</p>' if error else ""
    return (
        f"{BACK}<h1>{escape(_amount(intent))}</h1><p>{escape(_subject(intent))} {_state(intent)}</p>"
        f'{trouble}<form class="choices" method="post">{buttons}</form>'
    )


def _not_allowed() -> Reply:
    return _shown(405, "Not allowed", f"{BACK}<h1>Not allowed</h1>")


def _shown(status: int, title: str, body: str) -> Reply:
    return Reply(status, {}, HEADERS, page(title, body).encode())
