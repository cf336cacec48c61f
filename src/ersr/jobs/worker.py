"""The worker: one thread gives events their place in the ledger, two run jobs, short and long ones, until all are told to stop.

Three, because a mail server that does not answer must never hold up a receipt, nor a list that is looked through a mail. A
database that is away is waited for; any other exception is a defect: it is told, all threads end, and so does the process,
with exit code 1, for the supervisor to see.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from types import FrameType

import structlog
from django.db import InterfaceError, OperationalError, connection

from ersr import clock
from ersr.jobs import beat, queue
from ersr.jobs.models import Job
from ersr.ledger import sequence

log = structlog.get_logger()
#: Seconds between looks when there was nothing to do: a person waits for a receipt, nobody for a mail to leave.
LEDGER_PAUSE, JOBS_PAUSE = 0.15, 0.5
#: A filing that comes in goes before mails that go out; a job has what filings leave of the processor.
JOBS_NICE, LONG_NICE = 10, 15
#: Seconds to wait while the database is away.
AWAY_PAUSE = 1.0
#: Seconds that a running job is given to end when the worker is told to stop; after that its lease runs out.
LAST_WORDS = 30.0


@contextmanager
def _beating(held: Job) -> Iterator[None]:
    """Renews the lease while the job runs, from a thread of its own, so that only a worker that died loses it."""
    over = threading.Event()

    def beat() -> None:
        while not over.wait(queue.BEAT.total_seconds()):
            try:
                if not queue.keep(held, now=clock.real()):
                    log.warning("job was lost to another worker", kind=held.kind, job=held.pk)
                    break
            except (OperationalError, InterfaceError) as problem:
                _away(problem)
        connection.close()

    thread = threading.Thread(target=beat, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def run_one(*, long: bool | None = None) -> bool:
    """Runs one due job; True if there was one. Anything that a job raises is told on its row. `long`: as for queue.claim."""
    found = queue.claim(clock.real(), long=long)
    if found is None:
        return False
    try:
        with _beating(found):
            queue.KINDS[found.kind](found.subject)
    except Exception as problem:  # noqa: BLE001 - a job must never end the worker; the row tells what happened
        said, for_good = f"{type(problem).__name__}: {problem}", isinstance(problem, queue.GiveUp)
        queue.fail(found, said, now=clock.real(), for_good=for_good)
        log.warning("job failed", kind=found.kind, job=found.pk, problem=type(problem).__name__, for_good=for_good)
    else:
        queue.finish(found)
    return True


class Ledger:
    """The sequencer's step. A public checkpoint is looked for once an hour, not at every look."""

    def __init__(self) -> None:
        self.hour: datetime | None = None

    def __call__(self) -> bool:
        beat.beat()
        now = clock.now()
        moved = sequence.run(now)
        if (hour := now.replace(minute=0, second=0, microsecond=0)) != self.hour and sequence.publish_hourly(now):
            self.hour = hour
        return moved > 0


def _away(problem: Exception) -> None:
    """The database is away or locked. A connection that broke is dropped, so that the next look makes another."""
    log.warning("database unavailable", problem=type(problem).__name__)
    connection.close()


def repeat(step: Callable[[], bool], stopping: threading.Event, *, idle: float) -> None:
    """Does `step` again and again, with a pause whenever it had nothing to do, until told to stop."""
    while not stopping.is_set():
        try:
            busy = step()
        except (OperationalError, InterfaceError) as problem:
            _away(problem)
            stopping.wait(AWAY_PAUSE)
            continue
        if not busy:
            stopping.wait(idle)


def run_forever() -> None:
    """Returns when SIGTERM or SIGINT came and all threads have ended; exits with 1 when one of them broke."""
    stopping, broken = threading.Event(), threading.Event()

    def stop(_signal: int, _frame: FrameType | None) -> None:
        stopping.set()

    def loop(step: Callable[[], bool], idle: float, nice: int) -> None:
        try:
            thread = threading.get_native_id()  # Linux: a thread has a priority of its own
            os.setpriority(os.PRIO_PROCESS, thread, os.getpriority(os.PRIO_PROCESS, thread) + nice)
            repeat(step, stopping, idle=idle)
        except Exception:
            broken.set()
            log.exception("the worker ends", thread=threading.current_thread().name)
        finally:
            stopping.set()
            connection.close()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    threads = [
        threading.Thread(target=loop, name="ledger", args=(Ledger(), LEDGER_PAUSE, 0), daemon=True),
        threading.Thread(target=loop, name="jobs", args=(partial(run_one, long=False), JOBS_PAUSE, JOBS_NICE), daemon=True),
        threading.Thread(target=loop, name="long jobs", args=(partial(run_one, long=True), JOBS_PAUSE, LONG_NICE), daemon=True),
    ]
    for thread in threads:
        thread.start()
    while not stopping.wait(60):
        pass
    for thread in threads:
        thread.join(LAST_WORDS)
        if thread.is_alive():
            log.warning("the worker leaves a job unfinished; another takes it up", thread=thread.name)
    if broken.is_set():
        sys.exit(1)
