"""What is read of mails, always on behalf of somebody."""

from __future__ import annotations

from django.db.models import CharField, OuterRef, QuerySet
from django.db.models.functions import Cast

from ersr.core.permits import office
from ersr.jobs.queue import next_try
from ersr.notifications.models import Notification
from ersr.people.actions import require_office
from ersr.people.models import Person


def told_to(person: Person) -> QuerySet[Notification]:
    """What this person was told by mail."""
    return Notification.objects.filter(person=person)


def outbox(person: Person) -> QuerySet[Notification]:
    """Every mail, newest first, with `next_at`: when it is tried next, None if nobody tries any more."""
    require_office("read_outbox", person)
    return Notification.objects.annotate(next_at=next_try("mail", Cast(OuterRef("pk"), CharField())))


def outbox_trouble(person: Person) -> QuerySet[Notification]:
    """Mails that failed, for the desk of those who read the outbox."""
    failed = Notification.objects.filter(state="failed")
    return failed if office("read_outbox", person.roles).allowed else failed.none()
