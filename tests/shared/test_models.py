"""Request models: strict, bounded, and silent about what they were sent."""

from __future__ import annotations

import json
import time
from typing import Annotated, Any, Literal
from uuid import UUID

import hypothesis
import pytest
from hypothesis import strategies as st
from pydantic import AwareDatetime, Field, SecretStr

from shared.errors import Problem
from shared.models import MOST_FIELDS, WHOLE, Body, Email, Name, Page, Query, page

FUZZ = hypothesis.settings(max_examples=150, deadline=None)


class Part(Body):
    """Something inside."""

    code: Annotated[str, Field(max_length=8, pattern=r"^[a-z]*$")]


class Thing(Body):
    """One field of every kind that our bodies have."""

    name: Name | None = None
    email: Email | None = None
    count: Annotated[int, Field(ge=0, le=1000), WHOLE] | None = None
    share: float | None = None
    flag: bool | None = None
    kind: Literal["one", "other"] | None = None
    id: UUID | None = None
    at: AwareDatetime | None = None
    password: Annotated[SecretStr, Field(min_length=10, max_length=72)] | None = None
    parts: Annotated[list[Part], Field(max_length=5)] | None = None
    pieces: Annotated[tuple[Part, ...], Field(min_length=1)] | None = None


def problem_with(raw: bytes) -> Problem | None:
    """What is said against a body; None when nothing is."""
    try:
        Thing.from_json(raw)
    except Problem as problem:
        return problem
    return None


def refusal(body: bytes | str) -> Problem:
    with pytest.raises(Problem) as refused:
        Thing.from_json(body if isinstance(body, bytes) else body.encode())
    return refused.value


def pointers(body: str) -> list[tuple[str, str]]:
    """Where it is wrong, and the codes."""
    problem = refusal(body)
    assert (problem.status, problem.code) == (422, "invalid_fields")
    return [(error["pointer"], error["code"]) for error in problem.errors]


class TestTypes:
    @pytest.mark.parametrize(
        ("body", "pointer"),
        [
            ('{"count": "12"}', "/count"),
            ('{"count": true}', "/count"),
            ('{"count": 12.5}', "/count"),
            ('{"count": 1e4}', "/count"),
            ('{"count": 1e9999}', "/count"),
            ('{"count": [12]}', "/count"),
            ('{"count": -1}', "/count"),
            ('{"count": 1001}', "/count"),
            ('{"count": 999999999999999999999999999999}', "/count"),
            ('{"share": 1e9999}', "/share"),
            ('{"share": -1e9999}', "/share"),
            ('{"share": "0.5"}', "/share"),
            ('{"share": false}', "/share"),
            ('{"flag": 1}', "/flag"),
            ('{"flag": "true"}', "/flag"),
            ('{"kind": "third"}', "/kind"),
            ('{"kind": "ONE"}', "/kind"),
            ('{"id": "x"}', "/id"),
            ('{"id": 7}', "/id"),
            ('{"at": "2026-11-21T00:00:00"}', "/at"),
            ('{"at": 1795219200}', "/at"),
            ('{"at": "yesterday"}', "/at"),
            ('{"name": 5}', "/name"),
            ('{"password": 1234567890}', "/password"),
            ('{"password": "short"}', "/password"),
            ('{"parts": {}}', "/parts"),
            ('{"parts": "x"}', "/parts"),
            ('{"parts": [{}]}', "/parts/0/code"),
            ('{"parts": [{"code": "a"}, {"code": "1"}]}', "/parts/1/code"),
            ('{"parts": [{"code": "a"}, {"code": "abcdefghi"}]}', "/parts/1/code"),
            ('{"parts": [{"code": "a"}, 7]}', "/parts/1"),
        ],
    )
    def test_are_not_converted_and_the_error_points_at_the_field(self, body: str, pointer: str) -> None:
        assert [where for where, _ in pointers(body)] == [pointer]

    @pytest.mark.parametrize("body", ["null", "[]", "7", '"x"', "true", "[{}]", "1e9999"])
    def test_other_than_an_object_are_pointed_at_as_a_whole(self, body: str) -> None:
        assert [where for where, _ in pointers(body)] == [""]

    def test_as_they_must_be_are_taken(self) -> None:
        thing = Thing.from_json(b'{"count": 12, "share": 1, "flag": true, "kind": "one", "parts": [{"code": "a"}]}')
        assert (thing.count, thing.share, thing.flag, thing.kind, thing.parts) == (
            12,
            1.0,
            True,
            "one",
            [Part(code="a")],
        )

    def test_wrong_in_several_places_are_pointed_at_in_each(self) -> None:
        assert {where for where, _ in pointers('{"count": "1", "flag": 2, "parts": [{"code": 3}]}')} == {
            "/count",
            "/flag",
            "/parts/0/code",
        }

    def test_wrong_inside_a_list_are_not_called_missing_from_it(self) -> None:
        assert pointers('{"pieces": [{"code": 1}]}') == [("/pieces/0/code", "string_type")]
        assert pointers('{"pieces": []}') == [("/pieces", "too_short")]

    def test_wrong_in_very_many_places_are_pointed_at_in_fifty(self) -> None:
        unknown = json.dumps({f"x{number}": 1 for number in range(500)})
        assert len(pointers(unknown)) == 50


class TestWholeNumbers:
    @pytest.mark.parametrize(("written", "count"), [("12", 12), ("12.0", 12), ("1e2", 100), ("-0.0", 0)])
    def test_are_taken_however_json_writes_them(self, written: str, count: int) -> None:
        read = Thing.from_json(f'{{"count": {written}}}'.encode()).count
        assert (read, type(read)) == (count, int)

    def test_keep_their_bounds_in_the_schema(self) -> None:
        [count, _] = Thing.model_json_schema()["properties"]["count"]["anyOf"]
        assert count == {"type": "integer", "minimum": 0, "maximum": 1000}


class TestUnreadableBodies:
    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b" ",
            b"{",
            b"{} {}",
            b"{}x",
            b"{'count': 1}",
            b"{count: 1}",
            b'{"count": 01}',
            b'{"count": +1}',
            b'{"count": .5}',
            b'{"count": 0x10}',
            b'{"count": 1,}',
            b'{"count": NaN}',
            b'{"share": NaN}',
            b'{"share": Infinity}',
            b'{"share": -Infinity}',
            b'{"x": [NaN]}',
            b'{"count": 1, "count": 1}',
            b'{"count": 1, "coun\\u0074": 2}',
            b'{"parts": [{"code": "a", "code": "b"}]}',
            b'{"x": {"y": 1, "y": 1}}',
            b'{"name": "\\ud800"}',
            b'{"name": "\\udc00\\ud800"}',
            b'{"\\ud800": 1}',
            b'{"name": "a\x00b"}',
            b'{"name": "\\u0000"}',
            b'{"name": "\\\\\\u0000"}',
            b'{"x\\u0000": 1}',
            b"\x00",
            b'{"name": "\xff"}',
            b'{"name": "\xc0\xaf"}',
            b'{"name": "\xed\xa0\x80"}',
            b'{"name": "\n"}',
            b'{"name": "\\x41"}',
            b"\xef\xbb\xbf{}",
            '{"count": 1}'.encode("utf-16"),
            '{"count": 1}'.encode("utf-32"),
            b'{"count": ' + b"9" * 5000 + b"}",
            b"[" * 100_000,
            b'{"x":' * 100_000,
            b'{"x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
            b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
            b"\\" * 100_000,
            b"\\u0000",
            b"// {}\n{}",
        ],
        ids=lambda body: repr(body[:24]),
    )
    def test_are_400(self, body: bytes) -> None:
        problem = refusal(body)
        assert (problem.status, problem.code) == (400, "unreadable")

    def test_are_found_out_in_little_time(self) -> None:
        """Work that grows faster than the body would keep a processor busy for many seconds with a few of them."""
        started = time.process_time()
        for body in (b"[" * 4_400_000, b"\\" * 4_400_000, b'"\\u000' * 700_000, b'{"x":' * 880_000):
            assert refusal(body).status == 400
        assert time.process_time() - started < 5

    def test_of_very_many_fields_are_400_in_little_time(self) -> None:
        fields = ",".join(f'"{number}":1' for number in range(300_000))
        started = time.process_time()
        assert refusal(f"{{{fields}}}").status == 400
        assert time.process_time() - started < 3
        assert refusal(json.dumps({str(number): 1 for number in range(MOST_FIELDS)})).status == 422

    def test_are_not_those_that_only_spell_a_nul(self) -> None:
        assert Thing.from_json(b'{"name": "\\\\u0000"}').name == "\\u0000"
        assert Thing.from_json(b'{"name": "u0000 \\\\\\\\u0000"}').name == "u0000 \\\\u0000"

    def test_are_not_those_in_other_alphabets(self) -> None:
        assert Thing.from_json(b'{"name": "\\ud83d\\ude00"}').name == "😀"
        assert Thing.from_json('{"name": "Ünïcödé 漢字"}'.encode()).name == "Ünïcödé 漢字"


class TestUnknownFields:
    def test_are_refused_without_their_names(self) -> None:
        problem = refusal('{"canary_field": 1}')
        assert problem.errors == [
            {
                "pointer": "",
                "code": "extra_forbidden",
                "detail": "Unknown field. Known here: " + ", ".join(Thing.model_fields) + ".",
            }
        ]

    def test_inside_are_refused_at_what_holds_them(self) -> None:
        assert pointers('{"parts": [{"code": "a"}, {"code": "a", "canary": 1}]}') == [("/parts/1", "extra_forbidden")]


class TestErrors:
    MARK = "cAnArY"

    @FUZZ
    @hypothesis.given(
        field=st.sampled_from(sorted(Thing.model_fields)),
        wrong=st.recursive(
            st.text(max_size=30).map(lambda text: f"{TestErrors.MARK}{text}{TestErrors.MARK}"),
            lambda inner: (
                st.lists(inner, min_size=1, max_size=3)
                | st.dictionaries(
                    st.text(max_size=8).map(lambda text: f"{TestErrors.MARK}{text}"), inner, min_size=1, max_size=3
                )
                | st.fixed_dictionaries({"code": inner})
            ),
            max_leaves=6,
        ),
    )
    def test_never_repeat_what_was_sent(self, field: str, wrong: object) -> None:
        for body in ({field: wrong}, {self.MARK: wrong}, {"parts": [wrong]}, wrong):
            if problem := problem_with(json.dumps(body).encode()):
                assert problem.status in (400, 422)
                assert self.MARK not in json.dumps(problem.document("id"))
                assert self.MARK not in str(problem)

    @FUZZ
    @hypothesis.given(
        number=st.integers(min_value=10**9, max_value=10**15), field=st.sampled_from(sorted(Thing.model_fields))
    )
    def test_never_repeat_numbers_either(self, number: int, field: str) -> None:
        for wrong in (number, -number, float(number), [number], {"x": number}):
            if problem := problem_with(json.dumps({field: wrong}).encode()):
                assert str(number) not in json.dumps(problem.document("id"))

    @FUZZ
    @hypothesis.given(raw=st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
    def test_are_all_there_is_for_any_bytes(self, raw: bytes) -> None:
        problem = problem_with(raw)
        assert problem is None or problem.status in (400, 422)

    @FUZZ
    @hypothesis.given(
        body=st.dictionaries(
            st.sampled_from(sorted(Thing.model_fields)) | st.text(max_size=5),
            st.recursive(
                st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
                lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
                max_leaves=5,
            ),
            max_size=4,
        )
    )
    def test_point_at_what_is_there(self, body: dict[str, Any]) -> None:
        """A JSON pointer (RFC 6901) that leads to something sent, or to something missing in it."""
        problem = problem_with(json.dumps(body).encode())
        for error in problem.errors if problem else ():
            parent, _, last = error["pointer"].rpartition("/")
            reached = followed(body, parent)
            assert error["code"] == "missing" or error["pointer"] == "" or last in map(str, keys(reached))

    def test_escape_the_pointer(self) -> None:
        class Prices(Body):
            prices: dict[str, int]

        with pytest.raises(Problem) as refused:
            Prices.from_json(b'{"prices": {"a/b~c": "x"}}')
        assert [error["pointer"] for error in refused.value.errors] == ["/prices/a~1b~0c"]


class TestNames:
    @pytest.mark.parametrize(
        "name", ["Ana", "Ünïcödé 漢字", "O'Neill & Søns — 2nd", "日本　太郎", "👩‍🍳 Café", "x" * 100]
    )
    def test_of_people_everywhere_are_taken(self, name: str) -> None:
        assert Thing.from_json(json.dumps({"name": name}).encode()).name == name

    def test_lose_the_space_around_them(self) -> None:
        assert Thing.from_json(b'{"name": "  Ana  "}').name == "Ana"

    @pytest.mark.parametrize(
        "name",
        [
            "",
            " ",
            "\t",
            "a\nb",
            "a\rb",
            "a\tb",
            "\x1b[31m",
            "a\x7f",
            "a\x85b",
            "a\u2028b",
            "a\u2029b",
            "\xa0",
            "\u3000",
            "\u200b",
            "\u202e",
            "\ufeff",
            "x" * 101,
        ],
    )
    def test_without_anything_visible_or_of_several_lines_are_refused(self, name: str) -> None:
        assert [where for where, _ in pointers(json.dumps({"name": name}))] == ["/name"]


class TestAddresses:
    @pytest.mark.parametrize("email", ["a@b.co", "first.last+tag@sub.example.com", "ü@exämple.org", " a@b.co "])
    def test_that_may_be_real_are_taken(self, email: str) -> None:
        assert Thing.from_json(json.dumps({"email": email}).encode()).email == email.strip()

    @pytest.mark.parametrize(
        "email",
        [
            "",
            "a",
            "@b.co",
            "a@",
            "a@b",
            "a@@b.co",
            "a b@c.co",
            "a@b.co\nBcc: x@y.z",
            "a" * 65 + "@b.co",
            "a@" + "b" * 250 + ".co",
            "a@b.co,c@d.co e@f.co",
        ],
    )
    def test_that_cannot_be_are_refused(self, email: str) -> None:
        assert [where for where, _ in pointers(json.dumps({"email": email}))] == ["/email"]


class TestQueries:
    def test_are_text_read_as_their_types(self) -> None:
        read = Page.from_query({"limit": "7", "cursor": "8c7b5f0e-1d3a-4c39-9a51-6f2f5a0c1b11"})
        assert (read.limit, read.cursor) == (7, UUID("8c7b5f0e-1d3a-4c39-9a51-6f2f5a0c1b11"))

    @pytest.mark.parametrize("limit", ["0", "101", "-1", "x", "", "1.5", "NaN", "1e9999", "9" * 5000])
    def test_out_of_bounds_are_422(self, limit: str) -> None:
        with pytest.raises(Problem) as refused:
            Page.from_query({"limit": limit})
        assert (refused.value.status, refused.value.errors[0]["pointer"]) == (422, "/limit")
        assert limit == "" or limit not in [error["detail"] for error in refused.value.errors]

    @FUZZ
    @hypothesis.given(parameters=st.dictionaries(st.sampled_from(["limit", "cursor", "x"]), st.text(max_size=20)))
    def test_of_any_text_are_read_or_422(self, parameters: dict[str, str]) -> None:
        try:
            limit: int | None = Page.from_query(parameters).limit
        except Problem as problem:
            limit = None
            status = problem.status
        assert 1 <= limit <= 100 if limit else status == 422

    def test_take_no_infinity(self) -> None:
        class Share(Query):
            share: float

        for text in ("NaN", "inf", "-Infinity", "1e9999"):
            with pytest.raises(Problem):
                Share.from_query({"share": text})


class TestPages:
    def test_name_the_last_row_while_there_is_more(self) -> None:
        rows = [{"id": number} for number in range(4)]
        assert page(rows, 3, "id") == {"data": rows[:3], "next_cursor": "2"}
        assert page(rows, 4, "id") == {"data": rows, "next_cursor": None}
        assert page([], 4, "id") == {"data": [], "next_cursor": None}


def followed(document: Any, pointer: str) -> Any:
    """What a JSON pointer leads to."""
    for step in pointer.split("/")[1:]:
        step = step.replace("~1", "/").replace("~0", "~")
        document = document[int(step)] if isinstance(document, list) else document[step]
    return document


def keys(document: Any) -> list[Any]:
    """The steps a JSON pointer can take from there, escaped."""
    if isinstance(document, dict):
        return [key.replace("~", "~0").replace("/", "~1") for key in document]
    return list(range(len(document))) if isinstance(document, list) else []
