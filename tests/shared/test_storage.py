"""Files, against a real Supabase Storage."""

from __future__ import annotations

from uuid import uuid4

import hypothesis
import psycopg
import pytest
import urllib3
from hypothesis import strategies as st

from shared import storage
from shared.errors import Problem

CONTENT = bytes(range(256)) * 100


@pytest.fixture
def bucket(environment: pytest.MonkeyPatch, database: psycopg.Connection) -> str:
    """A private one, of the test's own."""
    name = f"test-{uuid4().hex[:8]}"
    database.execute("insert into storage.buckets (id, name, public) values (%s, %s, false)", [name, name])
    return name


@pytest.fixture
def path() -> str:
    return f"{uuid4()}/photo.webp"


def status_of(url: str, method: str = "GET", **request: bytes) -> int:
    return urllib3.request(method, url, retries=False, timeout=10, **request).status  # type: ignore[arg-type]


def refusal(status: int) -> pytest.RaisesExc[Problem]:
    return pytest.RaisesExc(Problem, check=lambda problem: problem.status == status)


class TestAFile:
    def test_comes_back_as_it_went(self, bucket: str, path: str) -> None:
        storage.upload(bucket, path, CONTENT, "image/webp")
        assert storage.download(bucket, path) == CONTENT

    def test_is_replaced_by_the_next_of_its_name(self, bucket: str, path: str) -> None:
        storage.upload(bucket, path, b"first", "text/plain")
        storage.upload(bucket, path, b"second", "text/plain")
        assert storage.download(bucket, path) == b"second"

    @pytest.mark.parametrize("name", ["Ünïcödé 漢字.txt", "a b&c?d=e#f.txt", "50%.txt", "a+b.txt", "%2e%2e", "~"])
    def test_may_be_named_as_its_owner_likes(self, bucket: str, name: str) -> None:
        path = f"{uuid4()}/{name}"
        storage.upload(bucket, path, b"content", "text/plain")
        assert storage.download(bucket, path) == b"content"

    def test_that_is_not_there_is_not_found(self, bucket: str, path: str) -> None:
        with refusal(404):
            storage.download(bucket, path)
        with refusal(404):
            storage.signed_url(bucket, path, 60)
        with refusal(404):
            storage.download("no-such-bucket", path)

    def test_is_gone_when_removed_and_removing_it_again_is_fine(self, bucket: str, path: str) -> None:
        storage.upload(bucket, path, CONTENT, "image/webp")
        for _ in range(2):
            storage.remove(bucket, [path])
        with refusal(404):
            storage.download(bucket, path)

    def test_larger_than_its_bucket_takes_is_413(self, bucket: str, path: str, database: psycopg.Connection) -> None:
        database.execute("update storage.buckets set file_size_limit = 10 where id = %s", [bucket])
        storage.upload(bucket, path, b"x" * 10, "text/plain")
        with refusal(413):
            storage.upload(bucket, path, b"x" * 11, "text/plain")
        assert storage.download(bucket, path) == b"x" * 10

    def test_cannot_be_reached_without_a_signed_address(
        self, bucket: str, path: str, environment: pytest.MonkeyPatch
    ) -> None:
        storage.upload(bucket, path, CONTENT, "image/webp")
        base = storage.signed_url(bucket, path, 60).partition("/object/")[0]
        for kind in ("object", "object/public", "object/authenticated"):
            assert status_of(f"{base}/{kind}/{bucket}/{path}") >= 400


class TestAPublicFile:
    @pytest.fixture
    def bucket(self, bucket: str, database: psycopg.Connection) -> str:
        database.execute("update storage.buckets set public = true where id = %s", [bucket])
        return bucket

    def test_has_an_address_for_everybody(self, bucket: str, path: str) -> None:
        storage.upload(bucket, path, CONTENT, "image/webp")
        answer = urllib3.request("GET", storage.public_url(bucket, path), timeout=10)
        assert (answer.status, answer.data, answer.headers["content-type"]) == (200, CONTENT, "image/webp")
        assert status_of(storage.public_url(bucket, f"{path}.other")) >= 400

    def test_has_none_outside_its_bucket(self, environment: pytest.MonkeyPatch) -> None:
        with refusal(404):
            storage.public_url("logos", "../detect/photo.webp")


class TestPaths:
    @pytest.mark.parametrize(
        "walk",
        ["{own}/../{other}", "./{other}", "{other}/.", "{own}/..", "..", "/{other}", "{other}/", "a//b", "", "/"],
    )
    def test_that_lead_out_of_the_workspace_lead_nowhere(self, bucket: str, path: str, walk: str) -> None:
        storage.upload(bucket, path, CONTENT, "image/webp")
        led = walk.format(own=uuid4(), other=path)
        with refusal(404):
            storage.download(bucket, led)
        with refusal(404):
            storage.signed_url(bucket, led, 60)
        with refusal(404):
            storage.signed_upload_url(bucket, led)
        with refusal(404):
            storage.upload(bucket, led, b"theirs", "text/plain")
        assert storage.download(bucket, path) == CONTENT

    @hypothesis.settings(
        max_examples=25, deadline=None, suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture]
    )
    @hypothesis.given(
        name=st.text(alphabet=st.sampled_from("./\\%2eF;?#: a"), max_size=12)
        | st.text(max_size=6).filter(str.isprintable)
    )
    def test_of_any_text_never_reach_a_neighbour(self, bucket: str, name: str) -> None:
        own, neighbour = uuid4(), uuid4()
        storage.upload(bucket, f"{neighbour}/x", b"the neighbour's", "text/plain")
        try:
            storage.upload(bucket, f"{own}/{name}", b"ours", "text/plain")
        except Problem as problem:
            outcome = problem.status
        else:
            outcome = 200
            assert storage.download(bucket, f"{own}/{name}") == b"ours"
        assert outcome in (200, 404)
        assert storage.download(bucket, f"{neighbour}/x") == b"the neighbour's"


class TestSignedAddresses:
    def test_let_anybody_download_this_one_file(self, bucket: str, path: str) -> None:
        storage.upload(bucket, path, CONTENT, "image/webp")
        storage.upload(bucket, f"{path}.other", b"another", "text/plain")
        url = storage.signed_url(bucket, path, 60)
        assert urllib3.request("GET", url, timeout=10).data == CONTENT
        assert status_of(url.replace("photo.webp", "photo.webp.other")) >= 400
        assert status_of(url[:-6]) >= 400

    def test_let_anybody_upload_this_one_file(self, bucket: str, path: str) -> None:
        url = storage.signed_upload_url(bucket, path)
        assert status_of(url, "PUT", body=CONTENT) == 200
        assert storage.download(bucket, path) == CONTENT
        assert status_of(url.replace("photo.webp", "elsewhere.webp"), "PUT", body=b"x") >= 400


class TestAnOutage:
    def test_is_a_503(self, bucket: str, path: str, environment: pytest.MonkeyPatch) -> None:
        environment.setenv("SUPABASE_URL", "http://127.0.0.1:1")
        with refusal(503):
            storage.download(bucket, path)
        with refusal(503):
            storage.upload(bucket, path, b"", "text/plain")

    def test_of_our_rights_is_ours_and_not_the_caller_s(
        self, bucket: str, path: str, environment: pytest.MonkeyPatch
    ) -> None:
        environment.setenv("SUPABASE_SECRET_KEY", "sb_secret_wrong")
        with refusal(500):
            storage.upload(bucket, path, b"content", "text/plain")
