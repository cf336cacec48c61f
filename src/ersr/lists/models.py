"""Name lists: the names are a Parquet file by digest; the rows hold digests and counts (house, section 7)."""

from __future__ import annotations

from django.db import models

from ersr.core.tongue import recalled, said
from ersr.files.models import StoredFile
from ersr.incidents.models import Incident
from ersr.people.models import Person


class NameList(models.Model):
    incident = models.ForeignKey(Incident, on_delete=models.PROTECT, related_name="lists")
    number = models.IntegerField()
    title = models.CharField(max_length=120)

    @property
    def named(self) -> bool:
        """Whether somebody gave it a title."""
        return self.title != said("List {number}", number=self.number)

    @property
    def called(self) -> str:
        """The title as pages say it; a list that nobody named has its number in the reader's language."""
        return self.title if self.named else said("List {number}", number=self.number)

    class Meta:
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["incident", "number"], name="list_number_once")]


class ListVersion(models.Model):
    """One state of a list. lines = names + duplicates + refused, for version 1; later versions say what was taken out."""

    of = models.ForeignKey(NameList, on_delete=models.PROTECT, related_name="versions")
    version = models.IntegerField()
    digest = models.CharField(max_length=64)  # SHA-256 over the sorted unique names, each followed by LF
    content_digest = models.CharField(max_length=64, db_default="")  # the same over the records; another one if names have windows
    file = models.ForeignKey(StoredFile, on_delete=models.PROTECT, related_name="+")  # Parquet, as names/folder.py says
    sent = models.ForeignKey(StoredFile, on_delete=models.PROTECT, null=True, related_name="+")  # the file as it came
    lines = models.IntegerField()
    names = models.IntegerField()
    duplicates = models.IntegerField(default=0)
    refused = models.JSONField(default=dict)  # reason code -> count
    refused_rows = models.JSONField(default=list)  # the first 200: [line, text, reason]
    refused_file = models.ForeignKey(StoredFile, on_delete=models.PROTECT, null=True, related_name="+")  # all of them, CSV
    tlds = models.JSONField(default=dict)  # TLD -> count
    removed = models.JSONField(default=list)  # names taken out one by one, relative to the version before
    removed_file = models.ForeignKey(StoredFile, on_delete=models.PROTECT, null=True, related_name="+")  # those of whole groups: sorted, LF
    reason = models.TextField(blank=True)
    made_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    made_at = models.DateTimeField()

    class Meta:
        ordering = ["version"]
        constraints = [models.UniqueConstraint(fields=["of", "version"], name="list_version_once")]


class Upload(models.Model):
    """A file of names on its way to a list: the bytes are in the store, the row says how far its intake has come."""

    incident = models.ForeignKey(Incident, on_delete=models.PROTECT, related_name="uploads")
    title = models.CharField(max_length=120, blank=True)
    file = models.ForeignKey(StoredFile, on_delete=models.PROTECT, related_name="+")  # as it came
    tlds = models.JSONField()  # those of the request, A-labels
    state = models.CharField(max_length=10, default="waiting")  # waiting, taken, refused
    read = models.BigIntegerField(default=0)  # bytes of the file so far
    version = models.ForeignKey(ListVersion, on_delete=models.PROTECT, null=True, related_name="+")  # what it became
    new = models.BooleanField(default=True)  # False: these names were a list of the incident before
    problem = models.TextField(blank=True)  # why it was refused, in English
    why = models.JSONField(null=True)  # the same as tongue.kept has it; rows of before have none
    made_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    made_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    @property
    def number(self) -> int:
        """Its place among the incident's uploads, from 1: none ever goes, and each is made under the lock of its request."""
        return Upload.objects.filter(incident=self.incident_id, pk__lte=self.pk).count()

    @property
    def refused_because(self) -> str:
        """`problem` in the language of whoever reads."""
        return recalled(self.why) or self.problem

    class Meta:
        ordering = ["pk"]


class PopularityList(models.Model):
    """Much-visited names that a list must never hit unseen. Imported by staff; none ships."""

    title = models.CharField(max_length=120)
    as_of = models.DateField()
    file = models.ForeignKey(StoredFile, on_delete=models.PROTECT, related_name="+")
    names = models.IntegerField()
    imported_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    imported_at = models.DateTimeField()


class Hit(models.Model):
    """A name of a list that stands on a popularity list. Must be answered before anything is proposed."""

    of = models.ForeignKey(NameList, on_delete=models.PROTECT, related_name="hits")
    name = models.CharField(max_length=253)
    rank = models.IntegerField()
    answer = models.CharField(max_length=10, blank=True, choices=[("kept", "Kept"), ("removed", "Removed")])
    reason = models.TextField(blank=True)
    answered_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, related_name="+")
    answered_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["rank", "name"]
        constraints = [models.UniqueConstraint(fields=["of", "name"], name="hit_once")]


class Screening(models.Model):
    """One look at one version of a list: what its names meet. The hits are a file; the row counts them."""

    version = models.ForeignKey(ListVersion, on_delete=models.PROTECT, related_name="screenings")
    state = models.CharField(max_length=10, default="waiting")  # waiting, done, failed
    inputs = models.JSONField(default=dict)  # zones and lists it was held against: names of files, digests
    classes = models.JSONField(default=dict)  # core.screening.Class -> names
    tlds = models.JSONField(default=dict)  # TLD -> class -> names
    hits = models.ForeignKey(StoredFile, on_delete=models.PROTECT, null=True, related_name="+")  # hits.csv of names/screening.py
    problem = models.TextField(blank=True)
    made_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["version"], condition=models.Q(state="waiting"), name="screening_once_waiting")
        ]


class HitGroup(models.Model):
    """The names of a list in one class under one TLD, other than popular ones: they are answered together."""

    of = models.ForeignKey(NameList, on_delete=models.PROTECT, related_name="groups")
    kind = models.CharField(max_length=20)  # core.screening.Class
    tld = models.CharField(max_length=63)
    names = models.IntegerField()
    answer = models.CharField(max_length=10, blank=True, choices=[("kept", "Kept"), ("removed", "Removed")])
    reason = models.TextField(blank=True)
    answered_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, related_name="+")
    answered_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["kind", "tld"]
        constraints = [models.UniqueConstraint(fields=["of", "kind", "tld"], name="group_once")]
