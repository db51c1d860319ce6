"""Everything that one account has: objects as the API shows them, and the keys of requests."""

import secrets
from collections.abc import Callable
from copy import deepcopy
from typing import Any

from local.sandbox import account
from local.sandbox.journal import Json
from local.sandbox.webhooks import Notice
from local.stripe.errors import unknown
from local.stripe.keys import Entry, Keys

VERSION = "2026-10-28.endive"  # of the API


def new_id(prefix: str) -> str:
    """`pi_…`"""
    return f"{prefix}_{secrets.token_hex(12)}"


class Account(account.Account):
    """Objects by id, oldest first.

    The journal's lines: `{"kind": "object", "value"}` as it is from now on, `{"kind": "key", "key", …}`,
    `{"kind": "delivered", "id"}` of an event whose webhook was taken.
    """

    def _clear(self) -> None:
        self.keys = Keys()
        self._objects: dict[str, Json] = {}
        self._delivered: set[str] = set()

    def find(self, id_: str) -> Json | None:
        """A copy of any object."""
        with self.lock:
            return self._shown(self._objects[id_]) if id_ in self._objects else None

    def all(self, kind: str) -> list[Json]:
        """Copies of all of a kind (`payment_intent`), oldest first."""
        with self.lock:
            return [self._shown(each) for each in self._objects.values() if each["object"] == kind]

    def change(self, request: str | None = None, key: str | None = None) -> "Change":
        """Begin to change something, for a request; whoever calls holds the lock until it is committed."""
        return Change(self, request, key)

    def do(self, act: Callable[["Change"], Json]) -> Json:
        """Change something without a request, as the payer or a bank does. Returns what became of the object."""
        with self.lock:
            change = self.change()
            done = act(change)
            self.commit(change)
            return deepcopy(done)

    def commit(self, change: "Change", key: str | None = None, entry: Entry | None = None) -> None:
        """Let it have happened, together with the answer to its key; then tell of it. Nobody changes it further."""
        values = [*change.objects.values(), *change.events]
        records: list[Json] = [{"kind": "object", "value": value} for value in values]
        if key and entry:
            self.keys.keep(key, entry)
            records.append({"kind": "key", "key": key, **vars(entry)})
        self._journal.append(records)
        self._objects |= {value["id"]: value for value in values}
        self._tell([Notice(event) for event in change.events])

    def delivered(self, id_: str) -> None:
        """The webhook of this event was taken."""
        with self.lock:
            if id_ in self._objects and id_ not in self._delivered:
                self._delivered.add(id_)
                self._journal.append([{"kind": "delivered", "id": id_}])

    def undelivered(self) -> list[Notice]:
        """The events whose webhooks nobody has taken yet."""
        with self.lock:
            return [Notice(each) for each in self.all("event") if each["id"] not in self._delivered]

    def _shown(self, value: Json) -> Json:
        copy = deepcopy(value)
        if copy["object"] == "event":
            copy["pending_webhooks"] = int(copy["id"] not in self._delivered)
        return copy

    def _recall(self, kind: str, record: Json) -> None:
        if kind == "object":
            self._objects[record["value"]["id"]] = record["value"]
            _ = record["value"]["object"]
        elif kind == "key":
            self.keys.keep(record.pop("key"), Entry(**record))
        elif kind == "delivered":
            self._delivered.add(record["id"])


class Change:
    """Copies of objects, free to be changed: nothing has happened before the account commits it."""

    def __init__(self, account: Account, request: str | None, key: str | None) -> None:
        self.now = int(account.clock())
        self.objects: dict[str, Json] = {}
        self.events: list[Json] = []
        self._account = account
        self._request: Json = {"id": request, "idempotency_key": key}

    def get(self, kind: str, id_: str, param: str | None = None) -> Json:
        """An object to change. Raises Refused: 404, or 400 where `param` named it."""
        if id_ not in self.objects:
            found = self._account.find(id_)
            if found is None or found["object"] != kind:
                raise unknown(kind, id_, param, status=400 if param else 404)
            self.objects[id_] = found
        return self.objects[id_]

    def add(self, prefix: str, kind: str, **fields: Any) -> Json:
        """A new object."""
        value = {"id": new_id(prefix), "object": kind, "created": self.now, "livemode": False, **fields}
        self.objects[value["id"]] = value
        return value

    def happened(self, type_: str, value: Json, **previous: Any) -> None:
        """An event, with the object as it is now; `previous` are its former values."""
        data = {"object": deepcopy(value), **({"previous_attributes": previous} if previous else {})}
        event = {
            "id": new_id("evt"),
            "object": "event",
            "api_version": VERSION,
            "created": self.now,
            "data": data,
            "livemode": False,
            "pending_webhooks": 1,
            "request": self._request,
            "type": type_,
        }
        self.events.append(event)
