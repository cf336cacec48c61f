"""Bytes by digest. A thief of the folder gains every evidence file and list; nobody can change one unnoticed.

A file is written under a temporary name, synced and renamed, so it is whole or absent; `get` compares the digest at every read.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import BinaryIO, Self

from django.conf import settings

from ersr.core.errors import Refusal
from ersr.core.tongue import said
from ersr.files.models import StoredFile

#: Bytes of a stream that are held at once.
PIECE = 2**20
_UNFINISHED, LEFT_OVER = ".unfinished-", timedelta(days=1)
_MEND = "put it back from a backup (files/ in it has the same names)"


def _path(digest: str) -> Path:
    return Path(settings.ERSR_FILES) / digest[:2] / digest


def _sync_folder(folder: Path) -> None:
    """Else a power cut may forget the name of a file whose row is committed."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class Arriving:
    """A file as it comes in: hashed piece by piece, and under no name of the store until it is kept. Closed, it is gone if it was not."""

    def __init__(self) -> None:
        top = Path(settings.ERSR_FILES)
        top.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=top, prefix=_UNFINISHED)
        self.file, self._at, self._hash = os.fdopen(handle, "w+b"), Path(name), hashlib.sha256()

    def write(self, piece: bytes) -> None:
        self.file.write(piece)
        self._hash.update(piece)

    @property
    def digest(self) -> str:
        return self._hash.hexdigest()

    def sync(self) -> None:
        """What takes time when it is large: to be done before a transaction begins."""
        self.file.flush()
        os.fsync(self.file.fileno())

    def keep(self) -> str:
        """From now on it has its name. A file that is there already stays, if it is whole."""
        known = _path(self.digest)
        if not known.exists() or _digest(known) != self.digest:
            self.sync()
            known.parent.mkdir(parents=True, exist_ok=True)
            os.replace(self._at, known)
            _sync_folder(known.parent)
        return self.digest

    def close(self) -> None:
        self.file.close()
        self._at.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def keep(data: bytes | BinaryIO | Arriving) -> str:
    """Writes what is there to be read, without a row, and returns its digest. Holds little of a stream at once."""
    if isinstance(data, Arriving):
        return data.keep()
    with Arriving() as made:
        if isinstance(data, bytes):
            made.write(data)
        else:
            while piece := data.read(PIECE):
                made.write(piece)
        return made.keep()


def record(digest: str, media_type: str, *, now: datetime) -> StoredFile:
    """The row of what `keep` has written. The caller's transaction may roll it back: the bytes then stay as an orphan that
    nothing names, which is harmless."""
    row, _ = StoredFile.objects.get_or_create(
        digest=digest, defaults={"size": _path(digest).stat().st_size, "media_type": media_type, "stored_at": now}
    )
    return row


def put(data: bytes | BinaryIO | Arriving, media_type: str, *, now: datetime) -> StoredFile:
    """Stores the bytes (a no-op if they are there) and their row."""
    return record(keep(data), media_type, now=now)


def sweep(*, now: datetime) -> None:
    """Takes away what killed processes left unfinished: nothing that lives is a day old."""
    for left in Path(settings.ERSR_FILES).glob(f"{_UNFINISHED}*"):
        with suppress(FileNotFoundError):
            if now.timestamp() - left.stat().st_mtime > LEFT_OVER.total_seconds():
                left.unlink()


def get(digest: str) -> bytes:
    try:
        data = _path(digest).read_bytes()
    except FileNotFoundError:
        raise _missing(digest) from None
    if hashlib.sha256(data).hexdigest() != digest:
        raise _altered(digest)
    return data


def path(digest: str) -> Path:
    """Where the bytes lie, for what is too large to be held at once; read through once, so that they are whole or refused."""
    found = _path(digest)
    try:
        right = _digest(found) == digest
    except FileNotFoundError:
        raise _missing(digest) from None
    if not right:
        raise _altered(digest)
    return found


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _missing(digest: str) -> Refusal:
    return Refusal("damaged", said("The stored file {digest}… is missing: put it back from a backup.", digest=digest[:16]))


def _altered(digest: str) -> Refusal:
    return Refusal("damaged", said("The stored file {digest}… was altered: put it back from a backup.", digest=digest[:16]))


def lacking() -> Iterator[str]:
    """One sentence for each file that is not there or has another size than its row says: quick, reads no bytes."""
    for digest, size in StoredFile.objects.order_by("pk").values_list("digest", "size").iterator():
        try:
            found = _path(digest).stat().st_size
        except FileNotFoundError:
            yield f"the stored file {digest[:16]}… is missing: {_MEND}"
        else:
            if found != size:
                yield f"the stored file {digest[:16]}… has {found} bytes instead of {size}: {_MEND}"


def damaged() -> Iterator[str]:
    """One sentence for each file that does not have its digest: reads every byte."""
    for digest in StoredFile.objects.order_by("pk").values_list("digest", flat=True).iterator():
        try:
            path(digest)
        except Refusal as refusal:
            yield refusal.message
