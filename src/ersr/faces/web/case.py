"""The filer's page of a request: whose move it is, what is covered, the clock, what to add; and the pages it leads to."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.core.paginator import Page, Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from ersr import clock
from ersr.core import filing, lifecycle
from ersr.core.deadlines import segments
from ersr.core.lifecycle import MOVERS, UNDECIDED, Outcome, Role, State
from ersr.core.say import say_span
from ersr.core.terms import Instrument
from ersr.core.tongue import capital, joined, said, said_in, said_n, small, tlds_said
from ersr.core.triage import Action, Hint
from ersr.faces.web import charts
from ersr.faces.web.desk_case import clock_chart, deadline
from ersr.faces.web.filing import record_digest, words_of
from ersr.faces.web.forms import AnswerForm, WithdrawForm
from ersr.faces.web.page import posted, quoted, refusals_into, render_form, signed_in, tell
from ersr.faces.web.waivers import Status, permits, status
from ersr.parties.authority import authority
from ersr.people.models import Person
from ersr.requests import actions, queries
from ersr.requests.models import Request
from ersr.waivers.models import Waiver
from ersr.waivers.queries import waivers_visible_to

#: Moments of the timeline: event kind -> its words.
_MOMENTS = {
    "request.take": said_in("moment", "taken"),
    "request.ask": said_in("moment", "first question"),
    "request.sign": said_in("moment", "signature"),
    "request.serve": said_in("moment", "service"),
    "request.acknowledge": said_in("moment", "acknowledgement"),
    "request.conclude": said_in("moment", "answer"),
    "request.withdraw": said_in("moment", "withdrawal"),
}


@signed_in
def case(request: HttpRequest, person: Person, ref: str) -> HttpResponse:
    """The page of one request. Staff are sent to theirs."""
    row, now = queries.request_for(person, ref), clock.now()
    if person.is_staff_member:
        return redirect("desk-case", ref=row.reference)
    offered = queries.offered(person, row)
    waivers = list(waivers_visible_to(person).filter(request=row))
    state = State(row.state)
    live = state in UNDECIDED | {State.DECIDED}
    title, below = standing(row, waivers, now)
    reckoned, happened = deadline(row), queries.history(person, row)
    context = {
        **head(person, row, offered, now),
        "standing": title, "below": below, "live": live, "calling": row.state in ("received", "verifying"),
        "clock": clock_chart(row, person, now=now), "due": row.due_at, "due_in": row.due_at - now,
        "undone": row.irreversible_at if live else None,
        "undone_in": row.irreversible_at - now if row.irreversible_at else None,
        "if_nobody": MOVERS[state].if_nobody,
        "why": reckoned.explain() if reckoned.at == row.due_at else (said("Reckoned with {calendar}.", calendar=row.calendar),),
        "words": words_of(row), "digest": record_digest(row), "tlds": tlds_said(row.tlds),
        "tasks": (found := tasks(person, row)), "done": sum(t["mark"] == "done" for t in found), "open": state in UNDECIDED,
        "waivers": [(w, Instrument(w.instrument).title, status(w, now), hasattr(w, "acknowledgement")) for w in waivers],
        "questions": [q for q in row.questions.all() if q.answered_at],
        "asked": [q for q in row.questions.all() if not q.answered_at] if state is State.AWAITING_REQUESTER else [],
        "uploads": queries.uploads_of(row),
        "lines": lines(person, row), "line_heads": (said("Action"), said("Provision"), said("TLDs"), said("What it needs") if live else said("Answer")),
        "timeline": timeline(row, happened, now), "history": history(row, happened),
    }  # fmt: skip
    return render(request, "filing/case.html", context)


# --- what a case page says first


def head(person: Person, row: Request, offered: queries.Offered, now: datetime) -> dict[str, Any]:
    primary = offered.primary
    return {
        "case": row, "ref": row.reference, "tlp": row.tlp, "move": mover(row, now),
        "primary": (place(primary.name, row), primary.label) if primary else None,
        "others": [(place(a.name, row), a.label) for a in offered.others if a.name not in ("add_part", "add_list", "add_evidence")],
    }  # fmt: skip


def mover(row: Request, now: datetime) -> Status:
    """In the filer's words: what the authority does inside looks the same from here (pages.md, section 8)."""
    state = State(row.state)
    law = MOVERS[state]
    if law.side == "nobody":
        return Status("nobody", said("Nobody’s move: {what}", what=law.to_filer))
    if law.side == "registry":
        return Status("yours", said("Your move: {what}", what=law.to_filer))
    words = said("{authority}’s move: {what}", authority=authority().short, what=law.to_filer)
    if now > row.due_at and state in UNDECIDED | {State.DECIDED}:
        return Status("overdue", said("Overdue by {span}: {words}", span=say_span(now - row.due_at), words=words))
    return Status("theirs", words)


def standing(row: Request, waivers: list[Waiver], now: datetime) -> tuple[str, str]:
    """(the sentence on what holds now, what follows from it)."""
    state = State(row.state)
    lasting = [w for w in waivers if now < w.ends_at]
    if lasting:
        return permits([w.terms for w in lasting]), said("That and nothing else is covered. Read the instrument before you act.")
    if waivers:
        return said("Nothing is covered any more."), said("Every instrument of this request has ended.")
    if state is State.WITHDRAWN:
        return said("Nothing is covered."), said("The request was withdrawn. Acts that you took stay on record as not covered.")
    if state is State.CLOSED:
        return said("Nothing is covered."), said("The answer is below, line by line. It gave no instrument.")
    if state is State.DECIDED:
        return said("Nothing is covered yet."), said("There is a decision. Until it is signed, what you do is not covered.")
    return (
        said("Nothing is covered yet."),
        said("If you must act before a waiver is signed, act and record it. It stays on record as not covered; a waiver can reach back."),
    )


def place(action: str, row: Request) -> str:
    """The address of the page that carries an action's button."""
    if action == "acknowledge":
        waiting = row.waivers.filter(acknowledgement__isnull=True).first()
        return reverse("ack", args=[waiting.reference]) if waiting else reverse("case", args=[row.reference])
    parts = {"record_act": "act", "add_list": "list", "add_evidence": "evidence", "add_part": "authority"}
    if action in parts:
        return reverse("add", args=[row.reference, parts[action]])
    return reverse(action, args=[row.reference])


def tasks(person: Person, row: Request) -> list[dict[str, str]]:
    """What may be added: needed first, then what was not started, then what is done."""
    parts = queries.latest_parts(row)
    acts, files = len(queries.current_acts(row)), row.evidence.count()
    versions = [queries.versions_told_to(person, row, one)[0] for one in row.incident.lists.all()]
    live = State(row.state) in UNDECIDED
    found: list[dict[str, str]] = []

    def task(part: str, label: str, done: str, needed: bool) -> None:
        mark = "done" if done else "needed" if needed and live else "none"
        words = done or (said("Needed for the decision") if needed and live else said("Not started") if live else said("Not filed"))
        found.append({"href": reverse("add", args=[row.reference, part]), "label": label, "mark": mark, "words": words})

    task("act", said("Actions, planned and taken"), said_n("{n} act", "{n} acts", acts) if acts else "", True)
    for part in filing.PARTS.values():
        task(part.name, part.label, said("Done") if part.name in parts else "", part.needed)
    lists, names = said_n("{n} list", "{n} lists", len(versions)), said_n("{n} name", "{n} names", sum(v.names for v in versions))
    task("list", said("Name lists"), joined(", ", [lists, names]) if versions else "", False)
    task("evidence", said("Evidence"), said_n("{n} file", "{n} files", files) if files else "", False)
    return sorted(found, key=lambda t: ("needed", "none", "done").index(t["mark"]))


def lines(person: Person, row: Request) -> list[tuple[str, str, str, str]]:
    """What staff have confirmed; nothing before. An outcome shows with an instrument or with the answer."""
    found = []
    for group in queries.grouped(queries.lines_told_to(person, row)):
        first = group.first
        outcome = queries.outcome_told_to(person, row, first)
        needs = Instrument(first.instrument).title if first.instrument else capital(Hint(first.hint).words)
        found.append(
            (
                capital(Action(first.action).words),
                quoted(f"{group.provision} {group.title}"),
                tlds_said(group.tlds),
                Outcome(outcome).words if outcome else needs,
            )
        )
    return found


def history(row: Request, happened: Sequence[queries.Happened]) -> list[dict[str, Any]]:
    """Sentences, oldest first, and what is still to come."""
    found: list[dict[str, Any]] = []
    for one in happened:
        told: dict[str, Any] = {"at": one.at, "words": said("{who} {did}.", who=one.by, did=small(one.words))}
        if one.kind == "request.submit":
            told |= {"href": reverse("receipt", args=[row.reference]), "link": said("Receipt")}
        if found and found[-1]["words"] == told["words"] and one.at - found[-1]["at"] < timedelta(minutes=1):
            continue  # the same again within a minute is told once
        found.append(told)
    if State(row.state) in UNDECIDED | {State.DECIDED}:
        found.append({"at": row.due_at, "words": said("The answer is due"), "open": True})
    return found


def timeline(row: Request, happened: Sequence[queries.Happened], now: datetime) -> charts.Chart:
    """Whose move it was, from what this person is told."""
    moves: list[charts.Move] = []
    side, since = "authority", row.received_at
    stop = row.closed_at or max(now, row.received_at + timedelta(minutes=1))
    for event in happened:
        new = MOVERS[State(event.state)].side if event.state else side
        if new != side and side in charts.SIDES and event.at > since:
            moves.append(charts.Move(side, since, event.at))
        if new != side:
            side, since = new, event.at
    if side in charts.SIDES and stop > since:
        moves.append(charts.Move(side, since, stop))
    firsts = {kind: next((h.at for h in happened if h.kind == kind), None) for kind in _MOMENTS}
    ordered = sorted((at, kind) for kind, at in firsts.items() if at is not None)
    moments = [charts.Moment(n, at, _MOMENTS[kind]) for n, (at, kind) in enumerate(ordered, start=1)]
    end = max(stop, row.due_at)
    end += (end - row.received_at) * 0.06
    return charts.case_timeline(
        moves, moments, names=charts.lanes(authority().short), start=row.received_at, end=end, due=row.due_at, signed_at=firsts["request.sign"], key="moves",
        closed=segments(row.received_at, end, authority().calendar),
    )  # fmt: skip


# --- answering and withdrawing


@signed_in
def answer(request: HttpRequest, person: Person, ref: str) -> HttpResponse:
    row = queries.request_for(person, ref)
    queries.require(person, row, "answer")
    lifecycle.check("answer", State(row.state), row.reference, staff=person.is_staff_member)
    form = AnswerForm(posted(request), questions=row.questions.filter(answered_at__isnull=True))
    if request.method == "POST" and form.is_valid():
        with refusals_into(form):
            after = actions.answer(row.reference, form.answers(), by=person, now=clock.now())
            done = after.state != State.AWAITING_REQUESTER
            tell(request, said("Your answers are in. The next move is not yours.") if done else said("Your answers are in; one is still open."))
            return redirect("case", ref=row.reference)
    return render_form(request, "filing/answer.html", form, {"case": row, "ref": row.reference, "tlp": row.tlp})


@signed_in
def withdraw(request: HttpRequest, person: Person, ref: str) -> HttpResponse:
    """Cannot be undone: a page of its own."""
    row = queries.request_for(person, ref)
    queries.require(person, row, "withdraw")
    lifecycle.check("withdraw", State(row.state), row.reference, staff=person.is_staff_member)
    form = WithdrawForm(posted(request))
    if request.method == "POST" and form.is_valid():
        with refusals_into(form, default="reason"):
            actions.withdraw(row.reference, reason=form.cleaned_data["reason"], by=person, now=clock.now())
            tell(request, said("The request is withdrawn."))
            return redirect("case", ref=row.reference)
    taken = [a for a in queries.current_acts(row) if a.taken]
    return render_form(
        request, "filing/withdraw.html", form, {"case": row, "ref": row.reference, "tlp": row.tlp, "taken": taken}
    )


# --- the start page


PAGE = 50


def mine(person: Person, number: str | None, now: datetime) -> tuple[Page[Request] | None, list[tuple[Request, Status, str]]]:
    """A page of a filer's requests, and its rows in words; nothing for staff, whose requests stand on the desk."""
    if Role.FILER not in person.roles:
        return None, []
    page = Paginator(queries.own(person), PAGE).get_page(number)
    return page, [(row, mover(row, now), tlds_said(row.tlds)) for row in page]
