"""The keys the project signs access tokens with: fetched once, shared by all threads, kept while they can't be had."""

from __future__ import annotations

import threading

from shared import clock, gateway, signatures
from shared.errors import Problem, unavailable

ALGORITHMS = {"ES256": "EC", "RS256": "RSA"}  # each with its key type
FRESH_SECONDS = 600.0  # Supabase's own edge caches the key set this long
# An unknown key id makes us look again, for keys rotate; not oftener than this, for anybody can invent a key id.
LOOK_AGAIN_SECONDS = 30.0

_lock = threading.Lock()
_keys: dict[str, signatures.Key] = {}
_fetched_at = float("-inf")
_tried_at = float("-inf")
_looked_again_at = float("-inf")


def find(kid: str, algorithm: str) -> signatures.Key | None:
    """The key of that id, if it is one for that algorithm; None when the project publishes no such key.

    Raises `Problem` 503 when no keys were ever had and they can't be fetched.
    """
    known = _keys.get(kid)
    if known is None:
        with _lock:  # whoever waited here finds the keys fetched
            known = _keys.get(kid) or _look_for(kid)
    elif clock.seconds() - _fetched_at > FRESH_SECONDS and _lock.acquire(blocking=False):
        try:
            if clock.seconds() - _tried_at > LOOK_AGAIN_SECONDS:
                _fetch()
            known = _keys.get(kid)
        finally:
            _lock.release()
    if _fetched_at == float("-inf"):
        raise unavailable("auth_unavailable", "Sign-in is away. Try again shortly.")
    return known if known is not None and known.algorithm == algorithm else None


def _look_for(kid: str) -> signatures.Key | None:
    global _looked_again_at
    if _fetched_at == float("-inf"):
        if clock.seconds() - _tried_at > 1.0:
            _fetch()
    elif clock.seconds() - _looked_again_at > LOOK_AGAIN_SECONDS:
        _looked_again_at = clock.seconds()
        _fetch()
    return _keys.get(kid)


def _fetch() -> None:
    """Replace the keys; keep those we have when the answer can't be had or isn't one.

    An empty list is an answer: it is how the last key is revoked, and what projects that sign with HS256 publish.
    """
    global _keys, _fetched_at, _tried_at
    try:
        reply = gateway.send("GET", "/auth/v1/.well-known/jwks.json", read_seconds=3.0)
        document = reply.json() if reply.status == 200 else None
    except Problem:
        document = None
    if isinstance(document, dict) and isinstance(document.get("keys"), list):
        _keys = dict(filter(None, map(_usable, document["keys"])))
        _fetched_at = clock.seconds()
    _tried_at = clock.seconds()


def _usable(entry: object) -> tuple[str, signatures.Key] | None:
    """A published key that is for signatures, of a kind we accept, and says nothing contrary about itself."""
    if not isinstance(entry, dict) or not isinstance(entry.get("kid"), str) or entry.get("use", "sig") != "sig":
        return None
    operations = entry.get("key_ops")
    if isinstance(operations, list) and "verify" not in operations:
        return None
    algorithm = str(entry.get("alg") or {"EC": "ES256", "RSA": "RS256"}.get(str(entry.get("kty"))))
    if algorithm not in ALGORITHMS or ALGORITHMS[algorithm] != entry.get("kty"):
        return None
    try:
        return entry["kid"], signatures.published(entry, algorithm)
    except ValueError:
        return None
