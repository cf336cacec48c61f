"""What holds on SQLite when something is killed with -9, or the mail server is in trouble. Real processes throughout."""

from __future__ import annotations

import pytest

from tests.crash import breaking
from tests.crash.running import Running

# The writers' own sockets to a server that was killed: httpx leaves those of a broken connection to the collector.
pytestmark = pytest.mark.filterwarnings(
    "ignore:Exception ignored in. <socket.socket:pytest.PytestUnraisableExceptionWarning"
)

DATABASE = "sqlite"


def test_a_worker_killed_in_mid_mail_loses_none_and_doubles_one_at_most(running: Running) -> None:
    breaking.worker_killed_in_mid_mail(running)


def test_a_mail_server_in_trouble_holds_up_no_receipt_and_loses_no_mail(running: Running) -> None:
    breaking.mail_in_trouble(running)


def test_a_server_killed_in_mid_signature_leaves_no_half_waiver(running: Running) -> None:
    breaking.server_killed_in_mid_signature(running)


def test_an_import_killed_halfway_leaves_nothing(running: Running) -> None:
    breaking.import_killed_halfway(running)


def test_the_sequencer_killed_ten_times_loses_no_acknowledged_filing(running: Running) -> None:
    breaking.sequencer_killed_under_load(running, writers=4)


def test_the_server_killed_under_load_loses_no_acknowledged_filing(running: Running) -> None:
    breaking.server_killed_under_load(running, writers=4, kills=2)


def test_a_worker_killed_in_mid_intake_takes_the_file_in_once(running: Running) -> None:
    breaking.worker_killed_in_mid_intake(running)


def test_a_worker_killed_in_mid_screening_begins_no_finished_zone_again(running: Running) -> None:
    breaking.worker_killed_in_mid_screening(running)
