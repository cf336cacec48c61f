"""Codes of a second factor (RFC 6238: SHA-1, 6 digits, 30 s), as an authenticator on a phone shows them.

The service takes each code once, and codes of one step before and after its own clock.
"""

from __future__ import annotations

import base64
import binascii
import threading
import time

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP

STEP = 30
ON_THE_WAY = 5  # seconds that a code may take to be spent


def code(secret: str, step: int) -> str:
    """The six digits for a base32 secret at a step (seconds since 1970, divided by 30). ValueError for what is no base32."""
    bare = secret.replace(" ", "").upper()
    try:
        key = base64.b32decode(bare + "=" * (-len(bare) % 8))
    except binascii.Error as error:
        raise ValueError("the secret of a second factor is base32: letters A to Z and digits 2 to 7") from error
    return TOTP(key, 6, SHA1(), STEP, enforce_key_length=False).generate(step * STEP).decode("ascii")


class Authenticator:
    """One person's second factor: each `fresh` code is one that was not shown before and that the service takes now."""

    def __init__(self, secret: str) -> None:
        self.secret = secret
        self._last = -1
        self._lock = threading.Lock()

    def fresh(self) -> str:
        """The code of the smallest step from now-1 to now+1 that was not used; waits, at most 30 s, if all three were.

        In a step's last seconds the one before it is left out: it would be too old by the time the service sees it.
        """
        with self._lock:
            ending = STEP - time.time() % STEP < ON_THE_WAY
            step = max(self._now() - (0 if ending else 1), self._last + 1)
            while step > self._now() + 1:
                time.sleep(max(0.02, (step - 1) * STEP - time.time()))
            self._last = step
            return code(self.secret, step)

    @staticmethod
    def _now() -> int:
        return int(time.time()) // STEP
