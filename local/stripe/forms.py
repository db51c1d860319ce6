"""Parameters as the vendor takes them: forms with brackets, `metadata[order]=7&items[0][id]=a`."""

import re
from collections.abc import Collection
from typing import Any
from urllib.parse import parse_qsl

from local.sandbox.journal import Json
from local.stripe.errors import invalid, missing

PARTS = re.compile(r"\[([^\[\]]*)\]")
DEEPEST = 8  # brackets
KEYS, NAME, VALUE = 50, 40, 500  # of metadata: how many, and how long


def parsed(text: str) -> Json:
    """The nested parameters; a list is what has `[]` or numbers in its brackets. Raises Refused."""
    found: Json = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        top = name.partition("[")[0]
        path = [top, *PARTS.findall(name[len(top) :])]
        if "".join([top, *(f"[{part}]" for part in path[1:])]) != name or not top or len(path) > DEEPEST:
            raise invalid(f"Invalid parameter name: {name}")
        _put(found, path, value)
    # The names in metadata are the caller's own, and may be numbers.
    return {name: value if name == "metadata" else _listed(value) for name, value in found.items()}


def _put(into: Json, path: list[str], value: str) -> None:
    for part in path[:-1]:
        into = into.setdefault(part or str(len(into)), {})
        if not isinstance(into, dict):
            raise invalid(f"Invalid hash: {path[0]}", path[0])
    into[path[-1] or str(len(into))] = value


def _listed(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    inner = {name: _listed(each) for name, each in value.items()}
    return list(inner.values()) if inner and all(name.isdecimal() for name in inner) else inner


class Form:
    """One request's parameters, read by name; those that nobody knows are refused."""

    def __init__(self, params: Json, known: Collection[str]) -> None:
        for name in params:
            if name not in known and name != "expand":
                raise invalid(f"Received unknown parameter: {name}", name, "parameter_unknown")
        self._params = params

    def __contains__(self, name: str) -> bool:
        return name in self._params

    def text(self, name: str) -> str | None:
        """A string; None: not given, or emptied."""
        value = self._params.get(name)
        if value is not None and not isinstance(value, str):
            raise invalid(f"Invalid string: {name}", name)
        return value or None

    def needed(self, name: str) -> str:
        """A string that must be there."""
        value = self.text(name)
        if value is None:
            raise missing(name)
        return value

    def chosen(self, name: str, choices: Collection[str]) -> str | None:
        """One of these."""
        value = self.text(name)
        if value is not None and value not in choices:
            raise invalid(f"Invalid {name}: must be one of {', '.join(sorted(choices))}", name)
        return value

    def integer(self, name: str) -> int | None:
        """A whole number that is above 0."""
        value = self.text(name)
        if value is None:
            return None
        if not re.fullmatch(r"-?[0-9]{1,18}", value):
            raise invalid(f"Invalid integer: {value}", name, "parameter_invalid_integer")
        if int(value) < 1:
            raise invalid("This value must be greater than or equal to 1.", name, "parameter_invalid_integer")
        return int(value)

    def truth(self, name: str) -> bool | None:
        """`true` or `false`."""
        return _truth(self.text(name), name)

    def hash(self, name: str) -> Json | None:
        """What has names inside; None: not given."""
        value = self._params.get(name)
        if value is not None and not isinstance(value, dict):
            raise invalid(f"Invalid hash: {name}", name)
        return value

    def strings(self, name: str) -> list[str] | None:
        """A list of strings; None: not given."""
        value = self._params.get(name)
        if value is not None and not (isinstance(value, list) and all(isinstance(each, str) for each in value)):
            raise invalid(f"Invalid array: {name}", name)
        return value

    def metadata(self, before: dict[str, str]) -> dict[str, str]:
        """The metadata from now on: merged into what was there; an empty value removes one, an empty hash all."""
        told = self._params.get("metadata", {})
        if told == "":
            return {}
        if not isinstance(told, dict) or not all(isinstance(value, str) for value in told.values()):
            raise invalid("Invalid hash: metadata must be one of strings", "metadata")
        for name, value in told.items():
            if len(name) > NAME:
                raise invalid(f"Metadata keys can have up to {NAME} characters.", "metadata")
            if len(value) > VALUE:
                raise invalid(f"Metadata values can have up to {VALUE} characters.", f"metadata[{name}]")
        found = {name: value for name, value in (before | told).items() if value != ""}
        if len(found) > KEYS:
            raise invalid(f"You can specify up to {KEYS} keys in metadata.", "metadata")
        return found


def automatic(form: Form) -> Json | None:
    """`automatic_payment_methods`, which are on unless types are named."""
    told = form.hash("automatic_payment_methods")
    if told is None:
        return None if "payment_method_types" in form else {"allow_redirects": "always", "enabled": True}
    if "enabled" not in told:
        raise missing("automatic_payment_methods[enabled]")
    if not _truth(told["enabled"], "automatic_payment_methods[enabled]"):
        return None
    if told.get("allow_redirects", "always") not in ("always", "never"):
        raise invalid("Invalid allow_redirects: must be one of always, never", "automatic_payment_methods")
    return {"allow_redirects": told.get("allow_redirects", "always"), "enabled": True}


def _truth(value: Any, name: str) -> bool | None:
    if value not in (None, "true", "false"):
        raise invalid(f"Invalid boolean: {value}", name)
    return None if value is None else value == "true"
