"""core/tongue.py: sentences that are English where they are kept and speak the reader's language where they are read."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Iterator

import pytest

from ersr.core import tongue
from ersr.core.tongue import (
    Said,
    Tongue,
    capital,
    joined,
    kept,
    listed,
    number,
    recalled,
    said,
    said_in,
    said_n,
    small,
    tlds_said,
    told,
)


class Made(Tongue):
    """A made-up language: capitals, its plural from 2 on, full stops in figures."""

    def text(self, template: str, context: str) -> str:
        words = {"Take {what}": "PRENDRE {what}", "{several} and {last}": "{several} ET {last}", "the {x} <b>": "LE {x} <B>"}
        return words.get(template, f"{context}:{template}" if context else template)

    def plural(self, one: str, many: str, count: int) -> str:
        return f"FEW {one}" if count < 2 else f"LOTS {many}"

    def number(self, value: int) -> str:
        return f"{value:,}".replace(",", ".")


@pytest.fixture
def made() -> Iterator[None]:
    before = tongue._tongue
    tongue.speak(Made())
    yield
    tongue.speak(before)


def test_what_is_kept_is_english_whoever_reads(made: None) -> None:
    """As a string, in JSON, in a comparison: English. `told` alone speaks the reader's language."""
    words = said("Take {what}", what=number(7750))
    assert words == "Take 7,750"
    assert json.loads(json.dumps({"words": words})) == {"words": "Take 7,750"}
    assert f"{words}" == "Take 7,750"
    assert hash(words) == hash("Take 7,750")
    assert words.told() == told(words) == "PRENDRE 7.750"
    assert told("as it is") == "as it is"


def test_values_that_are_sentences_are_told_too(made: None) -> None:
    """At any depth, in lists and behind a capital."""
    what = listed([said("a"), "b", capital(said("Take {what}", what=small("This")))])
    assert what == "a, b and Take this"
    assert told(said("Take {what}", what=what)) == "PRENDRE a, b ET PRENDRE this"
    assert listed(["only"]) == "only"
    assert listed([]) == ""
    assert joined("; ", ["{a}", "b"]) == "{a}; b"


def test_plurals_and_contexts_are_the_languages_own(made: None) -> None:
    """Zero is not always many; one word is not always one word."""
    assert [said_n("{n} name", "{n} names", n) for n in (0, 1, 7750)] == ["0 names", "1 name", "7,750 names"]
    assert [told(said_n("{n} name", "{n} names", n)) for n in (0, 1, 7750)] == ["FEW 0 name", "FEW 1 name", "LOTS 7.750 names"]
    assert said_in("month", "May") == "May"
    assert told(said_in("month", "May")) == "month:May"


def test_a_page_gets_everything_escaped(made: None) -> None:
    """What somebody typed never becomes markup, and neither does a translation."""
    words = said("the {x} <b>", x="<script>&'\"")
    assert words.__html__() == "LE &lt;script&gt;&amp;&#x27;&quot; &lt;B&gt;"


def test_a_typed_brace_stays_a_brace() -> None:
    """Values are never templates."""
    assert said("Take {what}", what="{what}") == "Take {what}"
    assert told(said("Take {what}", what=joined("{", ["a", "b"]))) == "Take a{b"


def test_copies_remember(made: None) -> None:
    """Forms copy their fields deeply, caches pickle."""
    words = said("Take {what}", what=said_n("{n} name", "{n} names", 2))
    for again in (copy.copy(words), copy.deepcopy(words), pickle.loads(pickle.dumps(words))):
        assert isinstance(again, Said)
        assert again == "Take 2 names"
        assert again.told() == "PRENDRE LOTS 2 names"


def test_a_sentence_outlives_a_row_and_another_process(made: None) -> None:
    """As JSON it keeps what is typed, figures, plurals and sentences within it, and is English again where English is asked for."""
    words = joined(" ", [said("Take {what}", what=listed(["<a>", number(7750)])), said_n("{n} name", "{n} names", 2), "typed"])
    again = recalled(json.loads(json.dumps(kept(words))))
    assert again == words == "Take <a> and 7,750 2 names typed"
    assert told(again) == told(words) == "PRENDRE <a> ET 7.750 LOTS 2 names typed"
    assert recalled(json.loads(json.dumps(kept("typed by somebody")))) == "typed by somebody"


def test_many_tlds_are_not_all_told() -> None:
    """A registry of forty TLDs reads three of them and how many others there are, once a refused line."""
    assert tlds_said(["biz", "cc", "cn", "com"]) == ".biz, .cc, .cn and .com"
    assert tlds_said(f"tld{n}" for n in range(45)) == ".tld0, .tld1, .tld2 and 42 other TLDs"
