"""One delivery: leased from the outbox, rendered, written down, sent, settled.

Killed between any two steps it is taken up again after its lease, under the same key and with the same bytes: what is
sent is written down first.
"""

from __future__ import annotations

import base64
import json
import re
import zlib
from collections import Counter
from email.headerregistry import Address
from typing import Any, NamedTuple

from functions.email_service import provider, templates
from functions.email_service.provider import Attachment, Outcome
from shared import log, settings, storage
from shared.database import as_service
from shared.errors import Problem
from shared.models import Answer

# As many as Resend takes in one call.
MOST = 100
# Longer than this function lives (its max_duration_seconds): two never work at one delivery.
LEASE_SECONDS = 75
NOT_IN_NAME = re.compile(r'[<>"\\]')
NOT_CONFIGURED = Outcome("again", "not_configured", wait_seconds=300)
UNFIT = Outcome("refused", "invalid_data")


class Delivered(Answer):
    """What one call did: mails by outcome; `idle` where nothing was due. Ask again after `wait_seconds`."""

    delivered: int = 0
    refused: int = 0
    again: int = 0
    unknown: int = 0
    idle: bool = False
    wait_seconds: float | None = None


class Written(NamedTuple):
    """A mail as Resend is given it, with what is fetched when it is sent."""

    outbox_id: str
    mail: dict[str, Any]
    attachments: list[dict[str, str]]


OUTCOMES = ("delivered", "refused", "again", "unknown")


def deliver(rounds: int = 1) -> Delivered:
    """Deliver what is due, up to a hundred mails in each round. Raises `Problem` 503 where the database is away.

    Mails of one ordering key, and those with attachments, take a round each.
    """
    done = Delivered(idle=True)
    for _ in range(rounds):
        more = _deliver_once()
        if more.idle:
            break
        made = {name: getattr(done, name) + getattr(more, name) for name in OUTCOMES}
        done = Delivered(**made, wait_seconds=more.wait_seconds)
    return done


def _deliver_once() -> Delivered:
    leased = as_service().value("lease_email", most=MOST, lease_seconds=LEASE_SECONDS)
    if leased is None:
        return Delivered(idle=True)
    if settings.get("RESEND_API_KEY") and settings.get("EMAIL_FROM"):
        outcomes = attempt(leased)
    else:
        outcomes = {each["outbox_id"]: NOT_CONFIGURED for each in leased["messages"]}
    if not outcomes:
        return Delivered()
    told = [{"id": id_, **outcome._asdict()} for id_, outcome in outcomes.items()]
    as_service().value("settle_outbox", delivery=leased["id"], attempt=leased["attempt"], outcomes=told)
    counts = Counter("again" if each.outcome == "alone" else each.outcome for each in outcomes.values())
    waits = [each.wait_seconds for each in outcomes.values() if each.wait_seconds]
    return Delivered.model_validate({**counts, "wait_seconds": max(waits, default=None)})


def attempt(leased: dict[str, Any]) -> dict[str, Outcome]:
    """Send a leased delivery; what became of each of its rows. None at all where somebody else has taken it over."""
    request = leased["request"]
    if request is None:
        packed = _packed([each for message in leased["messages"] if (each := write(message))])
        request = as_service().value("keep_request", delivery=leased["id"], attempt=leased["attempt"], request=packed)
        if request is None:
            return {}
    written = _unpacked(request)
    sent = dict(zip((each.outbox_id for each in written), _send(leased["id"], written), strict=True))
    return {each["outbox_id"]: UNFIT for each in leased["messages"]} | sent


def write(message: dict[str, Any]) -> Written | None:
    """A leased mail as Resend is given it; None where its data isn't what its template takes."""
    from functions.email_service import rendering

    workspace = message["workspace"] or {}
    try:
        template = templates.find(message["template"])
        data = template.read(message["data"])
        token = message["unsubscribe_token"]
        link = f"{settings.get('API_URL').rstrip('/')}/api/email-service/unsubscribe/{token}" if token else None
        rendered = rendering.render(template, data, brand(workspace), link)
    except Exception as error:  # whatever is wrong with one mail, the others go out
        log.write("error", event="mail not rendered", message=message["id"], template=message["template"])
        log.failure(error)
        return None
    mail: dict[str, Any] = {
        "from": sender(workspace.get("name") or "Backroom"),
        "to": [message["to"]],
        "subject": rendered.subject,
        "html": rendered.html,
        "text": rendered.text,
        # By it a webhook finds the mail, also when the answer to our call was lost.
        "tags": [{"name": "message", "value": message["id"]}, {"name": "template", "value": message["template"]}],
    }
    if workspace.get("reply_to"):
        mail["reply_to"] = [workspace["reply_to"]]
    if link:  # RFC 8058
        mail["headers"] = {"List-Unsubscribe": f"<{link}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}
    return Written(message["outbox_id"], mail, message["attachments"])


def sender(name: str) -> str:
    """`Name <address>`, without what Resend takes for the address's own.

    A name that came in past our sign-up may hold anything, lines too.
    """
    from functions.email_service import rendering

    shown = NOT_IN_NAME.sub("", rendering.on_one_line(name)).strip()
    return str(Address(shown, addr_spec=settings.get("EMAIL_FROM")))


def brand(workspace: dict[str, Any]) -> Any:
    """How the mails of a workspace look; ours for those of nobody's. A `rendering.Brand`."""
    from functions.email_service import rendering

    logo = workspace.get("logo")
    base = settings.get("SUPABASE_URL").rstrip("/")
    return rendering.Brand(
        name=workspace.get("name") or "Backroom",
        colour=workspace.get("colour"),
        logo_url=f"{base}/storage/v1/object/public/logos/{logo}" if logo else None,
        locale=workspace.get("locale") or "en",
        time_zone=workspace.get("time_zone") or "UTC",
        address="\n".join(filter(None, map(workspace.get, ("legal_name", "legal_address")))) or None,
    )


def _send(key: str, written: list[Written]) -> list[Outcome]:
    if not written:
        return []
    files: list[Attachment] = []
    if len(written) == 1:
        try:
            files = [
                Attachment(each["name"], storage.download(each["bucket"], each["path"]))
                for each in written[0].attachments
            ]
        except Problem as problem:
            missing = problem.status == 404
            return [Outcome("refused" if missing else "again", f"attachment_{'missing' if missing else 'unavailable'}")]
    return provider.send(key, [each.mail for each in written], files)


def _packed(written: list[Written]) -> str:
    """As text, small: a hundred mails of one template differ in a few lines."""
    return base64.b64encode(zlib.compress(json.dumps(written).encode())).decode()


def _unpacked(request: str) -> list[Written]:
    return [Written(*each) for each in json.loads(zlib.decompress(base64.b64decode(request)))]
