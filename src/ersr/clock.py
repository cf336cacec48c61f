"""Product time: the one `now` that server, worker and commands share. Sign-in, tokens and TLS keep real time.

A file named by ERSR_CLOCK_FILE may hold a whole number of seconds that product time is shifted by; production refuses the
setting (project/checks.py). Every process reads the same file, so they agree.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from django.conf import settings


def now() -> datetime:
    """Product time, aware UTC."""
    moment = real()
    if settings.ERSR_CLOCK_FILE:
        moment += timedelta(seconds=int(Path(settings.ERSR_CLOCK_FILE).read_text(encoding="ascii")))
    return moment


def real() -> datetime:
    """Real time, aware UTC: for sessions, factors, tokens and leases only."""
    return datetime.now(UTC)
