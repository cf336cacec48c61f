"""What was filed, by whom, and for what one may file."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Q, QuerySet

from ersr.core.errors import Refusal
from ersr.parties.models import Party, Tld
from ersr.people.models import Person
from ersr.requests.models import Draft, PartVersion, Request


def latest_parts(request: Request) -> dict[str, PartVersion]:
    """part -> its newest version."""
    return {row.part: row for row in request.parts.order_by("version")}


def current_acts(request: Request) -> list[Any]:
    """Acts that no correction has replaced."""
    return list(request.acts.filter(replaced_by__isnull=True))


def draft_of(person: Person) -> Draft | None:
    return Draft.objects.filter(person=person).first()


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


def earlier_of_operator(request: Request) -> QuerySet[Request]:
    return Request.objects.filter(operator=request.operator, received_at__lt=request.received_at).order_by(
        "-received_at"
    )


def yearly_counts(*, now: datetime, zone: ZoneInfo) -> list[tuple[int, int]]:
    """(year in authority time, requests received), newest first; only years that are over: a running count would tell."""
    this = now.astimezone(zone).year
    found = Counter(at.astimezone(zone).year for at in Request.objects.values_list("received_at", flat=True))
    return sorted(((year, count) for year, count in found.items() if year < this), reverse=True)
