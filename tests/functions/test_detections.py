"""/api/detect beyond one photo: uploads, batches, reading, correcting, accuracy."""

from __future__ import annotations

import time
from collections.abc import Mapping
from uuid import uuid4

import psycopg
import pytest
import urllib3

from local.functions import FunctionsServer
from local.vendors import Fails, Says, Vendors
from tests.api import InProcess, Response
from tests.functions.conftest import spend, spent
from tests.functions.test_detect import DOT, base64_of
from tests.functions.test_detect_providers import BEANS, SIGHTING, photo, sdks, vendors
from tests.people import People, Person

__all__ = ["sdks", "vendors"]  # fixtures

PATH = "/api/detect"


@pytest.fixture
def api(
    api: InProcess,
    environment: pytest.MonkeyPatch,
    server: FunctionsServer,
    vendors: Vendors,
    database: psycopg.Connection,
) -> InProcess:
    """Detect in this process, its provider a fake Gemini; the local engine behind it."""
    environment.setenv("API_URL", server.url)
    for name, value in vendors.env.items():
        environment.setenv(name, value)
    environment.setenv("AI_PROVIDERS", "gemini,local")
    vendors.forget()
    vendors.always("gemini", Says(SIGHTING))
    database.execute("delete from private.ai_breakers")
    return api


def put(url: str, content: bytes, content_type: str = "image/jpeg") -> int:
    """Upload as a browser would: knowing nothing but the URL."""
    return urllib3.request("PUT", url, body=content, headers={"Content-Type": content_type}).status


def uploaded(api: InProcess, person: Person, content: bytes) -> str:
    """The path of a new upload."""
    place = api("POST", f"{PATH}/uploads", token=person.token, json={"content_type": "image/jpeg"})
    assert place.status == 201
    assert put(place.json["upload_url"], content) == 200
    path: str = place.json["image_path"]
    return path


def objects(database: psycopg.Connection, person: Person) -> list[str]:
    """What lies in the workspace's folder."""
    rows = database.execute(
        "select name from storage.objects where bucket_id = 'detect' and name like %s", [f"{person.workspace_id}/%"]
    )
    return [name for (name,) in rows]


def detect(api: InProcess, person: Person, **sent: object) -> Response:
    return api("POST", PATH, token=person.token, json={"kind": "pantry", **sent})


def batch(api: InProcess, person: Person, *photos: Mapping[str, object], **headers: str) -> Response:
    return api("POST", f"{PATH}/batch", token=person.token, json={"images": list(photos)}, headers=headers)


class TestUploads:
    def test_what_exceeds_a_body_is_uploaded_detected_and_removed(
        self, api: InProcess, person: Person, database: psycopg.Connection
    ) -> None:
        content = photo(3200, 2800)
        assert len(content) > 3_400_000  # in base64 more than a body holds
        path = uploaded(api, person, content)
        assert path.startswith(f"{person.workspace_id}/")
        assert objects(database, person) == [path]
        answer = detect(api, person, image_path=path)
        assert (answer.status, answer.json["items"]) == (201, [BEANS])
        assert objects(database, person) == []

    def test_one_that_is_no_image_is_refused_and_removed(
        self, api: InProcess, person: Person, database: psycopg.Connection
    ) -> None:
        path = uploaded(api, person, b"<html>")
        answer = detect(api, person, image_path=path)
        assert (answer.status, answer.json["errors"][0]["code"]) == (422, "image_unreadable")
        assert objects(database, person) == []

    def test_one_that_nobody_could_answer_for_stays_for_another_try(
        self,
        api: InProcess,
        person: Person,
        vendors: Vendors,
        environment: pytest.MonkeyPatch,
        database: psycopg.Connection,
    ) -> None:
        environment.setenv("AI_PROVIDERS", "gemini")
        path = uploaded(api, person, photo())
        vendors.script("gemini", Fails(401))
        assert detect(api, person, image_path=path).status == 503
        assert objects(database, person) == [path]
        assert detect(api, person, image_path=path).status == 201

    @pytest.mark.parametrize(
        "path",
        [
            "W/../O/x.jpg",
            "W/%2e%2e/x.jpg",
            "/etc/passwd",
            "W/",
            "W",
            "https://example.com/x.jpg",
            "W/8f1a3f0e-4a53-4d5c-9d0b-0f6f6c1d2e3f.jpg",
            "W/8f1a3f0e-4a53-4d5c-9d0b-0f6f6c1d2e3f/x.jpg",
            "W//8f1a3f0e-4a53-4d5c-9d0b-0f6f6c1d2e3f.jpg",
            "..",
            "W\\x.jpg",
        ],
    )
    def test_only_a_path_in_the_own_folder_names_anything(self, api: InProcess, person: Person, path: str) -> None:
        answer = detect(api, person, image_path=path.replace("W", str(person.workspace_id)))
        assert (answer.status, answer.code) == (404, "not_found")

    def test_another_workspace_s_upload_is_as_if_it_were_not_there(
        self, api: InProcess, people: People, person: Person, database: psycopg.Connection
    ) -> None:
        path = uploaded(api, person, photo())
        stranger = people.sign_up()
        same = {"X-Request-Id": "same"}
        answers = [
            api("POST", PATH, token=somebody.token, json={"image_path": wanted}, headers=same)
            for somebody, wanted in ((stranger, path), (people.sign_up(), f"{stranger.workspace_id}/{uuid4()}.jpeg"))
        ]
        assert answers[0].status == 404
        assert answers[0] == answers[1]
        assert objects(database, person) == [path]

    @pytest.mark.parametrize(
        ("content_type", "size"), [("text/html", 100), ("image/jpeg", 10_485_761)], ids=["a page", "too large"]
    )
    def test_the_bucket_takes_small_images_only(
        self, api: InProcess, person: Person, database: psycopg.Connection, content_type: str, size: int
    ) -> None:
        place = api("POST", f"{PATH}/uploads", token=person.token, json={"content_type": "image/jpeg"})
        assert put(place.json["upload_url"], b"x" * size, content_type) in (400, 413, 415)
        assert objects(database, person) == []

    def test_nobody_reads_an_upload_by_its_address(
        self, api: InProcess, person: Person, server: FunctionsServer
    ) -> None:
        path = uploaded(api, person, photo())
        place = api("POST", f"{PATH}/uploads", token=person.token, json={"content_type": "image/jpeg"})
        root = place.json["upload_url"].partition("/storage/")[0]
        for address in (f"object/public/detect/{path}", f"object/detect/{path}", f"object/authenticated/detect/{path}"):
            assert urllib3.request("GET", f"{root}/storage/v1/{address}").status in (400, 401, 403, 404)
        headers = {"Authorization": f"Bearer {person.token}"}
        assert urllib3.request("GET", f"{root}/storage/v1/object/detect/{path}", headers=headers).status in (400, 404)

    @pytest.mark.parametrize("body", [{}, {"image": "AAAA", "image_path": "a"}, {"image_path": ""}])
    def test_a_photo_is_named_one_way(self, api: InProcess, person: Person, body: dict[str, object]) -> None:
        assert detect(api, person, **body).status == 422


class TestABatch:
    def test_one_failure_spoils_nothing(
        self, api: InProcess, person: Person, vendors: Vendors, database: psycopg.Connection
    ) -> None:
        repeated = photo()
        first = detect(api, person, image=base64_of(repeated))
        path = uploaded(api, person, photo())
        answer = batch(
            api,
            person,
            {"image": base64_of(photo()), "kind": "pantry"},
            {"image": base64_of(b"no image")},
            {"image": base64_of(repeated), "kind": "pantry"},
            {"image_path": f"{uuid4()}/{uuid4()}.jpeg"},
            {"image_path": path},
            {"image": base64_of(DOT), "local_only": True},
        )
        assert answer.status == 200
        outcomes = answer.json["data"]
        assert [outcome["status"] for outcome in outcomes] == [201, 422, 200, 404, 201, 201]
        assert outcomes[0]["detection"]["items"] == [BEANS]
        assert outcomes[1]["problem"]["errors"][0]["code"] == "image_unreadable"
        assert outcomes[2]["detection"] == {**first.json, "cached": True}
        assert outcomes[3]["problem"]["code"] == "not_found"
        assert outcomes[5]["detection"]["provider"] == "local"
        assert [outcome["detection"] is None for outcome in outcomes] == [False, True, False, True, False, False]
        assert objects(database, person) == []

    def test_is_seen_several_at_a_time(self, api: InProcess, person: Person, vendors: Vendors) -> None:
        detect(api, person, image=base64_of(photo()))
        vendors.always("gemini", Says(SIGHTING, after_seconds=1))
        started = time.monotonic()
        answer = batch(api, person, *({"image": base64_of(photo())} for _ in range(10)))
        assert [outcome["status"] for outcome in answer.json["data"]] == [201] * 10
        assert time.monotonic() - started < 8  # not ten

    def test_takes_all_its_units_or_none(
        self, api: InProcess, person: Person, vendors: Vendors, database: psycopg.Connection
    ) -> None:
        spend(database, "detect", str(person.user_id), 97)
        photos = [{"image": base64_of(photo())} for _ in range(4)]
        refused = batch(api, person, *photos)
        assert (refused.status, refused.code) == (429, "rate_limited")
        assert int(refused.headers["retry-after"]) > 0
        assert spent(database, "detect", str(person.user_id)) == 97
        assert vendors.asked("gemini") == []
        assert batch(api, person, *photos[:3]).status == 200
        assert spent(database, "detect", str(person.user_id)) == 100

    @pytest.mark.parametrize("count", [0, 11])
    def test_has_one_to_ten_photos(
        self, api: InProcess, person: Person, database: psycopg.Connection, count: int
    ) -> None:
        assert batch(api, person, *[{"image": "AAAA"}] * count).status == 422
        assert spent(database, "detect", str(person.user_id)) == 0

    def test_is_done_once_for_an_idempotency_key(
        self, api: InProcess, person: Person, vendors: Vendors, database: psycopg.Connection
    ) -> None:
        photos = [{"image": base64_of(photo())} for _ in range(2)]
        first, second = (batch(api, person, *photos, **{"Idempotency-Key": "a"}) for _ in range(2))
        assert first.body == second.body
        assert second.headers["idempotent-replayed"] == "true"
        assert len(vendors.asked("gemini")) == 2
        assert spent(database, "detect", str(person.user_id)) == 2

    def test_a_budget_used_up_is_each_photo_s_own_trouble(
        self, api: InProcess, person: Person, database: psycopg.Connection
    ) -> None:
        database.execute("insert into private.ai_budgets values (%s, 0)", [person.workspace_id])
        answer = batch(api, person, {"image": base64_of(photo())}, {"image": base64_of(DOT), "local_only": True})
        refused, seen = answer.json["data"]
        assert (refused["status"], seen["status"]) == (402, 201)
        midnight = 86400 - time.time() % 86400
        assert abs(refused["retry_after_seconds"] - midnight) < 60
        assert seen["retry_after_seconds"] is None

    def test_a_number_too_small_for_the_column_spoils_nothing(
        self, api: InProcess, person: Person, vendors: Vendors
    ) -> None:
        vendors.always("gemini", Says({**SIGHTING, "items": [{**BEANS, "confidence": 1e-50}], "confidence": 1e-300}))
        answer = batch(api, person, {"image": base64_of(photo())}, {"image": base64_of(DOT), "local_only": True})
        assert [outcome["status"] for outcome in answer.json["data"]] == [201, 201]
        assert answer.json["data"][0]["detection"]["confidence"] == 0


class TestABudget:
    @pytest.mark.parametrize(
        ("subject", "status", "code"),
        [("workspace_id", 402, "ai_budget_of_workspace"), ("user_id", 429, "ai_budget_of_person")],
    )
    def test_used_up_says_when_it_is_whole_again(
        self,
        api: InProcess,
        person: Person,
        vendors: Vendors,
        database: psycopg.Connection,
        subject: str,
        status: int,
        code: str,
    ) -> None:
        database.execute("insert into private.ai_budgets values (%s, 0)", [getattr(person, subject)])
        answer = detect(api, person, image=base64_of(photo()))
        assert (answer.status, answer.code) == (status, code)
        midnight = 86400 - time.time() % 86400
        assert abs(int(answer.headers["retry-after"]) - midnight) < 60
        assert vendors.asked("gemini") == []
        assert detect(api, person, image=base64_of(DOT), local_only=True).status == 201


class TestReading:
    def test_one_s_own_and_the_workspace_s(self, api: InProcess, people: People, person: Person) -> None:
        staff, buyer = (people.member(person.workspace_id, role) for role in ("staff", "buyer"))
        made = {
            name: [detect(api, somebody, image=base64_of(photo())).json["detection_id"] for _ in range(2)]
            for name, somebody in (("owner", person), ("buyer", buyer))
        }
        everything = [*made["buyer"][::-1], *made["owner"][::-1]]
        for somebody, seen in ((person, everything), (staff, everything), (buyer, made["buyer"][::-1])):
            listed = api("GET", PATH, token=somebody.token).json
            assert [row["detection_id"] for row in listed["data"]] == seen
            assert listed["next_cursor"] is None
        assert api("GET", f"{PATH}/{made['owner'][0]}", token=staff.token).json["items"] == [BEANS]
        assert api("GET", f"{PATH}/{made['owner'][0]}", token=buyer.token).status == 404
        assert api("GET", f"{PATH}/{made['owner'][0]}", token=people.sign_up().token).status == 404

    def test_page_by_page(self, api: InProcess, person: Person) -> None:
        made = [detect(api, person, image=base64_of(photo())).json["detection_id"] for _ in range(5)]
        listed: list[str] = []
        cursor = ""
        while True:
            found = api("GET", f"{PATH}?limit=2{cursor}", token=person.token).json
            listed += [row["detection_id"] for row in found["data"]]
            if found["next_cursor"] is None:
                break
            cursor = f"&cursor={found['next_cursor']}"
        assert listed == made[::-1]


class TestCorrecting:
    def test_feeds_the_accuracy(self, api: InProcess, person: Person) -> None:
        right, wrong = (detect(api, person, image=base64_of(photo())).json["detection_id"] for _ in range(2))
        said = api(
            "POST",
            f"{PATH}/{right}/corrections",
            token=person.token,
            json={"items": [{"name": "  ethiopia   YIRGACHEFFE ", "quantity": 2}]},
        )
        assert said.status == 201
        assert (said.json["detected"], said.json["present"], said.json["correct"]) == (2, 2, 2)
        for items in ([], [{"name": BEANS["name"]}, {"name": "Honey", "quantity": 3}]):
            said = api("POST", f"{PATH}/{wrong}/corrections", token=person.token, json={"items": items})
        assert (said.json["detected"], said.json["present"], said.json["correct"]) == (2, 4, 1)
        read = api("GET", f"{PATH}/{wrong}", token=person.token).json
        assert [item["name"] for item in read["corrected_items"]] == [BEANS["name"], "Honey"]
        figures = api("GET", f"{PATH}/accuracy", token=person.token).json
        total = {"corrected": 2, "detected": 4, "present": 6, "correct": 3, "precision": 0.75, "recall": 0.5}
        assert figures == {"data": [{**total, "kind": "pantry", "provider": "gemini"}], "total": total}

    def test_nothing_said_is_no_figure(self, api: InProcess, person: Person) -> None:
        figures = api("GET", f"{PATH}/accuracy", token=person.token).json
        assert figures["data"] == []
        assert (figures["total"]["precision"], figures["total"]["recall"]) == (None, None)

    @pytest.mark.parametrize(
        "items",
        [
            "honey",
            [{}],
            [{"name": ""}],
            [{"name": "a", "quantity": 0}],
            [{"name": "a", "quantity": 1.5}],
            [{"name": "a", "quantity": 10**7}],
            [{"name": "a\x1b"}],
            [{"name": "a", "user_id": "b"}],
            [{"name": "a"}] * 201,
        ],
    )
    def test_what_cannot_be_items_is_refused(self, api: InProcess, person: Person, items: object) -> None:
        made = detect(api, person, image=base64_of(photo())).json["detection_id"]
        answer = api("POST", f"{PATH}/{made}/corrections", token=person.token, json={"items": items})
        assert answer.status == 422
        assert api("GET", f"{PATH}/{made}", token=person.token).json["corrected_items"] is None
