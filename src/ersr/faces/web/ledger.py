"""The ledger as a page: every event's kind, time and subject, its proof of inclusion, and a check on demand."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from ersr.core.errors import not_found
from ersr.core.events import EVENTS
from ersr.core.permits import office
from ersr.faces.web.desk import query_of
from ersr.faces.web.page import staff_only
from ersr.ledger import fsck, resume, sequence
from ersr.people.models import Person
from ersr.people.queries import events_visible_to, newest_checkpoint_for

PAGE = 50


@dataclass(frozen=True)
class Checked:
    """What fsck said, when it was asked."""

    problems: list[str]


@staff_only
def ledger(request: HttpRequest, person: Person) -> HttpResponse:
    """Kind, time and subject of every event; never its content. fsck runs when the auditor presses the button."""
    if not office("read_ledger", person.roles).allowed:
        raise not_found()
    checked = Checked(list(fsck.problems())) if request.method == "POST" else None
    kind, subject = request.GET.get("kind", ""), request.GET.get("q", "").strip()
    events = events_visible_to(person)
    rows = events.order_by("-pk")
    if kind in EVENTS:
        rows = rows.filter(kind=kind)
    if subject:
        rows = rows.filter(subject__iexact=subject)
    page = Paginator(rows, PAGE).get_page(request.GET.get("page"))
    last = newest_checkpoint_for(person)
    proof = None
    if wanted := request.GET.get("proof", ""):
        found = events.filter(pk=int(wanted), leaf__isnull=False).first() if re.fullmatch(r"[0-9]{1,18}", wanted) else None
        if found is None:
            raise not_found()
        proof = {"event": found, "leaf": found.leaf, "text": json.loads(sequence.receipt_for(found))["proof"]}
    return render(
        request,
        "office/ledger.html",
        {
            "place": "Desk",
            "page": page,
            "rows": [{"event": e, "words": EVENTS.get(e.kind, e.kind), "leaf": getattr(e, "leaf", None)} for e in page],
            "kinds": list(EVENTS),
            "kind": kind,
            "subject": subject,
            "last": last,
            "public": sequence.last_public(),
            "pending": events.filter(leaf__isnull=True).count(),
            "checked": checked,
            "query": query_of(kind=kind, q=subject),
            "post": request.path,
            "proof": proof,
            "ended": resume.ended(),
        },
    )
