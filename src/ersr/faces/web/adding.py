"""Adding to a filing until the decision: parts, acts, name lists, evidence. What was there before stays readable."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from ersr import clock
from ersr.core import filing, lifecycle
from ersr.core.errors import Refusal, not_found
from ersr.core.lifecycle import State
from ersr.core.reasons import sentence
from ersr.core.say import say
from ersr.faces.web import charts
from ersr.faces.web.forms import CoreForm, FileForm, ListForm, act_form, part_form
from ersr.faces.web.page import posted, refusals_into, render_form, signed_in, tell, zones_for
from ersr.faces.web.waivers import attachment
from ersr.files import store
from ersr.lists.models import NameList
from ersr.lists.queries import names_of
from ersr.people.models import Person
from ersr.requests import actions, queries
from ersr.requests.models import Act, Request


def _frame(row: Request, action: str) -> dict[str, Any]:
    """`closed`: why nothing more can be added, "" while it can."""
    try:
        lifecycle.check(action, State(row.state), row.reference)
        closed = ""
    except Refusal:
        closed = "The time for this is over: nothing more can be added here. What was filed stays readable."
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
            tell(request, f"Saved: {filing.PARTS[part].label}." if new else "Nothing changed: this is what was there.")
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
            tell(request, "The act is on record. It is not covered until an instrument says so.")
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
            title, payload = form.cleaned_data["title"], form.cleaned_data["file"].read()
            version, new = actions.add_list(row.reference, payload, title=title, by=person, now=clock.now())
            if new:
                tell(request, f"Added: {version.names:,} names.")
            else:
                tell(request, f"You added this list at {version.made_at:%H:%M} UTC. Nothing changed.")
            return redirect("list", ref=row.reference, number=version.of.number)
    context = {**_frame(row, "add_list"), "lists": [(one, queries.versions_told_to(person, row, one)[0]) for one in row.incident.lists.all()]}
    return render_form(request, "filing/add_list.html", form, context)


def _evidence(request: HttpRequest, person: Person, row: Request) -> HttpResponse:
    form = FileForm(posted(request), request.FILES or None)
    if request.method == "POST" and form.is_valid():
        sent = form.cleaned_data["file"]
        with refusals_into(form, default="file"):
            actions.add_evidence(row.reference, sent.read(), name=sent.name or "", by=person, now=clock.now())
            tell(request, "The file is in.")
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
    return attachment(store.get(found.file_id), "application/octet-stream", found.name)


# --- name lists


def _list_of(person: Person, ref: str, number: int) -> tuple[Request, NameList]:
    row = queries.request_for(person, ref)
    found = row.incident.lists.filter(number=number).first()
    if found is None:
        raise not_found()
    return row, found


@signed_in
def name_list(request: HttpRequest, person: Person, ref: str, number: int) -> HttpResponse:
    """What would it hit? Popular names first, then counts and digest, then what was refused."""
    row, found = _list_of(person, ref, number)
    if person.is_staff_member:
        return redirect("desk-list", ref=row.reference, number=number)
    version = queries.versions_told_to(person, row, found)[0]
    first = found.versions.order_by("version").first() or version
    hits = list(found.hits.all())
    popular: dict[str, int] = {}
    for hit in hits:
        tld = hit.name.rsplit(".", 1)[-1]
        popular[tld] = popular.get(tld, 0) + 1
    others = {tld: count - popular.get(tld, 0) for tld, count in version.tlds.items()} if version == first else dict(version.tlds)
    classes = [("On a popularity list", "popular", {t: popular.get(t, 0) for t in version.tlds}), ("All others", "unregistered", others)]
    context = {
        "case": row, "ref": row.reference, "tlp": row.tlp, "list": found, "version": version, "first": first,
        "removed": [v for v in found.versions.all() if v.removed] if version != first else [],
        "hits": hits, "chart": charts.list_chart(classes if version == first else classes[1:], key="names"),
        "refused": [
            sentence(code, line=line, text=text, tlds=row.tlds) for line, text, code in first.refused_rows
        ],
        "refused_count": sum(first.refused.values()),
    }  # fmt: skip
    return render(request, "filing/list.html", context)


@signed_in
def names(request: HttpRequest, person: Person, ref: str, number: int) -> HttpResponse:
    """Sorted, one a line: `sha256sum` of it is the list's digest."""
    row, found = _list_of(person, ref, number)
    version = queries.versions_told_to(person, row, found)[0]
    text = "".join(f"{name}\n" for name in names_of(version))
    return attachment(text.encode("ascii"), "text/plain; charset=us-ascii", f"{row.reference}-list-{number}.txt")
