"""What stands on the page of a whole case, section by section. Reads through the queries; writes nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.urls import reverse
from django.utils.translation import get_language

from ersr.core import filing, permits
from ersr.core.errors import Refusal, not_found
from ersr.core.lifecycle import FINAL, MOVERS, Outcome, State
from ersr.core.say import say, say_phone, say_until
from ersr.core.screening import CLASSES, Class
from ersr.core.terms import Instrument, WaiverStatus
from ersr.core.tongue import capital, joined, number, paired, said, said_in, said_n, small
from ersr.core.triage import Hint
from ersr.faces.web import charts, desk_case
from ersr.faces.web.desk_forms import CALL_OUTCOMES, RECOMMENDATIONS, discipline_words
from ersr.faces.web.facts import DECIDED
from ersr.incidents.models import Incident
from ersr.lists.models import PopularityList, Screening
from ersr.lists.queries import latest, met, newest_screening, popularity
from ersr.parties.authority import authority
from ersr.people.models import Person
from ersr.requests import queries
from ersr.requests.actions.advice import advice
from ersr.requests.models import Line, Request

LATEST = 4
OFFICE = (
    ("read_parties", "parties", said("Parties and contacts")),
    ("read_provisions", "provisions", said("Provisions")),
    ("import_popularity", "popularity", said("Popularity list")),
    ("read_people", "people", said("People and delegations")),
    ("call_back", "recoveries", said("Lost second factors")),
    ("read_outbox", "outbox", said("Mail")),
    ("read_ledger", "ledger", said("Ledger")),
)


def nothing() -> Refusal:
    return not_found()


def office_links(person: Person) -> list[tuple[str, str]]:
    rooms = [(reverse(name), words) for action, name, words in OFFICE if permits.office(action, person.roles).allowed]
    return [(reverse("names"), said("Name lists")), *rooms] if permits.verdict("read", person.roles, {permits.Relation.NONE}).allowed else rooms


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


_WRITINGS = {"waiver": said("waiver"), "authorisation": said("authorisation"), "fee_reduction": said("fee reduction")}


def written(line: Line) -> str:
    """Which of the three writings, or that none is needed: inside a sentence."""
    return _WRITINGS[line.instrument] if line.hint == Hint.WAIVER and line.instrument else Hint(line.hint).words


def writing(line: Line) -> str:
    """The same, at the beginning of one."""
    return capital(written(line))


def count_tlds(tlds: Sequence[str]) -> str:
    return f".{tlds[0]}" if len(tlds) == 1 else said_n("{n} TLD", "{n} TLDs", len(tlds))


def outcome_of(line: Line) -> tuple[str, str]:
    """(words, look) of a line's outcome."""
    if line.outcome:
        outcome = Outcome(line.outcome)
        words = said("{outcome}, signed", outcome=outcome.words) if line.state == "executed" else outcome.words
        return words, "granted" if outcome.grants else "denied" if outcome == "denied" else "nobody"
    if line.state == "proposed":
        return said("Proposed, not yet approved"), "upcoming"
    return said("Not decided"), ""


def group_rows(request: Request) -> list[GroupRow]:
    found, known = [], reasons_told(request)
    for group in queries.grouped(queries.live_lines(request)):
        words, look = outcome_of(group.first)
        why = joined("; ", dict.fromkeys(known.get(reason, reason) for line in group.lines for reason in line.reasons))
        found.append(
            GroupRow(
                desk_case.act_words(group.action), count_tlds(group.tlds), group.numbers, group.lines, group.provision,
                group.title, writing(group.first), capital(why), words, look,
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


def look_first(request: Request, numbers: Sequence[queries.NumberOnFile] | None, lists: Sequence[ListShown]) -> list[Look]:
    """What a reader must not miss, worst first."""
    found = []
    if any(c.outcome == "denied" for c in request.calls.all()):
        found.append(Look(said("A contact on file says that this filing is not theirs."), said("Read the calls before anything else.")))
    if any(c.outcome == "wrong_words" for c in request.calls.all()):
        found.append(Look(said("A call failed over the verification words."), said("Draw new words and call another contact.")))
    if numbers is not None:
        if not queries.claimed_is_on_file(request):
            found.append(Look(said("The claimed number is not on file."), said("{number}: do not call it.", number=say_phone(request.number_claimed))))
        if not queries.filer_is_on_file(request):
            found.append(Look(said("The filer is not on file."), f"{request.filed_by.name}, {request.filing_party.name}."))
    for one in lists:
        if one.waits:
            found.append(
                Look(
                    said_n("{n} name of list {number} waits for an answer.", "{n} names of list {number} wait for an answer.", one.waits, number=one.number),
                    joined("", (joined(", ", (paired(CLASSES[kind], number(names)) for kind, names in one.waiting.items())), ".")),
                    href=reverse("desk-list", args=[request.reference, one.number]),
                    link=said("Answer before the decision"),
                )
            )
    for one in numbers or ():
        if not one.may_be_called:
            found.append(
                Look(said("A number on file changed lately."), said_n("{name}, {n} day ago: do not call it.", "{name}, {n} days ago: do not call it.", one.days, name=one.contact.name))
            )
    for decision in queries.proposals(request):
        if decision.state == "proposed":
            now = {str(row.number): latest(row).content_digest for row in request.incident.lists.all()}
            if now != decision.list_digests:
                found.append(Look(said("A name list changed after the proposal."), said("It must be returned and proposed again.")))
                break
    return found


@dataclass(frozen=True)
class ListShown:
    number: int
    names: int
    waiting: Mapping[Class, int]  # names without an answer
    screened: PopularityList | None
    zones: Screening | None  # the newest look at the zones
    chart: charts.Chart

    @property
    def waits(self) -> int:
        return sum(self.waiting.values())


def lists_shown(request: Request) -> list[ListShown]:
    known, answers = popularity(), met(request.incident)
    found = []
    for row in request.incident.lists.prefetch_related("hits"):
        version = latest(row)
        held = [hit for hit in row.hits.all() if hit.answer != "removed"]
        popular = Counter(hit.name.rsplit(".", 1)[1] for hit in held)
        tlds = {tld: version.tlds.get(tld, 0) for tld in sorted(version.tlds, key=lambda t: -version.tlds[t])}
        rest = {tld: count - popular.get(tld, 0) for tld, count in tlds.items()}
        label = said("All other names") if known else said("Names")
        classes = [(label, "unregistered", rest)]
        if known:
            classes.insert(0, (said("On a popularity list"), "popular", {tld: popular.get(tld, 0) for tld in tlds}))
        chart = charts.list_chart(classes, key=f"names{row.number}")
        waiting = {kind: counts[""] for kind, counts in answers.get(row.pk, {}).items() if counts[""]}
        found.append(ListShown(row.number, version.names, waiting, known, newest_screening(row), chart))
    return found


def calls(person: Person, request: Request) -> list[tuple[Any, ...]]:
    """Whom and which number, for those who may read contacts; that a call was made, and what came of it, for all staff."""
    known = queries.may(person, request, "read_contacts").allowed
    return [
        (say(c.at), c.contact_name if known else said("a contact on file"), say_phone(c.number) if known else "", joined(". ", filter(None, (CALL_OUTCOMES[c.outcome], c.remark))), c.by.name)
        for c in request.calls.select_related("by")
    ]


def value_said(field: filing.Field, value: str) -> str:
    if not value:
        return said("not said")
    if field.kind == "choice":
        return dict(field.choices or {}).get(value, value)
    if field.kind == "time":
        found = filing.moment(value)
        return say(found) if found else said("not said")
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
    states: Counter[str] = Counter()
    for state, count in queries.earlier_states(request).items():
        states[MOVERS[state].to_staff if state in FINAL else said_in("of requests", "open")] += count
    operator = said("This operator")
    found: list[tuple[str, str]] = [(operator, said("No earlier request"))]
    if states:
        kinds = joined(", ", (said("{n} {kind}", n=number(n), kind=kind) for kind, n in states.most_common()))
        found = [(operator, said_n("{n} request: {kinds}", "{n} requests: {kinds}", states.total(), kinds=kinds))]
    ids = list(dict.fromkeys(line.provision for line in queries.live_lines(request)))
    known = queries.earlier_on_provisions(request, ids)
    for provision in ids:
        outcomes = known.get(provision, {})
        total = sum(outcomes.values())
        kinds = joined(", ", (DECIDED[o](n) for o, n in sorted(outcomes.items(), key=lambda p: -p[1])))
        words = said_n("{n} decision: {kinds}", "{n} decisions: {kinds}", total, kinds=kinds) if total else said("No earlier decision")
        found.append((said("Provision {provision}", provision=provision), words))
    return found


def advice_questions(request: Request) -> list[str]:
    """What the rules would like to know; empty once the lines are confirmed."""
    return [] if request.lines_confirmed_at or request.closed_at else list(advice(request).open_questions)


def panel(person: Person, request: Request, head: Mapping[str, Any], *, now: datetime) -> dict[str, Any]:
    """The one filled button, or a quiet word on whose move it is."""
    law = MOVERS[State(request.state)]
    action = head["offered"].primary
    nobody = said("If nobody moves: {what}", what=small(law.if_nobody)) if law.if_nobody else ""
    if action is not None and action.name == "take" and request.holder_id not in (None, person.pk):
        action = None  # the take-over has its own place, under "Who has it"
    if action is None:
        side = {"authority": said("{authority}’s move", authority=authority().short), "registry": said("The registry’s move"), "nobody": said("Nobody’s move")}[law.side]
        words = said("{what}.", what=capital(law.to_staff))
        return {"label": "", "title": side, "words": words, "nobody": nobody}
    due = desk_case.step_due(request)
    do = capital(desk_case.DO[action.name])
    soon = due is not None and due > now
    words = said("{what} by {moment}.", what=do, moment=desk_case.near(due, now)) if soon else said("{what}.", what=do)
    found = {"label": action.label, "words": words, "nobody": nobody, "title": said("Your move")}
    if action.name == "take":
        holder = request.holder.email if request.holder else ""
        return {**found, "post": desk_case.place(action, request), "hidden": {"from_holder": holder}}
    if action.name == "assess":  # "Save note" is said where the note is, on the page that this leads to
        found["label"] = desk_case.LINKS[action.name]
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
        period = said("{status} {until}", status=capital(status.words), until=say_until(row.ends_at))
        if status is WaiverStatus.ENDED:
            period = said("Ended {moment}", moment=say(row.ends_at))
        served = said("acknowledged") if hasattr(row, "acknowledgement") else said("served") if row.service.all() else said("not served yet")
        found.append(
            {"reference": row.reference, "title": Instrument(row.instrument).title, "look": _WAIVER_LOOKS[status],
             "words": joined(", ", (period, served))}
        )  # fmt: skip
    return found


def _incident(incident: Incident) -> str:
    """Which kind of incident, and whether it is there already."""
    kind, presence = (field.choices or {} for field in filing.PARTS["incident"].fields[:2])
    if not incident.category:
        return said("not said yet")
    return joined(", ", (kind[incident.category], small(presence.get(incident.presence, ""))))


def reasons_told(request: Request) -> dict[str, str]:
    """The reasons of the rules as sentences. Lines keep them in English, which is looked up here where the reader has another
    language; what staff wrote, and what the rules would not say any more, is not among them."""
    if get_language() == "en":
        return {}
    return {reason: reason for line in advice(request).lines for reason in line.reasons}


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
            "words": paired(filing.ACTIONS.get(act.action, act.action), filing.SERVICES.get(act.service, act.service)),
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
        "first": look_first(request, numbers, lists)
        if request.state not in FINAL
        else [],
        "numbers": numbers,
        "lists": lists,
        "groups": group_rows(request),
        "changed": any(not line.by_rules for line in queries.live_lines(request)),
        "waivers": waivers_shown(request, now=now),
        "tlds": ", ".join(f".{tld}" for tld in request.tlds),
        "incident": _incident(incident),
        "acts": acts,
        "parts": parts_shown(request),
        "evidence": list(request.evidence.select_related("file", "by")),
        "calls": calls(person, request),
        "call_heads": (said("When"), said("Contact"), said_in("of a telephone", "Number"), said("Outcome"), said("By")),
        "questions": list(request.questions.select_related("asked_by", "answered_by")),
        "notes": notes_shown(person, request),
        "privileged": has_privileged(person, request),
        "five": desk_case.moments(request, happened, now=now),
        "moment_heads": (said("Moment"), said("When"), said("Gross"), said("Net")),
        "deadline": desk_case.deadline(request),
        "over": over,
        "before": before(request),
        "open": [*asked, *advice_questions(request)],
        "history": [{"at": h.at, "words": joined(", ", (h.words, h.by))} for h in reversed(happened[-LATEST:])],
        "history_full": any(h.at.date() != now.date() for h in happened[-LATEST:]),
        "history_more": said("All {n} events", n=number(len(happened))) if len(happened) > LATEST else "",
        "history_href": reverse("desk-history", args=[request.reference]),
        "others": desk_case.links(offered, request),
    }
