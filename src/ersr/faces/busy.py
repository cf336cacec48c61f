"""A database that is locked or away, in the product's own words: for pages and for the API."""

from __future__ import annotations

import structlog
from django.db import InterfaceError, OperationalError

from ersr.core.errors import Refusal
from ersr.files.room import FULL, is_full

log = structlog.get_logger("ersr.database")

#: What a database raises when it is not to be had; what else it raises is a defect of ours.
UNAVAILABLE = (OperationalError, InterfaceError)
#: Seconds after which the same call may do better.
RETRY_AFTER = 1
#: In these the database says that it undid the whole transaction: SQLite's lock, PostgreSQL's lock timeout, deadlock and clash.
_UNDONE = ("locked", "lock timeout", "deadlock", "could not obtain lock", "could not serialize")


def refusal_of(error: Exception) -> Refusal:
    """Refusal busy. `facts["undone"]` is True where nothing was changed for sure; where the connection broke, the commit may
    have come through, and nobody can know it from here."""
    if is_full(error):
        log.error("no room left", problem=type(error).__name__)
        return FULL
    undone = any(word in str(error) for word in _UNDONE)
    if not undone:
        log.error("the database does not answer", exc_info=error)
    words = (
        "Nothing was changed."
        if undone
        else "The database does not answer. What was sent is saved as a whole or not at all."
    )
    return Refusal(
        "busy", f"{words} Send the same call again, with the same Idempotency-Key.", facts={"undone": undone}
    )
