"""What was filed, by whom, and for what one may file."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Count, Q, QuerySet
from django.db.models.functions import ExtractYear

from ersr.core.errors import Refusal
from ersr.core.lifecycle import State
from ersr.core.tongue import said
from ersr.parties.models import Party, Tld
from ersr.people.models import Person
from ersr.requests.models import Draft, PartVersion, Request


def latest_parts(request: Request) -> dict[str, PartVersion]:
    """part -> its newest version."""
    return {row.part: row for row in request.parts.order_by("version")}


def current_acts(request: Request) -> list[Any]:
    """Acts that no correction has replaced."""
    acts = list(request.acts.all())  # read before for a page of many requests
    replaced = {act.replaces_id for act in acts}
    return [act for act in acts if act.pk not in replaced]


def draft_of(person: Person) -> Draft | None:
    return Draft.objects.filter(person=person).first()


def find_operator(person: Person, text: str) -> Party:
    """The operator by key or name, if this person's party is it or acts as RSP for one of its TLDs."""
    for party in operators_for(person):
        if text.strip().lower() in (party.key.lower(), party.name.lower()):
            return party
    raise Refusal("invalid", said("Choose an operator that you may file for"))


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
    return Request.objects.filter(operator=request.operator_id, received_at__lt=request.received_at).order_by(
        "-received_at"
    )


def earlier_states(request: Request) -> dict[State, int]:
    """state -> how many earlier requests of the operator are in it."""
    rows = earlier_of_operator(request).order_by().values_list("state").annotate(Count("pk"))
    return {State(state): count for state, count in rows}


def yearly_counts(*, now: datetime, zone: ZoneInfo) -> list[tuple[int, int]]:
    """(year in authority time, requests received), newest first; only years that are over: a running count would tell."""
    rows = Request.objects.order_by().values_list(ExtractYear("received_at", tzinfo=zone)).annotate(Count("pk"))
    return sorted(((year, count) for year, count in rows if year < now.astimezone(zone).year), reverse=True)
