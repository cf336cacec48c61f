"""Delegations of authority: who may sign which instrument. Product time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction

from ersr.core.errors import FieldError, Refusal, invalid, not_found
from ersr.core.lifecycle import Role
from ersr.core.terms import Instrument, rfc3339
from ersr.core.tongue import said
from ersr.ledger.append import append
from ersr.people.actions.inviting import require_office
from ersr.people.models import Delegation, Person


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
        errors.append(FieldError("instrument", said("Choose one of {instrument}", instrument=', '.join(Instrument))))
    if Role.SIGNATORY not in person.roles:
        errors.append(FieldError("person", said("{name} is not a signatory", name=person.name)))
    if not families or any(not f.replace("-", "").isalnum() for f in families):
        errors.append(FieldError("families", said("Name the agreement families, like base")))
    if ends_at <= starts_at:
        errors.append(FieldError("ends_at", said("The end must come after the beginning")))
    if not words.strip():
        errors.append(FieldError("words", said("Name the resolution or letter that the delegation rests on")))
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
            raise invalid(FieldError("reason", said("Say why the delegation ends")))
        if row.ends_at <= now:
            raise Refusal("already", said("This delegation has ended."))
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
