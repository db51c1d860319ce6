"""Each mend of the gateway cures a defect, and stock @supabase/lite still has it.

When a test of the second kind fails, upstream has cured the defect itself: remove the mend.
"""

import os
import re
import secrets
import shutil
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import cache, partial
from pathlib import Path

import psycopg
import pytest

from local.gateway.process import HERE
from local.stack import Stack
from tests.local.conftest import SCHEMA
from tests.local.supabase import PASSWORD, Supabase
from tests.local.test_auth_contract import claims

Probe = Callable[[Supabase, Stack], bool]
MENDS: dict[str, Probe] = {}


def defect(probe: Probe) -> Probe:
    """A probe says whether the defect that the mend of its name cures is there."""
    MENDS[probe.__name__] = probe
    return probe


def rpc(supabase: Supabase, name: str, **arguments: object) -> object:
    return supabase.call("POST", f"/rest/v1/rpc/contract_{name}", arguments).json


def stored(supabase: Supabase) -> tuple[str, str]:
    """The token of somebody new and the address of a file of theirs, whose name says no type."""
    person = supabase.sign_up()
    path = f"/storage/v1/object/contract/{person.id}/folder/file"
    supabase.call("POST", path, data=b"hello", token=person.token, headers={"content-type": "image/webp"})
    return person.token, path


@defect
def isoTimestamps(supabase: Supabase, stack: Stack) -> bool:
    bucket = supabase.call("GET", "/storage/v1/bucket/contract", key=supabase.secret_key).json
    return "T" not in bucket["created_at"]


@defect
def jsonWrittenOnce(supabase: Supabase, stack: Stack) -> bool:
    return rpc(supabase, "kind", document={"a": 1}) == "string"


@defect
def numericAsWritten(supabase: Supabase, stack: Stack) -> bool:
    return rpc(supabase, "price") == "12.50"


@defect
def ownGrants(supabase: Supabase, stack: Stack) -> bool:
    return supabase.call("GET", "/rest/v1/contract_ungranted").status == 200


@defect
def statusBySqlstate(supabase: Supabase, stack: Stack) -> bool:
    answer = supabase.call("POST", "/rest/v1/rpc/contract_raise", {"sqlstate_code": "P0001"})
    return answer.status == 500 and answer.json["code"] == "SUP"


@defect
def schemaReload(supabase: Supabase, stack: Stack) -> bool:
    name = f"contract_{secrets.token_hex(4)}"
    supabase.execute(f"create function public.{name}() returns int language sql as 'select 1'")
    supabase.execute("notify pgrst, 'reload schema'")
    for _ in range(20):
        if supabase.call("POST", f"/rest/v1/rpc/{name}", {}).status == 200:
            return False
        time.sleep(0.1)
    return True


@defect
def emailOfCaller(supabase: Supabase, stack: Stack) -> bool:
    token = supabase.sign_up().token
    return supabase.call("POST", "/rest/v1/rpc/contract_request", {}, token=token).json["email"] is None


@defect
def issuer(supabase: Supabase, stack: Stack) -> bool:
    return "iss" not in claims(supabase.sign_up().token)


@defect
def silentRepeatedSignUp(supabase: Supabase, stack: Stack) -> bool:
    credentials = {"email": f"{secrets.token_hex(6)}@example.com", "password": PASSWORD}
    supabase.call("POST", "/auth/v1/signup", credentials)
    supabase.execute("update auth.users set email_confirmed_at = now() where email = %s", [credentials["email"]])
    again = supabase.call("POST", "/auth/v1/signup", credentials)
    return again.status == 429


@defect
def signedUrl(supabase: Supabase, stack: Stack) -> bool:
    token, path = stored(supabase)
    signed = supabase.call("POST", path.replace("/object/", "/object/sign/"), {"expiresIn": 9}, token=token).json
    return "signedURL" not in signed


@defect
def signedUrls(supabase: Supabase, stack: Stack) -> bool:
    token, path = stored(supabase)
    document = {"expiresIn": 9, "paths": [path.removeprefix("/storage/v1/object/contract/")]}
    return supabase.call("POST", "/storage/v1/object/sign/contract", document, token=token).status == 400


@defect
def signedUploadUrl(supabase: Supabase, stack: Stack) -> bool:
    token, path = stored(supabase)
    sign = path.replace("/object/", "/object/upload/sign/") + "-new"
    return "url" not in supabase.call("POST", sign, {}, token=token).json


@defect
def oneFolderListed(supabase: Supabase, stack: Stack) -> bool:
    token, path = stored(supabase)
    prefix = path.split("/")[5]
    [entry] = supabase.call("POST", "/storage/v1/object/list/contract", {"prefix": prefix}, token=token).json
    return bool(entry["name"] != "folder")


@defect
def download(supabase: Supabase, stack: Stack) -> bool:
    token, path = stored(supabase)
    kinds = {supabase.call("GET", path, token=token).headers["content-type"] for _ in range(20)}
    until = time.monotonic() + 2  # a file closes a moment after its last byte was sent
    while left_open := any("/storage/contract/" in name for name in open_files(stack)):
        if time.monotonic() > until:
            break
        time.sleep(0.05)
    return "image/webp" not in kinds or left_open


@defect
def pagesOfAnyOrigin(supabase: Supabase, stack: Stack) -> bool:
    """What a page asks first, and whether it may read what it is answered."""
    page = {"origin": "http://localhost:5173"}
    asked = {"access-control-request-method": "GET", "access-control-request-headers": "apikey,authorization"}
    first = supabase.call("OPTIONS", "/auth/v1/user", headers={**page, **asked})
    then = supabase.call("GET", "/auth/v1/user", token=supabase.sign_up().token, headers=page)
    may_send = "apikey" in (first.headers.get("access-control-allow-headers") or "")
    return not may_send or then.headers.get("access-control-allow-origin") != "*"


@defect
def unavailableDatabase(supabase: Supabase, stack: Stack) -> bool:
    stack.postgres.kill()
    try:
        return supabase.call("POST", "/rest/v1/rpc/contract_price", {}).status == 500
    finally:
        stack.postgres.start()


@defect
def lostConnections(supabase: Supabase, stack: Stack) -> bool:
    """A connection lost in the midst of a transaction: the process ends with it."""
    with ThreadPoolExecutor() as pool:
        ask = partial(supabase.call, "POST", "/rest/v1/rpc/contract_echo", {"word": "x", "seconds": 1})
        asked = pool.submit(ask)
        busy = "select pg_terminate_backend(pid) from pg_stat_activity where wait_event = 'PgSleep'"
        with psycopg.connect(stack.postgres.url(), autocommit=True) as administrator:
            while not administrator.execute(busy).fetchall():
                if asked.done():  # the database was away a moment ago, for another of these
                    if asked.exception() is not None:  # and the process ended with it
                        return True
                    asked = pool.submit(ask)
                time.sleep(0.01)
        try:
            return asked.result().status != 503
        except OSError:
            return True


def open_files(stack: Stack) -> list[str]:
    """Those of the gateway, where the system tells."""
    descriptors = Path(f"/proc/{stack.gateway.pid}/fd")
    return [os.readlink(each) for each in descriptors.iterdir() if each.is_symlink()] if descriptors.exists() else []


# What isn't mended may not survive that: a stack of its own for each.
TAKING_THE_DATABASE_AWAY = {"unavailableDatabase", "lostConnections"}


@pytest.fixture(scope="module")
def stacks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Stack]]:
    """A stack with all mends or with none; both ask for confirmations."""
    supabase = tmp_path_factory.mktemp("supabase")
    migration = supabase / "migrations" / "20260101000000_contract.sql"
    migration.parent.mkdir()
    shutil.copy(SCHEMA, migration)
    with ExitStack() as running:

        @cache
        def make(mended: bool, mend: str = "") -> Stack:
            stack = Stack(
                tmp_path_factory.mktemp("mended" if mended else "stock"),
                confirmations=True,
                supabase=supabase,
                without_mends=() if mended else tuple(MENDS),
                postgres_settings={"fsync": "off"},
            )
            return running.enter_context(stack)

        yield make


@pytest.mark.parametrize("mend", MENDS)
def test_stock_lite_still_has_the_defect(stacks: Callable[..., Stack], mend: str) -> None:
    stack = stacks(False, mend) if mend in TAKING_THE_DATABASE_AWAY else stacks(False)
    assert MENDS[mend](Supabase.of(stack.env), stack)


@pytest.mark.parametrize("mend", MENDS)
def test_the_mend_cures_it(stacks: Callable[..., Stack], mend: str) -> None:
    stack = stacks(True)
    assert not MENDS[mend](Supabase.of(stack.env), stack)


def test_every_mend_has_a_probe() -> None:
    exported = re.compile(r"^export const (\w+)", re.MULTILINE)
    sources = (path.read_text() for path in (HERE / "mends").glob("*.mjs"))
    names = {name for source in sources for name in exported.findall(source)}
    assert names | {"lostConnections"} == set(MENDS)
