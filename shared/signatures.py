"""Signatures by published keys, verified only. Why not by a library: docs/decisions/0009-access-tokens.md.

Whether a signature holds depends on nothing but public numbers, so it is worked out once and remembered.
"""

from __future__ import annotations

import hashlib
import re
from binascii import a2b_base64
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

from shared import p256

MODULUS_BITS = range(2048, 4096 + 1)
MOST_EXPONENT = 2**32  # 65537 everywhere; a larger one would only cost more
# DER of a SHA-256 digest's DigestInfo, up to the digest (RFC 8017, section 9.2, note 1).
DIGEST_INFO = bytes.fromhex("3031300d060960864801650304020105000420")
MOST_REMEMBERED = 512  # of about a kilobyte each, at the most
BASE64URL = re.compile(r"[A-Za-z0-9_-]*")


class EllipticKey(NamedTuple):
    """A public key on P-256: a point."""

    x: int
    y: int

    @property
    def algorithm(self) -> str:
        """Its name in a token's header."""
        return "ES256"

    @property
    def signature_bytes(self) -> int:
        """r and s, side by side (RFC 7518, section 3.4)."""
        return 64

    def holds(self, signature: bytes, digest: bytes) -> bool:
        """Whether it signed the digest."""
        r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
        return p256.verifies(self.x, self.y, r, s, int.from_bytes(digest, "big"))


class RsaKey(NamedTuple):
    """A public RSA key."""

    modulus: int
    exponent: int

    @property
    def algorithm(self) -> str:
        """Its name in a token's header."""
        return "RS256"

    @property
    def signature_bytes(self) -> int:
        """As many as the modulus has."""
        return (self.modulus.bit_length() + 7) // 8

    def holds(self, signature: bytes, digest: bytes) -> bool:
        """Whether it signed the digest: PKCS #1 v1.5 by comparing all that must be there, parsing nothing."""
        number = int.from_bytes(signature, "big")
        if number >= self.modulus:
            return False
        padding = b"\xff" * (self.signature_bytes - 3 - len(DIGEST_INFO) - len(digest))
        expected = b"\x00\x01" + padding + b"\x00" + DIGEST_INFO + digest
        return pow(number, self.exponent, self.modulus) == int.from_bytes(expected, "big")


Key = EllipticKey | RsaKey


def verify(key: Key, signed: bytes, signature: bytes) -> None:
    """Raises `ValueError` where `signature` isn't one of `signed` by the key."""
    if len(signature) != key.signature_bytes:
        raise ValueError("a signature of another length")
    _verify(key, hashlib.sha256(signed).digest(), signature)


# Only what holds is remembered: an exception isn't, so that nobody crowds out the good ones with forgeries.
@lru_cache(maxsize=MOST_REMEMBERED, typed=True)
def _verify(key: Key, digest: bytes, signature: bytes) -> None:
    if not key.holds(signature, digest):
        raise ValueError("not the key's signature")


def published(entry: Mapping[str, object], algorithm: str) -> Key:
    """The key of a JWK (RFC 7518, section 6). Raises `ValueError` for one that isn't sound."""
    if algorithm == "ES256":
        x, y = _bytes(entry, "x"), _bytes(entry, "y")
        point = EllipticKey(int.from_bytes(x, "big"), int.from_bytes(y, "big"))
        if entry.get("crv") != "P-256" or len(x) != 32 or len(y) != 32 or not p256.on_curve(point.x, point.y):
            raise ValueError("not a point of P-256")
        return point
    key = RsaKey(int.from_bytes(_bytes(entry, "n"), "big"), int.from_bytes(_bytes(entry, "e"), "big"))
    if key.modulus.bit_length() not in MODULUS_BITS or not key.modulus & 1:
        raise ValueError("not a modulus of a good size")
    if not 3 <= key.exponent < MOST_EXPONENT or not key.exponent & 1:
        raise ValueError("not a good exponent")
    return key


def from_base64url(text: str) -> bytes:
    """RFC 7515's base64: its own alphabet, no padding. Raises `ValueError` for anything else."""
    if not BASE64URL.fullmatch(text):
        raise ValueError("not base64url")
    return a2b_base64(text.replace("-", "+").replace("_", "/") + "=" * (-len(text) % 4))


def _bytes(entry: Mapping[str, object], name: str) -> bytes:
    value = entry.get(name)
    if not isinstance(value, str):
        raise ValueError(f"no {name}")
    return from_base64url(value)
