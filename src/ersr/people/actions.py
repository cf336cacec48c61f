"""What changes people: invitations, factors, sessions, tokens, roles, delegations. Real time, except for delegations."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.contrib.auth.hashers import check_password, make_password
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction

from ersr.core.errors import FieldError, Refusal, invalid, not_found
from ersr.core.lifecycle import DISCIPLINES, STAFF, Role
from ersr.core.permits import office
from ersr.core.terms import Instrument, rfc3339
from ersr.ledger.append import append
from ersr.parties.models import Party
from ersr.people import factors
from ersr.people.models import Attempt, Delegation, Factor, Invitation, KeptForm, Person, RoleRow, Session, Token

INVITATION_LASTS = timedelta(days=7)
TOKEN_LASTS_AT_MOST = timedelta(days=366)
#: Compared when there is no such person, so that the answer takes the same time.
_NOBODY = make_password(None)


def digest(code: str) -> str:
    return hashlib.sha256(code.encode()).hexdigest()


def require_office(action: str, by: Person | None) -> None:
    """None is the operating command on the machine itself."""
    if by is not None:
        verdict = office(action, by.roles)
        if not verdict.allowed:
            raise Refusal("not_allowed", verdict.why)


def invite(
    *,
    email: str,
    name: str,
    party: Party,
    roles: Sequence[tuple[str, str]],
    by: Person | None,
    now: datetime,
    title: str = "",
    zone: str = "UTC",
) -> tuple[Person, str]:
    """A person with roles [(role, discipline or "")] and the code of an invitation, which is shown once."""
    require_office("invite", by)
    errors = []
    try:
        validate_email(email)
    except ValidationError:
        errors.append(FieldError("email", "Enter an e-mail address, like n.name@example.org"))
    if not name.strip():
        errors.append(FieldError("name", "Enter the person's name"))
    known = {r.value for r in Role} - {Role.LEGAL.value}
    for role, discipline in roles:
        if role not in known:
            errors.append(FieldError("roles", f"{role!r} is no role; the roles are {', '.join(sorted(known))}"))
        elif (role == Role.RESPONDER) != bool(discipline) or (discipline and discipline not in DISCIPLINES):
            errors.append(
                FieldError("roles", f"A responder, and nobody else, has a discipline: {', '.join(DISCIPLINES)}")
            )
        elif (Role(role) in STAFF) != (party.kind == "authority"):
            errors.append(FieldError("roles", f"{role} does not fit {party.name}: staff work for the authority"))
    if not roles:
        errors.append(FieldError("roles", "Give at least one role"))
    if errors:
        raise invalid(*errors)
    with transaction.atomic():
        again = Refusal("already", f"{email} was invited before.")
        if Person.objects.filter(email__iexact=email).exists():
            raise again
        try:
            with transaction.atomic():
                person = Person.objects.create(
                    email=email.lower(), name=name.strip(), title=title, party=party, zone=zone, invited_at=now,
                    password=make_password(None),
                )  # fmt: skip
        except IntegrityError:  # somebody invited them at the same moment
            raise again from None
        RoleRow.objects.bulk_create(RoleRow(person=person, role=r, discipline=d) for r, d in dict.fromkeys(roles))
        code = _invitation(person, now)
        append(
            "people.invited",
            subject=f"person:{person.pk}",
            by=by.email if by else "system",
            now=now,
            facts={"email": person.email, "party": party.key, "roles": [list(r) for r in roles]},
        )
    return person, code


def _invitation(person: Person, now: datetime) -> str:
    code = secrets.token_urlsafe(32)
    Invitation.objects.create(person=person, hash=digest(code), expires_at=now + INVITATION_LASTS)
    return code


def _shut_out(person: Person, now: datetime) -> None:
    """Ends what the person comes in with now: open invitations, sessions, tokens."""
    person.invitations.filter(used_at__isnull=True, expires_at__gt=now).update(expires_at=now)
    Session.objects.filter(person=person).delete()
    Token.objects.filter(person=person, ended_at__isnull=True).update(ended_at=now)


def _other(person: Person, by: Person | None, instead: str) -> Person:
    """The person's row, locked, unless it is one's own."""
    require_office("invite", by)
    if by is not None and by.pk == person.pk:
        raise Refusal("not_allowed", f"Nobody does this to themselves. {instead}")
    return Person.objects.select_for_update().get(pk=person.pk)


def reinvite(person: Person, *, by: Person | None, now: datetime) -> str:
    """The code of a new invitation, shown once, for who lost the factor or let the first one lapse. Password, factors,
    sessions and tokens end at once. Roles stay; somebody whose access was ended has it again."""
    with transaction.atomic():
        row = _other(person, by, "Ask another administrator for a new invitation.")
        back = not row.is_active
        _shut_out(row, now)
        row.factors.all().delete()
        row.is_active, row.password = True, make_password(None)
        row.save(update_fields=["is_active", "password"])
        append(
            "people.reinvited", subject=f"person:{row.pk}", by=by.email if by else "system", now=now,
            facts={"email": row.email, "access_was_ended": back},
        )  # fmt: skip
        return _invitation(row, now)


def deactivate(person: Person, *, by: Person | None, reason: str, now: datetime) -> None:
    """Ends somebody's access: they sign in no more. The row stays, since what they did names it."""
    with transaction.atomic():
        row = _other(person, by, "Ask another administrator to end your access.")
        if not reason.strip():
            raise invalid(FieldError("reason", "Say why the access ends"))
        if not row.is_active:
            raise Refusal("already", f"The access of {row.name} was ended before.")
        _shut_out(row, now)
        row.is_active = False
        row.save(update_fields=["is_active"])
        append(
            "people.deactivated", subject=f"person:{row.pk}", by=by.email if by else "system", now=now,
            facts={"email": row.email, "reason": reason.strip()},
        )  # fmt: skip


def invitation_for(code: str, now: datetime) -> Invitation:
    found = Invitation.objects.select_related("person").filter(hash=digest(code)).first()
    if found is None:
        raise not_found()
    if found.used_at or found.expires_at <= now:
        raise Refusal("lapsed", "This invitation was used or is too old. Ask an administrator for another.")
    return found


def begin_enrolment(code: str, password: str, *, now: datetime) -> Factor:
    """Sets the password and draws a factor that counts once `confirm_enrolment` has seen a code of it."""
    with transaction.atomic():
        person = invitation_for(code, now).person
        try:
            validate_password(password, person)
        except ValidationError as wrong:
            raise invalid(*(FieldError("password", message) for message in wrong.messages)) from None
        person.password = make_password(password)
        person.save(update_fields=["password"])
        person.factors.filter(confirmed_at__isnull=True).delete()
        return Factor.objects.create(person=person, sealed=factors.seal(factors.fresh_secret()))


def confirm_enrolment(code: str, totp: str, *, now: datetime) -> Person:
    with transaction.atomic():
        invitation = invitation_for(code, now)
        factor = factors.spend(invitation.person, totp, now=now, unconfirmed=True)
        factor.confirmed_at = now
        factor.save(update_fields=["confirmed_at"])
        invitation.used_at = now
        invitation.save(update_fields=["used_at"])
        append(
            "people.enrolled",
            subject=f"person:{invitation.person_id}",
            by=invitation.person.email,
            now=now,
            facts={"factor": "totp"},
        )
        return invitation.person


def sign_in(email: str, password: str, totp: str, *, now: datetime, through: str) -> Person:
    """The person, if all three are right. One refusal for every other case, which does not tell which was wrong."""
    email = email.strip().lower()
    wrong = Refusal("credentials", "E-mail, password or code is not right. Try again, or call the duty line.")
    factors.require_patience(email, now=now)
    person = Person.objects.filter(email=email, is_active=True).first()
    right = check_password(password, person.password if person else _NOBODY)
    try:
        if person is None or not right:
            raise wrong
        with transaction.atomic():
            factors.spend(person, totp, now=now)
            append(
                "people.signed_in", subject=f"person:{person.pk}", by=person.email, now=now, facts={"through": through}
            )
        return person
    except Refusal as refusal:
        factors.note_failure(email, now=now)
        raise (refusal if refusal.code in ("code_used", "damaged") else wrong) from None


def make_token(
    person: Person, *, name: str, scopes: Sequence[str], lasts: timedelta, now: datetime
) -> tuple[Token, str]:
    """The row and the token's text, which is shown once. Scopes: read, write, sign, admin."""
    errors = []
    if unknown := set(scopes) - set(Token.SCOPES):
        errors.append(
            FieldError("scopes", f"No such scope: {', '.join(sorted(unknown))}; there are {', '.join(Token.SCOPES)}")
        )
    if not scopes:
        errors.append(FieldError("scopes", f"Choose at least one of {', '.join(Token.SCOPES)}"))
    if not timedelta(0) < lasts <= TOKEN_LASTS_AT_MOST:
        errors.append(FieldError("days", "A token lasts at least a moment and at most 366 days"))
    if errors:
        raise invalid(*errors)
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
    Token.objects.filter(pk=token.pk).exclude(used_at__gt=now - timedelta(minutes=1)).update(used_at=now)


def end_token(person: Person, token_id: int, *, now: datetime) -> None:
    with transaction.atomic():
        if not Token.objects.filter(pk=token_id, person=person, ended_at__isnull=True).update(ended_at=now):
            raise not_found()
        append("people.token_ended", subject=f"person:{person.pk}", by=person.email, now=now, facts={"token": token_id})


def end_session(person: Person, session_key_hash: str, *, now: datetime) -> None:
    """Ends one of the person's own sessions; it is named by the hash of its key, which is no secret."""
    with transaction.atomic():
        for session in Session.objects.filter(person=person):
            if digest(session.session_key) == session_key_hash:
                session.delete()
                append("people.ended_session", subject=f"person:{person.pk}", by=person.email, now=now)
                return
        raise not_found()


def delegate(
    *,
    person: Person,
    instrument: str,
    families: Sequence[str],
    starts_at: datetime,
    ends_at: datetime,
    words: str,
    by: Person,
    now: datetime,
    officer: bool = False,
) -> Delegation:
    """Gives a signatory authority over one kind of instrument, for agreement families and a period."""
    require_office("delegate", by)
    errors = []
    if instrument not in set(Instrument):
        errors.append(FieldError("instrument", f"Choose one of {', '.join(Instrument)}"))
    if Role.SIGNATORY not in person.roles:
        errors.append(FieldError("person", f"{person.name} is not a signatory"))
    if not families or any(not f.replace("-", "").isalnum() for f in families):
        errors.append(FieldError("families", "Name the agreement families, like base"))
    if ends_at <= starts_at:
        errors.append(FieldError("ends_at", "The end must come after the beginning"))
    if not words.strip():
        errors.append(FieldError("words", "Name the resolution or letter that the delegation rests on"))
    if errors:
        raise invalid(*errors)
    with transaction.atomic():
        row = Delegation.objects.create(
            person=person,
            instrument=instrument,
            families=" ".join(families),
            starts_at=starts_at,
            ends_at=ends_at,
            words=words,
            officer=officer,
            given_by=by,
        )
        append(
            "delegation.given",
            subject=f"person:{person.pk}",
            by=by.email,
            now=now,
            facts={
                "person": person.email,
                "instrument": instrument,
                "families": list(families),
                "starts_at": rfc3339(starts_at),
                "ends_at": rfc3339(ends_at),
                "officer": officer,
                "words": words,
            },
        )
    return row


def end_delegation(delegation_id: int, *, by: Person, reason: str, now: datetime) -> Delegation:
    """Ends a delegation that is in force or to come. The row stays; what it said before is in the event."""
    require_office("delegate", by)
    with transaction.atomic():
        row = (
            Delegation.objects.select_for_update(of=("self",)).filter(pk=delegation_id).select_related("person").first()
        )
        if row is None:
            raise not_found()
        if not reason.strip():
            raise invalid(FieldError("reason", "Say why the delegation ends"))
        if row.ends_at <= now:
            raise Refusal("already", "This delegation has ended.")
        before = {"starts_at": rfc3339(row.starts_at), "ends_at": rfc3339(row.ends_at)}
        # One that has not begun must still end after its beginning: it lasts for the moment that has just passed.
        row.starts_at, row.ends_at = min(row.starts_at, now - timedelta(microseconds=1)), now
        row.save(update_fields=["starts_at", "ends_at"])
        append(
            "delegation.ended", subject=f"person:{row.person_id}", by=by.email, now=now,
            facts={"delegation": row.pk, "person": row.person.email, "instrument": row.instrument, "reason": reason.strip()}
            | before,
        )  # fmt: skip
    return row


#: Of one person, at a time.
KEPT_FORMS = 5


def keep_form(person: Person, path: str, body: str, *, now: datetime) -> KeptForm:
    """A form that came after sign-out; older ones of everybody are dropped on the way.

    A person has at most KEPT_FORMS, the newest: what nobody signed in for must not be able to fill the database.
    """
    KeptForm.objects.filter(kept_at__lt=now - timedelta(hours=24)).delete()
    made = KeptForm.objects.create(
        key=secrets.token_urlsafe(24), person=person, path=path[:300], body=body, kept_at=now
    )
    others = KeptForm.objects.filter(person=person).exclude(pk=made.pk).order_by("-kept_at", "-pk")
    KeptForm.objects.filter(pk__in=list(others.values_list("pk", flat=True)[KEPT_FORMS - 1 :])).delete()
    return made


def drop_kept_form(person: Person, key: str) -> None:
    KeptForm.objects.filter(person=person, key=key).delete()


def set_zone(person: Person, zone: str) -> None:
    from zoneinfo import available_timezones

    if zone not in available_timezones():
        raise invalid(FieldError("zone", "Choose a time zone, like Europe/Brussels"))
    Person.objects.filter(pk=person.pk).update(zone=zone)


def sweep(*, now: datetime, older_than: timedelta) -> int:
    """Deletes what nobody needs any more: ended sessions, kept forms, failed sign-ins."""
    limit = now - older_than
    deleted, _ = Session.objects.filter(expire_date__lt=limit).delete()
    for rows in (KeptForm.objects.filter(kept_at__lt=limit), Attempt.objects.filter(at__lt=limit)):
        deleted += rows.delete()[0]
    return deleted
