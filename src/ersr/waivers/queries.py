from __future__ import annotations

from django.db.models import QuerySet

from ersr.core.errors import not_found
from ersr.people.models import Person
from ersr.requests.queries import requests_visible_to
from ersr.waivers.models import Waiver


def waivers_visible_to(person: Person) -> QuerySet[Waiver]:
    """Whoever sees the request sees its instruments."""
    return Waiver.objects.filter(request__in=requests_visible_to(person)).select_related(
        "request", "request__operator", "signed_by"
    )


def waiver_for(person: Person, reference: str) -> Waiver:
    found = waivers_visible_to(person).filter(reference=reference.upper()).first()
    if found is None:
        raise not_found()
    return found
