"""Three pictures as inline SVG and HTML: the clock (the neatline), whose move it was, and names by class.

Pure functions: times in, markup out. x is in percent and y in px, without viewBox, so that text keeps its size on a
phone; marks are nested <svg> at x %. Colour comes from classes only (the CSP forbids style attributes). Each chart
carries its finding in words and `rows` with the same facts, for the table below it: a picture is never the only place.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.utils.html import conditional_escape as escape
from django.utils.safestring import SafeString, mark_safe

from ersr.core.deadlines import Segment
from ersr.core.say import WEEKDAYS_SHORT, say, say_span
from ersr.core.tongue import joined, said, said_in, said_n, told
from ersr.core.tongue import number as figure
from ersr.faces.web.svg import STOP, draw, flag, hatch, line, make_key, mark, tag, text

#: Widths in px at which a label must fit: the text column of a 320 px phone, and of a 48rem window (site.css).
PHONE, WIDE = 288, 704
#: Moments nearer than this, in percent of the width, are stacked.
NEAR = 8


@dataclass(frozen=True)
class Chart:
    """`svg` is safe markup; `heads` and `rows` are plain text with the same facts; `finding` is what it shows."""

    svg: SafeString
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    finding: str


#: The sides of core/lifecycle.py that have a lane; what a lane is called comes with the case.
SIDES = AUTHORITY, REGISTRY = "authority", "registry"


def lanes(authority: str) -> dict[str, str]:
    """side -> what its lane is called; `authority` is its short name."""
    return {AUTHORITY: authority, REGISTRY: said("Registry")}


@dataclass(frozen=True)
class Move:
    """`side` (AUTHORITY or REGISTRY) had the move from `start` to `end`."""

    side: str
    start: datetime
    end: datetime


@dataclass(frozen=True)
class Moment:
    """A numbered moment of the case: 3, when, "signature"."""

    number: int
    at: datetime
    words: str


def clock(
    segments: Sequence[Segment],
    *,
    now: datetime,
    due: datetime,
    cannot_be_undone: datetime | None = None,
    zone: str | None = None,
    key: str = "",
) -> Chart:
    """The neatline from the first segment's start to `due`, or to `now` once that is later.

    Working days are ink and paper by turns, what does not count is hatched; a bar below shows the time spent, a diamond
    where nothing can be undone, a flag at due, a triangle for now. `zone` adds the reader's local time to the rows.
    `key` begins the ids; without it they come from the content.
    """
    if not segments:
        raise ValueError("a clock needs at least one segment")
    start = segments[0].starts
    end = max(due, now, segments[-1].ends)
    scale = _Scale(start, end)
    late = now > due
    diamond = cannot_be_undone if cannot_be_undone and start <= cannot_be_undone <= end else None
    # "Cannot be undone" and "Due" share a line only while the first is far to the left.
    top = 59 if diamond and (late or scale.part(diamond) > 0.35) else 39
    finding = _clock_finding(segments, now, due, cannot_be_undone)
    key = key or make_key("clock", segments, now, due, cannot_be_undone)

    parts: list[str] = []
    labels: list[str] = []
    shown = _labelled(segments)
    inked = False
    for place, one in enumerate(segments):
        counts = one.number is not None
        inked = counts and not inked if counts else inked
        kind = "closed" if not counts else "ink" if inked else "paper"
        fill = {"fill": f"url(#{key}-hatch)"} if not counts else {}
        box = {"x": scale.x(one.starts), "width": scale.width(one.starts, one.ends), "y": f"{top + 1}", "height": "24"}
        parts.append(tag("rect", **{"class": f"clock-{kind}"}, **box, **fill))
        fits = _fits(one.label, scale.part(one.ends) - scale.part(one.starts)) if place in shown else None
        if fits is not None:
            middle = one.starts + (one.ends - one.starts) / 2
            labels.append(text(one.label, x=scale.x(middle), y=top + 18, css=f"clock-day clock-day--{kind}{fits}"))
    parts.append(line("clock-rule", scale.x(start), scale.x(end), top + 25.5, top + 25.5))
    spent = min(now, due)
    if spent > start:
        parts.append(_bar("clock-spent", scale, start, spent, top + 26, 8))
    if late:
        parts.append(_bar("clock-late", scale, due, now, top + 26, 8))
    parts.append(tag("rect", **{"class": "clock-frame"}, x="0", y=f"{top + 1}", width="100%", height="34"))
    parts += labels
    if diamond:
        left = scale.part(diamond) < 0.55
        shape = tag("path", **{"class": "clock-undone"}, d=f"M0 {top - 12} l7 8 l-7 8 l-7 -8 z")
        shape += text(said("Cannot be undone"), x=-8 if left else 8, y=top - (41 if top > 39 else 21),
                      css="clock-word clock-word--undone" + ("" if left else " clock-word--end"))
        parts.append(mark(scale.x(diamond), shape))
    parts.append(mark(scale.x(due), flag(top - 25, top + 36, left_of_pole=scale.part(due) > 0.25)))
    if now >= start:
        left = scale.part(now) < 0.5
        shape = tag("path", **{"class": "clock-now"}, d=f"M0 {top + 35} l8 12 h-16 z")
        shape += text(said("Now, {moment}", moment=_short(now)), x=-1 if left else 1, y=top + 61,
                      css="clock-word" + ("" if left else " clock-word--end"))
        parts.append(mark(scale.x(now), shape))
    svg = draw(key, said("Clock of this request"), finding, top + 66, "clock", parts)
    return Chart(svg, (said("What"), said("When")), tuple(_clock_rows(segments, now, due, cannot_be_undone, zone)), finding)


def case_timeline(
    moves: Sequence[Move],
    moments: Sequence[Moment],
    *,
    names: Mapping[str, str],
    start: datetime,
    end: datetime,
    due: datetime,
    closed: Sequence[Segment] = (),
    signed_at: datetime | None = None,
    key: str = "",
) -> Chart:
    """Two lanes, a bar while that side had the move; days that do not count hatched, moments above, a flag at due.

    `names` says what each side is called. `closed` may hold every segment: only those without a number are hatched. `signed_at` lets the finding say whether
    the answer came before due.
    """
    scale = _Scale(start, max(end, due))
    key = key or make_key("moves", moves, moments, start, end, due, closed)
    levels = _levels(sorted(moments, key=lambda one: (one.at, one.number)), scale, due)
    top = 30 + 24 * max(levels.values(), default=0)
    bottom = top + 104
    parts: list[str] = []
    for one in closed:
        if one.number is None and one.ends > start and one.starts < scale.end:
            since, until = max(one.starts, start), min(one.ends, scale.end)
            parts.append(_bar("moves-closed", scale, since, until, top, 104, fill=f"url(#{key}-hatch)"))
    parts += _days(scale, top, bottom)
    for lane, (side, offset) in enumerate(((AUTHORITY, 22), (REGISTRY, 78))):
        parts += [
            _bar(f"moves-bar--{'theirs' if lane == 0 else 'yours'}", scale, move.start, move.end,
                 top + offset, 22)
            for move in moves if move.side == side
        ]
        parts.append(text(names[side], x=4, y=top + offset - 6, css="moves-lane"))
    for moment in moments:
        y = 12 + 24 * levels[moment]
        side = -11 if scale.part(moment.at) > 0.95 else 11
        shape = line("moves-when", "0", "0", y, bottom)
        shape += tag("circle", **{"class": "moves-dot"}, cx=f"{side}", cy=f"{y}", r="10")
        shape += text(str(moment.number), x=side, y=y + 5, css="moves-number")
        parts.append(mark(scale.x(moment.at), shape))
    parts.append(mark(scale.x(due), flag(2, bottom, left_of_pole=True, word_right=scale.part(due) < 0.85)))
    finding = _moves_finding(moves, names, due, signed_at)
    rows = [(said("{who} had the move", who=names[move.side]), _from_to(move.start, move.end)) for move in moves]
    rows += [(joined(" ", [str(one.number), one.words]), say(one.at)) for one in moments]
    rows += [(said("Due"), say(due))]
    return Chart(draw(key, said("Whose move it was"), finding, bottom + 24, "moves", parts), (said("What"), said("When")), tuple(rows),
                 finding)


#: How each class of names is drawn; the word is the part of the CSS class after `bar--`.
KINDS = ("allowed", "popular", "reserved", "registered", "sinkholed", "unscreened", "unregistered")


def list_chart(classes: Sequence[tuple[str, str, Mapping[str, int]]], *, key: str = "", columns: int = 3) -> Chart:
    """Names by class (rows, worst first, in the order given) and TLD (columns): a table with a bar beside each figure.

    Each class is (label, kind, {tld: count}), kind one of KINDS. Bars have log steps: a step is ten times. With more
    TLDs than `columns`, those with most names stand alone and the others are added up; `rows` keeps every TLD.
    """
    if unknown := {kind for _label, kind, _counts in classes} - set(KINDS):
        raise ValueError(f"no way to draw {', '.join(sorted(unknown))}; known are {', '.join(KINDS)}")
    tlds = list(dict.fromkeys(tld for _label, _kind, counts in classes for tld in counts))
    heads = (said("Class"), *(f".{tld}" for tld in tlds))
    rows = tuple((label, *(figure(counts.get(tld, 0)) for tld in tlds)) for label, _kind, counts in classes)
    shown, drawn = _columns(classes, tlds, columns)
    top = max((number for row in drawn for number in row), default=0)
    key = key or make_key("names", classes)
    head = "".join(f'<th scope="col" role="columnheader">{escape(name)}</th>' for name in (said("Class"), *shown))
    body: list[str] = []
    for place, ((label, kind, _counts), numbers) in enumerate(zip(classes, drawn, strict=True)):
        warn = STOP if kind in ("allowed", "popular") and any(numbers) else ""
        cells = [f'<th scope="row" role="rowheader">{warn}{escape(label)}</th>']
        for column, (name, count) in enumerate(zip(shown, numbers, strict=True)):
            bar = _count_bar(kind, count, top, f"{key}-{place}-{column}")
            cells.append(f'<td role="cell" data-label="{escape(name)}"><div class="count">'
                         f'<span class="count-figure">{escape(figure(count))}</span>{bar}</div></td>')
        body.append(f'<tr role="row">{"".join(cells)}</tr>')
    sums = [said("{class_}: {names}", class_=label, names=figure(sum(counts.values()))) for label, _kind, counts in classes]
    finding = joined("; ", sums)
    caption = said("Names by class and TLD. {finding}. Each step of a bar is ten times.", finding=finding)
    table = (f'<table class="table table--cards table--names" role="table"><caption class="unseen">'
             f'{escape(caption)}</caption><thead role="rowgroup"><tr role="row">'
             f'{head}</tr></thead><tbody role="rowgroup">{"".join(body)}</tbody></table>')
    return Chart(mark_safe(table), heads, rows, finding)  # every text in it went through escape()


# --- the scale, labels and what lies where


class _Scale:
    def __init__(self, start: datetime, end: datetime) -> None:
        if end <= start:
            raise ValueError("a chart ends after it starts")
        self.start, self.end = start, end

    def part(self, moment: datetime) -> float:
        return min(1.0, max(0.0, (moment - self.start) / (self.end - self.start)))

    def x(self, moment: datetime) -> str:
        return f"{100 * self.part(moment):.2f}%"

    def width(self, since: datetime, until: datetime) -> str:
        return f"{100 * (self.part(until) - self.part(since)):.2f}%"


def _labelled(segments: Sequence[Segment]) -> set[int]:
    """Which segments bear their label: at most four, beyond 10 days at most every second; days that count come first,
    since the hatching says of the others what they are."""
    days = (segments[-1].ends - segments[0].starts) / timedelta(days=1)
    step = max(2 if days > 10 else 1, math.ceil(len(segments) / 4)) if days > 10 else 1
    counted = [place for place, one in enumerate(segments) if one.number is not None][::step]
    others = [place for place, one in enumerate(segments) if one.number is None][::step]
    others.sort(key=lambda place: segments[place].starts - segments[place].ends)
    return set([*counted, *others][:4])


def _width_of(text: str) -> float:
    """Roughly the px of a 15 px bold label, measured in Chromium: enough to leave out what would be cut."""
    return sum(4.4 if one in " ,.:;il'tfj" else 13 if one in "WMm" else 8.9 for one in text)


def _fits(label: str, part: float) -> str | None:
    """"" where the label always fits, " wide-only" where it needs a wide window, None where it never does."""
    need = _width_of(told(label))
    return "" if need <= part * PHONE else " wide-only" if need <= part * WIDE else None


def _levels(moments: Sequence[Moment], scale: _Scale, due: datetime) -> dict[Moment, int]:
    """The row of each moment, counted from the top: the first in which nothing is nearer than NEAR."""
    pole = 100 * scale.part(due)
    used: dict[int, float] = {}
    levels: dict[Moment, int] = {}
    for moment in moments:
        at = 100 * scale.part(moment.at)
        level = 1 if abs(at - pole) < 2 * NEAR else 0  # the flag and its word have the first row
        while at - used.get(level, -math.inf) < NEAR:
            level += 1
        used[level] = at
        levels[moment] = level
    return levels


def _days(scale: _Scale, top: int, bottom: int) -> list[str]:
    """A hairline at each midnight UTC and as many day names as fit, fewer of them on a phone; in a long case only those hairlines
    that have a name."""
    day = scale.start.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    part = timedelta(days=1) / (scale.end - scale.start)
    wide, narrow = (max(1, math.ceil(56 / (width * part))) for width in (WIDE, PHONE))
    narrow = wide * math.ceil(narrow / wide)
    parts: list[str] = []
    count = 0
    while day < scale.end:
        if count % wide == 0 or wide < 5:
            parts.append(line("moves-day", scale.x(day), scale.x(day), top, bottom))
        fits = _fits(said("{weekday} {day}", weekday=WEEKDAYS_SHORT[2], day="00"), 1 - scale.part(day))
        if count % wide == 0 and fits is not None:
            css = "moves-date" + (fits or (" wide-only" if count % narrow else ""))
            parts.append(mark(scale.x(day), text(said("{weekday} {day}", weekday=WEEKDAYS_SHORT[day.weekday()], day=day.day), x=5, y=bottom + 18, css=css)))
        day += timedelta(days=1)
        count += 1
    return parts


def _columns(
    classes: Sequence[tuple[str, str, Mapping[str, int]]], tlds: Sequence[str], columns: int
) -> tuple[list[str], list[list[int]]]:
    """Column names and the figures below them; the smaller TLDs share the last column when there are too many."""
    if len(tlds) <= columns:
        return [f".{tld}" for tld in tlds], [[counts.get(tld, 0) for tld in tlds] for _l, _k, counts in classes]
    totals = {tld: sum(counts.get(tld, 0) for _l, _k, counts in classes) for tld in tlds}
    alone = sorted(tlds, key=lambda tld: -totals[tld])[:columns - 1]
    names = [*(f".{tld}" for tld in alone), said_n("{n} other TLD", "{n} other TLDs", len(tlds) - len(alone))]
    return names, [
        [*(counts.get(tld, 0) for tld in alone), sum(n for tld, n in counts.items() if tld not in alone)]
        for _l, _k, counts in classes
    ]


# --- the finding in words


def _clock_finding(
    segments: Iterable[Segment], now: datetime, due: datetime, cannot_be_undone: datetime | None
) -> str:
    working = sum(one.number is not None for one in segments)
    span = say_span(now - due)
    left = said("overdue by {span}", span=span) if now > due else said("in {span}", span=span)
    words = said(
        "Due {moment}, {left} as of {now}; working days drawn: {working}.",
        moment=say(due), left=left, now=say(now), working=working,
    )  # fmt: skip
    if not cannot_be_undone:
        return words
    return joined(" ", [words, said("Cannot be undone: {moment}.", moment=say(cannot_be_undone))])


def _clock_rows(
    segments: Sequence[Segment], now: datetime, due: datetime, cannot_be_undone: datetime | None, zone: str | None
) -> Iterable[tuple[str, str]]:
    yield said_in("of a clock", "Start"), say(segments[0].starts, zone)
    for one in segments:
        yield one.label if one.number else said("{day}, does not count", day=one.label), _from_to(one.starts, one.ends)
    if cannot_be_undone:
        yield said("Cannot be undone"), say(cannot_be_undone, zone)
    yield said("Due"), say(due, zone)
    yield said("Now, as of"), say(now, zone)


def _moves_finding(
    moves: Iterable[Move], names: Mapping[str, str], due: datetime, signed_at: datetime | None
) -> str:
    held = {AUTHORITY: timedelta(), REGISTRY: timedelta()}
    for move in moves:
        held[move.side] += move.end - move.start
    words = said(
        "{who} had the move {span}, the registry {other}",
        who=names[AUTHORITY], span=say_span(held[AUTHORITY]), other=say_span(held[REGISTRY]),
    )  # fmt: skip
    if signed_at is None:
        return said("{words}; due {moment}.", words=words, moment=say(due))
    if signed_at <= due:
        return said("{words}; signed before due.", words=words)
    return said("{words}; signed {span} after due.", words=words, span=say_span(signed_at - due))


def _from_to(since: datetime, until: datetime) -> str:
    return said("{since} to {until}, {span}", since=say(since), until=say(until), span=say_span(until - since))


def _short(moment: datetime) -> str:
    utc = moment.astimezone(UTC)
    return said("{weekday} {time} UTC", weekday=WEEKDAYS_SHORT[utc.weekday()], time=f"{utc:%H:%M}")


def _bar(css: str, scale: _Scale, since: datetime, until: datetime, y: float, height: float, **more: str) -> str:
    return tag("rect", **{"class": css}, x=scale.x(since), y=f"{y}", width=scale.width(since, until),
                height=f"{height}", **more)


def _count_bar(kind: str, number: int, top: int, key: str) -> str:
    """A bar of log steps; 1 is a short stump, 0 has no bar. Hatched and dotted kinds bring their own pattern."""
    if number <= 0:
        return ""
    width = 98 * (math.log10(number) + 0.25) / (math.log10(top) + 0.25)  # 2 % for the outline
    paint, pattern = {}, ""
    if kind == "registered":
        paint, pattern = {"fill": f"url(#{key}-hatch)"}, tag("defs", hatch(key))
    elif kind == "sinkholed":
        dot = tag("circle", **{"class": "dot"}, cx="2", cy="2", r="0.9")
        size = {"patternUnits": "userSpaceOnUse", "width": "4", "height": "4"}
        pattern = tag("defs", tag("pattern", dot, id=f"{key}-dots", **size))
        paint = {"fill": f"url(#{key}-dots)"}
    bar = tag("rect", **{"class": f"bar bar--{kind}"}, x="1", y="4.5", width=f"{width:.1f}%", height="11", **paint)
    return tag("svg", pattern + bar, **{"class": "count-bar", "aria-hidden": "true"}, width="100%", height="20",
                focusable="false")
