"""That a name is on a list, proved to somebody who does not have the list, and tells nothing of the others on it.

The list has a tree of its own (tiles.py) under a checkpoint of its own. Names that an algorithm makes can be guessed, so each record
has a salt that only the secret gives; a proof shows the salt of its one record. Trust: whoever has list-key.json and the list
can prove each name of it, and try names against any proof. It goes to the list's holder and lies beside no list.
"""

from __future__ import annotations

import hmac
import os
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Self

from ersr.core.coverage import Listing
from ersr.core.errors import Refusal
from ersr.core.tongue import said
from ersr.proof import strict, tlog
from ersr.proof.keys import CheckpointSigner
from ersr.proof.note import SignedCheckpoint, sign_checkpoint
from ersr.proof.receipt import Proof
from ersr.proof.strict import unfit
from ersr.proof.tiles import Lines, Tiles

SECRET = 32


def salt(secret: bytes, record: bytes) -> bytes:
    """HMAC-SHA-256: whoever sees the salts of some records learns nothing of another's."""
    return hmac.digest(secret, record, "sha256")


@dataclass(frozen=True)
class Claim:
    """What a proof is held against: that `record` (`name`, or `name,from,until`) is on the list of this waiver (letter or token)."""

    record: str
    waiver: bytes

    @property
    def tld(self) -> str:
        return self.record.partition(",")[0].rpartition(".")[2]

    @property
    def listing(self) -> Listing:
        _, *window = self.record.split(",")
        begins, ends = (datetime.fromisoformat(text) if text else None for text in window or ("", ""))
        return Listing(True, ((begins, ends),) if window else ())


@dataclass(frozen=True)
class ListKey:
    """list-key.json: RFC 8785 JSON {checkpoint, secret}, the secret in base64."""

    secret: bytes
    checkpoint: SignedCheckpoint

    def to_json(self) -> bytes:
        return strict.canonical({"checkpoint": self.checkpoint.text, "secret": strict.b64(self.secret)})

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Refuses ("unfit") whatever is not exactly what `to_json` writes."""
        raw = strict.members(strict.uncanonical(data, "The list key"), "A list key", {"checkpoint", "secret"})
        secret = strict.unb64(strict.text_of(raw["secret"], "secret"), "The list key's secret", length=SECRET)
        return cls(secret, SignedCheckpoint.parse(strict.text_of(raw["checkpoint"], "checkpoint")))

    def write(self, file: Path) -> None:
        """For the owner's eyes only (0600), in one piece or not at all."""
        _put(file, self.to_json())


def seal(
    lines: Lines, content_digest: str, secret: bytes, signer: CheckpointSigner, *, workers: int | None = None
) -> tuple[ListKey, Tiles]:
    """The key of a list and the tiles of its tree. `secret` is 32 bytes, drawn for this list alone."""
    if len(secret) != SECRET:
        raise ValueError(f"a list's secret has {SECRET} bytes, not {len(secret)}")
    tiles = Tiles.of(lines, secret, workers)
    note = sign_checkpoint(tiles.size, tiles.root, signer, content_digest=content_digest)
    return ListKey(secret, SignedCheckpoint.parse(note)), tiles


def prove(lines: Lines, rank: int, key: ListKey, tiles: Tiles) -> Proof:
    """The proof for the record at `rank`. Refuses ("unfit") when list, key and tiles do not belong together."""
    (record,) = lines.lines(rank, rank + 1)
    if lines.size != tiles.size or not _fits(tiles, key):
        raise _another_key()
    hashes = tlog.inclusion_proof(rank, tiles.size, tiles.node(lines, key.secret))
    proof = Proof(salt(key.secret, record), rank, hashes, key.checkpoint)
    if not proof.holds_for(record):  # a wrong proof must never leave the house
        raise _another_key()
    return proof


def tiles_beside(lines: Lines, key: ListKey, file: Path, *, workers: int | None = None) -> Tiles:
    """The tiles of the list's tree from `file`; if it is not there or not this tree's, the list is hashed and they are put there.

    Refuses ("unfit") a key of another list. A folder that takes no file costs time only: the list is hashed each time.
    """
    if lines.size != key.checkpoint.checkpoint.size:
        raise _another_key()
    with suppress(OSError, Refusal):
        found = Tiles.parse(file.read_bytes())
        if _fits(found, key):
            return found
    tiles = Tiles.of(lines, key.secret, workers)
    if not _fits(tiles, key):
        raise _another_key()
    with suppress(OSError):
        _put(file, tiles.to_bytes())
    return tiles


def _fits(tiles: Tiles, key: ListKey) -> bool:
    head = key.checkpoint.checkpoint
    return (tiles.size, tiles.root) == (head.size, head.root)


def _another_key() -> Refusal:
    return unfit(said("This list key is another list's: list and key do not belong together."))


def _put(file: Path, data: bytes) -> None:
    descriptor, made = tempfile.mkstemp(dir=file.absolute().parent, prefix=f".{file.name}.")
    try:
        with os.fdopen(descriptor, "wb") as out:
            out.write(data)
            out.flush()
            os.fsync(out.fileno())
        os.replace(made, file)
    except BaseException:
        os.unlink(made)
        raise
