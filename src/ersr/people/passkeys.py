"""Passkeys (WebAuthn level 2, by Yubico's fido2): asked for, answered, each answer once.

Relying party is the host of ERSR_ADDRESS, origin is ERSR_ADDRESS itself and nothing like it. The authenticator must verify its
user, so that a passkey is something one has and something one knows or is. No attestation: we do not choose people's devices.

What is asked to be signed is SHA-256 over a nonce, what it is about, who and in which session: an answer that was given for
one signature cannot be used for another, nor in another session, nor by another person. Real time throughout.
"""

from __future__ import annotations

import hashlib
import ipaddress
import json
import secrets
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils.crypto import salted_hmac
from fido2.server import Fido2Server
from fido2.utils import websafe_decode, websafe_encode
from fido2.webauthn import (
    AttestationConveyancePreference,
    AttestedCredentialData,
    AuthenticationResponse,
    PublicKeyCredentialDescriptor,
    PublicKeyCredentialRpEntity,
    PublicKeyCredentialType,
    PublicKeyCredentialUserEntity,
    RegistrationResponse,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from ersr.core.errors import Refusal, not_found
from ersr.core.tongue import said
from ersr.people.models import Challenge, Passkey, Person

CHALLENGE_LASTS = timedelta(minutes=5)
REQUIRED = UserVerificationRequirement.REQUIRED
#: What a challenge for the sign-in and for a new passkey is about; other purposes are told by who asks.
SIGN_IN, ENROL = "sign-in", "enrol"


def possible() -> bool:
    """Whether browsers make passkeys for our address: it needs a name, and https unless it is this machine."""
    parts = urlsplit(settings.ERSR_ADDRESS)
    try:
        ipaddress.ip_address(parts.hostname or "")
        return False
    except ValueError:
        return parts.scheme == "https" or parts.hostname == "localhost"


def _server() -> Fido2Server:
    parts = urlsplit(settings.ERSR_ADDRESS)
    origin = f"{parts.scheme}://{parts.netloc}"
    party = PublicKeyCredentialRpEntity(id=parts.hostname or "", name="Security Response Waiver")
    return Fido2Server(party, AttestationConveyancePreference.NONE, verify_origin=lambda named: named == origin)


def handle_of(person: Person) -> bytes:
    """What an authenticator knows the person by: neither number nor address."""
    return salted_hmac("ersr.passkey", str(person.pk), algorithm="sha256").digest()


def _digest(session: str) -> str:
    return hashlib.sha256(session.encode()).hexdigest()


def _to_sign(row: Challenge) -> bytes:
    told = json.dumps([row.nonce, row.about, row.person_id, row.session])
    return hashlib.sha256(told.encode()).digest()


def _ask(about: str, person: Person | None, session: str, now: datetime, until: datetime | None = None) -> bytes:
    """A fresh challenge; what lapsed, of everybody, goes on the way. `until` where it replaces one that lapses then."""
    if not session:
        raise LookupError("a passkey is asked for in a session")
    row = Challenge(
        person=person,
        session=_digest(session),
        about=about,
        nonce=secrets.token_hex(32),
        expires_at=until or now + CHALLENGE_LASTS,
    )
    with transaction.atomic():
        Challenge.objects.filter(Q(expires_at__lte=now) | Q(session=row.session, about=about)).delete()
        Challenge.objects.bulk_create([row], ignore_conflicts=True)
    return _to_sign(Challenge.objects.get(session=row.session, about=about))


def _asked(about: str, person: Person | None, session: str, now: datetime) -> dict[str, Any]:
    """What was asked about this, taken away by the statement that finds it: it counts once."""
    rows = Challenge.objects.filter(session=_digest(session), about=about, person=person, expires_at__gt=now)
    row = rows.first()
    if row is None or not rows.filter(pk=row.pk, nonce=row.nonce).delete()[0]:
        raise Refusal(
            "passkey_refused", said("What the passkey signed was asked too long ago, or for something else. Try again.")
        )
    return {"challenge": websafe_encode(_to_sign(row)), "user_verification": REQUIRED}


def asked_until(person: Person, session: str, *, now: datetime) -> datetime | None:
    """Until when this session may make a new passkey, for which it gave a fresh factor; None if it may not."""
    rows = Challenge.objects.filter(session=_digest(session), about=ENROL, person=person, expires_at__gt=now)
    return rows.values_list("expires_at", flat=True).first()


def _descriptor(row: Passkey) -> PublicKeyCredentialDescriptor:
    return PublicKeyCredentialDescriptor(type=PublicKeyCredentialType.PUBLIC_KEY, id=websafe_decode(row.credential))


def options_to_make(person: Person, session: str, *, now: datetime, until: datetime | None = None) -> dict[str, Any]:
    """For navigator.credentials.create, as JSON. It must be discoverable, since it signs in without an e-mail address."""
    options, _ = _server().register_begin(
        PublicKeyCredentialUserEntity(id=handle_of(person), name=person.email, display_name=person.name),
        credentials=[_descriptor(row) for row in person.passkeys.all()],
        resident_key_requirement=ResidentKeyRequirement.REQUIRED,
        user_verification=REQUIRED,
        challenge=_ask(ENROL, person, session, now, until),
    )
    return dict(options)


def options_to_use(about: str, person: Person | None, session: str, *, now: datetime) -> dict[str, Any]:
    """For navigator.credentials.get, as JSON; for nobody (the sign-in) any passkey of ours will do.

    Never about a new passkey: its challenge stands for a fresh factor that was given, and this one is to be had without.
    """
    if about == ENROL:
        raise not_found()
    options, _ = _server().authenticate_begin(
        [_descriptor(row) for row in person.passkeys.all()] or None if person else None,
        user_verification=REQUIRED,
        challenge=_ask(about, person, session, now),
    )
    return dict(options)


#: What fido2 raises over an answer that is malformed or wrong.
_WRONG = (ValueError, KeyError, TypeError, AttributeError, IndexError)
_NOT_ACCEPTED = said("The passkey was not accepted. Try again, or use a code from your authenticator.")


def _read(answer: str) -> Any:
    found = json.loads(answer)
    if not isinstance(found, dict):
        raise ValueError("not an object")
    return found


def made(person: Person, answer: str, session: str, *, now: datetime) -> tuple[str, str, int]:
    """(credential id, key, counter) of a new passkey, in the texts that `Passkey` keeps."""
    state = _asked(ENROL, person, session, now)
    try:
        seen = _server().register_complete(state, RegistrationResponse.from_dict(_read(answer)))
        data = seen.credential_data
        if data is None:
            raise ValueError("no credential")
        return websafe_encode(data.credential_id), websafe_encode(bytes(data)), seen.counter
    except _WRONG:
        raise Refusal("passkey_refused", said("The passkey could not be made. Try again, or use another device.")) from None


def owner(answer: str) -> Person:
    """Whose passkey answered, by its id; whether it answered rightly is for `spend` to say."""
    try:
        found = _read(answer)
        row = (
            Passkey.objects.select_related("person").filter(credential=str(found["id"]), person__is_active=True).first()
        )
    except _WRONG:
        row = None
    if row is None:
        raise Refusal(
            "passkey_refused",
            said("We do not know this passkey. Sign in with your password and a code, and add it under Your account."),
        )
    return row.person


def spend(person: Person, answer: str, session: str, about: str, *, now: datetime) -> Passkey:
    """Accepts one answer of one of the person's passkeys, once. Raises Refusal passkey_refused.

    The counter must go up, where the authenticator counts: one that goes back tells of a copy.
    """
    state = _asked(about, None if about == SIGN_IN else person, session, now)
    rows = {row.credential: row for row in person.passkeys.all()}
    try:
        told = AuthenticationResponse.from_dict(_read(answer))
        known = [AttestedCredentialData(websafe_decode(row.key)) for row in rows.values()]
        used = _server().authenticate_complete(state, known, told)
        who = told.response.user_handle
        if who is not None and who != handle_of(person):
            raise ValueError("made for somebody else")
        row, counter = rows[websafe_encode(used.credential_id)], told.response.authenticator_data.counter
    except _WRONG:
        raise Refusal("passkey_refused", _NOT_ACCEPTED) from None
    before = Q(counter__lt=counter) if counter else Q(counter=0)
    if not Passkey.objects.filter(before, pk=row.pk).update(counter=counter, used_at=now):
        raise Refusal(
            "passkey_refused",
            said("The passkey {name} counts backwards: it may have been copied. Use a code, remove it, and call the duty line.", name=row.name),
        )
    return row
