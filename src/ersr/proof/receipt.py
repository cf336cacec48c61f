"""Receipts: the exact bytes of a record with the C2SP tlog-proof that the ledger holds them. One RFC 8785 JSON file.

The salt travels in the proof's extra line. It is no secret from the record's holder; it keeps a reader of the bare tree
from guessing records.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from ersr.core.tongue import said
from ersr.proof import strict, tlog
from ersr.proof.note import SignedCheckpoint
from ersr.proof.strict import unfit

_FORM = re.compile(
    r"c2sp\.org/tlog-proof@v1\nextra (?P<extra>[A-Za-z0-9+/=]+)\nindex (?P<index>0|[1-9][0-9]{0,18})\n"
    r"(?P<hashes>(?:[A-Za-z0-9+/]{43}=\n){0,64})\n(?P<checkpoint>.+)",
    re.DOTALL,
)


@dataclass(frozen=True)
class Proof:
    """That the entry SHA-256(salt || record) is leaf `index` of the checkpoint's tree."""

    salt: bytes
    index: int
    hashes: tuple[bytes, ...]
    checkpoint: SignedCheckpoint

    @property
    def text(self) -> str:
        lines = ["c2sp.org/tlog-proof@v1", f"extra {strict.b64(self.salt)}", f"index {self.index}"]
        return "\n".join([*lines, *map(strict.b64, self.hashes), "", self.checkpoint.text])

    @classmethod
    def parse(cls, text: str) -> Self:
        found = _FORM.fullmatch(text)
        if not found:
            raise unfit(said("This is not a tlog-proof with a salt, an index, hashes and a checkpoint."))
        made = cls(
            strict.unb64(found["extra"], "The proof's extra line", length=tlog.SALT),
            int(found["index"]),
            tuple(strict.unb64(line, "A hash of the proof", length=tlog.HASH) for line in found["hashes"].split()),
            SignedCheckpoint.parse(found["checkpoint"]),
        )
        if made.text != text:
            raise unfit(said("The proof is not what it would be if it were written again: it was changed."))
        return made

    def holds_for(self, record: bytes) -> bool:
        """Whether the record is in the checkpoint's tree; says nothing about who signed the checkpoint."""
        leaf = tlog.leaf_hash(tlog.entry(self.salt, record))
        head = self.checkpoint.checkpoint
        return tlog.verify_inclusion(leaf, self.index, head.size, self.hashes, head.root)


@dataclass(frozen=True)
class Receipt:
    record: bytes
    proof: Proof

    def to_json(self) -> bytes:
        return strict.canonical({"record": strict.b64(self.record), "proof": self.proof.text})

    @classmethod
    def parse(cls, data: bytes) -> Self:
        raw = strict.members(strict.uncanonical(data, "The receipt"), "A receipt", {"record", "proof"})
        record = strict.unb64(strict.text_of(raw["record"], "record"), "The receipt's record")
        return cls(record, Proof.parse(strict.text_of(raw["proof"], "proof")))


def make_receipt(record: bytes, salt: bytes, index: int, hashes: Sequence[bytes], checkpoint: str) -> bytes:
    """The receipt file. Raises ValueError when the proof does not hold: a wrong receipt must never leave the house."""
    made = Receipt(record, Proof(salt, index, tuple(hashes), SignedCheckpoint.parse(checkpoint)))
    if not made.proof.holds_for(record):
        raise ValueError(f"the proof does not show this record at leaf {index}")
    return made.to_json()
