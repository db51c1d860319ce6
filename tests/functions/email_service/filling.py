"""What mails are filled in with in tests: samples, and samples in which every text is the same word."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from functools import cache
from typing import Any

from functions.email_service import templates
from functions.email_service.rendering import Brand, Rendered, render
from functions.email_service.templates import Template
from shared.errors import Problem

ADDRESS = "Speicherstraße 12\n20457 Hamburg"
UNSUBSCRIBE = "https://example.com/unsubscribe/abc"
LOCALES = ("en", "de", "fr", "ar", "ja")


def brand(name: str = "Northern Threads", **settings: Any) -> Brand:
    """Of a workspace in Hamburg."""
    return Brand(**{"name": name, "time_zone": "Europe/Berlin", "address": ADDRESS, **settings})


def rendered(name: str, data: dict[str, Any] | None = None, by: Brand | None = None) -> Rendered:
    """A mail, from its sample unless told otherwise."""
    template = templates.find(name)
    content = template.read(template.sample if data is None else data)
    return render(template, content, by or brand(), UNSUBSCRIBE if template.follow_up else None)


def accepts(template: Template, data: dict[str, Any]) -> bool:
    """Whether the model takes this data."""
    try:
        template.read(data)
    except Problem:
        return False
    return True


def texts(data: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where in the data strings are."""
    if isinstance(data, str):
        yield place
    for key, value in data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ():
        yield from texts(value, (*place, key))


def replaced(data: dict[str, Any], place: tuple[Any, ...], value: Any) -> dict[str, Any]:
    """A copy in which another value stands there."""
    changed = copy.deepcopy(data)
    at: Any = changed
    for step in place[:-1]:
        at = at[step]
    at[place[-1]] = value
    return changed


def original(data: Any, place: tuple[Any, ...]) -> Any:
    """What stands there."""
    for step in place:
        data = data[step]
    return data


@cache
def free_texts(template: Template) -> list[tuple[Any, ...]]:
    """Where in the sample one may write what one likes."""
    return [place for place in texts(template.sample) if accepts(template, replaced(template.sample, place, "Ω <b>"))]


def bare(template: Template) -> dict[str, Any]:
    """The sample without what may be left out."""
    needed = {field for field, info in template.model.model_fields.items() if info.is_required()}
    return {key: value for key, value in template.sample.items() if key in needed or key.startswith("discount")}


def saying(template: Template, word: str, like: str | None = None) -> dict[str, Any]:
    """The sample with this word wherever one may write what one likes, and would take that other word too."""
    data = template.sample
    for place in free_texts(template):
        if all(accepts(template, replaced(data, place, text)) for text in (word, like or word)):
            data = replaced(data, place, word)
    return data
