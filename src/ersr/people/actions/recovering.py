"""A lost second factor: reported, called back on a number on file, approved by somebody else, and then a link by mail.

What the person has goes on counting until the link is used to its end (inviting.confirm_enrolment), and until then the person
can stop it: an impostor who talks us into an approval keeps nobody out by that alone. Real time.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.db.models import Q

from ersr.core.errors import FieldError, Refusal, invalid, not_found
from ersr.core.tongue import said
from ersr.jobs import queue
from ersr.ledger.append import append
from ersr.parties.models import ContactNumber
from ersr.parties.queries import NUMBER_MUST_STAND
from ersr.people import patience
from ersr.people.actions.inviting import has_enrolled, invitation_of, require_office
from ersr.people.models import Invitation, Person, Recovery, RecoveryCall

#: How long a recovery waits for its call and approval, and how long its link works.
WAITS, LINK_LASTS = timedelta(days=7), timedelta(hours=24)


def report_lost(email: str, *, network: str, now: datetime) -> None:
    """Somebody says that their factor is lost. What is done here is the same whoever they are: a job looks whether we know
    them, so that neither the answer nor its time tells. Raises Refusal too_many."""
    patience.take(f"lost:{network}", patience.ASKING, now=now)
    queue.put("lost_factor", email.strip().lower()[:100], now=now)


def begin_recovery(email: str, *, now: datetime) -> Recovery | None:
    """The recovery that was reported, if there is such a person with a factor to lose and none is open."""
    with transaction.atomic():
        person = Person.objects.select_for_update().filter(email=email, is_active=True).first()
        if person is None or not has_enrolled(person):
            return None
        # Too old, or its link was not used in time: the person must be able to ask again.
        over = Q(asked_at__lte=now - WAITS) | Q(invitation__expires_at__lte=now)
        old = person.recoveries.filter(over, ended_at__isnull=True)
        old.update(ended_at=now, ended="lapsed")
        if person.recoveries.filter(ended_at__isnull=True).exists():
            return None
        row = Recovery.objects.create(person=person, asked_at=now)
        append("people.recovery_asked", subject=f"person:{person.pk}", by="somebody", now=now, facts={"recovery": row.pk})
        queue.put("tell", f"recovery_asked:{row.pk}", now=now)
        return row


def _open(pk: int, now: datetime) -> Recovery:
    row = Recovery.objects.select_for_update(of=("self",)).select_related("person__party").filter(pk=pk).first()
    if row is None:
        raise not_found()
    if row.ended_at is not None or row.asked_at <= now - WAITS or not row.person.is_active:
        raise Refusal("lapsed", said("This recovery has ended. The person asks anew at the sign-in."))
    return row


def call_back(
    recovery: int, *, number_id: int, outcome: str, by: Person, now: datetime, remark: str = ""
) -> RecoveryCall:
    """Records one call to a number on file that has stood 30 days. "confirmed" lets somebody else approve; "denied" ends it."""
    require_office("call_back", by)
    with transaction.atomic():
        row = _open(recovery, now)
        if row.person_id == by.pk:
            raise Refusal("self_approval", said("This is about you: somebody else calls back."))
        number = ContactNumber.objects.filter(pk=number_id, contact__party=row.person.party).select_related("contact").first()
        errors = []
        if number is None:
            errors.append(FieldError("number_id", said("Choose a number on file: only those are called")))
        if outcome not in RecoveryCall.OUTCOMES:
            errors.append(FieldError("outcome", said("Choose the outcome: {outcomes}", outcomes=", ".join(RecoveryCall.OUTCOMES))))
        if errors or number is None:
            raise invalid(*errors)
        days = (now.date() - number.since).days
        if days < NUMBER_MUST_STAND.days:
            raise Refusal("number_recent", said("This number changed {days} days ago. Call another contact.", days=days))
        if row.approved_at is not None:
            raise Refusal("already", said("This recovery was approved already."))
        call = RecoveryCall.objects.create(
            recovery=row, contact_number_id=number.pk, number=number.number, contact_name=number.contact.name,
            outcome=outcome, remark=remark.strip()[:300], by=by, at=now,
        )  # fmt: skip
        if outcome == "confirmed":
            row.called_by, row.called_at = by, now
        elif outcome == "denied":
            row.ended_at, row.ended = now, "denied"
        row.save(update_fields=["called_by", "called_at", "ended_at", "ended"])
        append(
            "people.recovery_called", subject=f"person:{row.person_id}", by=by.email, now=now,
            facts={
                "recovery": row.pk, "number": call.number, "contact": call.contact_name, "outcome": outcome,
                "remark": call.remark,
            },
        )  # fmt: skip
        return call


def approve_recovery(recovery: int, *, by: Person, now: datetime) -> Recovery:
    """The second person. A link goes out by mail, and the other contacts of the organisation are told that it did."""
    require_office("approve_recovery", by)
    try:
        with transaction.atomic():
            row = _open(recovery, now)
            if row.called_by_id is None:
                raise Refusal("not_now", said("Nobody has called back and had it confirmed yet."))
            if by.pk in (row.called_by_id, row.person_id):
                raise Refusal("self_approval", said("Nobody approves alone: another must approve than who called back or who asks."))
            if row.approved_at is not None:
                raise Refusal("already", said("This recovery was approved already."))
            row.approved_by, row.approved_at = by, now
            row.save(update_fields=["approved_by", "approved_at"])
            append(
                "people.recovery_approved", subject=f"person:{row.person_id}", by=by.email, now=now,
                facts={"recovery": row.pk, "called_by": row.called_by.email if row.called_by else ""},
            )  # fmt: skip
            queue.put("tell", f"recovery_approved:{row.pk}", now=now)
            return row
    except IntegrityError:  # the database keeps the three apart, whatever the code above says
        raise Refusal("self_approval", said("Nobody approves alone.")) from None


def stop_recovery(person: Person, *, now: datetime) -> None:
    """The person has their factor after all, or never asked: it ends, and a link that went out opens nothing."""
    with transaction.atomic():
        row = Recovery.objects.select_for_update().filter(person=person, ended_at__isnull=True).first()
        if row is None:
            raise Refusal("already", said("No recovery is open."))
        row.ended_at, row.ended = now, "stopped"
        row.save(update_fields=["ended_at", "ended"])
        if row.invitation_id:
            Invitation.objects.filter(pk=row.invitation_id, used_at__isnull=True).update(expires_at=now)
        append(
            "people.recovery_stopped", subject=f"person:{person.pk}", by=person.email, now=now, facts={"recovery": row.pk}
        )


def draw_recovery_link(recovery: int, *, now: datetime) -> str | None:
    """The code for the mail, drawn when the mail is written, in the transaction of its row; None if it was stopped since."""
    row = Recovery.objects.select_for_update(of=("self",)).filter(pk=recovery, ended_at__isnull=True).first()
    if row is None or row.approved_at is None or row.invitation_id is not None or not row.person.is_active:
        return None
    code = invitation_of(row.person, now, LINK_LASTS)
    row.invitation = row.person.invitations.order_by("-pk").first()
    row.save(update_fields=["invitation"])
    append("people.recovery_sent", subject=f"person:{row.person_id}", by="system", now=now, facts={"recovery": row.pk})
    return code
