"""Business days and the deadline that runs on the authority: when an answer is due, and why then.

No ERSR definition of "business day" exists, so calendar, time zone, closures and the hour at which a day ends are
settings that the authority must make (docs/process.md, "Clocks"). Closures are given: nothing here computes a holiday
or reads a clock.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Self
from zoneinfo import ZoneInfo

from ersr.core.errors import FieldError, invalid
from ersr.core.say import WEEKDAYS, WEEKDAYS_SHORT, aware, place, say, say_day
from ersr.core.tongue import capital, joined, said, said_in

BUSINESS_DAYS = 3
DAY = timedelta(days=1)
_ORDINALS = {
    1: said_in("business day", "first"), 2: said_in("business day", "second"), 3: said_in("business day", "third"),
    4: said_in("business day", "fourth"), 5: said_in("business day", "fifth"),
}  # fmt: skip
_FIELDS = ("name", "zone", "closures", "version", "day_ends", "label")


@dataclass(frozen=True)
class Calendar:
    """What counts as a business day for the authority.

    `zone` is an IANA name; `closures` are local dates that do not count beside Saturday and Sunday; `version` changes
    whenever the closures do, so that an old deadline can be derived again; `label` is what pages show.
    `closure_names` says for a closure what it is ("Thanksgiving Day"), for the reckoning only.
    """

    name: str
    zone: str
    closures: frozenset[date]
    version: str
    day_ends: time = time(17)
    label: str = ""
    closure_names: Mapping[date, str] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        ZoneInfo(self.zone)  # raises here, at start-up, rather than at the first filing
        if self.day_ends == time(0) or self.day_ends.tzinfo is not None:
            raise ValueError(f"day_ends must be a local time after 00:00, not {self.day_ends.isoformat()}")

    @classmethod
    def parse(cls, settings: Mapping[str, Any]) -> Self:
        """From settings, nothing assumed: every key must be there, unknown ones are refused, all errors come at once.

        `closures` is a list of dates (ISO text or `date`), or a table date -> what is closed for; an empty one must be
        written down as such. `day_ends` is "HH:MM" or a `time`. Raises Refusal("invalid"), a FieldError per wrong key.
        """
        errors = [
            FieldError(key, f"calendar.{key} is missing: nothing is assumed.") for key in _FIELDS if key not in settings
        ]
        errors += [FieldError(key, f"calendar.{key} is not a setting.") for key in settings if key not in _FIELDS]
        texts: dict[str, str] = {}
        for key in ("name", "zone", "version", "label"):
            value = settings.get(key)
            if key in settings and (not isinstance(value, str) or not value.strip()):
                errors.append(FieldError(key, f"calendar.{key} must be a text that is not empty, not {value!r}."))
            else:
                texts[key] = str(value)
        if "zone" in settings and "zone" in texts and not _zone_exists(texts["zone"]):
            errors.append(
                FieldError(
                    "zone", f"calendar.zone {texts['zone']!r} is no time zone: write one like America/Los_Angeles."
                )
            )
        ends = _parse_time(settings.get("day_ends"))
        if "day_ends" in settings and ends is None:
            wrong = settings["day_ends"]
            errors.append(
                FieldError("day_ends", f"calendar.day_ends must be a time like 17:00 and after 00:00, not {wrong!r}.")
            )
        closures = _parse_closures(settings.get("closures", []), errors)
        if errors:
            raise invalid(*errors)
        assert ends is not None
        return cls(
            texts["name"], texts["zone"], frozenset(closures), texts["version"], ends, texts["label"],
            {day: why for day, why in closures.items() if why},
        )  # fmt: skip

    def open_on(self, day: date) -> bool:
        return day.weekday() < 5 and day not in self.closures

    def why_closed(self, day: date) -> str:
        """ "it is a weekend", "Thanksgiving Day", "the authority is closed"; empty for a business day."""
        if day.weekday() >= 5:
            return said("it is a weekend")
        return self.closure_names.get(day, said("the authority is closed")) if day in self.closures else ""

    def local(self, moment: datetime) -> datetime:
        return aware(moment).astimezone(ZoneInfo(self.zone))

    def at(self, day: date, hour: time) -> datetime:
        """That local wall-clock time in UTC. Where daylight saving repeats an hour it is the first of the two."""
        return datetime.combine(day, hour, ZoneInfo(self.zone)).astimezone(UTC)


@dataclass(frozen=True)
class Step:
    """One local day of a reckoning: whether it counted, and why or why not."""

    date: date
    counted: bool
    why: str


@dataclass(frozen=True)
class Deadline:
    """`at` is UTC; `reckoning` has every local day from the day of receipt to the last that counted."""

    at: datetime
    reckoning: tuple[Step, ...]
    received_at: datetime
    calendar: Calendar

    @property
    def local(self) -> datetime:
        return self.calendar.local(self.at)

    @property
    def question(self) -> str:
        """Why Wednesday 17:00 in Los Angeles?"""
        local = self.local
        return said(
            "Why {weekday} {time} in {place}?",
            weekday=WEEKDAYS[local.weekday()], time=f"{local:%H:%M}", place=place(self.calendar.zone),
        )  # fmt: skip

    def explain(self) -> tuple[str, ...]:
        """The reckoning in sentences, one a day, ending with the deadline in UTC and local time."""
        city = place(self.calendar.zone)
        received = self.calendar.local(self.received_at)
        first = said(
            "Received on {day} at {time} in {city}. The day of receipt does not count.",
            day=say_day(received.date()), time=f"{received:%H:%M}", city=city,
        )  # fmt: skip
        days = [
            said("{day} counts: {why}.", day=capital(say_day(step.date)), why=step.why) if step.counted
            else said("{day} does not count: {why}.", day=capital(say_day(step.date)), why=step.why)
            for step in self.reckoning[1:]
        ]  # fmt: skip
        last = said(
            "It ends at {time} in {city}: {moment}.",
            time=f"{self.local:%H:%M}", city=city, moment=say(self.at, self.calendar.zone),
        )  # fmt: skip
        label, version = self.calendar.label or self.calendar.name, self.calendar.version
        return (first, *days, last, said("Calendar: {calendar}, version {version}.", calendar=label, version=version))


@dataclass(frozen=True)
class Segment:
    """One local day, or part of one, of the clock chart; `starts` and `ends` are UTC.

    `closed` is true of weekends and closures; `number` is the business day's place in the count, None where the day
    does not count (closed, or the day of receipt). Charts hatch what has no number.
    """

    day: date
    starts: datetime
    ends: datetime
    label: str
    closed: bool
    number: int | None


def decide_by(received_at: datetime, calendar: Calendar, *, business_days: int = BUSINESS_DAYS) -> Deadline:
    """When the authority's answer is due: at `day_ends` of the n-th business day after the local day of receipt.

    `received_at` is when the request came in by any channel, not when somebody typed it in.
    """
    if business_days < 1:
        raise ValueError(f"a deadline has at least one business day, not {business_days}")
    day = calendar.local(received_at).date()
    steps = [Step(day, False, said("the day of receipt does not count"))]
    count = 0
    while count < business_days:
        day += DAY
        closed = calendar.why_closed(day)
        count += not closed
        steps.append(Step(day, not closed, closed or said("it is the {ordinal} business day", ordinal=_ORDINALS.get(count, f"{count}."))))
    return Deadline(calendar.at(day, calendar.day_ends), tuple(steps), aware(received_at), calendar)


def segments(start: datetime, end: datetime, calendar: Calendar) -> tuple[Segment, ...]:
    """The local days from `start` (the receipt) to `end`, without gap or overlap; first and last are cut to fit."""
    start, end = aware(start), aware(end)
    day = calendar.local(start).date()
    found: list[Segment] = []
    count = 0
    while (starts := max(start, calendar.at(day, time(0)))) < end:
        closed = not calendar.open_on(day)
        counts = not closed and bool(found)
        count += counts
        ends = min(end, calendar.at(day + DAY, time(0)))
        short = WEEKDAYS_SHORT[day.weekday()]
        if starts < ends:  # a zone that jumps over a whole day leaves nothing to draw
            found.append(
                Segment(day, starts, ends, said("{weekday} {number}", weekday=short, number=count) if counts else short, closed, count if counts else None)
            )
        day += DAY
    return tuple(found)


def merge_closed(days: Sequence[Segment]) -> tuple[Segment, ...]:
    """Neighbouring closed days as one segment labelled "Sat, Sun closed", so that a chart has room for its words."""
    runs: list[list[Segment]] = []
    for one in days:
        if one.closed and runs and runs[-1][-1].closed:
            runs[-1].append(one)
        else:
            runs.append([one])
    return tuple(
        replace(run[0], ends=run[-1].ends, label=said("{days} closed", days=joined(", ", [day.label for day in run])))
        if run[0].closed else run[0]
        for run in runs
    )  # fmt: skip


def _zone_exists(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (OSError, ValueError, LookupError):  # zoneinfo raises any of these for a key that is none
        return False
    return True


def _parse_time(value: object) -> time | None:
    if isinstance(value, str):
        try:
            value = datetime.strptime(value, "%H:%M").time()  # noqa: DTZ007 - a wall-clock time has no zone
        except ValueError:
            return None
    return value if isinstance(value, time) and value != time(0) and value.tzinfo is None else None


def _parse_closures(value: object, errors: list[FieldError]) -> dict[date, str]:
    """date -> what is closed for ("" where only a list was given); adds to `errors` what is no date."""
    if isinstance(value, str | bytes) or not isinstance(value, Mapping | Sequence | set | frozenset):
        errors.append(
            FieldError("closures", f"calendar.closures must be a list of dates or a table date = name, not {value!r}.")
        )
        return {}
    named = value if isinstance(value, Mapping) else dict.fromkeys(value, "")
    closures: dict[date, str] = {}
    for key, why in named.items():
        day = key
        if isinstance(day, str):
            try:
                day = date.fromisoformat(day)
            except ValueError:
                day = None
        if not isinstance(day, date) or isinstance(day, datetime) or not isinstance(why, str):
            errors.append(FieldError("closures", f"calendar.closures has {key!r}: write dates like 2026-11-26."))
        else:
            closures[day] = why
    return closures
