"""Checking a signed letter. Bytes first: no PDF is parsed before the whole file is known to be the authority's own.

Byte range and /Contents must be the whole file; the hex has one case; padding is zeros; and the CMS must equal the one that
we would build for this digest, this trusted certificate and this signature. Then, and only then, pyHanko reads the file.
"""

from __future__ import annotations

import hashlib
import io
import re
from dataclasses import dataclass
from datetime import UTC, datetime

from pyhanko.pdf_utils.reader import PdfFileReader

from ersr.core.tongue import said
from ersr.proof import cms, sdjwt
from ersr.proof.keys import KeySet, SigningKey
from ersr.proof.pdfsign import FIELD, KEYWORD, terms_digest, token_name
from ersr.proof.strict import LARGEST, unfit

_RANGE = re.compile(rb"/ByteRange \[0 ([1-9][0-9]{0,9}) ([1-9][0-9]{0,9}) ([1-9][0-9]{0,9})\]")


@dataclass(frozen=True)
class SignedLetter:
    """A letter whose signature holds, with its token, verified too."""

    key: SigningKey
    token: sdjwt.Token
    signed_at: datetime


def verify(data: bytes, key_set: KeySet) -> SignedLetter:
    """The letter, or a refusal ("unfit") that says what is wrong with it."""
    key, begin = _signed_by(data, key_set)
    signed_at, text, keywords = _content(data, begin)
    token, token_key = sdjwt.verify(text, key_set)
    if token_key != key or token.issued_at != signed_at:
        raise unfit(said("Letter and attached token were not signed by the same key at the same moment."))
    if token.reference not in keywords or KEYWORD + terms_digest(token.terms()) not in keywords:
        raise unfit(said("The attached token is not made from the terms of the letter."))
    return SignedLetter(key, token, signed_at)


def _signed_by(data: bytes, key_set: KeySet) -> tuple[SigningKey, int]:
    """The trusted key that signed every byte of the file, and where its /Contents begins."""
    if len(data) > LARGEST:
        raise unfit(said("The file is larger than any letter of ours."))
    if b"/ByteRange" not in data:
        raise unfit(said("This PDF carries no signature: it is a preview, or a copy without it, and binds nobody."))
    found = _RANGE.findall(data)
    if data.count(b"/ByteRange") != 1 or len(found) != 1:
        raise unfit(said("The PDF does not carry exactly one signature."))
    begin, resume, rest = (int(number) for number in found[0])
    if not data.startswith(b"%PDF-") or resume + rest != len(data) or not data.endswith(b"%%EOF\n"):
        raise unfit(
            said("The signature does not cover the PDF from its first byte to its last: something was added or cut off.")
        )
    if not begin + 2 < resume or data[begin : begin + 1] != b"<" or data[resume - 1 : resume] != b">":
        raise unfit(said("The PDF's signature does not stand where it says."))
    message = _contents(data[begin + 1 : resume - 1])
    covered = hashlib.sha256(data[:begin])
    covered.update(data[resume:])
    signature = cms.signature_of(message)
    for key in key_set.signing:
        attributes = cms.signed_attributes(covered.digest(), key.certificate)
        if cms.build(attributes, key.chain, signature) == message and key.verifies(attributes, signature):
            return key, begin
    raise unfit(
        said("No key that you trust signed this PDF as it stands: it is forged or damaged, comes from another installation, or is newer than your keys file.")
    )


def _contents(digits: bytes) -> bytes:
    """The CMS of /Contents: upper-case hex, one DER value, then nothing but zeros."""
    if not re.fullmatch(rb"(?:[0-9A-F]{2})+", digits):
        raise unfit(said("The PDF's signature is not written in upper-case hex."))
    raw = bytes.fromhex(digits.decode("ascii"))
    # Ours is always longer than 255 and shorter than 65,536 bytes: SEQUENCE, two bytes of length.
    size = 4 + int.from_bytes(raw[2:4], "big")
    if raw[:2] != b"\x30\x82" or size > len(raw) or any(raw[size:]):
        raise unfit(said("The PDF's signature is cut off, or something stands behind it."))
    return raw[:size]


def _content(data: bytes, begin: int) -> tuple[datetime, str, str]:
    """Time of signing, attached token, keywords. The bytes are the authority's own by now."""
    reader = PdfFileReader(io.BytesIO(data))
    signatures = reader.embedded_signatures
    names = reader.root["/Names"]["/EmbeddedFiles"]["/Names"]
    keywords = str(reader.trailer["/Info"]["/Keywords"])
    if (
        len(signatures) != 1
        or signatures[0].field_name != FIELD
        or signatures[0].byte_range[1] != begin
        or len(names) != 2
    ):
        raise unfit(said("The PDF does not carry one signature and one attached token."))
    stream = names[1]["/EF"]["/F"]
    token = stream.data.decode("ascii", errors="replace")
    moment = signatures[0].self_reported_timestamp
    if moment is None or names[0] != token_name(sdjwt.parse(token).reference):
        raise unfit(said("The PDF's signature has no time, or its token another instrument's name."))
    return moment.astimezone(UTC), token, keywords
