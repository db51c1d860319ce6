"""Links: what of an answer names which parameter of which other operation. A client may follow them; testers do."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from shared.openapi.paths import written
from shared.openapi.schemas import answers
from shared.web import Route

if TYPE_CHECKING:
    from shared.openapi.document import Documented


def add(functions: Iterable[Documented], paths: dict[str, dict[str, Any]]) -> None:
    """From each operation that makes something under a path to all that are below what it made."""
    for each in functions:
        for maker in each.function.routes:
            if maker.method != "POST":
                continue
            operation = paths[written(each.function, maker)]["post"]
            for status, model in answers(maker).items():
                fields = set(getattr(model, "model_fields", ()))
                found = {
                    target.handler.__name__: {
                        "operationId": target.handler.__name__,
                        "parameters": parameters,
                    }
                    for target in each.function.routes
                    if (parameters := _known(maker, target, fields))
                }
                if found:
                    operation["responses"][str(status)]["links"] = found


def _known(maker: Route, target: Route, fields: set[str]) -> dict[str, str] | None:
    """The target's path parameters, from what was made and the path it was made under; None where one stays unknown."""
    collection = maker.path.rstrip("/")
    below = target.path.removeprefix(collection + "/")
    if below == target.path or not below.startswith("<"):
        return None
    own = below[1:].partition(">")[0]
    named = next((field for field in (own, "id", "name") if field in fields), None)
    if named is None or set(target.signature.path) != {*maker.signature.path, own}:
        return None
    return {**{name: f"$request.path.{name}" for name in maker.signature.path}, own: f"$response.body#/{named}"}
