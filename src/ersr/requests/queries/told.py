"""What happened and what was noted, as far as a person is told it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ersr.core.lifecycle import ACTIONS
from ersr.core.tongue import said_in
from ersr.ledger.append import append
from ersr.ledger.models import Event
from ersr.parties.authority import authority
from ersr.people.models import Person
from ersr.requests.models import Note, Request
from ersr.requests.queries.seeing import may, require

#: What the filer's history tells; the rest is the authority's own work.
TOLD_TO_FILER = frozenset(
    ACTIONS[a].event
    for a in (
        "submit", "add_part", "record_act", "add_list", "add_evidence", "answer", "withdraw", "acknowledge",
        "take", "ask", "confirm_lines", "sign", "serve", "conclude",
    )
) | {"call.attempted"}  # fmt: skip


#: Told to those who may read privileged notes: to everybody else nothing hints that there is one.
_PRIVILEGED = frozenset({ACTIONS["note_privileged"].event, "privileged.read"})


@dataclass(frozen=True)
class Happened:
    at: datetime
    kind: str
    words: str
    by: str
    state: str
    facts: dict[str, Any]


def history(person: Person, request: Request) -> list[Happened]:
    """What happened, oldest first, as far as this person is told it."""
    staff = person.is_staff_member
    hidden = frozenset() if may(person, request, "read_privileged").allowed else _PRIVILEGED
    told = {row.event: row.told for row in ACTIONS.values()} | {
        "call.attempted": said_in("history", "Called a number on file"),
        "call.words_drawn": said_in("history", "Drew new verification words"),
        "list.screened_again": said_in("history", "Asked that a list be held against the zones again"),
        "privileged.read": said_in("history", "Read a privileged note"),
        "request.advice_renewed": said_in("history", "The rules proposed lines anew"),
    }
    events = list(Event.objects.filter(subject=request.reference).select_related("body").order_by("at", "pk"))
    records = {e.pk: json.loads(bytes(e.body.record)) if hasattr(e, "body") else {"by": "", "facts": {}} for e in events}
    people = Person.objects.filter(email__in={record["by"] for record in records.values()})
    if not staff:  # of the authority's people the registry reads only the authority's name
        people = people.filter(party_id__in={request.operator_id, request.filing_party_id})
    names, short = {p.email: p.name for p in people}, authority().short
    numbers = may(person, request, "read_contacts").allowed
    found = []
    for event in events:
        if event.kind in hidden or (not staff and event.kind not in TOLD_TO_FILER):
            continue
        record = records[event.pk]
        facts = record["facts"]
        by = record["by"]
        if not staff:
            facts, by = {}, (said_in("history", "You") if by == person.email else names.get(by, short))
        else:
            by = names.get(by, said_in("history", "system") if by == "system" else by)
            if not numbers:
                facts = {k: v for k, v in facts.items() if k not in ("number", "contact")}
        found.append(
            Happened(
                event.at, event.kind, told.get(event.kind, event.kind), by, record["facts"].get("state", ""), facts
            )
        )
    return found


def notes(person: Person, request: Request) -> list[Note]:
    """The newest note of each discipline; never the privileged ones."""
    require(person, request, "read_desk")
    newest: dict[str, Note] = {}
    for note in request.notes.filter(privileged=False).select_related("by").order_by("version"):
        newest[note.discipline] = note
    return list(newest.values())


def privileged_notes(person: Person, request: Request, *, now: datetime) -> list[Note]:
    """For legal and the signatory; each read is an event. Call inside a transaction."""
    require(person, request, "read_privileged")
    found = list(request.notes.filter(privileged=True).select_related("by").order_by("-version"))
    if found:
        append(
            "privileged.read",
            subject=request.reference,
            by=person.email,
            now=now,
            facts={"notes": [note.pk for note in found]},
        )
    return found
