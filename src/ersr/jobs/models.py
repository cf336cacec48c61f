"""What runs later. One table, claimed by conditional UPDATE (docs/adr/0002-own-job-table.md)."""

from __future__ import annotations

from django.db import models


class Job(models.Model):
    """A lease that ran out makes the job claimable again; `vanished` stops one that takes its workers down."""

    kind = models.CharField(max_length=60)
    subject = models.CharField(max_length=100)
    state = models.CharField(max_length=10, default="open")  # open, running, done, failed
    tries = models.IntegerField(default=0)
    vanished = models.IntegerField(default=0, db_default=0)  # workers lost over it in a row
    due_at = models.DateTimeField()
    leased_until = models.DateTimeField(null=True)
    lease = models.CharField(max_length=32, blank=True)
    problem = models.TextField(blank=True)
    made_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["state", "due_at"])]
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "subject"],
                condition=models.Q(state__in=("open", "running")),
                name="job_once_while_open",
            )
        ]
