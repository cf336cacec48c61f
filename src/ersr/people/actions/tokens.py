"""Personal tokens: what lets a program act for a person. Real time throughout."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction

from ersr.core.errors import FieldError, invalid, not_found
from ersr.core.tongue import said
from ersr.ledger.append import append
from ersr.people.models import Person, Token

TOKEN_LASTS_AT_MOST = timedelta(days=366)


def digest(code: str) -> str:
    return hashlib.sha256(code.encode()).hexdigest()


def check_token(scopes: Sequence[str], lasts: timedelta) -> None:
    """Refuses what no token may have: scopes other than read, write, sign and admin, or more than a year."""
    errors = []
    if unknown := set(scopes) - set(Token.SCOPES):
        errors.append(
            FieldError("scopes", said("No such scope: {unknown}; there are {scopes}", unknown=', '.join(sorted(unknown)), scopes=', '.join(Token.SCOPES)))
        )
    if not scopes:
        errors.append(FieldError("scopes", said("Choose at least one of {scopes}", scopes=', '.join(Token.SCOPES))))
    if not timedelta(0) < lasts <= TOKEN_LASTS_AT_MOST:
        errors.append(FieldError("days", said("A token lasts at least a moment and at most 366 days")))
    if errors:
        raise invalid(*errors)


def make_token(
    person: Person, *, name: str, scopes: Sequence[str], lasts: timedelta, now: datetime
) -> tuple[Token, str]:
    """The row and the token's text, which is shown once. Scopes: read, write, sign, admin."""
    check_token(scopes, lasts)
    text = "ersr_" + secrets.token_urlsafe(32)
    with transaction.atomic():
        row = Token.objects.create(
            person=person,
            name=name[:60] or "token",
            hash=digest(text),
            scopes=" ".join(sorted(set(scopes))),
            made_at=now,
            expires_at=now + lasts,
        )
        append(
            "people.token_made",
            subject=f"person:{person.pk}",
            by=person.email,
            now=now,
            facts={"token": row.pk, "scopes": row.scopes},
        )
    return row, text


def note_token_use(token: Token, *, now: datetime) -> None:
    """When a token was last used, to the minute: its owner sees a stolen one at work. A note, and no event."""
    if token.used_at is not None and token.used_at > now - timedelta(minutes=1):
        return  # an UPDATE that changes nothing would wait for whoever writes
    Token.objects.filter(pk=token.pk).exclude(used_at__gt=now - timedelta(minutes=1)).update(used_at=now)


def end_token(person: Person, token_id: int, *, now: datetime) -> None:
    with transaction.atomic():
        if not Token.objects.filter(pk=token_id, person=person, ended_at__isnull=True).update(ended_at=now):
            raise not_found()
        append("people.token_ended", subject=f"person:{person.pk}", by=person.email, now=now, facts={"token": token_id})
