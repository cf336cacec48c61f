"""Many requests at once: one is played to each state through the actions, then copied row by row.

A copy is whole: its own incident, reference, parts, acts, lines, decisions, instruments, notifications, and its own events
with their own salts, which the sequencer takes like any others, so that `fsck` finds the ledger whole. What a copy does not
have: files of its own (it names those of the request that it was copied from, so that its signed letter bears that one's
reference), jobs (no mail is sent), and a deadline reckoned anew (all its times are shifted alike; those inside an event's
facts are not).
"""

from __future__ import annotations

import json
import random
import secrets
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

import rfc8785
from django.db import models, transaction

from ersr.core import references
from ersr.core.lifecycle import State
from ersr.core.terms import rfc3339
from ersr.incidents.models import Incident
from ersr.ledger.models import Event, EventBody, Pending
from ersr.lists.models import Hit, ListVersion, NameList
from ersr.notifications.models import Notification
from ersr.proof import tlog
from ersr.requests import models as requests
from ersr.requests.models import Request
from ersr.waivers import models as waivers
from tests.requests.steps import Case
from tests.world import World

Change = Callable[[Any, Any, int], None]  # (row, its copy, number of the copy)
#: Copies made of every state at a time.
BATCH = 50
#: model -> how its rows hang on the requests that are copied. In an order in which each finds what it points to.
HANGS = {
    Incident: "requests",
    NameList: "incident__requests",
    ListVersion: "of__incident__requests",
    Hit: "of__incident__requests",
    Request: "pk",
    requests.PartVersion: "request",
    requests.Act: "request",
    requests.Line: "request",
    requests.LineChange: "line__request",
    requests.CallAttempt: "request",
    requests.Question: "request",
    requests.Note: "request",
    requests.Decision: "request",
    requests.DecisionLine: "decision__request",
    waivers.Preview: "request",
    waivers.Waiver: "request",
    waivers.WaiverLine: "waiver__request",
    waivers.ServiceRecord: "waiver__request",
    waivers.Acknowledgement: "waiver__request",
}


class Crowd:
    """A world with as many requests as are asked for, in all eleven states by turns."""

    def __init__(self, world: World) -> None:
        self.world, self.draw = world, random.Random(2009)
        self.played = [Case(world).file().to(state).request for state in State]

    def fill(self, count: int) -> None:
        """Brings the world to at least `count` requests; nothing stays pending."""
        taken = set(Request.objects.values_list("reference", flat=True))
        wanted = count - Request.objects.count()
        while wanted > 0:
            each = min(BATCH, -(-wanted // len(self.played)))
            with transaction.atomic():
                _copy(self.world, self.played, each, self.draw, taken)
            wanted -= each * len(self.played)
        self.world.sequence()


class _Copies:
    """Copies of one batch: where each row went, and what each copy is called."""

    def __init__(self, each: int, draw: random.Random, known: Iterable[str], taken: set[str]) -> None:
        self.each = each
        self.went: dict[tuple[type[models.Model], Any], list[Any]] = {}
        self.shifts = [-timedelta(minutes=draw.randrange(4 * 24 * 60)) for _ in range(each)]
        self.names = {old: [_fresh(old, draw, taken) for _ in range(each)] for old in known}

    def rename(self, text: str, copy: int) -> str:
        for old, new in self.names.items():
            text = text.replace(old, new[copy])
        return text

    def make(self, rows: Iterable[models.Model], change: Change = lambda *_: None) -> None:
        rows = list(rows)
        if not rows:
            return
        model = type(rows[0])
        made = [self._one(row, copy, change) for row in rows for copy in range(self.each)]
        model._default_manager.bulk_create(made, batch_size=500)
        for place, row in enumerate(rows):
            self.went[model, row.pk] = [one.pk for one in made[place * self.each : (place + 1) * self.each]]

    def _one(self, row: models.Model, copy: int, change: Change) -> models.Model:
        values = {}
        for field in row._meta.concrete_fields:
            value = getattr(row, field.attname)
            if field.is_relation:
                value = self.went.get((field.related_model, value), {copy: value})[copy]
            elif field.primary_key:
                continue
            elif isinstance(value, datetime):
                value += self.shifts[copy]
            elif isinstance(value, str):
                value = self.rename(value, copy)
            values[field.attname] = value
        made = type(row)(**values)
        change(row, made, copy)
        return made


def _fresh(reference: str, draw: random.Random, taken: set[str]) -> str:
    """A reference of the same prefix and year that is not taken; it is from now on."""
    prefix, year, _ = references.parse(reference)
    while (found := references.make(prefix, year, draw.choice(references.NUMBERS))) in taken:
        pass
    taken.add(found)
    return found


def _copy(world: World, played: list[Request], each: int, draw: random.Random, taken: set[str]) -> None:
    refs = [one.reference for one in played]
    signed = list(waivers.Waiver.objects.filter(request__in=played).values_list("reference", flat=True))
    copies = _Copies(each, draw, [*refs, *signed], taken)
    bodies: list[EventBody] = []

    def commit(event: Event, made: Event, copy: int) -> None:
        """A copy's evidence is evidence of the copy: its reference, its time, a salt of its own."""
        told = json.loads(copies.rename(bytes(event.body.record).decode(), copy)) | {"at": rfc3339(made.at)}
        body = EventBody(event=made, salt=secrets.token_bytes(32), record=rfc8785.dumps(told))
        made.commitment = tlog.entry(body.salt, body.record)
        bodies.append(body)

    def differ(_row: Any, made: Any, _copy: int) -> None:
        if isinstance(made, Request):
            made.once = f"copy:{secrets.token_hex(12)}"
            if made.holder_id and draw.random() < 0.5:
                made.holder = world.second
        if isinstance(made, Notification):
            made.key, made.state, made.sent_at = f"copy:{secrets.token_hex(12)}", "sent", made.queued_at

    copies.make(Event.objects.filter(subject__in=refs).select_related("body").order_by("pk"), commit)
    for body in bodies:
        body.event_id = body.event.pk
    EventBody.objects.bulk_create(bodies, batch_size=500)
    Pending.objects.bulk_create([Pending(event_id=body.event_id) for body in bodies], batch_size=500)
    for model, path in HANGS.items():
        rows = model._default_manager.filter(**{f"{path}__in": [one.pk for one in played]})
        copies.make(rows.distinct().order_by("pk"), differ)
    copies.make(Notification.objects.filter(reference__in=refs).order_by("pk"), differ)
