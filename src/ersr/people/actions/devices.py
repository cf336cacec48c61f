"""A program asks to act for a person, who approves it in the browser (RFC 8628). Real time throughout."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from ersr.core.errors import FieldError, Refusal, invalid
from ersr.core.tongue import said
from ersr.ledger.append import append
from ersr.people import patience
from ersr.people.actions.tokens import check_token, digest, make_token
from ersr.people.models import DeviceCode, Person, Token

LASTS = timedelta(minutes=10)
#: Seconds between two polls; each poll that comes too early adds SLOWER (RFC 8628, 3.5).
INTERVAL, SLOWER = 2, 5
#: Consonants without Y: no word comes about, and none is taken for a figure (RFC 8628, 6.1). 20 ** 8 codes.
LETTERS = "BCDFGHJKLMNPQRSTVWXZ"
LENGTH = 8
#: Open ones from one network address: nobody can fill the table, or draw codes until one of them is guessed.
OPEN_AT_MOST = 50


def bare(user_code: str) -> str:
    """What was typed, without case, hyphens and spaces."""
    return "".join(c for c in user_code.upper() if c.isalnum())


def _user_hash(user_code: str) -> str:
    """Keyed: of so short a code a bare hash tells the code."""
    return hmac.new(settings.SECRET_KEY.encode(), b"device " + bare(user_code).encode(), hashlib.sha256).hexdigest()


def ask(*, name: str, scopes: Sequence[str], days: int, address: str, now: datetime) -> tuple[DeviceCode, str, str]:
    """The row, the device code that the program keeps, and the user code that a person types; both are told once."""
    check_token(scopes, timedelta(days=days))
    name = " ".join("".join(c if c.isprintable() else " " for c in name).split())  # it is shown to who decides
    if not name:
        raise invalid(FieldError("name", said("Say which program asks, and on which machine")))
    DeviceCode.objects.filter(expires_at__lte=now - LASTS).delete()  # a while longer, so that "too old" can be said
    if DeviceCode.objects.filter(address=address, expires_at__gt=now).count() >= OPEN_AT_MOST:
        raise Refusal("too_many", said("Too many programs ask from this address. Wait 10 minutes, or call the duty line."))
    drawn = "".join(secrets.choice(LETTERS) for _ in range(LENGTH))
    device_code, user_code = secrets.token_urlsafe(32), f"{drawn[:4]}-{drawn[4:]}"
    row = DeviceCode.objects.create(
        device_hash=digest(device_code), user_hash=_user_hash(user_code), name=name[:60],
        scopes=" ".join(sorted(set(scopes))), days=days, address=address[:45], asked_at=now, expires_at=now + LASTS,
        interval=INTERVAL,
    )  # fmt: skip
    return row, device_code, user_code


def asking(person: Person, user_code: str, *, now: datetime) -> DeviceCode:
    """What asks with this code. Guesses are counted by who guesses, and a code that was answered counts as wrong."""
    guessed = f"user code:{person.pk}"
    patience.take(guessed, patience.CONFIRMING, now=now)
    row = DeviceCode.objects.filter(
        user_hash=_user_hash(user_code), expires_at__gt=now, approved_at__isnull=True, refused_at__isnull=True
    ).first()
    if row is None:
        words = said("No program waits with this code. Look at the screen where it stands; after 10 minutes ask for another.")
        raise invalid(FieldError("user_code", words))
    patience.give_back(guessed, now=now)
    return row


def _settle(row: DeviceCode, kind: str, *, by: Person, now: datetime, **changes: object) -> None:
    """One answer a code: of two at the same moment the second finds nothing to answer."""
    with transaction.atomic():
        open_ = DeviceCode.objects.filter(pk=row.pk, approved_at__isnull=True, refused_at__isnull=True)
        if not open_.update(person=by, **changes):
            raise Refusal("conflict", said("This code was answered already."))
        append(
            kind, subject=f"person:{by.pk}", by=by.email, now=now,
            facts={"name": row.name, "scopes": row.scopes, "address": row.address},
        )  # fmt: skip


def approve(row: DeviceCode, *, by: Person, now: datetime) -> None:
    """The program may fetch a token of this person. Call with a fresh second factor only (people.actions.confirm)."""
    _settle(row, "people.device_approved", by=by, now=now, approved_at=now)


def refuse(row: DeviceCode, *, by: Person, now: datetime) -> None:
    _settle(row, "people.device_refused", by=by, now=now, refused_at=now)


def fetch(device_code: str, *, now: datetime) -> tuple[Token, str]:
    """The token and its text, once, when the person has approved; until then one of RFC 8628's refusals.

    A refusal is raised after the note of the poll is kept: who asks too early has to wait longer.
    """
    with transaction.atomic():
        row = DeviceCode.objects.select_for_update(of=("self",)).filter(device_hash=digest(device_code)).first()
        refusal = _not_yet(row, now)
        if row is not None and refusal is None and row.person is not None:
            token, text = make_token(
                row.person, name=row.name, scopes=row.scopes.split(), lasts=timedelta(days=row.days), now=now
            )
            row.token = token
            row.save(update_fields=["token"])
            return token, text
    raise refusal or _too_old()


def _too_old() -> Refusal:
    return Refusal("expired_token", said("The code is unknown, used or older than 10 minutes. Ask for another."))


def _not_yet(row: DeviceCode | None, now: datetime) -> Refusal | None:
    if row is None or row.expires_at <= now or row.token_id is not None:
        return _too_old()
    if row.refused_at is not None:
        return Refusal("access_denied", said("The person at the browser refused."))
    early = row.polled_at is not None and now < row.polled_at + timedelta(seconds=row.interval)
    row.polled_at, row.interval = now, min(row.interval + (SLOWER if early else 0), 600)
    row.save(update_fields=["polled_at", "interval"])
    if early:
        return Refusal("slow_down", said("Ask once in {interval} seconds.", interval=row.interval), facts={"interval": row.interval})
    if row.approved_at is None:
        return Refusal("authorization_pending", said("Nobody has typed the code and approved yet. Ask again."))
    return None if row.person is not None and row.person.is_active else _too_old()
