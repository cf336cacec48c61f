"""What every page shows: the duty line, the authority's name, who is signed in, whether this is a demonstration."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from ersr import clock
from ersr.core.errors import Refusal
from ersr.core.tongue import joined, said
from ersr.faces.web.language import offered
from ersr.parties.authority import authority
from ersr.people import passkeys
from ersr.people.models import Person

LABEL = said("Demonstration: made-up people and bodies. Nothing here binds anybody.")


def site(request: HttpRequest) -> dict[str, Any]:
    """Never raises over the authority file: error pages show the duty line as long as it can be read."""
    return {**about(), **_who(request), "languages": offered(request)}


def about() -> dict[str, Any]:
    """The part that needs no request: for the page that is shown when nothing else works."""
    try:
        known = authority()
    except Refusal:
        return {"site": {"duty_number": "", "short": "", "name": "", "label": "", "passkeys": False}, "now": clock.real()}
    return {
        "site": {
            "duty_number": known.duty_number,
            "short": known.short,
            "name": known.name,
            "demonstration": known.demonstration,
            "passkeys": passkeys.possible(),
            "label": LABEL if known.demonstration else "",
        },
        "now": clock.now(),
    }


def _who(request: HttpRequest) -> dict[str, Any]:
    """person, as whom, and in which zone times are read beside UTC."""
    person = getattr(request, "user", None)
    if not isinstance(person, Person) or not person.is_authenticated:
        return {"person": None, "person_as": "", "zone": "UTC"}
    if person.is_staff_member:
        roles = [role.words for role in sorted(person.roles) if role.value != "legal"]
        return {"person": person, "person_as": joined(", ", roles), "zone": person.zone}
    return {"person": person, "person_as": person.party.name, "zone": person.zone}
