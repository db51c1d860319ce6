"""What no honest client sends: bodies, values, path segments and headers, and the routes they are sent to."""

from __future__ import annotations

import base64
import gzip
import importlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from shared.web import Function, Route
from tests.api import FUNCTIONS
from tests.people import PASSWORD, Person

NUL = "\0"
TEN_MEGABYTES = 10_000_000


@dataclass(frozen=True)
class Target:
    """A route of a function, and how to address it."""

    function: str
    route: Route

    def __str__(self) -> str:
        return f"{self.route.method} /api/{self.function}{self.route.path}"

    @property
    def method(self) -> str:
        return self.route.method

    def path(self, segments: dict[str, str]) -> str:
        """The raw path with these segments; a name that isn't given stays as it is written in the route."""
        path = self.route.path.rstrip("/")
        for name, segment in segments.items():
            path = path.replace(f"<{name}>", segment)
        return f"/api/{self.function}{path}"

    @property
    def names(self) -> list[str]:
        """The variable segments."""
        return list(self.route.signature.path)

    @property
    def fields(self) -> list[str]:
        """The fields of its body."""
        body = self.route.signature.body
        return list(body[1].model_fields) if body else []


def function(name: str) -> Function:
    app: Function = importlib.import_module(f"functions.{FUNCTIONS[name]}.handler").app
    return app


TARGETS = [Target(name, route) for name in FUNCTIONS for route in function(name).routes]
WRITING = [target for target in TARGETS if target.method != "GET"]

BODIES: dict[str, bytes] = {
    "nothing": b"",
    "null": b"null",
    "an array": b"[]",
    "arrays": b"[[[]]]",
    "a number": b"7",
    "a string": b'"x"',
    "true": b"true",
    "an empty object": b"{}",
    "cut short": b'{"name": "a',
    "two documents": b"{}{}",
    "deep arrays": b"[" * 100_000,
    "deep closed arrays": b"[" * 100_000 + b"]" * 100_000,
    "deep objects": b'{"a":' * 100_000,
    "deep in a field": b'{"email": ' + b"[" * 50_000 + b"]" * 50_000 + b"}",
    "NaN": b'{"email": NaN, "name": NaN}',
    "Infinity": b'{"email": -Infinity}',
    "1e9999": b'{"email": 1e9999, "name": 1e9999, "max_uses": 1e9999}',
    "a number of 5000 digits": b'{"max_uses": ' + b"9" * 5000 + b"}",
    "repeated keys": b'{"email": "a@b.co", "email": "c@d.co"}',
    "lone surrogates": b'{"email": "\\ud800@b.co", "name": "\\udfff", "image": "\\ud800"}',
    "a lone surrogate for a key": b'{"\\ud800": 1}',
    "raw NUL": b'{"name": "a\x00b"}',
    "escaped NUL": b'{"name": "a\\u0000b", "code": "\\u0000"}',
    "invalid UTF-8": b'{"name": "\xff\xfe\xc0\xaf"}',
    "encoded surrogates": b'{"name": "\xed\xa0\x80"}',
    "UTF-16": '{"name": "a"}'.encode("utf-16"),
    "a byte order mark": b"\xef\xbb\xbf{}",
    "10000 fields": json.dumps({str(number): number for number in range(10_000)}).encode(),
    "gzip": gzip.compress(b"{}"),
    "prototype": b'{"__proto__": {"a": 1}, "constructor": {"prototype": {}}}',
    "a form": b"email=a%40b.co&password=x",
    "xml": b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY y SYSTEM "file:///etc/passwd">]><x>&y;</x>',
    "10 MB": b'"' + b"x" * (TEN_MEGABYTES - 2) + b'"',
}

VALUES: list[Any] = [
    None,
    True,
    -1,
    10**30,
    "",
    " ",
    "12",
    "X" * 200,
    "x" * 20_000,
    "é" * 40,
    "\u202egnp.exe 😀😀😀",
    "\r\nSet-Cookie: a=b",
    "' or 1=1; drop table users; --",
    "{{7*7}}${7*7}<script>",
    "*",
    "ü@exämple.org",
    "a+'\"\\;--@example.com",
    "Etc/GMT+12",
    "../../etc/passwd",
    "00000000-0000-0000-0000-000000000000",
    "data:image/png;base64,",
    [],
    ["x"],
    ["orders.read"] * 100,
    ["orders.read:own", "orders.read:assigned"],
    ["nothing.here"],
    {"a": {"b": []}},
]

SEGMENTS = [
    "x",
    "%2F",
    "%2f..%2f..%2fetc%2fpasswd",
    "..",
    "%0d%0aSet-Cookie:%20a=b",
    "%00",
    "%zz",
    "%ff%fe",
    "%ED%A0%80",
    "%25%32%46",
    "x" * 5000,
    "'%20or%201=1--",
    "*",
    "-1",
    "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF",
    "%7B8c7b5f0e-1d3a-4c39-9a51-6f2f5a0c1b11%7D",
    "join",
    "%F0%9F%98%80",
]

TAILS = ["/", "//", "//x", "/..", "/../..", "/%2F", "/%2e%2e/", "/x/y/z", "/%00", "/%0d%0a", ";x=y", "%2F", "%00", "."]

QUERIES = [
    "limit=0",
    "limit=101",
    "limit=NaN",
    "limit=1e9999",
    "limit=%00",
    "limit=1&limit=2",
    "limit[]=1",
    "cursor=x",
    "cursor=-1",
    "cursor=99999999999999999999999999",
    "cursor=00000000-0000-0000-0000-000000000000",
    "cursor=%ff",
    "sequence=1&hash=x",
    "sequence=-1",
    "sequence=4611686018427387904",
    "sequence=1",
    "hash=" + "0" * 64,
    "workspace_id=",
    "workspace_id=x",
    "workspace_id=00000000-0000-0000-0000-000000000000",
    "workspace_id=%00",
    "workspace_id=1&workspace_id=2",
    "probe=live",
    "probe=%0d%0a",
    "select=*",
    "id=eq.1",
    "&&&",
    "=",
    "%",
    "?",
    "x" * 8000,
    "&".join(f"a{number}=1" for number in range(1000)),
]

HEADERS: list[dict[str, str]] = [
    {"Content-Type": "text/plain"},
    {"Content-Type": "application/json; charset=utf-16"},
    {"Content-Type": "x" * 60_000},
    {"Content-Encoding": "gzip"},
    {"Content-Length": "x"},
    {"Content-Length": "-1"},
    {"Content-Length": "9" * 5000},
    {"Content-Length": "0" * 5000},
    {"Idempotency-Key": " "},
    {"Idempotency-Key": "é"},
    {"Idempotency-Key": "x" * 256},
    {"Idempotency-Key": "x" * 255},
    {"If-Match": "x"},
    {"If-Match": '"' + "9" * 19 + '"'},
    {"If-Match": '"' + "9" * 400 + '"'},
    {"If-Match": '"²"'},
    {"X-Request-Id": "x" * 60_000, "Origin": "x" * 60_000, "Cookie": "x" * 60_000, "X-Forwarded-For": "x" * 60_000},
    {"X-Request-Id": "\xff", "Origin": "\xff"},
    {"X-Idempotency-Record": "x", "X-Http-Method-Override": "DELETE", "Host": "elsewhere.example"},
    {"Range": "bytes=0-" + "9" * 5000, "Expect": "nonsense", "Prefer": "return=representation,tx=rollback"},
    {"Accept": "application/vnd.pgrst.plan+json", "Accept-Profile": "private", "Content-Profile": "private"},
]

AUTHORIZATIONS = [
    "",
    "Bearer",
    "Bearer ",
    "Bearer x",
    "Bearer a.b.c",
    "Bearer ..",
    "Bearer " + "x" * 60_000,
    "Bearer " + "." * 8000,
    "Bearer " + base64.urlsafe_b64encode(b'{"alg":' + b"[" * 5000).decode() + ".e30.x",
    "Bearer eyJhbGciOiJub25lIn0.e30.",
    "Bearer \xff\xfe",
    "Bearer null",
    "Basic YTpi",
    "Digest username=x",
    " ",
]


def example(target: Target, person: Person) -> dict[str, Any]:
    """A body that is taken, so that one field at a time can be made odd; empty for a route without one here."""
    email = f"torture.{uuid4().hex}@example.com"
    found: dict[str, dict[str, Any]] = {
        "auth/sign-up": {"email": email, "password": PASSWORD, "name": "Ana"},
        "auth/sign-in": {"email": person.email, "password": PASSWORD},
        "auth/refresh": {"refresh_token": person.refresh_token},
        "auth/password-reset": {"email": email},
        "auth/verify": {"type": "sign_up", "email": email, "code": "123456"},
        "auth/password": {"password": PASSWORD},
        "bootstrap-admin/": {"email": email, "token": "not the token, but of a good length"},
        "detect/": {"image": base64.b64encode(b"no image").decode(), "kind": "general"},
        "workspaces/": {"name": "Shop"},
        "workspaces/join": {"code": "0000-0000-0000-0000"},
        "workspaces/<workspace_id>": {"name": "Shop"},
        "workspaces/<workspace_id>/members/<user_id>": {"role": "owner"},
        "workspaces/<workspace_id>/roles": {"name": f"r{uuid4().hex}", "permissions": ["orders.read"]},
        "workspaces/<workspace_id>/roles/<role>": {"description": "Packs"},
        "workspaces/<workspace_id>/invites": {"role": "staff"},
    }
    return found.get(f"{target.function}{target.route.path}", {})


def odd_bodies(target: Target, person: Person) -> Iterator[tuple[str, bytes]]:
    """The good example with each of its fields made odd in each way."""
    for name in target.fields:
        # Where a password is hashed each try takes long, and the password itself is only hashed.
        for value in VALUES[:: 4 if name == "password" else 2 if "password" in target.fields else 1]:
            yield f"{name}={str(value)[:30]}", json.dumps({**example(target, person), name: value}).encode()
