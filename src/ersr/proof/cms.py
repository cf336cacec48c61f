"""The one CMS that we write into a PDF, and the only one that we read: rebuilt from its parts and compared, byte for byte.

Why: ASN.1 readers forgive. Stock validation let 10 of 400 random bit flips pass; a message that must equal its own
reconstruction lets none.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from asn1crypto import algos, cms
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from ersr.core.tongue import said
from ersr.proof.strict import unfit


def der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.DER)


def signed_attributes(digest: bytes, certificate: x509.Certificate) -> bytes:
    """The attributes that PAdES signs, as the DER of a SET: content type, digest (SHA-256 of the content), certificate."""
    reference = {"certs": [{"cert_hash": hashlib.sha256(der(certificate)).digest()}]}
    attributes = [
        cms.CMSAttribute({"type": cms.CMSAttributeType("content_type"), "values": ["data"]}),
        cms.CMSAttribute({"type": cms.CMSAttributeType("signing_certificate_v2"), "values": [reference]}),
        cms.CMSAttribute({"type": cms.CMSAttributeType("message_digest"), "values": [digest]}),
    ]
    return cms.CMSAttributes(attributes).dump()


def build(attributes: bytes, chain: Sequence[x509.Certificate], signature: bytes) -> bytes:
    """The whole message. `attributes` is the DER of the SET; `signature` is r || s."""
    certificates = [asn1_x509.Certificate.load(der(c)) for c in chain]
    signer = {
        "version": "v1",
        "sid": cms.SignerIdentifier(
            "issuer_and_serial_number",
            {"issuer": certificates[0].issuer, "serial_number": certificates[0].serial_number},
        ),
        "digest_algorithm": algos.DigestAlgorithm({"algorithm": "sha256"}),
        "signed_attrs": cms.CMSAttributes.load(attributes),
        "signature_algorithm": algos.SignedDigestAlgorithm({"algorithm": "sha256_ecdsa"}),
        "signature": encode_dss_signature(int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")),
    }
    body = {
        "version": "v1",
        "digest_algorithms": cms.DigestAlgorithms([{"algorithm": "sha256"}]),
        "encap_content_info": {"content_type": "data"},
        "certificates": certificates,
        "signer_infos": [signer],
    }
    return cms.ContentInfo({"content_type": "signed_data", "content": cms.SignedData(body)}).dump()


def signature_of(message: bytes) -> bytes:
    """r || s of the first signer. Believe nothing of the message before `build` has given it back."""
    try:
        raw = cms.ContentInfo.load(message, strict=True)["content"]["signer_infos"][0]["signature"].native
        r, s = decode_dss_signature(raw)
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError) as error:
        raise unfit(said("The PDF's signature is not one that we write.")) from error
