"""Entries become canonical names or are refused for one reason; lists are counted and digested."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterable
from pathlib import Path

import idna
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ersr.core.errors import Refusal
from ersr.core.reasons import REASONS
from ersr.names.canonical import Kind, canonical, digest, intake
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


def test_a_list_is_counted_line_by_line():
    """Remarks and blank lines are no entries; line numbers are those of the file."""
    data = (
        "\ufeff# Conficker\r\nb.com\r\n\r\n; more\r\nA.com.\r\nex ample.com\r\na[.]com\r\nc.net\r\nwww.a.com\r\nd.org"
    )
    taken = intake(data.encode(), TLDS)
    assert (taken.lines, taken.accepted, taken.duplicates) == (7, 3, 1)
    assert taken.names == ["a.com", "b.com", "d.org"]
    assert taken.refused == {"deeper": 1, "other_tld": 1, "space": 1}
    assert taken.tlds == {"com": 2, "org": 1}
    assert [row.line for row in taken.refused_rows] == [6, 8, 9]
    assert taken.sentences() == [
        'Line 6 has a space in "ex ample.com". Mend it or leave it out.',
        'Line 8 has a name under another TLD, "c.net". This request is for .com, .org, .xn--p1ai. Leave it out.',
        'Line 9 has a name below another name, "www.a.com". Send the name above it or leave it out.',
    ]
    assert taken.sentences(1) == taken.sentences()[:1]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_line_ends_and_byte_order_mark_make_no_difference(end: str, mark: str):
    text = mark + end.join(["a.com", "b.com", "#", "c.com"])
    assert intake(text.encode(), TLDS) == intake(text, TLDS) == intake(["a.com", "b.com", "#", "c.com"], TLDS)


entries = st.lists(st.one_of(st.builds("{}.{}".format, labels, st.sampled_from(["com", "net"])), st.text(max_size=9)))


@given(entries)
def test_nothing_is_lost_in_a_list(texts: list[str]):
    """lines = accepted + duplicates + refused, and each entry goes where it would go by itself."""
    kept = [text for text in texts if text.strip() and text.strip()[0] not in "#;"]
    if not kept:
        with pytest.raises(Refusal):
            intake(texts, TLDS)
        return
    taken = intake(texts, TLDS)
    alone = [canonical(text, TLDS) for text in kept]
    assert taken.lines == len(kept) == taken.accepted + taken.duplicates + sum(taken.refused.values())
    assert taken.names == sorted({outcome.name for outcome in alone if outcome.name})
    assert [row.reason for row in taken.refused_rows] == [outcome.reason for outcome in alone if outcome.reason]
    assert sum(taken.tlds.values()) == taken.accepted


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "has no names"),
        (b"# only a remark\n\n", "has no names"),
        (b"a.com\nb\xff.com\n", r"not UTF-8 text \(line 2\)"),
        ("a.com".encode("utf-16"), "UTF-16"),
        (b"a.com\n\0\0", "not text"),
        (b"%PDF-1.7\n\xe2\xe3\xcf\xd3", "not UTF-8"),
    ],
)
def test_what_is_no_list_is_refused_in_words(data: bytes, words: str):
    with pytest.raises(Refusal, match=words) as refused:
        intake(data, TLDS)
    assert refused.value.code == "unfit"


def test_a_list_over_the_limit_is_refused_and_one_at_it_is_not():
    assert intake(["a.com", "b.com", "#", "a.com"], TLDS, limit=3).lines == 3
    with pytest.raises(Refusal, match="more than 3 entries") as refused:
        intake(["a.com"] * 4, TLDS, limit=3)
    assert refused.value.code == "too_large"


def test_a_line_of_a_megabyte_is_cut_where_it_is_shown():
    taken = intake(["x" * 1_000_000 + ".com", "é" * 1_000_000 + ".com"], TLDS)
    assert taken.refused == {"name_long": 2}
    assert max(len(row.text) for row in taken.refused_rows) == 255
    assert max(len(said) for said in taken.sentences()) < 200


@pytest.mark.oracle
@given(st.lists(st.sampled_from(generator.generated(40)) | st.just("xn--bcher-kva.com"), max_size=30))
def test_the_digest_is_what_sort_and_sha256sum_say(names: list[str]):
    """LC_ALL=C sort -u names.txt | sha256sum, with the real commands."""
    text = "".join(f"{name}\n" for name in names).encode()
    assert digest(names) == judged(text)


@pytest.mark.oracle
def test_the_digest_of_a_whole_list_as_sent(tmp_path: Path):
    names = generator.filed()
    taken = intake("\n".join(names).encode(), generator.TLDS)
    assert (taken.accepted, taken.duplicates, taken.refused) == (7754, 0, {})
    assert taken.digest == judged("".join(f"{name}\n" for name in names).encode())


def judged(text: bytes) -> str:
    command = "LC_ALL=C sort -u | sha256sum"
    return (
        subprocess.run(["sh", "-c", command], input=text, stdout=subprocess.PIPE, check=True).stdout.split()[0].decode()
    )


def test_two_hundred_thousand_names_take_about_a_second():
    """Generous by five, so that a busy machine passes and a lost fast path (4 s and more) does not."""
    data = "\n".join(f"name{number}.com" for number in range(200_000)).encode()
    before = time.process_time()
    assert intake(data, TLDS).accepted == 200_000
    assert time.process_time() - before < 2.5


def test_tlds_are_a_collection():
    with pytest.raises(TypeError):
        canonical("a.com", "com")
