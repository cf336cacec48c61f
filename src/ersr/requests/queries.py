"""What is read about requests, always on behalf of somebody. What you may not see answers like what is not there."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Q, QuerySet

from ersr.core import lifecycle, provisions
from ersr.core.errors import Refusal, not_found
from ersr.core.lifecycle import ACTIONS, FINAL, PRIMARY, LineState, Role, State
from ersr.core.permits import Relation, Verdict, verdict
from ersr.ledger.append import append
from ersr.ledger.models import Event
from ersr.parties.models import Contact, Party, Tld
from ersr.people.models import Person
from ersr.people.queries import with_role
from ersr.requests.models import Decision, Draft, Line, Note, PartVersion, ProvisionRow, Request

NUMBER_MUST_STAND = timedelta(days=30)


def relations(person: Person, request: Request, *, author: bool = False) -> frozenset[Relation]:
    """What the person is to the request. `author`: whether they proposed the decision in question."""
    if not person.is_staff_member:
        own = person.party_id in (request.operator_id, request.filing_party_id)
        return frozenset({Relation.OWN if own else Relation.STRANGER})
    found = set()
    if request.holder_id == person.pk:
        found.add(Relation.HOLDER)
    if author:
        found.add(Relation.AUTHOR)
    return frozenset(found or {Relation.NONE})


def requests_visible_to(person: Person) -> QuerySet[Request]:
    rows = Request.objects.select_related("operator", "filed_by", "filing_party", "holder", "incident")
    if verdict("read", person.roles, {Relation.NONE}).allowed:
        return rows
    if Role.FILER in person.roles:
        return rows.filter(Q(operator_id=person.party_id) | Q(filing_party_id=person.party_id))
    return rows.none()


def request_for(person: Person, reference: str, *, lock: bool = False) -> Request:
    """The request, or the same refusal for "not yours" and "not there"."""
    rows = requests_visible_to(person)
    if lock:
        rows = rows.select_for_update(of=("self",))
    found = rows.filter(reference=reference.upper()).first()
    if found is None:
        raise not_found()
    return found


def may(person: Person, request: Request, action: str, *, author: bool = False) -> Verdict:
    return verdict(action, person.roles, relations(person, request, author=author))


def require(person: Person, request: Request, action: str, *, author: bool = False) -> None:
    """Raises not_found, not_allowed or self_approval; staff are told who can."""
    said = may(person, request, action, author=author)
    if said.allowed:
        return
    if not said.visible:
        raise not_found()
    can: tuple[str, ...] = ()
    if person.is_staff_member:
        can = tuple(p.name for p in with_role(*said.needs) if p.pk != person.pk)
    self_made = author and "proposed" in said.why
    raise Refusal("self_approval" if self_made else "not_allowed", said.why, who_can=can)


@dataclass(frozen=True)
class Offered:
    """What somebody may do now with a request: the one primary action, and the others."""

    primary: lifecycle.Action | None
    others: tuple[lifecycle.Action, ...]


def offered(person: Person, request: Request) -> Offered:
    """From the life-cycle table and the permits; nothing else makes a button."""
    state = State(request.state)
    proposals = list(request.decisions.filter(state="proposed"))
    granted = [d for d in request.decisions.filter(state="approved") if d.outcome in ("granted", "granted_as_modified")]
    open_lines = request.lines.filter(dropped_at__isnull=True)
    unsigned = [
        line
        for line in open_lines
        if line.state == LineState.DECIDED and line.outcome in ("granted", "granted_as_modified")
    ]
    authored = {"approve": proposals, "sign": granted, "preview": granted, "send_back": granted}
    possible: dict[str, lifecycle.Action] = {}
    for row in ACTIONS.values():
        if row.name == "submit" or state not in row.origin:
            continue
        author = any(d.proposed_by_id == person.pk for d in authored.get(row.name, ()))
        if not may(person, request, row.name, author=author).allowed:
            continue
        if row.name in ("approve", "return_proposal") and not proposals:
            continue
        if row.name in ("preview", "sign", "send_back") and not unsigned:
            continue
        if row.name == "withdraw" and decided_in_part(request):
            continue
        if row.name == "conclude" and unsigned:
            continue
        if row.name == "serve" and not request.waivers.filter(service__isnull=True).exists():
            continue
        if row.name == "acknowledge" and not request.waivers.filter(acknowledgement__isnull=True).exists():
            continue
        if row.name == "propose" and not any(line.state == LineState.OPEN for line in open_lines):
            continue
        if row.name == "answer_hits" and not request.incident.lists.filter(hits__answer="").exists():
            continue
        possible[row.name] = row
    wanted: list[str] = []
    for role in sorted(
        person.roles, key=lambda r: list(PRIMARY.get(state, {})).index(r) if r in PRIMARY.get(state, {}) else 99
    ):
        wanted += PRIMARY.get(state, {}).get(role, ())
    primary = next((possible[name] for name in wanted if name in possible and not _done(person, request, name)), None)
    others = tuple(row for row in possible.values() if row is not primary)
    return Offered(primary, others)


def _done(person: Person, request: Request, action: str) -> bool:
    """Whether a primary action that can be repeated has had its turn, so that the next one is offered."""
    if action == "assess":
        return request.notes.filter(by=person, privileged=False).exists()
    if action == "take":
        return request.holder_id == person.pk
    if action == "preview":
        last = request.previews.order_by("-made_at").first()
        return last is not None and last.made_by_id == person.pk and not hasattr(last, "signed")
    return False


def latest_parts(request: Request) -> dict[str, PartVersion]:
    """part -> its newest version."""
    return {row.part: row for row in request.parts.order_by("version")}


def current_acts(request: Request) -> list[Any]:
    """Acts that no correction has replaced."""
    return list(request.acts.filter(replaced_by__isnull=True))


def draft_of(person: Person) -> Draft | None:
    return Draft.objects.filter(person=person).first()


def lines_told_to(person: Person, request: Request) -> list[Line]:
    """Staff see every line; a filer sees none before staff have confirmed them (docs/process.md)."""
    return live_lines(request) if person.is_staff_member or request.lines_confirmed_at else []


def outcome_told_to(person: Person, request: Request, line: Line) -> str:
    """A filer learns an outcome from an instrument or from the answer, never from work that is under way."""
    told = line.state == LineState.EXECUTED or State(request.state) in (State.EXECUTED, State.SERVED, State.CLOSED)
    return line.outcome if told or person.is_staff_member else ""


def yearly_counts(*, now: datetime, zone: ZoneInfo) -> list[tuple[int, int]]:
    """(year in authority time, requests received), newest first; only years that are over: a running count would tell."""
    this = now.astimezone(zone).year
    found = Counter(at.astimezone(zone).year for at in Request.objects.values_list("received_at", flat=True))
    return sorted(((year, count) for year, count in found.items() if year < this), reverse=True)


def live_lines(request: Request) -> list[Line]:
    return list(request.lines.filter(dropped_at__isnull=True).select_related("agreement", "name_list"))


def decided_in_part(request: Request) -> bool:
    """Whether a line has its decision, so that the request can no longer be taken back."""
    return request.lines.filter(state__in=(LineState.DECIDED, LineState.EXECUTED)).exists()


@dataclass(frozen=True)
class LineGroup:
    """Lines that are decided together: same action, provision, instrument, state and outcome."""

    action: str
    provision: str
    title: str
    lines: tuple[Line, ...]

    @property
    def first(self) -> Line:
        return self.lines[0]

    @property
    def tlds(self) -> tuple[str, ...]:
        return tuple(sorted({t for line in self.lines for t in line.tlds}))

    @property
    def numbers(self) -> str:
        return ", ".join(str(line.number) for line in self.lines)


def grouped(lines: Iterable[Line]) -> list[LineGroup]:
    groups: dict[tuple[Any, ...], list[Line]] = {}
    for line in lines:
        key = (line.action, line.provision, line.instrument, line.hint, line.state, line.outcome)
        groups.setdefault(key, []).append(line)
    return [LineGroup(k[0], k[1], v[0].provision_title, tuple(v)) for k, v in groups.items()]


def catalogue() -> tuple[provisions.Provision, ...]:
    """Seeds and the rows that staff added; the newest row of each provision counts."""
    added = tuple(
        provisions.parse_row(
            {**row.body, "row": row.version}, family=row.family, version=row.agreement_version, place=f"row {row.pk}"
        )
        for row in ProvisionRow.objects.all()
    )
    return provisions.newest((*provisions.load(), *added))


def find_operator(person: Person, text: str) -> Party:
    """The operator by key or name, if this person's party is it or acts as RSP for one of its TLDs."""
    for party in operators_for(person):
        if text.strip().lower() in (party.key.lower(), party.name.lower()):
            return party
    raise Refusal("invalid", "Choose an operator that you may file for")


def operators_for(person: Person) -> list[Party]:
    return list(
        Party.objects.filter(kind="registry_operator")
        .filter(Q(pk=person.party_id) | Q(agreements__tlds__rsp_id=person.party_id))
        .distinct()
    )


def tlds_for(person: Person, operator: Party) -> QuerySet[Tld]:
    """The operator's TLDs that this person may file for: all of the own ones; of others those that their party runs."""
    rows = Tld.objects.filter(agreement__operator=operator).select_related("agreement")
    return rows if person.party_id == operator.pk else rows.filter(rsp_id=person.party_id)


@dataclass(frozen=True)
class NumberOnFile:
    """A number and whether it may be called: it must have stood for 30 days."""

    pk: int
    contact: Contact
    number: str
    since: Any
    days: int
    may_be_called: bool
    claimed: bool


def numbers_to_call(person: Person, request: Request, *, now: datetime) -> list[NumberOnFile]:
    """Staff only: the operator's and, where it filed, the RSP's numbers on file, those that may be called first."""
    require(person, request, "read_contacts")
    rows = Contact.objects.filter(party_id__in={request.operator_id, request.filing_party_id}).prefetch_related(
        "numbers"
    )
    found = [
        NumberOnFile(
            n.pk,
            contact,
            n.number,
            n.since,
            (now.date() - n.since).days,
            now.date() - n.since >= NUMBER_MUST_STAND,
            n.number == request.number_claimed,
        )
        for contact in rows
        for n in contact.numbers.all()
    ]
    return sorted(found, key=lambda n: (not n.may_be_called, -n.days))


def claimed_is_on_file(request: Request) -> bool:
    return Contact.objects.filter(
        party_id__in={request.operator_id, request.filing_party_id}, numbers__number=request.number_claimed
    ).exists()


def filer_is_on_file(request: Request) -> bool:
    return Contact.objects.filter(party_id=request.operator_id, email__iexact=request.filed_by.email).exists()


#: What the filer's history tells; the rest is the authority's own work.
TOLD_TO_FILER = frozenset(
    ACTIONS[a].event
    for a in (
        "submit", "add_part", "record_act", "add_list", "add_evidence", "answer", "withdraw", "acknowledge",
        "take", "ask", "confirm_lines", "sign", "serve", "conclude",
    )
) | {"call.attempted"}  # fmt: skip


#: Told to those who may read privileged notes: to everybody else nothing hints that there is one.
_PRIVILEGED = frozenset({ACTIONS["note_privileged"].event, "privileged.read"})


@dataclass(frozen=True)
class Happened:
    at: datetime
    kind: str
    words: str
    by: str
    state: str
    facts: dict[str, Any]


def history(person: Person, request: Request) -> list[Happened]:
    """What happened, oldest first, as far as this person is told it."""
    staff = person.is_staff_member
    hidden = frozenset() if may(person, request, "read_privileged").allowed else _PRIVILEGED
    told = {row.event: row.told for row in ACTIONS.values()} | {
        "call.attempted": "Called a number on file",
        "privileged.read": "Read a privileged note",
        "request.advice_renewed": "The rules proposed lines anew",
        "waiver.downloaded": "Downloaded an instrument",
    }
    names = {p.email: p.name for p in Person.objects.filter(party__isnull=False)} if staff else {}
    found = []
    for event in Event.objects.filter(subject=request.reference).select_related("body").order_by("at", "pk"):
        if event.kind in hidden or (not staff and event.kind not in TOLD_TO_FILER):
            continue
        body = getattr(event, "body", None)
        record = json.loads(bytes(body.record)) if body else {"by": "", "facts": {}}
        facts = record["facts"]
        by = record["by"]
        if not staff:
            own = Person.objects.filter(email=by, party_id=person.party_id).first() if "@" in by else None
            facts, by = {}, ("You" if by == person.email else own.name if own else "ICANN")
        else:
            by = names.get(by, by)
        found.append(
            Happened(
                event.at, event.kind, told.get(event.kind, event.kind), by, record["facts"].get("state", ""), facts
            )
        )
    return found


def desk(person: Person, *, now: datetime) -> list[Request]:
    """The queue: the earlier of the deadline and the moment that cannot be undone comes first."""
    if not verdict("read_desk", person.roles, {Relation.NONE}).allowed:
        raise not_found()
    rows = list(requests_visible_to(person).exclude(state__in=[s.value for s in FINAL]))
    return sorted(rows, key=lambda r: (min(r.due_at, r.irreversible_at or r.due_at), r.pk))


def earlier_of_operator(request: Request) -> QuerySet[Request]:
    return Request.objects.filter(operator=request.operator, received_at__lt=request.received_at).order_by(
        "-received_at"
    )


def earlier_on_provisions(request: Request, ids: Sequence[str]) -> dict[str, dict[str, int]]:
    """provision -> outcome -> how many approved lines of other requests."""
    counts: dict[str, dict[str, int]] = {}
    rows = Line.objects.filter(provision__in=ids).exclude(request=request).exclude(outcome="")
    for provision, outcome in rows.values_list("provision", "outcome"):
        counts.setdefault(provision, {})[outcome] = counts.get(provision, {}).get(outcome, 0) + 1
    return counts


def notes(person: Person, request: Request) -> list[Note]:
    """The newest note of each discipline; never the privileged ones."""
    require(person, request, "read_desk")
    newest: dict[str, Note] = {}
    for note in request.notes.filter(privileged=False).select_related("by").order_by("version"):
        newest[note.discipline] = note
    return list(newest.values())


def privileged_notes(person: Person, request: Request, *, now: datetime) -> list[Note]:
    """For legal and the signatory; each read is an event. Call inside a transaction."""
    require(person, request, "read_privileged")
    found = list(request.notes.filter(privileged=True).select_related("by").order_by("-version"))
    if found:
        append(
            "privileged.read",
            subject=request.reference,
            by=person.email,
            now=now,
            facts={"notes": [note.pk for note in found]},
        )
    return found


def proposals(request: Request) -> list[Decision]:
    return list(request.decisions.select_related("proposed_by", "approved_by").prefetch_related("items__line"))
