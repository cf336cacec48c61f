"""Words for pages: times, spans, digests, numbers. Load with `{% load say %}`.

Times come out as <time> elements, which never break across lines (site.css) and carry the machine's form; the words are
those of core/say.py, so that page, letter and mail say the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta

from django import template
from django.core.exceptions import NON_FIELD_ERRORS
from django.utils.html import escape, format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext

from ersr.core.say import aware, say, say_clock, say_date, say_near, say_phone, say_span, say_there, say_until
from ersr.core.tongue import Said, number, said, said_in, said_n, told
from ersr.core.tongue import small as smaller

register = template.Library()

_COUNTS = (
    said_in("of answers", "No"), said_in("of answers", "One"), said_in("of answers", "Two"), said_in("of answers", "Three"),
    said_in("of answers", "Four"), said_in("of answers", "Five"), said_in("of answers", "Six"), said_in("of answers", "Seven"),
    said_in("of answers", "Eight"), said_in("of answers", "Nine"), said_in("of answers", "Ten"),
)  # fmt: skip
#: How an instrument was served (waivers.models.ServiceRecord.CHANNELS), inside a sentence.
_CHANNELS = {"courier": said("courier"), "e-mail": said("e-mail"), "post": said("post"), "web_site": said("web site")}


def _time(moment: datetime, words: str) -> SafeString:
    """Its spaces are plain: the element never breaks but in the smallest window, where it must be able to."""
    plain = told(words).replace("\N{NO-BREAK SPACE}", " ")
    return format_html('<time datetime="{}">{}</time>', f"{aware(moment):%Y-%m-%dT%H:%MZ}", plain)


@register.filter
def utc(moment: datetime | None) -> SafeString | str:
    """Thu 19 Nov 2026, 01:00 UTC; nothing where there is no time."""
    return _time(moment, say(moment)) if moment else ""


@register.filter
def short_utc(moment: datetime | None) -> SafeString | str:
    """11:07 UTC: where the day is said nearby."""
    return _time(moment, say_clock(moment)) if moment else ""


@register.filter
def day_utc(moment: datetime | None) -> SafeString | str:
    """Sun 15 Nov, 00:00 UTC: where the year is plain."""
    return _time(moment, say_near(moment)) if moment else ""


@register.filter
def local(moment: datetime | None, zone: str | None) -> SafeString | str:
    """02:00 Brussels, or Wed 18 Nov, 17:00 Los Angeles where the day differs from UTC's; nothing for UTC itself."""
    if not moment or not zone or zone == "UTC":
        return ""
    return _time(moment, say_there(moment, zone))


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
    when = aware(one).date() if isinstance(one, datetime) else one
    return format_html('<time datetime="{}">{}</time>', when.isoformat(), told(say_date(when)).replace("\N{NO-BREAK SPACE}", " "))


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
def thousands(count: int | None) -> str:
    """7,750, with the reader's separators, whatever the machine's locale is."""
    return "" if count is None else number(count)


@register.filter
def names(count: int) -> Said:
    """7,750 names."""
    return said_n("{n} name", "{n} names", count)


@register.filter
def days(count: int) -> Said:
    """1,245 days."""
    return said_n("{n} day", "{n} days", count)


@register.filter("bytes")
def in_bytes(count: int) -> Said:
    """20,480 bytes."""
    return said_n("{n} byte", "{n} bytes", count)


@register.filter
def small(words: str) -> Said:
    """With a small letter first: inside a sentence."""
    return smaller(words)


@register.filter
def channel(code: str) -> str:
    """courier, web site: how an instrument was served."""
    return _CHANNELS.get(code, code)


@register.filter
def in_english(words: str | None) -> SafeString | str:
    """What is quoted as it was written, inside a sentence that may be in another language."""
    return format_html('<span lang="en">{}</span>', words) if words else ""


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
    """A number that can be called with one touch, in groups, and never breaks."""
    if not number:
        return ""
    dial = "".join(one for one in number if one.isdigit() or one == "+")
    return format_html('<a class="phone" href="tel:{}">{}</a>', dial, say_phone(number))


@register.filter
def grouped(number: str | None) -> str:
    """The same to be read only: a number that is not to be called from here."""
    return say_phone(number) if number else ""


@register.filter
def tlp_class(label: str | None) -> str:
    """amber-strict: the label as the end of a CSS class."""
    return str(label or "").removeprefix("TLP:").replace("+", "-").lower()


@register.filter
def tlp_words(label: str | None) -> str:
    """TLP:AMBER+STRICT, in capitals and never shortened, with or without the prefix given."""
    return f"TLP:{str(label).removeprefix('TLP:').upper()}" if label else ""


@register.filter
def answers(form_errors: Mapping[str, object]) -> str:
    """Two answers need another look: the count of wrong fields in words, up to ten; nothing where no answer is what is wrong."""
    if set(form_errors) == {NON_FIELD_ERRORS}:
        return ""
    count = len(form_errors)
    figure = _COUNTS[count] if count < len(_COUNTS) else count
    return said_n("{count} answer needs another look:", "{count} answers need another look:", count, count=figure)


@register.filter
def paragraphs(text: str | None) -> SafeString:
    """Typed text with its paragraphs kept and everything in it escaped."""
    blocks = [block.strip() for block in str(text or "").replace("\r\n", "\n").split("\n\n") if block.strip()]
    return format_html_join("", "<p>{}</p>", ((mark_safe("<br>".join(escape(x) for x in block.split("\n"))),)
                                              for block in blocks))


@register.filter
def lines(text: str) -> SafeString:
    """A text of several lines, in the reader's language, each of them escaped."""
    return format_html_join(mark_safe("<br>"), "{}", ((one,) for one in told(text).split("\n")))


@register.filter
def as_of(moment: datetime | None) -> SafeString | str:
    """as of 11:34 UTC: stands beside every relative time."""
    return format_html(gettext("as of {}"), short_utc(moment)) if moment else ""


@register.filter
def item(row: list | tuple, place: int) -> object:
    """The cell of that column, counted from 0."""
    return row[place]
