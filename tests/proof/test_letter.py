"""The letter reads as a lawyer would write it, for each kind of writing, and is signed together with its token."""

from __future__ import annotations

import dataclasses
import re
import subprocess
from datetime import timedelta

import pytest

from ersr.core.errors import Refusal
from ersr.core.terms import Terms
from ersr.proof import letter, pdfread, sdjwt
from tests.proof import samples


def text_of(pdf: bytes, tmp_path) -> str:
    """What a reader sees, through poppler, with runs of white space made one space."""
    file = tmp_path / "letter.pdf"
    file.write_bytes(pdf)
    done = subprocess.run(["pdftotext", "-layout", str(file), "-"], capture_output=True, check=True)
    return done.stdout.decode()


def flat(text: str) -> str:
    return re.sub(r"\s+", " ", text)


def issue(terms: Terms, mine, signed_at) -> str:
    return sdjwt.issue(terms, issued_at=signed_at, issuer="https://srw.example", signer=mine.signer)


def test_the_same_terms_give_the_same_bytes():
    assert letter.render(samples.WAIVER) == letter.render(samples.WAIVER)
    assert letter.render(samples.WAIVER) != letter.render(samples.FEES)


def test_the_letter_says_what_it_is(tmp_path):
    """PDF/A-3a and PDF/UA-1 by its own metadata; title, language and tags are there."""
    pdf = letter.render(samples.WAIVER)
    (tmp_path / "x.pdf").write_bytes(pdf)
    found = subprocess.run(
        ["pdfinfo", "-meta", str(tmp_path / "x.pdf")], capture_output=True, check=True
    ).stdout.decode()
    assert re.search(r"pdfaid:part>3<", found)
    assert re.search(r"pdfaid:conformance>A<", found)
    assert re.search(r"pdfuaid:part>1<", found)
    facts = subprocess.run(["pdfinfo", str(tmp_path / "x.pdf")], capture_output=True, check=True).stdout.decode()
    assert re.search(r"Tagged: +yes", facts)
    assert f"{samples.WAIVER.reference}: Waiver of specific provisions" in facts


@pytest.mark.parametrize(
    ("terms", "sentences"),
    [
        (
            samples.WAIVER,
            (
                "Under section 7.6(i) of the Registry Agreements",
                "Provisions waived",
                "The Authority waives compliance with the provisions listed here",
                "Acts permitted",
                "Section 2.9(a)",
                "Specification 9, 1(b)",
                "Granted as modified: The names may be registered to the authority’s sinkhole operator only.",
                "“except to the extent that ICANN otherwise expressly authorizes in writing”",
                "Only these acts are permitted. The Registry Operator may:",
                "(a) create the covered names without a registrar (lines 1, 2); and",
                "7,750 domain names",
                "4b1e 77c0 92af 3d58 e016 8c2b f59d 04a7",
                "LC_ALL=C sort -u names.txt | sha256sum",
                "retroactive cover",
                "14 March 2027, 00:00 UTC, the end of 13 March 2027",
                "Copy: Harbour Registry Services Ltd",
            ),
        ),
        (
            samples.AUTHORISATION,
            (
                "As foreseen in section 2.6 of the Registry Agreements",
                "The Authority authorises in writing the acts in paragraph 3",
                "Acts authorised",
                "There are no conditions beyond",
                "decides as follows.",
                "Acts done before 16 November 2026, 18:00 UTC, or at or after the end, are not covered.",
            ),
        ),
        (
            samples.FEES,
            (
                "Under section 6.7 of the Registry Agreements",
                "Fees reduced",
                "the fees under that provision do not fall due, or are reduced where the line says so",
                "Only transactions that arise from these acts are covered: (a) create names (line 1).",
                "No list of names belongs to this writing.",
            ),
        ),
    ],
    ids=lambda value: value.instrument.value if isinstance(value, Terms) else "",
)
def test_each_kind_of_writing_has_its_own_words(terms, sentences, tmp_path):
    text = flat(text_of(letter.render(terms), tmp_path))
    for sentence in (
        *sentences,
        terms.reference,
        terms.request,
        "16 November 2026",
        "It is not continuing",
        "admits a breach by either party",
        "no right to anyone who is not a party",
        "orders of courts and authorities, unaffected",
        f"for the {'fees' if terms is samples.FEES else 'provisions'} named in paragraph 2 only",
        f"{terms.reference}.sd-jwt",
        "Ada Example",
        "Vice President, Registry Services",
        "Acting under the delegation of 1 March 2026",
    ):
        assert sentence in text
    assert ("retroactive cover" in text) == (terms.acts_from < terms.effective_from)


@pytest.mark.parametrize("terms", samples.ALL, ids=lambda t: t.reference)
def test_every_sheet_bears_label_reference_and_number(terms, tmp_path):
    sheets = text_of(letter.render(terms), tmp_path).removesuffix("\f").split("\f")
    for number, sheet in enumerate(sheets, start=1):
        assert "TLP:AMBER+STRICT" in sheet
        assert terms.reference in sheet
        assert f"Page {number} of {len(sheets)}" in sheet


def test_the_signature_never_stands_alone_on_a_sheet(tmp_path):
    """Whatever the length of the letter, the last sheet has words of the writing above the signature."""
    for more in range(0, 14, 2):
        terms = dataclasses.replace(samples.WAIVER, conditions=("A condition of one line.",) * more)
        last = text_of(letter.render(terms), tmp_path).removesuffix("\f").split("\f")[-1]
        assert "This letter binds only with the electronic signature" in last
        assert "Ada Example" in last


def test_forty_tlds_are_listed_once_and_then_named_by_agreement(tmp_path):
    text = flat(text_of(letter.render(samples.MANY), tmp_path))
    assert len(samples.MANY.tlds) == 40
    for tld in samples.MANY.tlds:
        assert f".{tld}" in text
    assert "all of paragraph 1" in text
    assert "all of A1" in text


def test_lines_with_different_acts_never_share_a_row(tmp_path):
    """Else line 2's act could be read with line 1's TLD."""
    first = samples.WAIVER.lines[0]
    lines = (
        dataclasses.replace(first, tlds=("example",)),
        dataclasses.replace(first, number=2, action_words="To hold names.", tlds=("test",)),
    )
    text = text_of(letter.render(dataclasses.replace(samples.WAIVER, lines=lines)), tmp_path)
    assert re.search(r"^ *1 +Section 2\.9\(a\) +Registrars +\.example$", text, re.MULTILINE)
    assert re.search(r"^ *2 +Section 2\.9\(a\) +Registrars +\.test$", text, re.MULTILINE)
    assert "(b) hold names (line 2)." in flat(text)


def test_what_people_typed_is_text_and_never_markup(tmp_path):
    terms = dataclasses.replace(samples.WAIVER, reasons=("#panic() *bold* $x$ [a] \\ @b <c> `d`.",))
    assert "#panic() *bold* $x$ [a] \\ @b <c> `d`." in flat(text_of(letter.render(terms), tmp_path))


def test_letters_that_the_typeface_lacks_are_refused():
    with pytest.raises(Refusal, match="Latin, Greek or Cyrillic"):
        letter.render(dataclasses.replace(samples.WAIVER, reasons=("理由",)))


@pytest.mark.parametrize("terms", samples.ALL, ids=lambda t: t.reference)
def test_signing_adds_to_the_preview_and_ties_the_token_to_it(terms, mine, signed_at):
    preview = letter.render(terms)
    signed = letter.sign(preview, issue(terms, mine, signed_at), mine.signer, now=signed_at)
    assert signed.startswith(preview)
    found = pdfread.verify(signed, mine.key_set())
    assert found.signed_at == signed_at
    assert found.token.terms() == terms


def test_a_letter_is_never_signed_with_a_token_of_other_terms_key_or_time(mine, theirs, signed_at):
    preview = letter.render(samples.WAIVER)
    other = issue(dataclasses.replace(samples.WAIVER, tlp="TLP:GREEN"), mine, signed_at)
    with pytest.raises(ValueError, match="not rendered from the token's terms"):
        letter.sign(preview, other, mine.signer, now=signed_at)
    token = issue(samples.WAIVER, mine, signed_at)
    for wrong, signer, now in (
        (token, theirs.signer, signed_at),
        (token, mine.signer, signed_at + timedelta(seconds=1)),
        (sdjwt.present(token, ["tlp"]), mine.signer, signed_at),
    ):
        with pytest.raises(ValueError, match="must be whole"):
            letter.sign(preview, wrong, signer, now=now)


def test_a_letter_whose_token_is_anothers_is_refused_even_with_a_good_signature(mine, signed_at, monkeypatch):
    """Such a file could only come from a fault of the service; the verifier does not trust it to have none."""
    from ersr.proof import pdfsign

    other = issue(dataclasses.replace(samples.WAIVER, tlp="TLP:GREEN"), mine, signed_at)
    monkeypatch.setattr(pdfsign, "terms_digest", lambda terms: "")
    signed = letter.sign(letter.render(samples.WAIVER), other, mine.signer, now=signed_at)
    with pytest.raises(Refusal, match="not made from the terms of the letter"):
        pdfread.verify(signed, mine.key_set())
