"""What Backroom expects of Supabase Storage, whichever Supabase answers."""

from urllib.parse import quote

import pytest

from tests.local.supabase import Answer, Person, Supabase

OBJECT = "/storage/v1/object"


@pytest.fixture
def owner(supabase: Supabase) -> Person:
    return supabase.sign_up()


def upload(supabase: Supabase, person: Person, name: str, data: bytes = b"hello", **headers: str) -> Answer:
    return supabase.call(
        "POST",
        f"{OBJECT}/contract/{quote(name)}",
        data=data,
        token=person.token,
        headers={"content-type": "text/plain", **headers},
    )


class TestObjects:
    def test_come_back_as_they_went(self, supabase: Supabase, owner: Person) -> None:
        name = f"{owner.id}/bytes.bin"
        data = bytes(range(256)) * 1000
        assert upload(supabase, owner, name, data, **{"content-type": "image/webp"}).status == 200
        answer = supabase.call("GET", f"{OBJECT}/contract/{name}", token=owner.token)
        assert answer.body == data
        assert answer.headers["content-type"] == "image/webp"

    def test_may_have_any_letters_in_their_names(self, supabase: Supabase, owner: Person) -> None:
        name = f"{owner.id}/наклейка & 50%.txt"
        assert upload(supabase, owner, name).status == 200
        assert supabase.call("GET", f"{OBJECT}/contract/{quote(name)}", token=owner.token).body == b"hello"

    def test_are_written_once_unless_told_to_replace(self, supabase: Supabase, owner: Person) -> None:
        name = f"{owner.id}/a.txt"
        assert upload(supabase, owner, name).status == 200
        assert upload(supabase, owner, name, b"again").json["error"] == "Duplicate"
        assert upload(supabase, owner, name, b"again", **{"x-upsert": "true"}).status == 200
        assert supabase.call("GET", f"{OBJECT}/contract/{name}", token=owner.token).body == b"again"

    def test_are_gone_when_removed(self, supabase: Supabase, owner: Person) -> None:
        name = f"{owner.id}/a.txt"
        upload(supabase, owner, name)
        removed = supabase.call("DELETE", f"{OBJECT}/contract", {"prefixes": [name]}, token=owner.token).json
        assert [entry["name"] for entry in removed] == [name]
        assert supabase.call("GET", f"{OBJECT}/contract/{name}", token=owner.token).status == 400

    def test_are_rows_with_size_and_type(self, supabase: Supabase, owner: Person) -> None:
        name = f"{owner.id}/a.txt"
        upload(supabase, owner, name)
        [row] = supabase.execute(
            "select metadata ->> 'size', metadata ->> 'mimetype', owner_id from storage.objects where name = %s", [name]
        )
        assert row == ("5", "text/plain", owner.id)


class TestPolicies:
    def test_keep_others_out(self, supabase: Supabase, owner: Person) -> None:
        stranger = supabase.sign_up()
        name = f"{owner.id}/a.txt"
        upload(supabase, owner, name)
        assert upload(supabase, stranger, f"{owner.id}/b.txt").json["statusCode"] == "403"
        for token in (stranger.token, None):
            assert supabase.call("GET", f"{OBJECT}/contract/{name}", token=token).status == 400
        document = {"prefixes": [name]}
        assert supabase.call("DELETE", f"{OBJECT}/contract", document, token=stranger.token).json == []
        assert supabase.call("GET", f"{OBJECT}/contract/{name}", token=owner.token).status == 200

    def test_do_not_bind_the_secret_key(self, supabase: Supabase, owner: Person) -> None:
        name = f"{owner.id}/a.txt"
        upload(supabase, owner, name)
        assert supabase.call("GET", f"{OBJECT}/contract/{name}", key=supabase.secret_key).body == b"hello"

    def test_let_nobody_make_a_bucket(self, supabase: Supabase, owner: Person) -> None:
        answer = supabase.call("POST", "/storage/v1/bucket", {"id": "own", "name": "own"}, token=owner.token)
        assert answer.json["statusCode"] == "403"


class TestListing:
    def test_names_what_is_in_the_folder(self, supabase: Supabase, owner: Person) -> None:
        for name in ("a.txt", "sub/b.txt", "sub/c.txt"):
            upload(supabase, owner, f"{owner.id}/{name}")
        found = supabase.call("POST", f"{OBJECT}/list/contract", {"prefix": owner.id}, token=owner.token).json
        assert [(entry["name"], entry["id"] is None) for entry in found] == [("a.txt", False), ("sub", True)]


class TestSignedUrls:
    def test_of_one_object_need_no_session(self, supabase: Supabase, owner: Person) -> None:
        name = f"{owner.id}/a.txt"
        upload(supabase, owner, name)
        signed = supabase.call("POST", f"{OBJECT}/sign/contract/{name}", {"expiresIn": 60}, token=owner.token).json
        path = "/storage/v1" + signed["signedURL"]
        assert supabase.call("GET", path).body == b"hello"
        assert supabase.call("GET", path[:-3] + "xyz").status >= 400

    def test_of_many_say_which_failed(self, supabase: Supabase, owner: Person) -> None:
        name, missing = f"{owner.id}/a.txt", f"{owner.id}/missing.txt"
        upload(supabase, owner, name)
        document = {"expiresIn": 60, "paths": [name, missing]}
        good, bad = supabase.call("POST", f"{OBJECT}/sign/contract", document, token=owner.token).json
        assert (good["path"], good["error"]) == (name, None)
        assert supabase.call("GET", "/storage/v1" + good["signedURL"]).body == b"hello"
        assert (bad["path"], bad["signedURL"]) == (missing, None)
        assert bad["error"]

    def test_for_an_upload_take_the_file(self, supabase: Supabase, owner: Person) -> None:
        name = f"{owner.id}/later.txt"
        signed = supabase.call("POST", f"{OBJECT}/upload/sign/contract/{name}", {}, token=owner.token).json
        headers = {"content-type": "text/plain"}
        assert supabase.call("PUT", "/storage/v1" + signed["url"], data=b"later", headers=headers).status == 200
        assert supabase.call("GET", f"{OBJECT}/contract/{name}", token=owner.token).body == b"later"


def test_status_answers(supabase: Supabase) -> None:
    assert supabase.call("GET", "/storage/v1/status").status == 200
