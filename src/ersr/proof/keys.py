"""The authority's keys: one certified P-256 key that signs letters and tokens, one Ed25519 key that signs checkpoints.

Trust: a thief of `signing.pem` can sign waivers in the authority's name; one of `checkpoint.pem` can show different
trees to different people; one of `root.pem` can make certificates for other signing keys, so it belongs off the machine
once the installation stands. `keys.json` holds public keys only and is published, in a second place as well.
"""

from __future__ import annotations

import hashlib
import os
import stat
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal, Protocol, Self

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.x509.oid import NameOID

from ersr.core.terms import rfc3339
from ersr.proof import strict
from ersr.proof.certificates import DEVELOPMENT, certificate, name_of
from ersr.proof.hardware import HardwareKey, Place
from ersr.proof.strict import unfit

#: Order of P-256. A signature (r, s) and its twin (r, n - s) both verify, so only the one with the smaller s is ours.
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
ROOT_YEARS, KEY_YEARS = 10, 3


class Signer(Protocol):
    """Who signs letters and tokens. `chain` begins with the signing certificate and ends with the root."""

    backend: Literal["file", "pkcs11"]
    kid: str
    chain: tuple[x509.Certificate, ...]

    def sign(self, message: bytes) -> bytes:
        """ECDSA P-256 over SHA-256(message): r || s, 64 bytes, with the smaller s. Refuses "key_absent"."""
        ...


class CheckpointSigner(Protocol):
    kid: str
    log_origin: str
    public: bytes

    def sign(self, message: bytes) -> bytes:
        """Ed25519, 64 bytes."""
        ...


@dataclass(frozen=True)
class KeySigner:
    """With a key from a file or a HardwareKey: both are what `cryptography` calls a private key."""

    key: ec.EllipticCurvePrivateKey
    kid: str
    chain: tuple[x509.Certificate, ...]

    @property
    def backend(self) -> Literal["file", "pkcs11"]:
        return "pkcs11" if isinstance(self.key, HardwareKey) else "file"

    def sign(self, message: bytes) -> bytes:
        r, s = decode_dss_signature(self.key.sign(message, ec.ECDSA(hashes.SHA256(), deterministic_signing=True)))
        return r.to_bytes(32, "big") + min(s, P256_ORDER - s).to_bytes(32, "big")


@dataclass(frozen=True)
class FileCheckpointSigner:
    key: ed25519.Ed25519PrivateKey
    kid: str
    log_origin: str
    public: bytes

    def sign(self, message: bytes) -> bytes:
        return self.key.sign(message)


@dataclass(frozen=True)
class SigningKey:
    """A public ES256 key that is trusted between two moments (UTC)."""

    kid: str
    chain: tuple[x509.Certificate, ...]
    valid_from: datetime
    valid_until: datetime

    @property
    def certificate(self) -> x509.Certificate:
        return self.chain[0]

    @property
    def authority(self) -> str:
        """Whom the certificate names."""
        return str(self.certificate.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)[0].value)

    @property
    def development(self) -> bool:
        """Made by `generate(..., development=True)`: production refuses such a key at start-up."""
        return any(part.value == DEVELOPMENT for part in self.certificate.subject)

    def verifies(self, message: bytes, signature: bytes) -> bool:
        """True only for r || s in 64 bytes with the smaller s."""
        r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
        if len(signature) != 64 or not 0 < r < P256_ORDER or not 0 < s <= P256_ORDER // 2:
            return False
        try:
            _p256(self.certificate).verify(encode_dss_signature(r, s), message, ec.ECDSA(hashes.SHA256()))
        except InvalidSignature:
            return False
        return True

    def to_jwk(self) -> dict[str, Any]:
        return {
            **_ec_jwk(_p256(self.certificate)),
            "alg": "ES256",
            "use": "sig",
            "kid": self.kid,
            "x5c": [strict.b64(c.public_bytes(serialization.Encoding.DER)) for c in self.chain],
            "valid_from": rfc3339(self.valid_from),
            "valid_until": rfc3339(self.valid_until),
        }


@dataclass(frozen=True)
class CheckpointKey:
    """A public Ed25519 key of one log; `log_origin` is the first line of its checkpoints."""

    kid: str
    public: bytes
    log_origin: str
    valid_from: datetime
    valid_until: datetime

    def verifies(self, message: bytes, signature: bytes) -> bool:
        try:
            ed25519.Ed25519PublicKey.from_public_bytes(self.public).verify(signature, message)
        except InvalidSignature:
            return False
        return True

    def to_jwk(self) -> dict[str, Any]:
        return {
            **_okp_jwk(self.public),
            "alg": "EdDSA",
            "use": "sig",
            "kid": self.kid,
            "log_origin": self.log_origin,
            "valid_from": rfc3339(self.valid_from),
            "valid_until": rfc3339(self.valid_until),
        }


@dataclass(frozen=True)
class KeySet:
    """keys.json: a JWK Set (RFC 7517) in RFC 8785 form; at least one key of each kind, every kid once."""

    signing: tuple[SigningKey, ...]
    checkpoint: tuple[CheckpointKey, ...]

    @property
    def all(self) -> tuple[SigningKey | CheckpointKey, ...]:
        return (*self.signing, *self.checkpoint)

    def to_json(self) -> bytes:
        return strict.canonical({"keys": [key.to_jwk() for key in self.all]})

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Refuses ("unfit") whatever is not exactly what `to_json` writes, a broken chain, and a wrong kid."""
        raw = strict.members(strict.uncanonical(data, "keys.json"), "keys.json", {"keys"})["keys"]
        if not isinstance(raw, list) or not all(isinstance(key, dict) for key in raw):
            raise unfit("keys.json must hold a list of keys.")
        signing = tuple(_parse_signing(key) for key in raw if key.get("kty") == "EC")
        checkpoint = tuple(_parse_checkpoint(key) for key in raw if key.get("kty") == "OKP")
        found = cls(signing, checkpoint)
        if not signing or not checkpoint or len({key.kid for key in found.all}) != len(raw):
            raise unfit("keys.json must hold P-256 keys, then Ed25519 keys, at least one of each, and each once.")
        if found.to_json() != data:
            raise unfit("keys.json is not what it would be if it were written again: it was changed.")
        return found

    def signing_key(self, kid: str) -> SigningKey | None:
        return next((key for key in self.signing if key.kid == kid), None)


@dataclass(frozen=True)
class Keys:
    """What an installation signs with, and the public half that it publishes."""

    signer: KeySigner
    checkpoint_signer: FileCheckpointSigner
    public: KeySet

    def key_set(self) -> KeySet:
        return self.public

    @property
    def development(self) -> bool:
        return any(key.development for key in self.public.signing)


def generate(
    folder: Path, authority_name: str, log_origin: str, *, now: datetime, development: bool, place: Place | None = None
) -> Keys:
    """New keys in `folder` (made if missing): signing.pem, checkpoint.pem, root.pem (0600), chain.pem, keys.json.

    With a place the signing key is made in that token and signing.pem is not. Valid for three years from `now` (the root for
    ten). Refuses to write over keys that are there.
    """
    check_origin(log_origin)
    if not 1 <= len(authority_name) <= 64:
        raise unfit("The authority's name must have 1 to 64 characters to stand in a certificate.")
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if any((folder / name).exists() for name in ("signing.pem", "checkpoint.pem", "root.pem", "keys.json")):
        raise unfit(f"{folder} holds keys already; new keys need a new folder.")
    start = now.astimezone(UTC).replace(microsecond=0)
    end = start + timedelta(days=365 * KEY_YEARS)
    root_key, log_key = ec.generate_private_key(ec.SECP256R1()), ed25519.Ed25519PrivateKey.generate()
    key = HardwareKey.generate(place) if place else ec.generate_private_key(ec.SECP256R1())
    root_name = name_of(authority_name, "Root of the waiver signing keys", development)
    root_end = start + timedelta(days=365 * ROOT_YEARS)
    root = certificate(root_name, root_name, root_key.public_key(), root_key, start, root_end, authority=True)
    name = name_of(authority_name, "Waiver signing key", development)
    leaf = certificate(name, root_name, key.public_key(), root_key, start, end, authority=False)
    log_public = log_key.public_key().public_bytes_raw()
    public = KeySet(
        (SigningKey(thumbprint(_ec_jwk(key.public_key())), (leaf, root), start, end),),
        (CheckpointKey(thumbprint(_okp_jwk(log_public)), log_public, log_origin, start, end),),
    )
    files = {"signing.pem": key, "checkpoint.pem": log_key, "root.pem": root_key}
    for file, private in files.items():
        if isinstance(private, HardwareKey):
            continue
        pem = private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        with os.fdopen(os.open(folder / file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
            out.write(pem)
    write_public(folder, public)
    return load(folder, place)


def write_public(folder: Path, public: KeySet) -> None:
    """chain.pem of the first signing key, and keys.json, which is what others get."""
    chain = public.signing[0].chain
    (folder / "chain.pem").write_bytes(b"".join(c.public_bytes(serialization.Encoding.PEM) for c in chain))
    (folder / "keys.json").write_bytes(public.to_json())


def load(folder: Path, place: Place | None = None) -> Keys:
    """The keys of `folder`, the signing key from a token if there is a place. No token is asked before the first signature.

    Refuses ("unfit") private keys that others can read and keys that keys.json does not name.
    """
    if place and (folder / "signing.pem").exists():
        raise unfit(
            f"{folder / 'signing.pem'} lies there although the signing key is in a token: take it off the machine."
        )
    for name in ("checkpoint.pem",) if place else ("signing.pem", "checkpoint.pem"):
        file = folder / name
        if not file.exists():
            raise unfit(f"{file} is missing: make keys first.")
        if stat.S_IMODE(file.stat().st_mode) & 0o077:
            raise unfit(f"{file} can be read by others; set its mode to 0600.")
    public = KeySet.parse((folder / "keys.json").read_bytes())
    log_key = serialization.load_pem_private_key((folder / "checkpoint.pem").read_bytes(), None)
    if place:
        named = x509.load_pem_x509_certificates((folder / "chain.pem").read_bytes())[0]
        key: Any = HardwareKey(place, _p256(named))
    else:
        key = serialization.load_pem_private_key((folder / "signing.pem").read_bytes(), None)
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(log_key, ed25519.Ed25519PrivateKey):
        raise unfit(f"{folder} must hold a P-256 signing key and an Ed25519 checkpoint key.")
    log_public = log_key.public_key().public_bytes_raw()
    mine = public.signing_key(thumbprint(_ec_jwk(key.public_key())))
    log = next((k for k in public.checkpoint if k.public == log_public), None)
    if mine is None or log is None:
        raise unfit(f"{folder / 'keys.json'} does not name the private keys beside it.")
    return Keys(
        KeySigner(key, mine.kid, mine.chain),
        FileCheckpointSigner(log_key, log.kid, log.log_origin, log_public),
        public,
    )


def certify(folder: Path, chain_pem: bytes, place: Place | None) -> None:
    """Replaces the certificates of the signing key by an authority's; keys.json changes, the kid does not.

    Refuses ("unfit") certificates of another key, a broken chain, and subjects without an organisation.
    """
    now = load(folder, place)
    try:
        chain = tuple(x509.load_pem_x509_certificates(chain_pem))
    except ValueError:
        raise unfit("The file holds no certificates in PEM.") from None
    old = now.public.signing_key(now.signer.kid)
    if old is None or thumbprint(_ec_jwk(_p256(chain[0]))) != old.kid:
        raise unfit("The first certificate is not that of the installed signing key.")
    begin, end = max(old.valid_from, chain[0].not_valid_before_utc), chain[0].not_valid_after_utc
    others = tuple(key for key in now.public.signing if key.kid != old.kid)
    changed = KeySet((SigningKey(old.kid, chain, begin, end), *others), now.public.checkpoint)
    write_public(folder, KeySet.parse(changed.to_json()))  # parsed: what we would not believe is never written


def thumbprint(jwk: dict[str, Any]) -> str:
    """RFC 7638 with SHA-256, base64url, of the required members only."""
    needed = {"EC": ("crv", "kty", "x", "y"), "OKP": ("crv", "kty", "x")}[jwk["kty"]]
    return strict.b64url(hashlib.sha256(strict.canonical({name: jwk[name] for name in needed})).digest())


def check_origin(origin: str) -> None:
    """C2SP signed-note: a key name has no space, no plus and no control character."""
    if not origin or "+" in origin or any(c.isspace() or ord(c) < 0x20 for c in origin):
        raise unfit(f"{origin!r} cannot be a log origin: it must be one word without '+', such as log.example/2026.")


def _p256(certificate: x509.Certificate) -> ec.EllipticCurvePublicKey:
    key = certificate.public_key()
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise unfit("The certificate of a signing key is not for a P-256 key.")
    return key


def _ec_jwk(key: ec.EllipticCurvePublicKey) -> dict[str, Any]:
    point = key.public_numbers()
    x, y = (strict.b64url(n.to_bytes(32, "big")) for n in (point.x, point.y))
    return {"kty": "EC", "crv": "P-256", "x": x, "y": y}


def _okp_jwk(public: bytes) -> dict[str, Any]:
    return {"kty": "OKP", "crv": "Ed25519", "x": strict.b64url(public)}


_VALIDITY = {"valid_from", "valid_until"}


def _validity(raw: dict[str, Any]) -> tuple[datetime, datetime]:
    start = strict.moment_of(raw["valid_from"], "valid_from in keys.json")
    end = strict.moment_of(raw["valid_until"], "valid_until in keys.json")
    if start >= end:
        raise unfit("A key in keys.json ends before it begins.")
    return start, end


def _parse_signing(raw: dict[str, Any]) -> SigningKey:
    strict.members(raw, "A P-256 key", {"kty", "crv", "x", "y", "alg", "use", "kid", "x5c"} | _VALIDITY)
    if not isinstance(raw["x5c"], list) or not raw["x5c"]:
        raise unfit("x5c in keys.json must be a list of certificates.")
    chain = []
    for text in raw["x5c"]:
        der = strict.unb64(strict.text_of(text, "x5c"), "x5c")
        try:
            certificate = x509.load_der_x509_certificate(der)
            names_somebody = bool(certificate.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME))
        except ValueError as error:
            raise unfit("x5c in keys.json holds something that is not a certificate.") from error
        if certificate.public_bytes(serialization.Encoding.DER) != der or not names_somebody:
            raise unfit("A certificate in keys.json is not in DER or names no organisation.")
        chain.append(certificate)
    try:
        for certificate, issuer in zip(chain, [*chain[1:], chain[-1]], strict=True):
            certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature) as error:
        raise unfit("The certificates in keys.json are not a chain from the key to its root.") from error
    start, end = _validity(raw)
    if start < chain[0].not_valid_before_utc or end > chain[0].not_valid_after_utc:
        raise unfit("A key in keys.json is said to be valid outside its certificate.")
    if thumbprint(_ec_jwk(_p256(chain[0]))) != raw["kid"]:
        raise unfit("A kid in keys.json is not the RFC 7638 thumbprint of its certificate's key.")
    return SigningKey(raw["kid"], tuple(chain), start, end)


def _parse_checkpoint(raw: dict[str, Any]) -> CheckpointKey:
    strict.members(raw, "An Ed25519 key", {"kty", "crv", "x", "alg", "use", "kid", "log_origin"} | _VALIDITY)
    public = strict.unb64url(strict.text_of(raw["x"], "x"), "x in keys.json", length=32)
    check_origin(strict.text_of(raw["log_origin"], "log_origin"))
    start, end = _validity(raw)
    if thumbprint(_okp_jwk(public)) != raw["kid"]:
        raise unfit("A kid in keys.json is not the RFC 7638 thumbprint of its key.")
    return CheckpointKey(raw["kid"], public, raw["log_origin"], start, end)
