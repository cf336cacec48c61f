"""Erasure: the body of one event goes, its leaf stays and the tree still verifies."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from ersr.core.errors import Refusal, not_found
from ersr.ledger.append import append
from ersr.ledger.models import Event, EventBody, Redaction


def redact(event_id: int, *, by: str, reason: str, now: datetime) -> None:
    with transaction.atomic():
        event = Event.objects.filter(pk=event_id).first()
        if event is None:
            raise not_found()
        if not reason.strip():
            raise Refusal("invalid", "Say why the body is erased: the reason stays on record.")
        if Redaction.objects.filter(event=event).exists():
            raise Refusal("already", f"The body of event {event_id} was erased before.")
        Redaction.objects.create(event=event, reason=reason, by=by, at=now)
        EventBody.objects.filter(event=event).delete()
        append("ledger.redacted", subject=event.subject, by=by, now=now, facts={"event": event_id, "reason": reason})
