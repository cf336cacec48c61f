"""No changed file is ever authentic: flips, cuts, insertions, in numbers, for every kind of document.

The seed is fixed, so a failure can be repeated; the counts are printed (pytest -s).
"""

from __future__ import annotations

import random
import re
from collections import Counter

import pytest

from ersr.proof import sdjwt
from ersr.proof.keys import P256_ORDER
from ersr.proof.verify import Kind, Outcome, Verdict, kind_of, verify
from tests.proof import samples
from tests.proof.documents import make

KINDS = ["letter", "token", "presentation", "receipt", "checkpoint"]
AT = samples.WAIVER.effective_from


def flipped(data: bytes, bit: int) -> bytes:
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def judge_all(what: str, files: list[bytes], keys) -> list[Verdict]:
    verdicts = [verify(data, keys.key_set(), at=AT, name=what) for data in files]
    print(f"{what}: {len(files)} files, {dict(Counter(v.outcome.value for v in verdicts))}")
    return verdicts


@pytest.mark.parametrize("kind", KINDS)
def test_the_untouched_document_is_authentic(kind, documents, mine):
    verdict = verify(getattr(documents, kind), mine.key_set(), at=AT, name=kind)
    assert (verdict.outcome, verdict.why) == (Outcome.AUTHENTIC, "")


@pytest.mark.parametrize("kind", KINDS)
def test_none_of_100_flipped_bits_is_accepted(kind, documents, mine):
    data, dice = getattr(documents, kind), random.Random(f"flips {kind}")
    files = [flipped(data, dice.randrange(8 * len(data))) for _ in range(100)]
    assert all(v.outcome is Outcome.FORGED for v in judge_all(f"{kind}, flips", files, mine))


def test_none_of_100_flipped_bits_inside_contents_is_accepted(documents, mine):
    found, dice = re.search(rb"/Contents <[0-9A-F]+>", documents.letter), random.Random("contents")
    files = [flipped(documents.letter, 8 * dice.randrange(*found.span()) + dice.randrange(8)) for _ in range(100)]
    assert all(v.outcome is Outcome.FORGED for v in judge_all("letter, flips in /Contents", files, mine))


@pytest.mark.parametrize("kind", KINDS)
def test_every_single_flip_of_a_small_document_and_every_byte_of_a_signature_is_refused(kind, documents, mine):
    """All bits of the small ones, and one bit of each byte of the letter's signature dictionary."""
    data = getattr(documents, kind)
    if kind == "letter":
        start = data.index(b"/Contents <3")
        bits = [8 * place + place % 8 for place in range(start, len(data), 3)]
    else:
        bits = list(range(0, 8 * len(data), 1 if len(data) < 1000 else 11))
    verdicts = judge_all(f"{kind}, systematic flips", [flipped(data, bit) for bit in bits], mine)
    assert all(v.outcome is Outcome.FORGED for v in verdicts)


@pytest.mark.parametrize("kind", KINDS)
def test_none_of_100_cuts_is_accepted_but_a_token_cut_after_a_tilde_as_a_presentation(kind, documents, mine):
    data, dice = getattr(documents, kind), random.Random(f"cuts {kind}")
    files = [data[: dice.randrange(len(data))] for _ in range(100)]
    for file, verdict in zip(files, judge_all(f"{kind}, cuts", files, mine), strict=True):
        presentation = kind in ("token", "presentation") and file.endswith(b"~") and verdict.withheld > 0
        assert verdict.outcome is not Outcome.AUTHENTIC or presentation


@pytest.mark.parametrize("kind", KINDS)
def test_none_of_100_insertions_is_accepted(kind, documents, mine):
    data, dice = getattr(documents, kind), random.Random(f"insertions {kind}")
    files = []
    for _ in range(100):
        place, more = (
            dice.randrange(len(data) + 1),
            dice.choice((b"\n", b" ", b"\0", dice.randbytes(dice.randrange(1, 9)))),
        )
        files.append(data[:place] + more + data[place:])
    assert all(v.outcome is not Outcome.AUTHENTIC for v in judge_all(f"{kind}, insertions", files, mine))


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_may_follow_or_precede_a_document(kind, documents, mine):
    data = getattr(documents, kind)
    files = [data + more for more in (b"\n", b" ", b"\0", b"%%EOF\n", data)] + [b"\n" + data, b"\xef\xbb\xbf" + data]
    assert all(v.outcome is not Outcome.AUTHENTIC for v in judge_all(f"{kind}, more around it", files, mine))


@pytest.mark.parametrize("kind", KINDS)
def test_another_installations_documents_are_not_accepted(kind, mine, theirs, signed_at):
    """Same names, same origin, other keys."""
    data = getattr(make(samples.WAIVER, theirs, signed_at), kind)
    assert verify(data, theirs.key_set(), at=AT, name=kind).outcome is Outcome.AUTHENTIC
    verdict = verify(data, mine.key_set(), at=AT, name=kind)
    assert verdict.outcome is Outcome.FORGED
    assert "comes from another installation" in verdict.why


def test_the_twin_of_a_signature_is_refused(documents, mine):
    """(r, n - s) is the same signature to stock libraries, and another file."""
    parts, rest = documents.token.decode().split("~", 1)
    found = sdjwt.parse(documents.token.decode())
    s = P256_ORDER - int.from_bytes(found.signature[32:], "big")
    twin = sdjwt.strict.b64url(found.signature[:32] + s.to_bytes(32, "big"))
    changed = f"{parts.rsplit('.', 1)[0]}.{twin}~{rest}"
    assert verify(changed.encode(), mine.key_set(), at=AT, name="twin").outcome is Outcome.FORGED


def test_the_hex_of_a_signature_has_one_case_and_only_zeros_behind_it(documents, mine):
    found = re.search(rb"/Contents <([0-9A-F]+)>", documents.letter)
    start, end = found.span(1)
    lower = documents.letter[:start] + found[1].lower() + documents.letter[end:]
    padded = documents.letter[: end - 2] + b"01" + documents.letter[end:]
    assert found[1].endswith(b"00")
    assert all(v.outcome is Outcome.FORGED for v in judge_all("letter, another spelling", [lower, padded], mine))


def test_a_second_update_after_the_signature_is_refused(documents, mine):
    """What stock readers call a permitted later change is a changed file here."""
    import io

    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter

    writer = IncrementalPdfFileWriter(io.BytesIO(documents.letter))
    writer.root["/Extra"] = writer.root["/Lang"]
    writer.update_root()
    out = io.BytesIO()
    writer.write(out)
    verdict = verify(out.getvalue(), mine.key_set(), at=AT, name="updated")
    assert "something was added or cut off" in verdict.why


@pytest.mark.parametrize("kind", KINDS)
def test_a_document_is_known_for_what_it_was_in_spite_of_one_changed_byte(kind, documents):
    data = getattr(documents, kind)
    expected = Kind.TOKEN if kind == "presentation" else Kind[kind.upper()]
    for place in [*range(0, 40), len(data) - 1, len(data) // 2]:
        changed = data[:place] + bytes([data[place] ^ 0x41]) + data[place + 1 :]
        assert kind_of(changed) is expected
