"""What Backroom expects of Supabase Auth, whichever Supabase answers."""

import base64
import json
import secrets
from typing import Any

from tests.local.supabase import PASSWORD, Answer, Supabase


def claims(token: str) -> dict[str, Any]:
    payload = token.split(".")[1]
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return found


def sign_in(supabase: Supabase, email: str, password: str = PASSWORD) -> Answer:
    credentials = {"email": email, "password": password}
    return supabase.call("POST", "/auth/v1/token?grant_type=password", credentials)


class TestSignUp:
    def test_signs_in_at_once_and_keeps_what_the_person_said(self, supabase: Supabase) -> None:
        person = supabase.sign_up(name="Ada")
        user = supabase.call("GET", "/auth/v1/user", token=person.token).json
        assert user["email"] == person.email
        assert user["user_metadata"]["name"] == "Ada"

    def test_writes_the_user_where_sql_finds_it(self, supabase: Supabase) -> None:
        person = supabase.sign_up(name="Ada")
        [row] = supabase.execute(
            "select email, raw_user_meta_data ->> 'name', email_confirmed_at is not null from auth.users where id = %s",
            [person.id],
        )
        assert row == (person.email, "Ada", True)

    def test_refuses_a_password_shorter_than_ten(self, supabase: Supabase) -> None:
        answer = supabase.call("POST", "/auth/v1/signup", {"email": "short@example.com", "password": "ninechars"})
        assert answer.status == 422
        assert answer.json["error_code"] == "weak_password"

    def test_refuses_a_second_account_for_an_address(self, supabase: Supabase) -> None:
        person = supabase.sign_up()
        again = {"email": person.email.upper(), "password": PASSWORD}
        answer = supabase.call("POST", "/auth/v1/signup", again)
        assert answer.status == 422
        assert answer.json["error_code"] == "user_already_exists"


class TestAccessToken:
    def test_says_who_issued_it_for_whom_and_which_session(self, supabase: Supabase) -> None:
        person = supabase.sign_up()
        said = claims(person.token)
        assert said["iss"] == f"{supabase.url}/auth/v1"
        assert (said["aud"], said["role"]) == ("authenticated", "authenticated")
        assert (said["sub"], said["email"]) == (person.id, person.email)
        assert said["exp"] - said["iat"] == 3600

    def test_names_a_session_that_sql_finds_until_sign_out(self, supabase: Supabase) -> None:
        person = supabase.sign_up()
        session = claims(person.token)["session_id"]
        query = "select user_id::text from auth.sessions where id = %s"
        assert supabase.execute(query, [session]) == [(person.id,)]
        assert supabase.call("POST", "/auth/v1/logout", token=person.token).status == 204
        assert supabase.execute(query, [session]) == []


class TestSession:
    def test_begins_with_the_right_password_only(self, supabase: Supabase) -> None:
        person = supabase.sign_up()
        assert sign_in(supabase, person.email).json["user"]["id"] == person.id
        wrong = sign_in(supabase, person.email, "not the password")
        unknown = sign_in(supabase, "nobody@example.com")
        assert wrong.status == unknown.status == 400
        assert wrong.json == unknown.json

    def test_goes_on_with_its_refresh_token(self, supabase: Supabase) -> None:
        person = supabase.sign_up()
        document = {"refresh_token": person.refresh_token}
        fresh = supabase.call("POST", "/auth/v1/token?grant_type=refresh_token", document).json
        assert fresh["refresh_token"] != person.refresh_token
        assert claims(fresh["access_token"])["session_id"] == claims(person.token)["session_id"]

    def test_cannot_go_on_after_sign_out(self, supabase: Supabase) -> None:
        person = supabase.sign_up()
        supabase.call("POST", "/auth/v1/logout", token=person.token)
        document = {"refresh_token": person.refresh_token}
        answer = supabase.call("POST", "/auth/v1/token?grant_type=refresh_token", document)
        assert answer.status == 400
        assert answer.json["error_code"] == "refresh_token_not_found"


class TestUser:
    def test_changes_password_and_signs_in_with_it(self, supabase: Supabase) -> None:
        person = supabase.sign_up()
        answer = supabase.call("PUT", "/auth/v1/user", {"password": "another long one"}, token=person.token)
        assert answer.status == 200
        assert sign_in(supabase, person.email).status == 400
        assert sign_in(supabase, person.email, "another long one").status == 200

    def test_is_nobody_with_a_broken_token(self, supabase: Supabase) -> None:
        assert supabase.call("GET", "/auth/v1/user", token="a.b.c").status in (401, 403)
        assert supabase.call("GET", "/auth/v1/user").status == 401


def test_recovery_does_not_say_who_has_an_account(supabase: Supabase) -> None:
    person = supabase.sign_up()
    known = supabase.call("POST", "/auth/v1/recover", {"email": person.email})
    unknown = supabase.call("POST", "/auth/v1/recover", {"email": f"{secrets.token_hex(6)}@example.com"})
    assert (known.status, known.body) == (unknown.status, unknown.body) == (200, b"{}")


def test_health_answers_without_a_session(supabase: Supabase) -> None:
    assert supabase.call("GET", "/auth/v1/health").json["name"] == "GoTrue"


def test_a_trigger_on_users_runs_at_sign_up(supabase: Supabase) -> None:
    supabase.execute("""
        create table if not exists public.contract_arrivals (user_id uuid);
        create or replace function public.contract_arrive() returns trigger
        language plpgsql security definer set search_path = '' as $$
        begin
          insert into public.contract_arrivals values (new.id);
          return new;
        end
        $$;
        create or replace trigger contract_arrive after insert on auth.users
          for each row execute function public.contract_arrive();
    """)
    try:
        person = supabase.sign_up()
        assert supabase.execute("select user_id::text from public.contract_arrivals") == [(person.id,)]
    finally:
        supabase.execute("drop trigger contract_arrive on auth.users; drop table public.contract_arrivals")
