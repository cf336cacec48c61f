"""Name lists as their readers find them: all of them on one page, and in each what is on it, what changed, and files to take along.

A list holds names under the TLDs of its request only: whoever sees the request may see all of it, and nobody a part of it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse

from ersr import clock
from ersr.core.coverage import on_list
from ersr.core.errors import not_found
from ersr.core.say import say
from ersr.core.tlp import strictest
from ersr.core.tongue import number as figure
from ersr.core.tongue import said, tlds_said
from ersr.faces.download import download
from ersr.faces.web.desk import query_of
from ersr.faces.web.page import quoted, signed_in
from ersr.lists import queries as of_lists
from ersr.lists.models import ListVersion, NameList
from ersr.names import canonical
from ersr.people.models import Person
from ersr.requests import queries
from ersr.requests.models import Request

PAGE, FOUND_AT_MOST = 25, 100
PLAIN = "text/plain; charset=us-ascii"


@signed_in
def index(request: HttpRequest, person: Person) -> HttpResponse:
    """Every list of the requests that the person sees, newest request first; above them the files that are being taken in."""
    search = request.GET.get("q", "").strip()
    page = Paginator(queries.lists_visible_to(person, search), PAGE).get_page(request.GET.get("page"))
    found, uploads = queries.listed(person, page), queries.uploads_visible_to(person)
    labels = [one.request.tlp for one in found] + [row.tlp for row, _ in uploads]
    context = {
        "tlp": strictest(labels) if labels else "", "rows": [_row(person, one) for one in found], "page": page, "search": search, "query": query_of(q=search),
        "uploads": uploads,
        "place": said("Desk") if person.is_staff_member else "",
    }  # fmt: skip
    return render(request, "filing/names.html", context)


def _row(person: Person, one: queries.Listed) -> dict[str, Any]:
    return {
        "href": address(person, one.request, one.list), "title": one.list.called, "ref": one.request.reference, "operator": one.request.operator,
        "case": reverse("desk-case" if person.is_staff_member else "case", args=[one.request.reference]), "names": one.version.names,
        "version": one.version.version, "tlds": tlds_said(sorted(one.version.tlds)), "digest": one.version.digest[:16],
        "at": one.version.made_at,
    }  # fmt: skip


def address(person: Person, row: Request, found: NameList) -> str:
    return reverse("desk-list" if person.is_staff_member else "list", args=[row.reference, found.number])


def looked_up(request: HttpRequest, version: ListVersion) -> dict[str, Any]:
    """What the search of a list's page shows: names with the text in them, and of a whole name whether it is on the list."""
    typed = request.GET.get("q", "").strip()
    name, reason = canonical.to_ascii(typed)
    text = typed.lower() if reason else name
    names, count = of_lists.found(version, text, FOUND_AT_MOST) if text else ([], 0)
    whole = None
    if text and not reason:
        listing = of_lists.exactly(version, name)
        whole = {"name": name, "listed": listing.listed, "why": quoted(on_list(listing, clock.now()).why) if listing.windows else ""}
    return {"search": typed, "found": names, "found_count": count, "whole": whole}


def versions_shown(versions: Sequence[ListVersion], *, staff: bool) -> dict[str, Any]:
    """A row for each version, newest first: what came, went and stayed against the one before; why and by whom is told to staff."""
    heads = [said("Version"), said("Names"), said("Added"), said("Taken out"), said("Kept"), said("When")]
    rows, before = [], None
    for one in sorted(versions, key=lambda v: v.version):
        gone = of_lists.taken_out_count(one) if before else 0
        kept = before.names - gone if before else 0
        row = [said("{n}, as filed", n=one.version) if one.version == 1 else str(one.version), figure(one.names), figure(one.names - kept), figure(gone), figure(kept), say(one.made_at)]
        rows.append([*row, one.reason or said("As filed"), one.made_by.name] if staff else row)
        before = one
    return {"version_heads": [*heads, said("Why"), said("By")] if staff else heads, "versions": rows[::-1]}


def slice_shown(request: HttpRequest, version: ListVersion) -> dict[str, Any]:
    """Under which TLDs the list has names, and of the chosen one how many and their digest."""
    chosen = request.GET.get("tld", "").strip().lower().lstrip(".")
    if chosen not in version.tlds:
        return {"tlds": sorted(version.tlds), "tld": ""}
    digest = hashlib.sha256()
    for piece in of_lists.lines_of(version, chosen):
        digest.update(piece)
    return {"tlds": sorted(version.tlds), "tld": chosen, "tld_names": version.tlds[chosen], "tld_digest": digest.hexdigest()}


def page_of(request: HttpRequest, person: Person, row: Request, found: NameList) -> dict[str, Any]:
    """What the list's page has in common for filers and staff."""
    versions = queries.versions_told_to(person, row, found)
    version = versions[0]
    return {
        **looked_up(request, version), **slice_shown(request, version), **versions_shown(versions, staff=person.is_staff_member),
        "files": _files(row, found, version, versions), "windows": version.content_digest != version.digest, "content_digest": version.content_digest,
    }  # fmt: skip


def _files(row: Request, found: NameList, version: ListVersion, versions: Sequence[ListVersion]) -> list[tuple[str, str]]:
    at = [row.reference, found.number]
    files = [(reverse("list-names", args=at), said("All names (names.txt)"))]
    if version.content_digest != version.digest:
        files.append((reverse("list-records", args=at), said("Names with their windows (records.txt)")))
    if versions[-1].refused_rows or versions[-1].refused_file_id:
        files.append((reverse("list-refused", args=at), said("Refused lines (refused.csv)")))
    if any(one.removed or one.removed_file_id for one in versions):
        files.append((reverse("list-removed", args=at), said("Names taken out (removed.txt)")))
    return files


# --- files


def list_of(person: Person, ref: str, number: int) -> tuple[Request, NameList]:
    row = queries.request_for(person, ref)
    found = row.incident.lists.filter(number=number).first()
    if found is None:
        raise not_found()
    return row, found


@signed_in
def names(request: HttpRequest, person: Person, ref: str, number: int) -> HttpResponseBase:
    """Sorted, one a line: `sha256sum` of it is the list's digest. ?tld=com: those of one TLD, with the digest that the page shows."""
    row, found = list_of(person, ref, number)
    version, tld = queries.versions_told_to(person, row, found)[0], request.GET.get("tld", "")
    if tld and tld not in version.tlds:
        raise not_found()
    name = f"{row.reference}-list-{number}{f'-{tld}' if tld else ''}.txt"
    return download(of_lists.lines_of(version, tld or None), PLAIN, name)


@signed_in
def records(request: HttpRequest, person: Person, ref: str, number: int) -> HttpResponseBase:
    """The lines `name,from,until` (a name alone where it has no window): `sha256sum` of it is the content digest."""
    row, found = list_of(person, ref, number)
    version = queries.versions_told_to(person, row, found)[0]
    return download(of_lists.records_lines(version), PLAIN, f"{row.reference}-list-{number}-records.txt")


@signed_in
def removed(request: HttpRequest, person: Person, ref: str, number: int) -> HttpResponseBase:
    """The names that were taken out since the list was filed, as far as the person is told: sorted, one a line."""
    row, found = list_of(person, ref, number)
    versions = queries.versions_told_to(person, row, found)
    gone = sorted({name for one in versions for name in of_lists.taken_out(one)})
    return download(_lines(gone), PLAIN, f"{row.reference}-list-{number}-removed.txt")


def _lines(rows: Sequence[str]) -> Iterator[bytes]:
    for start in range(0, len(rows), of_lists.LINES_A_PIECE):
        yield "".join(f"{one}\n" for one in rows[start : start + of_lists.LINES_A_PIECE]).encode("ascii")
