"""Signing a letter: one incremental update that attaches the token and carries the PAdES signature.

pyHanko does the PDF; the CMS is ours (cms.py), so that the verifier can rebuild it without believing what it reads.
"""

from __future__ import annotations

import hashlib
import io
from datetime import UTC, datetime

from asn1crypto import cms as asn1_cms
from pyhanko.pdf_utils import embed, generic
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.fields import SigFieldSpec, SigSeedSubFilter
from pyhanko.sign.signers.cms_embedder import PdfCMSEmbedder, SigIOSetup, SigObjSetup
from pyhanko.sign.signers.pdf_byterange import SignatureObject

from ersr.core.terms import Terms
from ersr.proof import cms, sdjwt
from ersr.proof.keys import Signer

#: Where the letter's metadata name the terms that it was rendered from.
KEYWORD = "terms-sha256:"
FIELD = "Signature"
MEDIA_TYPE = "application/sd-jwt"
#: Room for the CMS beyond its own size: the DER of an ECDSA signature varies by a few bytes.
_SPARE = 64


def terms_digest(terms: Terms) -> str:
    """SHA-256 (hex) of the terms' stable text: stands in the letter's metadata and ties the token to it."""
    return hashlib.sha256(terms.to_json().encode()).hexdigest()


def token_name(reference: str) -> str:
    return f"{reference}.sd-jwt"


class _Update(IncrementalPdfFileWriter):
    """Leaves title, dates and keywords to the preview: pyHanko would put in the wall clock and rewrite the XMP."""

    def _update_meta(self) -> None:
        pass


def sign(preview_pdf: bytes, token: str, signer: Signer, *, now: datetime) -> bytes:
    """The signed file: the preview's bytes, then one update that attaches the token and carries the PAdES signature.

    `token` must be whole, of the same key, and made from the terms that the preview was rendered from; `now` is the signing
    and must be the token's `iat`. Anything else is a mistake of the caller: ValueError.
    """
    moment = now.astimezone(UTC).replace(microsecond=0)
    found = sdjwt.parse(token)
    if found.header["kid"] != signer.kid or found.issued_at != moment or found.withheld:
        raise ValueError("the token must be whole, signed by the same key and at the same moment as the letter")
    keywords = str(PdfFileReader(io.BytesIO(preview_pdf)).trailer["/Info"]["/Keywords"])
    if KEYWORD + terms_digest(found.terms()) not in keywords:
        raise ValueError("the preview was not rendered from the token's terms")

    writer = _Update(io.BytesIO(preview_pdf))
    _attach(writer, token, found.reference, moment)
    chain, empty = signer.chain, cms.signed_attributes(bytes(32), signer.chain[0])
    room = 2 * (len(cms.build(empty, chain, b"\xff" * 64)) + _SPARE)
    placeholder = SignatureObject(
        subfilter=SigSeedSubFilter.PADES,
        bytes_reserved=room,
        timestamp=moment,
        name=found.terms().signatory.name,
        reason=f"{found.terms().instrument.title}, {found.reference}",
    )
    field = SigFieldSpec(FIELD, readable_field_name=f"Signature of {found.reference}")
    steps = PdfCMSEmbedder(new_field_spec=field).write_cms(field_name=FIELD, writer=writer)
    next(steps)
    steps.send(SigObjSetup(sig_placeholder=placeholder))
    prepared, output = steps.send(SigIOSetup(md_algorithm="sha256", in_place=False))
    attributes = cms.signed_attributes(prepared.document_digest, chain[0])
    message = cms.build(attributes, chain, signer.sign(attributes))
    steps.send(asn1_cms.ContentInfo.load(message))
    signed = output.getvalue()
    if not signed.startswith(preview_pdf):
        raise ValueError("the preview's bytes are no longer the beginning of the signed file")
    return bytes(signed)


def _attach(writer: IncrementalPdfFileWriter, token: str, reference: str, moment: datetime) -> None:
    """The token as an associated file of the document (ISO 19005-3, 6.8).

    pyHanko's own `af_relationship` would raise the version to 2.0, which PDF/A-3 does not know; so the two entries are ours.
    """
    name = token_name(reference)
    stream = embed.EmbeddedFileObject.from_file_data(
        writer,
        token.encode("ascii"),
        mime_type=MEDIA_TYPE,
        params=embed.EmbeddedFileParams(creation_date=moment, modification_date=moment),
    )
    embed.embed_file(
        writer,
        embed.FileSpec(
            file_spec_string=name,
            file_name=name,
            embedded_data=stream,
            description="The same terms for machines (SD-JWT). The letter prevails.",
        ),
    )
    listed = writer.root["/Names"]["/EmbeddedFiles"]["/Names"]
    reference_to_file = listed.raw_get(len(listed) - 1)
    reference_to_file.get_object()["/AFRelationship"] = generic.pdf_name("/Alternative")
    writer.root["/AF"] = generic.ArrayObject([*writer.root.get("/AF", ()), reference_to_file])
    writer.update_root()
