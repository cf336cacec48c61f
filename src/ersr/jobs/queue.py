"""Put a job into the caller's transaction; claim, keep, finish and fail it from a worker."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, MutableMapping
from datetime import datetime, timedelta

from django.db import models

from ersr.jobs.models import Job

#: How long a job is its worker's; a worker that lives renews it every BEAT.
LEASE, BEAT = timedelta(seconds=20), timedelta(seconds=5)
#: A job that fails is tried again, after pauses that double up to LONGEST_PAUSE, until it is LASTS old.
FIRST_PAUSE, LONGEST_PAUSE, LASTS = timedelta(seconds=10), timedelta(hours=1), timedelta(days=2)
#: A job that takes its worker down never comes to `fail`: after so many it is let go.
MOST_VANISHED = 4
#: kind -> function(subject). Rooms register theirs in their jobs.py.
KINDS: MutableMapping[str, Callable[[str], None]] = {}
#: Kinds that take seconds or minutes: the worker has a thread for them, so that no mail waits behind one.
LONG: set[str] = set()
#: kind -> function(subject, problem), called when a job of that kind stays failed, also if it took all its workers down.
GIVEN_UP: MutableMapping[str, Callable[[str, str], None]] = {}

_OPEN = models.Q(state__in=("open", "running"))


class GiveUp(Exception):
    """A job raises it where trying again cannot help; the words say why."""


def job(
    kind: str, *, long: bool = False, given_up: Callable[[str, str], None] | None = None
) -> Callable[[Callable[[str], None]], Callable[[str], None]]:
    def register(function: Callable[[str], None]) -> Callable[[str], None]:
        KINDS[kind] = function
        if long:
            LONG.add(kind)
        if given_up is not None:
            GIVEN_UP[kind] = given_up
        return function

    return register


def put(kind: str, subject: str, *, now: datetime, due_at: datetime | None = None) -> None:
    """Enqueues unless the same (kind, subject) is open already. The constraint decides, so that two callers at once are no
    error for either."""
    put_all(kind, [subject], now=now, due_at=due_at)


def put_all(kind: str, subjects: Iterable[str], *, now: datetime, due_at: datetime | None = None) -> None:
    """The same for many, in one statement."""
    rows = [Job(kind=kind, subject=subject, due_at=due_at or now, made_at=now) for subject in subjects]
    Job.objects.bulk_create(rows, ignore_conflicts=True)


def hurry(kind: str, subject: str, *, now: datetime) -> bool:
    """Makes a job due now: one that waits for its next try, or a new one where none is open. False if it is due or running."""
    waiting = Job.objects.filter(kind=kind, subject=subject, state="open")
    if waiting.filter(due_at__gt=now).update(due_at=now, made_at=now, tries=0):
        return True
    if Job.objects.filter(_OPEN, kind=kind, subject=subject).exists():
        return False
    put(kind, subject, now=now)
    return True


def is_open(kind: str, subject: str) -> bool:
    """Whether somebody will try it, now or later."""
    return Job.objects.filter(_OPEN, kind=kind, subject=subject).exists()


def next_try(kind: str, subject: models.Expression) -> models.Subquery:
    """For queries: when the open job of that kind and subject is due next; NULL if nobody will try any more."""
    return models.Subquery(Job.objects.filter(_OPEN, kind=kind, subject=subject).values("due_at")[:1])


def claim(now: datetime, *, long: bool | None = None) -> Job | None:
    """One due job, leased to the caller, or None. Safe with many workers: the UPDATE repeats the condition, and a look that
    finds nothing writes nothing. `long`: only kinds that are, or are not, LONG."""
    due = models.Q(state="open", due_at__lte=now) | models.Q(state="running", leased_until__lt=now)
    kinds = models.Q() if long is None else models.Q(kind__in=LONG) if long else ~models.Q(kind__in=LONG)
    for found in Job.objects.filter(due, kinds).order_by("due_at", "pk")[:5]:
        abandoned = found.state == "running"
        as_found = Job.objects.filter(due, pk=found.pk, lease=found.lease, state=found.state)
        if abandoned and found.vanished + 1 >= MOST_VANISHED:
            words = "its worker vanished every time"
            if as_found.update(state="failed", leased_until=None, problem=words):
                _tell_given_up(found, words)
            continue
        lease = secrets.token_hex(16)
        if as_found.update(
            state="running",
            lease=lease,
            leased_until=now + LEASE,
            tries=models.F("tries") + 1,
            vanished=found.vanished + 1 if abandoned else 0,
        ):
            return Job.objects.get(pk=found.pk)
    return None


def _mine(held: Job) -> models.QuerySet[Job]:
    return Job.objects.filter(pk=held.pk, lease=held.lease, state="running")


def keep(held: Job, *, now: datetime) -> bool:
    """The heartbeat: renews the lease; False if another worker has the job by now."""
    return _mine(held).update(leased_until=now + LEASE) > 0


def finish(done: Job) -> None:
    _mine(done).update(state="done", problem="", leased_until=None)


def pause(tries: int) -> timedelta:
    """How long to wait after so many tries."""
    return min(FIRST_PAUSE * 2 ** (min(tries, 20) - 1), LONGEST_PAUSE)


def fail(failed: Job, problem: str, *, now: datetime, for_good: bool = False) -> None:
    """Back to the queue with a growing pause; `for_good`, or when it is too old, it stays `failed` and is shown to people."""
    again_at = now + pause(failed.tries)
    over = for_good or again_at > failed.made_at + LASTS
    state = "failed" if over else "open"
    if _mine(failed).update(state=state, problem=problem[:2000], due_at=again_at, leased_until=None) and over:
        _tell_given_up(failed, problem)


def _tell_given_up(job: Job, problem: str) -> None:
    if tell := GIVEN_UP.get(job.kind):
        tell(job.subject, problem)
