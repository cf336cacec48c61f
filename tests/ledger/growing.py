"""Events for the ledger's tests, and statements past the ORM."""

from __future__ import annotations

from datetime import UTC, datetime

from django.db import DatabaseError, connection, transaction

from ersr.ledger import sequence
from ersr.ledger.append import append
from ersr.ledger.models import Event, Pending
from ersr.proof import tlog

NOW = datetime(2026, 11, 16, 9, 30, tzinfo=UTC)


def event(number: int = 0) -> Event:
    with transaction.atomic():
        return append("notification.read", subject=f"notification:{number}", by="system", now=NOW, facts={"n": number})


def events(count: int) -> list[Event]:
    return [event(number) for number in range(count)]


def bare_events(count: int) -> None:
    """Many pending events at once, without bodies: fast, for tests that are about the tree and not about fsck."""
    rows = Event.objects.bulk_create(
        (
            Event(kind="notification.read", subject=f"n:{n}", at=NOW, commitment=tlog.entry(bytes(32), b"%d" % n))
            for n in range(count)
        ),
        batch_size=5000,
    )
    Pending.objects.bulk_create((Pending(event=row) for row in rows), batch_size=5000)


def sequence_all(now: datetime = NOW) -> int:
    rounds = 0
    while sequence.run(now):
        rounds += 1
    return rounds


def refused(sql: str, *values: object) -> str:
    """What the database says to a statement that it must refuse; an AssertionError if it takes it."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(sql, values)
    except DatabaseError as problem:
        return str(problem)
    raise AssertionError(f"the database took {sql}")
