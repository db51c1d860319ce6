"""What mails may be filled in with: typed, bounded, and one line where a mail has one line."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from functions.email_service import templates
from local.state import ROOT
from shared.errors import Problem
from shared.models import Body
from tests.functions.email_service.filling import accepts, free_texts, original, replaced, texts

each = pytest.mark.parametrize("name", templates.NAMES)
# Where a text may have lines of its own.
WITH_LINES = {"note", "paragraphs", "reason", "ship_to"}
TURNING = [chr(code) for code in (*range(0x202A, 0x202F), *range(0x2066, 0x206A))]


def test_there_are_fourteen() -> None:
    assert sorted(templates.NAMES) == sorted(
        """quote quote-followup order-confirmation order-status payment-received payment-failed invoice credit-note
        invite one-time-code low-stock supplier-status usage-report plain""".split()
    )
    with pytest.raises(KeyError):
        templates.find("nothing")


def test_only_a_follow_up_can_be_unsubscribed_from_and_only_codes_are_secret() -> None:
    found = [templates.find(name) for name in templates.NAMES]
    assert {template.name for template in found if template.follow_up} == {"quote-followup"}
    assert {template.name for template in found if template.secret} == {"invite", "one-time-code"}


@each
def test_its_sample_fits_and_its_model_is_described(name: str) -> None:
    template = templates.find(name)
    assert isinstance(template.read(template.sample), template.model)
    assert issubclass(template.model, Body)
    assert template.model.__doc__


@each
def test_an_unknown_field_is_refused(name: str) -> None:
    template = templates.find(name)
    with pytest.raises(Problem) as refused:
        template.read({**template.sample, "surprise": 1})
    assert refused.value.errors[0]["code"] == "extra_forbidden"


@each
def test_a_missing_field_is_named(name: str) -> None:
    template = templates.find(name)
    for field, info in template.model.model_fields.items():
        data = {key: value for key, value in template.sample.items() if key != field}
        if info.is_required():
            with pytest.raises(Problem) as refused:
                template.read(data)
            assert refused.value.errors == [{"pointer": f"/{field}", "detail": "Field required.", "code": "missing"}]
        elif name != "quote-followup":
            template.read(data)


@each
def test_every_string_number_and_list_is_bounded(name: str) -> None:
    assert list(unbounded(templates.find(name).model.model_json_schema())) == []


def unbounded(schema: Any, place: str = "") -> Iterator[str]:
    if isinstance(schema, list):
        for index, value in enumerate(schema):
            yield from unbounded(value, f"{place}/{index}")
    if not isinstance(schema, dict):
        return
    kind = schema.get("type")
    if kind == "string" and not schema.keys() & {"maxLength", "enum", "const"}:
        if schema.get("format") not in ("date", "date-time"):
            yield place
    if kind == "array" and "maxItems" not in schema:
        yield place
    if kind in ("integer", "number") and not (
        schema.keys() & {"minimum", "exclusiveMinimum"} and schema.keys() & {"maximum", "exclusiveMaximum"}
    ):
        yield place
    for key, value in schema.items():
        yield from unbounded(value, f"{place}/{key}")


@each
def test_a_line_stays_one_line_and_turns_nothing(name: str) -> None:
    template = templates.find(name)
    assert free_texts(template) or name == "one-time-code"
    for place in texts(template.sample):
        value = original(template.sample, place)
        for bad in ("\r\nBcc: x@example.com", "\r", "\x00", "\x1b", "\x85", "\u2028", "\ud800", *TURNING):
            assert not accepts(template, replaced(template.sample, place, value + bad + value)), (place, bad)
        lines = any(step in WITH_LINES for step in place) and name not in ("payment-failed", "credit-note")
        assert accepts(template, replaced(template.sample, place, f"{value}\n{value}")) == lines, place


@each
def test_a_name_needs_something_visible(name: str) -> None:
    template = templates.find(name)
    for place in free_texts(template):
        for nothing in ("", "   ", "\u200b", "\u3000\u200e"):
            assert not accepts(template, replaced(template.sample, place, nothing)), place


@pytest.mark.parametrize(
    "link",
    [
        "http://example.com",
        "javascript:alert(1)",
        "https://",
        "https:///x",
        "//example.com",
        "https://example.com/a b",
        'https://example.com/"onclick=',
        "https://example.com/<b>",
        "https://user@example.com/",
        "https://example.com\n",
        "https://example.com/" + "x" * 2000,
        "",
    ],
)
def test_a_link_is_https_and_nothing_else(link: str) -> None:
    template = templates.find("quote")
    assert not accepts(template, {**template.sample, "link": link})


def test_a_discount_is_said_wholly_and_only_where_there_is_one() -> None:
    template = templates.find("quote-followup")
    without = {k: v for k, v in template.sample.items() if not k.startswith("discount")}
    assert accepts(template, template.sample)
    assert not accepts(template, {**template.sample, "tone": "gentle"})
    assert not accepts(template, without)
    assert not accepts(template, {**without, "discount_percent": 5})
    assert all(accepts(template, {**without, "tone": tone}) for tone in ("gentle", "urgent"))


def test_a_figure_is_a_number_or_money() -> None:
    template = templates.find("usage-report")
    money = {"amount_minor": 1, "currency": "EUR"}
    figures: list[tuple[dict[str, Any], bool]] = [
        ({"value": "1"}, True),
        ({"value": 1, "previous": 2}, True),
        ({"amount": money, "previous_amount": money}, True),
        ({}, False),
        ({"value": 1, "amount": money}, False),
        ({"value": 1, "previous_amount": money}, False),
        ({"amount": money, "previous": 1}, False),
    ]
    for figure, fits in figures:
        assert accepts(template, {**template.sample, "figures": [{"label": "x", **figure}]}) == fits, figure


def test_importing_loads_no_engine_and_no_model() -> None:
    program = """
import sys
from functions.email_service import templates
assert not {"jinja2", "babel"} & sys.modules.keys()
assert not [name for name in sys.modules if name.startswith("functions.email_service.templates.")]
model = templates.find("quote").model
assert not model.__pydantic_complete__
from functions.email_service.templates import selling
assert not selling.OrderConfirmationMail.__pydantic_complete__
templates.find("quote").read(templates.find("quote").sample)
assert model.__pydantic_complete__ and not selling.OrderConfirmationMail.__pydantic_complete__
assert not {"jinja2", "babel"} & sys.modules.keys()
"""
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True, timeout=60)
