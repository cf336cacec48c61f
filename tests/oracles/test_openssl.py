"""openssl reads our keys, certificates and signatures as what we say they are."""

from __future__ import annotations

import hashlib
import re
import subprocess
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

from ersr.proof import keys
from ersr.proof.note import SignedCheckpoint
from tests.proof import samples

pytestmark = pytest.mark.oracle

AT = str(int(samples.WAIVER.effective_from.timestamp()))


def openssl(*arguments: str, good: bool = True) -> str:
    done = subprocess.run(["openssl", *arguments], capture_output=True, text=True, check=False)
    assert (done.returncode == 0) is good, done.stderr + done.stdout
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("openssl") / "keys"
    made = keys.generate(folder, "Example Names Authority", "log.example/srw", now=samples.MADE, development=True)
    for certificate, name in zip(made.signer.chain, ("leaf", "root"), strict=True):
        (folder / f"{name}.pem.crt").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return folder


def test_the_signing_key_is_a_sound_p256_key(folder):
    told = openssl("ec", "-in", str(folder / "signing.pem"), "-check", "-noout", "-text")
    assert "EC Key valid" in told
    assert "prime256v1" in told
    assert "ED25519" in openssl("pkey", "-in", str(folder / "checkpoint.pem"), "-noout", "-text").upper()


def test_the_certificate_chains_to_the_root_and_may_sign_for_its_owner(folder):
    root, leaf = str(folder / "root.pem.crt"), str(folder / "leaf.pem.crt")
    assert "OK" in openssl("verify", "-x509_strict", "-attime", AT, "-CAfile", root, leaf)
    told = openssl("x509", "-in", leaf, "-noout", "-text", "-subject")
    assert "Digital Signature, Non Repudiation" in told
    assert "CA:FALSE" in told
    assert re.search(r"O = Example Names Authority, OU = DEVELOPMENT, CN = Waiver signing key", told)
    after = str(int(samples.MADE.timestamp()) + 86_400 * 365 * 4)
    openssl("verify", "-attime", after, "-CAfile", root, leaf, good=False)


def test_another_installations_root_does_not_vouch(folder, theirs):
    other = folder / "other.crt"
    other.write_bytes(theirs.signer.chain[1].public_bytes(serialization.Encoding.PEM))
    openssl("verify", "-attime", AT, "-CAfile", str(other), str(folder / "leaf.pem.crt"), good=False)


def test_the_letters_cms_verifies_over_the_bytes_it_covers(tmp_path, documents, mine):
    """openssl checks the same CMS, detached, against our root; a changed byte fails."""
    data = documents.letter
    begin, resume, rest = map(int, re.search(rb"/ByteRange \[0 (\d+) (\d+) (\d+)\]", data).groups())
    assert resume + rest == len(data)
    (tmp_path / "root.crt").write_bytes(mine.signer.chain[1].public_bytes(serialization.Encoding.PEM))
    (tmp_path / "cms.der").write_bytes(bytes.fromhex(data[begin + 1 : resume - 1].decode()))
    covered = data[:begin] + data[resume:]
    for content, good in ((covered, True), (covered[:-1] + b"x", False)):
        (tmp_path / "covered").write_bytes(content)
        arguments = ["-content", str(tmp_path / "covered"), "-CAfile", str(tmp_path / "root.crt"), "-attime", AT]
        message = ["-in", str(tmp_path / "cms.der"), "-out", str(tmp_path / "out")]
        openssl(
            "cms", "-verify", "-binary", "-inform", "DER", *message, *arguments, "-purpose", "any", "-cades", good=good
        )


def test_the_checkpoints_signature_is_ed25519_over_its_text(tmp_path, documents, mine):
    note = SignedCheckpoint.parse(documents.checkpoint.decode())
    public = ed25519.Ed25519PublicKey.from_public_bytes(mine.checkpoint_signer.public)
    pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    for name, content in (("public.pem", pem), ("text", note.checkpoint.text.encode()), ("signature", note.signature)):
        (tmp_path / name).write_bytes(content)
    arguments = ["-inkey", str(tmp_path / "public.pem"), "-in", str(tmp_path / "text")]
    openssl("pkeyutl", "-verify", "-pubin", "-rawin", *arguments, "-sigfile", str(tmp_path / "signature"))


def test_the_thumbprint_can_be_had_with_openssl(folder):
    """kid = SHA-256 of {"crv","kty","x","y"}, from the coordinates that openssl prints."""
    certificate = x509.load_pem_x509_certificate((folder / "leaf.pem.crt").read_bytes())
    told = openssl("x509", "-in", str(folder / "leaf.pem.crt"), "-noout", "-pubkey")
    (folder / "public.pem").write_text(told)
    text = openssl("ec", "-pubin", "-in", str(folder / "public.pem"), "-noout", "-text")
    point = bytes.fromhex(re.sub(r"[^0-9a-f]", "", re.search(r"pub:(.*)ASN1", text, re.DOTALL)[1]))
    assert point[0] == 4
    x, y = (keys.strict.b64url(half) for half in (point[1:33], point[33:]))
    jwk = f'{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}'
    kid = keys.strict.b64url(hashlib.sha256(jwk.encode()).digest())
    assert kid == keys.load(folder).signer.kid
    assert certificate == keys.load(folder).signer.chain[0]
