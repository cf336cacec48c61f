"""Adding to a filing until the decision: parts, acts, name lists, evidence. What was there before stays readable."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render

from ersr import clock
from ersr.core import filing, lifecycle
from ersr.core.errors import Refusal, not_found
from ersr.core.lifecycle import State
from ersr.core.reasons import sentence
from ersr.core.say import say
from ersr.core.sheet import csv_pieces
from ersr.core.tongue import said, said_n
from ersr.faces.download import download
from ersr.faces.web import name_lists
from ersr.faces.web.forms import CoreForm, FileForm, ListForm, act_form, part_form
from ersr.faces.web.page import posted, refusals_into, render_form, signed_in, tell, zones_for
from ersr.faces.web.tld_chart import tld_chart
from ersr.files import store
from ersr.files.incoming import to_keep
from ersr.lists.queries import refused, taken_out
from ersr.lists.taking import is_small
from ersr.people.models import Person
from ersr.requests import actions, queries
from ersr.requests.models import Act, Request

#: Names taken out that the page of a list shows; the file has all.
REMOVED_AT_MOST = 50
#: Refused lines that stand on an upload's page; the list's page has more.
REFUSED_SHOWN = 5


def _frame(row: Request, action: str) -> dict[str, Any]:
    """`closed`: why nothing more can be added, "" while it can."""
    try:
        lifecycle.check(action, State(row.state), row.reference)
        closed = ""
    except Refusal:
        closed = said("The time for this is over: nothing more can be added here. What was filed stays readable.")
    return {"case": row, "ref": row.reference, "tlp": row.tlp, "closed": closed}


@signed_in
def add(request: HttpRequest, person: Person, ref: str, part: str) -> HttpResponse:
    row = queries.request_for(person, ref)
    action = {"act": "record_act", "list": "add_list", "evidence": "add_evidence"}.get(part, "add_part")
    if action == "add_part" and part not in filing.PARTS:
        raise not_found()
    queries.require(person, row, action)
    views = {"act": _act, "list": _list, "evidence": _evidence}
    if part in views:
        return views[part](request, person, row)
    return _part(request, person, row, part)


def _part(request: HttpRequest, person: Person, row: Request, part: str) -> HttpResponse:
    versions = list(row.parts.filter(part=part).select_related("by").order_by("-version"))
    known = versions[0].body if versions else None
    form = part_form(part, posted(request), zones=zones_for(person), known=known)
    if request.method == "POST" and form.is_valid():
        with refusals_into(form):
            added = actions.add_part(row.reference, part, form.raw, by=person, now=clock.now())
            new = not versions or added.version > versions[0].version
            tell(request, said("Saved: {part}.", part=filing.PARTS[part].label) if new else said("Nothing changed: this is what was there."))
            return redirect("case", ref=row.reference)
    told = [(v.version, v.by, v.at, body_told(filing.PARTS[part].fields, v.body, person.zone)) for v in versions]
    context = {**_frame(row, "add_part"), "part": filing.PARTS[part], "versions": told}
    return render_form(request, "filing/part.html", form, context)


def body_told(fields: tuple[filing.Field, ...], body: Mapping[str, Any], zone: str) -> list[tuple[str, str]]:
    """(question, answer) for what was answered."""
    found = []
    for one in fields:
        value = body.get(one.name)
        if value in (None, ""):
            continue
        if one.kind == "time":
            at = filing.moment(value)
            found.append((one.label, say(at, zone) if at else ""))
        else:
            found.append((one.label, (one.choices or {}).get(str(value), str(value))))
    return found


def _act(request: HttpRequest, person: Person, row: Request) -> HttpResponse:
    """Record an act; ?replaces=N corrects one, which stays readable."""
    acts = list(row.acts.select_related("by", "replaces").order_by("-pk"))
    named = request.POST.get("replaces") or request.GET.get("replaces") or ""
    old = next((a for a in acts if str(a.pk) == named), None)
    if named and old is None:
        raise not_found()
    form: CoreForm = act_form(posted(request), zones=zones_for(person), known=_act_body(old), now=clock.now())
    if request.method == "POST" and form.is_valid():
        with refusals_into(form):
            actions.record_act(row.reference, form.raw, by=person, now=clock.now(), replaces=old.pk if old else None)
            tell(request, said("The act is on record. It is not covered until an instrument says so."))
            return redirect("case", ref=row.reference)
    replaced = {a.replaces_id for a in acts if a.replaces_id}
    told = [(a, body_told(filing.ACT_FIELDS, _act_body(a), person.zone), a.pk in replaced) for a in acts]
    return render_form(request, "filing/act.html", form, {**_frame(row, "record_act"), "acts": told, "old": old})


def _act_body(act: Act | None) -> dict[str, Any]:
    if act is None:
        return {}
    plain = {name: getattr(act, name) for name in ("action", "starts_at", "ends_at", "service", "registered", "words", "roll_back")}
    return {**plain, "taken": "taken" if act.taken else "planned"}


def _list(request: HttpRequest, person: Person, row: Request) -> HttpResponse:
    form = ListForm(posted(request), request.FILES or None)
    if request.method == "POST" and form.is_valid():
        with refusals_into(form, default="file"):
            title, file = form.cleaned_data["title"], form.cleaned_data["file"]
            if not is_small(file, file.size):
                number = actions.receive_list(row.reference, to_keep(file), file.size, title=title, by=person, now=clock.now())
                return redirect("upload", ref=row.reference, number=number)
            version, new = actions.add_list(row.reference, file, title=title, by=person, now=clock.now())
            if new:
                tell(request, said("Added: {names}.", names=said_n("{n} name", "{n} names", version.names)))
            else:
                tell(request, said("You added this list at {made_at} UTC. Nothing changed.", made_at=f'{version.made_at:%H:%M}'))
            return redirect("list", ref=row.reference, number=version.of.number)
    context = {**_frame(row, "add_list"), "uploads": queries.uploads_of(row, ("waiting", "refused")), "lists": [(one, queries.versions_told_to(person, row, one)[0]) for one in row.incident.lists.all()]}
    return render_form(request, "filing/add_list.html", form, context)


@signed_in
def upload(request: HttpRequest, person: Person, ref: str, number: int) -> HttpResponse:
    """How far the intake of a large file is, and what became of it. Where scripts run, the part of it that changes is asked for anew."""
    row = queries.request_for(person, ref)
    found = queries.upload_of(row, number)
    version = found.upload.version
    refused = [sentence(code, line=n, text=text, tlds=row.tlds) for n, text, code in version.refused_rows[:REFUSED_SHOWN]] if version else []
    context = {
        "case": row, "ref": row.reference, "tlp": row.tlp, "way": found, "upload": found.upload, "version": version,
        "refused": refused, "refused_count": sum(version.refused.values()) if version else 0,
    }  # fmt: skip
    return render(request, "filing/upload.html", context)


def _evidence(request: HttpRequest, person: Person, row: Request) -> HttpResponse:
    form = FileForm(posted(request), request.FILES or None)
    if request.method == "POST" and form.is_valid():
        sent = form.cleaned_data["file"]
        with refusals_into(form, default="file"):
            actions.add_evidence(row.reference, sent.read(), name=sent.name or "", by=person, now=clock.now())
            tell(request, said("The file is in."))
            return redirect("add", ref=row.reference, part="evidence")
    files = row.evidence.select_related("file", "by")
    return render_form(request, "filing/evidence.html", form, {**_frame(row, "add_evidence"), "files": files})


@signed_in
def evidence(request: HttpRequest, person: Person, ref: str, pk: int) -> HttpResponse:
    """The file as it came, to be downloaded and nothing else."""
    row = queries.request_for(person, ref)
    found = row.evidence.filter(pk=pk).first()
    if found is None:
        raise not_found()
    return download(store.get(found.file_id), "application/octet-stream", found.name)


# --- name lists


@signed_in
def name_list(request: HttpRequest, person: Person, ref: str, number: int) -> HttpResponse:
    """What would it hit? Popular names first, then counts and digest, then what was refused."""
    row, found = name_lists.list_of(person, ref, number)
    if person.is_staff_member:
        return redirect("desk-list", ref=row.reference, number=number)
    version = queries.versions_told_to(person, row, found)[0]
    first = found.versions.order_by("version").first() or version
    hits = list(found.hits.all())
    gone = [name for one in queries.versions_told_to(person, row, found) for name in taken_out(one)]
    context = {
        "case": row, "ref": row.reference, "tlp": row.tlp, "list": found, "version": version, "first": first,
        "removed": sorted(gone)[:REMOVED_AT_MOST], "removed_count": len(gone), "hits": hits, "chart": tld_chart(version.tlds),
        **name_lists.page_of(request, person, row, found),
        "refused": [
            sentence(code, line=line, text=text, tlds=row.tlds) for line, text, code in first.refused_rows
        ],
        "refused_count": sum(first.refused.values()),
    }  # fmt: skip
    return render(request, "filing/list.html", context)


@signed_in
def refused_csv(request: HttpRequest, person: Person, ref: str, number: int) -> HttpResponseBase:
    """Every entry that was refused: line, text, reason."""
    row, found = name_lists.list_of(person, ref, number)
    first = found.versions.order_by("version").first()
    data = csv_pieces(("line", "text", "reason"), refused(first) if first else ())
    return download(data, "text/csv; charset=utf-8", f"{row.reference}-list-{number}-refused.csv")
