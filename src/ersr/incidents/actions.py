"""What changes an incident."""

from __future__ import annotations

from datetime import datetime

from ersr.incidents.models import Incident


def open_incident(*, now: datetime) -> Incident:
    return Incident.objects.create(made_at=now)


def describe(incident: Incident, *, category: str, presence: str, began_at: datetime | None) -> None:
    Incident.objects.filter(pk=incident.pk).update(category=category, presence=presence, began_at=began_at)
    incident.category, incident.presence, incident.began_at = category, presence, began_at
