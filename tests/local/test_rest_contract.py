"""What Backroom expects of Supabase's data API, whichever Supabase answers."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.local.supabase import Supabase

NOTES = "/rest/v1/contract_notes"
RETURN = {"prefer": "return=representation"}


class TestRowLevelSecurity:
    def test_shows_people_their_own_rows_only(self, supabase: Supabase) -> None:
        ada, bob = supabase.sign_up(), supabase.sign_up()
        [note] = supabase.call("POST", NOTES, {"body": "mine"}, token=ada.token, headers=RETURN).json
        assert note["owner_id"] == ada.id
        assert [row["id"] for row in supabase.call("GET", NOTES, token=ada.token).json] == [note["id"]]
        assert supabase.call("GET", NOTES, token=bob.token).json == []

    def test_refuses_a_row_in_another_name(self, supabase: Supabase) -> None:
        ada, bob = supabase.sign_up(), supabase.sign_up()
        answer = supabase.call("POST", NOTES, {"body": "x", "owner_id": bob.id}, token=ada.token)
        assert (answer.status, answer.json["code"]) == (403, "42501")


class TestGrants:
    def test_nobody_may_what_was_not_granted(self, supabase: Supabase) -> None:
        person = supabase.sign_up()
        path = "/rest/v1/contract_ungranted"
        assert supabase.call("GET", path, token=person.token).status == 403
        assert supabase.call("GET", path).status == 401
        assert supabase.call("GET", path, key=supabase.secret_key).status == 403

    def test_a_broken_token_is_401(self, supabase: Supabase) -> None:
        assert supabase.call("GET", NOTES, token="a.b.c").status == 401


class TestRpc:
    def test_sees_the_request_as_sql_expects(self, supabase: Supabase) -> None:
        person = supabase.sign_up()
        seen = supabase.call(
            "POST",
            "/rest/v1/rpc/contract_request",
            {},
            token=person.token,
            headers={"X-Request-Id": "abc", "Idempotency-Key": "def"},
        ).json
        assert seen["headers"]["x-request-id"] == "abc"
        assert seen["headers"]["idempotency-key"] == "def"
        assert all(name == name.lower() for name in seen["headers"])
        assert (seen["method"], seen["path"]) == ("POST", "/rpc/contract_request")
        assert (seen["role"], seen["uid"], seen["email"]) == ("authenticated", person.id, person.email)
        assert seen["jwt"]["sub"] == person.id

    @pytest.mark.parametrize(("key", "role"), [("publishable_key", "anon"), ("secret_key", "service_role")])
    def test_runs_as_the_role_of_the_key(self, supabase: Supabase, key: str, role: str) -> None:
        answer = supabase.call("POST", "/rest/v1/rpc/contract_request", {}, key=getattr(supabase, key))
        assert (answer.json["role"], answer.json["uid"]) == (role, None)

    @pytest.mark.parametrize(
        ("document", "kind"),
        [
            ({"a": [1]}, "object"),
            ([{}], "array"),
            ("text", "string"),
            ('{"a": 1}', "string"),
            (12.5, "number"),
            (True, "boolean"),
        ],
    )
    def test_gets_json_as_it_was_sent(self, supabase: Supabase, document: object, kind: str) -> None:
        answer = supabase.call("POST", "/rest/v1/rpc/contract_kind", {"document": document})
        assert answer.json == kind

    def test_an_unknown_one_is_404(self, supabase: Supabase) -> None:
        answer = supabase.call("POST", "/rest/v1/rpc/contract_unknown", {})
        assert (answer.status, answer.json["code"]) == (404, "PGRST202")


class TestErrors:
    @pytest.mark.parametrize(
        ("code", "status"),
        [
            ("P0001", 400),
            ("PT402", 402),
            ("PT409", 409),
            ("22023", 400),
            ("23502", 400),
            ("23503", 409),
            ("23505", 409),
            ("23514", 400),
            ("25006", 405),
            ("28000", 403),
            ("40001", 500),
            ("40P01", 500),
            ("42501", 403),
            ("53300", 503),
            ("55P03", 500),
            ("57014", 500),
            ("57P01", 503),
            ("BR001", 400),
        ],
    )
    def test_raised_in_sql_have_postgrests_status(self, supabase: Supabase, code: str, status: int) -> None:
        person = supabase.sign_up() if code == "42501" else None
        answer = supabase.call(
            "POST",
            "/rest/v1/rpc/contract_raise",
            {"sqlstate_code": code},
            token=person.token if person else None,
        )
        assert answer.status == status
        told = answer.json
        assert (told["code"], told["message"], told["details"]) == (code, "said so", "the detail")

    def test_a_lack_of_privilege_is_401_for_anybody(self, supabase: Supabase) -> None:
        answer = supabase.call("POST", "/rest/v1/rpc/contract_raise", {"sqlstate_code": "42501"})
        assert answer.status == 401

    def test_of_constraints_say_which(self, supabase: Supabase) -> None:
        token = supabase.sign_up().token
        empty = supabase.call("POST", NOTES, {"body": ""}, token=token)
        orphan = supabase.call("POST", NOTES, {"body": "x", "parent_id": 0}, token=token)
        assert (empty.status, empty.json["code"]) == (400, "23514")
        assert (orphan.status, orphan.json["code"]) == (409, "23503")
        assert "contract_notes_parent_id_fkey" in orphan.json["message"]


class TestValues:
    def test_times_are_iso_8601(self, supabase: Supabase) -> None:
        token = supabase.sign_up().token
        [note] = supabase.call("POST", NOTES, {"body": "x"}, token=token, headers=RETURN).json
        assert note["written_at"][10] == "T"
        assert note["written_at"].endswith("+00:00")

    def test_numerics_keep_their_digits(self, supabase: Supabase) -> None:
        assert supabase.call("POST", "/rest/v1/rpc/contract_price", {}).body == b"12.50"


def test_each_of_many_at_once_gets_its_own_answer(supabase: Supabase) -> None:
    people = [supabase.sign_up() for _ in range(4)]

    def ask(number: int) -> bool:
        person = people[number % len(people)]
        seen = supabase.call(
            "POST", "/rest/v1/rpc/contract_request", {}, token=person.token, headers={"x-request-id": str(number)}
        ).json
        return bool(seen["uid"] == person.id and seen["headers"]["x-request-id"] == str(number))

    with ThreadPoolExecutor(32) as pool:
        assert all(pool.map(ask, range(200)))
