"""Signatures: the same verdicts as OpenSSL's, on those that hold, nearly hold, or are made up to confuse."""

from __future__ import annotations

import hashlib
from functools import cache
from typing import Any

import hypothesis
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, encode_dss_signature
from hypothesis import strategies as st
from jwt import get_algorithm_by_name

from shared import p256, signatures
from shared.p256 import N, P
from shared.signatures import DIGEST_INFO, EllipticKey, Key, RsaKey
from tests.shared.signing import SigningKey, segment

MANY = hypothesis.settings(max_examples=50, deadline=None)  # of up to six signatures each
SHA256 = Prehashed(hashes.SHA256())
BELOW_N = st.integers(1, N - 1)
# Multiples of G near its ends, whose sums with u·G are the exceptions of other formulas, and any others.
PRIVATE = st.sampled_from([1, 2, 3, 4, N - 1, N - 2, N - 3, (N + 1) // 2]) | BELOW_N
# What is out of range, at its edges, or could be taken modulo n or p.
NUMBERS = st.sampled_from([0, 1, 2, N - 1, N, N + 1, P - 1, P, P - N, 2**256 - 1]) | st.integers(0, 2**256 - 1)


def is_so(key: Key, signature: bytes, digest: bytes) -> bool:
    """Our verdict."""
    return len(signature) == key.signature_bytes and key.holds(signature, digest)


@cache
def elliptic(private: int) -> ec.EllipticCurvePublicKey:
    return ec.derive_private_key(private, ec.SECP256R1()).public_key()


def openssl_says(x: int, y: int, r: int, s: int, digest: int) -> bool:
    key = ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
    try:
        key.verify(encode_dss_signature(r, s), digest.to_bytes(32, "big"), ec.ECDSA(SHA256))
    except InvalidSignature:
        return False
    return True


def same(x: int, y: int, r: int, s: int, digest: int) -> bool:
    """The verdict, which must be OpenSSL's."""
    signature = r.to_bytes(32, "big") + s.to_bytes(32, "big")
    found = is_so(EllipticKey(x, y), signature, digest.to_bytes(32, "big"))
    assert found == openssl_says(x, y, r, s, digest)
    return found


def times(scalar: int, point: p256.Point = p256.G) -> p256.Point:
    """scalar·point, by another way than the one under test."""
    total = p256.INFINITY
    for bit in f"{scalar:b}":
        total = p256.add(total, total)
        total = p256.add(total, point) if bit == "1" else total
    return total


def affine(point: p256.Point) -> tuple[int, int]:
    x, y, z = point
    return x * pow(z, -1, P) % P, y * pow(z, -1, P) % P


class TestES256:
    @MANY
    @hypothesis.given(private=PRIVATE, nonce=PRIVATE, digest=NUMBERS, change=st.integers(0, 2**256 - 1))
    def test_what_was_signed_holds_and_nothing_else(self, private: int, nonce: int, digest: int, change: int) -> None:
        numbers = elliptic(private).public_numbers()
        r = elliptic(nonce).public_numbers().x % N
        s = pow(nonce, -1, N) * (digest + r * private) % N
        hypothesis.assume(s)
        assert same(numbers.x, numbers.y, r, s, digest)
        assert same(numbers.x, numbers.y, r, N - s, digest)  # as everywhere: who signs may choose
        same(numbers.x, numbers.y, r, s, change)
        same(numbers.x, numbers.y, r, change, digest)
        same(numbers.x, numbers.y, change, s, digest)
        same(numbers.x, P - numbers.y, r, s, digest)

    @MANY
    @hypothesis.given(private=PRIVATE, r=NUMBERS, s=NUMBERS, digest=NUMBERS)
    def test_any_numbers_are_judged_alike(self, private: int, r: int, s: int, digest: int) -> None:
        numbers = elliptic(private).public_numbers()
        same(numbers.x, numbers.y, r, s, digest)

    @MANY
    @hypothesis.given(private=PRIVATE, nonce=PRIVATE, sign=st.sampled_from([1, -1]))
    def test_adding_a_point_to_itself_or_to_its_opposite(self, private: int, nonce: int, sign: int) -> None:
        """u1·G = ±u2·Q: where the usual formulas divide by zero."""
        numbers = elliptic(private).public_numbers()
        r = elliptic(nonce).public_numbers().x % N
        digest = sign * r * private % N
        s = pow(nonce, -1, N) * (digest + r * private) % N
        assert same(numbers.x, numbers.y, r, s or 1, digest) == (sign == 1)

    @pytest.mark.parametrize("nonce", [5, 6, N - 7])
    def test_an_x_beyond_n_counts_modulo_n(self, nonce: int) -> None:
        x = next(x for x in range(N + 1, P) if pow(x**3 - 3 * x + p256.B, (P - 1) // 2, P) == 1)
        y = pow(x**3 - 3 * x + p256.B, (P + 1) // 4, P)
        r, u1, u2 = x - N, nonce, 12345  # the key for which u1·G + u2·Q is that point
        q = affine(times(pow(u2, -1, N), p256.add((x, y, 1), times(N - u1))))
        s = r * pow(u2, -1, N) % N
        assert same(*q, r, s, u1 * s % N)
        assert not same(*q, x, s, u1 * s % N)

    @MANY
    @hypothesis.given(x=NUMBERS, y=NUMBERS, private=PRIVATE)
    def test_points_are_on_the_curve_or_refused(self, x: int, y: int, private: int) -> None:
        numbers = elliptic(private).public_numbers()
        for point in ((x, y), (numbers.x, y), (numbers.x, numbers.y), (numbers.x, P - numbers.y)):
            entry = {"crv": "P-256", "x": segment(point[0].to_bytes(32)), "y": segment(point[1].to_bytes(32))}
            try:
                expected = ec.EllipticCurvePublicNumbers(*point, ec.SECP256R1()).public_key().public_numbers()
            except ValueError:
                with pytest.raises(ValueError, match="not a point"):
                    signatures.published(entry, "ES256")
            else:
                assert signatures.published(entry, "ES256") == EllipticKey(expected.x, expected.y)

    @pytest.mark.parametrize("length", [0, 1, 32, 63, 65, 70, 72, 128])
    def test_of_another_length_are_refused(self, es256: SigningKey, length: int) -> None:
        key = signatures.published(es256.published(), "ES256")
        with pytest.raises(ValueError, match="another length"):
            signatures.verify(key, b"x", bytes(length))


@cache
def rsa_key(exponent: int, bits: int) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(exponent, bits)


def encoded(digest: bytes, length: int) -> list[bytes]:
    """The right encoded message, and wrong ones such as forgers have used."""
    info = DIGEST_INFO + digest
    without_null = bytes.fromhex("302f300b0609608648016503040201") + b"\x04\x20" + digest
    sha512 = DIGEST_INFO.replace(b"\x02\x01\x05", b"\x02\x03\x05") + digest
    filled = [
        b"\x00\x01" + b"\xff" * (length - 3 - len(tail)) + b"\x00" + tail for tail in (info, without_null, sha512)
    ]
    garbage = b"\x5a" * (length - 11 - len(info))
    return [
        *filled,
        b"\x00\x01" + b"\xff" * 8 + b"\x00" + info + garbage,
        b"\x00\x01" + b"\xff" * 8 + b"\x00" + garbage + info,
        b"\x00\x02" + filled[0][2:],
        b"\x00\x01" + b"\xff" * (length - 4 - len(info)) + b"\xfe\x00" + info,
        b"\x00\x01" + b"\xff" * (length - 2 - len(digest)) + digest,
        b"\x00" * (length - len(info)) + info,
    ]


class TestRS256:
    @pytest.mark.parametrize(("exponent", "bits"), [(65537, 2048), (3, 2048), (65537, 2056)])
    @hypothesis.settings(max_examples=3, deadline=None)  # of twenty signatures each, and Python signs slowly
    @hypothesis.given(digest=st.binary(min_size=32, max_size=32), bit=st.integers(0, 2047))
    def test_the_same_verdict_on_all_encodings(self, exponent: int, bits: int, digest: bytes, bit: int) -> None:
        private = rsa_key(exponent, bits)
        numbers = private.private_numbers()
        n, length = numbers.public_numbers.n, bits // 8
        key = RsaKey(n, exponent)
        made = [pow(int.from_bytes(em, "big") % n, numbers.d, n) for em in encoded(digest, length)]
        others = [made[0] ^ (1 << bit), n - made[0], 0, 1, n - 1, n, 2 ** (8 * length) - 1]
        if made[0] + n < 2 ** (8 * length):
            others.append(made[0] + n)
        verdicts = []
        for number in [*made, *others]:
            signature = number.to_bytes(length, "big")
            verdicts.append(is_so(key, signature, digest))
            assert verdicts[-1] == self.openssl_says(private, signature, digest)
        assert verdicts == [True] + [False] * (len(verdicts) - 1)
        signature = made[0].to_bytes(length, "big")
        for other in (b"\x00" + signature, signature + b"\x00", signature[:-1], signature[1:], b""):
            assert not is_so(key, other, digest)
            assert not self.openssl_says(private, other, digest)

    @staticmethod
    def openssl_says(private: rsa.RSAPrivateKey, signature: bytes, digest: bytes) -> bool:
        try:
            private.public_key().verify(signature, digest, padding.PKCS1v15(), SHA256)
        except InvalidSignature:
            return False
        return True

    @pytest.mark.parametrize(
        "changes",
        [
            {"n": segment((2**2047 - 1).to_bytes(256))},  # a bit short
            {"n": segment((2**4097 - 1).to_bytes(513))},
            {"n": segment((2**2048 - 2).to_bytes(256))},
            {"n": segment(b"")},
            {"n": None},
            {"n": 7},
            {"e": segment(b"")},
            {"e": segment(b"\x01")},
            {"e": segment(b"\x01\x00\x00")},
            {"e": segment((2**32 + 1).to_bytes(5))},
            {"e": segment(b"\xff" * 256)},
            {"e": "AQAB="},
            {"e": "AQ+B"},
            {"e": None},
        ],
        ids=lambda changes: ", ".join(f"{name}={str(value)[:8]}" for name, value in changes.items()),
    )
    def test_keys_that_are_not_sound_or_cost_too_much_are_refused(
        self, rs256: SigningKey, changes: dict[str, Any]
    ) -> None:
        with pytest.raises(ValueError, match=r"not|no [en]"):
            signatures.published(rs256.published() | changes, "RS256")

    def test_modulus_of_a_length_that_is_no_whole_bytes(self) -> None:
        private = rsa_key(65537, 2050)
        key = RsaKey(private.private_numbers().public_numbers.n, 65537)
        signature = private.sign(b"x", padding.PKCS1v15(), hashes.SHA256())
        assert is_so(key, signature, hashlib.sha256(b"x").digest())


class TestRemembering:
    @pytest.fixture(autouse=True)
    def anew(self) -> None:
        signatures._verify.cache_clear()

    def test_what_holds_is_worked_out_once(self, es256: SigningKey) -> None:
        key = signatures.published(es256.published(), "ES256")
        signature = signed(es256, b"x")
        for _ in range(3):
            signatures.verify(key, b"x", signature)
        assert signatures._verify.cache_info()[:2] == (2, 1)

    def test_what_does_not_hold_is_not_kept_and_crowds_nothing_out(self, es256: SigningKey) -> None:
        key = signatures.published(es256.published(), "ES256")
        for number in range(1, 4):
            with pytest.raises(ValueError, match="not the key's"):
                signatures.verify(key, b"x", number.to_bytes(64))
        assert signatures._verify.cache_info().currsize == 0

    def test_one_key_s_signature_is_never_another_s(self, es256: SigningKey) -> None:
        key, other = (signatures.published(each.published(), "ES256") for each in (es256, SigningKey.es256()))
        signature = signed(es256, b"x")
        signatures.verify(key, b"x", signature)
        with pytest.raises(ValueError, match="not the key's"):
            signatures.verify(other, b"x", signature)


def signed(key: SigningKey, content: bytes) -> bytes:
    signature: bytes = get_algorithm_by_name("ES256").sign(content, key.private)
    return signature
