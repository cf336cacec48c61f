"""The worker's sign of life: a file whose time is renewed while it looks for work. Of several workers any one is enough."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from django.conf import settings

from ersr import clock

EVERY = 5  # seconds
#: A worker that was not seen for so long is stuck or gone; a job may take a minute.
LATE = timedelta(minutes=2)

_last = 0.0


def _path() -> Path:
    return Path(settings.ERSR_HOME) / "worker.beat"


def beat() -> None:
    """Cheap enough to be called at each turn of the worker's loop."""
    global _last
    if time.monotonic() - _last >= EVERY or not _path().exists():
        _path().touch(mode=0o600)
        _last = time.monotonic()


def late() -> bool:
    """No worker was seen lately, or ever."""
    try:
        seen = datetime.fromtimestamp(_path().stat().st_mtime, UTC)
    except FileNotFoundError:
        return True
    return clock.real() - seen > LATE
