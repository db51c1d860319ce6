"""Images from anyone, through /api/detect of a process of its own: no 5xx, bounded in time and memory, nothing left."""

from __future__ import annotations

import base64
import os
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg
import pytest
import urllib3

from local.functions import FunctionsServer
from local.stack import Stack
from local.vendors import Vendors
from tests.api import OverHttp, Response
from tests.people import People, Person
from tests.shared.hostile_images import Hostile, hostile

MOST_SECONDS = 10
MOST_MEGABYTES = 512
FITS_A_BODY = 3_300_000
A_PERSONS_UNITS = 100


@pytest.fixture
def detecting(stack: Stack) -> Iterator[FunctionsServer]:
    """A process that detects through a provider which sees nothing: the local engine would load its models here."""
    with Vendors() as vendors, FunctionsServer({**stack.env, **vendors.env, "AI_PROVIDERS": "gemini"}) as server:
        yield server


def detect(api: OverHttp, person: Person, image: bytes) -> Response:
    """As a body where it fits, else as an upload."""
    if len(image) <= FITS_A_BODY:
        sent = {"image": base64.b64encode(image).decode()}
    else:
        place = api("POST", "/api/detect/uploads", token=person.token, json={"content_type": "image/png"}).json
        upload = urllib3.request("PUT", place["upload_url"], body=image, headers={"Content-Type": "image/png"})
        if upload.status != 200:  # larger than the bucket takes
            return Response(413, {}, upload.data)
        sent = {"image_path": place["image_path"]}
    return api("POST", "/api/detect", token=person.token, json=sent)


@contextmanager
def watched(process: int) -> Iterator[list[int]]:
    """The bytes held by a process and all it started, looked at a hundred times a second."""
    held: list[int] = []
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.01):
            own, shared = zip(*map(resident, family(process)), strict=True)
            held.append(sum(own) + max(shared))

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        yield held
    finally:
        over.set()
        watching.join()


def family(process: int) -> Iterator[int]:
    """A process and those it started, and so on."""
    yield process
    with suppress(OSError):  # ended meanwhile
        for tasks in Path(f"/proc/{process}/task").iterdir():
            for child in (tasks / "children").read_text().split():
                yield from family(int(child))


def resident(process: int) -> tuple[int, int]:
    """The bytes of memory that are its own, and those of files, which it may share with others."""
    with suppress(OSError):
        _, pages, shared, *_ = map(int, Path(f"/proc/{process}/statm").read_text().split())
        size = os.sysconf("SC_PAGE_SIZE")
        return (pages - shared) * size, shared * size
    return 0, 0


@pytest.mark.parametrize("expensive", [False, True], ids=["cheap", "expensive"])
def test_the_corpus(detecting: FunctionsServer, people: People, database: psycopg.Connection, expensive: bool) -> None:
    api = OverHttp(detecting.url)
    images = [each for each in hostile() if each.expensive == expensive]
    somebody = [people.sign_up() for _ in range(len(images) // A_PERSONS_UNITS + 1)]
    read, slow, large, wrong = Counter[Person](), [], [], []
    with watched(detecting.process_id) as held:
        for index, each in enumerate(images):
            person = somebody[index // A_PERSONS_UNITS]
            started, looked = time.monotonic(), len(held)
            answer = detect(api, person, each.image)
            if (seconds := time.monotonic() - started) > MOST_SECONDS:
                slow.append((each.name, seconds))
            if (megabytes := max(held[looked:], default=0) / 2**20) > MOST_MEGABYTES:
                large.append((each.name, megabytes))
            if not as_judged(each, answer):
                wrong.append((each.name, each.verdict, answer.status, answer.body[:200]))
            read[person] += answer.status == 201
    assert (slow, large, wrong) == ([], [], [])
    for person in somebody:
        rows = database.execute(
            "select count(*) from public.detections where user_id = %s", [person.user_id]
        ).fetchone()
        assert rows == (read[person],)
        left = database.execute(
            "select name from storage.objects where name like %s", [f"{person.workspace_id}/%"]
        ).fetchall()
        assert left == []


def as_judged(each: Hostile, answer: Response) -> bool:
    """Whether the answer is what the image deserves; the same image again is answered 200."""
    if answer.status in (200, 201):
        return each.verdict != "refused"
    if answer.status == 413:
        return len(each.image) > 10 * 1024 * 1024
    return answer.status == 422 and each.verdict != "read"
