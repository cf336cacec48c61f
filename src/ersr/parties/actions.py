"""What changes parties: the authority's own row, and imports."""

from __future__ import annotations

from ersr.parties.authority import Authority
from ersr.parties.models import Party


def enter_authority(known: Authority) -> Party:
    row, _ = Party.objects.update_or_create(
        kind="authority",
        defaults={"key": known.key, "name": known.name, "address": known.address, "jurisdiction": known.jurisdiction},
    )
    return row
