"""What every page shows: the duty line, the authority's name, whether this is a demonstration."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from ersr import clock
from ersr.core.errors import Refusal
from ersr.parties.authority import authority


def site(request: HttpRequest) -> dict[str, Any]:
    """Never raises: error pages show the duty line too, as long as the authority file can be read."""
    try:
        known = authority()
    except Refusal:
        return {"site": {"duty_number": "", "short": "", "demonstration": False}, "now": clock.real()}
    return {
        "site": {
            "duty_number": known.duty_number,
            "short": known.short,
            "name": known.name,
            "demonstration": known.demonstration,
        },
        "now": clock.now(),
    }
