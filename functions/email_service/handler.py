"""/api/email-service: mails from templates, queued in the database, delivered by Resend, followed to their end.

Other functions don't call it: their procedures queue mails in the transaction of the change (`private.queue_email`).
Side effects: mails; a message, an outbox row and an audit entry for each.
"""

from __future__ import annotations

import uuid
from uuid import UUID

from functions.email_service import pages, templates, webhooks
from functions.email_service.delivering import Delivered, brand, deliver
from functions.email_service.explaining import sentences
from functions.email_service.models import (
    LARGEST_ATTACHMENTS_BYTES,
    AttachmentPlace,
    Explanation,
    Message,
    MessagePage,
    Messages,
    NewAttachment,
    NewMessage,
    Preview,
    Recorded,
    Rounds,
    SuppressionPage,
    Suppressions,
    TemplateInfo,
    Templates,
)
from shared import auth, context, peers, storage
from shared.auth import Caller
from shared.binding import Reply
from shared.database import as_caller, as_service
from shared.errors import not_found
from shared.limits import Limit
from shared.models import page
from shared.web import Function

BUCKET = "attachments"
UPLOADS = Limit("email-attachments", 100, 900)

# A delivery takes what the provider takes: at most 15 s, and as much again for attachments and the database.
app = Function("email-service", max_duration_seconds=60)


@app.post(
    permission="email.send",
    status=202,
    problems=["422 attachment_not_found", "422 attachment_not_kept", "422 attachments_too_large", "429 rate_limited"],
)
def send_message(caller: Caller, body: NewMessage) -> Message:
    """Queue a mail. It goes out within moments, or at `send_at`; a thousand a day for each workspace."""
    made = as_service().rpc(
        "send_email",
        caller=str(caller.user_id),
        workspace_id=str(caller.workspace_id),
        template=body.template,
        recipient=body.to,
        data=body.data,
        send_at=body.send_at.isoformat() if body.send_at else None,
        attachments=[{"bucket": BUCKET, **each.model_dump()} for each in body.attachments],
    )
    if made["state"] == "queued" and not body.send_at:
        peers.nudge("email-service/deliver")
    return Message.model_validate(made)


@app.post(
    "/attachments",
    permission="email.send",
    limit=UPLOADS,
    status=201,
    idempotent=False,
    problems=["503 storage_unavailable"],
)
def create_attachment(caller: Caller, body: NewAttachment) -> AttachmentPlace:
    """A place to upload a file that is to be sent along."""
    path = f"{caller.workspace_id}/{uuid.uuid4()}"
    return AttachmentPlace(
        path=path, upload_url=storage.signed_upload_url(BUCKET, path), largest_bytes=LARGEST_ATTACHMENTS_BYTES
    )


@app.get("/messages", problems=["404 not_found"])
def list_messages(caller: Caller, query: MessagePage) -> Messages:
    """The mails of a workspace, newest first."""
    rows = as_caller(caller).rpc(
        "list_emails",
        workspace_id=text(query.workspace_id),
        state=query.state,
        template=query.template,
        recipient=query.to,
        after=text(query.cursor),
        page_size=query.limit + 1,
    )
    return Messages.model_validate(page(rows, query.limit, "id"))


@app.get("/messages/<message_id>/explain")
def explain_message(caller: Caller, message_id: UUID) -> Explanation:
    """Why a mail was sent, held back or not sent: each attempt, and all that the provider told of it."""
    found = as_caller(caller).rpc("explain_email", message_id=str(message_id))
    return Explanation.model_validate({**found, "because": list(sentences(found))})


@app.post("/messages/<message_id>/retry", status=202, problems=["409 not_failed", "429 rate_limited"])
def retry_message(caller: Caller, message_id: UUID) -> Message:
    """Try a failed mail again. Where it is unknown whether it was sent, it may arrive twice."""
    queued = as_caller(caller).rpc("retry_email", message_id=str(message_id))
    peers.nudge("email-service/deliver")
    return Message.model_validate(queued)


@app.post("/messages/<message_id>/cancel", problems=["409 not_waiting"])
def cancel_message(caller: Caller, message_id: UUID) -> Message:
    """Take back a mail that still waits."""
    return Message.model_validate(as_caller(caller).rpc("cancel_email", message_id=str(message_id)))


@app.get("/suppressions", problems=["404 not_found"])
def list_suppressions(caller: Caller, query: SuppressionPage) -> Suppressions:
    """Who gets no mail of a workspace, and why."""
    rows = as_caller(caller).rpc(
        "list_email_suppressions",
        workspace_id=text(query.workspace_id),
        after=text(query.cursor),
        page_size=query.limit + 1,
    )
    return Suppressions.model_validate(page(rows, query.limit, "id"))


@app.delete("/suppressions/<suppression_id>", status=204)
def remove_suppression(caller: Caller, suppression_id: UUID) -> None:
    """Let an address have mail again."""
    as_caller(caller).rpc("remove_email_suppression", suppression_id=str(suppression_id))


@app.get("/templates", permission="email.send")
def list_templates(caller: Caller) -> Templates:
    """The templates: what each takes, and a sample."""
    return Templates(data=[TemplateInfo.of(templates.find(name)) for name in templates.NAMES])


@app.get("/templates/<name>/preview", permission="email.send")
def preview_template(caller: Caller, name: str) -> Preview:
    """A template with its sample, in the look of the workspace."""
    from functions.email_service import rendering

    if name not in templates.NAMES:
        raise not_found()
    template = templates.find(name)
    (workspace,) = as_caller(caller).select("workspaces", id=f"eq.{caller.workspace_id}")
    rendered = rendering.render(template, template.read(template.sample), brand(workspace))
    return Preview(subject=rendered.subject, html=rendered.html, text=rendered.text)


@app.post("/webhooks/resend", signed_by=webhooks.resend)
def receive_webhook(raw: bytes) -> Recorded:
    """What Resend tells of a mail."""
    event = webhooks.read(raw)
    if event is None:
        return Recorded(outcome="ignored")
    outcome = as_service().value(
        "record_email_event",
        id=context.current().webhook_id,
        type=event.type,
        at=event.at,
        message=text(event.message),
        provider_id=event.provider_id,
        reason=event.reason,
    )
    return Recorded(outcome=outcome)


@app.get(
    "/unsubscribe/<token>",
    public=True,
    media_type="text/html; charset=utf-8",
    problems=["404 not_found", "503 database_unavailable", "503 upstream_unavailable"],
)
def ask_to_unsubscribe(token: UUID) -> Reply[bytes]:
    """A page with one button: what only opens links must not unsubscribe anybody."""
    return pages.asking(as_service().rpc("unsubscribe", token=str(token), confirmed=False))


@app.post("/unsubscribe/<token>", public=True, media_type="text/html; charset=utf-8", problems=["404 not_found"])
def unsubscribe(token: UUID) -> Reply[bytes]:
    """Unsubscribe from a workspace's follow-ups: that page's button, and mail programs by themselves (RFC 8058)."""
    return pages.done(as_service().rpc("unsubscribe", token=str(token), confirmed=True))


@app.post("/deliver", signed_by=auth.internal)
def deliver_due(query: Rounds) -> Delivered:
    """Deliver what is due, up to a hundred mails in a round."""
    return deliver(query.rounds)


def text(identifier: UUID | None) -> str | None:
    """As SQL is given it."""
    return None if identifier is None else str(identifier)
