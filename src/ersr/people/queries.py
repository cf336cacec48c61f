"""What is read about people, always on behalf of somebody."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import QuerySet

from ersr.core.errors import Refusal, not_found
from ersr.core.lifecycle import Role
from ersr.ledger.models import Checkpoint, Event
from ersr.people.actions import digest, invitation_for, require_office
from ersr.people.models import Delegation, Factor, KeptForm, Person, Session, Token


def person_of_token(text: str, *, now: datetime) -> Token:
    """The live token, with its person."""
    found = Token.objects.select_related("person", "person__party").filter(hash=digest(text)).first()
    if found is None or found.ended_at or found.expires_at <= now or not found.person.is_active:
        raise Refusal("sign_in", "The token is unknown, ended or expired. Make another with POST /api/v1/tokens.")
    return found


def sessions_of(person: Person, *, now: datetime) -> list[Session]:
    return list(Session.objects.filter(person=person, expire_date__gt=now).order_by("-seen_at"))


def tokens_of(person: Person) -> QuerySet[Token]:
    return Token.objects.filter(person=person, ended_at__isnull=True).order_by("-made_at")


def people_visible_to(person: Person) -> QuerySet[Person]:
    require_office("read_people", person)
    return Person.objects.select_related("party").prefetch_related("role_rows", "delegations")


def person_for(person: Person, pk: int) -> Person:
    """Somebody by number, for whom may read people."""
    found = people_visible_to(person).filter(pk=pk).first()
    if found is None:
        raise not_found()
    return found


def delegation_for(
    person: Person, instrument: str, family: str, *, now: datetime, officer: bool = False
) -> Delegation | None:
    """A delegation in force that covers this instrument and agreement family; with `officer`, only an officer's."""
    rows = Delegation.objects.filter(person=person, instrument=instrument, starts_at__lte=now, ends_at__gt=now)
    if officer:
        rows = rows.filter(officer=True)
    return next((row for row in rows.order_by("-ends_at") if family in row.families.split()), None)


def with_role(*roles: Role) -> list[Person]:
    """Active people with any of the roles, for staff's eyes: "two people can"."""
    rows = Person.objects.filter(is_active=True, role_rows__role__in=[r.value for r in roles]).distinct()
    return list(rows.prefetch_related("role_rows").order_by("name"))


def kept_form(person: Person, key: str, *, now: datetime) -> KeptForm:
    found = KeptForm.objects.filter(person=person, key=key, kept_at__gt=now - timedelta(hours=24)).first()
    if found is None:
        raise not_found()
    return found


def kept_forms_of(person: Person, *, now: datetime) -> list[KeptForm]:
    return list(KeptForm.objects.filter(person=person, kept_at__gt=now - timedelta(hours=24)).order_by("-kept_at"))


def enrolling(code: str, *, now: datetime) -> tuple[Person, Factor | None]:
    """Whom the invitation is for, and the factor that waits for its first code."""
    person = invitation_for(code, now).person
    return person, person.factors.filter(confirmed_at__isnull=True).order_by("-pk").first()


def factors_of(person: Person) -> QuerySet[Factor]:
    return person.factors.filter(confirmed_at__isnull=False).order_by("confirmed_at")


def events_visible_to(person: Person) -> QuerySet[Event]:
    """The ledger, for auditors."""
    require_office("read_ledger", person)
    return Event.objects.select_related("body", "leaf")


def newest_checkpoint_for(person: Person) -> Checkpoint | None:
    """The newest signed checkpoint, public or not, for auditors."""
    require_office("read_ledger", person)
    return Checkpoint.objects.order_by("-size").first()
