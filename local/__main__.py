"""`make run`: the whole stack and all functions, until Ctrl-C."""

import os
import signal
import sys
import threading
from pathlib import Path
from types import FrameType

from local import sample, state
from local.cron import Cron
from local.functions import FunctionsServer
from local.gateway.process import Mail
from local.ports import chosen_port, claimed
from local.resend import RATE
from local.stack import Stack
from local.trouble import Trouble

# What may wait since the last run.
AT_START = ("/api/jobs/dispatch-outbox",)


def main() -> None:
    """Start, say where everything is, wait."""
    parent = os.getppid()  # now: it may be gone by the time that everything runs
    port = chosen_port()
    claimed(port).close()  # before anything else is started
    stack = Stack(
        state.folder(port),
        port,
        confirmations=os.environ.get("AUTH_CONFIRMATIONS") == "1",
        on_mail=_print_mail,
        resend_rate=RATE,
        real_stripe=bool(os.environ.get("STRIPE_SECRET_KEY")),
    )
    server = FunctionsServer(stack.env, port, mail=stack.mail, reload=True)
    stack.send_webhooks(server.url)
    with stack, server, Cron(state.ROOT / "vercel.json", server.url, stack.env["CRON_SECRET"], at_start=AT_START):
        ended = _end_asked()  # before it is said that everything runs
        print(_welcome(stack), flush=True)
        _wait(server, ended, parent)
        print("Stopping.", flush=True)


def _welcome(stack: Stack) -> str:
    api = stack.env["API_URL"]
    return f"""
Backroom is running; changes in functions/ and shared/ take effect at once. Ctrl-C stops it.

  functions   {api}
  reference   {api}/api/docs (to read, and to try)
  mail        {api}/mail
  Supabase    {stack.env["SUPABASE_URL"]}
  Resend      {stack.env["RESEND_API_URL"]} (a sandbox; its mails are at {api}/mail)
  payments    {_payments(stack)}
  PostgreSQL  {stack.database_url}
  jobs        called as the platform's scheduler would: vercel.json, "crons"
  all of it   {(stack.state / "env").relative_to(state.ROOT)} (for any tool)

Try it:

{_try(api, sample.write(stack.state).relative_to(state.ROOT))}
"""


def _payments(stack: Stack) -> str:
    if "STRIPE_API_BASE" in stack.env:
        return f"{stack.stripe.url} (a Stripe sandbox; what is to be paid is there to pay)"
    return "go to Stripe itself: STRIPE_SECRET_KEY is set"


def _try(api: str, body: Path) -> str:
    """Commands that work as they stand, pasted into another terminal: a seeded person turns a photo into items."""
    return f"""\
TOKEN=$(curl -s {api}/api/auth/sign-in -H 'Content-Type: application/json' \\
  -d '{{"email": "sofia@juniper.example", "password": "backroom-demo"}}' \\
  | sed 's/.*"access_token":"\\([^"]*\\)".*/\\1/')
curl {api}/api/detect -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' -d @{body}"""


def _print_mail(mail: Mail) -> None:
    print(f"mail to {mail['to']}: {mail['subject']} {mail['code'] or ''} {mail['link'] or ''}")


def _end_asked() -> threading.Event:
    """Set once somebody asks us to end."""
    ended = threading.Event()

    def end(number: int, frame: FrameType | None) -> None:
        ended.set()

    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, end)
    return ended


def _wait(server: FunctionsServer, ended: threading.Event, parent: int) -> None:
    """Until somebody ends us, the make that started us is gone, or the server ends by itself."""
    # Killed, make can't tell us. Without make, as under nohup, a parent may go as it likes.
    watched = "MAKELEVEL" in os.environ
    while server.running and not ended.wait(1):
        if watched and os.getppid() != parent:
            return


if __name__ == "__main__":
    try:
        main()
    except Trouble as trouble:
        sys.exit(f"backroom: {trouble}")
    except KeyboardInterrupt:
        sys.exit(130)
