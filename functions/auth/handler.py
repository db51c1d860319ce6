"""/api/auth: sign-up, sign-in, refresh, sign-out, password reset, and who am I. Thin over Supabase Auth.

What an outsider could guess with (an address, a password, a code) is limited to 10 tries per 15 minutes, by IP and by
address, and answers in the same words and after the same time whether the address is known or not.
"""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, Field, SecretStr

from functions.auth import accounts
from shared import auth
from shared.auth import Caller
from shared.binding import Reply
from shared.database import as_caller
from shared.limits import Limit
from shared.models import Answer, Body, Email, Name
from shared.web import Function


def within_bcrypt(password: SecretStr) -> SecretStr:
    """bcrypt, which Supabase Auth uses, ignores what comes after 72 bytes."""
    if len(password.get_secret_value().encode()) > 72:
        raise ValueError("has at most 72 bytes")
    return password


Password = Annotated[SecretStr, Field(min_length=10, max_length=72), AfterValidator(within_bcrypt)]


class SignUp(Body):
    """A new person, with a workspace of their own or a code that lets them into another."""

    email: Email
    password: Password
    name: Name
    workspace_name: Name | None = None
    invite_code: Annotated[SecretStr, Field(max_length=64)] | None = None


class SignIn(Body):
    """Address and password."""

    email: Email
    password: Annotated[SecretStr, Field(max_length=1000)]


class Refresh(Body):
    """The refresh token of the session before."""

    refresh_token: Annotated[SecretStr, Field(max_length=4096)]


class Address(Body):
    """An address that may have an account."""

    email: Email


class NewPassword(Body):
    """The password from now on."""

    password: Password


class Verification(Body):
    """The code from the mail, for confirming a sign-up or for setting a new password."""

    type: Literal["sign_up", "password_reset"]
    email: Email
    code: Annotated[str, Field(pattern=r"^[0-9]{6,10}$")]


class Session(Answer):
    """An access token and what renews it. `expires_in` is in seconds."""

    access_token: str
    refresh_token: str
    token_type: Literal["bearer"]
    expires_in: int
    user_id: UUID


class Accepted(Answer):
    """Said whether or not there was anything to do."""

    status: Literal["mail_sent_if_possible"] = "mail_sent_if_possible"


class User(Answer):
    """A person."""

    id: UUID
    email: str
    name: str
    platform_admin: bool


class Membership(Answer):
    """A workspace one is in, and what one may do there (`name`, `name:own` or `name:assigned`)."""

    id: UUID
    name: str
    role: str
    permissions: list[str]


class Me(Answer):
    """Who the access token belongs to."""

    user: User
    default_workspace_id: UUID | None
    workspaces: list[Membership]


# What whoever guesses meets: the limits by IP and by address.
GUARDED = ["429 rate_limited", "503 auth_unavailable"]

app = Function("auth", max_duration_seconds=15, memory_mb=256)


@app.post(
    "/sign-up",
    public=True,
    status=201,
    also={202: Accepted},
    problems=["422 sign_up_refused", *GUARDED],
)
def sign_up(body: SignUp) -> Reply[Session | Accepted]:
    """Make an account. 202 and a mail where addresses are to be confirmed first."""
    with accounts.guarded(body.email):
        session = accounts.sign_up(
            email=body.email,
            password=body.password.get_secret_value(),
            name=body.name,
            workspace_name=body.workspace_name,
            invite_code=body.invite_code.get_secret_value() if body.invite_code is not None else None,
        )
    return Reply(Session.model_validate(session), 201) if session else Reply(Accepted(), 202)


@app.post("/sign-in", public=True, problems=["401 credentials_invalid", *GUARDED])
def sign_in(body: SignIn) -> Session:
    """A session for an address and password."""
    with accounts.guarded(body.email):
        return Session.model_validate(accounts.sign_in(body.email, body.password.get_secret_value()))


@app.post("/refresh", public=True, problems=["401 refresh_token_invalid", *GUARDED])
def refresh(body: Refresh) -> Session:
    """The next session. A token is good until the next one is used; when it comes back after that, the session ends."""
    accounts.limit_by_ip(Limit("auth.refresh", 100, 900))
    return Session.model_validate(accounts.refresh(body.refresh_token.get_secret_value()))


@app.post("/sign-out", idempotent=False, status=204)
def sign_out(caller: Caller) -> None:
    """End this session: its refresh token stops working."""
    accounts.sign_out(caller)


@app.post("/password-reset", public=True, status=202, problems=GUARDED)
def password_reset(body: Address) -> Accepted:
    """Mail a code for a new password, if the address is known."""
    with accounts.guarded(body.email):
        accounts.request_password_reset(body.email)
    return Accepted()


@app.post("/verify", public=True, problems=["401 code_invalid", *GUARDED])
def verify(body: Verification) -> Session:
    """A session for the code from the mail."""
    with accounts.guarded(body.email):
        return Session.model_validate(accounts.verify(body.type, body.email, body.code))


@app.post("/password", limit=Limit("auth.password", 10, 900), idempotent=False, status=204)
def change_password(caller: Caller, body: NewPassword) -> None:
    """Set a new password. All other sessions end."""
    auth.recheck(caller)
    accounts.change_password(caller, body.password.get_secret_value())


@app.get("/me")
def me(caller: Caller) -> Me:
    """Who am I, and where may I do what?"""
    return Me.model_validate(as_caller(caller).rpc("me"))
