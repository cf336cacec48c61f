"""Puts notifications into the outbox, in the caller's transaction. A worker sends them."""

from __future__ import annotations

import hashlib
from datetime import datetime

from django.conf import settings
from django.db import transaction

from ersr import clock
from ersr.core.errors import not_found
from ersr.jobs import queue
from ersr.ledger.append import append
from ersr.notifications.models import Notification
from ersr.parties.authority import authority
from ersr.people.models import Person

#: kind -> (subject, first sentence). References and links only: mail is a side door (house, habit 9).
KINDS = {
    "acknowledged": ("{ref}: acknowledged", "The registry has acknowledged receipt."),
    "answered": ("{ref}: your move", "A question was answered."),
    "asked": ("{ref}: your move", "There is a question for you."),
    "concluded": ("{ref}: the answer is there", "The answer to your request is there."),
    "filed": ("{ref}: filed", "Your request is in."),
    "filed_in_your_name": (
        "A filing was made in your organisation's name",
        "A filing was made in your organisation's name. If nobody of yours did this, call the duty line.",
    ),
    "invited": ("You are invited", "You are invited to sign in. The link works once and for 7 days."),
    "received": ("{ref}: acknowledge", "A request has come in."),
    "signed": ("{ref}: signed", "An instrument was signed. This mail is a notification, not service."),
    "to_approve": ("{ref}: your move", "A decision waits for an approval."),
    "to_sign": ("{ref}: your move", "A decision waits for a signature."),
}


def _key(kind: str, about: str, to: str) -> str:
    """What the mail is about and to whom, as one key of at most 120 characters; a long one is told apart by its digest."""
    key = f"{kind}:{about}:{to.lower()}"
    return key if len(key) <= 120 else f"{key[:55]}:{hashlib.sha256(key.encode()).hexdigest()}"


def queue_notification(
    kind: str, *, to: str, about: str, now: datetime, person: Person | None = None, reference: str = "", path: str = "/"
) -> None:
    """One row and one job; the same (kind, about, to) is never queued twice."""
    subject, sentence = KINDS[kind]
    key = _key(kind, about, to)
    if Notification.objects.filter(key=key).exists():
        return
    link = settings.ERSR_ADDRESS + path
    known = authority()
    row = Notification.objects.create(
        key=key,
        kind=kind,
        to=to,
        person=person or Person.objects.filter(email=to.lower()).first(),
        subject=subject.format(ref=reference),
        body=f"{sentence}\n\n{link}\n\nDuty line, day and night: {known.duty_number}\nThis mail carries no content of any request.\n",
        reference=reference,
        link=link,
        queued_at=now,
    )
    queue.put("mail", str(row.pk), now=clock.real())


def acknowledge_notification(person: Person, pk: int, *, now: datetime) -> None:
    with transaction.atomic():
        if not Notification.objects.filter(pk=pk, person=person, acknowledged_at__isnull=True).update(
            acknowledged_at=now
        ):
            raise not_found()
        append("notification.read", subject=f"notification:{pk}", by=person.email, now=now)
