"""/api/workspaces/{id}/logo."""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable
from functools import partial
from urllib.parse import urlsplit
from uuid import UUID

import jwt
import psycopg
import pytest
import urllib3
from PIL import Image

from functions.workspaces import logos
from local.stack import Stack
from shared.errors import Problem
from tests.api import InProcess, Response
from tests.functions.conftest import LogLines, ailing, signed, together
from tests.people import People, Person
from tests.shared.hostile_images import (
    ZIP,
    Hostile,
    hostile,
    in_jpeg,
    jpeg_segment,
    picture,
    png_chunk,
    png_of,
    written,
)

RED, BLUE = (written(picture(64, 32, color=colour), "PNG") for colour in ("red", "blue"))
PHOTO = written(picture(320, 200), "JPEG")


class Logos:
    """Calls about the logo of one workspace, by one person."""

    def __init__(self, api: InProcess, person: Person, workspace_id: UUID | None = None, token: str = "") -> None:
        self._api, self._token = api, token or person.token
        self.path = f"/api/workspaces/{workspace_id or person.workspace_id}"

    def put(self, content: bytes, media_type: str = "image/png", query: str = "", **headers: str) -> Response:
        sent = {"Content-Type": media_type, **{name.replace("_", "-"): value for name, value in headers.items()}}
        return self._api("POST", f"{self.path}/logo{query}", token=self._token, body=content, headers=sent)

    def take_away(self) -> Response:
        return self._api("DELETE", f"{self.path}/logo", token=self._token)

    def workspace(self) -> Response:
        return self._api("GET", self.path, token=self._token)


@pytest.fixture
def mine(api: InProcess, owner: Person) -> Logos:
    return Logos(api, owner)


def files(database: psycopg.Connection, workspace_id: UUID) -> list[str]:
    """What is stored of a workspace."""
    query = "select name from storage.objects where bucket_id = 'logos' and starts_with(name, %s)"
    return [name for (name,) in database.execute(query, [str(workspace_id)])]


def shown(url: str) -> tuple[int, str | None, bytes]:
    """What a mail program gets there, which sends nothing but the address."""
    answer = urllib3.request("GET", url, retries=False, timeout=10)
    return answer.status, answer.headers.get("content-type"), answer.data


def pixels(image: bytes) -> tuple[tuple[int, int], bytes]:
    shown = Image.open(io.BytesIO(image)).convert("RGB")
    return shown.size, shown.tobytes()


class TestALogo:
    @pytest.mark.parametrize(
        ("image", "media_type", "suffix"),
        [(RED, "image/png", "png"), (PHOTO, "image/jpeg", "jpg")],
        ids=["png", "jpeg"],
    )
    def test_is_seen_by_everybody_who_has_its_address(
        self, mine: Logos, owner: Person, stack: Stack, image: bytes, media_type: str, suffix: str
    ) -> None:
        answer = mine.put(image, media_type)
        assert (answer.status, answer.json["revision"]) == (200, 2)
        url = answer.json["logo_url"]
        public = f"{stack.env['SUPABASE_URL']}/storage/v1/object/public/logos/{owner.workspace_id}/"
        assert url.startswith(public)
        assert url.endswith(f".{suffix}")
        status, told, content = shown(url)
        assert (status, told) == (200, media_type)
        assert pixels(content) == pixels(image)
        assert mine.workspace().json == answer.json

    def test_is_what_its_bytes_are_whatever_they_are_called(self, mine: Logos) -> None:
        answer = mine.put(PHOTO, "image/png; charset=binary")
        assert shown(answer.json["logo_url"])[1] == "image/jpeg"

    def test_replaces_the_one_before_whose_file_is_removed(
        self, mine: Logos, owner: Person, database: psycopg.Connection
    ) -> None:
        first, second, again = (mine.put(image).json["logo_url"] for image in (RED, BLUE, BLUE))
        assert len({first, second, again}) == 3
        assert [shown(url)[0] for url in (first, second, again)] == [400, 400, 200]
        assert len(files(database, owner.workspace_id)) == 1

    def test_is_taken_away(self, mine: Logos, owner: Person, database: psycopg.Connection) -> None:
        url = mine.put(RED).json["logo_url"]
        answer = mine.take_away()
        assert (answer.status, answer.json["logo_url"], answer.json["revision"]) == (200, None, 3)
        assert shown(url)[0] == 400
        assert files(database, owner.workspace_id) == []
        assert mine.take_away().json == answer.json

    def test_is_in_lists_too(self, api: InProcess, mine: Logos, owner: Person) -> None:
        url = mine.put(RED).json["logo_url"]
        assert [each["logo_url"] for each in api("GET", "/api/workspaces", token=owner.token).json["data"]] == [url]

    def test_is_one_and_there_however_many_are_sent_at_once(
        self, mine: Logos, owner: Person, database: psycopg.Connection
    ) -> None:
        for _ in range(3):
            answers = together(*[partial(mine.put, image) for image in (RED, BLUE, RED, BLUE)])
            assert {answer.status for answer in answers} == {200}
            assert shown(mine.workspace().json["logo_url"])[0] == 200
            assert len(files(database, owner.workspace_id)) == 1

    def test_sent_again_under_the_same_key_is_set_once(self, mine: Logos, owner: Person) -> None:
        first = mine.put(RED, Idempotency_Key="logo")
        again = mine.put(RED, Idempotency_Key="logo")
        assert (again.body, again.headers["idempotent-replayed"]) == (first.body, "true")
        assert mine.put(BLUE, Idempotency_Key="logo").code == "idempotency_key_reused"
        assert shown(first.json["logo_url"])[0] == 200

    def test_takes_two_round_trips_to_the_database(self, mine: Logos, log_lines: LogLines) -> None:
        mine.put(RED)
        log_lines()
        mine.put(BLUE, Idempotency_Key="key")
        [line] = [line for line in log_lines() if "route" in line]
        assert (line["database_round_trips"], line["route"]) == (2, "POST /<workspace_id>/logo")


class TestWhoMayNot:
    @pytest.fixture
    def theirs(self, people: People) -> Person:
        return people.sign_up("Owner")

    @pytest.mark.parametrize(("role", "status"), [("admin", 403), ("readonly", 403), (None, 404)])
    def test_stores_nothing_and_changes_nothing(
        self,
        api: InProcess,
        theirs: Person,
        people: People,
        database: psycopg.Connection,
        role: str | None,
        status: int,
    ) -> None:
        before = Logos(api, theirs).put(RED).json
        kept = files(database, theirs.workspace_id)
        person = people.member(theirs.workspace_id, role) if role else people.sign_up("Stranger")
        calls = Logos(api, person, theirs.workspace_id)
        # A workspace of one's own beside the path doesn't help.
        assert calls.put(BLUE).status == calls.take_away().status == status
        assert calls.put(BLUE, query=f"?workspace_id={person.workspace_id}").status == status
        assert calls.put(b"no image", "text/plain").status == status
        assert files(database, theirs.workspace_id) == kept
        assert Logos(api, theirs).workspace().json == before

    def test_leaves_no_file_behind_after_signing_out(
        self, api: InProcess, mine: Logos, owner: Person, database: psycopg.Connection
    ) -> None:
        before = mine.put(RED).json
        kept = files(database, owner.workspace_id)
        database.execute("delete from auth.sessions where user_id = %s", [owner.user_id])
        assert mine.put(BLUE).status == 401
        assert files(database, owner.workspace_id) == kept
        assert shown(before["logo_url"])[0] == 200

    def test_reaches_the_bucket_only_to_look(self, stack: Stack, mine: Logos, owner: Person) -> None:
        url = mine.put(RED).json["logo_url"]
        place = urlsplit(url).path.removeprefix("/storage/v1/object/public/logos/")
        storage = f"{stack.env['SUPABASE_URL']}/storage/v1/object"

        def ask(method: str, path: str, token: str | None, **request: object) -> urllib3.BaseHTTPResponse:
            headers = {"apikey": stack.env["SUPABASE_PUBLISHABLE_KEY"]} | (
                {"Authorization": f"Bearer {token}"} if token else {}
            )
            if "body" in request:
                headers |= {"Content-Type": "image/png", "x-upsert": "true"}
            return urllib3.request(method, f"{storage}/{path}", headers=headers, timeout=10, **request)  # type: ignore[arg-type]

        for token in (None, owner.token):
            for prefix in ("", str(owner.workspace_id)):
                listed = ask("POST", "list/logos", token, json={"prefix": prefix, "limit": 100})
                assert listed.status >= 400 or listed.json() == []
            for path in (place, f"{owner.workspace_id}/other.png"):
                assert ask("POST", f"logos/{path}", token, body=BLUE).status >= 400
                assert ask("PUT", f"logos/{path}", token, body=BLUE).status >= 400
                assert ask("POST", f"upload/sign/logos/{path}", token, json={}).status >= 400
            ask("DELETE", "logos", token, json={"prefixes": [place]})
        assert pixels(shown(url)[2]) == pixels(RED)


class TestAnOutage:
    @pytest.fixture
    def put_while(
        self, api: InProcess, owner: Person, stack: Stack, environment: pytest.MonkeyPatch
    ) -> Callable[[str], Response]:
        """Another logo, sent while what has this in its path is away."""
        session = jwt.decode(owner.token, options={"verify_signature": False})["session_id"]

        def put(away: str) -> Response:
            with ailing(stack.env["SUPABASE_URL"], lambda path: 503 if away in path else None) as url:
                environment.setenv("SUPABASE_URL", url)
                token = signed(stack.env, owner.user_id, iss=f"{url}/auth/v1", session_id=session)
                answer = Logos(api, owner, token=token).put(BLUE)
            environment.setenv("SUPABASE_URL", stack.env["SUPABASE_URL"])
            return answer

        return put

    def test_of_storage_changes_nothing(
        self, mine: Logos, put_while: Callable[[str], Response], owner: Person, database: psycopg.Connection
    ) -> None:
        before = mine.put(RED).json
        answer = put_while("/storage/")
        assert (answer.status, answer.code) == (503, "storage_unavailable")
        assert mine.workspace().json == before
        assert len(files(database, owner.workspace_id)) == 1

    def test_of_the_database_leaves_both_files_for_nobody_knows_which_is_set(
        self, mine: Logos, put_while: Callable[[str], Response], owner: Person, database: psycopg.Connection
    ) -> None:
        before = mine.put(RED).json
        answer = put_while("/set_logo")
        assert (answer.status, answer.code) == (503, "database_unavailable")
        assert len(files(database, owner.workspace_id)) == 2
        assert shown(before["logo_url"])[0] == 200


def reason(image: bytes) -> str:
    """Why it is refused."""
    with pytest.raises(Problem) as caught:
        logos.read(image)
    assert (caught.value.status, caught.value.code) == (422, "invalid_image")
    return caught.value.detail


class TestWhatIsNoLogo:
    @pytest.mark.parametrize(
        ("image", "said"),
        [
            (b"", "a PNG or a JPEG"),
            (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "a PNG or a JPEG"),
            (written(picture(64, 64), "GIF"), "a PNG or a JPEG"),
            (written(picture(64, 64), "WEBP"), "a PNG or a JPEG"),
            (RED[:-1], "cut short"),
            (PHOTO[: len(PHOTO) // 2], "cut short"),
            (RED + ZIP, "something else"),
            (PHOTO + b"<script>alert(1)</script>", "something else"),
            (written(picture(15, 64), "PNG"), "16 to 2000"),
            (written(picture(64, 2001), "JPEG"), "16 to 2000"),
            (RED[:40] + b"\0" + RED[41:], "damaged"),
        ],
        ids=range(11),
    )
    def test_is_refused_with_a_reason_and_not_stored(
        self, mine: Logos, owner: Person, database: psycopg.Connection, image: bytes, said: str
    ) -> None:
        answer = mine.put(image)
        assert (answer.status, answer.code) == (422, "invalid_image")
        assert said in answer.json["detail"]
        assert files(database, owner.workspace_id) == []
        assert mine.workspace().json["revision"] == 1

    def test_is_more_than_500_kb(self, mine: Logos) -> None:
        fitting = RED[:33] + png_chunk(b"teXt", bytes(500_000 - len(RED) - 12)) + RED[33:]
        assert len(fitting) == 500_000
        assert mine.put(fitting).status == 200
        answer = mine.put(fitting + b"\0")
        assert (answer.status, answer.code) == (413, "too_large")

    @pytest.mark.parametrize("media_type", ["", "image/gif", "image/svg+xml", "application/octet-stream", "image/png2"])
    def test_is_not_said_to_be_one(self, mine: Logos, media_type: str) -> None:
        answer = mine.put(RED, media_type)
        assert (answer.status, answer.code) == (415, "media_type_unsupported")

    def test_takes_no_parameter(self, mine: Logos, owner: Person) -> None:
        answer = mine.put(RED, query=f"?workspace_id={owner.workspace_id}")
        assert (answer.status, answer.code) == (422, "unknown_parameter")

    @pytest.mark.parametrize("image", [each for each in hostile() if not each.expensive], ids=lambda each: each.name)
    def test_is_anything_hostile_or_it_is_a_picture_alone(self, image: Hostile) -> None:
        """Of all that strangers send, what is taken is a PNG or a JPEG to its last byte, and nothing else is in it."""
        try:
            logo = logos.read(image.image)
        except Problem:
            return
        assert Image.open(io.BytesIO(logo.content)).get_format_mimetype() == logo.media_type
        for hidden in (ZIP, b"<script", b"<?php", b"%PDF", b"Exif"):
            assert hidden not in logo.content

    def test_is_a_photo_that_is_only_said_to_be_turned(self) -> None:
        exif = Image.Exif()
        exif[0x0112] = 6
        assert "turned" in reason(written(picture(64, 64), "JPEG", exif=exif))

    def test_is_a_png_without_pixels(self) -> None:
        assert "damaged" in reason(png_of(64, 64, b"").replace(png_chunk(b"IDAT", b""), b""))


class TestWhatIsKept:
    def test_is_only_what_draws_the_picture(self) -> None:
        exif = Image.Exif()
        exif[0x010E] = "Where I live"
        photo = in_jpeg(jpeg_segment(0xFE, b"Where I live" + ZIP), image=written(picture(64, 64), "JPEG", exif=exif))
        text = png_chunk(b"tEXt", b"Comment\0Where I live") + png_chunk(b"zTXt", b"x\0\0" + zlib.compress(b"y"))
        for image in (photo, RED[:33] + text + RED[33:]):
            logo = logos.read(image)
            assert b"Where" not in logo.content
            assert pixels(logo.content) == pixels(image)
