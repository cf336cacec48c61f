"""A popularity list is read strictly."""

from __future__ import annotations

import pytest

from ersr.core.errors import Refusal
from ersr.names.screen import Popularity


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
