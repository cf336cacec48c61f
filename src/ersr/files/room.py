"""Is there room? A full disk, in whatever words disk, SQLite or PostgreSQL say it, becomes one refusal."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from django.db import DatabaseError, connection

from ersr.core.errors import Refusal
from ersr.core.tongue import said

#: EFBIG is what a process gets that may write no larger file (a limit of the operator's), EDQUOT one over its quota.
_ERRORS = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
#: PostgreSQL's class 53100, disk_full.
_STATE = "53100"
#: Python's SQLite driver hands no code on that Django keeps; these are its words.
_WORDS = ("database or disk is full",)
#: What it says when there is no room for the files beside its own, or for another reason: then the disk is asked.
_PERHAPS = ("disk I/O error", "unable to open database file")

#: Bytes that must be free: below the first somebody is warned, below the second the service does not start.
LOW, NONE = 1 * 2**30, 64 * 2**20

FULL = Refusal(
    "full",
    said("There is no room left on our disk, so nothing was changed. Call the duty line, and send it again later."),
    facts={"undone": True},
)


def is_full(error: BaseException | None) -> bool:
    """Whether this error, or what caused it, is a full disk."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in _ERRORS:
            return True
        if isinstance(error, DatabaseError) and any(words in str(error) for words in _WORDS):
            return True
        if isinstance(error, DatabaseError) and any(words in str(error) for words in _PERHAPS):
            return free(Path(str(connection.settings_dict["NAME"])).parent) < 2**20
        if getattr(error, "sqlstate", None) == _STATE:
            return True
        error = error.__cause__
    return False


def free(folder: Path) -> int:
    """Bytes that this process may still write below `folder`, which may not exist yet."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize
