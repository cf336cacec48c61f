"""Assess and decide. One proposes, another approves; each page says who can when the reader cannot."""

from __future__ import annotations

import re
from typing import Any

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from ersr import clock
from ersr.core.lifecycle import DECISION_STATES, LineState, Outcome
from ersr.core.say import say, say_until
from ersr.core.tongue import capital, joined, said, said_n, small, tlds_said
from ersr.core.triage import Action
from ersr.faces.web import desk_case, desk_story
from ersr.faces.web.desk_forms import DecisionForm, NoteForm, PrivilegedForm, ReasonForm
from ersr.faces.web.desk_lists import why_not
from ersr.faces.web.page import (
    moment_initial,
    read_moment,
    refusals_into,
    render_form,
    staff_only,
    tell,
    zones_for,
)
from ersr.lists.queries import first_unanswered, screenings_failed, unanswered
from ersr.parties.authority import authority
from ersr.people.models import Person
from ersr.requests import actions, queries
from ersr.requests.models import Decision, Request

# --- assess


@staff_only
def assess(request: HttpRequest, person: Person, ref: str) -> HttpResponse:
    """The reader's own note, what the others advise, and what is still open. Privileged notes are absent, not locked."""
    row, now = queries.request_for(person, ref), clock.now()
    queries.require(person, row, "read_desk")
    mine = row.notes.filter(by=person, privileged=False).order_by("-version").first()
    initial = {"recommendation": mine.recommendation, "body": mine.body, "discipline": mine.discipline} if mine else {}
    do = request.POST.get("do", "")
    form = NoteForm(request.POST if do == "note" else None, disciplines=person.disciplines, initial=initial)
    advice = PrivilegedForm(request.POST if do == "privileged" else None)
    chosen = advice if do == "privileged" else form
    if do and chosen.is_valid():
        with refusals_into(chosen):
            actions.assess(
                ref, discipline="legal" if do == "privileged" else form.written_for, body=chosen.cleaned_data["body"],
                recommendation="" if do == "privileged" else form.cleaned_data["recommendation"], by=person, now=now,
                privileged=do == "privileged",
            )  # fmt: skip
            tell(request, said("Saved."))
            return redirect("desk-case" if do == "note" else "desk-assess", ref=row.reference)
    refusal = why_not(person, row, "assess")
    head = desk_case.head(person, row, now=now)
    context = {
        **head,
        "place": "Desk",
        "step": {} if refusal is None else desk_story.step(person, row, head, request.path, now=now),
        "may": refusal is None,
        "why_not": refusal,
        "hidden_form": advice if why_not(person, row, "note_privileged") is None else None,
        "note_form": form,
        "notes": desk_story.notes_shown(person, row),
        "privileged": desk_story.has_privileged(person, row),
        "questions": [*(q.text for q in row.questions.filter(answered_at__isnull=True)), *desk_story.advice_questions(row)],
        "groups": desk_story.group_rows(row),
    }
    return render_form(request, "desk/assess.html", chosen, context)


@staff_only
def privileged(request: HttpRequest, person: Person, ref: str) -> HttpResponse:
    """Advice of counsel. The one reading that leaves an event; to everybody else there is nothing here."""
    row, now = queries.request_for(person, ref), clock.now()
    if not queries.may(person, row, "read_privileged").allowed:
        raise desk_story.nothing()
    with transaction.atomic():
        notes = queries.privileged_notes(person, row, now=now)
    head = desk_case.head(person, row, now=now)
    step = desk_story.step(person, row, head, request.path, now=now)
    return render(request, "desk/privileged.html", {**head, "place": "Desk", "step": step, "notes": notes})


# --- decide


@staff_only
def decide(request: HttpRequest, person: Person, ref: str) -> HttpResponse:
    """Proposals to approve or return, and open lines to propose on, in groups that can be split."""
    row, now = queries.request_for(person, ref), clock.now()
    queries.require(person, row, "read_desk")
    do = request.POST.get("do", "")
    back = ReasonForm(request.POST if do == "return" else None)
    if do == "approve":
        done = actions.approve(ref, number_in(request, "decision"), by=person, now=now)
        tell(request, said("Approved: {outcome}.", outcome=small(Outcome(done.outcome).words)))
        return redirect("desk-case", ref=row.reference)
    if do == "return" and back.is_valid():
        with refusals_into(back):
            actions.return_proposal(
                ref, number_in(request, "decision"), reason=back.cleaned_data["reason"], by=person, now=now
            )
            tell(request, said("Returned. Its lines are open again."))
            return redirect("desk-case", ref=row.reference)
    form = _decision_form(request, person, row)
    if do == "propose" and form.is_valid():
        words = _decision_words(form)
        if not form.errors:
            with refusals_into(form, default="lines"):
                actions.propose(ref, lines=_lines(request), **words, by=person, now=now)
                tell(request, said("Proposed. Those who can approve it have a mail."))
                return redirect("desk-decide", ref=row.reference)
    return render_form(request, "desk/decide.html", back if do == "return" else form, _decide_page(request, person, row, form, back))


def number_in(request: HttpRequest, name: str) -> int:
    given = request.POST.get(name, "")
    return int(given) if re.fullmatch(r"[0-9]{1,18}", given) else 0


def _lines(request: HttpRequest) -> list[int]:
    """A box holds one line, or the numbers of a whole group: "1,3"."""
    given = ",".join(request.POST.getlist("lines"))
    return [int(n) for n in given.split(",") if re.fullmatch(r"[0-9]{1,6}", n)]


def _decision_form(request: HttpRequest, person: Person, row: Request) -> DecisionForm:
    known = authority()
    usual = {"reporting": known.reporting, "disposition": known.disposition}
    zones = zones_for(person)
    if request.method == "POST" and request.POST.get("do") != "return":
        # "Split" keeps what was typed and asks for nothing to be right yet.
        given = request.POST if request.POST.get("do") == "propose" else None
        return DecisionForm(given, zones=zones, usual=usual, initial=request.POST.dict())
    starts, ends = actions.default_period(row)
    initial = {**moment_initial("acts_from", starts), **moment_initial("ends_at", ends)}
    return DecisionForm(None, zones=zones, usual=usual, initial=initial)


def _decision_words(form: DecisionForm) -> dict[str, Any]:
    given = form.cleaned_data
    moments = {name: read_moment(form, name) for name in ("acts_from", "effective_from", "ends_at")}
    texts = {name: given[name] for name in ("outcome", "reasons", "modification", "reporting", "disposition", "quote", "quote_source")}
    return {**moments, **texts, "conditions": given["conditions"].splitlines()}


def _decide_page(
    request: HttpRequest, person: Person, row: Request, form: DecisionForm, back: ReasonForm
) -> dict[str, Any]:
    now = clock.now()
    head = desk_case.head(person, row, now=now)
    split = {key for key in (*request.POST.getlist("was_split"), request.POST.get("split", "")) if key}
    chosen = set(_lines(request))
    boxes: list[dict[str, Any]] = []
    for group in desk_story.group_rows(row):
        if group.lines[0].state != LineState.OPEN:
            continue
        key = ",".join(str(line.number) for line in group.lines)
        if key in split:
            boxes += [
                {
                    "value": str(line.number), "key": "", "group": group, "checked": line.number in chosen,
                    "words": said("Line {number}: {action}, {tlds}", number=line.number, action=small(group.action), tlds=tlds_said(line.tlds)),
                    "under": str(line.agreement),
                }
                for line in group.lines
            ]  # fmt: skip
        else:
            words = joined(", ", (group.action, group.tlds))
            if len(group.lines) > 1:
                words = joined(", ", (words, said_n("{n} line", "{n} lines", len(group.lines))))
            boxes.append(
                {
                    "value": key, "key": key if len(group.lines) > 1 else "", "group": group,
                    "checked": {line.number for line in group.lines} <= chosen, "words": words,
                    "under": "",
                }
            )  # fmt: skip
    if len(boxes) == 1:
        boxes[0]["checked"] = True
    decisions = queries.proposals(row)
    waiting = [_proposal(person, row, d) for d in decisions if d.state == "proposed"]
    first = next((p["id"] for p in waiting if p["may_approve"]), None)
    proposes = why_not(person, row, "propose")
    busy = first is not None or (proposes is None and boxes)
    return {
        **head,
        "place": "Desk",
        "step": {} if busy else desk_story.step(person, row, head, request.path, now=now),
        "back": back,
        "back_for": number_in(request, "decision"),
        "hits": unanswered(row.incident),
        "hits_list": first_unanswered(row.incident),
        "screenings_failed": screenings_failed(row.incident),
        "boxes": boxes,
        "split": sorted(split),
        "decision_form": form,
        "lines_errors": form.errors.get("lines", ()) if form.is_bound else (),
        "waiting": waiting,
        "first_to_approve": first,
        "may_propose": proposes is None and bool(boxes),
        "why_not": proposes if proposes is not None and boxes and first is None else None,
        "nothing_open": not boxes and not waiting,
        "past": [_proposal(person, row, d) for d in decisions if d.state != "proposed"],
        "notes": desk_story.notes_shown(person, row),
        "privileged": desk_story.has_privileged(person, row),
    }


def _proposal(person: Person, row: Request, decision: Decision) -> dict[str, Any]:
    """A decision in words, and whether this person may approve or return it."""
    authors = {decision.proposed_by_id}
    refusal = why_not(person, row, "approve", authors=authors) if decision.state == "proposed" else None
    outcome = Outcome(decision.outcome)
    lines = [item.line for item in decision.items.all()]
    facts = [
        (said("Lines"), joined("\n", (said("{number}. {action}, {provision}, {tlds}", number=x.number, action=Action(x.action).words, provision=x.provision, tlds=tlds_said(x.tlds)) for x in lines))),
        (said("Reasons"), decision.reasons),
        (said("What is modified"), decision.modification),
        (said("Acts from"), say(decision.acts_from) if decision.acts_from else ""),
        (said("Begins"), say(decision.effective_from) if decision.effective_from else said("with the signature") if outcome.grants else ""),
        (said("Ends"), say_until(decision.ends_at) if decision.ends_at else ""),
        (said("Conditions"), "; ".join(decision.conditions)),
        (said("Reporting"), decision.reporting),
        (said("Names at the end"), decision.disposition),
        (said("Quoted"), f"{decision.quote} ({decision.quote_source})" if decision.quote else ""),
    ]  # fmt: skip
    return {
        "id": decision.pk,
        "look": "granted" if outcome.grants else "denied" if outcome is Outcome.DENIED else "nobody",
        "outcome": outcome.words,
        "facts": [(label, value) for label, value in facts if value],
        "proposed": joined(", ", (decision.proposed_by.name, say(decision.proposed_at))),
        "approved": joined(", ", (decision.approved_by.name, say(decision.approved_at))) if decision.approved_by and decision.approved_at else "",
        "state": capital(DECISION_STATES[decision.state]),
        "ended": said("{name}, {moment}: {reason}", name=decision.ended_by.name, moment=say(decision.ended_at), reason=decision.end_reason) if decision.ended_by and decision.ended_at else "",
        "may_approve": refusal is None and decision.state == "proposed",
        "why_not": refusal,
        "may_return": decision.state == "proposed" and why_not(person, row, "return_proposal") is None,
    }  # fmt: skip
