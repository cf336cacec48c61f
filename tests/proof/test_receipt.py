"""Checkpoints and receipts are written one way, and nothing else is read."""

from __future__ import annotations

import hashlib
import json

import pytest

from ersr.core.errors import Refusal
from ersr.proof import strict, tlog
from ersr.proof.note import SignedCheckpoint, note_key_id, sign_checkpoint
from ersr.proof.receipt import Proof, Receipt, make_receipt

SALT, RECORD = bytes(range(32)), b'{"kind":"request.submitted","reference":"SRW-2026-4821003-K"}'


@pytest.fixture(scope="module")
def leaves() -> list[bytes]:
    leaves = [tlog.leaf_hash(n.to_bytes(2, "big")) for n in range(11)]
    leaves[6] = tlog.leaf_hash(tlog.entry(SALT, RECORD))
    return leaves


@pytest.fixture(scope="module")
def receipt(mine, leaves) -> bytes:
    checkpoint = sign_checkpoint(11, tlog.root(leaves), mine.checkpoint_signer)
    return make_receipt(RECORD, SALT, 6, tlog.inclusion_proof(6, 11, tlog.nodes_of(leaves)), checkpoint)


def test_a_checkpoint_is_a_signed_note_of_the_log(mine, theirs):
    text = sign_checkpoint(0, tlog.EMPTY_ROOT, mine.checkpoint_signer)
    assert text.startswith("log.example/srw\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n\n— log.example/srw ")
    note = SignedCheckpoint.parse(text)
    assert note.signed_by(mine.key_set()) == mine.key_set().checkpoint[0]
    assert note.signed_by(theirs.key_set()) is None
    public = mine.checkpoint_signer.public
    assert (
        note.key_id
        == hashlib.sha256(b"log.example/srw\n\x01" + public).digest()[:4]
        == note_key_id("log.example/srw", public)
    )


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("\n0\n", "\n00\n"),
        ("\n0\n", "\n-0\n"),
        ("\n\n—", "\nextension\n\n—"),
        ("\n\n— log.example/srw ", "\n\n— log.example/other "),
        ("log.example/srw", "log.example/srw+"),
        ("=\n\n", "\n\n"),
    ],
)
def test_a_checkpoint_in_any_other_spelling_is_refused(mine, old, new):
    text = sign_checkpoint(0, tlog.EMPTY_ROOT, mine.checkpoint_signer)
    assert old in text
    with pytest.raises(Refusal):
        SignedCheckpoint.parse(text.replace(old, new))


@pytest.mark.parametrize("tail", ["\n", "— witness.example AAAA\n", " "])
def test_nothing_may_follow_the_logs_signature(mine, tail):
    with pytest.raises(Refusal):
        SignedCheckpoint.parse(sign_checkpoint(0, tlog.EMPTY_ROOT, mine.checkpoint_signer) + tail)


def test_a_receipt_is_canonical_json_with_record_and_proof(receipt):
    found = json.loads(receipt)
    assert sorted(found) == ["proof", "record"]
    assert strict.unb64(found["record"], "record") == RECORD
    lines = found["proof"].split("\n")
    assert lines[:3] == ["c2sp.org/tlog-proof@v1", f"extra {strict.b64(SALT)}", "index 6"]
    assert lines[7] == ""
    assert lines[8] == "log.example/srw"
    assert Receipt.parse(receipt).to_json() == receipt
    assert Receipt.parse(receipt).proof.holds_for(RECORD)
    assert not Receipt.parse(receipt).proof.holds_for(RECORD + b" ")


def test_a_proof_in_any_other_spelling_is_refused(receipt):
    text = json.loads(receipt)["proof"]
    for changed in (
        text.replace("index 6", "index 06"),
        text.replace("extra ", "extra  "),
        text.replace("index", "extra AAAA\nindex"),
        text.replace("@v1\n", "@v1\r\n"),
        text.replace(f"extra {strict.b64(SALT)}\n", ""),
        text.replace(strict.b64(SALT), strict.b64(SALT[:31])),
        text + "\n",
    ):
        assert changed != text
        with pytest.raises(Refusal):
            Proof.parse(changed)


def test_a_receipt_that_proves_nothing_is_never_made(mine, leaves):
    checkpoint = sign_checkpoint(11, tlog.root(leaves), mine.checkpoint_signer)
    proof = tlog.inclusion_proof(6, 11, tlog.nodes_of(leaves))
    with pytest.raises(ValueError, match="does not show"):
        make_receipt(RECORD, SALT, 5, proof, checkpoint)


@pytest.mark.parametrize("text", ["AA", "AB==", "AA==\n", "A A=", "é", "_w=="])
def test_base64_has_one_spelling(text):
    with pytest.raises(Refusal):
        strict.unb64(text, "It")


@pytest.mark.parametrize("text", ["AB", "AA==", "A", "+w", "AA\n"])
def test_base64url_has_one_spelling(text):
    with pytest.raises(Refusal):
        strict.unb64url(text, "It")


@pytest.mark.parametrize(
    "data", [b'{"a":1,"a":1}', b'{"a":1.0}', b'{"b":1,"a":1}', b"NaN", b"[" * 100_000, b'"\\ud800"', b"\xff"]
)
def test_json_has_one_spelling(data):
    with pytest.raises(Refusal):
        strict.uncanonical(data, "It")
