"""/api/workspaces: the tenant, its people, roles, invites and audit log.

Every rule is SQL (supabase/migrations): who may, that nobody grants what they lack, that the last owner stays. Each
change writes its audit entry in the same transaction.
"""

from __future__ import annotations

import re
import secrets
from typing import Annotated, Any
from uuid import UUID, uuid4

from functions.workspaces import logos
from functions.workspaces.models import (
    AuditEntries,
    AuditPage,
    AuditVerdict,
    Code,
    CodedInvite,
    Head,
    Invites,
    Joined,
    Member,
    MemberChanges,
    Members,
    NewInvite,
    NewRole,
    NewWorkspace,
    Role,
    RoleChanges,
    Roles,
    Workspace,
    WorkspaceChanges,
    Workspaces,
)
from shared import context, log, peers, storage
from shared.auth import Caller
from shared.binding import Reply
from shared.database import as_caller
from shared.errors import Problem, unreadable
from shared.models import Page, page
from shared.web import Function

# Crockford's: no letters that look like digits. 16 of 32 are 80 random bits.
CODE_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
ETAG = re.compile(r'(?P<weak>W/)?"(?P<number>[0-9]{1,18})"')

UNGRANTABLE = ["422 unknown_permission", "422 repeated_permission"]

app = Function("workspaces", memory_mb=256)


@app.get()
def list_workspaces(caller: Caller, query: Page) -> Workspaces:
    """The workspaces one is in."""
    after = {"id": f"gt.{query.cursor}"} if query.cursor else {}
    rows = as_caller(caller).select("workspaces", order="id", limit=str(query.limit + 1), **after)
    return Workspaces.model_validate(page(rows, query.limit, "id"))


@app.post(status=201, problems=["422 unknown_time_zone"])
def create_workspace(caller: Caller, body: NewWorkspace) -> Workspace:
    """Make a workspace and become its owner."""
    settings = body.model_dump(exclude={"name"}, exclude_none=True)
    return Workspace.model_validate(as_caller(caller).rpc("create_workspace", name=body.name, settings=settings))


@app.post("/join", problems=["404 invite_invalid", "429 rate_limited"])
def join(caller: Caller, body: Code) -> Joined:
    """Join a workspace by invite code."""
    return Joined.model_validate(as_caller(caller).rpc("join_workspace", code=body.code))


@app.get("/<workspace_id>", tagged=True)
def read_workspace(caller: Caller, workspace_id: UUID) -> Reply[Workspace]:
    """One workspace."""
    return tagged(as_caller(caller).rpc("read_workspace", workspace_id=str(workspace_id)))


@app.patch("/<workspace_id>", tagged=True, problems=["412 changed_meanwhile", "422 unknown_time_zone"])
def change_workspace(caller: Caller, workspace_id: UUID, body: WorkspaceChanges) -> Reply[Workspace]:
    """Change a workspace; with If-Match only if nobody else did since."""
    return tagged(
        as_caller(caller).rpc(
            "update_workspace", workspace_id=str(workspace_id), changes=body.given(), revision=expected_revision()
        )
    )


@app.post(
    "/<workspace_id>/logo",
    permission="workspace.manage",
    problems=["422 invalid_image", "503 storage_unavailable"],
)
def set_logo(caller: Caller, workspace_id: UUID, raw: Annotated[bytes, "image/png", "image/jpeg"]) -> Workspace:
    """Give a workspace its logo. A PNG or JPEG of at most 500 kB, 16 to 2000 pixels wide and as many high."""
    logo = logos.read(raw)
    # A path of its own, also for the same picture again: what one request removes no other has just set.
    path = f"{workspace_id}/{uuid4()}.{logo.suffix}"
    storage.upload(logos.BUCKET, path, logo.content, logo.media_type)
    try:
        changed = as_caller(caller).rpc("set_logo", workspace_id=str(workspace_id), logo=path)
    except Problem as problem:
        if problem.status < 500:  # else it may be set all the same
            forget(path)
        raise
    forget(changed["replaced_logo"])
    return Workspace.model_validate(changed)


@app.delete("/<workspace_id>/logo")
def delete_logo(caller: Caller, workspace_id: UUID) -> Workspace:
    """Take a workspace's logo away."""
    changed = as_caller(caller).rpc("set_logo", workspace_id=str(workspace_id))
    forget(changed["replaced_logo"])
    return Workspace.model_validate(changed)


@app.get("/<workspace_id>/members")
def list_members(caller: Caller, workspace_id: UUID, query: Page) -> Members:
    """Who is in the workspace."""
    rows = list_of(caller, "list_members", workspace_id, query)
    return Members.model_validate(page(rows, query.limit, "user_id"))


@app.patch("/<workspace_id>/members/<user_id>", problems=["409 last_owner", "422 unknown_role"])
def change_member(caller: Caller, workspace_id: UUID, user_id: UUID, body: MemberChanges) -> Member:
    """Give a member another role."""
    return Member.model_validate(
        as_caller(caller).rpc("change_member", workspace_id=str(workspace_id), user_id=str(user_id), role=body.role)
    )


@app.delete("/<workspace_id>/members/<user_id>", status=204, problems=["409 last_owner"])
def remove_member(caller: Caller, workspace_id: UUID, user_id: UUID) -> None:
    """Remove a member, or leave."""
    as_caller(caller).rpc("remove_member", workspace_id=str(workspace_id), user_id=str(user_id))


@app.get("/<workspace_id>/roles")
def list_roles(caller: Caller, workspace_id: UUID) -> Roles:
    """The built-in roles and the workspace's own."""
    return Roles.model_validate({"data": as_caller(caller).rpc("list_roles", workspace_id=str(workspace_id))})


@app.post("/<workspace_id>/roles", status=201, problems=["409 role_exists", *UNGRANTABLE])
def create_role(caller: Caller, workspace_id: UUID, body: NewRole) -> Role:
    """Make a role of the workspace's own."""
    return Role.model_validate(
        as_caller(caller).rpc("create_role", workspace_id=str(workspace_id), **body.model_dump())
    )


@app.patch("/<workspace_id>/roles/<role>", problems=["409 built_in_role", *UNGRANTABLE])
def change_role(caller: Caller, workspace_id: UUID, role: str, body: RoleChanges) -> Role:
    """Change what an own role permits. Everybody who has it is affected at once."""
    return Role.model_validate(
        as_caller(caller).rpc("update_role", workspace_id=str(workspace_id), name=role, **body.model_dump())
    )


@app.delete("/<workspace_id>/roles/<role>", status=204, problems=["409 built_in_role", "409 role_in_use"])
def delete_role(caller: Caller, workspace_id: UUID, role: str) -> None:
    """Delete an own role that nobody has."""
    as_caller(caller).rpc("delete_role", workspace_id=str(workspace_id), name=role)


@app.post("/<workspace_id>/invites", status=201, idempotent=False, problems=["422 unknown_role", "429 rate_limited"])
def create_invite(caller: Caller, workspace_id: UUID, body: NewInvite) -> CodedInvite:
    """Make an invite code, and mail it to whom it is for. It is told once: no answer is kept for an Idempotency-Key."""
    code = "-".join("".join(secrets.choice(CODE_ALPHABET) for _ in range(4)) for _ in range(4))
    made = as_caller(caller).rpc("create_invite", workspace_id=str(workspace_id), code=code, **body.model_dump())
    if body.email:
        peers.nudge("email-service/deliver")
    return CodedInvite.model_validate({**made, "code": code})


@app.get("/<workspace_id>/invites")
def list_invites(caller: Caller, workspace_id: UUID, query: Page) -> Invites:
    """The invites made, used and revoked ones too."""
    return Invites.model_validate(page(list_of(caller, "list_invites", workspace_id, query), query.limit, "id"))


@app.delete("/<workspace_id>/invites/<invite_id>", status=204)
def revoke_invite(caller: Caller, workspace_id: UUID, invite_id: UUID) -> None:
    """Take an invite back."""
    as_caller(caller).rpc("revoke_invite", workspace_id=str(workspace_id), invite_id=str(invite_id))


@app.get("/<workspace_id>/audit")
def list_audit(caller: Caller, workspace_id: UUID, query: AuditPage) -> AuditEntries:
    """The audit log, newest first."""
    rows = as_caller(caller).rpc(
        "list_audit", workspace_id=str(workspace_id), before=query.cursor, page_size=query.limit + 1
    )
    return AuditEntries.model_validate(page(rows, query.limit, "sequence"))


@app.get("/<workspace_id>/audit/verification")
def verify_audit(caller: Caller, workspace_id: UUID, query: Head) -> AuditVerdict:
    """Whether the audit log is whole. With a head noted earlier, a cut tail or a rewritten log is found too."""
    return AuditVerdict.model_validate(
        as_caller(caller).rpc("verify_workspace_audit", workspace_id=str(workspace_id), **query.model_dump())
    )


def list_of(caller: Caller, procedure: str, workspace_id: UUID, query: Page) -> list[dict[str, Any]]:
    """A keyset page, with one row more than asked for: it tells whether there is a next page."""
    after = str(query.cursor) if query.cursor else None
    rows: list[dict[str, Any]] = as_caller(caller).rpc(
        procedure, workspace_id=str(workspace_id), after=after, page_size=query.limit + 1
    )
    return rows


def forget(logo: str | None) -> None:
    """Remove a file that no workspace names."""
    if logo is not None:
        try:
            storage.remove(logos.BUCKET, [logo])
        except Problem:
            log.write("warning", event="logo not removed")


def tagged(row: dict[str, Any]) -> Reply[Workspace]:
    """A workspace with its revision as the ETag."""
    return Reply(Workspace.model_validate(row), headers={"ETag": f'"{row["revision"]}"'})


def expected_revision() -> int | None:
    """The revision named by If-Match; None where any will do."""
    given = context.current().if_match
    if given in ("", "*"):
        return None
    revision = ETAG.fullmatch(given)
    if revision is None:
        raise unreadable("If-Match is an ETag of this workspace.")
    if revision["weak"]:  # If-Match compares strongly (RFC 9110): a weak one never matches
        raise Problem(412, "changed_meanwhile", "Somebody changed this workspace since you read it.")
    return int(revision["number"])
