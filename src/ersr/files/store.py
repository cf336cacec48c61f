"""Bytes by digest. A thief of the folder gains every evidence file and list; nobody can change one unnoticed.

`put` writes to a temporary name, syncs and renames, so a file is whole or absent; `get` compares the digest at every read.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from datetime import datetime
from pathlib import Path

from django.conf import settings

from ersr.core.errors import Refusal
from ersr.files.models import StoredFile


def _path(digest: str) -> Path:
    return Path(settings.ERSR_FILES) / digest[:2] / digest


def _sync_folder(folder: Path) -> None:
    """Else a power cut may forget the name of a file whose row is committed."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def put(data: bytes, media_type: str, *, now: datetime) -> StoredFile:
    """Stores the bytes (a no-op if they are there) and their row. The caller's transaction may roll the row back: the
    bytes then stay as an orphan that nothing names, which is harmless."""
    digest = hashlib.sha256(data).hexdigest()
    path = _path(digest)
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as out:
                out.write(data)
                out.flush()
                os.fsync(out.fileno())
            os.replace(temporary, path)
            _sync_folder(path.parent)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    row, _ = StoredFile.objects.get_or_create(
        digest=digest, defaults={"size": len(data), "media_type": media_type, "stored_at": now}
    )
    return row


def get(digest: str) -> bytes:
    try:
        data = _path(digest).read_bytes()
    except FileNotFoundError:
        raise Refusal("damaged", f"The stored file {digest[:16]}… is missing. Restore it from a backup.") from None
    if hashlib.sha256(data).hexdigest() != digest:
        raise Refusal("damaged", f"The stored file {digest[:16]}… was altered. Restore it from a backup.")
    return data
