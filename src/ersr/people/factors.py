"""Time-based one-time passwords (RFC 6238: SHA-1, 6 digits, 30 s), one step of drift either way, each code once.

The secret is sealed with a key drawn from SECRET_KEY: a thief of the database alone gains no factor.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from datetime import datetime

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from django.conf import settings

from ersr.core.errors import Refusal
from ersr.core.tongue import said
from ersr.people.models import Factor, Person

STEP = 30
ISSUER = "Security Response Waiver"


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
        raise Refusal("damaged", said("A second factor cannot be opened: ERSR_SECRET_KEY was changed.")) from None


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
                if Factor.objects.filter(pk=factor.pk, last_step__lt=candidate).update(
                    last_step=candidate, used_at=now
                ):
                    factor.last_step = candidate
                    return factor
                used = True
    if used:
        raise Refusal("code_used", said("This code was used already. Wait for the next one."))
    raise Refusal("code_wrong", said("The code is not right. Enter the 6 digits that the authenticator shows now."))
