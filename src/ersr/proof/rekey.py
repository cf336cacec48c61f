"""A new log: a new Ed25519 key under a new origin, when the old log can no longer be continued (docs/adr/0007-after-loss.md).

The old public key stays in keys.json, so that what it signed can be checked for ever; its private key is written over, so
that nobody can sign for the old log again.
"""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

from ersr.proof import strict
from ersr.proof.keys import KEY_YEARS, CheckpointKey, KeySet, check_origin, thumbprint


def next_origin(origin: str, now: datetime) -> str:
    """`srw.example/log` -> `srw.example/log/from-20261124T140500Z`; a second loss replaces the ending."""
    return f"{origin.partition('/from-')[0]}/from-{now.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def new_log(folder: Path, origin: str, *, now: datetime) -> tuple[CheckpointKey, CheckpointKey]:
    """(the log that ends, the log that begins). Can be run again after a crash at any point: it then finishes what it began."""
    check_origin(origin)
    public = KeySet.parse((folder / "keys.json").read_bytes())
    current, following = folder / "checkpoint.pem", folder / "checkpoint-next.pem"
    # A crash after keys.json was written and before the rename: the key to go on with is known there already.
    begun = next((k for k in public.checkpoint if following.exists() and k.public == _public(following)), None)
    if begun is None:
        key = ed25519.Ed25519PrivateKey.generate()
        _write(following, key.private_bytes(*_FORM), mode=0o600)
        begin = now.astimezone(UTC).replace(microsecond=0)
        raw = key.public_key().public_bytes_raw()
        kid = thumbprint({"kty": "OKP", "crv": "Ed25519", "x": strict.b64url(raw)})
        begun = CheckpointKey(kid, raw, origin, begin, begin + timedelta(days=365 * KEY_YEARS))
        ended = next(k for k in public.checkpoint if k.public == _public(current))
        if ended.valid_from < begin < ended.valid_until:
            public = replace(
                public, checkpoint=tuple(replace(k, valid_until=begin) if k is ended else k for k in public.checkpoint)
            )
        public = replace(public, checkpoint=(begun, *public.checkpoint))
        _write(folder / "keys.json", public.to_json(), mode=0o644)
    ended = next(k for k in public.checkpoint if k.public == _public(current))
    os.replace(following, current)
    return ended, begun


_FORM = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def _public(file: Path) -> bytes:
    key = serialization.load_pem_private_key(file.read_bytes(), None)
    assert isinstance(key, ed25519.Ed25519PrivateKey)
    return key.public_key().public_bytes_raw()


def _write(path: Path, data: bytes, *, mode: int) -> None:
    """Whole or not at all."""
    temporary = path.with_name(f"{path.name}.new")
    temporary.unlink(missing_ok=True)
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as out:
        out.write(data)
        out.flush()
        os.fsync(out.fileno())
    os.replace(temporary, path)
