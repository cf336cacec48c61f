"""GET /health: does this process answer (for the proxy). GET /ready: does the whole work (for whoever watches).

Neither says anything about requests: no number, no age, no name. Growth and delay would tell that something happens.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from django.db import DatabaseError, connection
from django.http import HttpRequest, JsonResponse

from ersr.core.errors import Refusal
from ersr.ledger import guard, sequence
from ersr.project import faults
from ersr.project.checks import unmigrated

CHECKS = ("database", "ledger", "room", "clock", "files", "keys", "worker", "outbox")
#: Seconds that an answer is kept, so that asking often costs nothing.
KEPT = 5.0


def health(_request: HttpRequest) -> JsonResponse:
    """200 while the database answers, else 503."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return JsonResponse({"ok": False, "what": "the database does not answer"}, status=503)
    return JsonResponse({"ok": True})


@dataclass
class _Kept:
    at: float = float("-inf")
    told: dict[str, Any] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)


_kept = _Kept()


def ready(_request: HttpRequest) -> JsonResponse:
    """200 when every check is good or only warns, else 503; each check with a sentence."""
    with _kept.lock:
        if time.monotonic() - _kept.at > KEPT:
            _kept.told, _kept.at = _look(), time.monotonic()
    return JsonResponse(_kept.told, status=200 if _kept.told["ready"] else 503)


def _look() -> dict[str, Any]:
    checks = {name: {"name": name, "state": "good", "words": ""} for name in CHECKS}
    for found in _found():
        if checks[found.check]["state"] in ("good", "warns"):
            checks[found.check] |= {"state": "warns" if found.grade == "warns" else "fails", "words": found.outside}
    return {"ready": all(one["state"] != "fails" for one in checks.values()), "checks": list(checks.values())}


def _found() -> Iterator[faults.Fault]:
    try:
        if unmigrated():
            yield faults.Fault("database", "stops", "", "the database is not migrated")
            return
        if guard.missing():
            yield faults.Fault("ledger", "stops", "", "the ledger is not guarded")
        sequence.installed_keys()
        if sequence.is_prefix():
            yield faults.Fault("ledger", "stops", "", "the ledger does not continue its last checkpoint")
        yield from faults.standing()
        yield from faults.running()
    except DatabaseError:
        yield faults.Fault("database", "stops", "", "the database does not answer")
    except (Refusal, OSError):
        yield faults.Fault("keys", "stops", "", "the keys cannot be used")
