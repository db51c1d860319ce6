"""The vendor's HTTP API, from a request to its answer."""

import base64
import re
from collections import deque
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import replace
from hmac import compare_digest

from local.sandbox.behaviours import Answering, Fails, keep_waiting
from local.sandbox.journal import Json
from local.sandbox.keys import fingerprint
from local.sandbox.server import Pause, Reply, Request
from local.stripe import disputes, intents, pages, refunds
from local.stripe.account import VERSION, Account, Change, new_id
from local.stripe.errors import Refused, invalid
from local.stripe.forms import Form, parsed
from local.stripe.keys import LONGEST, Entry
from local.stripe.script import Script
from local.stripe.views import KINDS, expanded, one, page

READ = re.compile(rf"/v1/({'|'.join(KINDS)})(?:/([^/]+))?")
Act = Callable[[Change, str, Form], Json]
ACTS: list[tuple[re.Pattern[str], Collection[str], Act]] = [
    (re.compile(r"/v1/payment_intents()"), intents.CREATE, lambda change, _, form: intents.create(change, form)),
    (re.compile(r"/v1/payment_intents/([^/]+)"), intents.EDITABLE, intents.update),
    (re.compile(r"/v1/payment_intents/([^/]+)/confirm"), intents.CONFIRM, intents.confirm),
    (re.compile(r"/v1/payment_intents/([^/]+)/cancel"), intents.CANCEL, intents.cancel),
    (re.compile(r"/v1/refunds()"), refunds.CREATE, lambda change, _, form: refunds.create(change, form)),
    (re.compile(r"/v1/disputes/([^/]+)/close"), (), lambda change, id_, _: disputes.closed(change, id_, False)),
]


class Api:
    """`/v1/payment_intents`, `/v1/charges`, `/v1/refunds`, `/v1/disputes` and `/v1/events`."""

    def __init__(self, account: Account, script: Script, key: str) -> None:
        self.asked: deque[Request] = deque(maxlen=10_000)
        self._account = account
        self._script = script
        self._key = key

    def answer(self, request: Request, pause: Pause) -> Reply:
        """Do what is asked. Raises ConnectionError where no answer shall be given, or nobody waits for it."""
        if pages.has(request.path):
            return pages.answer(self._account, request)
        self.asked.append(request)
        id_ = new_id("req")
        headers = {"Request-Id": id_, "Stripe-Version": VERSION}
        try:
            self._admit(request)
            reply = self._read(request, pause) if request.method == "GET" else self._act(request, pause, id_)
        except Refused as refusal:
            reply = refusal.reply
        return reply._replace(headers=headers | reply.headers)

    def _admit(self, request: Request) -> None:
        scheme, _, told = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "basic":
            with suppress(ValueError):
                told = base64.b64decode(told).decode().partition(":")[0]
        if scheme.lower() not in ("basic", "bearer") or not told.strip():
            raise Refused(401)
        if not compare_digest(told.strip().encode(), self._key.encode()):
            raise Refused(401, f"Invalid API Key provided: {told[:8]}****{told[-4:]}")

    def _read(self, request: Request, pause: Pause) -> Reply:
        found = READ.fullmatch(request.path)
        if not found:
            raise _nowhere(request)
        behaviour = self._script.take(request.method, request.path)
        _misbehave(behaviour, pause, accepted=False)
        params = parsed(request.query)
        paths = params.get("expand", [])
        name, id_ = found.groups()
        with self._account.lock:
            if id_:
                Form(params, ("client_secret",))
                shown = one(self._account, name, id_)
            else:
                shown = page(self._account, name, params)
            shown = expanded(self._account.find, shown, paths)
        _misbehave(behaviour, pause, accepted=True)
        return Reply(200, shown, {})

    def _act(self, request: Request, pause: Pause, request_id: str) -> Reply:
        """Do it once for its key: what was begun is answered for ever as it was answered first, errors too."""
        id_, known, act = _route(request)
        params = parsed(_text(request))
        key = request.headers.get("idempotency-key")
        if key is not None and not 1 <= len(key) <= LONGEST:
            raise invalid(f"Idempotency keys have 1 to {LONGEST} characters.")
        entry = Entry(request.path, fingerprint(params), self._account.clock(), request_id)
        before = self._begin(key, entry)
        try:
            behaviour = self._script.take(request.method, request.path)
            _misbehave(behaviour, pause, accepted=False)
            if before is None:
                with self._account.lock:
                    change = self._account.change(request_id, key)
                    reply = _told(lambda: self._done(change, act(change, id_, Form(params, known)), params))
                    if isinstance(behaviour, Fails) and behaviour.accepted:
                        reply = _failure(behaviour).reply
                    entry = replace(entry, at=self._account.clock(), status=reply.status, body=reply.body)
                    self._account.commit(change, key, entry)
            else:
                reply = Reply(before.status, before.body or {}, {"Idempotent-Replayed": "true"})
        finally:
            if key:
                with self._account.lock:
                    self._account.keys.release(key)
        _misbehave(behaviour, pause, accepted=True)
        headers = {"Idempotency-Key": key, "Original-Request": (before or entry).request} if key else {}
        return reply._replace(headers=headers | reply.headers | _final(reply.status))

    def _begin(self, key: str | None, entry: Entry) -> Entry | None:
        if not key:
            return None
        with self._account.lock:
            return self._account.keys.begin(key, entry)

    def _done(self, change: Change, shown: Json, params: Json) -> Json:
        """What is expanded may be as new as the object itself."""
        return expanded(lambda id_: change.objects.get(id_) or self._account.find(id_), shown, params.get("expand", []))


def _told(act: Callable[[], Json]) -> Reply:
    """The answer, also where it is an error that came of doing it. Raises Refused where nothing was begun."""
    try:
        return Reply(200, act(), {})
    except Refused as refusal:
        if not refusal.begun:
            raise
        return refusal.reply


def _route(request: Request) -> tuple[str, Collection[str], Act]:
    if request.method == "POST":
        for pattern, known, act in ACTS:
            found = pattern.fullmatch(request.path)
            if found:
                return found[1], known, act
    raise _nowhere(request)


def _nowhere(request: Request) -> Refused:
    return Refused(404, f"Unrecognized request URL ({request.method}: {request.path}).")


def _text(request: Request) -> str:
    try:
        return request.content.decode()
    except UnicodeDecodeError:
        raise invalid("The request body is not UTF-8.") from None


def _final(status: int) -> dict[str, str]:
    """Trying again gets the same answer, so the vendor tells its SDKs not to."""
    return {"Stripe-Should-Retry": "false"} if status >= 400 else {}


def _failure(behaviour: Fails) -> Refused:
    code = behaviour.name or ("rate_limit" if behaviour.status == 429 else None)
    return Refused(behaviour.status, behaviour.message, code=code, headers=behaviour.headers)


def _misbehave(behaviour: Answering | None, pause: Pause, *, accepted: bool) -> None:
    """Do what is scripted for before, or for after having done it; a failure after that is answered where it is."""
    keep_waiting(behaviour, pause, accepted=accepted)
    if isinstance(behaviour, Fails) and not behaviour.accepted and not accepted:
        raise _failure(behaviour)
