"""What a case page says first: whose move it is, one sentence on what holds, and the clock. Reads and words, no writing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.urls import reverse

from ersr.core.deadlines import Deadline, decide_by, merge_closed, segments
from ersr.core.lifecycle import FINAL, MOVERS, UNDECIDED, Action, State
from ersr.core.say import MONTHS, WEEKDAYS, aware, say, say_span, say_until
from ersr.core.triage import Action as Act
from ersr.faces.web import charts
from ersr.lists.queries import latest_versions
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
    "answer_hits": "answer the popular names",
    "approve": "approve the proposal or return it",
    "assess": "write what you advise",
    "call": "call back",
    "conclude": "give the answer",
    "confirm_lines": "confirm the lines",
    "preview": "prepare the instrument and sign it, or send it back",
    "propose": "propose a decision",
    "serve": "serve the instrument",
    "sign": "sign or send back",
    "take": "take the request",
}

#: action -> words of the link to its page among "Other actions"; the button there bears the table's own label.
LINKS = {
    "answer_hits": "Answer popular names",
    "ask": "Ask the requester",
    "approve": "Decide",
    "assess": "Write what you advise",
    "call": "Call back",
    "change_line": "Change the lines",
    "conclude": "Give the answer",
    "confirm_lines": "Confirm the lines",
    "note_privileged": "Write a privileged note",
    "preview": "Prepare the instrument",
    "propose": "Decide",
    "return_proposal": "Decide",
    "send_back": "Send back with a reason",
    "serve": "Record service",
    "sign": "Sign",
}


def place(action: Action, request: Request) -> str:
    """The address of the page that carries an action's button."""
    if action.name == "conclude":
        return reverse("desk-conclude", args=[request.reference])
    if action.name == "take":
        return reverse("desk-take", args=[request.reference])
    if action.page == "desk-list":
        first = request.incident.lists.filter(hits__answer="").order_by("number").first()
        return reverse("desk-list", args=[request.reference, first.number if first else 1])
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
        return f"{at:%H:%M} UTC"
    return f"{WEEKDAYS[at.weekday()][:3]} {at.day} {MONTHS[at.month - 1][:3]}, {at:%H:%M} UTC"


def away(moment: datetime, now: datetime) -> str:
    """in 3 d 13 h, or 2 h ago; stands beside the absolute time only."""
    return f"in {say_span(moment - now)}" if moment > now else f"{say_span(now - moment)} ago"


def step_due(request: Request) -> datetime | None:
    """When the present state's next step is due; None where nothing is."""
    state = State(request.state)
    if state in FINAL:
        return None
    if state in (State.EXECUTED, State.SERVED):
        waivers = list(request.waivers.prefetch_related("service"))
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
        return Said("nobody", f"Nobody’s move: {law.to_staff}")
    due = step_due(request)
    when = ""
    if due is not None:
        when = f" by {near(due, now)}, in {say_span(due - now)}" if due > now else f", due since {near(due, now)}"
    late = state in UNDECIDED | {State.DECIDED} and now > request.due_at
    overdue = f"Overdue by {say_span(now - request.due_at)}. " if late else ""
    if late:
        when = ""
    mine = mine_to_move(person, request, offered)
    if mine is not None:
        words, whose = f"Your move: {DO[mine.name]}{when}", "yours"
    elif law.side == "registry":
        words, whose = f"Registry’s move: {law.to_staff}{when}", "theirs"
    else:
        short = authority().short
        holder = f". {request.holder.name} has it" if request.holder_id and request.holder_id != person.pk else ""
        words, whose = f"{short}’s move: {law.to_staff}{when}{holder}", "theirs" if holder else "nobody"
    return Said("overdue" if late else whose, overdue + words)


def mine_to_move(person: Person, request: Request, offered: queries.Offered) -> Action | None:
    """The primary action, unless it is only to take over what a colleague has."""
    primary = offered.primary
    if primary is not None and primary.name == "take" and request.holder_id not in (None, person.pk):
        return None
    return primary


# --- one sentence


def tlds_said(tlds: Sequence[str]) -> str:
    """.biz, .cc and .cn; beyond four: .biz, .cc, .cn and 37 other TLDs."""
    named = [f".{tld}" for tld in tlds]
    if len(named) <= 4:
        return _and(named)
    return f"{', '.join(named[:3])} and {len(named) - 3} other TLDs"


def _and(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}" if words else ""


_VERBS = {
    "create": "create",
    "reserve": "reserve",
    "server_hold": "hold",
    "sinkhole": "sinkhole",
    "transfer": "transfer",
}
_SERVICES = {"dns": "DNS", "dnssec": "DNSSEC", "srs": "SRS/EPP", "rdds": "RDDS", "escrow": "data escrow"}


def _does(actions: Iterable[str], names: int | None, tlds: Sequence[str], services: Iterable[str] = ()) -> str:
    actions = list(dict.fromkeys(actions))
    verbs = [_VERBS[a] for a in actions if a in _VERBS]
    counted = "names" if names is None else "1 name" if names == 1 else f"{names:,} names"
    found = [f"{_and(verbs)} {counted}"] if verbs else []
    if "suspend_service" in actions:
        found.append(f"suspend {_and(sorted(_SERVICES.get(s, s) for s in services)) or 'a service'}")
    if "other" in actions:
        found.append("do something else")
    return f"{_and(found)} in {tlds_said(tlds)}"


def names_count(request: Request) -> int | None:
    versions = latest_versions(request.incident)
    return sum(v.names for v in versions) if versions else None


def asks(request: Request) -> str:
    """Northlight Registry SA asks to create and sinkhole 7,750 names in .example and .test."""
    acts = queries.current_acts(request)
    if not acts:
        return f"{request.operator.name} has filed for {tlds_said(request.tlds)} and has not yet said what it does."
    does = _does(
        [a.action for a in acts], names_count(request), request.tlds, {a.service for a in acts if a.service}
    )
    return f"{request.operator.name} asks to {does}."


def grants(request: Request, lines: Iterable[Line], ends_at: datetime | None) -> str:
    """Northlight Registry SA may create and sinkhole 7,750 names, until the end of 13 March 2027 UTC."""
    lines = list(lines)
    permits = [line for line in lines if line.instrument != "fee_reduction"]
    tlds = sorted({t for line in permits or lines for t in line.tlds})
    if permits:
        words = f"may {_does([line.action for line in permits], names_count(request), tlds)}"
    else:
        words = f"pays reduced fees for names in {tlds_said(tlds)}"
    return f"{request.operator.name} {words}{', ' + say_until(ends_at) if ends_at else ''}."


def sentence(request: Request) -> str:
    """What holds now, in one sentence."""
    state = State(request.state)
    waivers = list(request.waivers.all())
    if waivers:
        lines = [row.line for w in waivers for row in w.lines.select_related("line")]
        return grants(request, lines, min(w.ends_at for w in waivers))
    if state is State.WITHDRAWN:
        return f"{request.operator.name} withdrew its request."
    if state is State.CLOSED:
        return f"{request.operator.name} has its answer: nothing was granted."
    return asks(request)


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
    ("first response", {"call.attempted", "request.ask"}),
    ("decision", {"request.approve"}),
    ("signature", {"request.sign"}),
    ("service", {"request.serve"}),
    ("acknowledgement", {"request.acknowledge"}),
)


def moments(request: Request, happened: Sequence[queries.Happened], *, now: datetime) -> Moments:
    moves = _moves(request, happened, now=now)
    found: list[charts.Moment] = []
    rows = []
    for number, (words, kinds) in enumerate(_MOMENTS, start=1):
        times = [h.at for h in happened if h.kind in kinds]
        at = (min(times) if number == 1 else max(times)) if times else None
        if at is None:
            rows.append((f"{number} {words}", "not yet", "", ""))
            continue
        found.append(charts.Moment(number, at, words))
        theirs = sum(
            ((min(m.end, at) - m.start) for m in moves if m.side == charts.REGISTRY and m.start < at), start=timedelta()
        )
        gross = at - request.received_at
        rows.append((f"{number} {words}", say(at), say_span(gross), say_span(gross - theirs)))
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
    words = Act(action).words
    return words[:1].upper() + words[1:]
