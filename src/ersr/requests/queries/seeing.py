"""Who sees which request, and what they are to it."""

from __future__ import annotations

from collections.abc import Collection

from django.db.models import Q, QuerySet, prefetch_related_objects

from ersr.core.errors import Refusal, not_found
from ersr.core.lifecycle import Role
from ersr.core.permits import PERMITS, Relation, Verdict, verdict
from ersr.people.models import Person
from ersr.people.queries import with_role
from ersr.requests.models import Request


def relations(person: Person, request: Request, *, authors: Collection[int] = ()) -> frozenset[Relation]:
    """What the person is to the request. `authors`: primary keys of those who proposed the decisions in question."""
    if not person.is_staff_member:
        own = person.party_id in (request.operator_id, request.filing_party_id)
        return frozenset({Relation.OWN if own else Relation.STRANGER})
    return relations_of_staff(holder=request.holder_id == person.pk, author=person.pk in authors)


def relations_of_staff(*, holder: bool, author: bool) -> frozenset[Relation]:
    ties = [tie for tie, has in ((Relation.HOLDER, holder), (Relation.AUTHOR, author)) if has]
    return frozenset(ties or [Relation.NONE])


def requests_visible_to(person: Person) -> QuerySet[Request]:
    rows = Request.objects.select_related("operator", "filed_by", "filing_party", "holder", "incident")
    if verdict("read", person.roles, {Relation.NONE}).allowed:
        return rows
    if Role.FILER in person.roles:
        return rows.filter(Q(operator_id=person.party_id) | Q(filing_party_id=person.party_id))
    return rows.none()


def request_for(person: Person, reference: str, *, lock: bool = False) -> Request:
    """The request, or the same refusal for "not yours" and "not there"."""
    rows = requests_visible_to(person).filter(reference=reference.upper())
    if lock:
        # Locked first, read afterwards: what is joined to a row that was waited for is as old as the wait (PostgreSQL), so that
        # a holder who came meanwhile would look like nobody.
        list(rows.select_related(None).order_by().select_for_update(of=("self",)).values_list("pk"))
    found = rows.first()
    if found is None:
        raise not_found()
    return found


def may(person: Person, request: Request, action: str, *, authors: Collection[int] = ()) -> Verdict:
    return verdict(action, person.roles, relations(person, request, authors=authors))


def who_can(request: Request, action: str, *, authors: Collection[int] = ()) -> list[Person]:
    """Everybody whom the permits let do this with this request, by name. For staff's eyes only."""
    needs = {Role.RESPONDER if role is Role.LEGAL else role for role in PERMITS[action]}
    people = with_role(*needs)
    prefetch_related_objects(people, "role_rows")
    return [person for person in people if may(person, request, action, authors=authors).allowed]


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
