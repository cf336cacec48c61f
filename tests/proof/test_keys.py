"""Keys are made once, kept from others, and published in a file with one spelling."""

from __future__ import annotations

import json
import stat

import pytest

from ersr.core.errors import Refusal
from ersr.proof import keys, strict
from ersr.proof.keys import KeySet
from tests.proof import samples


def test_private_keys_are_for_their_owner_only(tmp_path):
    folder = tmp_path / "keys"
    made = keys.generate(folder, "A", "log.example/a", now=samples.MADE, development=False)
    assert {stat.S_IMODE((folder / n).stat().st_mode) for n in ("signing.pem", "checkpoint.pem", "root.pem")} == {0o600}
    assert keys.load(folder).key_set() == made.key_set()
    assert not made.development
    (folder / "signing.pem").chmod(0o640)
    with pytest.raises(Refusal, match="can be read by others"):
        keys.load(folder)


def test_keys_are_never_written_over(tmp_path):
    keys.generate(tmp_path, "A", "log.example/a", now=samples.MADE, development=False)
    with pytest.raises(Refusal, match="holds keys already"):
        keys.generate(tmp_path, "A", "log.example/a", now=samples.MADE, development=False)


def test_private_keys_that_the_published_file_does_not_name_are_refused(tmp_path, theirs):
    keys.generate(tmp_path, "A", "log.example/a", now=samples.MADE, development=False)
    (tmp_path / "keys.json").write_bytes(theirs.key_set().to_json())
    with pytest.raises(Refusal, match="does not name the private keys"):
        keys.load(tmp_path)


def test_a_development_key_says_so_in_its_certificate(mine):
    assert mine.development
    assert "OU=DEVELOPMENT" in mine.signer.chain[0].subject.rfc4514_string()
    assert mine.key_set().signing[0].authority == "Example Names Authority"


def test_the_key_set_is_a_jwk_set_with_thumbprints_and_validity(mine):
    ec, okp = json.loads(mine.key_set().to_json())["keys"]
    assert (ec["kty"], ec["crv"], ec["alg"], len(ec["x5c"])) == ("EC", "P-256", "ES256", 2)
    assert (okp["kty"], okp["crv"], okp["log_origin"]) == ("OKP", "Ed25519", "log.example/srw")
    assert ec["valid_from"] == "2026-01-05T09:00:00Z"
    assert keys.thumbprint(ec) == ec["kid"] == mine.signer.kid


def test_the_thumbprint_is_that_of_rfc_8037():
    """RFC 8037, appendix A.3, gives one for an Ed25519 key."""
    jwk = {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}
    assert keys.thumbprint(jwk) == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


def test_a_key_set_has_one_spelling(mine):
    data = mine.key_set().to_json()
    assert KeySet.parse(data) == mine.key_set()
    for changed in (data + b"\n", data.replace(b'"use":"sig"', b'"use":"sig" '), json.dumps(json.loads(data)).encode()):
        with pytest.raises(Refusal):
            KeySet.parse(changed)


def test_keys_that_contradict_themselves_are_refused(mine, theirs):
    """A kid of another key, another's certificate, a validity beyond the certificate, a key twice."""
    good = json.loads(mine.key_set().to_json())
    other = json.loads(theirs.key_set().to_json())

    def changed(**members):
        return strict.canonical({"keys": [{**good["keys"][0], **members}, good["keys"][1]]})

    for data in (
        changed(kid=other["keys"][0]["kid"]),
        changed(x5c=other["keys"][0]["x5c"]),
        changed(x5c=[good["keys"][0]["x5c"][0], other["keys"][0]["x5c"][1]]),
        changed(valid_until="2039-01-01T00:00:00Z"),
        changed(d="secret"),
        strict.canonical({"keys": [*good["keys"][:1] * 2, good["keys"][1]]}),
        strict.canonical({"keys": good["keys"][::-1]}),
        strict.canonical({"keys": good["keys"][:1]}),
        b"[]",
        b"",
    ):
        with pytest.raises(Refusal):
            KeySet.parse(data)


def test_only_the_smaller_twin_of_a_signature_is_ours(mine):
    """(r, n - s) verifies in stock libraries too: a changed file that would pass."""
    key, signature = mine.key_set().signing[0], mine.signer.sign(b"text")
    assert key.verifies(b"text", signature)
    s = keys.P256_ORDER - int.from_bytes(signature[32:], "big")
    assert not key.verifies(b"text", signature[:32] + s.to_bytes(32, "big"))
    assert not key.verifies(b"text", bytes(64))
    assert not key.verifies(b"text", signature + b"\0")
    assert not key.verifies(b"texts", signature)


@pytest.mark.parametrize("origin", ["", "two words", "a+b", "a\nb", "a\u00a0b"])
def test_a_log_origin_is_one_word(origin):
    with pytest.raises(Refusal, match="log origin"):
        keys.check_origin(origin)
