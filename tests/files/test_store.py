"""Bytes by digest: whole or absent, and never changed unnoticed."""

from __future__ import annotations

import hashlib
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.conf import settings
from django.db import transaction

from ersr.core.errors import Refusal
from ersr.files import store
from ersr.files.models import StoredFile

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 16, 9, 0, tzinfo=UTC)


def files() -> list[Path]:
    return [path for path in Path(settings.ERSR_FILES).rglob("*") if path.is_file()]


def test_what_is_put_comes_back_under_its_digest() -> None:
    data = b"evidence\x00\xff"
    row = store.put(data, "application/octet-stream", now=NOW)
    assert row.digest == hashlib.sha256(data).hexdigest()
    assert (row.size, row.media_type) == (len(data), "application/octet-stream")
    assert store.get(row.digest) == data
    assert [path.name for path in files()] == [row.digest]


def test_the_same_bytes_twice_are_one_file_and_one_row() -> None:
    assert store.put(b"x", "text/plain", now=NOW) == store.put(b"x", "application/pdf", now=NOW)
    assert StoredFile.objects.get().media_type == "text/plain"
    assert len(files()) == 1


def test_an_empty_file_can_be_stored() -> None:
    assert store.get(store.put(b"", "text/plain", now=NOW).digest) == b""


def test_nobody_else_on_the_machine_can_read_a_file() -> None:
    store.put(b"x", "text/plain", now=NOW)
    assert os.stat(files()[0]).st_mode & 0o077 == 0


@pytest.mark.parametrize("change", ["one bit", "cut", "gone", "grown"])
def test_an_altered_or_lost_file_is_refused_when_it_is_read(change: str) -> None:
    row = store.put(b"evidence", "text/plain", now=NOW)
    path = files()[0]
    path.chmod(0o600)
    if change == "gone":
        path.unlink()
    else:
        path.write_bytes({"one bit": b"Evidence", "cut": b"eviden", "grown": b"evidence "}[change])
    with pytest.raises(Refusal, match="is missing" if change == "gone" else "was altered") as refusal:
        store.get(row.digest)
    assert refusal.value.code == "damaged"


def test_a_failed_write_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk is full, say: no half file, no temporary one, no row."""

    def full(*_: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="no space"):
        store.put(b"x", "text/plain", now=NOW)
    assert files() == []
    assert not StoredFile.objects.exists()


def test_a_rolled_back_row_leaves_bytes_that_the_next_put_takes_up() -> None:
    def action() -> None:
        with transaction.atomic():
            store.put(b"x", "text/plain", now=NOW)
            raise ArithmeticError

    with pytest.raises(ArithmeticError):
        action()
    assert not StoredFile.objects.exists()
    assert len(files()) == 1
    assert store.get(store.put(b"x", "text/plain", now=NOW).digest) == b"x"


@pytest.mark.parametrize("name", ["../../etc/passwd", "", "0" * 64, "..", "/etc/hostname"])
def test_only_a_digest_names_a_file(name: str) -> None:
    """Whatever is asked for, nothing but what was stored comes back."""
    with pytest.raises((Refusal, IsADirectoryError, ValueError)):
        store.get(name)
