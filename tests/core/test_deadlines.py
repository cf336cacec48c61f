"""Business days on the authority's calendar, and times in words."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ersr.core import tongue
from ersr.core.deadlines import Calendar, decide_by, merge_closed, segments
from ersr.core.errors import Refusal
from ersr.core.say import say, say_phone, say_span, say_until
from ersr.core.tongue import Tongue, told

ZONE = "America/Los_Angeles"
PLAIN = Calendar("demo", ZONE, frozenset(), "1", time(17), "Demo calendar")
SETTINGS = {
    "name": "demo",
    "zone": ZONE,
    "closures": {"2026-11-26": "Thanksgiving Day", "2026-12-25": "Christmas Day", "2027-01-01": "New Year's Day"},
    "version": "2026.1",
    "day_ends": "17:00",
    "label": "Demo calendar",
}
CALENDAR = Calendar.parse(SETTINGS)

moments = st.datetimes(datetime(2023, 12, 1), datetime(2029, 3, 31), timezones=st.just(UTC))  # noqa: DTZ001
days = st.dates(date(2023, 12, 1), date(2029, 4, 30))
calendars = st.builds(
    lambda zone, closures, hour: Calendar("any", zone, closures, "1", hour),
    st.sampled_from([ZONE, "Europe/Brussels", "UTC", "Asia/Kathmandu", "Pacific/Auckland", "America/St_Johns"]),
    st.frozensets(days, max_size=40),
    st.sampled_from([time(17), time(9), time(23, 59), time(0, 1)]),
)


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)


def test_a_saturday_filing_is_due_at_the_end_of_wednesday():
    """The worked case of the pages: Sat 14 Nov 2026, 11:07 UTC is due Thu 19 Nov, 01:00 UTC."""
    deadline = decide_by(utc(2026, 11, 14, 11, 7), CALENDAR)
    assert deadline.at == utc(2026, 11, 19, 1)
    assert deadline.question == "Why Wednesday 17:00 in Los Angeles?"
    assert deadline.explain() == (
        "Received on Saturday 14 November 2026 at 03:07 in Los Angeles. The day of receipt does not count.",
        "Sunday 15 November 2026 does not count: it is a weekend.",
        "Monday 16 November 2026 counts: it is the first business day.",
        "Tuesday 17 November 2026 counts: it is the second business day.",
        "Wednesday 18 November 2026 counts: it is the third business day.",
        "It ends at 17:00 in Los Angeles: Thu 19 Nov 2026, 01:00 UTC (Wed 18 Nov, 17:00 Los Angeles).",
        "Calendar: Demo calendar, version 2026.1.",
    )


@pytest.mark.parametrize(
    ("received", "due"),
    [
        # the local day of receipt decides: 02:00 UTC on Tuesday is still Monday in Los Angeles
        (utc(2026, 11, 10, 2), utc(2026, 11, 13, 1)),
        # Thanksgiving in between
        (utc(2026, 11, 24, 20), utc(2026, 12, 1, 1)),
        # year end: Christmas and New Year
        (utc(2026, 12, 30, 20), utc(2027, 1, 6, 1)),
        (utc(2026, 12, 24, 20), utc(2026, 12, 31, 1)),
        # leap day 2028-02-29 is a Tuesday and counts
        (utc(2028, 2, 27, 20), utc(2028, 3, 2, 1)),
        # into summer time on 14 March 2027: 17:00 is then 00:00 UTC
        (utc(2027, 3, 12, 20), utc(2027, 3, 18, 0)),
        # out of it on 1 November 2026
        (utc(2026, 10, 29, 20), utc(2026, 11, 4, 1)),
        # after 17:00 is still that day
        (utc(2026, 11, 11, 7, 59), utc(2026, 11, 14, 1)),
    ],
)
def test_deadlines_by_hand(received: datetime, due: datetime):
    """Each line was worked out on a paper calendar."""
    assert decide_by(received, CALENDAR).at == due


@given(moments, calendars, st.integers(1, 10))
def test_exactly_n_open_days_strictly_after_receipt(received: datetime, calendar: Calendar, n: int):
    """Counted afresh by walking from the answer back to the receipt, in local dates."""
    deadline = decide_by(received, calendar, business_days=n)
    zone = ZoneInfo(calendar.zone)
    last, first = deadline.at.astimezone(zone), received.astimezone(zone).date()
    assert last.time() == calendar.day_ends
    assert deadline.at > received
    assert last.weekday() < 5
    assert last.date() not in calendar.closures
    between = [first + timedelta(days=i) for i in range(1, (last.date() - first).days + 1)]
    assert sum(day.weekday() < 5 and day not in calendar.closures for day in between) == n
    assert [step.date for step in deadline.reckoning] == [first, *between]
    assert sum(step.counted for step in deadline.reckoning) == n
    assert all(step.counted == (not calendar.why_closed(step.date)) for step in deadline.reckoning[1:])


@given(moments, moments, calendars)
def test_who_files_later_is_never_due_earlier(one: datetime, other: datetime, calendar: Calendar):
    early, late = sorted([one, other])
    assert decide_by(early, calendar).at <= decide_by(late, calendar).at


@given(moments, calendars, days)
def test_one_more_closure_never_brings_a_deadline_forward(received: datetime, calendar: Calendar, day: date):
    stricter = Calendar(calendar.name, calendar.zone, calendar.closures | {day}, "2", calendar.day_ends)
    assert decide_by(received, stricter).at >= decide_by(received, calendar).at


@given(moments, calendars)
def test_the_clocks_days_fill_the_time_without_gap(received: datetime, calendar: Calendar):
    """What the chart draws is the reckoning: same days, same count, from receipt to deadline."""
    deadline = decide_by(received, calendar)
    drawn = segments(received, deadline.at, calendar)
    assert drawn[0].starts == received
    assert drawn[-1].ends == deadline.at
    assert all(a.ends == b.starts for a, b in pairwise(drawn))
    assert [(d.day, d.number is not None) for d in drawn] == [(s.date, s.counted) for s in deadline.reckoning]
    merged = merge_closed(drawn)
    assert sum((d.ends - d.starts for d in merged), timedelta()) == deadline.at - received
    assert not any(a.closed and b.closed for a, b in pairwise(merged))


def test_the_charts_labels():
    drawn = segments(utc(2026, 11, 14, 11, 7), utc(2026, 11, 19, 1), CALENDAR)
    assert [d.label for d in drawn] == ["Sat", "Sun", "Mon 1", "Tue 2", "Wed 3"]
    assert [d.label for d in merge_closed(drawn)] == ["Sat, Sun closed", "Mon 1", "Tue 2", "Wed 3"]


def test_a_time_without_zone_is_a_mistake():
    with pytest.raises(ValueError, match="without zone"):
        decide_by(datetime(2026, 11, 14, 11), PLAIN)  # noqa: DTZ001


def test_a_calendar_assumes_nothing():
    """Every key must be written down, and every mistake is told at once, by key."""
    with pytest.raises(Refusal) as refused:
        Calendar.parse({})
    assert {e.field for e in refused.value.fields} == {"name", "zone", "closures", "version", "day_ends", "label"}
    wrong = {
        **SETTINGS,
        "zone": "Mars/Olympus",
        "day_ends": "25:00",
        "closures": ["26 Nov"],
        "weekend": "Fri",
        "label": " ",
    }
    with pytest.raises(Refusal) as refused:
        Calendar.parse(wrong)
    assert {e.field for e in refused.value.fields} == {"zone", "day_ends", "closures", "weekend", "label"}
    assert "2026-11-26" in str(refused.value)


@pytest.mark.parametrize("key", sorted(SETTINGS))
def test_a_calendar_without_one_key_is_refused(key: str):
    with pytest.raises(Refusal, match=f"calendar.{key} is missing"):
        Calendar.parse({k: v for k, v in SETTINGS.items() if k != key})


@pytest.mark.parametrize("ends", ["00:00", "17", 17, None, time(17, tzinfo=UTC), "5 pm"])
def test_a_day_ends_at_a_local_time_after_midnight(ends: object):
    with pytest.raises(Refusal, match="day_ends"):
        Calendar.parse({**SETTINGS, "day_ends": ends})


@pytest.mark.parametrize("closures", ["2026-11-26", [utc(2026, 11, 26)], {"2026-11-26": 1}, 5, ["2026-02-30"]])
def test_closures_are_dates(closures: object):
    with pytest.raises(Refusal, match="closures"):
        Calendar.parse({**SETTINGS, "closures": closures})


def test_an_empty_list_of_closures_is_fine_if_written_down():
    assert Calendar.parse({**SETTINGS, "closures": []}).closures == frozenset()


def test_moments_are_said_in_utc_and_one_zone():
    moment = utc(2026, 11, 19, 1, 0, 59)
    assert say(moment) == "Thu 19 Nov 2026, 01:00 UTC"
    assert say(moment, "Europe/Brussels") == "Thu 19 Nov 2026, 01:00 UTC (02:00 Brussels)"
    assert say(moment, ZoneInfo(ZONE)) == "Thu 19 Nov 2026, 01:00 UTC (Wed 18 Nov, 17:00 Los Angeles)"
    assert say(moment, "UTC") == say(moment)
    assert say(moment.astimezone(ZoneInfo(ZONE))) == say(moment)


def test_a_midnight_belongs_to_the_day_it_closes():
    assert say_until(utc(2027, 3, 14)) == "until the end of 13 March 2027 UTC"
    assert say_until(utc(2028, 3, 1)) == "until the end of 29 February 2028 UTC"
    assert say_until(utc(2026, 11, 19, 1)) == "until Thu 19 Nov 2026, 01:00 UTC"


@pytest.mark.parametrize(
    ("span", "said"),
    [
        (timedelta(days=4, hours=13, minutes=26), "4 d 13 h"),
        (timedelta(hours=9), "9 h"),
        (timedelta(days=2), "2 d"),
        (timedelta(hours=1, minutes=5), "1 h 5 min"),
        (timedelta(minutes=3, seconds=59), "3 min"),
        (timedelta(minutes=-3), "3 min"),
        (timedelta(seconds=59), "less than 1 min"),
        (timedelta(days=1, minutes=5), "1 d"),
    ],
)
def test_spans_are_said_in_two_units(span: timedelta, said: str):
    assert say_span(span) == said


@pytest.mark.parametrize(
    ("kept", "said"),
    [
        ("+3225550142", "+32 255 501 42"),
        ("+12025550100", "+1 202 555 0100"),
        ("+447959981327", "+44 795 998 13 27"),
        ("+3725550100", "+372 555 01 00"),
        ("+32 2 555 01 42", "+32 2 555 01 42"),  # as somebody set it
        ("112", "112"),
        ("", ""),
    ],
)
def test_a_number_is_read_in_groups_that_never_break(kept: str, said: str) -> None:
    """Every figure stays where it was, so that what is read aloud is what is on file."""
    shown = say_phone(kept)
    assert shown.replace("\xa0", " ") == said
    assert re.sub(r"\s", "", shown) == re.sub(r"\s", "", kept)
    assert kept == said or " " not in shown


def test_what_is_kept_has_plain_spaces_and_what_a_page_shows_never_breaks() -> None:
    """A span or a clock is one word to a reader of a page, and plain text to a program."""

    class OnAPage(Tongue):
        def tight(self, words: str) -> str:
            return words.replace(" ", "\xa0")

    at = datetime(2026, 11, 19, 1, tzinfo=UTC)
    assert say(at) == "Thu 19 Nov 2026, 01:00 UTC"
    before = tongue._tongue
    tongue.speak(OnAPage())
    try:
        assert told(say(at)) == "Thu\xa019\xa0Nov\xa02026, 01:00\xa0UTC"
        assert told(say_span(timedelta(days=4, hours=13))) == "4\xa0d\xa013\xa0h"
        assert say_span(timedelta(days=4, hours=13)) == "4 d 13 h"
    finally:
        tongue.speak(before)
