"""A fresh second factor: what a session or token alone must not be able to do asks for one, and this is the one way to ask.

    people.confirm(person, given, lambda: actions.end_everything(person), about="end", now=clock.real())

`given` is the code as it was typed, or a `Fresh` that may hold a passkey's answer instead; `about` says for what it is given,
as the page said it when the passkey was asked (faces/web/fresh.py). A recovery code is no fresh factor.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from django.db import transaction

from ersr.core.errors import Refusal
from ersr.people import factors, passkeys, patience
from ersr.people.models import Person

T = TypeVar("T")


@dataclass(frozen=True)
class Fresh:
    """What somebody sent: a code of an authenticator, or a passkey's answer (JSON) and the key of the session it came in."""

    code: str = ""
    passkey: str = ""
    session: str = ""


def _of(given: str | Fresh) -> Fresh:
    return Fresh(code=given) if isinstance(given, str) else given


def spend(person: Person, given: str | Fresh, *, about: str, now: datetime) -> str:
    """Accepts the factor once and says which kind it was: "passkey" or "totp". Guesses are counted by `counted`, not here.

    Raises Refusal code_wrong, code_used or passkey_refused.
    """
    given = _of(given)
    if given.passkey:
        passkeys.spend(person, given.passkey, given.session, about, now=now)
        return "passkey"
    factors.spend(person, given.code, now=now)
    return "totp"


@contextmanager
def counted(person: Person, given: str | Fresh, *, now: datetime) -> Iterator[None]:
    """Around what spends a code: wrong ones make the next one wait, in this session (or, without one, in all programs).

    Whoever holds a stolen session must not be able to guess a code; nor may they keep the person waiting elsewhere. The
    count stands when what is inside is undone: enter it outside the transaction. A passkey's answer is no guess.
    """
    given = _of(given)
    if given.passkey:
        yield
        return
    guessed = f"confirm:{person.pk}:{given.session or 'program'}"
    patience.take(guessed, patience.CONFIRMING, now=now)
    try:
        yield
    except Refusal as refusal:
        if refusal.code != "code_wrong":
            patience.give_back(guessed, now=now)
        raise
    patience.clear(guessed)


def confirm(person: Person, given: str | Fresh, act: Callable[[], T], *, about: str, now: datetime) -> T:
    """Does `act` if the factor is right. All or nothing: when `act` refuses, the factor is not spent. `now` is real time.

    Raises Refusal code_wrong, code_used, passkey_refused, too_many, and what `act` raises.
    """
    with counted(person, given, now=now), transaction.atomic():
        spend(person, given, about=about, now=now)
        return act()
