"""The offline verifier: what is this file, did a trusted key make it, what does it say, and what nobody can read from it.

Trust: only the key set that the caller gives; nothing that a document carries is believed before its signature holds. A file
that no trusted key signed is "forged", whatever the cause (changed, cut, another installation's, newer than the key set): it
must not be acted on, and the reason says what to look at. "cannot tell" is kept for what cannot be judged at all: no keys, or
a file that is none of our documents.
"""

from __future__ import annotations

import enum
import hashlib
import json
import re
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from ersr.core.errors import Refusal
from ersr.core.terms import Instrument, WaiverStatus, rfc3339
from ersr.proof import pdfread, sdjwt
from ersr.proof.keys import CheckpointKey, KeySet, SigningKey
from ersr.proof.note import SignedCheckpoint
from ersr.proof.receipt import Receipt
from ersr.proof.strict import unfit


class Outcome(enum.StrEnum):
    AUTHENTIC = "authentic"
    FORGED = "forged"
    CANNOT_TELL = "cannot tell"

    @property
    def exit_code(self) -> int:
        """0, 1, 3; 2 is wrong usage."""
        return {"authentic": 0, "forged": 1, "cannot tell": 3}[self.value]


class Kind(enum.StrEnum):
    LETTER = "letter"
    TOKEN = "token"
    RECEIPT = "receipt"
    CHECKPOINT = "checkpoint"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Verdict:
    """What was found. Everything below `why` is empty unless the outcome is "authentic" (or only the names were wrong)."""

    name: str
    at: datetime
    kind: Kind
    outcome: Outcome
    why: str = ""  # one or two sentences, when the outcome is not "authentic"
    reference: str = ""
    key: SigningKey | CheckpointKey | None = None
    signed_at: datetime | None = None
    covers: tuple[str, ...] = ()
    period: tuple[datetime, datetime, datetime] | None = None  # acts_from, effective_from, ends_at
    state: WaiverStatus | None = None  # at `at`
    withheld: int = 0
    warnings: tuple[str, ...] = ()
    unchecked: tuple[str, ...] = field(default=())

    def to_json(self) -> dict[str, Any]:
        """Times are RFC 3339 in UTC; what is not known is null or empty."""
        key, period = self.key, self.period
        return {
            "name": self.name,
            "kind": self.kind.value,
            "outcome": self.outcome.value,
            "why": self.why,
            "reference": self.reference,
            "key": None
            if key is None
            else {
                "kid": key.kid,
                "holder": key.authority if isinstance(key, SigningKey) else key.log_origin,
                "trusted_from": rfc3339(key.valid_from),
                "trusted_until": rfc3339(key.valid_until),
            },
            "signed_at": rfc3339(self.signed_at) if self.signed_at else None,
            "covers": list(self.covers),
            "period": None
            if period is None
            else dict(zip(("acts_from", "effective_from", "ends_at"), map(rfc3339, period), strict=True)),
            "state": self.state.value if self.state else None,
            "at": rfc3339(self.at),
            "withheld": self.withheld,
            "warnings": list(self.warnings),
            "unchecked": list(self.unchecked),
        }


def verify(data: bytes, key_set: KeySet | None, *, at: datetime, name: str, names: bytes | None = None) -> Verdict:
    """The verdict on one file. `at` is the moment for which the state is told; `names` a list to hold against the digest."""
    kind = kind_of(data)
    if kind is Kind.UNKNOWN:
        return Verdict(name, at, kind, Outcome.CANNOT_TELL, _not_ours(data))
    if key_set is None:
        why = "There are no keys to judge it with. Give the authority's keys.json, from a place that you trust."
        return Verdict(name, at, kind, Outcome.CANNOT_TELL, why)
    try:
        found = _JUDGES[kind](data, key_set, Verdict(name, at, kind, Outcome.AUTHENTIC))
    except Refusal as refusal:
        hint = (
            " It ends with a line break, which a token never does." if kind is Kind.TOKEN and data[-1:] == b"\n" else ""
        )
        return Verdict(name, at, kind, Outcome.FORGED, refusal.message + hint)
    if names is not None:
        return _with_names(found, names)
    return found


def kind_of(data: bytes) -> Kind:
    """By content, and by more than one mark, so that a document with one changed byte is still called what it was."""
    if data[:5] == b"%PDF-" or b"/ByteRange" in data or data.rstrip()[-5:] == b"%%EOF":
        return Kind.LETTER
    if data[:10] == b'{"proof":"' or b'","record":"' in data or b"c2sp.org/tlog-proof@v1" in data:
        return Kind.RECEIPT
    if b"\n\xe2\x80\x94 " in data[:4096] or re.match(rb"[^\s{]+\n[0-9]+\n[A-Za-z0-9+/]{42,44}=?\n", data):
        return Kind.CHECKPOINT
    strange = len(re.sub(rb"[A-Za-z0-9_.~-]", b"", data))
    if len(data) > 40 and strange * 50 <= len(data) + 50 and (data[:3] == b"eyJ" or b"~" in data):
        return Kind.TOKEN
    return Kind.UNKNOWN


def names_digest(data: bytes) -> tuple[str, int]:
    """Digest (hex) and number of the names in a file, as `LC_ALL=C sort -u FILE | sha256sum` and `wc -l` give them."""
    rows = sorted(set(data.removesuffix(b"\n").split(b"\n"))) if data else []
    return hashlib.sha256(b"".join(row + b"\n" for row in rows)).hexdigest(), len(rows)


# --- one judge a kind: raises Refusal unless the document is authentic ---


def _letter(data: bytes, key_set: KeySet, blank: Verdict) -> Verdict:
    found = pdfread.verify(data, key_set)
    return _of_waiver(found.token, found.key, replace(blank, signed_at=found.signed_at))


def _token(data: bytes, key_set: KeySet, blank: Verdict) -> Verdict:
    token, key = sdjwt.verify(_text(data, "ascii"), key_set)
    found = _of_waiver(token, key, replace(blank, signed_at=token.issued_at))
    return replace(found, unchecked=(*found.unchecked, "the signed letter, which prevails over the token"))


def _receipt(data: bytes, key_set: KeySet, blank: Verdict) -> Verdict:
    receipt = Receipt.parse(data)
    key = _log_key(receipt.proof.checkpoint, key_set)
    if not receipt.proof.holds_for(receipt.record):
        raise unfit("The proof does not show that the ledger holds this record: record or proof was changed.")
    head = receipt.proof.checkpoint.checkpoint
    return replace(
        blank,
        key=key,
        covers=(
            f"Entry {receipt.proof.index} of the ledger {head.origin}, when it had {head.size} entries",
            *_record_words(receipt.record),
        ),
        unchecked=(
            "whether what the record says is true: only that the ledger holds these very bytes",
            "whether the ledger shows everybody the same tree: compare its checkpoints with others'",
            *_KEY_UNCHECKED,
        ),
    )


def _checkpoint(data: bytes, key_set: KeySet, blank: Verdict) -> Verdict:
    signed = SignedCheckpoint.parse(_text(data, "utf-8"))
    key, head = _log_key(signed, key_set), signed.checkpoint
    return replace(
        blank,
        key=key,
        covers=(f"The ledger {head.origin} with {head.size} entries, root {head.root.hex()}",),
        unchecked=(
            "whether it continues an earlier checkpoint: that needs a consistency proof",
            "when it was made: a checkpoint carries no time",
            *_KEY_UNCHECKED,
        ),
    )


_JUDGES = {Kind.LETTER: _letter, Kind.TOKEN: _token, Kind.RECEIPT: _receipt, Kind.CHECKPOINT: _checkpoint}

_KEY_UNCHECKED = (
    "whether the keys you trust are the authority's: compare the key with one published in a second place",
    "whether the key was withdrawn since your keys file was made",
)
_WAIVER_UNCHECKED = (
    "whether it was amended, extended or revoked after it was signed: ask the authority",
    "whether and when it was served on the registry operator",
    "whether its conditions are kept",
    "when it was signed, other than by the signer's own word",
)


def _text(data: bytes, encoding: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise unfit("It holds bytes that no such document holds: it was changed.") from error


def _log_key(signed: SignedCheckpoint, key_set: KeySet) -> CheckpointKey:
    key = signed.signed_by(key_set)
    if key is None:
        raise unfit(
            "No key that you trust signed this checkpoint: it is forged or damaged, comes from another installation, or is "
            "newer than your keys file."
        )
    return key


def _of_waiver(token: sdjwt.Token, key: SigningKey, blank: Verdict) -> Verdict:
    names = token.claims.get("names")
    return replace(
        blank,
        reference=token.reference,
        key=key,
        covers=_waiver_words(token),
        period=(token.acts_from, token.effective_from, token.ends_at),
        state=token.status_at(blank.at),
        withheld=token.withheld,
        warnings=(
            *(("The key is a DEVELOPMENT key: what it signs binds nobody.",) if key.development else ()),
            *(
                (f"{token.withheld} claims are withheld: this is a presentation, not the whole.",)
                if token.withheld
                else ()
            ),
        ),
        unchecked=(
            *_WAIVER_UNCHECKED,
            *(("whether a certain name is covered: give the list of names (--names FILE)",) if names else ()),
            *_KEY_UNCHECKED,
        ),
    )


def _waiver_words(token: sdjwt.Token) -> tuple[str, ...]:
    """Lines for a reader, only from what is disclosed."""
    claims, words = token.claims, []
    if "instrument" in claims:
        words.append(Instrument(claims["instrument"]).title)
    for role, claim in (("Authority", "authority"), ("Registry operator", "registry"), ("RSP", "rsp")):
        if claim in claims:
            words.append(f"{role}: {claims[claim]['name']}")
    for agreement in claims.get("agreements", ()):
        words.append(
            f"Agreement of {agreement['dated']} ({agreement['family']}, {agreement['version']}): {_dotted(agreement['tlds'])}"
        )
    for line in claims.get("lines", ()):
        modified = f". Modified: {line['modification']}" if line["modification"] else ""
        words.append(
            f"Line {line['number']}: {line['provision']} {line['provision_title']}, {line['action_words']}; "
            f"{_dotted(line['tlds'])}{modified}"
        )
    if "names" in claims:
        words.append(f"{claims['names']['size']:,} names with the SHA-256 digest {claims['names']['digest']}")
    return tuple(words)


def _dotted(tlds: list[str]) -> str:
    shown = ", ".join(f".{tld}" for tld in tlds[:6])
    return shown if len(tlds) <= 6 else f"{shown} and {len(tlds) - 6} more"


def _record_words(record: bytes) -> tuple[str, ...]:
    """A record's plain members, when it is a JSON object; else its size and digest."""
    try:
        raw = json.loads(record)
    except ValueError:
        raw = None
    if not isinstance(raw, dict):
        return (f"A record of {len(record)} bytes with the SHA-256 digest {hashlib.sha256(record).hexdigest()}",)
    return tuple(
        f"{name}: {value}" for name, value in raw.items() if isinstance(value, str | int | float) and value != ""
    )


def _with_names(found: Verdict, names: bytes) -> Verdict:
    digest, size = names_digest(names)
    signed = next((w for w in found.covers if "names with the SHA-256 digest" in w), None)
    if signed is None:
        why = "It discloses no digest of names, so the list of names cannot be held against it."
        return replace(found, outcome=Outcome.CANNOT_TELL, why=why)
    unchecked = tuple(u for u in found.unchecked if "--names" not in u)
    if digest not in signed:
        why = f"The document itself is authentic, but this is not the list of names that it covers: this one has {size:,} "
        why += f"names and the digest {digest}."
        return replace(found, outcome=Outcome.FORGED, why=why, unchecked=unchecked)
    return replace(
        found,
        covers=(*found.covers, f"The list of {size:,} names that you gave is the covered one"),
        unchecked=unchecked,
    )


def _not_ours(data: bytes) -> str:
    if data[:9] == b'{"keys":[':
        return "This is a key set, not a signed document: give it with --keys if you trust where it comes from."
    return "This is none of the documents that can be checked: a signed letter, a token, a receipt or a checkpoint."
