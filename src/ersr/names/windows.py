"""From when until when a name is meant: half-open windows, written one way, so that equal ones have equal bytes.

A bound is a date (00:00 UTC) or a time after RFC 3339; "" is no bound. The one way: 2026-03-01T00:00:00Z, in UTC, with a
fraction only where there is one, without zeros at its end.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

_BOUND = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)(?:[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:[Zz]|([+-])(\d\d):(\d\d)))?", re.ASCII
)


def bound(text: str) -> datetime:
    """The moment that `text` means. ValueError: neither a date nor RFC 3339, or finer than a millionth of a second."""
    found = _BOUND.fullmatch(text)
    if not found:
        raise ValueError("neither a date nor a time after RFC 3339")
    year, month, day, hour, minute, second = (int(part or 0) for part in found.groups()[:6])
    fraction = (found[7] or "").rstrip("0")
    if len(fraction) > 6:
        raise ValueError("finer than a millionth of a second")
    zone = UTC
    if found[8]:
        hours, minutes = int(found[9]), int(found[10])
        if hours > 23 or minutes > 59:
            raise ValueError("no such offset")
        zone = timezone(timedelta(hours=hours, minutes=minutes) * (-1 if found[8] == "-" else 1))
    local = datetime(year, month, day, hour, minute, second, int(fraction.ljust(6, "0") or 0), tzinfo=zone)
    try:
        return local.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("outside the years 1 to 9999") from error


def written(moment: datetime) -> str:
    """2026-03-01T00:00:00Z, the one way; for every moment that `bound` gives."""
    text = moment.astimezone(UTC).replace(tzinfo=None).isoformat()
    return (text.rstrip("0") if "." in text else text) + "Z"


def window(valid_from: str, valid_until: str) -> tuple[str, str] | None:
    """Both bounds written the one way, "" for none; None if one cannot be read, or nothing lies between them."""
    try:
        begins = bound(valid_from) if valid_from else None
        ends = bound(valid_until) if valid_until else None
    except ValueError:
        return None
    if begins and ends and begins >= ends:
        return None
    return (written(begins) if begins else "", written(ends) if ends else "")


def record(name: str, valid_from: str | None = None, valid_until: str | None = None) -> str:
    """One line of what the content's digest is over, without LF: `name` alone without a window, else `name,from,until`."""
    if not valid_from and not valid_until:
        return name
    return f"{name},{valid_from or ''},{valid_until or ''}"
