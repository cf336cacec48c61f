"""Our mails. A row before it is mail. Never called notice: that is the legal thing (docs/glossary.md)."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from ersr.notifications.words import heading
from ersr.people.models import Person


class Notification(models.Model):
    """Carries a reference and a link, never content."""

    key = models.CharField(
        max_length=120, unique=True
    )  # what it is about and to whom: the same one is never queued twice
    kind = models.CharField(max_length=40)
    to = models.EmailField()
    person = models.ForeignKey(Person, on_delete=models.SET_NULL, null=True, related_name="notifications")
    subject = models.CharField(max_length=160)
    body = models.TextField()
    reference = models.CharField(max_length=30, blank=True)
    link = models.CharField(max_length=300, blank=True)
    state = models.CharField(max_length=10, default="queued")  # queued, sent, failed
    tries = models.IntegerField(default=0)
    problem = models.CharField(max_length=300, blank=True)
    queued_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)
    acknowledged_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-queued_at", "-pk"]
        indexes = [
            models.Index("person", F("queued_at").desc(), F("id").desc(), name="notification_of_person"),
            models.Index(fields=["state"], condition=Q(state="failed"), name="notification_failed"),
        ]

    @property
    def heading(self) -> str:
        """The subject in the language of whoever reads the page, whatever the mail was sent in."""
        return heading(self.kind, self.reference)
