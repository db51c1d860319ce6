"""Access tokens signed with real keys that are thrown away, and a Supabase that publishes them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from uuid import UUID, uuid4

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

PERSON = UUID("8c7b5f0e-1d3a-4c39-9a51-6f2f5a0c1b11")


@dataclass(frozen=True)
class SigningKey:
    """A key pair, as Supabase Auth holds one."""

    algorithm: str
    kid: str = field(default_factory=lambda: str(uuid4()))
    private: Any = None

    @classmethod
    def es256(cls, curve: ec.EllipticCurve | None = None) -> SigningKey:
        return cls("ES256", private=ec.generate_private_key(curve or ec.SECP256R1()))

    @classmethod
    def rs256(cls) -> SigningKey:
        return cls("RS256", private=rsa.generate_private_key(public_exponent=65537, key_size=2048))

    def published(self, **changes: object) -> dict[str, Any]:
        """The public half as the key set lists it; a change to None leaves the member out."""
        kind = ECAlgorithm if self.algorithm == "ES256" else RSAAlgorithm
        entry = json.loads(kind.to_jwk(self.private.public_key()))
        entry |= {"kid": self.kid, "alg": self.algorithm, "use": "sig", "key_ops": ["verify"], **changes}
        return {name: value for name, value in entry.items() if value is not None}

    def sign(self, claims: Mapping[str, object], **header: object) -> str:
        """A token; a header of None is left out."""
        headers = {"kid": self.kid, **header}
        return jwt.encode(
            dict(claims),
            self.private,
            algorithm=self.algorithm,
            headers={name: value for name, value in headers.items() if value is not None},
        )

    @property
    def pem(self) -> bytes:
        public: bytes = self.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        return public


def segment(content: object) -> str:
    """One of a token's three parts."""
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def forged(header: Mapping[str, object], claims: object, key: bytes = b"") -> str:
    """A token put together by hand, for what no library agrees to sign. HMAC with the key; without one no signature."""
    signed = f"{segment(dict(header))}.{segment(claims)}"
    signature = hmac.digest(key, signed.encode(), hashlib.sha256) if key else b""
    return f"{signed}.{segment(signature)}"


class AuthServer:
    """Supabase as far as access tokens go, on loopback: it publishes keys and notes who asks for what."""

    def __init__(self) -> None:
        self.keys: list[Any] = []
        self.answer: tuple[int, bytes] | None = None  # instead of the keys
        self.asked: list[str] = []
        self.was_asked = threading.Event()
        self.asked_again = threading.Event()
        self.may_answer = threading.Event()
        self.may_answer.set()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer._note(self.path)
                outer.may_answer.wait(10)
                status, body = outer.answer or (200, json.dumps({"keys": outer.keys}).encode())
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_POST = do_PUT = do_GET

            def log_message(self, format: str, *arguments: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def claims(self, **changes: object) -> dict[str, Any]:
        """What this Supabase says of `PERSON`; a change to None leaves the claim out."""
        now = int(time.time())
        claims = {
            "iss": f"{self.url}/auth/v1",
            "sub": str(PERSON),
            "aud": "authenticated",
            "role": "authenticated",
            "iat": now,
            "exp": now + 3600,
            "session_id": str(uuid4()),
            "is_anonymous": False,
            **changes,
        }
        return {name: value for name, value in claims.items() if value is not None}

    def go_away(self) -> None:
        """From now on nothing listens there."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.may_answer.set()
        self.go_away()

    def _note(self, path: str) -> None:
        self.asked.append(path)
        (self.asked_again if self.was_asked.is_set() else self.was_asked).set()
