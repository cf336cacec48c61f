"""The event vocabulary: complete, alphabetical, one kind for each action."""

from __future__ import annotations

import re

from ersr.core.events import _OTHERS, EVENTS
from ersr.core.lifecycle import ACTIONS


def test_it_is_alphabetical_and_every_kind_has_a_sentence() -> None:
    assert list(EVENTS) == sorted(EVENTS)
    for kind, words in EVENTS.items():
        assert re.fullmatch(r"[a-z]+\.[a-z_]+", kind), kind
        assert words.endswith("."), kind


def test_every_action_of_the_table_has_its_event() -> None:
    assert {a.event for a in ACTIONS.values()} <= set(EVENTS)


def test_no_kind_means_two_things() -> None:
    """What stands beside the table's events does not repeat one of them."""
    assert not set(_OTHERS) & {a.event for a in ACTIONS.values()}


def test_a_kind_fits_its_column() -> None:
    assert max(map(len, EVENTS)) <= 40


def test_every_refusal_has_one_meaning() -> None:
    from ersr.core.errors import CODES, Refusal

    for code, (status, title) in CODES.items():
        assert re.fullmatch(r"[a-z_]+", code)
        assert 200 <= status < 600
        assert title
        assert Refusal(code, "x").code == code
