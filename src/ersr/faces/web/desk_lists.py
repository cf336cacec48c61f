"""Lines and name lists on the desk: what the rules proposed, what staff change, and which names a list would hit."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse

from ersr import clock
from ersr.core.errors import FieldError, Refusal
from ersr.core.lifecycle import LineState
from ersr.core.provisions import WaivableBy
from ersr.core.reasons import sentence
from ersr.core.tongue import capital, joined, paired, said, said_n, tlds_said
from ersr.core.triage import Hint
from ersr.faces.download import download
from ersr.faces.web import desk_case, desk_story, name_lists, screening
from ersr.faces.web.desk_forms import GroupsForm, HitsForm, LineForm, NewLineForm, RemoveForm, provision_choices
from ersr.faces.web.page import posted, refusals_into, render_form, staff_only, take_errors, tell
from ersr.lists import queries as of_lists
from ersr.lists.queries import latest, popularity
from ersr.people.models import Person
from ersr.requests import actions, queries
from ersr.requests.models import Line, Request

HITS_A_PAGE, REFUSED_AT_MOST = 20, 50


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
        tell(request, said("Confirmed. The filer sees these lines from now on."))
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
                tell(request, said("Line {number} was added.", number=line.number))
            else:
                assert chosen is not None
                actions.change_line(
                    ref, chosen.number, _changes(form, chosen), reason=form.cleaned_data["reason"], by=person, now=now
                )
                left_out = form.cleaned_data["drop"]
                left = said("Line {number} was left out.", number=chosen.number)
                tell(request, left if left_out else said("Line {number} was changed.", number=chosen.number))
            return redirect("desk-lines", ref=row.reference)
    may_change, known = "change_line" in possible, desk_story.reasons_told(row)
    context = {
        **head,
        "place": "Desk",
        "step": {} if form or "confirm_lines" in possible else desk_story.step(person, row, head, request.path, now=now),
        "rows": [_line_shown(line, known) for line in queries.live_lines(row)],
        "dropped": [_line_shown(x, known) for x in row.lines.filter(dropped_at__isnull=False, by_rules=False).select_related("agreement")],
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


def _line_shown(line: Line, known: Mapping[str, str]) -> dict[str, Any]:
    outcome, look = desk_story.outcome_of(line)
    return {
        "number": line.number,
        "action": desk_case.act_words(line.action),
        "tlds": tlds_said(line.tlds),
        "agreement": line.agreement,
        "provision": line.provision,
        "title": line.provision_title,
        "demands": line.demands,
        "writing": paired(desk_story.writing(line), WaivableBy(line.waivable_by).words if line.hint == Hint.WAIVER else ""),
        "why": capital(joined("; ", (known.get(reason, reason) for reason in line.reasons))),
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
    groups = GroupsForm(request.POST if do == "groups" else None)
    chosen = request.POST.getlist("group") if do == "groups" else []
    if do == "groups" and groups.is_valid() and screening.answer(ref, number, groups, chosen, person):
        tell(request, said("Answered. The digest below is that of the list as it is now."))
        return redirect("desk-list", ref=row.reference, number=number)
    if do == "screen":
        actions.screen_again(ref, number, by=person, now=now)
        tell(request, said("The list is being held against the zones that are there now."))
        return redirect("desk-list", ref=row.reference, number=number)
    if do == "answer" and form.is_valid():
        answers = form.answers()
        if not answers:
            take_errors(form, (FieldError("", said("Answer at least one name: keep it or take it out, and say why")),))
        elif _answer(ref, number, form, answers, person, now):
            tell(request, said_n("{n} answered.", "{n} answered.", len(answers)))
            return redirect("desk-list", ref=row.reference, number=number)
    if do == "remove" and remove.is_valid():
        names = remove.cleaned_data["names"].split()
        with refusals_into(remove):
            version = actions.remove_names(ref, number, names, reason=remove.cleaned_data["reason"], by=person, now=now)
            tell(request, said_n("Taken out. Version {number} has {n} name.", "Taken out. Version {number} has {n} names.", version.names, number=version.version))
            return redirect("desk-list", ref=row.reference, number=number)
    version = latest(found)
    first = found.versions.first()
    refusal = why_not(person, row, "answer_hits")
    head = desk_case.head(person, row, now=now)
    met = screening.shown(found)
    busy = refusal is None and (waiting.paginator.count or met["open_groups"])
    context = {
        **head,
        "place": "Desk",
        "step": {} if busy else desk_story.step(person, row, head, request.path, now=now),
        **met,
        "groups": groups,
        "chosen": chosen,
        "list": found,
        "version": version,
        "first": first,
        "numbers": next((x for x in desk_story.lists_shown(row) if x.number == number), None),
        "screened": popularity(),
        "refused": [sentence(code, line=n, text=text, tlds=row.tlds) for n, text, code in first.refused_rows[:REFUSED_AT_MOST]],
        "refused_count": sum(first.refused.values()),
        "waiting": waiting,
        "answered": found.hits.exclude(answer="").select_related("answered_by"),
        "remove": remove,
        **name_lists.page_of(request, person, row, found),
        "why_not": refusal,
        "may": refusal is None,
        "others": [(reverse("desk-list", args=[row.reference, x.number]), said("List {number}, {title}", number=x.number, title=x.title) if x.named else x.called) for x in row.incident.lists.exclude(pk=found.pk)],
    }  # fmt: skip
    shown_form = {"remove": remove, "groups": groups}.get(do, form)
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
def names_txt(request: HttpRequest, person: Person, ref: str, number: int) -> HttpResponseBase:
    """The names of the newest version, sorted, each followed by LF: sha256sum gives the digest."""
    row, found = name_lists.list_of(person, ref, number)
    queries.require(person, row, "read_desk")
    return download(of_lists.lines_of(latest(found)), name_lists.PLAIN, f"{row.reference}-list-{number}.txt")
