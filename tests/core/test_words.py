"""Verification words: told apart by ear, and enough of them."""

from __future__ import annotations

from ersr.core.words import COUNT, WORDS


def test_three_of_the_words_are_hard_to_guess() -> None:
    """A caller who guesses once within the hour is right in one of some million tries."""
    assert COUNT == 3
    assert len(WORDS) * (len(WORDS) - 1) * (len(WORDS) - 2) > 5_000_000


def test_no_word_twice_and_all_in_order() -> None:
    assert len(set(WORDS)) == len(WORDS)
    assert not {"application", "case", "ticket", "vendor"} & set(WORDS), "our pages have none of these"
    assert all(word.isascii() and word.isalpha() and word.islower() and 4 <= len(word) <= 9 for word in WORDS)


def test_three_words_fit_their_column() -> None:
    assert 3 * max(map(len, WORDS)) + 2 <= 80


def test_no_word_begins_another() -> None:
    """ "Pine" and "pineapple" would be one word on a bad line."""
    assert [(a, b) for a in WORDS for b in WORDS if a != b and b.startswith(a)] == []
