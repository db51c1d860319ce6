"""`make demo`: the main job, as a person would watch it. Uses the stack of this PORT, or starts one for itself."""

from __future__ import annotations

import base64
import contextlib
import json
import secrets
import sys
import time
from collections.abc import Iterator
from datetime import datetime
from html import unescape
from typing import Any, NamedTuple

import urllib3

from local import envfile, state
from local.functions import FunctionsServer
from local.pictures import Picture, labels, photographs
from local.ports import chosen_port, free_port
from local.stack import Stack
from local.trouble import Trouble

BRIEF = (
    "We need 500 heavyweight hoodies in black, sizes M to XL evenly, with a 3-colour front print and woven neck "
    "labels, by the end of March, in euros."
)
PATIENCE_SECONDS = 90  # where nobody is nudged, what is due waits for the minute
PHOTOGRAPHS = {"motorcycle_left", "page", "coffee", "chelsea", "astronaut"}


class Reply(NamedTuple):
    """An answer that says yes."""

    content: Any
    headers: dict[str, str]
    seconds: float


class Api:
    """The functions, called over HTTP."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._token: str | None = None

    def sign_in_with(self, token: str) -> None:
        """Be this person from now on."""
        self._token = token

    def __call__(self, method: str, path: str, content: object = None) -> Reply:
        headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        started = time.perf_counter()
        reply = urllib3.request(method, f"{self.url}/api{path}", json=content, headers=headers, timeout=60)
        answer = json.loads(reply.data or b"null")
        if reply.status >= 400:
            waiting = f" (again in {reply.headers['Retry-After']} s)" if "Retry-After" in reply.headers else ""
            raise Trouble(f"{method} {path} answers {reply.status}: {answer['detail']}{waiting}")
        return Reply(answer, {k.lower(): v for k, v in reply.headers.items()}, time.perf_counter() - started)


def main() -> None:
    """Sign up, detect, invite somebody by mail, sell something and be paid for it, and check the trail."""
    with functions() as (url, stripe):
        api = Api(url)
        me = sign_up(api)
        detect(api, [p for p in photographs() if p.name in PHOTOGRAPHS] + labels())
        invite(api, me["default_workspace_id"])
        order_id = quote(api)
        pay(api, order_id, stripe)
        audit(api, me["default_workspace_id"])


@contextlib.contextmanager
def functions() -> Iterator[tuple[str, str]]:
    """Where the functions are, and Stripe's sandbox (none where payments go to Stripe itself).

    Those that run on this PORT, else ones started for the demonstration.
    """
    env = envfile.read(state.folder(chosen_port()) / "env")
    url = env.get("API_URL", "")
    if url and answers(url):
        print(f"Using the stack that runs at {url}")
        yield url, env.get("STRIPE_API_BASE", "")
        return
    print("Starting a stack for the demonstration")
    stack = Stack(state.ROOT / ".local" / "demo", free_port())
    with (
        stack,
        open(stack.state / "functions.log", "wb") as log,
        FunctionsServer(stack.env, mail=stack.mail, output=log) as server,
    ):
        stack.send_webhooks(server.url)
        yield server.url, stack.env["STRIPE_API_BASE"]


def answers(url: str) -> bool:
    """Whether functions are served there."""
    try:
        return urllib3.request("GET", f"{url}/api/health?probe=live", retries=False, timeout=2).status == 200
    except urllib3.exceptions.HTTPError:
        return False


def sign_up(api: Api) -> dict[str, Any]:
    """A new person with a café of their own."""
    heading("1. Somebody signs up")
    address = f"robin.{secrets.token_hex(4)}@example.com"
    session = api(
        "POST",
        "/auth/sign-up",
        {
            "email": address,
            "password": secrets.token_urlsafe(12),
            "name": "Robin Vale",
            "workspace_name": "Corner Café",
        },
    )
    api.sign_in_with(session.content["access_token"])
    me: dict[str, Any] = api("GET", "/auth/me").content
    (workspace,) = me["workspaces"]
    print(f"{me['user']['name']} <{me['user']['email']}> is {workspace['role']} of {workspace['name']},")
    print(f"with {len(workspace['permissions'])} permissions; signed up in {session.seconds:.1f} s")
    return me


def detect(api: Api, pictures: list[Picture]) -> None:
    """Every picture through detect; what was found, as a table."""
    heading("2. Photos become items")
    folder = state.ROOT / ".local" / "demo" / "pictures"
    folder.mkdir(parents=True, exist_ok=True)
    row = "{:<16} {:<26} {:>3}  {:<24} {:>5}  {:<8} {:>5}"
    print(row.format("photo", "item", "n", "barcode", "conf.", "provider", "ms"))
    headers: dict[str, str] = {}
    for picture in pictures:
        (folder / picture.name).with_suffix(".png" if picture.image[:4] == b"\x89PNG" else ".jpg").write_bytes(
            picture.image
        )
        answer = api("POST", "/detect", {"image": base64.b64encode(picture.image).decode(), "kind": "general"})
        headers, found = answer.headers, answer.content
        for item in found["items"] or [None]:
            print(row.format(picture.name, *cells(item), found["provider"], found["processing_time_ms"]))
    print(f"\nThe pictures are in {folder.relative_to(state.ROOT)}.")
    heading("3. What is left of the limit (the functions' shared, exact one)")
    print(f"RateLimit-Policy: {headers['ratelimit-policy']}\nRateLimit:        {headers['ratelimit']}")


def cells(item: dict[str, Any] | None) -> tuple[object, ...]:
    """An item's part of a row; dashes where a photo shows nothing that can be read."""
    if item is None:
        return "-", "-", "-", "-"
    barcode = f"{item['barcode']['format']} {item['barcode']['text']}" if item["barcode"] else ""
    return item["name"][:26], item["quantity"], barcode[:24], f"{item['confidence']:.2f}"


def invite(api: Api, workspace_id: str) -> None:
    """An invite by mail: queued with the invite itself, delivered, and told of by the provider's webhook."""
    heading("4. An invite goes out by mail")
    to = f"alex.{secrets.token_hex(4)}@example.com"
    made = api("POST", f"/workspaces/{workspace_id}/invites", {"role": "staff", "email": to})
    (message,) = api("GET", f"/email-service/messages?to={to}").content["data"]
    give_up = time.monotonic() + PATIENCE_SECONDS
    while (story := api("GET", f"/email-service/messages/{message['id']}/explain").content)["state"] != "delivered":
        if time.monotonic() > give_up:
            raise Trouble(f"the invite to {to} is {story['state']}: {' '.join(story['because'])}")
        time.sleep(0.2)
    page = urllib3.request("GET", f"{api.url}/mail/{story['provider_id']}").data.decode()
    if made.content["code"] not in page:
        raise Trouble(f"the mail to {to} is not in the mailbox")
    began = datetime.fromisoformat(story["created_at"])
    for event in story["events"]:
        seconds = (datetime.fromisoformat(event["received_at"]) - began).total_seconds()
        print(f"{event['type']:<10} {to}, known {seconds:.1f} s after it was queued")
    print(f"It is in the mailbox: {api.url}/mail/{story['provider_id']}")
    print("\n".join(f"  | {line}" for line in text_part(page)))


def text_part(page: str) -> list[str]:
    """A mail's text part, as the mailbox shows it."""
    return unescape(page.partition("Text part</summary><pre>")[2].partition("</pre>")[0]).strip().splitlines()


def quote(api: Api) -> str:
    """A brief in words, the price computed from it, and the order it becomes: its id."""
    heading("5. A brief becomes a quote, and the quote an order")
    print(f"“{BRIEF}”\n")
    read = api("POST", "/quote-generator/parse", {"description": BRIEF})
    fields = read.content["fields"]
    for name, value in fields.items():
        print(f"  {name:<13} {json.dumps(value, ensure_ascii=False):<70} {read.content['confidence'].get(name, 1):.2f}")
    customer = {"email": f"maya.{secrets.token_hex(4)}@example.com", "name": "Maya Lindqvist"}
    made = api("POST", "/quote-generator", {**fields, "customer": customer, "source_text": BRIEF})
    priced, row = made.content, "  {:<44} {:>6} {:>12} {:>12}"
    print(f"\n{priced['number']}, {priced['currency']}, until {priced['valid_until']}, in {made.seconds * 1000:.0f} ms")
    for line in [*priced["lines"], *priced["setup"]]:
        print(row.format(line["description"][:44], line["quantity"], line["unit_price"], money(line["amount_minor"])))
    for name in ("total", "deposit", "balance"):
        print(row.format(name.capitalize(), "", "", money(priced[f"{name}_minor"])))
    print(f"  ready on {priced['earliest_date']}, {priced['lead_time_days']} days after approval")
    for saving in priced["savings"]:
        print(f"  cheaper: {saving['description']}, saves {saving['saves_each']} each")
    print(f"\n{priced['narrative']['text']}\n")
    replay = api("GET", f"/quote-generator/{priced['id']}/replay").content
    if not replay["equal"]:
        raise Trouble(f"the quote is computed otherwise again: {replay['differences']}")
    order = api("POST", f"/quote-generator/{priced['id']}/convert", {}).content
    state = api("GET", f"/orders/{order['order_id']}").content["workflow_state"]
    print(f"Computed again to the cent; now it is order {order['order_number']}, {state.replace('_', ' ')}.")
    return str(order["order_id"])


def pay(api: Api, order_id: str, stripe: str) -> None:
    """The deposit: a card is declined, the next one isn't, Stripe tells, and the order may go on."""
    heading("6. The deposit is paid, and production begins")
    if not stripe:
        print("Payments go to Stripe itself here: nothing is paid for a demonstration.")
        return
    refused = asked(api, f"/orders/{order_id}/transitions", {"to": "in_production"})
    print(f"Into production before that: {refused}")
    wanted = {"order_id": order_id, "payment_type": "deposit"}
    intent, again = (api("POST", "/payment-intent", wanted).content for _ in range(2))
    if again != intent:
        raise Trouble("asked twice, there are two payments")
    amount = f"{money(intent['amount_minor'])} {intent['currency']}"
    print(f"{intent['payment_intent_id']}, {amount}, {intent['status'].replace('_', ' ')}; asked again: the same")
    page = f"{stripe}/pay/{intent['payment_intent_id']}/{intent['client_secret']}"
    for card in ("pm_card_visa_chargeDeclinedInsufficientFunds", "pm_card_visa"):
        urllib3.request("POST", page, body=f"do={card}", redirect=False)  # as its buttons do
        print(f"Paid with {card.removeprefix('pm_card_')}")
    started = time.perf_counter()
    while (order := api("GET", f"/orders/{order_id}").content)["payment_state"] == "unpaid":
        if time.perf_counter() - started > PATIENCE_SECONDS:
            raise Trouble("Stripe has not told of the payment")
        time.sleep(0.1)
    waited = time.perf_counter() - started
    print(f"{waited:.1f} s later, by webhook: {order['payment_state'].replace('_', ' ')}, the customer has a mail")
    moved = api("POST", f"/orders/{order_id}/transitions", {"to": "in_production"}).content
    print(f"Order {moved['number']}: {moved['workflow_state'].replace('_', ' ')}.")


def asked(api: Api, path: str, content: object) -> str:
    """How something is refused. Raises `Trouble` where it isn't."""
    try:
        api("POST", path, content)
    except Trouble as refusal:
        return str(refusal).partition(": ")[2]
    raise Trouble(f"POST {path} should have been refused")


def money(minor: int) -> str:
    """An amount of the demonstration's currency."""
    return f"{minor / 100:,.2f}"


def audit(api: Api, workspace_id: str) -> None:
    """The trail, and whether it is whole."""
    heading("7. The audit trail")
    entries = api("GET", f"/workspaces/{workspace_id}/audit?limit=100").content["data"]
    for action in sorted({entry["action"] for entry in entries}):
        print(f"{sum(entry['action'] == action for entry in entries):>4}  {action}")
    head = {"sequence": entries[0]["sequence"], "hash": entries[0]["hash"]}
    verdict = api(
        "GET", f"/workspaces/{workspace_id}/audit/verification?sequence={head['sequence']}&hash={head['hash']}"
    ).content
    if not verdict["intact"]:
        raise Trouble(f"the audit trail is broken at entry {verdict['broken_at']}: {verdict['reason']}")
    print(f"verified: {verdict['entries']} entries, each chained to the one before; head {head['hash'][:16]}…")


def heading(text: str) -> None:
    """A step."""
    print(f"\n{text}\n{'─' * len(text)}")


if __name__ == "__main__":
    try:
        main()
    except Trouble as trouble:
        sys.exit(f"backroom: {trouble}")
    except KeyboardInterrupt:
        sys.exit(130)
