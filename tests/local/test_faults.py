"""A stack of its own whose PostgreSQL crashes; and one that asks for confirmations."""

import json
import time
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from pathlib import Path

import psycopg
import pytest

from local.stack import Stack
from local.trouble import Trouble
from tests.local.conftest import SCHEMA
from tests.local.supabase import PASSWORD, Supabase


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    """Not the session's: these tests break it."""
    (tmp_path / "migrations").mkdir()
    (tmp_path / "migrations" / "20260101000000_contract.sql").write_text(SCHEMA.read_text())
    with Stack(tmp_path / "state", supabase=tmp_path, confirmations=True) as stack:
        yield stack


def echo(supabase: Supabase, word: str, seconds: float = 0) -> tuple[int, object]:
    arguments = {"word": word, "seconds": seconds}
    answer = supabase.call("POST", "/rest/v1/rpc/contract_echo", arguments)
    return answer.status, answer.json


def connections(stack: Stack) -> int:
    with psycopg.connect(stack.postgres.url()) as connection:
        row = connection.execute("select count(*) from pg_stat_activity where backend_type = 'client backend'")
        return int(str((row.fetchone() or (0,))[0]))


def test_a_crash_of_the_database_mixes_up_no_answers_and_heals(stack: Stack) -> None:
    supabase = Supabase.of(stack.env)

    def ask(number: int) -> int:
        status, said = echo(supabase, f"word {number}", seconds=0.02)
        if status == 200:
            assert said == f"word {number}"
        else:
            assert status == 503
        return status

    with ThreadPoolExecutor(24) as pool:
        asked = [pool.submit(ask, number) for number in range(300)]
        wait(asked, return_when=FIRST_COMPLETED)
        stack.postgres.kill()
        stack.postgres.start()
        statuses = [each.result() for each in asked]
    assert {200, 503} == set(statuses)

    began = time.monotonic()
    while echo(supabase, "healed")[0] != 200:
        assert time.monotonic() - began < 5
        time.sleep(0.1)
    with ThreadPoolExecutor(24) as pool:
        assert set(pool.map(ask, range(100))) == {200}
    assert connections(stack) <= 23  # the gateway's pool of 20, its listener, and ours


def test_while_the_database_is_away_the_answer_is_503_with_fixed_words(stack: Stack) -> None:
    supabase = Supabase.of(stack.env)
    stack.postgres.stop()
    try:
        answer = supabase.call("POST", "/rest/v1/rpc/contract_price", {})
        assert answer.status == 503
        assert answer.json["message"] == "Database client error. Retrying the connection."
    finally:
        stack.postgres.start()


def test_a_schema_change_after_a_restart_is_seen(stack: Stack) -> None:
    supabase = Supabase.of(stack.env)
    stack.postgres.stop()
    stack.postgres.start()
    began = time.monotonic()
    while echo(supabase, "healed")[0] != 200:
        assert time.monotonic() - began < 5
        time.sleep(0.1)
    supabase.execute("create function public.contract_new() returns int language sql as 'select 1'")
    supabase.reload_schema("rpc/contract_new")


def test_sign_up_waits_for_the_mailed_confirmation(stack: Stack) -> None:
    supabase = Supabase.of(stack.env)
    credentials = {"email": "ada@example.com", "password": PASSWORD}
    assert "access_token" not in supabase.call("POST", "/auth/v1/signup", credentials).json
    path = "/auth/v1/token?grant_type=password"
    assert supabase.call("POST", path, credentials).json["error_code"] == "email_not_confirmed"

    [mail] = [json.loads(line) for line in stack.mail.read_text().splitlines()]
    assert mail["to"] == "ada@example.com"
    assert mail["link"].startswith(f"{supabase.url}/auth/v1/verify?")
    document = {"type": "signup", "email": "ada@example.com", "token": mail["code"]}
    assert supabase.call("POST", "/auth/v1/verify", document).json["access_token"]
    assert supabase.call("POST", path, credentials).status == 200


def test_a_second_stack_on_the_same_data_is_refused(stack: Stack) -> None:
    with pytest.raises(Trouble, match="stop that one first"):
        Stack(stack.state).start()
