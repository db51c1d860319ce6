"""/api/detect, and /api/detect-local as detect reaches it."""

from __future__ import annotations

import base64
import hashlib
import json

import psycopg
import pytest

from local.functions import FunctionsServer
from local.pictures import COFFEE, label, photo
from local.ports import free_port
from local.stack import Stack
from tests.api import InProcess, OverHttp, Response
from tests.functions.conftest import LogLines, spend, spent
from tests.people import People, Person

PATH = "/api/detect"
# A 1x1 GIF: read in no time, and nothing is in it.
DOT = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")


def base64_of(image: bytes) -> str:
    return base64.b64encode(image).decode()


def detect(api: InProcess, person: Person, image: bytes | str, query: str = "", **sent: object) -> Response:
    text = image if isinstance(image, str) else base64_of(image)
    return api("POST", PATH + query, token=person.token, json={"image": text, **sent})


def detections(database: psycopg.Connection, person: Person) -> int:
    row = database.execute("select count(*) from public.detections where user_id = %s", [person.user_id]).fetchone()
    assert row is not None
    return int(row[0])


@pytest.fixture(scope="module")
def coffee() -> bytes:
    """A photo of a coffee bag: lettering and a barcode."""
    return photo([label(COFFEE)])


@pytest.fixture
def api(api: InProcess, environment: pytest.MonkeyPatch, server: FunctionsServer) -> InProcess:
    """Detect in this process, its engine on the server."""
    environment.setenv("API_URL", server.url)
    return api


class TestAPhoto:
    def test_becomes_items(self, api: InProcess, person: Person, coffee: bytes) -> None:
        answer = detect(api, person, coffee, kind="pantry")
        assert answer.status == 201
        assert (answer.json["provider"], answer.json["processing_time_ms"] > 0) == ("local", True)
        assert "rapidocr-" in answer.json["model"]
        assert "zxing-cpp-" in answer.json["model"]
        assert "Whole bean coffee" in answer.json["text"]
        [item] = answer.json["items"]
        assert item["name"].upper() == COFFEE.name
        assert item["barcode"] == {"format": "ean_13", "text": "5901234123457"}
        assert item["quantity"] == 1
        assert 0 < item["confidence"] <= 1
        assert 0 < answer.json["confidence"] <= 1
        assert all(0 <= edge <= 1 for edge in item["box"])

    def test_of_nothing_has_no_items(self, api: InProcess, person: Person) -> None:
        answer = detect(api, person, photo([]))
        assert answer.status == 201
        assert (answer.json["items"], answer.json["text"], answer.json["confidence"]) == ([], "", 0)

    def test_may_be_a_data_url(self, api: InProcess, person: Person) -> None:
        assert detect(api, person, f"data:image/gif;base64,{base64_of(DOT)}").status == 201

    def test_is_recorded_with_who_and_where_but_not_kept(
        self, api: InProcess, person: Person, database: psycopg.Connection
    ) -> None:
        answer = detect(api, person, DOT, kind="collectible")
        [row] = database.execute(
            """
            select workspace_id, user_id, kind, image_sha256, items, provider, model, d::text
            from public.detections as d where id = %s
            """,
            [answer.json["detection_id"]],
        ).fetchall()
        sha256 = hashlib.sha256(DOT).hexdigest()
        assert row[:6] == (person.workspace_id, person.user_id, "collectible", sha256, [], "local")
        assert row[6] == answer.json["model"]
        assert base64_of(DOT) not in row[7]
        entries = database.execute(
            "select actor, target, details from private.audit_log where chain = %s and action = 'detection.created'",
            [person.workspace_id],
        ).fetchall()
        details = {"kind": "collectible", "provider": "local", "items": 0}
        assert entries == [(person.user_id, answer.json["detection_id"], details)]

    def test_is_never_logged(self, api: InProcess, person: Person, log_lines: LogLines) -> None:
        detect(api, person, DOT)
        detect(api, person, "not base64!")
        lines = log_lines()
        assert [line["status"] for line in lines if "route" in line] == [201, 422]
        logged = json.dumps(lines)
        assert base64_of(DOT)[:12] not in logged
        assert "not base64!" not in logged
        # The limit and permission; today's answer, if there is one; the record.
        assert max(line["database_round_trips"] for line in lines if "route" in line) == 3


class TestWhatIsNoPhoto:
    @pytest.mark.parametrize(
        ("image", "code"),
        [
            pytest.param("not base64!", "not_base64", id="not base64"),
            pytest.param("AAA", "not_base64", id="base64 cut short"),
            pytest.param("bildé", "not_base64", id="not ASCII"),
            pytest.param("https://example.com/photo.jpg", "not_base64", id="an address"),
            pytest.param("data:text/html;base64,AAAA", "not_an_image", id="another kind of data"),
            pytest.param("data:image/png,AAAA", "not_an_image", id="a data URL that isn't base64"),
            pytest.param("data:image/png;base64,", "image_unreadable", id="an empty data URL"),
            pytest.param(base64_of(b"<svg/>"), "image_unreadable", id="not an image we read"),
            pytest.param(base64_of(DOT[:20]), "image_unreadable", id="an image cut short"),
        ],
    )
    def test_is_refused_and_costs_a_unit(
        self, api: InProcess, person: Person, database: psycopg.Connection, image: str, code: str
    ) -> None:
        answer = detect(api, person, image)
        assert answer.status == 422
        assert [(error["pointer"], error["code"]) for error in answer.json["errors"]] == [("/image", code)]
        assert answer.headers["ratelimit"].startswith('"detect";r=99;')
        assert spent(database, "detect", str(person.user_id)) == 1
        assert detections(database, person) == 0

    @pytest.mark.parametrize(
        "body", [{}, {"image": ""}, {"image": 1}, {"image": "AAAA", "kind": "cat"}, {"image": "AAAA", "x": 1}]
    )
    def test_is_refused_by_shape_and_costs_a_unit_too(
        self, api: InProcess, person: Person, database: psycopg.Connection, body: dict[str, object]
    ) -> None:
        assert api("POST", PATH, token=person.token, json=body).status == 422
        assert spent(database, "detect", str(person.user_id)) == 1


class TestTheLimit:
    """100 per 15 minutes and person."""

    def test_counts_down_in_the_headers(self, api: InProcess, person: Person) -> None:
        answers = [detect(api, person, DOT) for _ in range(2)]
        assert {answer.headers["ratelimit-policy"] for answer in answers} == {'"detect";q=100;w=900'}
        assert [answer.headers["ratelimit"].split(";")[:2] for answer in answers] == [
            ['"detect"', "r=99"],
            ['"detect"', "r=98"],
        ]

    def test_admits_the_hundredth_and_refuses_the_next(
        self, api: InProcess, person: Person, database: psycopg.Connection
    ) -> None:
        spend(database, "detect", str(person.user_id), 99)
        assert detect(api, person, DOT).status == 201
        refused = detect(api, person, DOT)
        assert (refused.status, refused.code) == (429, "rate_limited")
        assert 1 <= int(refused.headers["retry-after"]) <= 900
        assert refused.headers["ratelimit-policy"] == '"detect";q=100;w=900'
        assert refused.headers["ratelimit"].startswith('"detect";r=0;t=')
        assert detections(database, person) == 1
        assert spent(database, "detect", str(person.user_id)) == 100

    def test_refuses_before_anything_is_decoded_or_asked(
        self, api: InProcess, environment: pytest.MonkeyPatch, person: Person, database: psycopg.Connection
    ) -> None:
        spend(database, "detect", str(person.user_id), 100)
        environment.setenv("API_URL", f"http://127.0.0.1:{free_port()}")
        headers = {"Content-Type": "application/json"}
        for body in (b"{{{", b'{"image": "not base64!"}', json.dumps({"image": base64_of(DOT)}).encode()):
            assert api("POST", PATH, token=person.token, body=body, headers=headers).status == 429

    def test_is_taken_before_the_body_is_read_as_json(
        self, api: InProcess, person: Person, database: psycopg.Connection
    ) -> None:
        headers = {"Content-Type": "application/json"}
        assert api("POST", PATH, token=person.token, body=b"{{{", headers=headers).status == 400
        assert spent(database, "detect", str(person.user_id)) == 1

    def test_is_not_taken_from_who_is_not_signed_in(
        self, api: InProcess, person: Person, database: psycopg.Connection
    ) -> None:
        body = {"image": base64_of(DOT)}
        assert api("POST", PATH, json=body).status == 401
        assert api("POST", PATH, token=person.token[:-2], json=body).status == 401
        assert spent(database, "detect", str(person.user_id)) == 0

    def test_is_each_persons_own(
        self, api: InProcess, people: People, person: Person, database: psycopg.Connection
    ) -> None:
        colleague = people.member(person.workspace_id, "staff")
        spend(database, "detect", str(person.user_id), 100)
        assert detect(api, colleague, DOT).status == 201

    def test_is_the_same_from_any_address_and_for_any_workspace(
        self, api: InProcess, person: Person, database: psycopg.Connection
    ) -> None:
        other = api("POST", "/api/workspaces", token=person.token, json={"name": "Another"}).json["id"]
        spend(database, "detect", str(person.user_id), 100)
        assert detect(InProcess(), person, DOT, f"?workspace_id={other}").status == 429

    def test_is_taken_by_what_is_not_permitted_too(
        self, api: InProcess, people: People, person: Person, database: psycopg.Connection
    ) -> None:
        reader = people.member(person.workspace_id, "readonly")
        answer = detect(api, reader, DOT)
        assert answer.status == 403
        assert answer.headers["ratelimit"].startswith('"detect";r=99;')

    def test_is_not_taken_by_an_answer_given_again(
        self, api: InProcess, person: Person, database: psycopg.Connection
    ) -> None:
        body, headers = {"image": base64_of(DOT)}, {"Idempotency-Key": "once"}
        first, second = (api("POST", PATH, token=person.token, json=body, headers=headers) for _ in range(2))
        assert (first.status, second.status) == (201, 201)
        assert first.body == second.body
        assert second.headers["idempotent-replayed"] == "true"
        assert spent(database, "detect", str(person.user_id)) == 1
        assert detections(database, person) == 1


class TestPermission:
    @pytest.mark.parametrize("role", ["buyer", "supplier", "staff"])
    def test_is_given_to_most_roles(self, api: InProcess, people: People, person: Person, role: str) -> None:
        assert detect(api, people.member(person.workspace_id, role), DOT).status == 201

    def test_is_not_given_to_who_only_reads(
        self, api: InProcess, people: People, person: Person, database: psycopg.Connection
    ) -> None:
        reader = people.member(person.workspace_id, "readonly")
        answer = detect(api, reader, DOT)
        assert (answer.status, answer.code) == (403, "permission_denied")
        assert detections(database, reader) == 0
        entries = database.execute(
            "select actor, details from private.audit_log where chain = %s and action = 'access.denied'",
            [person.workspace_id],
        ).fetchall()
        assert entries == [(reader.user_id, {"permission": "detect.use"})]

    def test_is_asked_in_the_workspace_that_is_named(
        self, api: InProcess, people: People, person: Person, database: psycopg.Connection
    ) -> None:
        member = people.member(person.workspace_id, "readonly")  # and an owner in their own
        workspaces = api("GET", "/api/auth/me", token=member.token).json["workspaces"]
        own = [workspace["id"] for workspace in workspaces if workspace["role"] == "owner"]
        assert detect(api, member, DOT).status == 403
        answer = detect(api, member, DOT, f"?workspace_id={own[0]}")
        assert answer.status == 201
        [row] = database.execute(
            "select workspace_id::text from public.detections where id = %s", [answer.json["detection_id"]]
        ).fetchall()
        assert row == (own[0],)

    @pytest.mark.parametrize("workspace_id", ["", "x", "0", f"{'0' * 32}%00"])
    def test_is_not_asked_in_what_cannot_be_a_workspace(
        self, api: InProcess, person: Person, workspace_id: str
    ) -> None:
        assert detect(api, person, DOT, f"?workspace_id={workspace_id}").status in (400, 404)

    def test_of_a_stranger_finds_nothing(
        self, api: InProcess, people: People, person: Person, database: psycopg.Connection
    ) -> None:
        stranger = people.sign_up()
        answer = detect(api, stranger, DOT, f"?workspace_id={person.workspace_id}")
        assert (answer.status, answer.code) == (404, "not_found")
        assert detections(database, stranger) == 0

    def test_ends_with_membership(
        self, api: InProcess, people: People, person: Person, database: psycopg.Connection
    ) -> None:
        member = people.member(person.workspace_id, "staff")
        database.execute(
            "delete from public.members where user_id = %s and workspace_id = %s", [member.user_id, person.workspace_id]
        )
        assert detect(api, member, DOT, f"?workspace_id={person.workspace_id}").status == 404


class TestWhileTheEngineIsAway:
    def test_answers_503_and_when_to_come_back(
        self, api: InProcess, environment: pytest.MonkeyPatch, person: Person, database: psycopg.Connection
    ) -> None:
        environment.setenv("API_URL", f"http://127.0.0.1:{free_port()}")
        answer = detect(api, person, DOT)
        assert (answer.status, answer.code) == (503, "function_unavailable")
        assert answer.headers["retry-after"]
        assert detections(database, person) == 0

    def test_answers_503_when_the_engine_does_not_know_its_token(
        self, api: InProcess, environment: pytest.MonkeyPatch, person: Person, database: psycopg.Connection
    ) -> None:
        environment.setenv("INTERNAL_TOKEN", "x" * 43)
        answer = detect(api, person, DOT)
        assert (answer.status, answer.code) == (503, "engine_refused")
        assert "x" * 43 not in answer.body.decode()
        assert detections(database, person) == 0

    def test_answers_503_when_it_is_not_said_where_the_engine_is(
        self, api: InProcess, environment: pytest.MonkeyPatch, person: Person
    ) -> None:
        environment.delenv("API_URL")
        answer = detect(api, person, DOT)
        assert (answer.status, answer.code) == (503, "not_configured")


class TestTheEngine:
    """detect-local answers our own functions only."""

    def ask(self, api: InProcess | OverHttp, authorization: str | None, body: bytes = DOT) -> Response:
        headers = {"Content-Type": "application/octet-stream"}
        if authorization is not None:
            headers["Authorization"] = authorization
        return api("POST", "/api/detect-local", body=body, headers=headers)

    def test_answers_who_has_the_internal_token(self, server: FunctionsServer, stack: Stack) -> None:
        answer = self.ask(OverHttp(server.url), f"Bearer {stack.env['INTERNAL_TOKEN']}")
        assert (answer.status, answer.json["items"]) == (200, [])

    @pytest.mark.parametrize("authorization", [None, "", "Bearer ", "Bearer wrong", "Bearer ÿ", f"Bearer {'x' * 43}"])
    def test_refuses_everybody_else(self, api: InProcess, authorization: str | None) -> None:
        answer = self.ask(api, authorization)
        assert (answer.status, answer.code) == (401, "token_invalid")

    def test_refuses_a_person(self, api: InProcess, person: Person) -> None:
        assert self.ask(api, f"Bearer {person.token}").status == 401

    @pytest.mark.parametrize("token", ["", "x" * 31])
    def test_is_closed_while_the_token_is_unset_or_short(
        self, api: InProcess, environment: pytest.MonkeyPatch, token: str
    ) -> None:
        environment.setenv("INTERNAL_TOKEN", token)
        for authorization in (None, f"Bearer {token}"):
            answer = self.ask(api, authorization)
            assert (answer.status, answer.code) == (503, "not_configured")

    def test_takes_the_previous_token_while_it_is_rotated(
        self, api: InProcess, environment: pytest.MonkeyPatch, stack: Stack
    ) -> None:
        environment.setenv("INTERNAL_TOKEN_PREVIOUS", stack.env["INTERNAL_TOKEN"])
        environment.setenv("INTERNAL_TOKEN", "n" * 43)
        answer = self.ask(api, f"Bearer {stack.env['INTERNAL_TOKEN']}", b"")
        assert (answer.status, answer.code) == (422, "image_unreadable")  # admitted: it looked
