"""Who comes to us: invitations, the first enrolment, access that ends and is given back. Real time."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction

from ersr.core.errors import FieldError, Refusal, invalid, not_found
from ersr.core.lifecycle import DISCIPLINES, STAFF, Role
from ersr.core.permits import office
from ersr.core.tongue import said
from ersr.ledger.append import append
from ersr.parties.models import Party
from ersr.people import factors
from ersr.people.actions.tokens import digest
from ersr.people.models import DeviceCode, Factor, Invitation, Person, Recovery, RoleRow, Session, Token

INVITATION_LASTS = timedelta(days=7)


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
        validate_email(email if email.isascii() and email.isprintable() else "")
    except ValidationError:
        errors.append(FieldError("email", said("Enter an e-mail address, like n.name@example.org")))
    if not name.strip():
        errors.append(FieldError("name", said("Enter the person's name")))
    known = {r.value for r in Role} - {Role.LEGAL.value}
    for role, discipline in roles:
        if role not in known:
            errors.append(FieldError("roles", said("{role} is no role; the roles are {known}", role=repr(role), known=', '.join(sorted(known)))))
        elif (role == Role.RESPONDER) != bool(discipline) or (discipline and discipline not in DISCIPLINES):
            errors.append(
                FieldError("roles", said("A responder, and nobody else, has a discipline: {disciplines}", disciplines=', '.join(DISCIPLINES)))
            )
        elif (Role(role) in STAFF) != (party.kind == "authority"):
            errors.append(FieldError("roles", said("{role} does not fit {name}: staff work for the authority", role=role, name=party.name)))
    if not roles:
        errors.append(FieldError("roles", said("Give at least one role")))
    if errors:
        raise invalid(*errors)
    with transaction.atomic():
        again = Refusal("already", said("{email} was invited before.", email=email))
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
        code = invitation_of(person, now, INVITATION_LASTS)
        append(
            "people.invited",
            subject=f"person:{person.pk}",
            by=by.email if by else "system",
            now=now,
            facts={"email": person.email, "party": party.key, "roles": [list(r) for r in roles]},
        )
    return person, code


def invitation_of(person: Person, now: datetime, lasts: timedelta) -> str:
    """The code of a fresh invitation; only its hash is kept."""
    code = secrets.token_urlsafe(32)
    Invitation.objects.create(person=person, hash=digest(code), expires_at=now + lasts)
    return code


def shut_out(person: Person, now: datetime) -> None:
    """Ends what the person comes in with now: open invitations, sessions, tokens, and programs that wait for one."""
    person.invitations.filter(used_at__isnull=True, expires_at__gt=now).update(expires_at=now)
    Session.objects.filter(person=person).delete()
    Token.objects.filter(person=person, ended_at__isnull=True).update(ended_at=now)
    DeviceCode.objects.filter(person=person).delete()


def _other(person: Person, by: Person | None, instead: str) -> Person:
    """The person's row, locked, unless it is one's own."""
    require_office("invite", by)
    if by is not None and by.pk == person.pk:
        raise Refusal("not_allowed", said("Nobody does this to themselves. {instead}", instead=instead))
    return Person.objects.select_for_update().get(pk=person.pk)


def has_enrolled(person: Person) -> bool:
    """Whether there is a second factor that could be lost."""
    return person.factors.filter(confirmed_at__isnull=False).exists() or person.passkeys.exists()


def reinvite(person: Person, *, by: Person | None, now: datetime) -> str:
    """The code of a new invitation, shown once, for who let the first one lapse; roles stay. Whoever has a second factor and
    lost it goes through a recovery instead, which takes two people (actions/recovering.py). From the machine itself
    (`by` is None) an administrator is let in again all the same, or a sole one never were: what they had ends."""
    with transaction.atomic():
        row = _other(person, by, "Ask another administrator for a new invitation.")
        anew = by is None and Role.ADMINISTRATOR in row.roles and has_enrolled(row)
        if has_enrolled(row) and not anew:
            raise Refusal(
                "not_now",
                said("{name} has a second factor. If it is lost, they ask for a new one at {ersr_address}/signin/lost: one of the staff calls back, and another approves.", name=row.name, ersr_address=settings.ERSR_ADDRESS),
            )
        back = not row.is_active
        shut_out(row, now)
        if anew:
            for had in (row.factors, row.passkeys, row.recovery_codes):
                had.all().delete()
            row.password = make_password(None)
        row.is_active = True
        row.save(update_fields=["is_active", "password"])
        append(
            "people.reinvited", subject=f"person:{row.pk}", by=by.email if by else "system", now=now,
            facts={"email": row.email, "access_was_ended": back, "factors_ended": anew},
        )  # fmt: skip
        return invitation_of(row, now, INVITATION_LASTS)


def reactivate(person: Person, *, by: Person | None, now: datetime) -> None:
    """Gives ended access back: the person signs in with the password and factor they had. Roles stay."""
    with transaction.atomic():
        row = _other(person, by, "Ask another administrator to give your access back.")
        if row.is_active:
            raise Refusal("already", said("{name} has access.", name=row.name))
        row.is_active = True
        row.save(update_fields=["is_active"])
        append(
            "people.reactivated", subject=f"person:{row.pk}", by=by.email if by else "system", now=now,
            facts={"email": row.email},
        )  # fmt: skip


def deactivate(person: Person, *, by: Person | None, reason: str, now: datetime) -> None:
    """Ends somebody's access: they sign in no more. The row stays, since what they did names it."""
    with transaction.atomic():
        row = _other(person, by, "Ask another administrator to end your access.")
        if not reason.strip():
            raise invalid(FieldError("reason", said("Say why the access ends")))
        if not row.is_active:
            raise Refusal("already", said("The access of {name} was ended before.", name=row.name))
        shut_out(row, now)
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
        raise Refusal("lapsed", said("This invitation was used or is too old. Ask an administrator for another."))
    return found


def begin_enrolment(code: str, password: str, *, now: datetime) -> Factor:
    """Takes the password and draws a factor; both count once `confirm_enrolment` has seen a code of it."""
    with transaction.atomic():
        invitation = invitation_for(code, now)
        person = invitation.person
        check_new_password(person, password)
        invitation.password = make_password(password)
        invitation.save(update_fields=["password"])
        person.factors.filter(confirmed_at__isnull=True).delete()
        return Factor.objects.create(person=person, sealed=factors.seal(factors.fresh_secret()))


def check_new_password(person: Person, password: str) -> None:
    try:
        validate_password(password, person)
    except ValidationError as wrong:
        raise invalid(*(FieldError("password", message) for message in wrong.messages)) from None


def confirm_enrolment(code: str, totp: str, *, now: datetime) -> Person:
    """From here on the new password and factor count, and nothing older does: factors, recovery codes, sessions, tokens end.

    They end now and not when a recovery is approved: until its link is used, the person can still stop it.
    """
    with transaction.atomic():
        invitation = Invitation.objects.select_for_update(of=("self",)).get(pk=invitation_for(code, now).pk)
        if not invitation.password:
            raise not_found()  # the first step was never taken with this link
        person = Person.objects.select_for_update().get(pk=invitation.person_id)
        factor = factors.spend(person, totp, now=now, unconfirmed=True)
        shut_out(person, now)
        person.factors.exclude(pk=factor.pk).delete()
        person.passkeys.all().delete()
        person.recovery_codes.all().delete()
        person.password = invitation.password
        person.save(update_fields=["password"])
        factor.confirmed_at = now
        factor.save(update_fields=["confirmed_at"])
        invitation.used_at = now
        invitation.save(update_fields=["used_at"])
        recovered = Recovery.objects.filter(invitation=invitation, ended_at__isnull=True)
        again = bool(recovered.update(ended="used", ended_at=now))
        append(
            "people.enrolled", subject=f"person:{person.pk}", by=person.email, now=now,
            facts={"factor": "totp", "recovered": again},
        )  # fmt: skip
        return person
