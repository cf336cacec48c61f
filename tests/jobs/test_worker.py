"""The worker's loop: sequences, publishes, sends, and waits out a database that is away."""

from __future__ import annotations

import os
import signal
import threading

import pytest
from django.db import OperationalError

from ersr import clock
from ersr.jobs import queue, worker
from ersr.jobs.models import Job
from ersr.ledger import fsck, sequence
from ersr.ledger.models import Checkpoint, Pending
from tests import world as worlds

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _signals() -> object:
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def test_it_works_until_it_is_told_to_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    """The database stumbles once; afterwards everything is sequenced, published, run, and SIGTERM ends the loop."""
    worlds.build()
    done: list[str] = []
    monkeypatch.setitem(queue.KINDS, "mail", done.append)
    queue.put("mail", "x", now=clock.real())
    real, calls = sequence.run, []

    def stumbling(now: object) -> int:
        calls.append(now)
        if len(calls) == 1:
            raise OperationalError("database is locked")
        if len(calls) == 6:
            os.kill(os.getpid(), signal.SIGTERM)
        return real(now)  # type: ignore[arg-type]

    monkeypatch.setattr(sequence, "run", stumbling)
    monkeypatch.setattr(worker, "close_old_connections", lambda: None)
    monkeypatch.setattr(worker.time, "sleep", lambda _: None)
    watchdog = threading.Timer(20, os.kill, (os.getpid(), signal.SIGTERM))
    watchdog.start()
    worker.run_forever()
    watchdog.cancel()
    assert len(calls) == 6
    assert not Pending.objects.exists()
    assert Checkpoint.objects.filter(public=True).count() == 1
    assert done == ["x"]
    assert Job.objects.get().state == "done"
    assert list(fsck.problems()) == []
