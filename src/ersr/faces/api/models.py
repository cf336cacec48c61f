"""The one thing that the API remembers by itself: what it answered to a call that carried an Idempotency-Key."""

from __future__ import annotations

from django.db import models

from ersr.people.models import Person


class IdempotentAnswer(models.Model):
    """Sealed, since answers carry case content and new links: a thief of the table gains nothing. Kept for 24 hours."""

    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="+")
    key = models.CharField(max_length=80)
    path = models.CharField(max_length=300)
    body_digest = models.CharField(max_length=64)  # SHA-256 of the body; of fields and files where it is multipart
    status = models.SmallIntegerField(null=True)  # null only inside the transaction that makes the answer
    body = models.TextField(blank=True)  # sealed
    media_type = models.CharField(max_length=100, blank=True)
    at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["person", "key"], name="idempotency_key_once")]
