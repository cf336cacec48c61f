"""Disk full, clock put back, files missing or altered, wrong keys: each with a sentence, at start or at use."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from django.conf import settings
from django.db import OperationalError, connection
from django.test import Client

from ersr import clock
from ersr.core.errors import Refusal
from ersr.files import room, store
from ersr.jobs import beat
from ersr.ledger import sequence
from ersr.ledger.models import Leaf, Pending
from ersr.project import checks, faults, health
from ersr.proof import keys
from tests import world as worlds
from tests.ledger.growing import event, sequence_all

pytestmark = pytest.mark.django_db


@pytest.fixture
def w() -> worlds.World:
    world = worlds.build()
    world.sequence()
    return world


@pytest.fixture(autouse=True)
def _looks_anew() -> Iterator[None]:
    health._kept = health._Kept()
    yield
    health._kept = health._Kept()


def told(grade: str) -> str:
    return " ".join(fault.words for fault in faults.standing() if fault.grade == grade)


def ready() -> dict[str, str]:
    """check -> state, as anybody sees it."""
    health._kept.at = float("-inf")
    answer = Client().get("/ready")
    body = answer.json()
    assert body["ready"] is (answer.status_code == 200)
    assert all(one["words"] or one["state"] == "good" for one in body["checks"])
    return {one["name"]: one["state"] for one in body["checks"]}


def test_all_is_well(w: worlds.World) -> None:
    beat.beat()
    assert list(faults.standing()) == []
    assert set(ready().values()) == {"good"}


# --- disk


def test_a_full_disk_under_the_store_is_one_refusal(
    w: worlds.World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """/dev/full says what a full disk says, at the write itself; nothing is left behind."""
    real = os.fdopen

    def full(handle: int, mode: str = "r", *words: object, **more: object) -> object:
        if "w" in mode:
            os.dup2(os.open("/dev/full", os.O_WRONLY), handle)
        return real(handle, mode, *words, **more)  # type: ignore[call-overload]

    monkeypatch.setattr(os, "fdopen", full)
    with pytest.raises(OSError) as error:
        store.put(b"x" * 100_000, "text/plain", now=w.now)
    assert error.value.errno == errno.ENOSPC
    assert room.is_full(error.value)
    assert not [path for path in Path(settings.ERSR_FILES).rglob("*") if path.is_file()]


def test_the_words_of_both_databases_are_known() -> None:
    """What the drivers raise when the disk is full, wrapped as Django wraps it."""
    outer = OperationalError("could not extend file")
    outer.__cause__ = psycopg.errors.DiskFull("could not extend file")
    assert room.is_full(outer)
    assert not room.is_full(OperationalError("database is locked"))
    assert not room.is_full(PermissionError(errno.EACCES, "no"))
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            pages = cursor.execute("PRAGMA page_count").fetchone()[0]
            cursor.execute(f"PRAGMA max_page_count = {pages}")
            try:
                with pytest.raises(OperationalError) as error:
                    cursor.execute(
                        "CREATE TABLE filler AS WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT 9999) SELECT x, hex(randomblob(500)) FROM n"
                    )
            finally:
                cursor.execute("PRAGMA max_page_count = 1073741823")
        assert room.is_full(error.value)


def test_a_page_and_the_api_say_that_the_disk_is_full(w: worlds.World, monkeypatch: pytest.MonkeyPatch) -> None:
    from ersr.faces.web import public
    from tests.faces.calling import Caller

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(public, "authority", full)
    answer = Client(raise_request_exception=False).get("/about")
    assert answer.status_code == 503
    assert "no room left on our disk" in answer.content.decode()
    from ersr.requests import queries

    monkeypatch.setattr(queries, "requests_visible_to", full)
    caller = Caller(w.filer)
    caller.http.raise_request_exception = False
    problem = caller.get("requests")
    assert (problem.status_code, problem.json()["code"]) == (503, "full")


def test_little_room_is_told_and_none_stops(w: worlds.World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "free", lambda _: room.LOW - 1)
    assert "make room" in told("warns")
    assert ready()["room"] == "warns"
    monkeypatch.setattr(room, "free", lambda _: room.NONE - 1)
    assert "make room" in told("stops")
    assert any("make room" in said for said in checks.problems())
    assert ready()["room"] == "fails"


# --- clock


def test_a_clock_that_was_put_back_stops_the_start_and_the_signing(
    w: worlds.World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A minute is forgiven. Beyond that nothing gets its place, and nothing is lost: it waits until the clock is right."""
    latest = w.now
    event()
    monkeypatch.setattr(clock, "now", lambda: latest - timedelta(seconds=59))
    assert told("stops") == ""
    early = latest - timedelta(seconds=61)
    monkeypatch.setattr(clock, "now", lambda: early)
    assert "the clock was put back" in told("stops")
    assert any("the clock was put back" in said for said in checks.problems())
    assert ready()["clock"] == "fails"
    leaves = Leaf.objects.count()
    with pytest.raises(Refusal, match="put back"):
        sequence.run(early)
    with pytest.raises(Refusal, match="put back"):
        sequence.publish_hourly(early - timedelta(hours=2))
    assert (Leaf.objects.count(), Pending.objects.count()) == (leaves, 1)
    sequence_all(latest)
    assert Leaf.objects.count() == leaves + 1


def test_a_database_that_was_exchanged_under_the_worker_is_not_extended(w: worlds.World) -> None:
    """Else the restored tree would grow past the checkpoint that is kept outside, as another tree."""
    from ersr.proof import note

    longer = note.sign_checkpoint(Leaf.objects.count() + 5, bytes(32), sequence.installed_keys().checkpoint_signer)
    Path(settings.ERSR_LAST_CHECKPOINT).write_text(longer, encoding="utf-8")
    event()
    leaves = Leaf.objects.count()
    with pytest.raises(Refusal, match="the database is another"):
        sequence.run(w.now)
    assert Leaf.objects.count() == leaves
    assert Path(settings.ERSR_LAST_CHECKPOINT).read_text(encoding="utf-8") == longer


# --- files


@pytest.mark.parametrize("change", ["missing", "cut", "same size"])
def test_a_file_that_is_missing_or_altered_is_found(w: worlds.World, change: str) -> None:
    """The quick look sees what is missing or has another size; the slow one reads every byte. The service starts nevertheless."""
    row = store.put(b"evidence", "text/plain", now=w.now)
    path = store._path(row.digest)
    if change == "missing":
        path.unlink()
    else:
        path.write_bytes({"cut": b"evid", "same size": b"Evidence"}[change])
    assert bool(told("fails")) is (change != "same size")
    assert (ready()["files"] == "fails") is (change != "same size")
    assert [row.digest[:16] in said for said in store.damaged()] == [True]
    assert list(checks.problems()) == []
    with pytest.raises(Refusal) as refusal:
        store.get(row.digest)
    assert "put it back from a backup" in refusal.value.message
    store.put(b"evidence", "text/plain", now=w.now)
    assert list(store.damaged()) == []


# --- keys


def test_keys_of_another_installation_stop_the_start(w: worlds.World, tmp_path: Path) -> None:
    """Both ways to see it: the ledger names its keys, and the kept checkpoint was signed with them."""
    from django.db import transaction

    from ersr.ledger.append import append

    mine = sequence.installed_keys()
    with transaction.atomic():
        for kid in (mine.signer.kid, mine.checkpoint_signer.kid):
            append("key.introduced", subject=f"key:{kid[:40]}", by="system", now=w.now, facts={"kid": kid})
    assert list(faults.standing()) == []
    shutil.rmtree(settings.ERSR_KEYS)
    keys.generate(
        Path(settings.ERSR_KEYS), "Others", "srw.test/ledger", now=w.now - timedelta(days=1), development=True
    )
    sequence._keys.cache_clear()
    assert "another installation's" in told("stops")
    said = " ".join(checks.problems())
    assert "signed with another key" in said
    assert "another installation's" in said
    assert ready()["ledger"] == "fails"
    sequence._keys.cache_clear()


@pytest.mark.parametrize("file", ["keys.json", "signing.pem", "checkpoint.pem"])
def test_an_altered_key_file_stops_the_start(w: worlds.World, file: str) -> None:
    path = Path(settings.ERSR_KEYS) / file
    data = path.read_bytes()
    middle = len(data) // 2
    path.write_bytes(data[:middle] + (b"A" if data[middle : middle + 1] != b"A" else b"B") + data[middle + 1 :])
    sequence._keys.cache_clear()
    assert any("cannot be used" in said for said in checks.problems())
    assert ready()["keys"] == "fails"
    path.write_bytes(data)
    sequence._keys.cache_clear()
    assert list(checks.problems()) == []


def test_keys_out_of_their_time_are_told_before_and_after(w: worlds.World, monkeypatch: pytest.MonkeyPatch) -> None:
    until = sequence.installed_keys().key_set().signing[0].valid_until
    monkeypatch.setattr(clock, "now", lambda: until - timedelta(days=20))
    assert "ends at" in told("warns")
    assert ready()["keys"] == "warns"
    monkeypatch.setattr(clock, "now", lambda: until)
    assert "make new ones" in told("fails")
    assert ready()["keys"] == "fails"


# --- worker


def test_a_worker_that_is_gone_or_behind_is_seen(w: worlds.World, monkeypatch: pytest.MonkeyPatch) -> None:
    from ersr.jobs import queue

    assert ready()["worker"] == "fails"
    beat.beat()
    assert ready()["worker"] == "good"
    long_ago = clock.real().timestamp() - 121
    os.utime(beat._path(), (long_ago, long_ago))
    assert ready()["worker"] == "fails"
    event()
    monkeypatch.setattr(clock, "now", lambda: w.now + timedelta(days=9))
    assert ready()["ledger"] == "fails"
    queue.put("mail", "1", now=clock.real() - timedelta(minutes=16))
    assert ready()["outbox"] == "fails"


def test_nothing_outside_tells_what_happens_inside(w: worlds.World) -> None:
    """No number, path, name or age: whoever watches from outside learns that something is wrong, and not what is going on."""
    for fault in (faults._room, faults._clock):
        assert list(fault()) == []
    row = store.put(b"evidence", "text/plain", now=w.now)
    store._path(row.digest).unlink()
    body = json.dumps(Client().get("/ready").json())
    assert row.digest[:8] not in body
    assert str(settings.ERSR_HOME) not in body
    assert not [digit for digit in "0123456789" if digit in body]


def test_looking_often_costs_nothing(w: worlds.World, django_assert_num_queries: object) -> None:
    Client().get("/ready")
    with django_assert_num_queries(0):  # type: ignore[operator]
        Client().get("/ready")
