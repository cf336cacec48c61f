"""The certificates that an installation makes for itself: a root, and below it one for the key that signs waivers."""

from __future__ import annotations

from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

#: Stands in the subject of keys that production refuses.
DEVELOPMENT = "DEVELOPMENT"


def name_of(authority: str, use: str, development: bool) -> x509.Name:
    """The subject of one of our certificates; `authority` has at most 64 characters (RFC 5280, upper bounds)."""
    parts = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, authority)]
    if development:
        parts.append(x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, DEVELOPMENT))
    return x509.Name([*parts, x509.NameAttribute(NameOID.COMMON_NAME, use)])


def certificate(
    name: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    issuer_key: ec.EllipticCurvePrivateKey,
    start: datetime,
    end: datetime,
    *,
    authority: bool,
) -> x509.Certificate:
    """A root (`authority`) or the certificate of a signing key, signed by `issuer_key`."""
    usage = dict.fromkeys(
        ("key_encipherment", "data_encipherment", "key_agreement", "encipher_only", "decipher_only"), False
    )
    builder = (
        x509.CertificateBuilder(issuer, name, key, x509.random_serial_number(), start, end)
        .add_extension(x509.BasicConstraints(ca=authority, path_length=0 if authority else None), critical=True)
        .add_extension(
            x509.KeyUsage(
                digital_signature=not authority,
                content_commitment=not authority,  # nonRepudiation: the key binds the authority
                key_cert_sign=authority,
                crl_sign=authority,
                **usage,
            ),
            critical=True,
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
    )
    return builder.sign(issuer_key, hashes.SHA256())


def request(key: ec.EllipticCurvePrivateKey, subject: x509.Name) -> bytes:
    """A certificate signing request (PEM) for the key of a certificate that we made, to be answered by a public authority."""
    builder = x509.CertificateSigningRequestBuilder(subject)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
