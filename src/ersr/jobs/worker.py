"""The worker: sequences the ledger, publishes the hourly checkpoint and runs jobs, until it is told to stop."""

from __future__ import annotations

import signal
import time
from types import FrameType

import structlog
from django.db import OperationalError, close_old_connections

from ersr import clock
from ersr.jobs import queue
from ersr.ledger import sequence

log = structlog.get_logger()
PAUSE = 0.15  # seconds between looks when there is nothing to do


def run_one() -> bool:
    """Runs one due job; True if there was one. Anything that a job raises is told on its row and retried."""
    found = queue.claim(clock.real())
    if found is None:
        return False
    try:
        queue.KINDS[found.kind](found.subject)
    except Exception as problem:  # noqa: BLE001 - a job must never end the worker; the row tells what happened
        queue.fail(found, f"{type(problem).__name__}: {problem}", now=clock.real())
        log.warning("job failed", kind=found.kind, job=found.pk, problem=type(problem).__name__)
    else:
        queue.finish(found)
    return True


def run_forever() -> None:
    stopping = False

    def stop(_signal: int, _frame: FrameType | None) -> None:
        nonlocal stopping
        stopping = True

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    while not stopping:
        try:
            busy = sequence.run(clock.now()) > 0
            sequence.publish_hourly(clock.now())
            busy = run_one() or busy
        except OperationalError as problem:  # the database is away or locked: wait for it, say so
            log.warning("database unavailable", problem=str(problem))
            close_old_connections()
            time.sleep(1)
            continue
        if not busy:
            time.sleep(PAUSE)
