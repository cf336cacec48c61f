"""What stands on the page of a whole case, section by section. Reads through the queries; writes nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.urls import reverse

from ersr.core import filing, permits
from ersr.core.errors import Refusal, not_found
from ersr.core.lifecycle import FINAL, MOVERS, Outcome, State
from ersr.core.say import say, say_until
from ersr.core.terms import Instrument, WaiverStatus
from ersr.core.triage import Hint
from ersr.faces.web import charts, desk_case
from ersr.faces.web.desk_forms import CALL_OUTCOMES, RECOMMENDATIONS, discipline_words
from ersr.lists.models import PopularityList
from ersr.lists.queries import latest, popularity
from ersr.parties.authority import authority
from ersr.people.models import Person
from ersr.requests import queries
from ersr.requests.actions.advice import advice
from ersr.requests.models import Line, Request

LATEST = 4
OFFICE = (
    ("read_parties", "parties", "Parties and contacts"),
    ("read_provisions", "provisions", "Provisions"),
    ("import_popularity", "popularity", "Popularity list"),
    ("read_people", "people", "People and delegations"),
    ("read_ledger", "ledger", "Ledger"),
)


def nothing() -> Refusal:
    return not_found()


def office_links(person: Person) -> list[tuple[str, str]]:
    return [(reverse(name), words) for action, name, words in OFFICE if permits.office(action, person.roles).allowed]


# --- lines


@dataclass(frozen=True)
class GroupRow:
    """Lines decided together, in words. `look` is a look of parts/mover.html once there is an outcome."""

    action: str
    tlds: str
    numbers: str
    lines: tuple[Line, ...]
    provision: str
    title: str
    writing: str
    why: str
    outcome: str
    look: str


def writing(line: Line) -> str:
    """Which of the three writings, or that none is needed."""
    if line.hint == Hint.WAIVER and line.instrument:
        return {"waiver": "Waiver", "authorisation": "Authorisation", "fee_reduction": "Fee reduction"}[line.instrument]
    words = Hint(line.hint).words
    return words[:1].upper() + words[1:]


def count_tlds(tlds: Sequence[str]) -> str:
    return f".{tlds[0]}" if len(tlds) == 1 else f"{len(tlds)} TLDs"


def outcome_of(line: Line) -> tuple[str, str]:
    """(words, look) of a line's outcome."""
    if line.outcome:
        outcome = Outcome(line.outcome)
        signed = ", signed" if line.state == "executed" else ""
        return outcome.words + signed, "granted" if outcome.grants else "denied" if outcome == "denied" else "nobody"
    if line.state == "proposed":
        return "Proposed, not yet approved", "upcoming"
    return "Not decided", ""


def group_rows(request: Request) -> list[GroupRow]:
    found = []
    for group in queries.grouped(queries.live_lines(request)):
        words, look = outcome_of(group.first)
        why = "; ".join(dict.fromkeys(reason for line in group.lines for reason in line.reasons))
        found.append(
            GroupRow(
                desk_case.act_words(group.action), count_tlds(group.tlds), group.numbers, group.lines, group.provision,
                group.title, writing(group.first), why[:1].upper() + why[1:], words, look,
            )
        )  # fmt: skip
    return found


# --- sections


@dataclass(frozen=True)
class Look:
    words: str
    more: str = ""
    href: str = ""
    link: str = ""


def look_first(request: Request, numbers: Sequence[queries.NumberOnFile] | None, waiting: Mapping[int, int]) -> list[Look]:
    """What a reader must not miss, worst first."""
    found = []
    if any(c.outcome == "denied" for c in request.calls.all()):
        found.append(Look("A contact on file says that this filing is not theirs.", "Read the calls before anything else."))
    if any(c.outcome == "wrong_words" for c in request.calls.all()):
        found.append(Look("A call failed over the verification words.", "Draw new words and call another contact."))
    if numbers is not None:
        if not queries.claimed_is_on_file(request):
            found.append(Look("The claimed number is not on file.", f"{request.number_claimed}: do not call it."))
        if not queries.filer_is_on_file(request):
            found.append(Look("The filer is not on file.", f"{request.filed_by.name}, {request.filing_party.name}."))
    for number, count in waiting.items():
        one = count == 1
        found.append(
            Look(
                f"{'1 name is' if one else f'{count} names are'} on a popularity list.",
                href=reverse("desk-list", args=[request.reference, number]),
                link="Answer it before the decision" if one else "Answer each before the decision",
            )
        )
    for one in numbers or ():
        if not one.may_be_called:
            found.append(
                Look("A number on file changed lately.", f"{one.contact.name}, {one.days} days ago: do not call it.")
            )
    for decision in queries.proposals(request):
        if decision.state == "proposed":
            now = {str(row.number): latest(row).digest for row in request.incident.lists.all()}
            if now != decision.list_digests:
                found.append(Look("A name list changed after the proposal.", "It must be returned and proposed again."))
                break
    return found


@dataclass(frozen=True)
class ListShown:
    number: int
    names: int
    waiting: int
    screened: PopularityList | None
    chart: charts.Chart


def lists_shown(request: Request) -> list[ListShown]:
    known = popularity()
    found = []
    for row in request.incident.lists.prefetch_related("hits"):
        version = latest(row)
        held = [hit for hit in row.hits.all() if hit.answer != "removed"]
        popular = Counter(hit.name.rsplit(".", 1)[1] for hit in held)
        tlds = {tld: version.tlds.get(tld, 0) for tld in sorted(version.tlds, key=lambda t: -version.tlds[t])}
        rest = {tld: count - popular.get(tld, 0) for tld, count in tlds.items()}
        label = "All other names" if known else "Names"
        classes = [(label, "unregistered", rest)]
        if known:
            classes.insert(0, ("On a popularity list", "popular", {tld: popular.get(tld, 0) for tld in tlds}))
        chart = charts.list_chart(classes, key=f"names{row.number}")
        waiting = sum(not hit.answer for hit in held)
        found.append(ListShown(row.number, version.names, waiting, known, chart))
    return found


def calls(person: Person, request: Request) -> list[tuple[Any, ...]]:
    """Whom and which number, for those who may read contacts; that a call was made, and what came of it, for all staff."""
    known = queries.may(person, request, "read_contacts").allowed
    return [
        (say(c.at), c.contact_name if known else "a contact on file", c.number if known else "", CALL_OUTCOMES[c.outcome] + (f". {c.remark}" if c.remark else ""), c.by.name)
        for c in request.calls.select_related("by")
    ]


def value_said(field: filing.Field, value: str) -> str:
    if not value:
        return "not said"
    if field.kind == "choice":
        return dict(field.choices or {}).get(value, value)
    if field.kind == "time":
        found = filing.moment(value)
        return say(found) if found else "not said"
    return value


@dataclass(frozen=True)
class PartShown:
    label: str
    version: int
    at: datetime
    by: str
    facts: list[tuple[str, str]]
    earlier: tuple[PartShown, ...] = ()


def parts_shown(request: Request) -> list[PartShown]:
    """Each part that was added, newest version first; the words of the six answers themselves stand elsewhere."""
    by_part: dict[str, list[PartShown]] = {}
    for row in request.parts.select_related("by").order_by("part", "-version"):
        part = filing.PARTS[row.part]
        facts = [(f.label, value_said(f, str(row.body.get(f.name) or ""))) for f in part.fields]
        by_part.setdefault(row.part, []).append(PartShown(part.label, row.version, row.at, row.by.name, facts))
    order = [name for name in filing.PARTS if name in by_part]
    shown = [name for name in order if not (name == "happening" and len(by_part[name]) == 1)]
    return [
        PartShown(first.label, first.version, first.at, first.by, first.facts, tuple(rest))
        for first, *rest in (by_part[name] for name in shown)
    ]


def notes_shown(person: Person, request: Request) -> list[dict[str, Any]]:
    return [
        {
            "name": discipline_words(note.discipline), "words": RECOMMENDATIONS[note.recommendation], "by": note.by.name,
            "at": note.at, "version": note.version, "body": note.body,
        }
        for note in queries.notes(person, request)
    ]  # fmt: skip


def has_privileged(person: Person, request: Request) -> bool:
    """Whether a link to privileged notes is shown: to those who may read them, and to nobody else."""
    return queries.may(person, request, "read_privileged").allowed and request.notes.filter(privileged=True).exists()


def before(request: Request) -> list[tuple[str, str]]:
    """Earlier requests of the operator, earlier decisions on the same provisions."""
    earlier = list(queries.earlier_of_operator(request)[:100])
    found = [("This operator", "No earlier request")]
    if earlier:
        states = Counter(MOVERS[State(one.state)].to_staff if one.state in ("closed", "withdrawn") else "open" for one in earlier)
        count = f"{len(earlier)} request{'s' if len(earlier) != 1 else ''}"
        found = [("This operator", f"{count}: " + ", ".join(f"{n} {w}" for w, n in states.most_common()))]
    ids = list(dict.fromkeys(line.provision for line in queries.live_lines(request)))
    known = queries.earlier_on_provisions(request, ids)
    for provision in ids:
        outcomes = known.get(provision, {})
        total = sum(outcomes.values())
        said = ", ".join(f"{n} {Outcome(o).words.lower()}" for o, n in sorted(outcomes.items(), key=lambda p: -p[1]))
        words = f"{total} decision{'s' if total != 1 else ''}: {said}" if total else "No earlier decision"
        found.append((f"Provision {provision}", words))
    return found


def advice_questions(request: Request) -> list[str]:
    """What the rules would like to know; empty once the lines are confirmed."""
    return [] if request.lines_confirmed_at or request.closed_at else list(advice(request).open_questions)


def facts_said(facts: Mapping[str, Any]) -> str:
    """An event's facts in one line, for the full history."""
    return "; ".join(f"{key.replace('_', ' ')}: {_flat(value)}" for key, value in facts.items() if value not in (None, "", [], {}))


def _flat(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{k} {_flat(v)}" for k, v in value.items() if v not in (None, ""))
    if isinstance(value, list):
        return ", ".join(_flat(v) for v in value)
    return {True: "yes", False: "no"}.get(value, str(value)) if isinstance(value, bool) else str(value)


def panel(person: Person, request: Request, head: Mapping[str, Any], *, now: datetime) -> dict[str, Any]:
    """The one filled button, or a quiet word on whose move it is."""
    law = MOVERS[State(request.state)]
    action = head["offered"].primary
    nobody = f"If nobody moves: {law.if_nobody[:1].lower()}{law.if_nobody[1:]}" if law.if_nobody else ""
    if action is not None and action.name == "take" and request.holder_id not in (None, person.pk):
        action = None  # the take-over has its own place, under "Who has it"
    if action is None:
        side = {"authority": f"{authority().short}’s move", "registry": "The registry’s move", "nobody": "Nobody’s move"}[law.side]
        words = f"{law.to_staff[:1].upper()}{law.to_staff[1:]}."
        return {"label": "", "title": side, "words": words, "nobody": nobody}
    due = desk_case.step_due(request)
    words = f"{desk_case.DO[action.name][:1].upper()}{desk_case.DO[action.name][1:]}"
    if due is not None and due > now:
        words += f" by {desk_case.near(due, now)}"
    found = {"label": action.label, "words": f"{words}.", "nobody": nobody, "title": "Your move"}
    if action.name == "take":
        holder = request.holder.email if request.holder else ""
        return {**found, "post": desk_case.place(action, request), "hidden": {"from_holder": holder}}
    return {**found, "href": desk_case.place(action, request)}


def step(person: Person, request: Request, head: Mapping[str, Any], path: str, *, now: datetime) -> dict[str, Any]:
    """The reader's next step, for pages that have no button of their own; nothing where it would lead to the same page."""
    found = panel(person, request, head, now=now)
    return {} if path in (found.get("href"), found.get("post")) else found


_WAIVER_LOOKS = {WaiverStatus.UPCOMING: "upcoming", WaiverStatus.IN_FORCE: "force", WaiverStatus.ENDED: "ended"}


def waivers_shown(request: Request, *, now: datetime) -> list[dict[str, str]]:
    found = []
    for row in request.waivers.select_related("acknowledgement").prefetch_related("service"):
        status = row.status_at(now)
        period = f"Ended {say(row.ends_at)}" if status is WaiverStatus.ENDED else f"{status.capitalize()} {say_until(row.ends_at)}"
        served = "acknowledged" if hasattr(row, "acknowledgement") else "served" if row.service.all() else "not served yet"
        found.append(
            {"reference": row.reference, "title": Instrument(row.instrument).title, "look": _WAIVER_LOOKS[status],
             "words": f"{period}, {served}"}
        )  # fmt: skip
    return found


def whole(person: Person, request: Request, *, now: datetime) -> dict[str, Any]:
    """The context of the page of a case."""
    head = desk_case.head(person, request, now=now)
    numbers = None
    if queries.may(person, request, "read_contacts").allowed:
        numbers = queries.numbers_to_call(person, request, now=now)
    lists = lists_shown(request)
    happened = queries.history(person, request)
    offered = head["offered"]
    acts = [
        {
            "act": act, "corrected": hasattr(act, "replaced_by"),
            "words": filing.ACTIONS.get(act.action, act.action) + (f": {filing.SERVICES.get(act.service, act.service)}" if act.service else ""),
        }
        for act in request.acts.select_related("by", "replaced_by")
    ]  # fmt: skip
    asked = [q.text for q in request.questions.all() if q.answered_at is None]
    incident = request.incident
    over = any(a.name == "take" for a in (offered.primary, *offered.others) if a) and request.holder_id not in (None, person.pk)
    return {
        **head,
        "place": "Desk",
        "panel": panel(person, request, head, now=now),
        "first": look_first(request, numbers, {row.number: row.waiting for row in lists if row.waiting})
        if request.state not in FINAL
        else [],
        "numbers": numbers,
        "lists": lists,
        "groups": group_rows(request),
        "changed": any(not line.by_rules for line in queries.live_lines(request)),
        "waivers": waivers_shown(request, now=now),
        "tlds": ", ".join(f".{tld}" for tld in request.tlds),
        "incident": f"{filing.PARTS['incident'].fields[0].choices[incident.category]}, {incident.presence}" if incident.category else "not said yet",
        "acts": acts,
        "parts": parts_shown(request),
        "evidence": list(request.evidence.select_related("file", "by")),
        "calls": calls(person, request),
        "call_heads": ("When", "Contact", "Number", "Outcome", "By"),
        "questions": list(request.questions.select_related("asked_by", "answered_by")),
        "notes": notes_shown(person, request),
        "privileged": has_privileged(person, request),
        "five": desk_case.moments(request, happened, now=now),
        "moment_heads": ("Moment", "When", "Gross", "Net"),
        "deadline": desk_case.deadline(request),
        "over": over,
        "before": before(request),
        "open": [*asked, *advice_questions(request)],
        "history": [{"at": h.at, "words": f"{h.words}, {h.by}"} for h in reversed(happened[-LATEST:])],
        "history_full": any(h.at.date() != now.date() for h in happened[-LATEST:]),
        "history_more": f"All {len(happened)} events" if len(happened) > LATEST else "",
        "history_href": reverse("desk-history", args=[request.reference]),
        "others": desk_case.links(offered, request),
    }
