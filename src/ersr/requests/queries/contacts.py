"""Whom to call: numbers on file. Never for filers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ersr.parties.models import Contact
from ersr.parties.queries import NUMBER_MUST_STAND
from ersr.people.models import Person
from ersr.requests.models import Request
from ersr.requests.queries.seeing import require


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
