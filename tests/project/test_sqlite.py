"""Waiting for whoever writes, on SQLite: looks that come at an even pace, one thread at a time, and an end to it."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError

from ersr.project.sqlite import base

#: For leave to connect at all: to files of their own.
pytestmark = [pytest.mark.once, pytest.mark.django_db]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    with sqlite3.connect(tmp_path / "db.sqlite3") as link:
        link.execute("PRAGMA journal_mode=WAL")
        link.execute("CREATE TABLE t (n INTEGER)")
    return tmp_path / "db.sqlite3"


@pytest.fixture
def writer(file: Path) -> Iterator[sqlite3.Connection]:
    """Another program that holds the lock."""
    link = sqlite3.connect(file, isolation_level=None)
    link.execute("BEGIN IMMEDIATE")
    link.execute("INSERT INTO t VALUES (1)")
    yield link
    link.close()


def backend(file: Path, *, timeout: float = 20) -> base.DatabaseWrapper:
    options = {"timeout": timeout, "transaction_mode": "IMMEDIATE"}
    made = base.DatabaseWrapper(
        {
            "NAME": str(file), "OPTIONS": options, "AUTOCOMMIT": True, "ATOMIC_REQUESTS": False, "CONN_MAX_AGE": 0,
            "CONN_HEALTH_CHECKS": False, "TIME_ZONE": None, "ENGINE": "django.db.backends.sqlite3", "TEST": {},
        }
    )  # fmt: skip
    made.inc_thread_sharing()
    return made


@pytest.mark.parametrize("statement", ["BEGIN IMMEDIATE", "INSERT INTO t VALUES (2)", "UPDATE t SET n = 3", "DELETE FROM t"])
def test_a_write_looks_again_at_an_even_pace_until_the_lock_is_free(
    file: Path, writer: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch, statement: str
) -> None:
    """SQLite's own waiting would never come to `sleep`, so that nobody would free the lock."""
    pauses: list[float] = []

    def paused(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 40:
            writer.execute("COMMIT")

    monkeypatch.setattr(base.time, "sleep", paused)
    link = backend(file, timeout=600)
    with link.cursor() as cursor:
        cursor.execute(statement)
    assert pauses == [0.002] * 40
    link.close()


def test_the_wait_ends_with_the_words_that_callers_know(file: Path, writer: sqlite3.Connection) -> None:
    link = backend(file, timeout=0.05)
    with link.cursor() as cursor, pytest.raises(OperationalError, match="database is locked"):
        cursor.execute("INSERT INTO t VALUES (2)")
    writer.execute("COMMIT")
    with link.cursor() as cursor:
        cursor.execute("INSERT INTO t VALUES (2)")
        assert cursor.execute("PRAGMA busy_timeout").fetchone() == (50,), "outside of our looks SQLite waits by itself"
    link.close()


def test_who_queues_behind_the_one_that_looks_is_told_the_same(file: Path, writer: sqlite3.Connection) -> None:
    told: list[Any] = []

    def write(timeout: float) -> None:
        link = backend(file, timeout=timeout)
        try:
            with link.cursor() as cursor:
                cursor.execute("INSERT INTO t VALUES (2)")
            told.append("written")
        except OperationalError as error:
            told.append(str(error))
        link.close()

    first = threading.Thread(target=write, args=(20,))
    first.start()
    until = time.monotonic() + 20
    while not base._LOOKS.locked() and time.monotonic() < until:
        time.sleep(0.001)
    write(0.05)
    assert told == ["database is locked"]
    writer.execute("COMMIT")
    first.join()
    assert told == ["database is locked", "written"]


def test_a_read_waits_for_nobody(file: Path, writer: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base.time, "sleep", lambda _: pytest.fail("waited"))
    link = backend(file)
    with link.cursor() as cursor:
        assert cursor.execute("SELECT count(*) FROM t").fetchone() == (0,)
    link.close()


def test_an_error_of_another_kind_is_not_waited_out(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base.time, "sleep", lambda _: pytest.fail("waited"))
    link = backend(file)
    with link.cursor() as cursor, pytest.raises(OperationalError, match="no such table"):
        cursor.execute("INSERT INTO nowhere VALUES (1)")
    assert not base._LOOKS.locked()
    link.close()
