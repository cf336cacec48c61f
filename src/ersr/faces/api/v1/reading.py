"""What is read of a case: the request, its history, numbers, notes, lists, files, waivers."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction
from django.http import HttpRequest, HttpResponse

from ersr import clock
from ersr.core.errors import not_found
from ersr.faces.api import show
from ersr.faces.api.auth import READ, caller
from ersr.faces.api.paging import Cursor, Limit, by_columns, by_key, by_offset, by_place
from ersr.faces.api.schemas.case import (
    History,
    ListKnownOut,
    Notes,
    Numbers,
    RequestOut,
    Requests,
    WaiverOut,
    Waivers,
)
from ersr.faces.api.schemas.covers import CoversOut
from ersr.faces.api.schemas.kinds import Id, MomentIn
from ersr.faces.api.schemas.met import Hits, Met, ScreeningOut
from ersr.faces.api.schemas.upload import UploadOut
from ersr.faces.api.v1.operation import answers, router, sends
from ersr.faces.download import download
from ersr.files import store
from ersr.ledger import sequence
from ersr.lists import hits as file_of_hits
from ersr.lists.models import NameList
from ersr.lists.queries import lines_of, screened
from ersr.people.models import Person
from ersr.requests import queries
from ersr.requests.models import Request
from ersr.waivers.queries import covers_name, list_key_for, waiver_for, waivers_visible_to


@router.get("requests", auth=READ, operation_id="requests", **answers(Requests))
def request_list(request: HttpRequest, limit: Limit = 100, cursor: Cursor = "") -> dict[str, Any]:
    """Requests that you may see: staff in the desk's order, a registry's people newest first."""
    person = caller(request)
    rows = queries.requests_visible_to(person)
    if person.is_staff_member:
        columns = {"over": int, "first_at": datetime, "pk": int}
        found, last = by_columns(queries.in_desk_order(rows), columns, limit, cursor)
    else:
        found, last = by_key(rows, limit, cursor, newest_first=True)
    return {"items": [show.brief(person, row) for row in found], "next": last}


@router.get("requests/{ref}", auth=READ, operation_id="request", **answers(RequestOut))
def one_request(request: HttpRequest, ref: str) -> dict[str, Any]:
    """Everything that you may see of a request, and what you may do now."""
    person = caller(request)
    return show.whole(person, queries.request_for(person, ref), now=clock.now())


@router.get("requests/{ref}/receipt", auth=READ, operation_id="receipt", **sends("application/json", also=(202,)))
def receipt(request: HttpRequest, ref: str) -> HttpResponse:
    """The receipt of the filing, to be kept byte by byte; 202 until it is sequenced, normally within a second."""
    found = queries.request_for(caller(request), ref)
    return download(sequence.receipt_for(found.event), "application/json", f"{found.reference}-receipt.json")


@router.get("requests/{ref}/history", auth=READ, operation_id="history", **answers(History))
def history(request: HttpRequest, ref: str, limit: Limit = 500, cursor: Cursor = "") -> dict[str, Any]:
    """What happened, oldest first, as far as you are told it."""
    person = caller(request)
    rows = list(enumerate(queries.history(person, queries.request_for(person, ref)), start=1))
    found, last = by_place(rows, lambda row: [row[0]], limit, cursor)
    fields = ("at", "kind", "words", "by", "facts")
    items = [
        {f: getattr(row, f) for f in fields} | {"state": show.state_told_to(person, row.state)} for _, row in found
    ]
    return {"items": items, "next": last}


@router.get("requests/{ref}/numbers", auth=READ, operation_id="numbers", **answers(Numbers))
def numbers(request: HttpRequest, ref: str) -> dict[str, Any]:
    """Numbers on file, those that may be called first. Never the filer's to see."""
    person = caller(request)
    rows = queries.numbers_to_call(person, queries.request_for(person, ref), now=clock.now())
    fields = ("number", "since", "days", "may_be_called", "claimed")
    items = [
        {f: getattr(n, f) for f in fields} | {"id": n.pk, "contact": n.contact.name, "contact_roles": n.contact.roles}
        for n in rows
    ]
    return {"items": items, "next": None}


@router.get("requests/{ref}/notes", auth=READ, operation_id="notes", **answers(Notes))
def notes(request: HttpRequest, ref: str) -> dict[str, Any]:
    """The newest note of each discipline."""
    person = caller(request)
    return {"items": show.notes(queries.notes(person, queries.request_for(person, ref))), "next": None}


@router.get("requests/{ref}/privileged", auth=READ, operation_id="privileged", **answers(Notes))
def privileged(request: HttpRequest, ref: str) -> dict[str, Any]:
    """Advice of counsel, for legal and the signatory. Reading it is an event."""
    person = caller(request)
    with transaction.atomic():
        rows = queries.privileged_notes(person, queries.request_for(person, ref), now=clock.now())
    return {"items": show.notes(rows), "next": None}


def _list(person: Person, ref: str, number: int) -> tuple[Request, NameList]:
    found = queries.request_for(person, ref)
    row = found.incident.lists.filter(number=number).first()
    if row is None:
        raise not_found()
    return found, row


@router.get("requests/{ref}/uploads/{n}", auth=READ, operation_id="upload", **answers(UploadOut))
def upload(request: HttpRequest, ref: str, n: Id) -> dict[str, Any]:
    """How far a large file of names is, and at the end what became of it."""
    found = queries.request_for(caller(request), ref)
    return show.upload(found, queries.upload_of(found, n))


@router.get("requests/{ref}/lists/{n}", auth=READ, operation_id="list", **answers(ListKnownOut))
def name_list(request: HttpRequest, ref: str, n: Id) -> dict[str, Any]:
    """A name list with all its versions."""
    person = caller(request)
    return show.name_list(person, *_list(person, ref, n))


@router.get("requests/{ref}/lists/{n}/names", auth=READ, operation_id="names", **sends("text/plain"))
def names(request: HttpRequest, ref: str, n: Id, tld: str = "") -> HttpResponse:
    """The names, sorted, each followed by LF: their SHA-256 is the list's digest. A filer gets the list as filed until the
    answer is there, then as signed. With `tld`: those under that TLD."""
    person = caller(request)
    found, row = _list(person, ref, n)
    version = queries.versions_told_to(person, found, row)[0]
    if tld and tld not in version.tlds:
        raise not_found()
    return download(lines_of(version, tld or None), "text/plain; charset=us-ascii", f"{found.reference}-{n}-names.txt")


@router.get("requests/{ref}/lists/{n}/hits", auth=READ, operation_id="hits", **answers(Hits))
def hits(request: HttpRequest, ref: str, n: Id, limit: Limit = 100, cursor: Cursor = "") -> dict[str, Any]:
    """Names of the list that stand on a popularity list, for staff."""
    person = caller(request)
    found, row = _list(person, ref, n)
    queries.require(person, found, "read_desk")
    rows, last = by_key(row.hits.select_related("answered_by"), limit, cursor)
    fields = ("name", "rank", "answer", "reason", "answered_at")
    items = [
        {f: getattr(hit, f) for f in fields} | {"answered_by": hit.answered_by.name if hit.answered_by else None}
        for hit in rows
    ]
    return {"items": items, "next": last}


@router.get("requests/{ref}/lists/{n}/screening", auth=READ, operation_id="screening", **answers(ScreeningOut))
def screening(request: HttpRequest, ref: str, n: Id) -> dict[str, Any]:
    """What the list meets in the zones, for staff: counts by class and TLD, the groups with their answers; `state` is none, waiting,
    done or failed, and of one that waits `done` of `units` zones are done."""
    person = caller(request)
    found, row = _list(person, ref, n)
    queries.require(person, found, "read_desk")
    return show.screening(row)


@router.get("requests/{ref}/lists/{n}/met", auth=READ, operation_id="met", **answers(Met))
def met(
    request: HttpRequest, ref: str, n: Id, limit: Limit = 100, cursor: Cursor = "", kind: str = "", tld: str = ""
) -> dict[str, Any]:
    """Hits of the newest screening, worst first, for staff: those of a class (`kind`) and of a TLD, or all."""
    person = caller(request)
    found, row = _list(person, ref, n)
    queries.require(person, found, "read_desk")
    done = screened(row)
    if done is None:
        return {"items": [], "next": None}
    offset, last = by_offset(limit, cursor)
    sought = file_of_hits.Sought(kind, tld)
    rows, count = file_of_hits.page(done, sought, offset=offset, limit=limit), file_of_hits.count(done, sought)
    items = [{"name": one.name, "kind": one.kind, "rank": one.rank, "ns": one.hosts} for one in rows]
    return {"items": items, "next": last if offset + limit < count else None}


@router.get("requests/{ref}/evidence/{id}", auth=READ, operation_id="evidence", **sends("application/octet-stream"))
def evidence(request: HttpRequest, ref: str, id: Id) -> HttpResponse:
    """A file as it came, to be downloaded."""
    row = queries.request_for(caller(request), ref).evidence.filter(pk=id).first()
    if row is None:
        raise not_found()
    return download(store.get(row.file_id), "application/octet-stream", row.name)


@router.get("requests/{ref}/previews/{id}", auth=READ, operation_id="preview_pdf", **sends("application/pdf"))
def preview_pdf(request: HttpRequest, ref: str, id: Id) -> HttpResponse:
    """The instrument exactly as it will be signed, for staff."""
    person = caller(request)
    found = queries.request_for(person, ref)
    queries.require(person, found, "read_desk")
    row = found.previews.filter(pk=id).first()
    if row is None:
        raise not_found()
    return download(store.get(row.file_id), "application/pdf", f"{row.reference}-preview.pdf")


@router.get("waivers", auth=READ, operation_id="waivers", **answers(Waivers))
def waiver_list(request: HttpRequest, limit: Limit = 100, cursor: Cursor = "") -> dict[str, Any]:
    """Signed instruments of the requests that you may see, newest first."""
    now = clock.now()
    found, last = by_key(waivers_visible_to(caller(request)), limit, cursor, newest_first=True)
    return {"items": [show.waiver(row, now=now) for row in found], "next": last}


@router.get("waivers/{ref}", auth=READ, operation_id="waiver", **answers(WaiverOut))
def waiver(request: HttpRequest, ref: str) -> dict[str, Any]:
    """One signed instrument; `status` is that of this moment."""
    return show.waiver(waiver_for(caller(request), ref), now=clock.now())


@router.get("waivers/{ref}/pdf", auth=READ, operation_id="waiver_pdf", **sends("application/pdf"))
def waiver_pdf(request: HttpRequest, ref: str) -> HttpResponse:
    """The signed letter, byte by byte."""
    row = waiver_for(caller(request), ref)
    return download(store.get(row.pdf_id), "application/pdf", f"{row.reference}.pdf")


@router.get("waivers/{ref}/token", auth=READ, operation_id="waiver_token", **sends("application/dc+sd-jwt"))
def waiver_token(request: HttpRequest, ref: str) -> HttpResponse:
    """The machine-readable token, byte by byte, without a final newline."""
    row = waiver_for(caller(request), ref)
    return download(store.get(row.token_id), "application/dc+sd-jwt", f"{row.reference}.sd-jwt")


@router.get("waivers/{ref}/covers", auth=READ, operation_id="waiver_covers", **answers(CoversOut))
def waiver_covers(request: HttpRequest, ref: str, name: str, action: str = "", at: MomentIn | None = None) -> dict[str, Any]:
    """Whether the instrument covers an act on this name, and why. Without `action`: any act that it grants; without `at`: now."""
    moment = at or clock.now()
    found = covers_name(caller(request), ref, name, action=action, at=moment)
    return show.coverage(found, at=moment)


@router.get("waivers/{ref}/list-key", auth=READ, operation_id="waiver_list_key", **sends("application/json"))
def waiver_list_key(request: HttpRequest, ref: str) -> HttpResponse:
    """list-key.json, for the list's holder alone: with it and the list, single names are proved (`ersr names prove`)."""
    row, data = list_key_for(caller(request), ref)
    return download(data, "application/json", f"{row.reference}-list-key.json")
