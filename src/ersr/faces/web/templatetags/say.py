"""Words for pages: times, spans, digests, numbers. Load with `{% load say %}`.

Times come out as <time> elements, which never break across lines (site.css) and carry the machine's form; the words are
those of core/say.py, so that page, letter and mail say the same.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from django import template
from django.utils.html import escape, format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from ersr.core.say import MONTHS, WEEKDAYS, aware, place, say, say_span, say_until

register = template.Library()

_COUNTS = ("No", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine", "Ten")


def _time(moment: datetime, words: str) -> SafeString:
    return format_html('<time datetime="{}">{}</time>', f"{aware(moment):%Y-%m-%dT%H:%MZ}", words)


@register.filter
def utc(moment: datetime | None) -> SafeString | str:
    """Thu 19 Nov 2026, 01:00 UTC; nothing where there is no time."""
    return _time(moment, say(moment)) if moment else ""


@register.filter
def short_utc(moment: datetime | None) -> SafeString | str:
    """11:07 UTC: where the day is said nearby."""
    return _time(moment, f"{aware(moment):%H:%M} UTC") if moment else ""


@register.filter
def day_utc(moment: datetime | None) -> SafeString | str:
    """Sun 15 Nov, 00:00 UTC: where the year is plain."""
    if not moment:
        return ""
    at = aware(moment)
    return _time(moment, f"{WEEKDAYS[at.weekday()][:3]} {at.day} {MONTHS[at.month - 1][:3]}, {at:%H:%M} UTC")


@register.filter
def local(moment: datetime | None, zone: str | None) -> SafeString | str:
    """02:00 Brussels, or Wed 18 Nov, 17:00 Los Angeles where the day differs from UTC's; nothing for UTC itself."""
    if not moment or not zone or zone == "UTC":
        return ""
    there = aware(moment).astimezone(ZoneInfo(zone))
    day = f"{WEEKDAYS[there.weekday()][:3]} {there.day} {MONTHS[there.month - 1][:3]}, "
    same = there.date() == aware(moment).date()
    return _time(moment, f"{'' if same else day}{there:%H:%M} {place(zone)}")


@register.filter
def until(moment: datetime | None) -> str:
    """until the end of 13 March 2027 UTC: a midnight belongs to the day that it closes."""
    return say_until(moment) if moment else ""


@register.filter
def span(length: timedelta | None) -> str:
    """4 d 13 h; without sign: the page says "in", "ago" or "overdue by"."""
    return "" if length is None else say_span(length)


@register.filter
def day(one: date | None) -> SafeString | str:
    """3 Feb 2024."""
    if not one:
        return ""
    said = aware(one).date() if isinstance(one, datetime) else one
    return format_html('<time datetime="{}">{}</time>', said.isoformat(),
                       f"{said.day} {MONTHS[said.month - 1][:3]} {said.year}")


@register.filter
def groups(digest: str | bytes | None) -> SafeString | str:
    """A digest to read aloud: groups of four, four groups a line (parts/hash.html sets it in mono)."""
    if not digest:
        return ""
    text = digest.hex() if isinstance(digest, bytes) else digest
    fours = [text[at:at + 4] for at in range(0, len(text), 4)]
    lines = (" ".join(fours[at:at + 4]) for at in range(0, len(fours), 4))
    return mark_safe("<br>".join(escape(line) for line in lines))


@register.filter
def thousands(number: int | None) -> str:
    """7,750, whatever the machine's locale is."""
    return "" if number is None else f"{number:,}"


@register.filter
def reference(text: str | None) -> SafeString | str:
    """SRW-2026-4821003-K in mono, its number strong, never broken."""
    if not text:
        return ""
    prefix, dash, year, dash2, number = _split(str(text))
    return format_html('<span class="reference">{}<b>{}</b></span>', f"{prefix}{dash}{year}{dash2}", number)


def _split(text: str) -> tuple[str, str, str, str, str]:
    prefix, dash, rest = text.partition("-")
    year, dash2, number = rest.partition("-")
    return (prefix, dash, year, dash2, number) if number else ("", "", "", "", text)


@register.filter
def phone(number: str | None) -> SafeString | str:
    """A number that can be called with one touch and never breaks."""
    if not number:
        return ""
    dial = "".join(one for one in number if one.isdigit() or one == "+")
    return format_html('<a class="phone" href="tel:{}">{}</a>', dial, number)


@register.filter
def tlp_class(label: str | None) -> str:
    """amber-strict: the label as the end of a CSS class."""
    return str(label or "").removeprefix("TLP:").replace("+", "-").lower()


@register.filter
def tlp_words(label: str | None) -> str:
    """TLP:AMBER+STRICT, in capitals and never shortened, with or without the prefix given."""
    return f"TLP:{str(label).removeprefix('TLP:').upper()}" if label else ""


@register.filter
def answers(form_errors: object) -> str:
    """Two answers need another look: the count of wrong fields in words, up to ten."""
    count = len(form_errors)  # type: ignore[arg-type]
    said = _COUNTS[count] if count < len(_COUNTS) else f"{count}"
    return f"{said} answer needs another look:" if count == 1 else f"{said} answers need another look:"


@register.filter
def paragraphs(text: str | None) -> SafeString:
    """Typed text with its paragraphs kept and everything in it escaped."""
    blocks = [block.strip() for block in str(text or "").replace("\r\n", "\n").split("\n\n") if block.strip()]
    return format_html_join("", "<p>{}</p>", ((mark_safe("<br>".join(escape(x) for x in block.split("\n"))),)
                                              for block in blocks))


@register.filter
def as_of(moment: datetime | None) -> SafeString | str:
    """as of 11:34 UTC: stands beside every relative time."""
    return format_html("as of {}", short_utc(moment)) if moment else ""


@register.filter
def item(row: list | tuple, place: int) -> object:
    """The cell of that column, counted from 0."""
    return row[place]
