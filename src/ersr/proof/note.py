"""Checkpoints: C2SP tlog-checkpoint inside a C2SP signed note, with exactly one signature, the log's.

Why exactly one: lines by unknown signers would have to be ignored, and a file with an ignored line is a changed file.
Witness cosignatures will be told apart by their own key type when they come.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Self

from ersr.core.tongue import said
from ersr.proof import strict
from ersr.proof.keys import CheckpointKey, CheckpointSigner, KeySet, check_origin
from ersr.proof.strict import unfit

_FORM = re.compile(
    r"(?P<origin>[^\n]+)\n(?P<size>0|[1-9][0-9]{0,18})\n(?P<root>[A-Za-z0-9+/]{43}=)\n"
    r"\n"
    r"— (?P<name>[^\n ]+) (?P<signature>[A-Za-z0-9+/=]+)\n"
)
#: What stands behind a log's origin in the origin of a list's tree.
_LIST = re.compile(r"/list/([0-9a-f]{64})\Z")


@dataclass(frozen=True)
class Checkpoint:
    """A tree head: origin of the log, number of leaves, RFC 6962 root (32 bytes)."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        return f"{self.origin}\n{self.size}\n{strict.b64(self.root)}\n"


@dataclass(frozen=True)
class SignedCheckpoint:
    checkpoint: Checkpoint
    key_id: bytes  # 4 bytes
    signature: bytes  # 64 bytes

    @property
    def text(self) -> str:
        return f"{self.checkpoint.text}\n— {self.checkpoint.origin} {strict.b64(self.key_id + self.signature)}\n"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Refuses ("unfit") whatever is not, letter for letter, what `text` writes."""
        found = _FORM.fullmatch(text)
        if not found or found["name"] != found["origin"]:
            raise unfit(said("This is not a checkpoint: origin, size, root, an empty line and the log's own signature."))
        check_origin(found["origin"])
        root = strict.unb64(found["root"], "The checkpoint's root", length=32)
        signed = strict.unb64(found["signature"], "The checkpoint's signature", length=4 + 64)
        made = cls(Checkpoint(found["origin"], int(found["size"]), root), signed[:4], signed[4:])
        if made.text != text:
            raise unfit(said("The checkpoint is not what it would be if it were written again: it was changed."))
        return made

    def signed_by(self, keys: KeySet) -> CheckpointKey | None:
        """The trusted key of this log that made the signature, or None; for a list's checkpoint, always None."""
        return self._signed_by(keys, "")

    def signed_for_list(self, keys: KeySet) -> tuple[CheckpointKey, str] | None:
        """The trusted key that made the signature, and the content digest of the list whose tree this is; or None."""
        found = _LIST.search(self.checkpoint.origin)
        key = self._signed_by(keys, found[0]) if found else None
        return (key, found[1]) if found and key else None

    def _signed_by(self, keys: KeySet, more: str) -> CheckpointKey | None:
        for key in keys.checkpoint:
            if (
                key.log_origin + more == self.checkpoint.origin
                and note_key_id(self.checkpoint.origin, key.public) == self.key_id
                and key.verifies(self.checkpoint.text.encode(), self.signature)
            ):
                return key
        return None


def note_key_id(name: str, public: bytes) -> bytes:
    """C2SP signed-note, Ed25519 (type 1)."""
    return hashlib.sha256(name.encode() + b"\n\x01" + public).digest()[:4]


def sign_checkpoint(size: int, root: bytes, signer: CheckpointSigner, *, content_digest: str | None = None) -> str:
    """The signed note for a tree of `size` leaves: the ledger's, or that of the list with this content digest (hex)."""
    origin = signer.log_origin if content_digest is None else f"{signer.log_origin}/list/{content_digest}"
    checkpoint = Checkpoint(origin, size, root)
    key_id = note_key_id(origin, signer.public)
    return SignedCheckpoint(checkpoint, key_id, signer.sign(checkpoint.text.encode())).text
