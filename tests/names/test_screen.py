"""Screening: the legitimate names of March 2009 are found, and a popularity list is read strictly."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ersr.core.errors import Refusal
from ersr.names.screen import Hit, Popularity, hits
from tests.names import generator


def test_the_four_legitimate_names_of_march_2009_are_found_worst_first():
    found = hits(generator.filed(), Popularity.parse(generator.popularity()))
    assert [hit.name for hit in found] == list(generator.LEGITIMATE)
    assert [hit.rank for hit in found] == sorted(hit.rank for hit in found)
    assert hits(generator.generated(), Popularity.parse(generator.popularity())) == []


def test_only_the_name_itself_is_a_hit():
    popular = Popularity.parse(b"www.jogli.com\nwnsux.com\n")
    assert hits(["jogli.com", "wnsux.com", "wnsux.com", "nsux.com"], popular) == [Hit("wnsux.com", 2)]


def test_both_forms_are_read():
    plain = Popularity.parse("\ufeffGoogle.com\r\n# remark\r\nbücher.de\r\n".encode())
    assert plain == {"google.com": 1, "xn--bcher-kva.de": 2}
    assert Popularity.parse(b"3,a.com\n1,b.com\n") == {"a.com": 3, "b.com": 1}


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "has no names"),
        (b"# nothing\n", "has no names"),
        (b"\xff\xfe", "not UTF-8"),
        (b"a.com\n2,b.com\n", "Line 2 has another form"),
        (b"1,a.com\nb.com\n", "Line 2 has another form"),
        (b"rank,domain.com\n", "Line 1 has no rank"),
        (b"0,a.com\n", "Line 1 has no rank"),
        ("１,a.com\n".encode(), "Line 1 has no rank"),
        (b"1,a.com\n2,A.com.\n", "Line 2 has a name that stood there before, a.com"),
        (b"a.com\nex ample.com\n", 'Line 2 has a space in "ex ample.com"'),
        (b"a.com\ncom\n", "Line 2 has no name under a TLD"),
    ],
)
def test_a_list_with_one_mistake_is_refused_by_line(data: bytes, words: str):
    with pytest.raises(Refusal, match=words) as refused:
        Popularity.parse(data)
    assert refused.value.code == "unfit"


@given(
    st.lists(st.sampled_from(generator.generated(30)), unique=True), st.sets(st.sampled_from(generator.generated(40)))
)
def test_hits_are_what_both_lists_have(popular: list[str], names: set[str]):
    ranks = Popularity.parse("\n".join([*popular, "other.test"]).encode())
    found = hits(names, ranks)
    assert {hit.name for hit in found} == names & set(popular)
    assert [popular[hit.rank - 1] for hit in found] == [hit.name for hit in found]
