"""What a case page says first: whose move it is, one sentence on what holds, and the clock. Reads and words, no writing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import prefetch_related_objects
from django.urls import reverse

from ersr.core.deadlines import Deadline, decide_by, merge_closed, segments
from ersr.core.lifecycle import FINAL, MOVERS, UNDECIDED, Action, State
from ersr.core.say import aware, say, say_clock, say_near, say_span, say_until
from ersr.core.tongue import capital, joined, listed, said, said_in, said_n, tlds_said
from ersr.core.triage import Action as Act
from ersr.core.triage import Service
from ersr.faces.web import charts
from ersr.lists.queries import first_unanswered, names_counts
from ersr.parties.authority import authority
from ersr.people.models import Person
from ersr.requests import queries
from ersr.requests.models import Decision, Line, Request

#: state -> how long after the receipt its next step is due (docs/process.md); elsewhere the answer's deadline counts.
STEPS = {
    State.RECEIVED: timedelta(minutes=15),
    State.VERIFYING: timedelta(minutes=30),
    State.ASSESSING: timedelta(hours=24),
}
SERVE_WITHIN, ACKNOWLEDGE_WITHIN = timedelta(hours=1), timedelta(hours=24)

#: action -> what the mover line asks the reader to do.
DO = {
    "answer_hits": said("answer what the lists would hit"),
    "approve": said("approve the proposal or return it"),
    "assess": said("write what you advise"),
    "call": said("call back"),
    "conclude": said("give the answer"),
    "confirm_lines": said("confirm the lines"),
    "preview": said("prepare the instrument and sign it, or send it back"),
    "propose": said("propose a decision"),
    "serve": said("serve the instrument"),
    "sign": said("sign or send back"),
    "take": said("take the request"),
}

#: action -> words of the link to its page among "Other actions"; the button there bears the table's own label.
LINKS = {
    "answer_hits": said("Answer what the lists would hit"),
    "ask": said("Ask the requester"),
    "approve": said("Decide"),
    "assess": said("Write what you advise"),
    "call": said("Call back"),
    "change_line": said("Change the lines"),
    "conclude": said("Give the answer"),
    "confirm_lines": said("Confirm the lines"),
    "note_privileged": said("Write a privileged note"),
    "preview": said("Prepare the instrument"),
    "propose": said("Decide"),
    "return_proposal": said("Decide"),
    "send_back": said("Send back with a reason"),
    "serve": said("Record service"),
    "sign": said("Sign"),
}


def place(action: Action, request: Request) -> str:
    """The address of the page that carries an action's button."""
    if action.name == "conclude":
        return reverse("desk-conclude", args=[request.reference])
    if action.name == "take":
        return reverse("desk-take", args=[request.reference])
    if action.page == "desk-list":
        return reverse("desk-list", args=[request.reference, first_unanswered(request.incident)])
    return reverse(action.page, args=[request.reference])


def links(offered: queries.Offered, request: Request) -> list[tuple[str, str]]:
    """The other actions as (address, words), one a page; taking has its own place on the page."""
    found: dict[str, str] = {}
    for action in offered.others:
        if action.name in LINKS:
            found.setdefault(place(action, request), LINKS[action.name])
    if offered.primary is not None and offered.primary.name != "take":
        found.pop(place(offered.primary, request), None)
    return list(found.items())


def near(moment: datetime, now: datetime) -> str:
    """11:37 UTC on the same day, else Sun 15 Nov, 00:00 UTC."""
    at = aware(moment)
    if at.date() == aware(now).date():
        return say_clock(at)
    return say_near(at)


def away(moment: datetime, now: datetime) -> str:
    """in 3 d 13 h, or 2 h ago; stands beside the absolute time only."""
    return said("in {span}", span=say_span(moment - now)) if moment > now else said("{span} ago", span=say_span(now - moment))


def step_due(request: Request) -> datetime | None:
    """When the present state's next step is due; None where nothing is."""
    state = State(request.state)
    if state in FINAL:
        return None
    if state in (State.EXECUTED, State.SERVED):
        prefetch_related_objects([request], "waivers__service")  # nothing to do where a page of many has read them
        waivers = list(request.waivers.all())
        if state is State.EXECUTED:
            signed = [w.signed_at for w in waivers if not w.service.all()]
            return min(signed) + SERVE_WITHIN if signed else None
        served = [record.served_at for w in waivers for record in w.service.all()]
        return max(served) + ACKNOWLEDGE_WITHIN if served else None
    step = STEPS.get(state)
    return min(request.received_at + step, request.due_at) if step else request.due_at


@dataclass(frozen=True)
class Said:
    """`whose` is a look of parts/mover.html."""

    whose: str
    words: str


def mover(person: Person, request: Request, offered: queries.Offered, *, now: datetime) -> Said:
    """Whose move it is, as this person reads it, with the time of the step and how far away that is."""
    state = State(request.state)
    law = MOVERS[state]
    if law.side == "nobody":
        return Said("nobody", said("Nobody’s move: {what}", what=law.to_staff))
    due = step_due(request)
    late = state in UNDECIDED | {State.DECIDED} and now > request.due_at

    def timed(what: str) -> str:
        if due is None or late:
            return what
        if due > now:
            return said("{what} by {moment}, in {span}", what=what, moment=near(due, now), span=say_span(due - now))
        return said("{what}, due since {moment}", what=what, moment=near(due, now))

    mine = mine_to_move(person, request, offered)
    if mine is not None:
        words, whose = said("Your move: {what}", what=timed(DO[mine.name])), "yours"
    elif law.side == "registry":
        words, whose = said("Registry’s move: {what}", what=timed(law.to_staff)), "theirs"
    else:
        words, whose = said("{authority}’s move: {what}", authority=authority().short, what=timed(law.to_staff)), "nobody"
        if request.holder_id and request.holder_id != person.pk:
            words, whose = said("{words}. {name} has it", words=words, name=request.holder.name), "theirs"
    if not late and due is not None and due <= now:  # the step is missed, the answer not yet: its words say since when
        return Said("overdue", words)
    if late:
        return Said("overdue", said("Overdue by {span}. {words}", span=say_span(now - request.due_at), words=words))
    return Said(whose, words)


def mine_to_move(person: Person, request: Request, offered: queries.Offered) -> Action | None:
    """The primary action, unless it is only to take over what a colleague has."""
    primary = offered.primary
    if primary is not None and primary.name == "take" and request.holder_id not in (None, person.pk):
        return None
    return primary


# --- one sentence


_VERBS = {
    "create": said_in("verb", "create"),
    "reserve": said_in("verb", "reserve"),
    "server_hold": said_in("verb", "hold"),
    "sinkhole": said_in("verb", "sinkhole"),
    "transfer": said_in("verb", "transfer"),
}


def _does(actions: Iterable[str], names: int | None, tlds: Sequence[str], services: Iterable[str] = ()) -> str:
    actions = list(dict.fromkeys(actions))
    verbs = [_VERBS[a] for a in actions if a in _VERBS]
    counted = said("names") if names is None else said_n("{n} name", "{n} names", names)
    found: list[str] = [said("{verbs} {names}", verbs=listed(verbs), names=counted)] if verbs else []
    if "suspend_service" in actions:
        named = listed(sorted(Service(s).words for s in services))
        found.append(said("suspend {services}", services=named) if named else said("suspend a service"))
    if "other" in actions:
        found.append(said("do something else"))
    return said("{what} in {tlds}", what=listed(found), tlds=tlds_said(tlds))


def names_count(request: Request) -> int | None:
    return names_counts([request.incident_id]).get(request.incident_id)


def asks(request: Request, names: int | None) -> str:
    """Northlight Registry SA asks to create and sinkhole 7,750 names in .example and .test."""
    acts = queries.current_acts(request)
    if not acts:
        return said("{operator} has filed for {tlds} and has not yet said what it does.", operator=request.operator.name, tlds=tlds_said(request.tlds))
    does = _does([a.action for a in acts], names, request.tlds, {a.service for a in acts if a.service})
    return said("{operator} asks to {what}.", operator=request.operator.name, what=does)


def grants(request: Request, lines: Iterable[Line], ends_at: datetime | None, *, signed: bool = True) -> str:
    """Northlight Registry SA may create and sinkhole 7,750 names, until the end of 13 March 2027 UTC. Not `signed` yet, the
    sentence says so first: it does not hold."""
    lines = list(lines)
    permits = [line for line in lines if line.instrument != "fee_reduction"]
    tlds = sorted({t for line in permits or lines for t in line.tlds})
    if permits:
        does = _does([line.action for line in permits], names_count(request), tlds)
        words = said("{operator} may {what}", operator=request.operator.name, what=does)
        if not signed:
            words = said("Once signed, {operator} may {what}", operator=request.operator.name, what=does)
    else:
        words = said("{operator} pays reduced fees for names in {tlds}", operator=request.operator.name, tlds=tlds_said(tlds))
        if not signed:
            words = said("Once signed, {operator} pays reduced fees for names in {tlds}", operator=request.operator.name, tlds=tlds_said(tlds))
    return said("{words}, {until}.", words=words, until=say_until(ends_at)) if ends_at else said("{words}.", words=words)


def sentence(request: Request) -> str:
    """What holds now, in one sentence."""
    state = State(request.state)
    waivers = list(request.waivers.all())
    if waivers:
        lines = [row.line for w in waivers for row in w.lines.select_related("line")]
        return grants(request, lines, min(w.ends_at for w in waivers))
    if state is State.WITHDRAWN:
        return said("{operator} withdrew its request.", operator=request.operator.name)
    if state is State.CLOSED:
        return said("{operator} has its answer: nothing was granted.", operator=request.operator.name)
    return asks(request, names_count(request))


# --- clocks


def deadline(request: Request) -> Deadline:
    """The reckoning of `due_at`, for "Why this time?"."""
    return decide_by(request.received_at, authority().calendar)


def clock_chart(request: Request, person: Person, *, now: datetime) -> charts.Chart | None:
    """The neatline, while an answer is owed."""
    if State(request.state) not in UNDECIDED | {State.DECIDED}:
        return None
    days = segments(request.received_at, request.due_at, authority().calendar)
    return charts.clock(
        merge_closed(days), now=now, due=request.due_at, cannot_be_undone=request.irreversible_at, zone=person.zone,
        key="clock",
    )  # fmt: skip


@dataclass(frozen=True)
class Moments:
    """The five moments that are never confused: who had the move, when each came, gross and net of the registry's time."""

    chart: charts.Chart
    rows: tuple[tuple[str, str, str, str], ...]
    signed_at: datetime | None


_MOMENTS = (
    (said_in("moment", "first response"), {"call.attempted", "request.ask"}),
    (said_in("moment", "decision"), {"request.approve"}),
    (said_in("moment", "signature"), {"request.sign"}),
    (said_in("moment", "service"), {"request.serve"}),
    (said_in("moment", "acknowledgement"), {"request.acknowledge"}),
)


def moments(request: Request, happened: Sequence[queries.Happened], *, now: datetime) -> Moments:
    moves = _moves(request, happened, now=now)
    found: list[charts.Moment] = []
    rows = []
    for place, (words, kinds) in enumerate(_MOMENTS, start=1):
        times = [h.at for h in happened if h.kind in kinds]
        at = (min(times) if place == 1 else max(times)) if times else None
        called = joined(" ", [str(place), words])
        if at is None:
            rows.append((called, said("not yet"), "", ""))
            continue
        found.append(charts.Moment(place, at, words))
        theirs = sum(
            ((min(m.end, at) - m.start) for m in moves if m.side == charts.REGISTRY and m.start < at), start=timedelta()
        )
        gross = at - request.received_at
        rows.append((called, say(at), say_span(gross), say_span(gross - theirs)))
    signed = next((m.at for m in found if m.number == 3), None)
    last = max([request.due_at, *(m.end for m in moves)])
    end = last + (last - request.received_at) * 0.06
    chart = charts.case_timeline(
        moves, found, names=charts.lanes(authority().short), start=request.received_at, end=end, due=request.due_at, signed_at=signed, key="moves",
        closed=segments(request.received_at, end, authority().calendar),
    )  # fmt: skip
    return Moments(chart, tuple(rows), signed)


def _moves(request: Request, happened: Sequence[queries.Happened], *, now: datetime) -> list[charts.Move]:
    """Who had the move from when to when, out of the states that the events left behind."""
    found: list[charts.Move] = []
    side, since = "authority", request.received_at
    stop = request.closed_at or max(now, request.received_at + timedelta(minutes=1))
    for event in happened:
        if not event.state or (new := MOVERS[State(event.state)].side) == side:
            continue
        if side in charts.SIDES and event.at > since:
            found.append(charts.Move(side, since, event.at))
        side, since = new, event.at
    if side in charts.SIDES and stop > since:
        found.append(charts.Move(side, since, stop))
    return found


def head(person: Person, request: Request, *, now: datetime, offered: queries.Offered | None = None) -> dict[str, Any]:
    """What every page of a case begins with; `offered` in it is what the person may do now."""
    offered = offered or queries.offered(person, request)
    at, due = request.irreversible_at, request.due_at
    return {
        "case": request,
        "ref": request.reference,
        "tlp": request.tlp,
        "offered": offered,
        "move": mover(person, request, offered, now=now),
        "sentence": sentence(request),
        "clock": clock_chart(request, person, now=now),
        "undone": at,
        "undone_in": at - now if at and at > now else None,
        "due": due,
        "due_in": due - now if due > now else None,
        "late": now - due if now > due else None,
        "owed": State(request.state) in UNDECIDED | {State.DECIDED},
        "due_first": bool(at and due < at),
    }


def decision_of(line: Line, decisions: Iterable[Decision]) -> Decision | None:
    """The live decision on a line, from `queries.proposals`."""
    return next((d for d in decisions for item in d.items.all() if item.live and item.line_id == line.pk), None)


def act_words(action: str) -> str:
    return capital(Act(action).words)
