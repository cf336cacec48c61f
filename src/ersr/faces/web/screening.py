"""What a list meets in the zones: how far the worker is, counts by class and TLD, answers by group, and the hits one by one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse

from ersr import clock
from ersr.core.say import say, say_date
from ersr.core.screening import CLASSES, HITS, MEANINGS, Class
from ersr.core.sheet import csv_pieces
from ersr.core.tongue import joined, said, tlds_said
from ersr.core.tongue import number as figure
from ersr.faces.download import download
from ersr.faces.web import charts, desk_case, desk_story
from ersr.faces.web.desk import query_of
from ersr.faces.web.desk_forms import GroupsForm
from ersr.faces.web.page import refusals_into, staff_only
from ersr.lists import hits, zones
from ersr.lists.models import HitGroup, NameList, Screening
from ersr.lists.queries import newest_screening, screened
from ersr.lists.screening import progress
from ersr.people.models import Person
from ersr.requests import actions, queries
from ersr.requests.models import Request

PAGE, COLUMNS = 50, 4
_ORDER = {one.value: place for place, one in enumerate(Class)}


@dataclass(frozen=True)
class OfClass:
    """The groups of one class, those with most names first."""

    kind: str
    called: str
    means: str
    groups: tuple[HitGroup, ...]
    names: int


def _day(text: str) -> str:
    return say_date(datetime.fromisoformat(text).date()) if text else ""


def _by_class(groups: Iterable[HitGroup]) -> list[OfClass]:
    found = []
    known = sorted(groups, key=lambda group: (_ORDER[group.kind], -group.names, group.tld))
    for kind in dict.fromkeys(group.kind for group in known):
        own = tuple(group for group in known if group.kind == kind)
        one = Class(kind)
        found.append(OfClass(kind, CLASSES[one], MEANINGS[one], own, sum(group.names for group in own)))
    return found


def _answered(groups: Iterable[HitGroup]) -> list[tuple[str, ...]]:
    """A row for each answer: one may have been for a class under forty TLDs."""
    found: dict[tuple[Any, ...], list[HitGroup]] = {}
    for one in _by_class(groups):
        for group in one.groups:
            found.setdefault((one.called, group.answer, group.reason, group.answered_by, group.answered_at), []).append(group)
    return [
        (
            called, tlds_said(group.tld for group in own), figure(sum(group.names for group in own)), said("Taken out") if given == "removed" else said("Kept"),
            reason, joined(", ", (by.name, say(at))) if by and at else "",
        )
        for (called, given, reason, by, at), own in found.items()
    ]  # fmt: skip


def chart(row: Screening) -> charts.Chart:
    """The classes that have names, worst first; the TLDs with most hits alone, the others together."""
    hit = {tld: sum(counts.get(one, 0) for one in HITS) for tld, counts in row.tlds.items()}
    tlds = sorted(row.tlds, key=lambda tld: (-hit[tld], -sum(row.tlds[tld].values()), tld))
    classes = [
        (CLASSES[one], one.value, {tld: row.tlds[tld].get(one.value, 0) for tld in tlds}) for one in Class if row.classes.get(one.value)
    ]
    return charts.list_chart(classes, key="met", columns=COLUMNS)


def shown(row: NameList) -> dict[str, Any]:
    """Context of desk/screening.html: the newest screening, and the newest that is done."""
    newest, done = newest_screening(row), screened(row)
    groups = list(row.groups.filter(names__gt=0).select_related("answered_by"))
    units = progress(newest) if newest and newest.state == "waiting" else (0, 0)
    return {
        "newest": newest,
        "done": done,
        "units_done": units[0],
        "units": units[1],
        "met": chart(done) if done and done.classes else None,
        "met_zones": [(f".{tld}", zone.get("file", ""), _day(zone.get("day", "")), zone.get("sha256", "")[:16]) for tld, zone in sorted(done.inputs.get("zones", {}).items())] if done else (),
        "zone_heads": (said("TLD"), said("File"), said("Day"), said("SHA-256 begins")),
        "unlooked": done.classes.get(Class.UNSCREENED, 0) if done else 0,
        "open_groups": _by_class(group for group in groups if not group.answer),
        "answered_groups": _answered(group for group in groups if group.answer),
        "group_heads": (said("Class"), said("TLDs"), said("Names"), said("Answer"), said("Why"), said("By")),
        "zones_there": bool(zones.there().zones),
    }  # fmt: skip


def answer(ref: str, number: int, form: GroupsForm, chosen: list[str], person: Person) -> bool:
    """Whether the groups were answered; if not, the form says why not."""
    with refusals_into(form, default="answer"):
        given = form.cleaned_data
        actions.answer_groups(ref, number, chosen, answer=given["answer"], reason=given["reason"], by=person, now=clock.now())
        return True
    return False


@dataclass(frozen=True)
class Shown:
    name: str
    called: str
    rank: str
    hosts: str
    became: str


def _shown(row: NameList, found: Iterable[hits.Row]) -> list[Shown]:
    """Rows with what was answered for them, each by what it is answered with: its group, or itself."""
    found = list(found)
    names = {hit.name: hit.answer for hit in row.hits.filter(name__in=[one.name for one in found])}
    groups = {(group.kind, group.tld): group.answer for group in row.groups.all()}
    gone = {name for version in row.versions.all() for name in version.removed}
    words = {"kept": said("Kept"), "removed": said("Taken out"), "": said("Waits for an answer")}
    rows = []
    for one in found:
        answered = names.get(one.name, "") if one.kind == Class.POPULAR else groups.get((one.kind, one.tld), "")
        became = words["removed" if one.name in gone or names.get(one.name) == "removed" else answered]
        rows.append(Shown(one.name, CLASSES[Class(one.kind)], figure(one.rank) if one.rank else "", one.hosts, became))
    return rows


def _found(person: Person, ref: str, number: int) -> tuple[Request, NameList, Screening]:
    row = queries.request_for(person, ref)
    queries.require(person, row, "read_desk")
    of = row.incident.lists.filter(number=number).first()
    done = screened(of) if of else None
    if of is None or done is None:
        raise desk_story.nothing()
    return row, of, done


class _Count:
    """As many places as there are hits: the paginator counts and never reads them."""

    ordered = True

    def __init__(self, count: int) -> None:
        self.count_ = count

    def count(self) -> int:
        return self.count_

    def __len__(self) -> int:
        return self.count_

    def __getitem__(self, places: slice) -> range:
        return range(places.start, places.stop)


@staff_only
def hit_list(request: HttpRequest, person: Person, ref: str, number: int) -> HttpResponse:
    """Every hit of the newest screening, worst first; by class, TLD and part of a name."""
    row, of, done = _found(person, ref, number)
    kind, tld = request.GET.get("class", ""), request.GET.get("tld", "")
    sought = hits.Sought(kind if kind in set(HITS) else "", tld if tld in done.tlds else "", request.GET.get("q", "").strip().lower()[:253])
    count = hits.count(done, sought)
    page = Paginator(_Count(count), PAGE).get_page(request.GET.get("page"))  # type: ignore[arg-type]
    found = hits.page(done, sought, offset=(page.number - 1) * PAGE, limit=PAGE)
    tlds = sorted(tld for tld, counts in done.tlds.items() if any(counts.get(one, 0) for one in HITS))
    head = desk_case.head(person, row, now=clock.now())
    context = {
        **head,
        "place": "Desk",
        "step": desk_story.step(person, row, head, request.path, now=clock.now()),
        "list": of,
        "done": done,
        "rows": _shown(of, found),
        "page": page,
        "count": count,
        "sought": sought,
        "classes": [("", said("All classes")), *((one.value, CLASSES[one]) for one in HITS if done.classes.get(one.value))],
        "tlds": [("", said("All TLDs")), *((one, f".{one}") for one in tlds)],
        "query": query_of(**{"class": sought.kind, "tld": sought.tld, "q": sought.search}),
        "heads": (said("Name"), said("Class"), said("Rank"), said("Name servers"), said("What became of it")),
        "back_href": reverse("desk-list", args=[row.reference, number]),
    }
    return render(request, "desk/hits.html", context)


@staff_only
def hits_csv(request: HttpRequest, person: Person, ref: str, number: int) -> HttpResponseBase:
    """All hits for a spreadsheet, in which no cell is a formula; the stored file has the digest that the ledger names."""
    row, _, done = _found(person, ref, number)
    assert done.hits_id is not None
    return download(csv_pieces(hits.HEADS, hits.rows(done.hits_id)), "text/csv; charset=utf-8", f"{row.reference}-list-{number}-hits.csv")
