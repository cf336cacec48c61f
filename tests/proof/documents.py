"""One signed document of each kind, made the way the service makes them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ersr.core.terms import Terms
from ersr.proof import letter, sdjwt, tlog
from ersr.proof.keys import Keys
from ersr.proof.note import sign_checkpoint
from ersr.proof.receipt import make_receipt

RECORD = b'{"at":"2026-11-14T11:12:00Z","kind":"request.submitted","reference":"SRW-2026-4821003-V"}'


@dataclass(frozen=True)
class Documents:
    letter: bytes
    token: bytes
    presentation: bytes
    receipt: bytes
    checkpoint: bytes

    def items(self) -> list[tuple[str, bytes]]:
        return list(vars(self).items())


def make(terms: Terms, keys: Keys, signed_at: datetime) -> Documents:
    token = sdjwt.issue(terms, issued_at=signed_at, issuer="https://srw.example", signer=keys.signer)
    leaves = [tlog.leaf_hash(bytes([n])) for n in range(37)]
    leaves[20] = tlog.leaf_hash(tlog.entry(bytes(32), RECORD))
    checkpoint = sign_checkpoint(len(leaves), tlog.root(leaves), keys.checkpoint_signer)
    proof = tlog.inclusion_proof(20, len(leaves), tlog.nodes_of(leaves))
    return Documents(
        letter.sign(letter.render(terms), token, keys.signer, now=signed_at),
        token.encode(),
        sdjwt.present(token, ["lines/0", "names", "tlp"]).encode(),
        make_receipt(RECORD, bytes(32), 20, proof, checkpoint),
        checkpoint.encode(),
    )
