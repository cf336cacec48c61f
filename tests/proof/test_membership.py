"""The tree of a list and its proofs: the same as the plain twin's, for one name alone, under one waiver alone."""

from __future__ import annotations

import dataclasses
import random
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519
from hypothesis import given, settings
from hypothesis import strategies as st

from ersr.core.errors import Refusal
from ersr.core.terms import NamesTerms, Terms
from ersr.names import records
from ersr.proof import letter, membership, sdjwt, strict, tiles, tlog
from ersr.proof.listed import names_digest
from ersr.proof.membership import Claim, ListKey
from ersr.proof.note import SignedCheckpoint, sign_checkpoint
from ersr.proof.receipt import Proof
from ersr.proof.verify import Kind, Outcome, Verdict, kind_of, verify
from tests.oracles import plain_tree
from tests.proof import samples

SECRET = bytes(range(32))
AT = datetime(2026, 12, 1, tzinfo=UTC)
WINDOW = "2026-11-20T00:00:00Z,2026-12-20T00:00:00Z"
RECORDS = sorted([*(f"agd{n:05d}.example" for n in range(0, 2100, 7)), f"jogli.example,{WINDOW}", "jogli.example,2027-01-01T00:00:00Z,"])


def in_file(folder: Path, texts: list[str]) -> records.Records:
    records.write(["".join(f"{text}\n" for text in texts).encode()] if texts else [], folder / "records.map")
    return records.Records(folder / "records.map")


@dataclass(frozen=True)
class Case:
    """A list, its key, a waiver for it, and the proofs of all its records."""

    lines: records.Records
    key: ListKey
    tiles: tiles.Tiles
    terms: Terms
    token: bytes
    proofs: dict[str, Proof]

    def judged(self, record: str, proof: str | bytes | None = None, *, keys, waiver: bytes | None = None, at=AT) -> Verdict:
        data = self.proofs[record].text if proof is None else proof
        claim = Claim(record, self.token if waiver is None else waiver)
        return verify(data.encode() if isinstance(data, str) else data, keys.key_set(), at=at, name="x", claim=claim)


def sealed(folder: Path, texts: list[str], keys, signed_at: datetime, secret: bytes = SECRET, **changes) -> Case:
    lines = in_file(folder, texts)
    key, made = membership.seal(lines, lines.digest, secret, keys.checkpoint_signer)
    digest, size = names_digest("\n".join({text.partition(",")[0] for text in texts}).encode())
    terms = dataclasses.replace(samples.WAIVER, names=NamesTerms(digest, size, made.root.hex()), **changes)
    token = sdjwt.issue(terms, issued_at=signed_at, issuer="https://srw.example", signer=keys.signer).encode()
    proofs = {text: membership.prove(lines, n, key, made) for n, text in enumerate(texts)}
    return Case(lines, key, made, terms, token, proofs)


@pytest.fixture(scope="module")
def case(tmp_path_factory, mine, signed_at) -> Case:
    return sealed(tmp_path_factory.mktemp("case"), RECORDS, mine, signed_at)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("list")


# --- the tree ---


@settings(max_examples=40, deadline=None)
@given(size=st.integers(1, 300), seed=st.integers(0, 2**32))
def test_root_and_paths_are_those_of_the_plain_tree(folder, mine, size, seed):
    """For any size: the root, every path, and that each record proves and no other one does by its proof."""
    dice = random.Random(seed)
    texts = sorted({f"{dice.getrandbits(40):x}.example" for _ in range(size)})
    rows, secret = [text.encode() for text in texts], dice.randbytes(32)
    with in_file(folder, texts) as lines:
        key, made = membership.seal(lines, "0" * 64, secret, mine.checkpoint_signer)
        assert made.root == key.checkpoint.checkpoint.root == plain_tree.root(secret, rows)
        for rank in {0, len(rows) - 1, dice.randrange(len(rows))}:
            proof = membership.prove(lines, rank, key, made)
            assert proof.salt == plain_tree.salt(secret, rows[rank])
            assert list(proof.hashes) == plain_tree.path(secret, rows, rank)
            assert [row for row in rows if proof.holds_for(row)] == [rows[rank]]


def test_a_tree_of_several_levels_of_tiles_is_the_plain_tree_and_any_number_of_processes_make_it(tmp_path, monkeypatch):
    """Past 65,536 records there are tiles of tiles, and past the bounds of blocks lines are cut in two and put together."""
    monkeypatch.setattr(tiles, "_WORTH", 1)
    rows = [f"{n:07d}.example" for n in range(66_000)]
    with in_file(tmp_path, rows) as lines:
        one, three = (tiles.Tiles.of(lines, SECRET, workers) for workers in (1, 3))
        plain = [row.encode() for row in rows]
        assert one == three
        assert [len(row) // 32 for row in one.rows] == [257, 1]
        assert one.rows[1] == plain_tree.root(SECRET, plain[:65_536])
        assert one.root == plain_tree.sha(b"\1", one.rows[1], plain_tree.root(SECRET, plain[65_536:]))
        assert tiles.Tiles.parse(one.to_bytes()) == one
        for rank in (0, 65_535, 65_536, 65_999):
            path = tlog.inclusion_proof(rank, 66_000, one.node(lines, SECRET))
            assert tlog.verify_inclusion(plain_tree.leaf(SECRET, plain[rank]), rank, 66_000, path, one.root)


def test_an_empty_list_has_the_empty_root(folder, mine):
    with in_file(folder, []) as lines:
        key, made = membership.seal(lines, lines.digest, SECRET, mine.checkpoint_signer)
    assert (made.size, made.root, made.rows) == (0, tlog.EMPTY_ROOT, ())
    assert key.checkpoint.checkpoint.size == 0


def test_a_worker_that_is_stopped_is_told_and_not_taken_for_a_short_list(tmp_path, monkeypatch):
    monkeypatch.setattr(tiles, "_WORTH", 1)
    monkeypatch.setattr(tiles.sys, "executable", "/bin/false")
    with in_file(tmp_path, [f"{n:04d}.example" for n in range(1024)]) as lines, pytest.raises(Refusal, match="was stopped"):
        tiles.Tiles.of(lines, SECRET, 2)


# --- what a proof tells of others ---


def tried_out(proof: Proof, guesses: list[str]) -> set[str]:
    """The names that somebody with this proof alone finds in it by trying: each guess with the one salt that the proof shows."""
    found = set()
    for guess in guesses:
        for salt in (proof.salt, bytes(32), b""):
            leaf = tlog.leaf_hash(plain_tree.sha(salt, guess.encode()))
            if leaf in proof.hashes:
                found.add(guess)
    return found


def test_from_a_proof_nothing_of_other_names_can_be_tried_out(case):
    """Names that an algorithm makes can be guessed: the guesser knows the whole list here, and gains nothing by it."""
    assert [tried_out(proof, RECORDS) for proof in case.proofs.values()] == [set()] * len(RECORDS)


@pytest.mark.parametrize("salt", [lambda secret, record: secret, lambda secret, record: bytes(32)])
def test_a_salt_that_records_share_would_give_the_neighbour_away(mine, salt):
    """The test above finds the fault that it is there for."""
    rows = [text.encode() for text in RECORDS]
    leaves = [tlog.leaf_hash(tlog.entry(salt(SECRET, row), row)) for row in rows]
    path = tlog.inclusion_proof(4, len(rows), tlog.nodes_of(leaves))
    note = SignedCheckpoint.parse(sign_checkpoint(len(rows), tlog.root(leaves), mine.checkpoint_signer))
    assert tried_out(Proof(salt(SECRET, rows[4]), 4, path, note), RECORDS) == {RECORDS[5]}


def test_another_secret_gives_another_tree_and_other_salts(tmp_path, case, mine, signed_at):
    other = sealed(tmp_path, RECORDS, mine, signed_at, secret=bytes(32))
    assert other.tiles.root != case.tiles.root
    assert {p.salt for p in other.proofs.values()}.isdisjoint(p.salt for p in case.proofs.values())
    assert len({p.salt for p in case.proofs.values()}) == len(RECORDS)


# --- the verdict ---


def test_each_record_proves_and_by_the_proof_of_another_none_does(case, mine):
    for n, record in enumerate(RECORDS):
        assert case.judged(record, keys=mine).outcome is Outcome.AUTHENTIC, record
        assert case.judged(record, case.proofs[RECORDS[n - 1]].text, keys=mine).outcome is Outcome.FORGED


def test_the_verdict_names_the_waiver_the_window_and_what_it_does_not_know(case, mine):
    record = f"jogli.example,{WINDOW}"
    verdict = case.judged(record, keys=mine)
    index = RECORDS.index(record)
    assert (verdict.kind, verdict.reference) == (Kind.MEMBERSHIP, case.terms.reference)
    assert verdict.covers[0] == (
        f"jogli.example is on the list of {case.terms.reference}, as record {index} of {len(RECORDS)} (content digest {case.lines.digest})"
    )
    assert verdict.covers[1].startswith("At 2026-12-01T00:00:00Z: It is on the list from Fri 20 Nov 2026")
    late = case.judged(record, keys=mine, at=datetime(2026, 12, 20, tzinfo=UTC))
    assert "and not at Sun 20 Dec 2026" in late.covers[1]
    assert verdict.key == mine.key_set().checkpoint[0]
    assert any("removed from the list" in row for row in verdict.unchecked)
    assert any("revoked" in row for row in verdict.unchecked)


@pytest.mark.parametrize(
    "record",
    [
        "jogli.example", "jogli.example,,", f"jogli.example,{WINDOW.replace('20T', '21T')}", "jogli.example,2027-01-01T00:00:00Z,2027-01-02T00:00:00Z",
        f"jogli.exampl,{WINDOW}", f"JOGLI.example,{WINDOW}", f"jogli.example,{WINDOW}\n", "",
    ],
)  # fmt: skip
def test_a_wrong_window_or_name_is_not_proved(case, mine, record):
    assert case.judged(record, case.proofs[f"jogli.example,{WINDOW}"].text, keys=mine).outcome is Outcome.FORGED


def test_a_name_that_was_removed_cannot_be_proved_under_the_waiver_for_the_rest(tmp_path, case, mine, signed_at):
    """The older list's proof is sound, and it is not this waiver's list; the newer one's holder cannot make one."""
    gone, rest = RECORDS[3], [text for text in RECORDS if text != RECORDS[3]]
    newer = sealed(tmp_path, rest, mine, signed_at)
    verdict = newer.judged(gone, case.proofs[gone].text, keys=mine)
    assert (verdict.outcome, verdict.why) == (Outcome.FORGED, f"The proof is for another list than the one that {newer.terms.reference} covers.")
    assert newer.judged(rest[3], case.proofs[rest[3]].text, keys=mine).outcome is Outcome.FORGED
    assert newer.lines.of(gone) == {}
    with pytest.raises(Refusal, match="another list's"):
        membership.prove(newer.lines, 0, case.key, newer.tiles)
    with pytest.raises(Refusal, match="another list's"):
        membership.tiles_beside(newer.lines, case.key, tmp_path / "tiles")


def test_only_the_lists_own_checkpoint_by_a_trusted_key_counts(case, mine, theirs):
    """Not the ledger's with the same root, not another installation's, not one for a list of no digest."""
    record, head = RECORDS[7], case.key.checkpoint.checkpoint

    def with_note(note: str) -> str:
        return dataclasses.replace(case.proofs[record], checkpoint=SignedCheckpoint.parse(note)).text

    def note(keys, **more) -> str:
        return sign_checkpoint(head.size, head.root, keys.checkpoint_signer, **more)

    assert case.judged(record, with_note(note(mine, content_digest=case.lines.digest)), keys=mine).outcome is Outcome.AUTHENTIC
    for wrong in (note(mine), note(theirs, content_digest=case.lines.digest), note(mine, content_digest="x" * 64), note(mine, content_digest="")):
        assert case.judged(record, with_note(wrong), keys=mine).outcome is Outcome.FORGED
    alone = case.key.checkpoint.text.encode()
    assert verify(alone, mine.key_set(), at=AT, name="x").outcome is Outcome.FORGED, "a list's tree is no ledger"


def test_a_proof_counts_with_a_whole_and_trusted_waiver_alone(case, mine, theirs, signed_at):
    record, text = RECORDS[0], case.token.decode()
    pdf = letter.sign(letter.render(case.terms), text, mine.signer, now=signed_at)
    assert case.judged(record, keys=mine, waiver=pdf).outcome is Outcome.AUTHENTIC
    shown = sdjwt.present(text, ["names", "lines"]).encode()
    assert case.judged(record, keys=mine, waiver=shown).outcome is Outcome.AUTHENTIC
    assert any("shows no line under .example" in w for w in case.judged(record, keys=mine, waiver=sdjwt.present(text, ["names"]).encode()).warnings)
    hidden = case.judged(record, keys=mine, waiver=sdjwt.present(text, ["tlp"]).encode())
    assert (hidden.outcome, "no root" in hidden.why) == (Outcome.CANNOT_TELL, True)
    older = sdjwt.issue(samples.WAIVER, issued_at=signed_at, issuer="https://srw.example", signer=mine.signer).encode()
    assert case.judged(record, keys=mine, waiver=older).outcome is Outcome.CANNOT_TELL
    forged = sdjwt.issue(case.terms, issued_at=signed_at, issuer="https://srw.example", signer=theirs.signer).encode()
    for wrong in (forged, case.token[:-9], b"", b"hello", case.key.to_json(), case.proofs[record].text.encode()):
        assert case.judged(record, keys=mine, waiver=wrong).outcome is Outcome.FORGED


def test_a_document_that_says_nothing_of_a_name_is_no_answer_about_it(case, documents, mine):
    """And a proof without a name to hold it against is none either."""
    for kind, data in documents.items():
        assert verify(data, mine.key_set(), at=AT, name=kind, claim=Claim("a.example", case.token)).outcome is Outcome.CANNOT_TELL
    alone = verify(case.proofs[RECORDS[0]].text.encode(), mine.key_set(), at=AT, name="x")
    assert (alone.kind, alone.outcome, "--name" in alone.why) == (Kind.MEMBERSHIP, Outcome.CANNOT_TELL, True)
    assert case.judged(RECORDS[0], "hello", keys=mine).outcome is Outcome.CANNOT_TELL
    assert verify(case.proofs[RECORDS[0]].text.encode(), None, at=AT, name="x", claim=Claim(RECORDS[0], case.token)).outcome is Outcome.CANNOT_TELL


# --- changed files ---


def test_no_flipped_bit_of_a_proof_is_accepted(case, mine):
    """All bits, one by one; and the proof is known for one in spite of a changed byte."""
    record = f"jogli.example,{WINDOW}"
    data = case.proofs[record].text.encode()
    for bit in range(8 * len(data)):
        changed = bytearray(data)
        changed[bit // 8] ^= 1 << bit % 8
        assert case.judged(record, bytes(changed), keys=mine).outcome is not Outcome.AUTHENTIC, bit
    for place in range(0, len(data), 7):
        assert kind_of(data[:place] + b"\1" + data[place + 1 :]) is Kind.MEMBERSHIP


def test_no_flipped_bit_of_the_waiver_is_accepted(case, mine):
    for bit in range(0, 8 * len(case.token), 97):
        changed = bytearray(case.token)
        changed[bit // 8] ^= 1 << bit % 8
        assert case.judged(RECORDS[0], keys=mine, waiver=bytes(changed)).outcome is not Outcome.AUTHENTIC, bit


def test_nothing_may_be_cut_off_a_proof_or_stand_around_it(case, mine):
    data = case.proofs[RECORDS[5]].text.encode()
    more = [data + b"\n", b"\n" + data, data + data, b"\xef\xbb\xbf" + data, data.replace(b"\n", b"\r\n"), data.replace(b"index ", b"index 0")]
    for changed in [*more, *(data[:n] for n in range(len(data)))]:
        assert case.judged(RECORDS[5], changed, keys=mine).outcome is not Outcome.AUTHENTIC


# --- the key, and what lies beside it ---


def test_a_list_key_is_written_one_way_and_nothing_else_is_read(case, tmp_path):
    data = case.key.to_json()
    assert ListKey.parse(data) == case.key
    for wrong in (data + b"\n", b" " + data, data.replace(b'"secret"', b'"Secret"'), data[:-4] + b'="}', b"{}", b"", strict.canonical({"secret": 1, "checkpoint": 2})):
        with pytest.raises(Refusal):
            ListKey.parse(wrong)
    case.key.write(tmp_path / "list-key.json")
    assert (tmp_path / "list-key.json").stat().st_mode & 0o777 == 0o600
    assert ListKey.parse((tmp_path / "list-key.json").read_bytes()) == case.key


def test_a_secret_has_32_bytes(case, mine):
    with pytest.raises(ValueError, match="32 bytes"):
        membership.seal(case.lines, "0" * 64, b"short", mine.checkpoint_signer)


def test_tiles_are_kept_beside_the_key_and_made_again_when_they_are_not_the_trees(case, tmp_path, monkeypatch):
    file = tmp_path / "list-key.json.tiles"
    assert membership.tiles_beside(case.lines, case.key, file) == case.tiles
    kept = file.read_bytes()
    assert kept == case.tiles.to_bytes()
    for broken in (b"", kept[:-1], kept + b"\0", kept[:20] + bytes([kept[20] ^ 1]) + kept[21:], kept[:30] + b"\0" + kept[31:]):
        file.write_bytes(broken)
        assert membership.tiles_beside(case.lines, case.key, file) == case.tiles
        assert file.read_bytes() == kept
    monkeypatch.setattr(tiles.Tiles, "of", None)
    assert membership.tiles_beside(case.lines, case.key, file) == case.tiles, "they are read, not made"


def test_tiles_that_do_not_carry_the_record_give_no_proof(case, tmp_path):
    """A tile that was changed behind a root that fits: the proof is judged before it leaves the house."""
    wrong = dataclasses.replace(case.tiles, rows=(bytes(len(case.tiles.rows[0])),))
    with pytest.raises(Refusal, match="another list's"):
        membership.prove(case.lines, len(RECORDS) - 1, case.key, wrong)


# --- judged by tools that are not ours ---


@pytest.mark.oracle
def test_openssl_accepts_the_checkpoint_and_sha256sum_the_leaf_and_the_path(case, mine, tmp_path):
    proof, record = case.proofs[RECORDS[1]], RECORDS[1].encode()
    public = ed25519.Ed25519PublicKey.from_public_bytes(mine.checkpoint_signer.public)
    pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    for name, content in (("public.pem", pem), ("text", proof.checkpoint.checkpoint.text.encode()), ("signature", proof.checkpoint.signature)):
        (tmp_path / name).write_bytes(content)
    command = ["openssl", "pkeyutl", "-verify", "-pubin", "-rawin", "-inkey", "public.pem", "-in", "text", "-sigfile", "signature"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    (tmp_path / "text").write_bytes(proof.checkpoint.checkpoint.text.encode().replace(b"\n3", b"\n4"))
    assert subprocess.run(command, cwd=tmp_path, check=False, capture_output=True).returncode

    def tool(*words: str, data: bytes) -> bytes:
        told = subprocess.run(words, input=data, check=True, capture_output=True).stdout.decode()
        return bytes.fromhex(told.split()[-1] if words[0] == "openssl" else told.split()[0])

    mac = tool("openssl", "dgst", "-sha256", "-mac", "HMAC", "-macopt", f"hexkey:{SECRET.hex()}", data=record)
    assert mac == proof.salt
    found, place, last = tool("sha256sum", data=b"\0" + tool("sha256sum", data=mac + record)), proof.index, len(RECORDS) - 1
    for sibling in proof.hashes:
        while not place & 1 and place == last:
            place, last = place >> 1, last >> 1
        found = tool("sha256sum", data=b"\1" + (sibling + found if place & 1 else found + sibling))
        place, last = place >> 1, last >> 1
    assert found == proof.checkpoint.checkpoint.root
