"""What can go wrong under a service that was set up well: disk, clock, files, keys, worker. Looks, and repairs nothing.

Three grades. "stops": going on would do harm, so `serve` and `work` refuse to start. "fails": something is broken that the rest
can do without, so the service starts, `ersr-service check` ends with 1 and /ready answers 503. "warns": soon.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Literal

from django.conf import settings
from django.db import connection

from ersr import clock
from ersr.core.say import say
from ersr.files import room, store
from ersr.jobs import beat, queue
from ersr.jobs.models import Job
from ersr.ledger import sequence
from ersr.ledger.models import Checkpoint, Event, Pending
from ersr.lists import zones

SOON = timedelta(days=30)
#: The worker takes a second; a mail server that is away is given longer.
WAITS, OUTBOX_WAITS = timedelta(seconds=60), timedelta(minutes=15)
MOST = 5  # sentences about files


@dataclass(frozen=True)
class Fault:
    """`words` are for the operator; `outside` may be read by anybody, so there is no number, no name and no path in it."""

    check: str
    grade: Literal["stops", "fails", "warns"]
    words: str
    outside: str


def standing() -> Iterator[Fault]:
    """What can be seen before anything runs. The database must answer and be migrated, the keys must load."""
    yield from _room()
    yield from _clock()
    yield from _files()
    yield from _keys()
    yield from (Fault("zones", "warns", words, "a zone file cannot be read") for words in itertools.islice(zones.problems(), MOST))


def running() -> Iterator[Fault]:
    """What only shows while the service runs."""
    if beat.late():
        yield Fault(
            "worker",
            "fails",
            "no worker was seen for two minutes: start `ersr-service work`.",
            "no worker was seen lately",
        )
    oldest = Pending.objects.order_by("pk").select_related("event").first()
    if oldest is not None and clock.now() - oldest.event.at > WAITS:
        yield Fault(
            "ledger",
            "fails",
            f"event {oldest.event_id} waits for its place since {say(oldest.event.at)}.",
            "events wait too long",
        )
    # Long jobs wait for one another: a list with many zones takes its time.
    if Job.objects.filter(state__in=("open", "running"), due_at__lt=clock.real() - OUTBOX_WAITS).exclude(kind__in=queue.LONG).exists():
        yield Fault("outbox", "fails", "mail or another job is overdue by more than 15 minutes.", "mail waits too long")


def _room() -> Iterator[Fault]:
    places = {Path(settings.ERSR_HOME)}
    if connection.vendor == "sqlite":
        places.add(Path(str(connection.settings_dict["NAME"])).parent)
    for place in sorted(places):
        free = room.free(place)
        if free < room.LOW:
            grade: Literal["stops", "warns"] = "stops" if free < room.NONE else "warns"
            yield Fault(
                "room",
                grade,
                f"{place} has {free // 2**20} MB left: make room.",
                "there is little room left on the disk",
            )


def _clock() -> Iterator[Fault]:
    """Events are numbered as they come, so the newest is found without a search."""
    newest = [model.objects.order_by("-pk").values_list("at", flat=True).first() for model in (Event, Checkpoint)]
    latest = max((at for at in newest if at is not None), default=None)
    now = clock.now()
    if latest is not None and now < latest - sequence.CLOCK_STEP:
        words = f"the clock says {say(now)}, and the ledger was written to at {say(latest)}: the clock was put back. Set it right."
        yield Fault("clock", "stops", words, "the clock is behind the ledger")


def _files() -> Iterator[Fault]:
    for words in itertools.islice(store.lacking(), MOST):
        yield Fault("files", "fails", words, "a stored file is missing or was altered")


def _keys() -> Iterator[Fault]:
    keys, now = sequence.installed_keys(), clock.now()
    mine = (keys.signer.kid, keys.checkpoint_signer.kid)
    wanted = {f"key:{kid[:40]}" for kid in mine}
    introduced = Event.objects.filter(subject__in=wanted).values("subject").distinct().count()
    # By subject, which is indexed; the whole ledger is looked through only when something is wrong.
    if introduced < len(wanted) and Event.objects.filter(kind__startswith="key.").exists():
        words = (
            f"the keys in {settings.ERSR_KEYS} were never introduced in this ledger: they are another installation's."
        )
        yield Fault("keys", "stops", words, "the keys are not this ledger's")
    for key in keys.key_set().all:
        if key.kid in mine and not key.valid_from <= now < key.valid_until:
            words = f"the key {key.kid} is valid from {say(key.valid_from)} until {say(key.valid_until)} only: make new ones."
            yield Fault("keys", "fails", words, "a key is out of its time")
        elif key.kid in mine and now + SOON > key.valid_until:
            yield Fault("keys", "warns", f"the key {key.kid} ends at {say(key.valid_until)}.", "a key ends soon")
