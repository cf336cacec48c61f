"""Who sees which request, and what they may do with it now."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q, QuerySet

from ersr.core import lifecycle
from ersr.core.errors import Refusal, not_found
from ersr.core.lifecycle import ACTIONS, FINAL, PRIMARY, LineState, Role, State
from ersr.core.permits import PERMITS, Relation, Verdict, verdict
from ersr.people.models import Person
from ersr.people.queries import with_role
from ersr.requests.models import Request
from ersr.requests.queries.lines import decided_in_part


def relations(person: Person, request: Request, *, authors: Collection[int] = ()) -> frozenset[Relation]:
    """What the person is to the request. `authors`: primary keys of those who proposed the decisions in question."""
    if not person.is_staff_member:
        own = person.party_id in (request.operator_id, request.filing_party_id)
        return frozenset({Relation.OWN if own else Relation.STRANGER})
    found = set()
    if request.holder_id == person.pk:
        found.add(Relation.HOLDER)
    if person.pk in authors:
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


def may(person: Person, request: Request, action: str, *, authors: Collection[int] = ()) -> Verdict:
    return verdict(action, person.roles, relations(person, request, authors=authors))


def who_can(request: Request, action: str, *, authors: Collection[int] = ()) -> list[Person]:
    """Everybody whom the permits let do this with this request, by name. For staff's eyes only."""
    needs = {Role.RESPONDER if role is Role.LEGAL else role for role in PERMITS[action]}
    return [person for person in with_role(*needs) if may(person, request, action, authors=authors).allowed]


def require(person: Person, request: Request, action: str, *, authors: Collection[int] = ()) -> None:
    """Raises not_found, not_allowed or self_approval; staff are told who can."""
    said = may(person, request, action, authors=authors)
    if said.allowed:
        return
    if not said.visible:
        raise not_found()
    can: tuple[str, ...] = ()
    if person.is_staff_member:
        can = tuple(p.name for p in who_can(request, action, authors=authors))
    self_made = person.pk in authors and "proposed" in said.why
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
        authors = {d.proposed_by_id for d in authored.get(row.name, ())}
        if not may(person, request, row.name, authors=authors).allowed:
            continue
        if row.name in ("approve", "return_proposal") and not proposals:
            continue
        if row.name in ("preview", "sign", "send_back") and not unsigned:
            continue
        if row.name == "withdraw" and decided_in_part(request):
            continue
        if row.name == "conclude" and unsigned:
            continue
        if row.name == "serve" and not request.waivers.exists():
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


def desk(person: Person, *, now: datetime) -> list[Request]:
    """The queue: the earlier of the deadline and the moment that cannot be undone comes first."""
    if not verdict("read_desk", person.roles, {Relation.NONE}).allowed:
        raise not_found()
    rows = list(requests_visible_to(person).exclude(state__in=[s.value for s in FINAL]))
    return sorted(rows, key=lambda r: (min(r.due_at, r.irreversible_at or r.due_at), r.pk))
