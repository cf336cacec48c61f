"""What is read about people, always on behalf of somebody."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import QuerySet

from ersr.core.errors import Refusal, not_found
from ersr.core.lifecycle import Role
from ersr.core.permits import office
from ersr.core.tongue import said
from ersr.ledger.models import Checkpoint, Event
from ersr.parties.models import ContactNumber
from ersr.parties.queries import numbers_on_file
from ersr.people.actions import digest, invitation_for, require_office
from ersr.people.models import Delegation, Factor, KeptForm, Passkey, Person, Recovery, RecoveryCall, Session, Token


def person_of_token(text: str, *, now: datetime) -> Token:
    """The live token, with its person."""
    found = Token.objects.select_related("person", "person__party").filter(hash=digest(text)).first()
    if found is None or found.ended_at or found.expires_at <= now or not found.person.is_active:
        raise Refusal("sign_in", said("The token is unknown, ended or expired. Make another with POST /api/v1/tokens."))
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
    return list(rows.order_by("name"))


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


def passkeys_of(person: Person) -> QuerySet[Passkey]:
    return person.passkeys.order_by("made_at")


def drawn_authenticator(person: Person) -> Factor | None:
    """One that waits for its first code."""
    return person.factors.filter(confirmed_at__isnull=True).order_by("-pk").first()


def recovery_codes_left(person: Person) -> int:
    return person.recovery_codes.filter(used_at__isnull=True).count()


def open_recovery_of(person: Person) -> Recovery | None:
    return person.recoveries.filter(ended_at__isnull=True).first()


@dataclass(frozen=True)
class Lost:
    """An open recovery as staff see it: the numbers that may be called, and what became of calls."""

    row: Recovery
    numbers: list[ContactNumber]
    calls: list[RecoveryCall]


def recoveries_visible_to(person: Person, *, now: datetime) -> list[Lost]:
    """Open ones, oldest first, for who calls back or approves. Only numbers that have stood long enough are given."""
    if not (office("call_back", person.roles).allowed or office("approve_recovery", person.roles).allowed):
        require_office("call_back", person)
    rows = Recovery.objects.filter(ended_at__isnull=True).select_related("person__party", "called_by", "approved_by")
    return [
        Lost(row, numbers_on_file(row.person.party, now=now), list(row.calls.select_related("by").order_by("at")))
        for row in rows.order_by("asked_at")
    ]


def events_visible_to(person: Person) -> QuerySet[Event]:
    """The ledger, for auditors."""
    require_office("read_ledger", person)
    return Event.objects.select_related("body", "leaf")


def newest_checkpoint_for(person: Person) -> Checkpoint | None:
    """The newest signed checkpoint, public or not, for auditors."""
    require_office("read_ledger", person)
    return Checkpoint.objects.order_by("-size").first()
