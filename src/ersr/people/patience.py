"""How long somebody who guesses has to wait. A try is counted before it is judged, so that tries at one moment all count.

Nobody is ever shut out: waits grow with each try that fails, up to a most, and are forgotten after a while of quiet. Whose
patience it is decides the key: a stranger's tries from one network cost that network and not the person
(docs/how-to/accounts.md). `now` is real time.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db import transaction
from django.db.models import F

from ersr.core.errors import Refusal
from ersr.core.tongue import said, said_n
from ersr.people.models import Budget


@dataclass(frozen=True)
class Pace:
    """`free` tries without a wait; then 2, 4, 8 ... seconds up to `most`; forgotten after that much quiet."""

    free: int
    most: timedelta
    forgotten: timedelta

    def wait(self, spent: int) -> timedelta:
        over = spent - self.free
        return min(self.most, timedelta(seconds=2 ** min(over, 20))) if over > 0 else timedelta(0)


_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
_MINUTE, _HOUR, _DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
#: Asking for a lost factor, from one network.
ASKING = Pace(10, _HOUR, _HOUR)
#: Codes after the right password, from devices that this person never signed in on: whoever does this has the password.
CODES = Pace(5, _HOUR, _DAY)
#: Documents checked from one network, or by one person: each costs tens of milliseconds of a processor.
CHECKING = Pace(60, 5 * _MINUTE, 10 * _MINUTE)
#: Codes of a session or token that is in already.
CONFIRMING = Pace(10, 15 * _MINUTE, _DAY)
#: A device that this person has signed in on.
DEVICE = Pace(10, _MINUTE, _HOUR)
#: Everything from one network that is from no known device.
NETWORK = Pace(40, 5 * _MINUTE, _HOUR)
#: One e-mail address from one network, from no known device.
STRANGER = Pace(5, 15 * _MINUTE, _DAY)


def _row(key: str, now: datetime) -> Budget:
    """The locked row of a key, made where there is none."""
    hashed = hashlib.sha256(key.encode()).hexdigest()
    Budget.objects.bulk_create([Budget(key=hashed, last_at=now, free_at=now)], ignore_conflicts=True)
    return Budget.objects.select_for_update().get(key=hashed)


def seconds_left(key: str, pace: Pace, *, now: datetime) -> int:
    """0 if one more try is free; it is counted then. Else how many seconds it is until one is."""
    with transaction.atomic():
        row = _row(key, now)
        # A clock that was put back must not keep anybody waiting for longer than they would have waited.
        if timedelta(0) < row.free_at - now <= pace.most:
            return math.ceil((row.free_at - now).total_seconds())
        row.spent = 1 if now - row.last_at > pace.forgotten else row.spent + 1
        wait = pace.wait(row.spent)
        row.last_at, row.free_at = now, now + wait if wait else _LONG_AGO
        row.save(update_fields=["spent", "last_at", "free_at"])
        return 0


def take(key: str, pace: Pace, *, now: datetime) -> None:
    """Counts a try, or raises Refusal too_many, whose facts say the seconds (`retry_after`)."""
    if left := seconds_left(key, pace, now=now):
        minutes = math.ceil(left / 60)
        wait = said_n("a second", "{n} seconds", left) if left < 120 else said_n("a minute", "{n} minutes", minutes)
        raise Refusal("too_many", said("Too many attempts. Wait {wait}, or call the duty line.", wait=wait), facts={"retry_after": left})


def clear(key: str) -> None:
    """Forgets what was tried: it was right in the end."""
    Budget.objects.filter(key=hashlib.sha256(key.encode()).hexdigest()).delete()


def give_back(key: str, *, now: datetime) -> None:
    """One try that was no guess."""
    rows = Budget.objects.filter(key=hashlib.sha256(key.encode()).hexdigest(), spent__gt=0)
    rows.update(spent=F("spent") - 1, free_at=_LONG_AGO)
