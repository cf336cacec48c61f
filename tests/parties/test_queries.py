"""Who sees parties, and with which ages."""

from __future__ import annotations

import pytest

from ersr.core.errors import Refusal
from ersr.parties import queries
from tests import world as worlds

pytestmark = pytest.mark.django_db


def test_a_party_is_read_with_tlds_rsp_and_the_age_of_each_number() -> None:
    w = worlds.build()
    known = queries.party_for(w.officer, "northlight", now=w.now)
    assert known.tlds == 40
    assert [len(tlds) for _, tlds in known.agreements] == [4, 36]
    ages = {c.contact.name: [n.days for n in c.numbers] for c in known.contacts}
    assert ages == {"Legal": [6], "Nils Lindqvist": [400], "Operations, 24 h": [1015]}
    assert {c.days for c in known.contacts} == {0}


def test_an_rsp_is_read_with_the_operators_it_acts_for() -> None:
    w = worlds.build()
    known = queries.party_for(w.auditor, "baltic", now=w.now)
    assert [p.key for p in known.acts_for] == ["northlight", "southwind"]
    assert len(known.runs) == 9


def test_who_may_not_read_parties_learns_nothing_of_them() -> None:
    """Not yours and not there are the same words."""
    w = worlds.build()
    words = set()
    for person, key in ((w.filer, "northlight"), (w.signatory, "northlight"), (w.officer, "nobody")):
        with pytest.raises(Refusal) as said:
            queries.party_for(person, key, now=w.now)
        words.add((said.value.code, said.value.message))
    assert len(words) == 1
    assert words.pop()[0] == "not_found"
    assert queries.parties_visible_to(w.administrator).count() == 4
