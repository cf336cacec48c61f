"""Time-based one-time passwords (RFC 6238: SHA-1, 6 digits, 30 s), one step of drift either way, each code once.

The secret is sealed with a key drawn from SECRET_KEY: a thief of the database alone gains no factor.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TypeVar

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from django.conf import settings
from django.db import transaction

from ersr.core.errors import Refusal
from ersr.people.models import Attempt, Factor, Person

T = TypeVar("T")
STEP = 30
ISSUER = "Security Response Waiver"
MOST_FAILURES, FAILURES_WITHIN = 10, timedelta(minutes=15)


def _box() -> Fernet:
    key = hashlib.sha256(b"ersr second factors\n" + settings.SECRET_KEY.encode()).digest()
    return Fernet(base64.urlsafe_b64encode(key))


def fresh_secret() -> bytes:
    return secrets.token_bytes(20)


def seal(secret: bytes) -> str:
    return _box().encrypt(secret).decode("ascii")


def _open(factor: Factor) -> bytes:
    try:
        return _box().decrypt(factor.sealed.encode("ascii"))
    except InvalidToken:
        raise Refusal("damaged", "A second factor cannot be opened: ERSR_SECRET_KEY was changed.") from None


def _code(secret: bytes, step: int) -> str:
    return TOTP(secret, 6, SHA1(), STEP, enforce_key_length=False).generate(step * STEP).decode("ascii")


def uri(factor: Factor) -> str:
    """otpauth:// for the authenticator's camera."""
    totp = TOTP(_open(factor), 6, SHA1(), STEP, enforce_key_length=False)
    return totp.get_provisioning_uri(factor.person.email, ISSUER)


def text_secret(factor: Factor) -> str:
    """Base32, for typing in."""
    return base64.b32encode(_open(factor)).decode("ascii").rstrip("=")


def spend(person: Person, code: str, *, now: datetime, unconfirmed: bool = False) -> Factor:
    """Accepts a code once. Locks by conditional UPDATE, so that two requests cannot spend the same code.

    Raises Refusal code_wrong or code_used.
    """
    digits = "".join(c for c in code if c in "0123456789")  # isdigit() would let other scripts' digits through
    step = int(now.timestamp()) // STEP
    used = False
    for factor in person.factors.filter(kind="totp", confirmed_at__isnull=unconfirmed):
        secret = _open(factor)
        for candidate in (step - 1, step, step + 1):
            if hmac.compare_digest(_code(secret, candidate), digits):
                if Factor.objects.filter(pk=factor.pk, last_step__lt=candidate).update(last_step=candidate):
                    factor.last_step = candidate
                    return factor
                used = True
    if used:
        raise Refusal("code_used", "This code was used already. Wait for the next one.")
    raise Refusal("code_wrong", "The code is not right. Enter the 6 digits that the authenticator shows now.")


def confirm_with_code(person: Person, code: str, act: Callable[[], T], *, now: datetime) -> T:
    """Does `act` if the code is right; for what a session alone must not be able to do. `now` is real time.

    All or nothing: when `act` refuses, the code is not spent. Wrong codes are counted, and after MOST_FAILURES within
    FAILURES_WITHIN even the right one is refused. Raises Refusal code_wrong, code_used, too_many, and what `act` raises.
    """
    guessed = f"confirm:{person.email}"
    require_patience(guessed, now=now)
    try:
        with transaction.atomic():
            spend(person, code, now=now)
            return act()
    except Refusal as refusal:
        if refusal.code == "code_wrong":
            note_failure(guessed, now=now)
        raise


def require_patience(whose: str, *, now: datetime) -> None:
    """Refuses who failed too often lately. `whose` is an e-mail address, or another name for what is being guessed."""
    if Attempt.objects.filter(email=whose[:254], at__gt=now - FAILURES_WITHIN).count() >= MOST_FAILURES:
        raise Refusal("too_many", "Too many attempts. Wait 15 minutes, or call the duty line.")


def note_failure(whose: str, *, now: datetime) -> None:
    """Call outside the transaction that failed, or the note goes with it."""
    Attempt.objects.create(email=whose[:254], at=now)
