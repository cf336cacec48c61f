"""What is kept for somebody and what is swept away: forms that came after sign-out, the zone, old rows. Real time."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta

from ersr.core.errors import FieldError, invalid
from ersr.core.tongue import said
from ersr.people.models import Attempt, Budget, Challenge, KeptForm, Person, Session

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
        raise invalid(FieldError("zone", said("Choose a time zone, like Europe/Brussels")))
    Person.objects.filter(pk=person.pk).update(zone=zone)


def set_language(person: Person, language: str) -> None:
    """For pages and mails, on every device."""
    if language not in person.languages:
        raise invalid(FieldError("language", said("Choose one of {languages}", languages=', '.join(person.languages))))
    Person.objects.filter(pk=person.pk).update(language=language)


def sweep(*, now: datetime, older_than: timedelta) -> int:
    """Deletes what nobody needs any more: ended sessions, kept forms, counted tries, challenges."""
    limit = now - older_than
    old = (
        Session.objects.filter(expire_date__lt=limit), KeptForm.objects.filter(kept_at__lt=limit),
        Attempt.objects.filter(at__lt=limit), Budget.objects.filter(last_at__lt=limit, free_at__lt=now),
        Challenge.objects.filter(expires_at__lt=limit),
    )  # fmt: skip
    return sum(rows.delete()[0] for rows in old)
