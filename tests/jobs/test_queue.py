"""The job table: claimed once, leased, retried with growing pauses, stopped at a limit."""

from __future__ import annotations

import threading
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from django.db import DatabaseError, connection, transaction
from django.test.utils import CaptureQueriesContext

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


def test_pauses_grow_for_two_days_and_then_it_is_let_go() -> None:
    """10 s, 20 s, ... at most an hour; after two days it stays failed, with its problem to read."""
    queue.put("mail", "1", now=NOW)
    moment, pauses = NOW, []
    while claimed := queue.claim(moment):
        assert claimed.tries == len(pauses) + 1
        queue.fail(claimed, f"trouble {claimed.tries}", now=moment)
        row = Job.objects.get()
        pauses.append(row.due_at - moment)
        assert queue.claim(row.due_at - timedelta(seconds=1)) is None
        moment = row.due_at
    assert [p.total_seconds() for p in pauses[:4]] == [10, 20, 40, 80]
    assert pauses == sorted(pauses)
    assert max(pauses) == queue.LONGEST_PAUSE
    assert timedelta(days=1, hours=22) < moment - NOW <= timedelta(days=2, hours=1)
    row = Job.objects.get()
    assert (row.state, row.problem) == ("failed", f"trouble {len(pauses)}")
    assert queue.claim(moment + timedelta(days=30)) is None


def test_what_cannot_be_helped_by_trying_again_is_let_go_at_once() -> None:
    queue.put("mail", "1", now=NOW)
    claimed = queue.claim(NOW)
    assert claimed
    queue.fail(claimed, "no such mailbox", now=NOW, for_good=True)
    assert Job.objects.get().state == "failed"
    assert queue.claim(NOW + timedelta(days=1)) is None


def test_a_job_that_takes_its_worker_down_every_time_stops_as_well() -> None:
    """It never comes to `fail`: the lease just runs out, again and again."""
    queue.put("mail", "1", now=NOW)
    moment, runs = NOW, 0
    while queue.claim(moment):
        runs += 1
        moment += queue.LEASE + timedelta(seconds=1)
        assert runs <= queue.MOST_VANISHED
    assert runs == queue.MOST_VANISHED
    row = Job.objects.get()
    assert (row.state, row.problem) == ("failed", "its worker vanished every time")


def test_a_worker_lost_after_many_failures_is_no_poison() -> None:
    """A mail that failed thirty times during an outage, and whose worker is killed at the next try, is tried on."""
    queue.put("mail", "1", now=NOW)
    moment = NOW
    for _ in range(30):
        claimed = queue.claim(moment)
        assert claimed
        queue.fail(claimed, "no answer", now=moment)
        moment = Job.objects.get().due_at
    assert queue.claim(moment)
    assert queue.claim(moment + queue.LEASE + timedelta(seconds=1))


def test_a_heartbeat_keeps_the_job_and_tells_when_it_is_lost() -> None:
    queue.put("mail", "1", now=NOW)
    mine = queue.claim(NOW)
    assert mine
    assert queue.keep(mine, now=NOW + queue.LEASE)
    assert queue.claim(NOW + queue.LEASE * 2) is None
    other = queue.claim(NOW + queue.LEASE * 2 + timedelta(seconds=1))
    assert other
    assert not queue.keep(mine, now=NOW + queue.LEASE * 2)
    queue.finish(other)
    assert not queue.keep(other, now=NOW + queue.LEASE * 2)


def test_at_somebodys_word_a_job_is_due_now_with_all_its_time_before_it() -> None:
    """One that waits is hurried, one that was let go is put anew, one that runs or is due is left alone."""
    queue.put("mail", "1", now=NOW)
    assert queue.hurry("mail", "1", now=NOW) is False
    claimed = queue.claim(NOW)
    assert claimed
    assert queue.hurry("mail", "1", now=NOW) is False
    queue.fail(claimed, "x", now=NOW)
    assert queue.hurry("mail", "1", now=NOW + timedelta(seconds=1)) is True
    claimed = queue.claim(NOW + timedelta(seconds=1))
    assert claimed
    assert (claimed.tries, claimed.made_at) == (1, NOW + timedelta(seconds=1))
    queue.fail(claimed, "x", now=NOW, for_good=True)
    assert queue.hurry("mail", "1", now=NOW + timedelta(days=3)) is True
    assert sorted(Job.objects.values_list("state", flat=True)) == ["failed", "open"]


def test_a_look_that_finds_nothing_writes_nothing() -> None:
    """An idle worker looks twice a second: a writing look would hold SQLite's one lock each time."""
    queue.put("mail", "1", now=NOW, due_at=NOW + timedelta(hours=1))
    with CaptureQueriesContext(connection) as asked:
        assert queue.claim(NOW) is None
    assert [q["sql"].split()[0] for q in asked.captured_queries] == ["SELECT"]


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


def test_a_job_says_that_trying_again_cannot_help(kinds: dict[str, object]) -> None:
    def hopeless(subject: str) -> None:
        raise queue.GiveUp("550 no such mailbox")

    kinds["hopeless"] = hopeless
    queue.put("hopeless", "a", now=clock.real())
    assert worker.run_one() is True
    row = Job.objects.get()
    assert (row.state, row.problem) == ("failed", "GiveUp: 550 no such mailbox")


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
