"""The only way in. Called inside the action's transaction: the change and its evidence commit together or not at all."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import rfc8785
from django.db import transaction

from ersr.core.events import EVENTS
from ersr.core.terms import rfc3339
from ersr.ledger.models import Event, EventBody, Pending
from ersr.proof import tlog


def append(kind: str, *, subject: str, by: str, now: datetime, facts: Mapping[str, Any] | None = None) -> Event:
    """Appends one event. `by` is who acted (an e-mail address, or "system"); `facts` is plain JSON and may be confidential:
    only its salted hash goes into the tree."""
    if kind not in EVENTS:
        raise LookupError(f"unknown event kind {kind!r}: add it to core/events.py")
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError("append an event inside the action's transaction")
    record = rfc8785.dumps({"at": rfc3339(now), "by": by, "facts": dict(facts or {}), "kind": kind, "subject": subject})
    salt = secrets.token_bytes(32)
    event = Event.objects.create(kind=kind, subject=subject, at=now, commitment=tlog.entry(salt, record))
    EventBody.objects.create(event=event, salt=salt, record=record)
    Pending.objects.create(event=event)
    return event
