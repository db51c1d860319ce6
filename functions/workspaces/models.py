"""Shapes of /api/workspaces."""

from __future__ import annotations

from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, Field, WithJsonSchema, model_validator

from functions.workspaces.logos import BUCKET
from shared import money, storage
from shared.models import LEFT_OUT, WHOLE, Answer, Body, Email, Name, PageSize, Query


def known_currency(code: str) -> str:
    """ISO 4217."""
    if code not in money.CURRENCIES:
        raise ValueError("is an ISO 4217 code such as EUR")
    return code


def address(logo: str | None) -> str | None:
    """Where anybody finds a file of the bucket."""
    return logo and storage.public_url(BUCKET, logo)


TimeZone = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_+/-]+$")]
Locale = Annotated[str, Field(pattern=r"^[a-z]{2,3}(-[A-Z]{2})?$")]
Currency = Annotated[
    str, AfterValidator(known_currency), WithJsonSchema({"type": "string", "enum": sorted(money.CURRENCIES)})
]
Country = Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
RoleName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
Permission = Annotated[str, Field(max_length=60, pattern=r"^[a-z]+\.[a-z]+(:(own|assigned))?$")]
# A repeated one is refused by the database.
Permissions = Annotated[list[Permission], Field(max_length=100, json_schema_extra={"uniqueItems": True})]
Description = Annotated[str, Field(max_length=200)]


Colour = Annotated[str, Field(pattern=r"^#[0-9a-f]{6}$")]
# The database keeps the path, whatever the project's address.
LogoUrl = Annotated[str | None, Field(validation_alias="logo"), AfterValidator(address)]


class NewWorkspace(Body):
    """A workspace to make; the maker becomes its owner."""

    name: Name
    time_zone: TimeZone = "UTC"
    locale: Locale = "en"
    currency: Currency = "USD"
    country: Country | None = None


class WorkspaceChanges(Body):
    """What to change; what is left out stays; null clears. The legal fields name the seller on invoices.

    Mails are in its `colour`, answers to them go to `reply_to`; `track_opens`: record that a mail was opened.
    `takes_guests`: people who aren't in the workspace may ask for quotes.
    """

    name: Name = LEFT_OUT
    time_zone: TimeZone = LEFT_OUT
    locale: Locale = LEFT_OUT
    currency: Currency = LEFT_OUT
    country: Country | None = LEFT_OUT
    legal_name: Annotated[str, Field(min_length=1, max_length=200)] | None = LEFT_OUT
    legal_address: Annotated[str, Field(min_length=1, max_length=500)] | None = LEFT_OUT
    tax_id: Annotated[str, Field(min_length=1, max_length=50)] | None = LEFT_OUT
    colour: Colour | None = LEFT_OUT
    reply_to: Email | None = LEFT_OUT
    track_opens: bool = LEFT_OUT
    takes_guests: bool = LEFT_OUT

    def given(self) -> dict[str, Any]:
        """The fields that were sent."""
        return self.model_dump(exclude_unset=True)


class Workspace(Answer):
    """A workspace. `revision` is also its ETag."""

    id: UUID
    name: str
    time_zone: str
    locale: str
    currency: str
    country: str | None
    legal_name: str | None
    legal_address: str | None
    tax_id: str | None
    colour: str | None
    reply_to: str | None
    track_opens: bool
    takes_guests: bool
    logo_url: LogoUrl
    revision: int
    created_at: AwareDatetime


class Workspaces(Answer):
    """A page of workspaces."""

    data: list[Workspace]
    next_cursor: UUID | None


class Member(Answer):
    """A person in a workspace."""

    user_id: UUID
    name: str
    email: str
    role: str
    joined_at: AwareDatetime


class Members(Answer):
    """A page of members."""

    data: list[Member]
    next_cursor: UUID | None


class MemberChanges(Body):
    """The role from now on."""

    role: RoleName


class NewRole(Body):
    """A role of the workspace's own. A permission may be narrowed: `orders.read:own`, `orders.read:assigned`."""

    name: RoleName
    description: Description = ""
    permissions: Permissions


class RoleChanges(Body):
    """What to change; what is left out stays. `permissions` replaces all."""

    description: Description | None = None
    permissions: Permissions | None = None


class Role(Answer):
    """What members with this role may do."""

    name: str
    description: str
    built_in: bool
    permissions: list[str]


class Roles(Answer):
    """All roles a workspace has."""

    data: list[Role]
    next_cursor: None = None


class NewInvite(Body):
    """What the code makes of those who use it; with `email` it is also mailed there."""

    role: RoleName
    max_uses: Annotated[int, Field(ge=1, le=1000), WHOLE] = 1
    expires_in_days: Annotated[int, Field(ge=1, le=30), WHOLE] = 7
    email: Email | None = None


class Invite(Answer):
    """An invite, without its code."""

    id: UUID
    role: str
    max_uses: int
    uses: int
    expires_at: AwareDatetime
    revoked_at: AwareDatetime | None
    created_by: UUID | None
    created_at: AwareDatetime


class CodedInvite(Invite):
    """A new invite. The code is told this once and kept only as a hash."""

    code: str


class Invites(Answer):
    """A page of invites."""

    data: list[Invite]
    next_cursor: UUID | None


class Code(Body):
    """An invite code, with or without dashes."""

    code: Annotated[str, Field(min_length=1, max_length=64)]


class Joined(Answer):
    """Where the code led."""

    workspace_id: UUID
    role: str


class AuditPage(Query):
    """A page of the audit log, newest first."""

    limit: PageSize = 50
    cursor: Annotated[int, Field(ge=1, le=2**62)] | None = None


class AuditEntry(Answer):
    """Who did what. `hash` covers this entry and the one before."""

    sequence: int
    at: AwareDatetime
    actor: UUID | None
    action: str
    target: str | None
    details: dict[str, Any]
    request_id: str | None
    hash: str


class AuditEntries(Answer):
    """A page of the audit log."""

    data: list[AuditEntry]
    next_cursor: int | None


class Head(Query):
    """The newest entry as it was when it was noted down."""

    sequence: Annotated[int, Field(ge=0, le=2**62)] | None = None
    hash: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None

    @model_validator(mode="after")
    def together(self) -> Self:
        """Half a head would be compared with nothing."""
        if (self.sequence is None) != (self.hash is None):
            raise ValueError("sequence and hash are given together")
        return self


class AuditHead(Answer):
    """The newest entry: note it down, and verify against it later."""

    sequence: int
    hash: str


class AuditVerdict(Answer):
    """Whether the chain is whole; else where it breaks first, and how."""

    intact: bool
    entries: int
    head: AuditHead
    broken_at: int | None
    reason: str | None
