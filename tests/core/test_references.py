"""References: read aloud without loss; one wrong digit or two swapped ones are noticed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ersr.core.errors import Refusal
from ersr.core.references import LETTERS, make, parse

prefixes = st.sampled_from(["SRW", "W"])
years = st.integers(2024, 2099)
numbers = st.integers(1_000_000, 9_999_999)


@given(prefixes, years, numbers)
def test_what_is_made_is_read_back(prefix: str, year: int, number: int):
    made = make(prefix, year, number)
    assert parse(made) == (prefix, year, number)
    assert parse(f" {made.lower()} ") == (prefix, year, number)
    assert made[-1] in LETTERS


@given(prefixes, years, numbers, st.integers(0, 10), st.integers(1, 9))
def test_one_misread_digit_is_noticed(prefix: str, year: int, number: int, place: int, shift: int):
    digits = f"{year:04d}{number:07d}"
    wrong = digits[:place] + str((int(digits[place]) + shift) % 10) + digits[place + 1 :]
    letter = make(prefix, year, number)[-1]
    with pytest.raises(Refusal):
        parse(f"{prefix}-{wrong[:4]}-{wrong[4:]}-{letter}")


@given(prefixes, years, numbers, st.integers(0, 9))
def test_two_swapped_neighbours_are_noticed(prefix: str, year: int, number: int, place: int):
    digits = list(f"{year:04d}{number:07d}")
    if digits[place] == digits[place + 1]:
        return
    digits[place], digits[place + 1] = digits[place + 1], digits[place]
    wrong = "".join(digits)
    letter = make(prefix, year, number)[-1]
    with pytest.raises(Refusal):
        parse(f"{prefix}-{wrong[:4]}-{wrong[4:]}-{letter}")


@given(years, numbers)
def test_a_request_read_as_an_instrument_is_noticed(year: int, number: int):
    with pytest.raises(Refusal):
        parse("W" + make("SRW", year, number).removeprefix("SRW"))


@pytest.mark.parametrize(
    "text", ["", "SRW-2026-482100-K", "X-2026-4821003-K", "SRW-2026-0821003-K", "SRW 2026 4821003 K"]
)
def test_what_is_no_reference_is_refused_in_words(text: str):
    with pytest.raises(Refusal) as refused:
        parse(text)
    assert refused.value.code == "invalid"


@pytest.mark.parametrize("number", [999_999, 10_000_000])
def test_a_number_has_seven_digits(number: int):
    with pytest.raises(ValueError, match="seven digits"):
        make("SRW", 2026, number)
