"""TLP labels: their order, their words, and that the strictest wins."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ersr.core.errors import Refusal
from ersr.core.tlp import DEFAULT, Tlp, strictest


def test_labels_are_ordered_by_strictness_not_by_letters():
    assert sorted(reversed(Tlp)) == [Tlp.CLEAR, Tlp.GREEN, Tlp.AMBER, Tlp.AMBER_STRICT, Tlp.RED]
    assert Tlp.CLEAR < Tlp.GREEN <= Tlp.GREEN < Tlp.RED
    assert Tlp.RED > "AMBER+STRICT" >= Tlp.AMBER_STRICT


@given(st.lists(st.sampled_from(Tlp), min_size=1))
def test_the_strictest_is_one_of_them_and_none_is_stricter(labels: list[Tlp]):
    found = strictest(labels)
    assert found in labels
    assert all(label <= found for label in labels)


def test_stored_words_serve_as_labels():
    assert strictest(["GREEN", Tlp.AMBER]) is Tlp.AMBER
    assert strictest([]) is Tlp.CLEAR
    assert DEFAULT.words == "TLP:AMBER+STRICT"
    assert Tlp.parse(" tlp:amber+strict ") is Tlp.AMBER_STRICT


@pytest.mark.parametrize("text", ["", "WHITE", "AMBER STRICT", "TLP", "RED."])
def test_other_labels_are_refused(text: str):
    with pytest.raises(Refusal, match="is not a TLP label"):
        Tlp.parse(text)


def test_every_label_says_what_it_permits():
    assert len({label.permits for label in Tlp}) == len(Tlp)
    assert [label for label in Tlp if label.outside] == [Tlp.CLEAR, Tlp.GREEN, Tlp.AMBER]
