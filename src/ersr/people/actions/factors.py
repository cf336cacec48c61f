"""What somebody changes about their own factors: authenticators, passkeys, recovery codes, the password.

Each takes a fresh second factor (`given`, see people/fresh.py), and each ends the person's other sessions: whoever came in
before with what is now gone comes in no more. `keep` is the key of the session that asks. Real time.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.hashers import check_password, make_password
from django.db import transaction

from ersr.core.errors import FieldError, Refusal, invalid, not_found
from ersr.core.tongue import said
from ersr.ledger.append import append
from ersr.people import factors, passkeys
from ersr.people.actions.entering import end_other_sessions
from ersr.people.actions.inviting import check_new_password
from ersr.people.actions.tokens import digest
from ersr.people.fresh import Fresh, confirm
from ersr.people.models import Factor, Passkey, Person, RecoveryCode

CODES_MADE = 10
#: How long after a sign-in with a recovery code a new factor can be added with nothing but that sign-in.
RECOVERED_LASTS = timedelta(minutes=15)


def _named(name: str) -> str:
    if not name.strip():
        raise invalid(FieldError("name", said("Give it a name, like “phone” or “key on my ring”")))
    return name.strip()[:60]


def _changed(person: Person, kind: str, keep: str, now: datetime, **facts: Any) -> None:
    end_other_sessions(person, keep)
    append(kind, subject=f"person:{person.pk}", by=person.email, now=now, facts=facts)


def _allowed(
    person: Person, given: Fresh, recovered_at: datetime | None, act: Callable[[], Any], about: str, now: datetime
) -> Any:
    """With a fresh factor, or just after a recovery code let the person in, which is what it is for."""
    if recovered_at is not None and timedelta(0) <= now - recovered_at < RECOVERED_LASTS:
        with transaction.atomic():
            return act()
    return confirm(person, given, act, about=about, now=now)


def draw_authenticator(person: Person, given: Fresh, *, now: datetime, recovered_at: datetime | None = None) -> Factor:
    """A new authenticator that counts once `add_authenticator` has seen a code of it."""

    def act() -> Factor:
        person.factors.filter(confirmed_at__isnull=True).delete()
        return Factor.objects.create(person=person, sealed=factors.seal(factors.fresh_secret()))

    return _allowed(person, given, recovered_at, act, "factors", now)


def add_authenticator(person: Person, code: str, *, keep: str, now: datetime) -> Factor:
    """Confirms the one that was drawn, with its first code."""
    with transaction.atomic():
        factor = factors.spend(person, code, now=now, unconfirmed=True)
        factor.confirmed_at = now
        factor.save(update_fields=["confirmed_at"])
        _changed(person, "people.factor_added", keep, now, factor="totp")
        return factor


def ask_for_passkey(
    person: Person, given: Fresh, *, now: datetime, recovered_at: datetime | None = None
) -> dict[str, Any]:
    """Options for the browser to make a passkey with, in the session of `given`."""
    return _allowed(
        person, given, recovered_at, lambda: passkeys.options_to_make(person, given.session, now=now), "factors", now
    )


def ask_again_for_passkey(person: Person, session: str, *, now: datetime) -> dict[str, Any]:
    """The same once more after an attempt that failed in this session: a fresh factor was given for it just now."""
    until = passkeys.asked_until(person, session, now=now)
    if until is None:
        raise Refusal("factor_needed", said("Begin again: this takes a fresh second factor."))
    return passkeys.options_to_make(person, session, now=now, until=until)


def add_passkey(person: Person, answer: str, name: str, *, session: str, now: datetime) -> Passkey:
    """What the browser made on `ask_for_passkey`, under a name."""
    name = _named(name)
    with transaction.atomic():
        credential, key, counter = passkeys.made(person, answer, session, now=now)
        if Passkey.objects.filter(credential=credential).exists():
            raise Refusal("already", said("This passkey is known already."))
        row = Passkey.objects.create(
            person=person, name=name, credential=credential, key=key, counter=counter, made_at=now
        )
        _changed(person, "people.factor_added", session, now, factor="passkey", name=name)
        return row


def remove_factor(person: Person, kind: str, pk: int, given: Fresh, *, keep: str, now: datetime) -> None:
    """Removes an authenticator ("totp") or a "passkey". Never the last factor: recovery codes alone do not sign."""

    def act() -> None:
        Person.objects.select_for_update().get(pk=person.pk)  # else two at once could each leave the other's
        confirmed = person.factors.filter(confirmed_at__isnull=False)
        row = (person.passkeys if kind == "passkey" else confirmed).filter(pk=pk).first()
        if row is None:
            raise not_found()
        if confirmed.count() + person.passkeys.count() < 2:
            raise Refusal("not_now", said("This is your last second factor. Add another one first."))
        row.delete()
        _changed(person, "people.factor_removed", keep, now, factor=kind)

    confirm(person, given, act, about="factors", now=now)


def make_recovery_codes(person: Person, given: Fresh, *, keep: str, now: datetime) -> list[str]:
    """Ten codes of 80 random bits, shown once; those from before end."""
    texts = [base64.b32encode(secrets.token_bytes(10)).decode("ascii") for _ in range(CODES_MADE)]

    def act() -> None:
        person.recovery_codes.all().delete()
        RecoveryCode.objects.bulk_create(
            RecoveryCode(person=person, hash=digest(f"recovery:{text}"), made_at=now) for text in texts
        )
        _changed(person, "people.recovery_codes_made", keep, now, codes=len(texts))

    confirm(person, given, act, about="factors", now=now)
    return ["-".join(text[at : at + 4] for at in range(0, 16, 4)) for text in texts]


def change_password(person: Person, old: str, new: str, given: Fresh, *, keep: str, now: datetime) -> Person:
    """The person's row, with which the session goes on."""

    def act() -> Person:
        row = Person.objects.select_for_update().get(pk=person.pk)
        if not check_password(old, row.password):
            # As a wrong code: whoever holds a session must not be able to guess the password either.
            raise Refusal("code_wrong", said("The password or the code is not right."))
        check_new_password(row, new)
        row.password = make_password(new)
        row.save(update_fields=["password"])
        _changed(row, "people.password_changed", keep, now)
        return row

    return confirm(person, given, act, about="factors", now=now)
