"""Nobody gets at what is somebody else's: every operation, every id that the owner was ever told, a stranger's token.

What a stranger is answered must be 403 or 404, and to the byte what an id is answered that nobody has.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from local.state import ROOT
from tests.api import OverHttp
from tests.functions.quote_generator.cards import CONTENTS
from tests.functions.quote_generator.storing import REQUEST
from tests.people import Person

DOCUMENT: dict[str, Any] = json.loads((ROOT / "docs" / "openapi.json").read_text())
PARAMETER = re.compile(r"\{([a-z_]+)\}")
# Bodies that fit each operation's schema, so that it isn't the shape that is refused.
BODIES: dict[str, dict[str, Any]] = {
    "create_quote": REQUEST,
    "revise_quote": REQUEST,
    "decline_quote": {},
    "convert_quote": {},
    "parse_brief": {"description": "500 hoodies"},
    "add_rate_card": {"product_type": "t_shirt", "card": CONTENTS["t_shirt"]},
    "change_workspace": {"name": "Taken over"},
    "change_member": {"role": "readonly"},
    "create_role": {"name": "intruder", "permissions": []},
    "change_role": {"permissions": []},
    "create_invite": {"role": "readonly"},
    "correct_detection": {"items": []},
    "create_upload": {"content_type": "image/png"},
    "create_attachment": {"name": "a.pdf", "content_type": "application/pdf"},
    "send_message": {"template": "plain", "to": "robin@example.com", "data": {"subject": "A", "paragraphs": ["b"]}},
    "move_order": {"to": "cancelled"},
    "cancel_order": {},
    "assign_order": {"user_id": None},
    "refund_payment": {"amount_minor": 1},
    "change_invoice_settings": {},
    "credit_invoice": {"full": True, "reason": "Returned"},
    "detect": {"image": "AAAA"},
    "detect_batch": {"images": [{"image": "AAAA"}]},
}
MOST = 20  # of each kind of id: a run makes hundreds of detections that are alike


@dataclass
class Gathered:
    """What the owner's calls named and were told, by parameter: ids in the order seen, without repeats."""

    owner: Person
    ids: dict[str, dict[str, None]] = field(default_factory=lambda: defaultdict(dict))

    def __post_init__(self) -> None:
        self.add("workspace_id", str(self.owner.workspace_id))
        self.add("user_id", str(self.owner.user_id))
        self.add("role", "owner")

    @property
    def authorization(self) -> str:
        """The header of the owner's calls."""
        return f"Bearer {self.owner.token}"

    def add(self, parameter: str, value: object) -> None:
        """Remember one, unless there are enough of its kind."""
        if isinstance(value, str) and len(self.ids[parameter]) < MOST:
            self.ids[parameter].setdefault(value)

    def note(self, path: str, named: Mapping[str, object], answer: bytes) -> None:
        """What a successful call of the owner's named in its path, and the ids in what it was answered."""
        for name, value in named.items():
            self.add(name, value)
        if answer[:1] in (b"{", b"["):  # else a page, a script or a picture
            content = json.loads(answer)
            for row in content.get("data", [content]) if isinstance(content, dict) else []:
                self._row(path, row)

    def _row(self, path: str, row: Any) -> None:
        if not isinstance(row, dict):
            return
        for name in ("detection_id", "workspace_id", "user_id", "payment_intent_id"):
            self.add(name, row.get(name))
        kinds = {"workspaces": "workspace_id", "invites": "invite_id", "roles": "role"}
        kinds |= {
            "messages": "message_id",
            "email-service": "message_id",
            "suppressions": "suppression_id",
            "orders": "order_id",
            "quote-generator": "quote_id",
            "invoice": "invoice_id",
            "credit-notes": "invoice_id",
        }
        kind = kinds.get(path.rpartition("/")[2])
        if kind:
            self.add(kind, row.get("name" if kind == "role" else "id"))
        if path == "/api/detect/uploads":
            self.add("image_path", row.get("image_path"))


@dataclass(frozen=True)
class Operation:
    """One that names something: `names` are the parameters that do."""

    method: str
    path: str
    name: str
    names: tuple[str, ...]
    queried: bool

    def address(self, ids: Mapping[str, str]) -> str:
        """Its path with these ids."""
        query = f"?workspace_id={ids['workspace_id']}" if self.queried and "workspace_id" in ids else ""
        return self.path.format(**ids) + query

    def body(self, ids: Mapping[str, str]) -> dict[str, Any] | None:
        """Something that fits its schema."""
        return {"image_path": ids["image_path"]} if "image_path" in ids else BODIES.get(self.name)


def operations() -> Iterator[Operation]:
    """All of the document that name a workspace, or what is in one."""
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            if {"person": []} not in operation["security"]:  # everybody's, or no person's at all
                continue
            parameters = [each.get("name") or each["$ref"].rpartition("/")[2] for each in operation["parameters"]]
            queried = "workspace_id" not in path and bool({"workspace", "workspace_id"} & set(parameters))
            names = (*PARAMETER.findall(path), *(["workspace_id"] if queried else []))
            if names:
                yield Operation(method.upper(), path, operation["operationId"], names, queried)
            if operation["operationId"] == "detect":
                yield Operation("POST", path, "detect", ("image_path",), queried=False)


def nobodys(name: str, value: str) -> str:
    """An id of that kind which nobody has. Names of roles and templates are no secrets: they stay."""
    if name == "image_path":
        return f"{uuid4()}/{uuid4()}.png"
    return value if name in ("role", "name") else str(uuid4())


def targets(operation: Operation, gathered: Gathered, stranger: Person) -> Iterator[tuple[dict[str, str], ...]]:
    """The owner's ids and nobody's, each id once: in the owner's workspaces, and as if in the stranger's own."""
    known = [list(gathered.ids[name]) for name in operation.names]
    if not all(known):
        return
    for each in range(max(map(len, known))):
        ids = {name: values[each % len(values)] for name, values in zip(operation.names, known, strict=True)}
        yield ids, {name: nobodys(name, value) for name, value in ids.items()}
        if "workspace_id" in ids and {"user_id", "invite_id"} & set(ids):
            home = {"workspace_id": str(stranger.workspace_id)}
            yield {**ids, **home}, {**{name: nobodys(name, value) for name, value in ids.items()}, **home}


@dataclass(frozen=True)
class Finding:
    """One thing that a stranger learned or did."""

    call: str
    theirs: tuple[int, bytes]
    nobodys: tuple[int, bytes]

    def __str__(self) -> str:
        return f"{self.call}\n  theirs:   {self.theirs}\n  nobody's: {self.nobodys}"


def look(url: str, stranger: Person, gathered: Gathered) -> tuple[dict[str, int], list[Finding]]:
    """How often each operation was asked for what is the owner's, and what came of it that shouldn't have."""
    api = OverHttp(url)

    def answered(operation: Operation, ids: Mapping[str, str]) -> tuple[int, bytes]:
        # The same id for both, for it is in the answer.
        headers = {"X-Request-Id": "stranger"}
        address, body = operation.address(ids), operation.body(ids)
        response = api(operation.method, address, token=stranger.token, json=body, headers=headers)
        return response.status, response.body

    asked: dict[str, int] = {}
    found = []
    for operation in operations():
        place = f"{operation.method} {operation.path}"
        asked.setdefault(place, 0)
        for theirs, unknown in targets(operation, gathered, stranger):
            asked[place] += 1
            one, other = answered(operation, theirs), answered(operation, unknown)
            if one[0] not in (403, 404) or one != other:
                found.append(Finding(f"{operation.method} {operation.address(theirs)}", one, other))
    return asked, found
