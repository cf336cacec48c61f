from __future__ import annotations

from django.db.models import QuerySet

from ersr.notifications.models import Notification
from ersr.people.models import Person


def told_to(person: Person) -> QuerySet[Notification]:
    """What this person was told by mail."""
    return Notification.objects.filter(person=person)


def outbox_trouble() -> QuerySet[Notification]:
    """Mails that failed, for the desk."""
    return Notification.objects.filter(state="failed")
