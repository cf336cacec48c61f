"""Times come in boxes: day, month, year, 24 hours, zone; wrong ones are told box by box."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from ersr.faces.web.page import parse_moment


def boxes(text: str) -> dict[str, str]:
    return dict(zip(("day", "month", "year", "time", "zone"), (text.split() + [""] * 5)[:5], strict=True))


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("15 11 2026 00:00 UTC", datetime(2026, 11, 15, tzinfo=UTC)),
        ("15 nov 2026 1:00 Europe/Brussels", datetime(2026, 11, 15, tzinfo=UTC)),
        ("29 2 2028 2359 UTC", datetime(2028, 2, 29, 23, 59, tzinfo=UTC)),
        ("14 11 2026 16.00 America/Los_Angeles", datetime(2026, 11, 15, tzinfo=UTC)),
    ],
)
def test_a_time_is_read_in_its_zone(typed: str, meant: datetime) -> None:
    assert parse_moment(**boxes(typed)) == (meant, {})


def test_nothing_entered_is_no_time_and_no_error() -> None:
    assert parse_moment(day="", month="", year="", time="", zone="Europe/Brussels") == (None, {})


@pytest.mark.parametrize(
    ("typed", "wrong"),
    [
        ("31 11 2026 00:00 UTC", {"day"}),
        ("29 2 2027 00:00 UTC", {"day"}),
        ("x 13 26 25:00 UTC", {"day", "month", "year", "time"}),
        ("15 11 2026", {"time"}),
        ("29 3 2026 02:30 Europe/Brussels", {"time"}),  # skipped when clocks go forward
        ("25 10 2026 02:30 Europe/Brussels", {"time"}),  # comes twice when clocks go back
    ],
)
def test_each_wrong_box_says_what_would_be_right(typed: str, wrong: set[str]) -> None:
    found, errors = parse_moment(**boxes(typed))
    assert found is None
    assert set(errors) == wrong
