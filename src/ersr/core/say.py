"""Times in words, always absolute: UTC first, then one zone beside it.

Every function takes timezone-aware times and refuses naive ones; seconds are dropped, never rounded up, so that a page
never shows a moment that has not come. Weekday and month names are our own: `strftime` follows the machine's locale. All of it is
told in the reader's language and order (core/tongue.py); the clock has 24 hours everywhere.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from ersr.core.tongue import Said, joined, said, said_in, said_n, tight

WEEKDAYS = (
    said("Monday"), said("Tuesday"), said("Wednesday"), said("Thursday"),
    said("Friday"), said("Saturday"), said("Sunday"),
)  # fmt: skip
WEEKDAYS_SHORT = (
    said_in("short", "Mon"), said_in("short", "Tue"), said_in("short", "Wed"), said_in("short", "Thu"),
    said_in("short", "Fri"), said_in("short", "Sat"), said_in("short", "Sun"),
)  # fmt: skip
MONTHS = (
    said("January"), said("February"), said("March"), said("April"), said("May"), said("June"),
    said("July"), said("August"), said("September"), said("October"), said("November"), said("December"),
)  # fmt: skip
MONTHS_SHORT = (
    said_in("short", "Jan"), said_in("short", "Feb"), said_in("short", "Mar"), said_in("short", "Apr"),
    said_in("short", "May"), said_in("short", "Jun"), said_in("short", "Jul"), said_in("short", "Aug"),
    said_in("short", "Sep"), said_in("short", "Oct"), said_in("short", "Nov"), said_in("short", "Dec"),
)  # fmt: skip
#: Cities that other languages call by another name; the rest are called as in the list of zones.
CITIES = {
    str(city): city
    for city in (
        said_in("city", "Algiers"), said_in("city", "Athens"), said_in("city", "Brussels"), said_in("city", "Cairo"),
        said_in("city", "Copenhagen"), said_in("city", "Lisbon"), said_in("city", "London"), said_in("city", "Mexico City"),
        said_in("city", "Moscow"), said_in("city", "Singapore"), said_in("city", "Vienna"), said_in("city", "Warsaw"),
    )
}  # fmt: skip


def aware(moment: datetime) -> datetime:
    """The same moment in UTC; a time without zone is a mistake of the caller."""
    if moment.utcoffset() is None:
        raise ValueError("a time without zone")
    return moment.astimezone(UTC)


def place(zone: str | ZoneInfo) -> str:
    """The zone's city as people say it: "Brussels", "Los Angeles"."""
    key = zone if isinstance(zone, str) else zone.key
    name = key.rsplit("/", 1)[-1].replace("_", " ")
    return CITIES.get(name, name)


def _number(day: date) -> str:
    """The day of the month; only the first has a form of its own in some languages."""
    return said_in("day of a month", "1") if day.day == 1 else str(day.day)


def say_day(day: date) -> Said:
    """Thursday 19 November 2026."""
    return said(
        "{weekday} {day} {month} {year}",
        weekday=WEEKDAYS[day.weekday()], day=_number(day), month=MONTHS[day.month - 1], year=day.year,
    )  # fmt: skip


def say_day_short(day: date) -> Said:
    """Thu 19 Nov 2026."""
    return tight(said(
        "{weekday} {day} {month} {year}",
        weekday=WEEKDAYS_SHORT[day.weekday()], day=_number(day), month=MONTHS_SHORT[day.month - 1], year=day.year,
    ))  # fmt: skip


def say_date(day: date) -> Said:
    """3 Feb 2024."""
    return tight(said("{day} {month} {year}", day=_number(day), month=MONTHS_SHORT[day.month - 1], year=day.year))


def say_day_of_week(day: date) -> Said:
    """Thu 19 Nov: where the year is plain."""
    return tight(said(
        "{weekday} {day} {month}",
        weekday=WEEKDAYS_SHORT[day.weekday()], day=_number(day), month=MONTHS_SHORT[day.month - 1],
    ))  # fmt: skip


def say_clock(moment: datetime) -> Said:
    """01:00 UTC: where the day is said nearby."""
    return tight(said("{time} UTC", time=f"{aware(moment):%H:%M}"))


def say_near(moment: datetime) -> Said:
    """Sun 15 Nov, 00:00 UTC: where the year is plain."""
    return said("{day}, {clock}", day=say_day_of_week(aware(moment).date()), clock=say_clock(moment))


def say_phone(number: str) -> str:
    """+32 255 501 42: a number on file, kept without spaces, in groups to read aloud; on one line. Area codes are not known."""
    country = re.fullmatch(r"\+(1|7|2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58]|[2-9][0-9]{2})([0-9]{5,})", number)
    if country is None:
        return number
    rest, groups = country[2], []
    while len(rest) > 4:
        groups.append(rest[:3])
        rest = rest[3:]
    last = [rest] if len(rest) < 4 or country[1] == "1" else [rest[:2], rest[2:]]
    return "\N{NO-BREAK SPACE}".join(["+" + country[1], *groups, *last])


def say_there(moment: datetime, zone: str | ZoneInfo) -> Said:
    """02:00 Brussels, or Wed 18 Nov, 17:00 Los Angeles where the local day is not UTC's."""
    utc = aware(moment)
    there = utc.astimezone(ZoneInfo(zone) if isinstance(zone, str) else zone)
    if there.date() == utc.date():
        return said("{time} {place}", time=f"{there:%H:%M}", place=place(zone))
    return said("{day}, {time} {place}", day=say_day_of_week(there.date()), time=f"{there:%H:%M}", place=place(zone))


def say(moment: datetime, zone: str | ZoneInfo | None = None) -> Said:
    """Thu 19 Nov 2026, 01:00 UTC (02:00 Brussels); the local day is named too where it is another one."""
    utc = aware(moment)
    text = said("{day}, {clock}", day=say_day_short(utc.date()), clock=say_clock(utc))
    if zone is None or str(zone) == "UTC":
        return text
    return said("{moment} ({there})", moment=text, there=say_there(utc, zone))


def say_until(moment: datetime) -> Said:
    """An end: "until the end of 13 March 2027 UTC" for a midnight, else "until Thu 19 Nov 2026, 01:00 UTC".

    A midnight belongs to the day that it closes: readers take "until 14 March" for a day too long.
    """
    utc = aware(moment)
    if (utc.hour, utc.minute, utc.second, utc.microsecond) != (0, 0, 0, 0):
        return said("until {moment}", moment=say(utc))
    last = utc.date() - timedelta(days=1)
    return said("until the end of {day} {month} {year} UTC", day=_number(last), month=MONTHS[last.month - 1], year=last.year)


def say_span(span: timedelta) -> Said:
    """A length in its two largest units: "4 d 13 h", "9 h", "1 h 5 min", "3 min"; its sign is the caller's to say."""
    minutes = int(abs(span).total_seconds()) // 60
    if not minutes:
        return said("less than 1 min")
    days, minutes = divmod(minutes, 1440)
    hours, minutes = divmod(minutes, 60)
    if days:
        parts = [(days, said_n("{n} d", "{n} d", days)), (hours, said("{hours} h", hours=hours))]
    else:
        parts = [(hours, said("{hours} h", hours=hours)), (minutes, said("{minutes} min", minutes=minutes))]
    return tight(joined(" ", [words for count, words in parts if count]))
