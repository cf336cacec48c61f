"""With the signing key in a token, the outside judges say the same: pdfsig and @sd-jwt/core on documents, openssl on the request."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ersr.core.errors import Refusal
from ersr.proof import keys, letter, sdjwt
from ersr.proof.verify import verify
from tests import softhsm
from tests.oracles.test_pdfsig import pdfsig
from tests.oracles.test_sd_jwt_core import judge
from tests.proof import samples

pytestmark = pytest.mark.oracle
ROOT = Path(__file__).resolve().parent.parent.parent
SERVICE = Path(sys.executable).with_name("ersr-service")

__all__ = ["judge"]


@pytest.fixture(scope="session")
def mine(tmp_path_factory) -> keys.Keys:
    """Instead of the key files of the other oracles; `judge` takes it from here."""
    folder = tmp_path_factory.mktemp("hardware") / "keys"
    place = softhsm.place("case")
    return keys.generate(
        folder, "Example Names Authority", "log.example/srw", now=samples.MADE, development=True, place=place
    )


def test_letter_and_token_signed_in_hardware_are_accepted(tmp_path, mine, judge, signed_at) -> None:
    assert mine.signer.backend == "pkcs11"
    for terms in samples.ALL:
        token = sdjwt.issue(terms, issued_at=signed_at, issuer="https://srw.example", signer=mine.signer)
        pdf = letter.sign(letter.render(terms), token, mine.signer, now=signed_at)
        told = pdfsig(pdf, tmp_path)
        assert "Signature is Valid." in told
        assert "Total document signed" in told
        (core,) = judge(token)
        assert core["ok"], core
        for data in (pdf, token.encode()):
            assert verify(data, mine.key_set(), at=signed_at, name="x").outcome == "authentic"


def openssl(*words: str, folder: Path) -> str:
    return subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True, text=True).stdout


def test_the_ceremony_from_an_empty_token_to_a_certificate_of_another_authority(tmp_path, signed_at) -> None:
    """init --pkcs11, check, keys csr, an RSA authority made with openssl, keys chain: and pdfsig names the new issuer."""
    softhsm.store()
    home = tmp_path / "home"
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("ERSR_", "DJANGO_", "PYTEST_"))} | {
        "ERSR_MODE": "demo", "ERSR_HOME": str(home), "ERSR_AUTHORITY": str(ROOT / "tests/authority.toml"),
        "ERSR_SECRET_KEY": "0f6a7d3be1c94825a7d0f6e3b1c8492d", "ERSR_PKCS11_MODULE": softhsm.module(),
        "ERSR_PKCS11_TOKEN": "csr", "ERSR_PKCS11_PIN": softhsm.PIN,
    }  # fmt: skip

    def service(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [SERVICE, *words], env=environment, cwd=tmp_path, capture_output=True, text=True, check=False
        )

    assert "belong together" in service("init").stderr
    done = service("init", "--pkcs11")
    assert done.returncode == 0, done.stderr
    assert not (home / "keys" / "signing.pem").exists()
    done = service("check")
    assert (done.returncode, done.stderr) == (0, "")
    request = service("keys", "csr")
    (tmp_path / "key.csr").write_text(request.stdout)
    assert "CN = Waiver signing key" in openssl(
        "req", "-in", "key.csr", "-verify", "-noout", "-subject", folder=tmp_path
    )

    subject = "/O=Public Trust Ltd/CN=Public Trust Root"
    openssl(
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-keyout",
        "ca.key",
        "-out",
        "ca.pem",
        "-subj",
        subject,
        folder=tmp_path,
    )
    (tmp_path / "use").write_text(
        "keyUsage=critical,digitalSignature,nonRepudiation\nbasicConstraints=critical,CA:FALSE\n"
    )
    openssl("x509", "-req", "-in", "key.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "700",
            "-extfile", "use", "-out", "leaf.pem", folder=tmp_path)  # fmt: skip
    (tmp_path / "chain.pem").write_text((tmp_path / "leaf.pem").read_text() + (tmp_path / "ca.pem").read_text())
    before = keys.KeySet.parse((home / "keys/keys.json").read_bytes())
    for wrong, said in (("ca.pem", "not for a P-256 key"), ("leaf.pem", "not a chain")):
        with pytest.raises(Refusal, match=said):
            keys.certify(home / "keys", (tmp_path / wrong).read_bytes(), softhsm.place("csr"))
    assert keys.KeySet.parse((home / "keys/keys.json").read_bytes()) == before
    done = service("keys", "chain", "chain.pem")
    assert done.returncode == 0, done.stderr
    after = keys.load(home / "keys", softhsm.place("csr"))
    assert after.signer.kid == before.signing[0].kid
    assert [c.subject.rfc4514_string() for c in after.signer.chain][1] == "CN=Public Trust Root,O=Public Trust Ltd"

    now = after.public.signing[0].valid_from
    token = sdjwt.issue(samples.WAIVER, issued_at=now, issuer="https://srw.example", signer=after.signer)
    pdf = letter.sign(letter.render(samples.WAIVER), token, after.signer, now=now)
    assert "Signature is Valid." in pdfsig(pdf, tmp_path)
    assert verify(pdf, after.key_set(), at=now, name="x").outcome == "authentic"
