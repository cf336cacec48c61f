"""Put a job into the caller's transaction; claim, finish and fail it from a worker."""

from __future__ import annotations

import secrets
from collections.abc import Callable, MutableMapping
from datetime import datetime, timedelta

from django.db import models

from ersr.jobs.models import Job

LEASE = timedelta(seconds=60)
MOST_TRIES = 8
#: kind -> function(subject). Rooms register theirs in their jobs.py.
KINDS: MutableMapping[str, Callable[[str], None]] = {}


def job(kind: str) -> Callable[[Callable[[str], None]], Callable[[str], None]]:
    def register(function: Callable[[str], None]) -> Callable[[str], None]:
        KINDS[kind] = function
        return function

    return register


def put(kind: str, subject: str, *, now: datetime, due_at: datetime | None = None) -> None:
    """Enqueues unless the same (kind, subject) is open already. The constraint decides, so that two callers at once are no
    error for either."""
    Job.objects.bulk_create(
        [Job(kind=kind, subject=subject, due_at=due_at or now, made_at=now)], ignore_conflicts=True
    )


def claim(now: datetime) -> Job | None:
    """One due job, leased to the caller, or None. Safe with many workers: the UPDATE repeats the condition."""
    abandoned = models.Q(state="running", leased_until__lt=now)
    # A job that takes its worker down never comes to `fail`: it stops here.
    Job.objects.filter(abandoned, tries__gte=MOST_TRIES).update(
        state="failed", leased_until=None, problem="its worker vanished every time"
    )
    due = models.Q(state="open", due_at__lte=now) | abandoned
    for found in Job.objects.filter(due).order_by("due_at")[:5]:
        lease = secrets.token_hex(16)
        taken = Job.objects.filter(due, pk=found.pk, lease=found.lease).update(
            state="running", lease=lease, leased_until=now + LEASE, tries=models.F("tries") + 1
        )
        if taken:
            return Job.objects.get(pk=found.pk)
    return None


def finish(done: Job) -> None:
    Job.objects.filter(pk=done.pk, lease=done.lease).update(state="done", problem="")


def fail(failed: Job, problem: str, *, now: datetime) -> None:
    """Back to the queue with a growing pause; after MOST_TRIES it stays `failed` and is shown to people."""
    over = failed.tries >= MOST_TRIES
    pause = timedelta(seconds=min(5 * 2**failed.tries, 900))
    Job.objects.filter(pk=failed.pk, lease=failed.lease).update(
        state="failed" if over else "open", problem=problem[:2000], due_at=now + pause, leased_until=None
    )
