"""What is read: one object, or a page of a list; references become objects where `expand` asks for it."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any, TypeAlias

from local.sandbox.journal import Json
from local.stripe.account import Account
from local.stripe.errors import invalid, unknown
from local.stripe.forms import Form

Find: TypeAlias = Callable[[str], Json | None]
KINDS = {  # by the path's name: the kind, and what its lists can be filtered by
    "payment_intents": ("payment_intent", ("customer",)),
    "charges": ("charge", ("customer", "payment_intent")),
    "refunds": ("refund", ("charge", "payment_intent")),
    "disputes": ("dispute", ("charge", "payment_intent")),
    "events": ("event", ("type",)),
}
PAGE = {"limit", "starting_after", "ending_before", "created"}
COMPARE = {"gt": int.__gt__, "gte": int.__ge__, "lt": int.__lt__, "lte": int.__le__}
REFERENCES = {"customer", "latest_charge", "payment_intent", "charge", "dispute"}


def one(account: Account, name: str, id_: str) -> Json:
    """Raises Refused 404."""
    kind = KINDS[name][0]
    found = account.find(id_)
    if found is None or found["object"] != kind:
        raise unknown(kind, id_, status=404)
    return found


def page(account: Account, name: str, params: Json) -> Json:
    """Newest first, by cursors that are ids."""
    kind, filters = KINDS[name]
    form = Form(params, PAGE | set(filters) | ({"types"} if kind == "event" else set()))
    limit = form.integer("limit") or 10
    if limit > 100:
        raise invalid("This value must be less than or equal to 100.", "limit", "parameter_invalid_integer")
    found = [each for each in account.all(kind)[::-1] if _fits(each, form, params, filters)]
    after, before = form.text("starting_after"), form.text("ending_before")
    if after:
        left = found[_place(found, kind, after, "starting_after") + 1 :]
        shown = left[:limit]
    elif before:
        left = found[: _place(found, kind, before, "ending_before")]
        shown = left[-limit:]
    else:
        left, shown = found, found[:limit]
    return {"object": "list", "data": shown, "has_more": len(left) > len(shown), "url": f"/v1/{name}"}


def expanded(find: Find, shown: Json, paths: Any) -> Json:
    """A copy with the references that `expand` names, dotted: `latest_charge`, `data.payment_intent`."""
    if not isinstance(paths, list) or not all(isinstance(path, str) for path in paths):
        raise invalid("Invalid array: expand", "expand")
    shown = deepcopy(shown)
    for path in paths:
        _expand(find, [shown], path.split("."), path)
    return shown


def _expand(find: Find, among: list[Any], names: list[str], path: str) -> None:
    name = names[0]
    for value in among:
        if not isinstance(value, dict) or name not in value or (name != "data" and name not in REFERENCES):
            raise invalid(f"This property cannot be expanded ({path}).", "expand")
        if isinstance(value[name], str):
            value[name] = deepcopy(find(value[name]))
    inner = [value[name] for value in among if value[name] is not None]
    if names[1:]:
        flat = [each for value in inner for each in (value if isinstance(value, list) else [value])]
        _expand(find, flat, names[1:], path)


def _fits(value: Json, form: Form, params: Json, filters: tuple[str, ...]) -> bool:
    if any(name in form and value.get(name) != form.text(name) for name in filters):
        return False
    if "types" in form and value["type"] not in (form.strings("types") or []):
        return False
    told = params.get("created", {})
    bounds = told if isinstance(told, dict) else {"gte": told, "lte": told}
    for name, bound in bounds.items():
        if name not in COMPARE or not str(bound).isdecimal():
            raise invalid(f"Invalid timestamp: {bound}", "created")
        if not COMPARE[name](value["created"], int(bound)):
            return False
    return True


def _place(found: list[Json], kind: str, id_: str, param: str) -> int:
    for place, each in enumerate(found):
        if each["id"] == id_:
            return place
    raise unknown(kind, id_, param)
