"""Lines and name lists on the desk: what the rules proposed, what staff change, and which names a list would hit."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from ersr import clock
from ersr.core.errors import FieldError, Refusal
from ersr.core.lifecycle import LineState
from ersr.core.provisions import WaivableBy
from ersr.core.reasons import sentence
from ersr.core.triage import Hint
from ersr.faces.web import desk_case, desk_story
from ersr.faces.web.desk import download, posted
from ersr.faces.web.desk_forms import HitsForm, LineForm, NewLineForm, RemoveForm, provision_choices
from ersr.faces.web.page import refusals_into, render_form, staff_only, take_errors, tell
from ersr.lists.queries import latest, names_of, popularity
from ersr.names.listfile import names_txt as as_text
from ersr.people.models import Person
from ersr.requests import actions, queries
from ersr.requests.models import Line, Request

HITS_A_PAGE, FOUND_AT_MOST, REFUSED_AT_MOST = 20, 100, 50


# --- lines


@staff_only
def lines(request: HttpRequest, person: Person, ref: str) -> HttpResponse:
    """Each proposed line with its reasons; ?change=N opens one, ?add=1 a new one."""
    row, now = queries.request_for(person, ref), clock.now()
    queries.require(person, row, "read_desk")
    do = request.POST.get("do", "")
    head = desk_case.head(person, row, now=now)
    possible = {a.name for a in (head["offered"].primary, *head["offered"].others) if a}
    if do == "confirm":
        actions.confirm_lines(ref, by=person, now=now)
        tell(request, "Confirmed. The filer sees these lines from now on.")
        return redirect("desk-case", ref=row.reference)
    form, chosen = None, None
    if do == "add" or (request.GET.get("add") and not do):
        form = _new_line(request, row)
    elif do == "change" or request.GET.get("change"):
        chosen = _line(row, request.POST.get("line") or request.GET.get("change", ""))
        form = _change(request, row, chosen)
    if do and form is not None and form.is_valid():
        with refusals_into(form):
            if do == "add":
                words = {k: form.cleaned_data[k] for k in ("agreement", "provision", "action", "instrument", "reason", "list_number")}
                line = actions.add_line(ref, **words, by=person, now=now)
                tell(request, f"Line {line.number} was added.")
            else:
                assert chosen is not None
                actions.change_line(
                    ref, chosen.number, _changes(form, chosen), reason=form.cleaned_data["reason"], by=person, now=now
                )
                left_out = form.cleaned_data["drop"]
                tell(request, f"Line {chosen.number} was {'left out' if left_out else 'changed'}.")
            return redirect("desk-lines", ref=row.reference)
    may_change = "change_line" in possible
    context = {
        **head,
        "place": "Desk",
        "step": {} if form or "confirm_lines" in possible else desk_story.step(person, row, head, request.path, now=now),
        "rows": [_line_shown(line) for line in queries.live_lines(row)],
        "dropped": [_line_shown(x) for x in row.lines.filter(dropped_at__isnull=False, by_rules=False).select_related("agreement")],
        "adding": isinstance(form, NewLineForm),
        "chosen": chosen,
        "may_change": may_change,
        "may_confirm": "confirm_lines" in possible,
        "questions": desk_story.advice_questions(row),
        "lines_href": reverse("desk-lines", args=[row.reference]),
        "confirm": {"do": "confirm"},
        "why_not": None if may_change else why_not(person, row, "change_line"),
    }
    return render_form(request, "desk/lines.html", form or NoForm(), context)


class NoForm:
    """Stands in where a page shows no form at the moment."""

    is_bound = False
    errors: dict[str, Any] = {}


def why_not(person: Person, row: Request, action: str, *, authors: Collection[int] = ()) -> Refusal | None:
    """The refusal that the action would meet, to be shown beside what may only be read."""
    from ersr.core import lifecycle

    try:
        queries.require(person, row, action, authors=authors)
        lifecycle.check(action, lifecycle.State(row.state), row.reference)
    except Refusal as refusal:
        return refusal
    return None


def _line(row: Request, number: str) -> Line:
    found = row.lines.filter(number=int(number), dropped_at__isnull=True).first() if re.fullmatch(r"[0-9]{1,6}", number) else None
    if found is None:
        raise desk_story.nothing()
    return found


def _new_line(request: HttpRequest, row: Request) -> NewLineForm:
    agreements = row.operator.agreements.filter(tlds__name__in=row.tlds).distinct()
    return NewLineForm(
        posted(request),
        agreements=[(a.key, str(a)) for a in agreements],
        provisions=provision_choices(row, queries.catalogue()),
    )


def _change(request: HttpRequest, row: Request, line: Line) -> LineForm:
    known = [(p.id, f"{p.id}, {p.title}"[:110]) for p in queries.catalogue() if (p.family, p.version) == (line.agreement.family, line.agreement.version)]  # fmt: skip
    if line.provision not in dict(known):
        known.insert(0, (line.provision, f"{line.provision}, {line.provision_title}"[:110]))
    initial = {"hint": line.hint, "instrument": line.instrument, "provision": line.provision}
    return LineForm(posted(request), provisions=known, initial=initial)


def _changes(form: LineForm, line: Line) -> dict[str, str]:
    """What differs from the line as it stands: the action takes nothing else."""
    given = form.cleaned_data
    found = {k: given[k] for k in ("hint", "instrument", "provision") if given[k] and given[k] != getattr(line, k)}
    return found | ({"drop": "yes"} if given["drop"] else {})


def _line_shown(line: Line) -> dict[str, Any]:
    outcome, look = desk_story.outcome_of(line)
    return {
        "number": line.number,
        "action": desk_case.act_words(line.action),
        "tlds": desk_case.tlds_said(line.tlds),
        "agreement": line.agreement,
        "provision": line.provision,
        "title": line.provision_title,
        "demands": line.demands,
        "writing": desk_story.writing(line),
        "given_by": WaivableBy(line.waivable_by).words if line.hint == Hint.WAIVER else "",
        "reasons": line.reasons,
        "by_rules": line.by_rules,
        "list": line.name_list.number if line.name_list else None,
        "open": line.state == LineState.OPEN,
        "outcome": outcome if line.state != LineState.OPEN else "",
        "look": look,
        "changes": [{"at": c.at, "by": c.by.name, "reason": c.reason} for c in line.changes.select_related("by")],
    }


# --- name lists


@staff_only
def name_list(request: HttpRequest, person: Person, ref: str, number: int) -> HttpResponse:
    """What list `number` would hit, worst first, and everything that became of it."""
    row, now = queries.request_for(person, ref), clock.now()
    queries.require(person, row, "read_desk")
    found = row.incident.lists.filter(number=number).first()
    if found is None:
        raise desk_story.nothing()
    waiting = Paginator(found.hits.filter(answer=""), HITS_A_PAGE).get_page(request.GET.get("page"))
    do = request.POST.get("do", "")
    form = HitsForm(request.POST if do == "answer" else None, hits=waiting.object_list)
    remove = RemoveForm(request.POST if do == "remove" else None)
    if do == "answer" and form.is_valid():
        answers = form.answers()
        if not answers:
            take_errors(form, (FieldError("", "Answer at least one name: keep it or take it out, and say why"),))
        elif _answer(ref, number, form, answers, person, now):
            tell(request, f"{len(answers)} answered.")
            return redirect("desk-list", ref=row.reference, number=number)
    if do == "remove" and remove.is_valid():
        names = remove.cleaned_data["names"].split()
        with refusals_into(remove):
            version = actions.remove_names(ref, number, names, reason=remove.cleaned_data["reason"], by=person, now=now)
            tell(request, f"Taken out. Version {version.version} has {version.names:,} names.")
            return redirect("desk-list", ref=row.reference, number=number)
    version = latest(found)
    first = found.versions.first()
    search = request.GET.get("q", "").strip().lower()
    hit_names = [name for name in names_of(version) if search in name] if search else []
    refusal = why_not(person, row, "answer_hits")
    head = desk_case.head(person, row, now=now)
    busy = refusal is None and waiting.paginator.count
    context = {
        **head,
        "place": "Desk",
        "step": {} if busy else desk_story.step(person, row, head, request.path, now=now),
        "list": found,
        "version": version,
        "first": first,
        "versions": [
            (f"{v.version}", f"{v.names:,}", f"{len(v.removed):,}", v.reason or "As filed", f"{v.made_by.name}")
            for v in found.versions.select_related("made_by")
        ],
        "version_heads": ("Version", "Names", "Taken out", "Why", "By"),
        "numbers": next((x for x in desk_story.lists_shown(row) if x.number == number), None),
        "screened": popularity(),
        "refused": [sentence(code, line=n, text=text, tlds=row.tlds) for n, text, code in first.refused_rows[:REFUSED_AT_MOST]],
        "refused_count": sum(first.refused.values()),
        "waiting": waiting,
        "answered": found.hits.exclude(answer="").select_related("answered_by"),
        "remove": remove,
        "search": search,
        "found": hit_names[:FOUND_AT_MOST],
        "found_count": len(hit_names),
        "why_not": refusal,
        "may": refusal is None,
        "others": [(reverse("desk-list", args=[row.reference, x.number]), f"List {x.number}, {x.title}") for x in row.incident.lists.exclude(pk=found.pk)],
    }  # fmt: skip
    shown_form = remove if do == "remove" else form
    return render_form(request, "desk/list.html", shown_form, {**context, "hits": form})


def _answer(ref: str, number: int, form: HitsForm, answers: Any, person: Person, now: Any) -> bool:
    """Whether the answers were taken; if not, each error stands at its name."""
    try:
        actions.answer_hits(ref, number, answers, by=person, now=now)
    except Refusal as refusal:
        if not refusal.fields:
            raise
        named = tuple(FieldError(form.field_of(error.field) or "", error.message) for error in refusal.fields)
        take_errors(form, named)
        return False
    return True


@staff_only
def names_txt(request: HttpRequest, person: Person, ref: str, number: int) -> HttpResponse:
    """The names of the newest version, sorted, each followed by LF: sha256sum gives the digest."""
    row = queries.request_for(person, ref)
    queries.require(person, row, "read_desk")
    found = row.incident.lists.filter(number=number).first()
    if found is None:
        raise desk_story.nothing()
    return download(as_text(names_of(latest(found))), f"{row.reference}-list-{number}.txt", "text/plain; charset=us-ascii")
