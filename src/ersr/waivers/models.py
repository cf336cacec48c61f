"""Signed writings. Whether one is upcoming, in force or ended follows from time and is never stored."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import models

from ersr.core.terms import Instrument, Terms, WaiverStatus
from ersr.files.models import StoredFile
from ersr.lists.models import ListVersion
from ersr.people.models import Delegation, Person
from ersr.requests.models import Line, Request

PREVIEW_LASTS = timedelta(minutes=15)


class Preview(models.Model):
    """The PDF without token, exactly as it will be signed; lapses after 15 minutes. No token exists yet."""

    request = models.ForeignKey(Request, on_delete=models.PROTECT, related_name="previews")
    instrument = models.CharField(max_length=20)
    reference = models.CharField(max_length=24)
    terms = models.TextField()  # core.terms.Terms as JSON
    lines = models.JSONField()  # primary keys
    file = models.ForeignKey(StoredFile, on_delete=models.PROTECT, related_name="+")
    delegation = models.ForeignKey(Delegation, on_delete=models.PROTECT, related_name="+")
    list_secret = models.BinaryField(null=True)  # 32 bytes, from which the salts of the list's tree come (proof/membership.py)
    made_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    made_at = models.DateTimeField()

    def lapsed(self, now: datetime) -> bool:
        return now >= self.made_at + PREVIEW_LASTS


class ListTree(models.Model):
    """The tree of a large list, hashed by the worker under a secret of its own before a preview asks for its root.

    Goes with the preview that uses it, so that no secret serves two instruments.
    """

    request = models.ForeignKey(Request, on_delete=models.PROTECT, related_name="trees")
    instrument = models.CharField(max_length=20)
    version = models.ForeignKey(ListVersion, on_delete=models.PROTECT, related_name="+")
    secret = models.BinaryField()  # 32 bytes; a thief of the row gains what a thief of Preview.list_secret does
    hashed = models.IntegerField(default=0)  # records so far
    records = models.IntegerField(default=0)  # all of them, once it is made
    root = models.CharField(max_length=64, blank=True)  # hex, once it is made
    problem = models.TextField(blank=True)  # why it could not be made
    made_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    made_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["request", "instrument", "version", "made_by"], name="list_tree_once_waiting")
        ]


class Waiver(models.Model):
    """A signed instrument of any of the three kinds."""

    reference = models.CharField(max_length=24, unique=True)
    request = models.ForeignKey(Request, on_delete=models.PROTECT, related_name="waivers")
    instrument = models.CharField(max_length=20, choices=[(i.value, i.title) for i in Instrument])
    terms_json = models.TextField()
    preview = models.OneToOneField(Preview, on_delete=models.PROTECT, related_name="signed")
    pdf = models.ForeignKey(StoredFile, on_delete=models.PROTECT, related_name="+")
    token = models.ForeignKey(StoredFile, on_delete=models.PROTECT, related_name="+")
    #: list-key.json, for the holder of the list alone: whoever has it can try names against proofs. Empty without a list.
    list_key = models.TextField(blank=True, db_default="")
    signed_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    signed_at = models.DateTimeField()
    acts_from = models.DateTimeField()
    effective_from = models.DateTimeField()
    ends_at = models.DateTimeField()

    class Meta:
        ordering = ["signed_at", "pk"]

    def __str__(self) -> str:
        return self.reference

    @property
    def terms(self) -> Terms:
        return Terms.from_json(self.terms_json)

    def status_at(self, now: datetime) -> WaiverStatus:
        return self.terms.status_at(now)


class WaiverLine(models.Model):
    waiver = models.ForeignKey(Waiver, on_delete=models.PROTECT, related_name="lines")
    line = models.OneToOneField(Line, on_delete=models.PROTECT, related_name="executed")


class ServiceRecord(models.Model):
    """Legal service: by which channel, when, and the server's or courier's confirmation. Our mails are not service."""

    CHANNELS = ("courier", "e-mail", "post", "web_site")

    waiver = models.ForeignKey(Waiver, on_delete=models.PROTECT, related_name="service")
    channel = models.CharField(max_length=10)
    served_at = models.DateTimeField()
    confirmation = models.CharField(max_length=300)
    by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta:
        ordering = ["served_at", "pk"]


class Acknowledgement(models.Model):
    """The registry says that the instrument reached it. Not an agreement with its contents."""

    waiver = models.OneToOneField(Waiver, on_delete=models.PROTECT, related_name="acknowledgement")
    by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
