"""Times in words, always absolute: UTC first, then one zone beside it.

Every function takes timezone-aware times and refuses naive ones; seconds are dropped, never rounded up, so that a page
never shows a moment that has not come. Weekday and month names are our own: `strftime` follows the machine's locale.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip


def aware(moment: datetime) -> datetime:
    """The same moment in UTC; a time without zone is a mistake of the caller."""
    if moment.utcoffset() is None:
        raise ValueError("a time without zone")
    return moment.astimezone(UTC)


def place(zone: str | ZoneInfo) -> str:
    """The zone's city as people say it: "Brussels", "Los Angeles"."""
    key = zone if isinstance(zone, str) else zone.key
    return key.rsplit("/", 1)[-1].replace("_", " ")


def say_day(day: date) -> str:
    """Thursday 19 November 2026."""
    return f"{WEEKDAYS[day.weekday()]} {day.day} {MONTHS[day.month - 1]} {day.year}"


def say_day_short(day: date) -> str:
    """Thu 19 Nov 2026."""
    return f"{WEEKDAYS[day.weekday()][:3]} {day.day} {MONTHS[day.month - 1][:3]} {day.year}"


def say(moment: datetime, zone: str | ZoneInfo | None = None) -> str:
    """Thu 19 Nov 2026, 01:00 UTC (02:00 Brussels); the local day is named too where it is another one."""
    utc = aware(moment)
    text = f"{say_day_short(utc.date())}, {utc:%H:%M} UTC"
    if zone is None or str(zone) == "UTC":
        return text
    local = utc.astimezone(ZoneInfo(zone) if isinstance(zone, str) else zone)
    day = (
        ""
        if local.date() == utc.date()
        else f"{WEEKDAYS[local.weekday()][:3]} {local.day} {MONTHS[local.month - 1][:3]}, "
    )
    return f"{text} ({day}{local:%H:%M} {place(zone)})"


def say_until(moment: datetime) -> str:
    """An end: "until the end of 13 March 2027 UTC" for a midnight, else "until Thu 19 Nov 2026, 01:00 UTC".

    A midnight belongs to the day that it closes: readers take "until 14 March" for a day too long.
    """
    utc = aware(moment)
    if (utc.hour, utc.minute, utc.second, utc.microsecond) != (0, 0, 0, 0):
        return f"until {say(utc)}"
    last = utc.date() - timedelta(days=1)
    return f"until the end of {last.day} {MONTHS[last.month - 1]} {last.year} UTC"


def say_span(span: timedelta) -> str:
    """A length in its two largest units: "4 d 13 h", "9 h", "1 h 5 min", "3 min"; its sign is the caller's to say."""
    minutes = int(abs(span).total_seconds()) // 60
    if not minutes:
        return "less than 1 min"
    days, minutes = divmod(minutes, 1440)
    hours, minutes = divmod(minutes, 60)
    parts = [(days, "d"), (hours, "h")] if days else [(hours, "h"), (minutes, "min")]
    return " ".join(f"{count} {unit}" for count, unit in parts if count)
