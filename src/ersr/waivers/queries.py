from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet

from ersr.core.coverage import Coverage, Listing, covers
from ersr.core.errors import FieldError, invalid, not_found
from ersr.core.permits import Relation
from ersr.core.provisions import WaivableBy
from ersr.core.tongue import said
from ersr.lists import queries as lists_queries
from ersr.lists.models import ListVersion
from ersr.names import canonical
from ersr.people.models import Delegation, Person
from ersr.people.queries import delegation_for
from ersr.requests.models import Line
from ersr.requests.queries import relations, requests_visible_to, versions_told_to
from ersr.waivers.models import Waiver


def waivers_visible_to(person: Person) -> QuerySet[Waiver]:
    """Whoever sees the request sees its instruments."""
    return Waiver.objects.filter(request__in=requests_visible_to(person)).select_related(
        "request", "request__operator", "signed_by", "acknowledgement__by"
    ).prefetch_related("service")


def waiver_for(person: Person, reference: str) -> Waiver:
    found = waivers_visible_to(person).filter(reference=reference.upper()).first()
    if found is None:
        raise not_found()
    return found


@dataclass(frozen=True)
class Answer:
    """Whether the instrument covers a name, and why. `actions`: the granted ones that it covers for the name."""

    waiver: Waiver
    name: str
    tld: str
    coverage: Coverage
    actions: tuple[str, ...]
    listing: Listing | None


def covers_name(person: Person, reference: str, name: str, *, action: str = "", at: datetime) -> Answer:
    """Whether the instrument covers an act of this kind (without one: any that it grants) on this name at that moment.

    Whoever does not see the instrument is told what is told of one that is not there. A list may hold names of other registries:
    under a TLD that the instrument does not reach, the answer is the same whether the list has the name or not.
    """
    waiver = waiver_for(person, reference)
    terms = waiver.terms
    text, reason = canonical.to_ascii(name)
    if reason:
        raise invalid(FieldError("name", said("This is no name as lists have them")))
    tld = text.rpartition(".")[2]
    reached = any(tld in line.tlds for line in terms.lines)
    listing = _listing(person, waiver, text) if reached and terms.names is not None else None
    asked = [action] if action else list(dict.fromkeys(line.action for line in terms.lines))
    found = {one: covers(terms, acted_at=at, action=one, tld=tld, listing=listing) for one in asked}
    yes = tuple(one for one, coverage in found.items() if coverage.covered)
    under = [one for one in asked if any(one == line.action and tld in line.tlds for line in terms.lines)]
    return Answer(waiver, text, tld, found[(yes or under or asked)[0]], yes, listing)


def _listing(person: Person, waiver: Waiver, name: str) -> Listing:
    """From the version that was signed; of removals as much as the person is told of the list."""
    lists = Line.objects.filter(executed__waiver=waiver).values("name_list")
    signed = ListVersion.objects.filter(of__in=lists, content_digest=waiver.terms.names.of_records).select_related("of").first()
    assert signed is not None, "what was signed is kept"
    return lists_queries.listing(signed, versions_told_to(person, waiver.request, signed.of), name)


def list_key_for(person: Person, reference: str) -> tuple[Waiver, bytes]:
    """list-key.json of the instrument's list, for those whose list it is: the operator and who filed for it. For everybody else,
    and without a list, there is none."""
    waiver = waiver_for(person, reference)
    if not waiver.list_key or not holds(person, waiver):
        raise not_found()
    return waiver, waiver.list_key.encode()


def holds(person: Person, waiver: Waiver) -> bool:
    """Whether the instrument is the person's own side's."""
    return Relation.OWN in relations(person, waiver.request)


def covering(person: Person, instrument: str, lines: Sequence[Line], *, now: datetime) -> Delegation | None:
    """The one delegation of authority that covers the instrument for every agreement family of the lines, if there is one:
    the letter names it, so two that each cover a part do not do."""
    officer = any(line.waivable_by == WaivableBy.OFFICER for line in lines)
    families = sorted({line.agreement.family for line in lines})
    found = [delegation_for(person, instrument, family, now=now, officer=officer) for family in families]
    return next((d for d in found if d is not None and set(families) <= set(d.families.split())), None)
