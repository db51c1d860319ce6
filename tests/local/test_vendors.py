"""The fake vendors, asked through the vendors' own SDKs: what passes here would pass there."""

from __future__ import annotations

import base64
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal, NamedTuple

import anthropic
import httpx2
import pytest
from google import genai
from google.genai import errors, types

from local.state import ROOT
from local.vendors import (
    Behaviour,
    Compressed,
    Drops,
    Endless,
    Fails,
    Garbage,
    Hangs,
    Says,
    Trickles,
    Vendors,
)

VENDORS = ["gemini", "anthropic", "openai_compatible"]
PHOTO = bytes(range(256))  # both kinds of base64 need their own letters for it
USUAL = {"gemini": "STOP", "anthropic": "end_turn", "openai_compatible": "stop"}
SETTING = {"gemini": "GEMINI", "anthropic": "ANTHROPIC", "openai_compatible": "OPENAI"}
TIMED_OUT: dict[str, type[Exception]] = {
    "gemini": httpx2.ReadTimeout,
    "anthropic": anthropic.APITimeoutError,
    "openai_compatible": httpx2.ReadTimeout,
}
DROPPED: dict[str, type[Exception]] = {
    "gemini": httpx2.RemoteProtocolError,
    "anthropic": anthropic.APIConnectionError,
    "openai_compatible": httpx2.RemoteProtocolError,
}
SCHEMA: dict[str, Any] = {"type": "object", "properties": {"items": {"type": "array"}}, "required": ["items"]}


class Answer(NamedTuple):
    """What a vendor said, whichever it was."""

    text: str | None
    finish: str
    input_tokens: int
    output_tokens: int


@pytest.fixture(scope="module")
def running() -> Iterator[Vendors]:
    with Vendors() as vendors:
        yield vendors


@pytest.fixture
def vendors(running: Vendors) -> Vendors:
    running.forget()
    return running


def ask_gemini(vendors: Vendors, key: str | None, seconds: float) -> Answer:
    options = types.HttpOptions(base_url=vendors.env["GEMINI_BASE_URL"], timeout=int(seconds * 1000))
    with genai.Client(api_key=key or vendors.env["GEMINI_API_KEY"], http_options=options) as client:
        said = client.models.generate_content(
            model="gemini-fake",
            contents=types.UserContent(
                [types.Part.from_bytes(data=PHOTO, mime_type="image/jpeg"), types.Part(text="What is there?")],
            ),
            config=types.GenerateContentConfig(
                system_instruction="Be brief.",
                response_mime_type="application/json",
                response_json_schema=SCHEMA,
                max_output_tokens=500,
            ),
        )
    usage = said.usage_metadata
    assert usage is not None
    output = (usage.candidates_token_count or 0) + (usage.thoughts_token_count or 0)
    if not said.candidates:
        assert said.prompt_feedback is not None
        assert said.prompt_feedback.block_reason is not None
        return Answer(None, said.prompt_feedback.block_reason.value, usage.prompt_token_count or 0, output)
    finish = said.candidates[0].finish_reason
    assert finish is not None
    return Answer(said.text, finish.value, usage.prompt_token_count or 0, output)


def ask_anthropic(vendors: Vendors, key: str | None, seconds: float) -> Answer:
    with anthropic.Anthropic(
        api_key=key or vendors.env["ANTHROPIC_API_KEY"],
        base_url=vendors.env["ANTHROPIC_BASE_URL"],
        max_retries=0,
        timeout=seconds,
    ) as client:
        said = client.messages.create(
            model="claude-fake",
            max_tokens=500,
            system="Be brief.",
            messages=[
                {
                    "role": "user",
                    "content": [
                        {
                            "type": "image",
                            "source": {"type": "base64", "media_type": "image/jpeg", "data": encoded(PHOTO)},
                        },
                        {"type": "text", "text": "What is there?"},
                    ],
                }
            ],
            output_config={"format": {"type": "json_schema", "schema": SCHEMA}},
        )
    text = said.content[0].text if said.content and said.content[0].type == "text" else None
    return Answer(text, str(said.stop_reason), said.usage.input_tokens, said.usage.output_tokens)


def ask_openai(vendors: Vendors, key: str | None, seconds: float) -> Answer:
    reply = httpx2.post(
        vendors.env["OPENAI_BASE_URL"] + "/chat/completions",
        headers={"Authorization": f"Bearer {key or vendors.env['OPENAI_API_KEY']}"},
        timeout=seconds,
        json={
            "model": "gpt-fake",
            "max_completion_tokens": 500,
            "messages": [
                {"role": "system", "content": "Be brief."},
                {
                    "role": "user",
                    "content": [
                        {"type": "image_url", "image_url": {"url": f"data:image/jpeg;base64,{encoded(PHOTO)}"}},
                        {"type": "text", "text": "What is there?"},
                    ],
                },
            ],
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "sighting", "strict": True, "schema": SCHEMA},
            },
        },
    ).raise_for_status()
    said = reply.json()
    choice, usage = said["choices"][0], said["usage"]
    text = choice["message"]["content"] or choice["message"]["refusal"]
    return Answer(text, choice["finish_reason"], usage["prompt_tokens"], usage["completion_tokens"])


ASK: dict[str, Callable[[Vendors, str | None, float], Answer]] = {
    "gemini": ask_gemini,
    "anthropic": ask_anthropic,
    "openai_compatible": ask_openai,
}


def ask(vendors: Vendors, vendor: str, *, key: str | None = None, seconds: float = 20) -> Answer:
    return ASK[vendor](vendors, key, seconds)


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def post(vendors: Vendors, setting: str, path: str, body: object, headers: dict[str, str]) -> httpx2.Response:
    """What no SDK would send."""
    return httpx2.post(vendors.env[f"{setting}_BASE_URL"] + path, json=body, headers=headers)


@pytest.mark.parametrize("vendor", VENDORS)
class TestEach:
    def test_what_is_asked_arrives(self, vendors: Vendors, vendor: str) -> None:
        before = time.monotonic()
        ask(vendors, vendor)
        (asked,) = vendors.asked(vendor)
        assert asked.vendor == vendor
        assert asked.model.endswith("-fake")
        assert asked.instructions == "Be brief."
        assert asked.text == "What is there?"
        assert asked.images == [PHOTO]
        assert asked.media_types == ["image/jpeg"]
        assert asked.schema == SCHEMA
        assert asked.tools == []
        assert asked.max_output_tokens == 500
        assert asked.headers["content-type"] == "application/json"
        assert str(SCHEMA) in str(asked.raw)
        assert before < asked.at < time.monotonic()

    def test_what_is_said_arrives_with_what_it_cost(self, vendors: Vendors, vendor: str) -> None:
        vendors.script(vendor, Says({"items": ["Käse"]}, 1000, 50, thought_tokens=7))
        assert ask(vendors, vendor) == Answer('{"items": ["Käse"]}', USUAL[vendor], 1000, 57)

    @pytest.mark.parametrize("text", ["[{", "a\u0000b", "\ud800", "x" * 10_000_000], ids=["cut", "nul", "half", "long"])
    def test_what_the_model_writes_is_sent_as_it_is(self, vendors: Vendors, vendor: str, text: str) -> None:
        vendors.script(vendor, Says(text))
        said = ask(vendors, vendor).text or ""
        assert said.encode(errors="replace") == text.encode(errors="replace")

    def test_a_script_is_followed_then_the_usual(self, vendors: Vendors, vendor: str) -> None:
        vendors.script(vendor, Says("first"), Says("second"))
        vendors.always(vendor, Says("always"))
        assert [ask(vendors, vendor).text for _ in range(4)] == ["first", "second", "always", "always"]
        vendors.forget()
        assert vendors.asked(vendor) == []
        assert ask(vendors, vendor).text == '{"items": [], "text": "", "confidence": 0.0}'

    def test_a_delay_delays(self, vendors: Vendors, vendor: str) -> None:
        vendors.script(vendor, Says("late", after_seconds=0.3))
        before = time.monotonic()
        assert ask(vendors, vendor).text == "late"
        assert time.monotonic() - before >= 0.3

    def test_hanging_outlasts_the_client(
        self, vendors: Vendors, vendor: str, capfd: pytest.CaptureFixture[str]
    ) -> None:
        vendors.script(vendor, Hangs(), Says("back"))
        with pytest.raises(TIMED_OUT[vendor]):
            ask(vendors, vendor, seconds=0.3)
        assert ask(vendors, vendor).text == "back"
        assert capfd.readouterr().err == ""

    def test_dropping_answers_nothing(self, vendors: Vendors, vendor: str, capfd: pytest.CaptureFixture[str]) -> None:
        vendors.script(vendor, Drops())
        with pytest.raises(DROPPED[vendor]):
            ask(vendors, vendor)
        assert capfd.readouterr().err == ""

    @pytest.mark.parametrize("where", ["headers", "body"])
    def test_trickling_is_in_time_for_every_read(
        self, vendors: Vendors, vendor: str, where: Literal["headers", "body"]
    ) -> None:
        vendors.script(vendor, Trickles(0.002, where))
        before = time.monotonic()
        assert ask(vendors, vendor, seconds=0.3).text
        assert time.monotonic() - before > 0.4

    def test_garbage_is_no_answer(self, vendors: Vendors, vendor: str) -> None:
        vendors.script(vendor, Garbage())
        with pytest.raises((ValueError, AttributeError)):  # Anthropic's SDK gives the page out as the answer
            ask(vendors, vendor)

    def test_compressed_is_an_answer_to_who_has_room(self, vendors: Vendors, vendor: str) -> None:
        vendors.script(vendor, Compressed(10))
        assert ask(vendors, vendor).text

    def test_endless_goes_on_until_the_reader_leaves(
        self, vendors: Vendors, vendor: str, capfd: pytest.CaptureFixture[str]
    ) -> None:
        ask(vendors, vendor)
        asked = vendors.asked(vendor)[0]
        vendors.script(vendor, Endless())
        url = vendors.env[f"{SETTING[vendor]}_BASE_URL"] + asked.path
        headers = {name: value for name, value in asked.headers.items() if name != "content-length"}
        with httpx2.stream("POST", url, json=asked.raw, headers=headers) as reply:
            assert sum(len(piece) for piece, _ in zip(reply.iter_raw(), range(100), strict=False)) > 1000
        assert capfd.readouterr().err == ""

    def test_a_request_that_makes_no_sense_is_refused(self, vendors: Vendors, vendor: str) -> None:
        vendors.script(vendor, Says("kept"))
        ask(vendors, vendor)
        asked = vendors.asked(vendor)[0]
        for path, status in ((asked.path, 400), ("/v1/elsewhere", 404)):
            reply = post(vendors, SETTING[vendor], path, {"messages": 1, "contents": 1}, {})
            assert reply.status_code == status
            assert reply.json()["error"]["message"]
        assert vendors.asked(vendor) == [asked]

    def test_one_after_the_other_is_never_two_at_once(self, vendor: str) -> None:
        with Vendors() as vendors:
            for _ in range(5):
                ask(vendors, vendor)
            assert vendors.most_at_once(vendor) == 1


class TestFinishing:
    @pytest.mark.parametrize(
        ("vendor", "finish", "answer"),
        [
            ("gemini", "length", Answer('{"a": ', "MAX_TOKENS", 900, 120)),
            ("gemini", "refused", Answer(None, "SAFETY", 900, 0)),
            ("gemini", "blocked", Answer(None, "PROHIBITED_CONTENT", 900, 0)),
            ("anthropic", "length", Answer('{"a": ', "max_tokens", 900, 120)),
            ("anthropic", "refused", Answer(None, "refusal", 900, 120)),
            ("anthropic", "blocked", Answer(None, "refusal", 900, 120)),
            ("openai_compatible", "length", Answer('{"a": ', "length", 900, 120)),
            ("openai_compatible", "refused", Answer("I'm sorry, I can't assist with that.", "stop", 900, 120)),
            ("openai_compatible", "blocked", Answer(None, "content_filter", 900, 120)),
        ],
    )
    def test_why_the_model_stopped(
        self, vendors: Vendors, vendor: str, finish: Literal["length", "refused", "blocked"], answer: Answer
    ) -> None:
        vendors.script(vendor, Says({"a": "bcd"}, finish=finish))
        assert ask(vendors, vendor) == answer

    def test_gemini_may_think_until_nothing_is_left(self, vendors: Vendors) -> None:
        vendors.script("gemini", Says("", output_tokens=0, thought_tokens=500, finish="length"))
        assert ask(vendors, "gemini") == Answer(None, "MAX_TOKENS", 900, 500)


class TestFailing:
    @pytest.mark.parametrize(
        ("status", "kind", "name"),
        [
            (400, errors.ClientError, "INVALID_ARGUMENT"),
            (401, errors.ClientError, "UNAUTHENTICATED"),
            (403, errors.ClientError, "PERMISSION_DENIED"),
            (404, errors.ClientError, "NOT_FOUND"),
            (429, errors.ClientError, "RESOURCE_EXHAUSTED"),
            (500, errors.ServerError, "INTERNAL"),
            (503, errors.ServerError, "UNAVAILABLE"),
            (529, errors.ServerError, "UNKNOWN"),
        ],
    )
    def test_gemini(self, vendors: Vendors, status: int, kind: type[errors.APIError], name: str) -> None:
        vendors.script("gemini", Fails(status, retry_after=2.5))
        with pytest.raises(kind) as failure:
            ask(vendors, "gemini")
        assert (failure.value.code, failure.value.status) == (status, name)
        assert failure.value.details["error"]["details"][0]["retryDelay"] == "2.5s"

    @pytest.mark.parametrize(
        ("status", "kind", "name"),
        [
            (400, anthropic.BadRequestError, "invalid_request_error"),
            (401, anthropic.AuthenticationError, "authentication_error"),
            (403, anthropic.PermissionDeniedError, "permission_error"),
            (404, anthropic.NotFoundError, "not_found_error"),
            (429, anthropic.RateLimitError, "rate_limit_error"),
            (500, anthropic.InternalServerError, "api_error"),
            (503, anthropic.InternalServerError, "api_error"),
            (529, anthropic.InternalServerError, "overloaded_error"),
        ],
    )
    def test_anthropic(self, vendors: Vendors, status: int, kind: type[anthropic.APIStatusError], name: str) -> None:
        vendors.script("anthropic", Fails(status, retry_after=3))
        with pytest.raises(kind) as failure:
            ask(vendors, "anthropic")
        assert (failure.value.status_code, failure.value.type) == (status, name)
        assert failure.value.response.headers["retry-after"] == "3"

    @pytest.mark.parametrize(
        ("status", "name", "code"),
        [
            (400, "invalid_request_error", None),
            (401, "invalid_request_error", "invalid_api_key"),
            (403, "invalid_request_error", None),
            (404, "invalid_request_error", "model_not_found"),
            (429, "requests", "rate_limit_exceeded"),
            (500, "server_error", None),
            (503, "server_error", None),
            (529, "server_error", None),
        ],
    )
    def test_openai_compatible(self, vendors: Vendors, status: int, name: str, code: str | None) -> None:
        vendors.script("openai_compatible", Fails(status, retry_after="soon"))
        with pytest.raises(httpx2.HTTPStatusError) as failure:
            ask(vendors, "openai_compatible")
        reply = failure.value.response
        error = reply.json()["error"]
        assert (reply.status_code, error["type"], error["code"]) == (status, name, code)
        assert reply.headers["retry-after"] == "soon"

    def test_a_wrong_key_gets_what_the_vendor_says(self, vendors: Vendors) -> None:
        for vendor in VENDORS:
            vendors.script(vendor, Says("kept"))
        with pytest.raises(errors.ClientError, match="API_KEY_INVALID") as gemini:
            ask(vendors, "gemini", key="wrong")
        assert gemini.value.code == 400
        with pytest.raises(anthropic.AuthenticationError, match="Invalid bearer token"):
            ask(vendors, "anthropic", key="wrong")
        with pytest.raises(httpx2.HTTPStatusError) as openai:
            ask(vendors, "openai_compatible", key="sk-not-the-right-key")
        assert openai.value.response.status_code == 401
        assert "sk-not-t************-key" in openai.value.response.json()["error"]["message"]
        for vendor in VENDORS:
            assert ask(vendors, vendor).text == "kept"
            assert len(vendors.asked(vendor)) == 2

    def test_anthropic_takes_the_key_in_its_own_header_too(self, vendors: Vendors) -> None:
        body = {"model": "claude-fake", "max_tokens": 1, "messages": [{"role": "user", "content": "Hello"}]}
        headers = {"x-api-key": vendors.env["ANTHROPIC_API_KEY"], "anthropic-version": "2023-06-01"}
        assert post(vendors, "ANTHROPIC", "/v1/messages", body, headers).status_code == 200
        wrong = post(vendors, "ANTHROPIC", "/v1/messages", body, {**headers, "x-api-key": "wrong"})
        assert (wrong.status_code, wrong.json()["error"]["message"]) == (401, "invalid x-api-key")


class TestServer:
    def test_fifty_at_once_are_each_answered_once(self, vendors: Vendors) -> None:
        ask(vendors, "openai_compatible")
        body = vendors.asked("openai_compatible")[0].raw
        vendors.script("openai_compatible", *(Says(str(number), after_seconds=0.5) for number in range(50)))
        together = threading.Barrier(50)
        with httpx2.Client(
            base_url=vendors.env["OPENAI_BASE_URL"],
            headers={"Authorization": f"Bearer {vendors.env['OPENAI_API_KEY']}"},
            limits=httpx2.Limits(max_connections=50),
            timeout=20,
        ) as client:

            def one(_: int) -> str:
                together.wait()
                return str(client.post("/chat/completions", json=body).json()["choices"][0]["message"]["content"])

            with ThreadPoolExecutor(50) as threads:
                said = list(threads.map(one, range(50)))
        assert sorted(said, key=int) == [str(number) for number in range(50)]
        assert len(vendors.asked("openai_compatible")) == 51
        assert 20 < vendors.most_at_once("openai_compatible") <= 50
        assert vendors.most_at_once("gemini") == 0

    @pytest.mark.parametrize("waiting", [Hangs(), Says("late", after_seconds=60), Trickles(20)], ids=repr)
    def test_whoever_waits_is_let_go_at_the_end(self, waiting: Behaviour, capfd: pytest.CaptureFixture[str]) -> None:
        with ThreadPoolExecutor(1) as threads:
            with Vendors() as vendors:
                vendors.always("openai_compatible", waiting)
                answer = threads.submit(ask, vendors, "openai_compatible")
                while not vendors.asked("openai_compatible"):
                    time.sleep(0.01)
                ending = time.monotonic()
            assert isinstance(answer.exception(), httpx2.TransportError)
            assert time.monotonic() - ending < 2
        assert capfd.readouterr().err == ""

    def test_importing_loads_no_sdk(self) -> None:
        program = "import sys, local.vendors; print({'anthropic', 'google.genai', 'httpx2'} & set(sys.modules))"
        run = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
        assert run.stdout == "set()\n"
