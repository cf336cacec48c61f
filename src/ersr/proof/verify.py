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

from ersr.core.coverage import on_list
from ersr.core.errors import Refusal
from ersr.core.terms import Instrument, WaiverStatus, rfc3339
from ersr.core.tongue import joined, paired, said, said_n
from ersr.proof import listed, sdjwt
from ersr.proof.keys import CheckpointKey, KeySet, SigningKey
from ersr.proof.membership import Claim
from ersr.proof.note import SignedCheckpoint
from ersr.proof.receipt import Proof, Receipt
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
    MEMBERSHIP = "membership"
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


def verify(
    data: bytes,
    key_set: KeySet | None,
    *,
    at: datetime,
    name: str,
    names: bytes | None = None,
    claim: Claim | None = None,
) -> Verdict:
    """The verdict on one file. `at` is the moment for which the state is told; `names` a list to hold against the digest.

    `claim` is what a membership proof shows, and nothing else can be judged with one: a document that says nothing of a name must
    not be taken for an answer about it.
    """
    kind = kind_of(data)
    if kind is Kind.UNKNOWN:
        return Verdict(name, at, kind, Outcome.CANNOT_TELL, _not_ours(data))
    if key_set is None:
        why = said("There are no keys to judge it with. Give the authority's keys.json, from a place that you trust.")
        return Verdict(name, at, kind, Outcome.CANNOT_TELL, why)
    if (kind is Kind.MEMBERSHIP) != (claim is not None):
        return Verdict(name, at, kind, Outcome.CANNOT_TELL, _ONE_NAME if claim is None else _NO_NAME)
    blank = Verdict(name, at, kind, Outcome.AUTHENTIC)
    try:
        found = _membership(data, key_set, blank, claim) if claim else _JUDGES[kind](data, key_set, blank)
    except Refusal as refusal:
        why = refusal.message
        if kind is Kind.TOKEN and data[-1:] == b"\n":
            why = joined(" ", [why, said("It ends with a line break, which a token never does.")])
        return Verdict(name, at, kind, Outcome.FORGED, why)
    if names is not None:
        return _with_names(found, names)
    return found


def kind_of(data: bytes) -> Kind:
    """By content, and by more than one mark, so that a document with one changed byte is still called what it was."""
    if data[:5] == b"%PDF-" or b"/ByteRange" in data or data.rstrip()[-5:] == b"%%EOF":
        return Kind.LETTER
    if data[:23] == b"c2sp.org/tlog-proof@v1\n" or b"\nextra " in data[:40] or b"\nindex " in data[:100]:
        return Kind.MEMBERSHIP
    if data[:10] == b'{"proof":"' or b'","record":"' in data or b"c2sp.org/tlog-proof@v1" in data:
        return Kind.RECEIPT
    if b"\n\xe2\x80\x94 " in data[:4096] or re.match(rb"[^\s{]+\n[0-9]+\n[A-Za-z0-9+/]{42,44}=?\n", data):
        return Kind.CHECKPOINT
    strange = len(re.sub(rb"[A-Za-z0-9_.~-]", b"", data))
    if len(data) > 40 and strange * 50 <= len(data) + 50 and (data[:3] == b"eyJ" or b"~" in data):
        return Kind.TOKEN
    return Kind.UNKNOWN


# --- one judge a kind: raises Refusal unless the document is authentic ---


def _letter(data: bytes, key_set: KeySet, blank: Verdict) -> Verdict:
    token, key, signed_at = signed(data, key_set)
    return _of_waiver(token, key, replace(blank, signed_at=signed_at))


def _token(data: bytes, key_set: KeySet, blank: Verdict) -> Verdict:
    token, key, signed_at = signed(data, key_set)
    found = _of_waiver(token, key, replace(blank, signed_at=signed_at))
    return replace(found, unchecked=(*found.unchecked, said("the signed letter, which prevails over the token")))


def signed(data: bytes, key_set: KeySet) -> tuple[sdjwt.Token, SigningKey, datetime]:
    """What a letter or a token says, who signed it, and when; refuses ("unfit") one that no trusted key signed."""
    if kind_of(data) is Kind.LETTER:
        from ersr.proof import pdfread  # here, since it takes half a second that no other command should wait for

        found = pdfread.verify(data, key_set)
        return found.token, found.key, found.signed_at
    token, key = sdjwt.verify(_text(data, "ascii"), key_set)
    return token, key, token.issued_at


def _receipt(data: bytes, key_set: KeySet, blank: Verdict) -> Verdict:
    receipt = Receipt.parse(data)
    key = _log_key(receipt.proof.checkpoint, key_set)
    if not receipt.proof.holds_for(receipt.record):
        raise unfit(said("The proof does not show that the ledger holds this record: record or proof was changed."))
    head = receipt.proof.checkpoint.checkpoint
    return replace(
        blank,
        key=key,
        warnings=_out_of_use(key, blank.at),
        covers=(
            said("Entry {index} of the ledger {origin}, when it had {size} entries", index=receipt.proof.index, origin=head.origin, size=head.size),
            *_record_words(receipt.record),
        ),
        unchecked=(
            said("whether what the record says is true: only that the ledger holds these very bytes"),
            said("whether the ledger shows everybody the same tree: compare its checkpoints with others'"),
            *_KEY_UNCHECKED,
        ),
    )


def _checkpoint(data: bytes, key_set: KeySet, blank: Verdict) -> Verdict:
    signed = SignedCheckpoint.parse(_text(data, "utf-8"))
    key, head = _log_key(signed, key_set), signed.checkpoint
    return replace(
        blank,
        key=key,
        warnings=_out_of_use(key, blank.at),
        covers=(said("The ledger {origin} with {size} entries, root {root}", origin=head.origin, size=head.size, root=head.root.hex()),),
        unchecked=(
            said("whether it continues an earlier checkpoint: that needs a consistency proof"),
            said("when it was made: a checkpoint carries no time"),
            *_KEY_UNCHECKED,
        ),
    )


def _membership(data: bytes, key_set: KeySet, blank: Verdict, claim: Claim) -> Verdict:
    """A proof, the name that it is said to be for, and the waiver whose list the name is said to be on: all three or nothing."""
    proof = Proof.parse(_text(data, "utf-8"))
    found, head = proof.checkpoint.signed_for_list(key_set), proof.checkpoint.checkpoint
    if found is None:
        raise unfit(
            said("No key that you trust signed the list's checkpoint in this proof: it is forged or damaged, comes from another installation, or is newer than your keys file.")
        )
    if not proof.holds_for(claim.record.encode()):
        raise unfit(said("The proof does not show that {record} is on the list: it is for another name or window, or was changed.", record=claim.record))
    if kind_of(claim.waiver) not in (Kind.LETTER, Kind.TOKEN):
        raise unfit(said("What was given as the waiver is neither a signed letter nor a token."))
    token, signing_key, signed_at = signed(claim.waiver, key_set)
    names = token.claims.get("names")
    if not isinstance(names, dict) or "root" not in names:
        return replace(blank, outcome=Outcome.CANNOT_TELL, why=_NO_ROOT)
    if names["root"] != head.root.hex():
        raise unfit(said("The proof is for another list than the one that {reference} covers.", reference=token.reference))
    key, content_digest = found
    waiver = _of_waiver(token, signing_key, replace(blank, signed_at=signed_at))
    listing = on_list(claim.listing, blank.at)
    name = claim.record.partition(",")[0]
    reached = any(claim.tld in line["tlds"] for line in token.claims.get("lines", ()))
    out_of_reach = said("{reference} shows no line under .{tld}: what it covers of this name cannot be seen in it.", reference=token.reference, tld=claim.tld)
    return replace(
        waiver,
        key=key,
        covers=(
            said(
                "{name} is on the list of {reference}, as record {index} of {size} (content digest {digest})",
                name=name, reference=token.reference, index=proof.index, size=head.size, digest=content_digest,
            ),
            *((f"At {rfc3339(blank.at)}: {listing.why}",) if claim.listing.windows else ()),
            *waiver.covers,
        ),
        warnings=(*waiver.warnings, *_out_of_use(key, blank.at), *(() if reached else (out_of_reach,))),
        unchecked=(
            said("whether the name was removed from the list after the waiver was signed: ask the authority"),
            *(row for row in waiver.unchecked if "--names" not in row),
        ),
    )


def _out_of_use(key: CheckpointKey, at: datetime) -> tuple[str, ...]:
    """A log ends with its key, in time or by a loss; what it signed stays signed."""
    if at < key.valid_until:
        return ()
    return (
        said(
            "The key of the ledger {origin} went out of use at {at}: ask the authority whether what it held stands in the ledger that came after.",
            origin=key.log_origin,
            at=rfc3339(key.valid_until),
        ),
    )


_JUDGES = {Kind.LETTER: _letter, Kind.TOKEN: _token, Kind.RECEIPT: _receipt, Kind.CHECKPOINT: _checkpoint}

_KEY_UNCHECKED = (
    said("whether the keys you trust are the authority's: compare the key with one published in a second place"),
    said("whether the key was withdrawn since your keys file was made"),
)
_ONE_NAME = said("This proves that one name is on the list of a waiver: give the name (--name) and the waiver (--waiver).")
_NO_NAME = said("This is no proof that a name is on a list, so it says nothing of the name that you gave.")
_NO_ROOT = said("The waiver shows no root of its list's tree, so a single name cannot be held against it: give the whole token or letter.")
_WAIVER_UNCHECKED = (
    said("whether it was amended, extended or revoked after it was signed: ask the authority"),
    said("whether and when it was served on the registry operator"),
    said("whether its conditions are kept"),
    said("when it was signed, other than by the signer's own word"),
)


def _text(data: bytes, encoding: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise unfit(said("It holds bytes that no such document holds: it was changed.")) from error


def _log_key(signed: SignedCheckpoint, key_set: KeySet) -> CheckpointKey:
    key = signed.signed_by(key_set)
    if key is None:
        raise unfit(
            said("No key that you trust signed this checkpoint: it is forged or damaged, comes from another installation, or is newer than your keys file.")
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
            *((said("The key is a DEVELOPMENT key: what it signs binds nobody."),) if key.development else ()),
            *(
                (said_n("{n} claim is withheld: this is a presentation, not the whole.", "{n} claims are withheld: this is a presentation, not the whole.", token.withheld),)
                if token.withheld
                else ()
            ),
        ),
        unchecked=(
            *_WAIVER_UNCHECKED,
            *((said("whether a certain name is covered: give the list of names (--names FILE)"),) if names else ()),
            *_KEY_UNCHECKED,
        ),
    )


def _waiver_words(token: sdjwt.Token) -> tuple[str, ...]:
    """Lines for a reader, only from what is disclosed; what quotes the document is plain text, in its language."""
    claims, words = token.claims, []
    if "instrument" in claims:
        words.append(Instrument(claims["instrument"]).title)
    for role, claim in ((said("Authority"), "authority"), (said("Registry operator"), "registry"), (said("RSP"), "rsp")):
        if claim in claims:
            words.append(paired(role, claims[claim]["name"]))
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
        words += listed.words(claims["names"])
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
        return (said("A record of {size} bytes with the SHA-256 digest {digest}", size=len(record), digest=hashlib.sha256(record).hexdigest()),)
    return tuple(
        f"{name}: {value}" for name, value in raw.items() if isinstance(value, str | int | float) and value != ""
    )


def _with_names(found: Verdict, names: bytes) -> Verdict:
    held = listed.held(found.covers, names)
    if held.right is None:
        return replace(found, outcome=Outcome.CANNOT_TELL, why=held.words)
    unchecked = (*(u for u in found.unchecked if "--names" not in u), *held.unchecked)
    if not held.right:
        return replace(found, outcome=Outcome.FORGED, why=held.words, unchecked=unchecked)
    return replace(found, covers=(*found.covers, held.words), unchecked=unchecked)


def _not_ours(data: bytes) -> str:
    if data[:9] == b'{"keys":[':
        return said("This is a key set, not a signed document: give it with --keys if you trust where it comes from.")
    return said("This is none of the documents that can be checked: a signed letter, a token, a receipt, a checkpoint or a proof that a name is on a list.")
