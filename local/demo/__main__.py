"""`make demo`: the main job, as a person would watch it. Uses the stack of this PORT, or starts one for itself."""

from __future__ import annotations

import base64
import contextlib
import secrets
import sys
import time
from collections.abc import Iterator
from datetime import datetime
from html import unescape
from typing import Any

import urllib3

from local import envfile, state
from local.demo.calling import PATIENCE_SECONDS, Api, heading
from local.demo.selling import invoice, pay, quote
from local.functions import FunctionsServer
from local.pictures import Picture, labels, photographs
from local.ports import chosen_port, free_port
from local.stack import Stack
from local.trouble import Trouble

PHOTOGRAPHS = {"motorcycle_left", "page", "coffee", "chelsea", "astronaut"}


def main() -> None:
    """Sign up, detect, invite somebody by mail, sell something, be paid, invoice it, and check the trail."""
    with functions() as (url, stripe):
        api = Api(url)
        me = sign_up(api)
        detect(api, [p for p in photographs() if p.name in PHOTOGRAPHS] + labels())
        invite_somebody(api, me["default_workspace_id"])
        order_id = quote(api)
        pay(api, order_id, stripe)
        invoice(api, order_id, me["default_workspace_id"])
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


def invite_somebody(api: Api, workspace_id: str) -> None:
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


def audit(api: Api, workspace_id: str) -> None:
    """The trail, and whether it is whole."""
    heading("8. The audit trail")
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


if __name__ == "__main__":
    try:
        main()
    except Trouble as trouble:
        sys.exit(f"backroom: {trouble}")
    except KeyboardInterrupt:
        sys.exit(130)
