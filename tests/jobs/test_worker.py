"""The worker's two loops: neither waits for the other, a database that is away is waited for, a defect ends the process."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db import InterfaceError, OperationalError

from ersr import clock
from ersr.jobs import queue, worker
from ersr.jobs.models import Job
from ersr.ledger import fsck
from ersr.ledger.models import Checkpoint, Pending
from tests import world as worlds


@pytest.fixture(autouse=True)
def _signals() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def until(true: object, seconds: float = 20) -> bool:
    end = time.monotonic() + seconds
    while not (came := true()) and time.monotonic() < end:  # type: ignore[operator]
        time.sleep(0.02)
    return bool(came)


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_no_receipt_waits_for_a_mail(monkeypatch: pytest.MonkeyPatch) -> None:
    """While a job hangs, events get their place and the hour its checkpoint; SIGTERM lets the job end, and ends the worker."""
    worlds.build()
    started, go_on, told = threading.Event(), threading.Event(), {}

    def slow(_subject: str) -> None:
        started.set()
        assert go_on.wait(30)

    monkeypatch.setitem(queue.KINDS, "mail", slow)
    queue.put("mail", "x", now=clock.real())

    def watch() -> None:
        told["started"] = started.wait(20)
        told["placed"] = until(lambda: not Pending.objects.exists() and Checkpoint.objects.filter(public=True).exists())
        told["running"] = Job.objects.get().state
        os.kill(os.getpid(), signal.SIGTERM)
        go_on.set()
        worker.connection.close()

    watching = threading.Thread(target=watch)
    watching.start()
    worker.run_forever()
    watching.join()
    assert told == {"started": True, "placed": True, "running": "running"}
    assert Job.objects.get().state == "done"
    assert Checkpoint.objects.filter(public=True).count() == 1
    assert list(fsck.problems()) == []


def test_no_mail_waits_for_a_long_job(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each thread has its own kinds, however long the other has been due."""
    ran: list[str] = []
    for kind in ("mail", "slow"):
        monkeypatch.setitem(queue.KINDS, kind, ran.append)
    monkeypatch.setattr(queue, "LONG", {"slow"})
    now = clock.real()
    queue.put("slow", "first", now=now - timedelta(hours=1))
    queue.put("mail", "second", now=now)
    assert worker.run_one(long=False)
    assert ran == ["second"]
    assert not worker.run_one(long=False)
    assert worker.run_one(long=True)
    assert ran == ["second", "first"]


@pytest.mark.parametrize("way", ["gives up", "vanishes"])
def test_who_asked_for_a_job_hears_that_it_stays_failed(db: None, monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    """Said by the job itself, or found out by whoever claims it after the last worker that it took down."""
    heard: list[tuple[str, str]] = []

    def hopeless(_subject: str) -> None:
        raise queue.GiveUp("no use")

    monkeypatch.setitem(queue.KINDS, "mail", hopeless)
    monkeypatch.setitem(queue.GIVEN_UP, "mail", lambda *told: heard.append(told))
    queue.put("mail", "x", now=clock.real())
    if way == "gives up":
        assert worker.run_one()
    else:
        Job.objects.update(state="running", leased_until=clock.real() - timedelta(1), vanished=queue.MOST_VANISHED - 1)
        assert not worker.run_one()
    (told,) = heard
    assert told[0] == "x"
    assert ("no use" if way == "gives up" else "vanished") in told[1]
    assert Job.objects.get().state == "failed"


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_a_job_longer_than_its_lease_stays_its_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    """The heartbeat renews the lease, so that a second worker never starts what the first still does."""
    monkeypatch.setattr(queue, "LEASE", timedelta(seconds=0.6))
    monkeypatch.setattr(queue, "BEAT", timedelta(seconds=0.1))
    ran: list[str] = []

    def slow(subject: str) -> None:
        ran.append(subject)
        end = time.monotonic() + 1.5
        while time.monotonic() < end:
            assert queue.claim(clock.real()) is None
            time.sleep(0.05)

    monkeypatch.setitem(queue.KINDS, "mail", slow)
    queue.put("mail", "x", now=clock.real())
    assert worker.run_one() is True
    row = Job.objects.get()
    assert (ran, row.state, row.tries) == (["x"], "done", 1), row.problem


@pytest.mark.parametrize("kind", [OperationalError, InterfaceError])
def test_a_database_that_is_away_is_waited_for(monkeypatch: pytest.MonkeyPatch, kind: type[Exception]) -> None:
    """Told, and looked for again, with another connection."""
    monkeypatch.setattr(worker, "AWAY_PAUSE", 0.01)
    dropped: list[int] = []
    monkeypatch.setattr(worker.connection, "close", lambda: dropped.append(1))
    stopping, calls = threading.Event(), []

    def step() -> bool:
        calls.append(1)
        if len(calls) < 3:
            raise kind("the connection is closed")
        stopping.set()
        return True

    worker.repeat(step, stopping, idle=0.01)
    assert (len(calls), len(dropped)) == (3, 2)


@pytest.mark.parametrize("breaks", ["Ledger", "run_one"])
def test_a_defect_in_any_loop_ends_all_and_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], breaks: str
) -> None:
    """Exit code 1, for the supervisor: a worker that only looks alive would be worse than none."""

    def broken(**_: bool) -> bool:
        raise ArithmeticError("a defect")

    monkeypatch.setattr(worker, "Ledger", lambda: broken if breaks == "Ledger" else lambda: False)
    monkeypatch.setattr(worker, "run_one", broken if breaks == "run_one" else lambda **_: False)
    with pytest.raises(SystemExit) as ended:
        worker.run_forever()
    assert ended.value.code == 1
    assert "ArithmeticError" in capsys.readouterr().err


def test_the_pauses_of_an_idle_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few looks a second: seven for receipts, two for jobs."""
    stopping, looks = threading.Event(), []
    threading.Timer(1, stopping.set).start()
    worker.repeat(lambda: looks.append(1) or False, stopping, idle=worker.JOBS_PAUSE)  # type: ignore[func-returns-value]
    assert 1 <= len(looks) <= 3
    assert 1 / worker.LEDGER_PAUSE < 8
