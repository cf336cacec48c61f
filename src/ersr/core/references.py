"""References that can be read aloud: SRW-2026-4821003-K for requests, W-2026-3310222-C for instruments.

The number has seven digits and is drawn at random by the caller; the last letter is a check character over prefix, year and
number, so that one wrong or two swapped digits are noticed on the telephone.
"""

from __future__ import annotations

import re

from ersr.core.errors import Refusal
from ersr.core.tongue import said

#: 23 letters (a prime, so that every single error and every swap of neighbours is found); I, O and S are left out.
LETTERS = "ABCDEFGHJKLMNPQRTUVWXYZ"
NUMBERS = range(1_000_000, 10_000_000)
PREFIXES = {"SRW": "request", "W": "instrument"}
_FORM = re.compile(r"(SRW|W)-(\d{4})-(\d{7})-([A-Z])")


def check_character(prefix: str, year: int, number: int) -> str:
    """The letter that makes the weighted sum right; weights are distinct powers of 5 modulo 23."""
    total = PREFIXES_WEIGHT[prefix]
    for place, digit in enumerate(f"{year:04d}{number:07d}"):
        total += int(digit) * pow(5, place + 1, 23)
    return LETTERS[total % 23]


PREFIXES_WEIGHT = {"SRW": 3, "W": 7}


def make(prefix: str, year: int, number: int) -> str:
    if number not in NUMBERS:
        raise ValueError(f"a reference number has seven digits, not {number}")
    return f"{prefix}-{year:04d}-{number:07d}-{check_character(prefix, year, number)}"


def parse(text: str) -> tuple[str, int, int]:
    """(prefix, year, number), or a refusal that says what is wrong with the reference."""
    found = _FORM.fullmatch(text.strip().upper())
    if not found:
        raise Refusal("invalid", said("{text} is not a reference: they look like SRW-2026-4821003-K or W-2026-3310222-C.", text=repr(text)))
    prefix, year, number, letter = found[1], int(found[2]), int(found[3]), found[4]
    if number not in NUMBERS or letter != check_character(prefix, year, number):
        raise Refusal("invalid", said("{text} has a wrong check character: a digit was misread. Read it out again.", text=repr(text)))
    return prefix, year, number
