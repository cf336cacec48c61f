"""The job table: claimed once, leased, retried with growing pauses, stopped at a limit."""

from __future__ import annotations

import threading
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from django.db import DatabaseError, connection, transaction

from ersr import clock
from ersr.jobs import queue, worker
from ersr.jobs.models import Job

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 16, 9, 0, tzinfo=UTC)


@pytest.fixture
def kinds(monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """The kinds of jobs that the test defines, and no others."""
    mine: dict[str, object] = {}
    monkeypatch.setattr(queue, "KINDS", mine)
    return mine


def test_every_kind_that_is_put_is_known_to_a_worker() -> None:
    """A worker that never imported the room's jobs.py would fail each of its jobs."""
    assert "mail" in queue.KINDS


def test_a_job_is_claimed_once_and_leased() -> None:
    queue.put("mail", "1", now=NOW)
    claimed = queue.claim(NOW)
    assert claimed
    assert (claimed.state, claimed.tries, claimed.leased_until) == ("running", 1, NOW + queue.LEASE)
    assert queue.claim(NOW) is None


def test_jobs_run_when_they_are_due_the_longest_waiting_first() -> None:
    queue.put("mail", "late", now=NOW, due_at=NOW + timedelta(minutes=5))
    queue.put("mail", "second", now=NOW, due_at=NOW - timedelta(minutes=1))
    queue.put("mail", "first", now=NOW, due_at=NOW - timedelta(minutes=2))
    for subject in ("first", "second"):
        found = queue.claim(NOW)
        assert found
        assert found.subject == subject
        queue.finish(found)
    assert queue.claim(NOW + timedelta(minutes=5) - timedelta(seconds=1)) is None
    late = queue.claim(NOW + timedelta(minutes=5))
    assert late
    assert late.subject == "late"


def test_the_same_job_is_put_once_while_it_is_open() -> None:
    """Also while it runs; afterwards it can be put again."""
    for _ in range(3):
        queue.put("mail", "1", now=NOW)
    assert Job.objects.count() == 1
    running = queue.claim(NOW)
    assert running
    queue.put("mail", "1", now=NOW)
    assert Job.objects.count() == 1
    queue.finish(running)
    queue.put("mail", "1", now=NOW)
    assert sorted(Job.objects.values_list("state", flat=True)) == ["done", "open"]


def test_the_database_itself_keeps_a_job_single() -> None:
    Job.objects.create(kind="mail", subject="1", due_at=NOW, made_at=NOW)
    with pytest.raises(DatabaseError), transaction.atomic():
        Job.objects.create(kind="mail", subject="1", state="running", due_at=NOW, made_at=NOW)


def test_a_lease_that_ran_out_lets_another_worker_run_the_job() -> None:
    """The first worker died; exactly at the end of the lease it is still its own."""
    queue.put("mail", "1", now=NOW)
    first = queue.claim(NOW)
    assert first
    assert queue.claim(NOW + queue.LEASE) is None
    second = queue.claim(NOW + queue.LEASE + timedelta(seconds=1))
    assert second
    assert second.pk == first.pk
    assert second.lease != first.lease
    assert second.tries == 2


def test_a_worker_that_comes_back_too_late_changes_nothing() -> None:
    """Its lease is another's: neither its success nor its failure counts."""
    queue.put("mail", "1", now=NOW)
    slow = queue.claim(NOW)
    later = NOW + queue.LEASE + timedelta(seconds=1)
    quick = queue.claim(later)
    assert slow
    assert quick
    queue.fail(slow, "too late", now=later)
    queue.finish(slow)
    row = Job.objects.get()
    assert (row.state, row.problem) == ("running", "")
    queue.finish(quick)
    assert Job.objects.get().state == "done"


def test_pauses_grow_and_a_poison_job_stops() -> None:
    """10 s, 20 s, ... at most 15 minutes; after the last try it stays failed, with its problem to read."""
    queue.put("mail", "1", now=NOW)
    moment, pauses = NOW, []
    for number in range(1, queue.MOST_TRIES + 1):
        claimed = queue.claim(moment)
        assert claimed
        assert claimed.tries == number
        queue.fail(claimed, f"trouble {number}", now=moment)
        row = Job.objects.get()
        pauses.append((row.due_at - moment).total_seconds())
        assert queue.claim(row.due_at - timedelta(seconds=1)) is None
        moment = row.due_at
    assert pauses[:3] == [10, 20, 40]
    assert pauses == sorted(pauses)
    assert max(pauses) == 900
    row = Job.objects.get()
    assert (row.state, row.problem) == ("failed", f"trouble {queue.MOST_TRIES}")
    assert queue.claim(moment + timedelta(days=30)) is None


def test_a_job_that_takes_its_worker_down_every_time_stops_as_well() -> None:
    """It never comes to `fail`: the lease just runs out, again and again."""
    queue.put("mail", "1", now=NOW)
    moment, runs = NOW, 0
    while queue.claim(moment):
        runs += 1
        moment += queue.LEASE + timedelta(seconds=1)
        assert runs <= queue.MOST_TRIES
    assert runs == queue.MOST_TRIES
    row = Job.objects.get()
    assert (row.state, row.problem) == ("failed", "its worker vanished every time")


def test_a_job_rolled_back_with_its_action_never_was() -> None:
    def action() -> None:
        with transaction.atomic():
            queue.put("mail", "1", now=NOW)
            raise ArithmeticError

    with pytest.raises(ArithmeticError):
        action()
    assert not Job.objects.exists()


def test_the_worker_runs_finishes_and_tells_what_failed(kinds: dict[str, object]) -> None:
    ran: list[str] = []
    kinds["good"] = ran.append
    queue.put("good", "a", now=clock.real())
    assert worker.run_one() is True
    assert worker.run_one() is False
    assert ran == ["a"]

    def bad(subject: str) -> None:
        raise LookupError(f"no {subject}")

    kinds["bad"] = bad
    queue.put("bad", "b", now=clock.real())
    assert worker.run_one() is True
    row = Job.objects.get(kind="bad")
    assert (row.state, row.tries, row.problem) == ("open", 1, "LookupError: no b")
    assert row.due_at > clock.real()
    assert worker.run_one() is False


def test_a_kind_that_nobody_knows_is_told_on_its_row(kinds: dict[str, object]) -> None:
    """After a downgrade, say: the worker lives on."""
    queue.put("from_the_future", "x", now=clock.real())
    assert worker.run_one() is True
    assert "KeyError" in Job.objects.get().problem


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_workers_at_once_never_run_a_job_twice() -> None:
    """Four workers, 200 jobs: each is claimed by exactly one."""
    for number in range(200):
        queue.put("mail", str(number), now=NOW)
    claimed: Counter[str] = Counter()
    failures: list[BaseException] = []

    def work() -> None:
        try:
            idle = 0
            while idle < 20:
                found = queue.claim(NOW)
                if found is None:
                    idle += 1
                    continue
                claimed[found.subject] += 1
                queue.finish(found)
        except BaseException as problem:  # noqa: BLE001 - told to the test
            failures.append(problem)
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failures == []
    assert len(claimed) == 200
    assert set(claimed.values()) == {1}


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_two_actions_that_put_the_same_job_at_once_both_commit() -> None:
    """The second waits for the first and finds it there; its own change must not die of it."""
    put, go_on = threading.Event(), threading.Event()

    def first() -> None:
        try:
            with transaction.atomic():
                queue.put("mail", "1", now=NOW)
                put.set()
                go_on.wait(10)
        finally:
            connection.close()

    thread = threading.Thread(target=first)
    thread.start()
    assert put.wait(10)
    threading.Timer(0.3, go_on.set).start()
    with transaction.atomic():
        queue.put("mail", "1", now=NOW)
        queue.put("mail", "2", now=NOW)
    thread.join(10)
    assert sorted(Job.objects.values_list("subject", flat=True)) == ["1", "2"]
