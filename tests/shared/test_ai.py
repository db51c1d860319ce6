"""shared/ai without any provider: schemas, parsing, prices, order; and the bounded client against a bad server."""

from __future__ import annotations

import json
import threading
import time
from datetime import date
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from functions.detect.models import Item, Sighting
from local.vendors import Endless, Hangs, Says, Trickles, Vendors
from shared.ai import answers, prices, providers
from shared.ai.answers import Invalid, Told
from shared.ai.prices import Price
from shared.ai.providers import Access, Failure, Question
from shared.ai.transport import bounded
from shared.errors import Problem


class Leaf(Told):
    """A leaf."""

    size: Annotated[int, Field(ge=1, le=9)]
    kind: str | None = None


class Tree(Told):
    """A tree."""

    leaves: Annotated[list[Leaf], Field(max_length=2)]


def objects(schema: dict[str, Any]) -> list[dict[str, Any]]:
    """Every part of a schema that describes an object, the whole included."""
    parts = [schema, *schema.get("anyOf", []), *schema.get("properties", {}).values()]
    if "items" in schema:
        parts.append(schema["items"])
    found = [schema] if schema.get("type") == "object" else []
    for part in parts[1:]:
        found += objects(part)
    return found


class TestSchema:
    @pytest.mark.parametrize("model", [Tree, Sighting])
    def test_is_what_every_provider_takes(self, model: type[Told]) -> None:
        """OpenAI's strict mode: every field required, no other allowed, no reference left unresolved here."""
        schema = answers.schema(model)
        assert "$" not in json.dumps(schema)
        for part in objects(schema):
            assert part["additionalProperties"] is False
            assert part["required"] == list(part["properties"])

    def test_says_what_may_be_null(self) -> None:
        leaf = answers.schema(Tree)["properties"]["leaves"]["items"]
        assert leaf["properties"]["kind"]["anyOf"] == [{"type": "string"}, {"type": "null"}]

    def test_names_every_field_of_an_item(self) -> None:
        item = answers.schema(Sighting)["properties"]["items"]["items"]
        assert list(item["properties"]) == list(Item.model_fields)


class TestParsing:
    def test_reads_the_model(self) -> None:
        assert answers.parse('{"leaves": [{"size": 3}]}', Tree) == Tree(leaves=[Leaf(size=3)])

    @pytest.mark.parametrize(
        ("text", "error"),
        [
            ("", "not JSON"),
            ("{", "not JSON"),
            ('{"leaves": [{"size": 10}]}', "leaves.0.size: "),
            ('{"leaves": [{"size": "3"}]}', "leaves.0.size: "),
            ('{"leaves": [], "SECRET": 1}', "the answer: Extra inputs"),
            ('{"leaves": [{"size": 1, "SECRET": 1}]}', "leaves.0: Extra inputs"),
            ('{"leaves": [{"size": 1}, {"size": 1}, {"size": 1}]}', "leaves: "),
            ('{"leaves": "\\u0000"}', "U+0000"),
            ("[" * 100_000, "not JSON"),
            ("x" * 200_001, "too long"),
        ],
    )
    def test_says_what_is_wrong_and_repeats_nothing(self, text: str, error: str) -> None:
        with pytest.raises(Invalid) as invalid:
            answers.parse(text, Tree)
        assert error in invalid.value.errors
        assert "SECRET" not in invalid.value.errors

    @given(st.text(max_size=200) | st.recursive(st.none() | st.booleans() | st.floats() | st.text(), st.lists).map(str))
    def test_never_breaks(self, text: str) -> None:
        with pytest.raises(Invalid):
            answers.parse(text, Tree)


class TestPrices:
    def test_are_rounded_up_once(self) -> None:
        assert Price(500_000, 3_000_000).of(1, 0) == 1
        assert Price(500_000, 3_000_000).of(900, 120) == 810
        assert Price(0, 0).of(10**6, 10**6) == 0

    def test_hold_from_their_day(self, monkeypatch: pytest.MonkeyPatch) -> None:
        rows = [
            {"model": "a", "from": date(2026, 1, 1), "input": 1, "output": 1},
            {"model": "a", "from": date(2026, 6, 1), "input": 2, "output": 2},
            {"model": "a", "from": date(2027, 1, 1), "input": 9, "output": 9},
        ]
        monkeypatch.setattr(prices, "_table", lambda: rows)
        assert prices.price("a", date(2026, 5, 31)) == (1, 1)
        assert prices.price("a", date(2026, 6, 1)) == (2, 2)
        assert prices.price("a", date(2027, 6, 1)) == (9, 9)

    def test_of_an_unknown_model_are_the_dearest(self) -> None:
        known = [prices.price(row["model"]) for row in prices._table()]
        assert prices.price("nobody-knows-it") == max(known, key=sum)

    def test_know_the_models_that_are_asked_by_default(self) -> None:
        known = {row["model"] for row in prices._table()}
        assert {providers.access(name).model for name in providers.REMOTE} <= known


class TestTheOrder:
    def test_passes_over_who_has_no_key(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert providers.order() == ["local"]
        monkeypatch.setenv("ANTHROPIC_API_KEY", "a")
        assert providers.order() == ["anthropic", "local"]
        monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:11434/v1")  # Ollama needs no key
        assert providers.order() == ["anthropic", "openai_compatible", "local"]
        monkeypatch.setenv("AI_PROVIDERS", " openai_compatible ,anthropic")
        assert providers.order() == ["openai_compatible", "anthropic"]

    @pytest.mark.parametrize("named", ["nobody", ",", "gemini,GPT"])
    def test_names_nobody_else(self, monkeypatch: pytest.MonkeyPatch, named: str) -> None:
        monkeypatch.setenv("AI_PROVIDERS", named)
        with pytest.raises(Problem) as problem:
            providers.order()
        assert problem.value.code == "not_configured"


class TestTheClient:
    """`bounded`, by the provider with no SDK of its own to help."""

    def ask(self, vendors: Vendors, seconds: float) -> None:
        access = Access(vendors.env["OPENAI_API_KEY"], vendors.env["OPENAI_BASE_URL"], "a")
        question = Question("", "", {"type": "object"}, 100)
        code = providers.module("openai_compatible")
        bounded(seconds, lambda client: code.ask(question, access, client, seconds))

    @pytest.mark.parametrize("behaviour", [Hangs(), Trickles(0.2, "headers"), Trickles(0.2, "body")])
    def test_waits_no_longer_and_leaves_no_thread(self, behaviour: Hangs | Trickles) -> None:
        before = threading.active_count()
        with Vendors() as vendors:
            vendors.script("openai_compatible", behaviour)
            started = time.monotonic()
            with pytest.raises(Failure, match="timeout"):
                self.ask(vendors, 1)
            assert time.monotonic() - started < 1.5
        for _ in range(100):
            if threading.active_count() <= before:
                break
            time.sleep(0.05)
        assert threading.active_count() <= before

    def test_reads_no_further_than_it_must(self) -> None:
        with Vendors() as vendors:
            vendors.script("openai_compatible", Endless())
            with pytest.raises(Failure, match="answer_too_large"):
                self.ask(vendors, 5)

    def test_asks_no_proxy(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
        with Vendors() as vendors:
            vendors.script("openai_compatible", Says("{}"))
            self.ask(vendors, 5)
