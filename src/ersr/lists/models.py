"""Name lists: the names are a Parquet file by digest; the rows hold digests and counts (house, section 7)."""

from __future__ import annotations

from django.db import models

from ersr.files.models import StoredFile
from ersr.incidents.models import Incident
from ersr.people.models import Person


class NameList(models.Model):
    incident = models.ForeignKey(Incident, on_delete=models.PROTECT, related_name="lists")
    number = models.IntegerField()
    title = models.CharField(max_length=120)

    class Meta:
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["incident", "number"], name="list_number_once")]


class ListVersion(models.Model):
    """One state of a list. lines = names + duplicates + refused, for version 1; later versions say what was taken out."""

    of = models.ForeignKey(NameList, on_delete=models.PROTECT, related_name="versions")
    version = models.IntegerField()
    digest = models.CharField(max_length=64)  # SHA-256 over the sorted unique names, each followed by LF
    file = models.ForeignKey(StoredFile, on_delete=models.PROTECT, related_name="+")  # Parquet
    lines = models.IntegerField()
    names = models.IntegerField()
    duplicates = models.IntegerField(default=0)
    refused = models.JSONField(default=dict)  # reason code -> count
    refused_rows = models.JSONField(default=list)  # the first 200: [line, text, reason]
    tlds = models.JSONField(default=dict)  # TLD -> count
    removed = models.JSONField(default=list)  # names taken out relative to the version before
    reason = models.TextField(blank=True)
    made_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    made_at = models.DateTimeField()

    class Meta:
        ordering = ["version"]
        constraints = [models.UniqueConstraint(fields=["of", "version"], name="list_version_once")]


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
