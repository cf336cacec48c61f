"""One step of a request's life: lock the row, check permit and table, change, append the event. Shared by all verbs."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from ersr.core import lifecycle
from ersr.core.lifecycle import InstrumentFacts, LineFacts, LineState, Outcome, State
from ersr.ledger.append import append
from ersr.ledger.models import Event
from ersr.people.models import Person
from ersr.requests import queries
from ersr.requests.models import Request


def begin(reference: str, action: str, *, by: Person, authors: Collection[int] = ()) -> Request:
    """The locked request, if this person may do this in its present state. Call inside a transaction."""
    assert transaction.get_connection().in_atomic_block
    request = queries.request_for(by, reference, lock=True)
    queries.require(by, request, action, authors=authors)
    lifecycle.check(action, State(request.state), request.reference, staff=by.is_staff_member)
    return request


def end(
    request: Request,
    action: str,
    *,
    by: Person,
    now: datetime,
    to: State | None = None,
    facts: Mapping[str, Any] | None = None,
    event: str | None = None,
) -> Event:
    """Moves the request, if the table lets it, and appends the event that tells of it."""
    state = State(request.state)
    request.state = lifecycle.lands(action, state, to or state)
    request.save()
    return append(
        event or lifecycle.ACTIONS[action].event,
        subject=request.reference,
        by=by.email,
        now=now,
        facts={**(facts or {}), "state": request.state},
    )


def settled(request: Request) -> State:
    """What decided lines and signed instruments amount to. The waivers are read through the reverse relation: their room
    is above this one."""
    lines = [
        LineFacts(LineState(line.state), Outcome(line.outcome) if line.outcome else None)
        for line in request.lines.filter(dropped_at__isnull=True)
    ]
    instruments = [
        InstrumentFacts(served=w.service.exists(), acknowledged=hasattr(w, "acknowledgement"))
        for w in request.waivers.select_related("acknowledgement").prefetch_related("service")
    ]
    return lifecycle.settle(lines, instruments)
