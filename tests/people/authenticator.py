"""An authenticator in software: makes passkeys and answers, rightly or wrongly as the test asks. Written against WebAuthn's own
text and not against our code, which it does not import."""

from __future__ import annotations

import hashlib
import json
import secrets
import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from fido2 import cbor

PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40


def b64(raw: bytes) -> str:
    return urlsafe_b64encode(raw).decode().rstrip("=")


def unb64(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


@dataclass
class Authenticator:
    origin: str
    rp: str
    counter: int = 0
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    credential: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    handle: bytes = b""

    def _client(self, kind: str, challenge: str, origin: str | None) -> bytes:
        return json.dumps({"type": kind, "challenge": challenge, "origin": origin or self.origin}).encode()

    def _head(self, flags: int, counter: int, rp: str | None) -> bytes:
        return hashlib.sha256((rp or self.rp).encode()).digest() + bytes([flags]) + struct.pack(">I", counter)

    def make(self, options: dict[str, Any], *, flags: int = PRESENT | VERIFIED, origin: str | None = None, rp: str | None = None) -> str:
        """What navigator.credentials.create gives, for these options."""
        asked = options["publicKey"]
        self.handle = unb64(asked["user"]["id"])
        numbers = self.key.public_key().public_numbers()
        cose = cbor.encode({1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32, "big"), -3: numbers.y.to_bytes(32, "big")})
        data = self._head(flags | ATTESTED, self.counter, rp) + bytes(16) + struct.pack(">H", len(self.credential)) + self.credential + cose
        return json.dumps({
            "id": b64(self.credential), "rawId": b64(self.credential), "type": "public-key",
            "response": {
                "clientDataJSON": b64(self._client("webauthn.create", asked["challenge"], origin)),
                "attestationObject": b64(cbor.encode({"fmt": "none", "attStmt": {}, "authData": data})),
            },
        })  # fmt: skip

    def answer(
        self, options: dict[str, Any], *, flags: int = PRESENT | VERIFIED, origin: str | None = None, rp: str | None = None,
        counter: int | None = None, kind: str = "webauthn.get", handle: bytes | None = None, key: Any = None,
    ) -> str:  # fmt: skip
        """What navigator.credentials.get gives; the counter goes up unless it is given."""
        if counter is None:
            self.counter += 1
            counter = self.counter
        client = self._client(kind, options["publicKey"]["challenge"], origin)
        data = self._head(flags, counter, rp)
        signature = (key or self.key).sign(data + hashlib.sha256(client).digest(), ec.ECDSA(SHA256()))
        return json.dumps({
            "id": b64(self.credential), "rawId": b64(self.credential), "type": "public-key",
            "response": {
                "clientDataJSON": b64(client), "authenticatorData": b64(data), "signature": b64(signature),
                "userHandle": b64(self.handle if handle is None else handle),
            },
        })  # fmt: skip
