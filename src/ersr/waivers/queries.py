from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db.models import QuerySet

from ersr.core.errors import not_found
from ersr.core.provisions import WaivableBy
from ersr.people.models import Delegation, Person
from ersr.people.queries import delegation_for
from ersr.requests.models import Line
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


def covering(person: Person, instrument: str, lines: Sequence[Line], *, now: datetime) -> Delegation | None:
    """The one delegation of authority that covers the instrument for every agreement family of the lines, if there is one:
    the letter names it, so two that each cover a part do not do."""
    officer = any(line.waivable_by == WaivableBy.OFFICER for line in lines)
    families = sorted({line.agreement.family for line in lines})
    found = [delegation_for(person, instrument, family, now=now, officer=officer) for family in families]
    return next((d for d in found if d is not None and set(families) <= set(d.families.split())), None)
