"""The table of OWASP ASVS 5.0.0: every requirement of levels 1 and 2 has one row, and what a row cites is there."""

from __future__ import annotations

import re

from tests.house.tree import ROOT

#: How many requirements of levels 1 and 2 each section of the standard has: the first so many, unless told otherwise.
SECTIONS = {
    "1.1": 2, "1.2": 9, "1.3": 11, "1.4": 3, "1.5": 2, "2.1": 3, "2.2": 3, "2.3": 4, "2.4": 1, "3.2": 2, "3.3": 4, "3.4": 6, "3.5": 5,
    "3.7": 2, "4.1": 3, "4.2": 1, "4.3": 2, "4.4": 4, "5.1": 1, "5.2": 3, "5.3": 2, "5.4": 3, "6.1": 3, "6.2": 12, "6.3": 4, "6.4": 4,
    "6.5": 5, "6.6": 3, "6.8": 4, "7.1": 3, "7.2": 4, "7.3": 2, "7.4": 5, "7.5": 2, "7.6": 2, "8.1": 2, "8.2": 3, "8.3": 1, "8.4": 1,
    "9.1": 3, "9.2": 4, "10.1": 2, "10.2": 2, "10.3": 4, "10.4": 11, "10.5": 5, "10.6": 2, "10.7": 3, "11.1": 2, "11.2": 3, "11.3": 3,
    "11.4": 4, "11.5": 1, "11.6": 1, "12.1": 3, "12.2": 2, "12.3": 4, "13.1": 1, "13.2": 5, "13.3": 2, "13.4": 5, "14.1": 2, "14.2": 4,
    "14.3": 3, "15.1": 3, "15.2": 3, "15.3": 7, "16.1": 1, "16.2": 5, "16.3": 4, "16.4": 3, "16.5": 3, "17.1": 1, "17.2": 4, "17.3": 2,
}  # fmt: skip
PAGE = ROOT / "docs/reference/asvs.md"


def rows() -> list[list[str]]:
    found = [line.strip("|").split("|") for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| V")]
    return [[cell.strip() for cell in row] for row in found]


def test_every_requirement_has_one_row() -> None:
    """253 of them: 70 of level 1 and 183 of level 2."""
    wanted = {f"V{section}.{n}" for section, count in SECTIONS.items() for n in range(1, count + 1)}
    assert len(wanted) == 253
    told = [number for row in rows() for number in row[0].split(", ")]
    assert sorted(told) == sorted(set(told)), "one row each"
    assert set(told) == wanted


def test_every_row_says_how() -> None:
    for row in rows():
        assert len(row) == 4, row
        assert row[2] in ("met", "gap", "none"), row
        assert len(row[3]) > 3, row


def test_what_is_cited_is_there() -> None:
    """Paths in code marks and links lead to files and folders of the repository."""
    text = PAGE.read_text(encoding="utf-8")
    cited = set(re.findall(r"`((?:src|tests|docs|requirements|deploy)/[^`]*)`", text))
    assert len(cited) > 40
    assert [path for path in sorted(cited) if not (ROOT / path).exists()] == []
    linked = {one for one in re.findall(r"\]\(([^)]+)\)", text) if ":" not in one}
    assert [one for one in sorted(linked) if not (PAGE.parent / one.partition("#")[0]).exists()] == []
