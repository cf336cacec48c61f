"""The verdict: what it tells, at which time, and what it admits not to know."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ersr.core.terms import NamesTerms, WaiverStatus
from ersr.proof import keys, sdjwt
from ersr.proof.listed import names_digest
from ersr.proof.verify import Kind, Outcome, kind_of, verify
from tests.proof import samples

AT = datetime(2026, 12, 1, tzinfo=UTC)
LIST = "".join(f"{name}\n" for name in samples.NAMES).encode()


@pytest.mark.parametrize(
    ("at", "state"),
    [
        (datetime(2026, 11, 16, 17, 59, 59, tzinfo=UTC), WaiverStatus.UPCOMING),
        (samples.WAIVER.effective_from, WaiverStatus.IN_FORCE),
        (samples.WAIVER.ends_at, WaiverStatus.ENDED),
        (datetime(2066, 1, 1, tzinfo=UTC), WaiverStatus.ENDED),
    ],
)
@pytest.mark.parametrize("kind", ["letter", "token", "presentation"])
def test_upcoming_in_force_and_ended_are_all_authentic(kind, at, state, documents, mine):
    """Evidence stays checkable after the end, and long after the certificate's."""
    verdict = verify(getattr(documents, kind), mine.key_set(), at=at, name="x")
    assert (verdict.outcome, verdict.state) == (Outcome.AUTHENTIC, state)


def test_a_letters_verdict_tells_key_cover_period_and_what_is_unchecked(documents, mine):
    verdict = verify(documents.letter, mine.key_set(), at=AT, name="waiver.pdf")
    told = verdict.to_json()
    assert told["kind"] == "letter"
    assert told["reference"] == samples.WAIVER.reference
    assert told["key"]["kid"] == mine.signer.kid
    assert told["key"]["trusted_from"] == "2026-01-05T09:00:00Z"
    assert told["signed_at"] == "2026-11-16T17:37:12Z"
    assert told["period"]["acts_from"] == "2026-11-14T11:07:00Z"
    assert told["withheld"] == 0
    assert "Registry operator: Northlight Registry B.V." in told["covers"]
    for word in ("revoked", "served", "conditions", "--names", "second place", "withdrawn"):
        assert any(word in row for row in told["unchecked"]), word
    assert "DEVELOPMENT" in told["warnings"][0]


def test_a_presentation_is_reported_as_one(documents, mine):
    verdict = verify(documents.presentation, mine.key_set(), at=AT, name="x")
    assert verdict.withheld == 17
    assert "17 claims are withheld" in verdict.warnings[1]
    assert not any("Northlight" in row for row in verdict.covers)


def test_a_receipts_verdict_tells_the_record(documents, mine):
    verdict = verify(documents.receipt, mine.key_set(), at=AT, name="x")
    assert verdict.covers[0] == "Entry 20 of the ledger log.example/srw, when it had 37 entries"
    assert "kind: request.submitted" in verdict.covers
    assert any("same tree" in row for row in verdict.unchecked)


def test_without_keys_it_cannot_tell(documents):
    for kind, data in documents.items():
        verdict = verify(data, None, at=AT, name=kind)
        assert (verdict.outcome, verdict.key, verdict.covers) == (Outcome.CANNOT_TELL, None, ())


def test_what_is_none_of_ours_it_cannot_tell(mine):
    for data in (b"", b"hello\n", b"{}", LIST, mine.key_set().to_json(), bytes(1000)):
        assert kind_of(data) is Kind.UNKNOWN
        assert verify(data, mine.key_set(), at=AT, name="x").outcome is Outcome.CANNOT_TELL


def test_a_preview_binds_nobody_and_is_told_so(mine):
    from ersr.proof.letter import render

    verdict = verify(render(samples.WAIVER), mine.key_set(), at=AT, name="x")
    assert verdict.outcome is Outcome.FORGED
    assert "carries no signature" in verdict.why


def test_the_digest_is_that_of_sort_and_sha256sum(tmp_path):
    """Also for a list that is unsorted, has a name twice, or lacks its last line feed."""
    for n, data in enumerate((LIST, b"b\na\nb\n", b"b\na", b"B\na\n\xc3\xa9\n", b"\n")):
        file = tmp_path / f"{n}.txt"
        file.write_bytes(data)
        command = f"LC_ALL=C sort -u {file} | sha256sum"
        shell = subprocess.run(command, shell=True, capture_output=True, check=True).stdout.decode()
        assert names_digest(data)[0] == shell.split()[0]


def test_a_list_of_names_is_held_against_the_signed_digest(mine, signed_at):
    digest, size = names_digest(LIST)
    terms = dataclasses.replace(samples.WAIVER, names=NamesTerms(digest, size))
    token = sdjwt.issue(terms, issued_at=signed_at, issuer="https://srw.example", signer=mine.signer)

    def judged(text: str, names: bytes):
        return verify(text.encode(), mine.key_set(), at=AT, name="x", names=names)

    good = judged(token, LIST)
    assert good.outcome is Outcome.AUTHENTIC
    assert not any("--names" in row for row in good.unchecked)
    wrong = judged(token, LIST + b"jogli.com\n")
    assert wrong.outcome is Outcome.FORGED
    assert "this is not the list of names" in wrong.why
    assert judged(sdjwt.present(token, ["tlp"]), LIST).outcome is Outcome.CANNOT_TELL


def test_the_right_key_is_found_among_several(tmp_path, documents, mine, theirs):
    """A key set that keeps retired keys beside the new one."""
    both = keys.KeySet(
        (*theirs.key_set().signing, *mine.key_set().signing), (*theirs.key_set().checkpoint, *mine.key_set().checkpoint)
    )
    both = keys.KeySet.parse(both.to_json())
    for kind, data in documents.items():
        assert verify(data, both, at=AT, name=kind).key in (*mine.key_set().signing, *mine.key_set().checkpoint)


@settings(max_examples=300, deadline=None)
@given(
    st.one_of(
        st.binary(max_size=400),
        st.from_regex(rb"eyJ[\w.~-]{40,200}", fullmatch=True),
        st.from_regex(rb"%PDF-1\.7\n.{0,50}/ByteRange \[0 [0-9]{1,3} [0-9]{1,3} [0-9]{1,3}\].{0,80}%%EOF\n"),
        st.from_regex(rb'\{"proof":"[^"]{0,80}","record":"[A-Za-z0-9+/]{0,40}={0,2}"\}', fullmatch=True),
        st.from_regex(
            rb"[a-z./]{1,20}\n[0-9]{1,4}\n[A-Za-z0-9+/]{43}=\n\n\xe2\x80\x94 [a-z./]{1,9} [A-Za-z0-9+/=]{4,99}\n"
        ),
    )
)
def test_no_bytes_whatever_are_accepted_or_make_the_verifier_fall_over(mine, data):
    assert verify(data, mine.key_set(), at=AT, name="x").outcome is not Outcome.AUTHENTIC


def test_the_verifier_needs_neither_the_service_nor_its_heavy_parts():
    """Base installation: no Django, typst or polars is imported to verify."""
    code = (
        "import sys, ersr.client.command; print(sorted({'django', 'typst', 'polars', 'fontTools'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert done.stdout.strip() == "[]"
