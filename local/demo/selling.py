"""Something is sold: a brief, its quote, the order, its payment and its invoice."""

from __future__ import annotations

import hashlib
import json
import secrets

import urllib3

from local import state
from local.demo.calling import Api, asked, awaited, heading, money
from local.trouble import Trouble

BRIEF = (
    "We need 500 heavyweight hoodies in black, sizes M to XL evenly, with a 3-colour front print and woven neck "
    "labels, by the end of March, in euros."
)
# The café's own, and who buys. Numbers with a right check digit that are nobody's.
SELLER = {
    "legal_name": "Corner Café Vale GmbH",
    "legal_address": "Lindenstraße 12\n50674 Köln",
    "country": "DE",
    "colour": "#7a3e1d",
    "reply_to": "hello@corner-cafe.example",
}
SETTINGS = {
    "address": "Lindenstraße 12",
    "postcode": "50674",
    "city": "Köln",
    "vat_id": "DE136695976",
    "registration": "HRB 12345, Amtsgericht Köln",
    "iban": "DE89 3704 0044 0532 0130 00",
    "bic": "COBADEFFXXX",
}
BUYER = {"address": "Weststraße 9", "postcode": "20095", "city": "Hamburg", "country": "DE"}


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
    pdf = urllib3.request("GET", f"{api.url}/api/quote-generator/{priced['id']}/pdf", headers=api.headers).data
    print(f"On paper: {kept(priced['number'] + '.pdf', pdf)}")
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

    def paid() -> str:
        state: str = api("GET", f"/orders/{order_id}").content["payment_state"]
        return "" if state == "unpaid" else state

    known, waited = awaited(paid, "Stripe has not told of the payment")
    print(f"{waited:.1f} s later, by webhook: {known.replace('_', ' ')}, the customer has a mail")
    moved = api("POST", f"/orders/{order_id}/transitions", {"to": "in_production"}).content
    print(f"Order {moved['number']}: {moved['workflow_state'].replace('_', ' ')}.")


def invoice(api: Api, order_id: str, workspace_id: str) -> None:
    """The invoice of what was paid: numbered, typeset with its e-invoice inside, and mailed."""
    heading("7. The deposit is invoiced")
    api("PATCH", f"/workspaces/{workspace_id}", SELLER)
    api("PUT", "/invoice/settings", SETTINGS)
    made = api("POST", "/invoice", {"order_id": order_id, "kind": "deposit", "buyer": BUYER})
    content, row = made.content["content"], "  {:<44} {:>12}"
    print(f"{made.content['number']}, {made.content['status']}, in {made.seconds * 1000:.0f} ms")
    for name in ("net", "tax", "total", "rounding", "payable"):
        print(row.format(name.capitalize(), money(content[f"{name}_minor"])))
    link = api("GET", f"/invoice/{made.content['id']}/pdf").content
    pdf = urllib3.request("GET", link["url"]).data
    if hashlib.sha256(pdf).hexdigest() != link["sha256"]:
        raise Trouble("the invoice that is stored is another one")
    print(f"PDF/A-3 with the e-invoice inside, {len(pdf) / 1000:.0f} kB: {kept(link['file_name'], pdf)}")
    if made.content["status"] != "paid":
        api("POST", f"/invoice/{made.content['id']}/send")
    to = content["buyer"]["email"]

    def delivered() -> str:
        mails = api("GET", f"/email-service/messages?to={to}&template=invoice").content["data"]
        stories = [api("GET", f"/email-service/messages/{mail['id']}/explain").content for mail in mails]
        return next((story["provider_id"] for story in stories if story["state"] == "delivered"), "")

    mail, seconds = awaited(delivered, f"the invoice was not delivered to {to}")
    page = urllib3.request("GET", f"{api.url}/mail/{mail}").data.decode()
    if link["file_name"] not in page:
        raise Trouble(f"the mail to {to} carries no invoice")
    print(f"{seconds:.1f} s later it is in the customer's mailbox, attached: {api.url}/mail/{mail}")


def kept(name: str, content: bytes) -> str:
    """Write a file for whoever watches; its path from here."""
    folder = state.ROOT / ".local" / "demo"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)
    return str((folder / name).relative_to(state.ROOT))
