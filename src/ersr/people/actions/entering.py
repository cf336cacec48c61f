"""How somebody comes in, and how sessions end. Real time."""

from __future__ import annotations

from datetime import datetime

from django.contrib.auth.hashers import check_password, make_password
from django.db import transaction

from ersr.core.errors import Refusal, not_found
from ersr.core.tongue import said
from ersr.jobs import queue
from ersr.ledger.append import append
from ersr.people import browsers, factors, passkeys, patience
from ersr.people.actions.tokens import digest
from ersr.people.models import Person, RecoveryCode, Session

#: Compared when there is no such person, so that the answer takes the same time.
_NOBODY = make_password(None)


def sign_in(
    email: str, password: str, code: str, *, now: datetime, through: str, browser: str = "", network: str = "",
    recovery: bool = False,
) -> Person:  # fmt: skip
    """The person, if all three are right. One refusal for every other case, which does not tell which was wrong.

    `browser` is the cookie that `browsers.remembered` made, `network` where the caller comes from; `recovery` says that the code
    is one on paper. Tries cost the patience of the known device, or else of the address from that network and of the network:
    what a stranger does elsewhere keeps nobody waiting. Raises Refusal credentials, code_used, too_many.
    """
    email = email.strip().lower()[:254]
    wrong = Refusal("credentials", said("E-mail, password or code is not right. Try again, or call the duty line."))
    person = Person.objects.filter(email=email, is_active=True).first()
    known = browsers.known(person, browser) if person else ""
    whose = f"device:{known}" if known else f"stranger:{email}:{network}"
    if not known:
        patience.take(f"network:{network}", patience.NETWORK, now=now)
    patience.take(whose, patience.DEVICE if known else patience.STRANGER, now=now)
    right = check_password(password, person.password if person else _NOBODY)
    # Who has the password and guesses codes from many networks. The other row is written so that both take the same time,
    # and the answer is the same: it must not tell that the password was right.
    guessed = f"codes:{email}" if right else f"missed:{email}"
    held = not known and bool(patience.seconds_left(guessed, patience.CODES, now=now))
    try:
        if person is None or not right or held:
            raise wrong
        with transaction.atomic():
            if recovery:
                _spend_recovery_code(person, code, now)
            else:
                factors.spend(person, code, now=now)
            _signed_in(person, through, "recovery code" if recovery else "totp", now)
    except Refusal as refusal:
        raise (refusal if refusal.code in ("code_used", "damaged") else wrong) from None
    patience.clear(whose)
    if not known:
        patience.clear(guessed)
        patience.give_back(f"network:{network}", now=now)
    return person


def sign_in_with_passkey(answer: str, *, session: str, now: datetime, through: str) -> Person:
    """The person whose passkey signed the challenge of this session. There is nothing to guess: no try is counted, so that
    nobody's tries keep anybody from this way in. Raises Refusal passkey_refused."""
    person = passkeys.owner(answer)
    with transaction.atomic():
        passkeys.spend(person, answer, session, passkeys.SIGN_IN, now=now)
        _signed_in(person, through, "passkey", now)
    return person


def _signed_in(person: Person, through: str, factor: str, now: datetime) -> None:
    append(
        "people.signed_in", subject=f"person:{person.pk}", by=person.email, now=now,
        facts={"through": through, "factor": factor},
    )  # fmt: skip


def _spend_recovery_code(person: Person, code: str, now: datetime) -> None:
    """Burns it by the statement that accepts it; the person is told by mail, for it may not have been them."""
    typed = "".join(c for c in code.upper() if c.isascii() and c.isalnum())
    rows = RecoveryCode.objects.filter(person=person, hash=digest(f"recovery:{typed}"))
    row = rows.first()
    if row is None:
        raise Refusal("code_wrong", said("The recovery code is not right."))
    if not rows.filter(used_at__isnull=True).update(used_at=now):
        raise Refusal("code_used", said("This recovery code was used already. Use another one of the list."))
    left = person.recovery_codes.filter(used_at__isnull=True).count()
    append(
        "people.recovery_code_used", subject=f"person:{person.pk}", by=person.email, now=now, facts={"codes_left": left}
    )
    queue.put("tell", f"recovery_code_used:{row.pk}", now=now)


def end_session(person: Person, session_key_hash: str, *, now: datetime) -> None:
    """Ends one of the person's own sessions; it is named by the hash of its key, which is no secret."""
    with transaction.atomic():
        for session in Session.objects.filter(person=person):
            if digest(session.session_key) == session_key_hash:
                session.delete()
                append("people.ended_session", subject=f"person:{person.pk}", by=person.email, now=now)
                return
        raise not_found()


def end_other_sessions(person: Person, keep: str) -> None:
    """All but the one with this key: part of what changes a password or factor, and on record with that."""
    Session.objects.filter(person=person).exclude(session_key=keep).delete()
