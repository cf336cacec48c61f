"""Entries become canonical names or are refused for one reason; names are digested."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable

import idna
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ersr.core.reasons import REASONS
from ersr.names.canonical import Kind, canonical, digest
from tests.names import generator

TLDS = ("com", "org", "xn--p1ai")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("example.com", "example.com"),
        ("  ExAmple.COM.\t", "example.com"),
        ("example[.]com", "example.com"),
        ("example(.)com{.}", "example.com"),
        ("BÜCHER.com", "xn--bcher-kva.com"),
        ("xn--bcher-kva.com", "xn--bcher-kva.com"),
        ("XN--BCHER-KVA.COM", "xn--bcher-kva.com"),
        ("пример.рф", "xn--e1afmkfd.xn--p1ai"),
        ("example。com", "example.com"),
        ("ｅｘａｍｐｌｅ．com", "example.com"),
        ("1-2.org", "1-2.org"),
        ("a" * 63 + ".com", "a" * 63 + ".com"),
        ("\ufeffexample.com", "example.com"),
    ],
)
def test_entries_are_mended_and_written_one_way(text: str, name: str):
    assert canonical(text, TLDS) == canonical(name, TLDS)
    assert canonical(text, TLDS).name == name
    assert canonical(text, TLDS).reason == ""


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("ex ample.com", "space"),
        ("a.com b.com", "space"),
        ("example .com", "space"),
        ("http://example.com", "url"),
        ("hxxps://example[.]com/x", "url"),
        ("example.com/", "url"),
        ("*.com", "wildcard"),
        ("*.example.com", "wildcard"),
        ("www.example.com", "deeper"),
        ("a.b.c.d.com", "deeper"),
        ("example.net", "other_tld"),
        ("www.example.net", "other_tld"),
        ("com", "no_name"),
        ("example", "no_name"),
        ("", "no_name"),
        (".com", "empty_label"),
        ("a..com", "empty_label"),
        ("a.com..", "empty_label"),
        ("-a.com", "hyphen"),
        ("a-.com", "hyphen"),
        ("ab--cd.com", "hyphen"),
        ("xn--a.com", "a_label"),
        ("xn--.com", "a_label"),
        ("xn--n3h.com", "a_label"),
        ("a_b.com", "character"),
        ("a.com,b.com", "character"),
        ("a@b.com", "character"),
        ("☃.com", "character"),
        ("a" * 64 + ".com", "label_long"),
        ("é" * 60 + ("öä" * 12) + ".com", "label_long"),
        (".".join(["a" * 60] * 5) + ".com", "name_long"),
        ("a." * 600 + "com", "name_long"),
    ],
)
def test_a_refused_entry_has_one_reason(text: str, reason: str):
    outcome = canonical(text, TLDS)
    assert (outcome.kind, outcome.name, outcome.reason) == (Kind.REFUSED, "", reason)


def by_idna(text: str, tlds: Iterable[str]) -> str | None:
    """What the idna package makes of it, and the one-label rule, written without our code."""
    try:
        name = idna.encode(text.strip().removesuffix("."), uts46=True, std3_rules=True).decode()
    except (idna.IDNAError, UnicodeError):
        return None
    first, _, rest = name.partition(".")
    return name if first and rest in tlds else None


labels = st.one_of(
    st.text("abcxyz0189-", min_size=1, max_size=8),
    st.text("ABCxnXN-é日本рф_ß", min_size=1, max_size=8),
    st.text("xn-", max_size=4).map(lambda text: f"xn--{text}9a"),
    st.text(min_size=1, max_size=5).filter(lambda t: not any(c.isspace() or c in "/*.。．｡\ufeff()[]{}" for c in t)),
    st.text("a", min_size=60, max_size=66),
)


@given(labels, st.sampled_from(["com", "org", "рф", "xn--p1ai", "net", "COM"]), st.sampled_from(["", ".", " ", "\t"]))
@example("xn--fa-hia", "com", "")
@example("a\u00adb", "com", "")
def test_the_idna_package_agrees(label: str, tld: str, end: str):
    """Accepted by one is accepted by the other, with the same name: the fast path takes no liberties."""
    text = f"{label}.{tld}{end}"
    ours, theirs = canonical(text, TLDS), by_idna(text, TLDS)
    assert (ours.name or None) == theirs
    assert bool(ours.name) == (ours.kind is Kind.ACCEPTED)


@given(labels, st.sampled_from(["com", "org", "рф"]))
def test_a_canonical_name_stays_as_it_is(label: str, tld: str):
    once = canonical(f"{label}.{tld}", TLDS)
    if once.name:
        assert canonical(once.name, TLDS) == once
        assert idna.encode(idna.decode(once.name), uts46=True).decode() == once.name


@given(st.text())
def test_any_text_has_exactly_one_outcome(text: str):
    outcome = canonical(text, TLDS)
    assert bool(outcome.name) != bool(outcome.reason)
    assert not outcome.reason or outcome.reason in REASONS


@pytest.mark.oracle
@given(st.lists(st.sampled_from(generator.generated(40)) | st.just("xn--bcher-kva.com"), max_size=30))
def test_the_digest_is_what_sort_and_sha256sum_say(names: list[str]):
    """LC_ALL=C sort -u names.txt | sha256sum, with the real commands."""
    text = "".join(f"{name}\n" for name in names).encode()
    assert digest(names) == judged(text)


def judged(text: bytes) -> str:
    command = "LC_ALL=C sort -u | sha256sum"
    return (
        subprocess.run(["sh", "-c", command], input=text, stdout=subprocess.PIPE, check=True).stdout.split()[0].decode()
    )


def test_tlds_are_a_collection():
    with pytest.raises(TypeError):
        canonical("a.com", "com")
