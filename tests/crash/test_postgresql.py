"""What holds on PostgreSQL when something is killed with -9, the database itself too. Real processes throughout."""

from __future__ import annotations

import time

import pytest

from tests.crash import breaking
from tests.crash.running import Running, wait_for, writing
from tests.postgres import Cluster

# The writers' own sockets to a server that was killed: httpx leaves those of a broken connection to the collector.
pytestmark = pytest.mark.filterwarnings(
    "ignore:Exception ignored in. <socket.socket:pytest.PytestUnraisableExceptionWarning"
)

DATABASE = "postgresql"


def test_a_worker_killed_in_mid_mail_loses_none_and_doubles_one_at_most(running: Running) -> None:
    breaking.worker_killed_in_mid_mail(running)


def test_a_server_killed_in_mid_signature_leaves_no_half_waiver(running: Running) -> None:
    breaking.server_killed_in_mid_signature(running)


def test_an_import_killed_halfway_leaves_nothing(running: Running) -> None:
    breaking.import_killed_halfway(running)


def test_the_sequencer_killed_ten_times_loses_no_acknowledged_filing(running: Running) -> None:
    breaking.sequencer_killed_under_load(running, writers=16)


def test_the_server_killed_under_load_loses_no_acknowledged_filing(running: Running) -> None:
    breaking.server_killed_under_load(running, writers=16, kills=2)


def test_the_database_killed_under_load_loses_nothing_acknowledged(
    running: Running, server_of_the_database: Cluster
) -> None:
    """Server and worker are the same processes afterwards, and go on by themselves."""
    before, pids = breaking.filed(running), (running.server.pid, running.worker.pid)
    with writing(running, 16, pause=2.0) as noting:
        wait_for(lambda: sum(len(w.noted) for w in noting) > 20, 60, "filings are acknowledged")
        server_of_the_database.kill()
        time.sleep(1.5)
        server_of_the_database.start()
        seen = [len(w.noted) for w in noting]
        wait_for(
            lambda: all(len(w.noted) > s for w, s in zip(noting, seen, strict=True)), 60, "every writer files again"
        )
    assert sum(w.repeated for w in noting) > 0
    breaking.assert_acknowledged_once(running, noting, before)
    assert (running.server.pid, running.worker.pid) == pids
    assert running.server.poll() is None
    assert running.worker.poll() is None
