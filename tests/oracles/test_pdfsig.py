"""Poppler (pdfsig, pdfdetach) and pyHanko's own validator judge the signed letter."""

from __future__ import annotations

import io
import re
import subprocess

import pytest
from asn1crypto import x509 as asn1_x509
from cryptography.hazmat.primitives import serialization
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko_certvalidator import ValidationContext

from ersr.proof import letter, sdjwt
from tests.proof import samples

pytestmark = pytest.mark.oracle


def pdfsig(pdf: bytes, tmp_path) -> str:
    file = tmp_path / "signed.pdf"
    file.write_bytes(pdf)
    return subprocess.run(["pdfsig", str(file)], capture_output=True, check=False).stdout.decode()


@pytest.mark.parametrize("terms", samples.ALL, ids=lambda t: t.reference)
def test_pdfsig_says_valid_and_total_document_signed(terms, tmp_path, mine, signed_at):
    token = sdjwt.issue(terms, issued_at=signed_at, issuer="https://srw.example", signer=mine.signer)
    told = pdfsig(letter.sign(letter.render(terms), token, mine.signer, now=signed_at), tmp_path)
    assert "Signature is Valid." in told
    assert "Total document signed" in told
    assert "ETSI.CAdES.detached" in told
    assert "Signing Hash Algorithm: SHA-256" in told
    assert "CN=Waiver signing key,OU=DEVELOPMENT,O=Example Names Authority" in told
    assert told.count("Signature #") == 1


def test_pdfsig_refuses_a_letter_with_one_changed_digit(tmp_path, documents):
    place = documents.letter.index(b"/CreationDate") + 20
    changed = documents.letter[:place] + bytes([documents.letter[place] ^ 1]) + documents.letter[place + 1 :]
    told = pdfsig(changed, tmp_path)
    assert "Signature is Valid." not in told
    assert "Digest Mismatch" in told


def test_poppler_takes_the_token_out_as_it_went_in(tmp_path, documents):
    (tmp_path / "signed.pdf").write_bytes(documents.letter)
    (tmp_path / "out").mkdir()
    subprocess.run(["pdfdetach", "-saveall", "-o", str(tmp_path / "out"), str(tmp_path / "signed.pdf")], check=True)
    [file] = (tmp_path / "out").iterdir()
    assert file.name == f"{samples.WAIVER.reference}.sd-jwt"
    sdjwt.parse(file.read_text())
    assert b"/AFRelationship /Alternative" in documents.letter
    assert re.search(rb"/AF \[ \d+ 0 R \]", documents.letter)


def test_pyhanko_trusts_the_letter_with_our_root_and_not_with_anothers(documents, mine, theirs):
    """Trust roots are given; the moment is the signing's, whatever the clock of this machine says."""

    def judged(root):
        certificate = asn1_x509.Certificate.load(root.public_bytes(serialization.Encoding.DER))
        context = ValidationContext(trust_roots=[certificate], moment=samples.WAIVER.effective_from)
        [signature] = PdfFileReader(io.BytesIO(documents.letter)).embedded_signatures
        return validate_pdf_signature(signature, context)

    status = judged(mine.signer.chain[1])
    assert status.intact
    assert status.valid
    assert status.trusted
    assert status.bottom_line
    assert status.coverage.name == "ENTIRE_FILE"
    assert not judged(theirs.signer.chain[1]).trusted
