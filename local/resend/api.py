"""The vendor's HTTP API, from a request to its answer."""

import json
import math
import re
import threading
import time
import uuid
from collections import deque
from dataclasses import replace
from hmac import compare_digest
from typing import Any
from urllib.parse import parse_qs

from local.resend.account import Account, Key
from local.resend.drafts import Draft, Rules, draft
from local.resend.errors import Refused, invalid
from local.resend.keys import Entry
from local.resend.script import Script
from local.sandbox.behaviours import Answering, Fails, keep_waiting
from local.sandbox.journal import Json
from local.sandbox.keys import fingerprint
from local.sandbox.server import Pause, Reply, Request

BATCH = 100
REMEMBERED = 2**20  # bytes: of a request with more, the body is not remembered
ONE = re.compile(r"/emails/([^/]+)(/cancel)?")


class Rate:
    """So many requests each second, over all keys of the account; None: any number."""

    def __init__(self, limit: int | None) -> None:
        self.limit = limit
        self._lock = threading.Lock()
        self._window, self._used = 0, 0

    def take(self) -> dict[str, str]:
        """The headers that say what is left. Raises Refused 429."""
        if self.limit is None:
            return {}
        now = time.monotonic()
        with self._lock:
            if int(now) != self._window:
                self._window, self._used = int(now), 0
            self._used += 1
            left = self.limit - self._used
        reset = str(math.ceil(self._window + 1 - now))
        headers = {
            "ratelimit-limit": str(self.limit),
            "ratelimit-remaining": str(max(0, left)),
            "ratelimit-reset": reset,
            "ratelimit-policy": f"{self.limit};w=1",
        }
        if left < 0:
            message = f"Too many requests. You can only make {self.limit} requests per second."
            raise Refused(429, message=message, headers={**headers, "retry-after": reset})
        return headers


class Api:
    """`POST` and `GET /emails`, `POST /emails/batch`, `GET` and `PATCH /emails/{id}`, `POST /emails/{id}/cancel`."""

    def __init__(self, account: Account, script: Script, key: str, rate: int | None, rules: Rules) -> None:
        self.rate = Rate(rate)
        self.asked: deque[Request] = deque(maxlen=10_000)
        self._account = account
        self._script = script
        self._key = key
        self._rules = rules

    def answer(self, request: Request, pause: Pause) -> Reply:
        """Do what is asked. Raises ConnectionError where no answer shall be given, or nobody waits for it."""
        self.asked.append(request if len(request.content) <= REMEMBERED else replace(request, content=b""))
        headers: dict[str, str] = {}
        try:
            self._admit(request)
            headers = self.rate.take()
            self._account.catch_up()
            return Reply(200, self._route(request, pause), headers)
        except Refused as refusal:
            return refusal.reply._replace(headers={**headers, **refusal.headers})

    def _admit(self, request: Request) -> None:
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not key.strip():
            raise Refused(401)
        if not compare_digest(key.strip().encode(), self._key.encode()):
            raise Refused(403)

    def _route(self, request: Request, pause: Pause) -> Json:
        if request.path in ("/emails", "/emails/batch"):
            if request.method == "POST":
                return self._send(request, pause)
            if request.method == "GET" and request.path == "/emails":
                return self._list(parse_qs(request.query))
            raise Refused(405)
        found = ONE.fullmatch(request.path)
        if not found:
            raise Refused(404)
        id_, cancel = _uuid(found[1]), found[2]
        if (request.method, bool(cancel)) == ("POST", True):
            self._account.cancel(id_)
        elif (request.method, bool(cancel)) == ("PATCH", False):
            body = _document(request)
            self._account.reschedule(id_, body.get("scheduled_at") if isinstance(body, dict) else None)
        elif (request.method, bool(cancel)) == ("GET", False):
            return self._account.mail(id_).shown()
        else:
            raise Refused(405)
        return {"object": "email", "id": id_}

    def _list(self, query: dict[str, list[str]]) -> Json:
        """Newest first, by cursors that are ids."""
        limit = query.get("limit", ["10"])[0]
        if not limit.isdecimal() or not 1 <= int(limit) <= 100:
            raise invalid("The `limit` must be a number from 1 to 100.")
        mails = self._account.mails[::-1]
        places = {mail.id: place for place, mail in enumerate(mails)}
        after, before = (query.get(name, [""])[0] for name in ("after", "before"))
        if after:
            mails = mails[places[self._account.mail(after).id] + 1 :]
            page = mails[: int(limit)]
        elif before:
            mails = mails[: places[self._account.mail(before).id]]
            page = mails[-int(limit) :]
        else:
            page = mails[: int(limit)]
        return {
            "object": "list",
            "has_more": len(mails) > len(page),
            "data": [mail.shown(whole=False) for mail in page],
        }

    def _send(self, request: Request, pause: Pause) -> Json:
        name = request.headers.get("idempotency-key")
        if name is not None and not 1 <= len(name) <= 256:
            raise Refused(400, "invalid_idempotency_key", "The key must be between 1-256 chars.")
        body = _document(request)
        batch = request.path == "/emails/batch"
        drafts, errors = self._batch(body, request) if batch else ([self._draft(body)], None)
        print_ = fingerprint(body)
        key = Key((request.path, name), print_) if name else None
        known: Json | None = None
        if key:
            with self._account.lock:
                before = self._account.keys.begin(key.name, Entry(print_, self._account.clock()))
            known = before.answer if before else None

        def told(ids: list[str]) -> Json:
            if not batch:
                return {"id": ids[0]}
            return {"data": [{"id": id_} for id_ in ids], **({} if errors is None else {"errors": errors})}

        try:
            everybody = [address for each in drafts for address in each.recipients]
            behaviour = self._script.answering(everybody, name or print_)
            _misbehave(behaviour, pause, accepted=False)
            if known is None:
                outcomes = self._script.outcomes(each.recipients for each in drafts)
                known = self._account.accept(drafts, outcomes, key, told)
        finally:
            if key:
                with self._account.lock:
                    self._account.keys.release(key.name)
        _misbehave(behaviour, pause, accepted=True)
        return known

    def _draft(self, body: Any, *, batch: bool = False) -> Draft:
        return draft(body, self._rules, self._account.clock(), batch=batch)

    def _batch(self, body: Any, request: Request) -> tuple[list[Draft], list[Json] | None]:
        """The mails to send and, where some may be refused, those with their places."""
        mode = request.headers.get("x-batch-validation", "strict")
        if mode not in ("strict", "permissive"):
            raise invalid("The `x-batch-validation` header must be `strict` or `permissive`.")
        if not isinstance(body, list) or not 1 <= len(body) <= BATCH:
            raise invalid(f"A batch must be an array of 1 to {BATCH} emails.")
        if mode == "strict":
            return [self._draft(each, batch=True) for each in body], None
        drafts: list[Draft] = []
        errors: list[Json] = []
        for index, each in enumerate(body):
            try:
                drafts.append(self._draft(each, batch=True))
            except Refused as refusal:
                errors.append({"index": index, "message": refusal.message})
        return drafts, errors


def _misbehave(behaviour: Answering | None, pause: Pause, *, accepted: bool) -> None:
    """Do what is scripted for before, or for after having accepted."""
    keep_waiting(behaviour, pause, accepted=accepted)
    if isinstance(behaviour, Fails) and behaviour.accepted == accepted:
        raise Refused(behaviour.status, behaviour.name, behaviour.message, behaviour.headers)


def _document(request: Request) -> Any:
    try:
        return json.loads(request.content)
    except (ValueError, RecursionError):
        raise Refused(400, message="The request body is not valid JSON.") from None


def _uuid(told: str) -> str:
    try:
        return str(uuid.UUID(told))
    except ValueError:
        raise Refused(422, "invalid_parameter", "The parameter must be a valid UUID.") from None
