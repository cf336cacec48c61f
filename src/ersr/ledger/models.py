"""The ledger (evidence). Rows are inserted by append.py and sequence.py only; triggers refuse everything else."""

from __future__ import annotations

from django.db import models


class Event(models.Model):
    """That something happened: kind, subject, time and the commitment to the exact bytes. Never changed."""

    kind = models.CharField(max_length=40)
    subject = models.CharField(max_length=60, db_index=True)  # a reference, or the room's own key
    at = models.DateTimeField()
    commitment = models.BinaryField(max_length=32)  # SHA-256(salt || bytes) = the ledger entry


class EventBody(models.Model):
    """The exact bytes (RFC 8785 JSON) and their salt. Deleted only when a Redaction names it; the leaf stays."""

    event = models.OneToOneField(Event, on_delete=models.PROTECT, primary_key=True, related_name="body")
    salt = models.BinaryField(max_length=32)
    record = models.BinaryField()


class Redaction(models.Model):
    event = models.OneToOneField(Event, on_delete=models.PROTECT, related_name="redaction")
    reason = models.TextField()
    by = models.CharField(max_length=120)
    at = models.DateTimeField()


class Pending(models.Model):
    """Events that wait for a place in the tree. Inserted with the event, removed by the sequencer."""

    event = models.OneToOneField(Event, on_delete=models.PROTECT, primary_key=True)


class Tree(models.Model):
    """The single row that the sequencer locks: the size, and the roots of the full subtrees (32 bytes each, largest first)."""

    size = models.BigIntegerField(default=0)
    frontier = models.BinaryField(default=b"")


class Leaf(models.Model):
    index = models.BigIntegerField(primary_key=True)
    event = models.OneToOneField(Event, on_delete=models.PROTECT, related_name="leaf")
    hash = models.BinaryField(max_length=32)  # SHA-256(0x00 || commitment), RFC 6962


class Tile(models.Model):
    """C2SP tlog-tiles: up to 256 hashes of a level, 32 bytes each; a partial tile keeps its own width."""

    level = models.SmallIntegerField()
    index = models.BigIntegerField()
    width = models.SmallIntegerField()
    hashes = models.BinaryField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["level", "index", "width"], name="tile_once")]


class Checkpoint(models.Model):
    """A signed checkpoint. `public` ones appear on the hour, whatever happened; the others are for holders of receipts."""

    size = models.BigIntegerField()
    root = models.BinaryField(max_length=32)
    text = models.TextField()
    public = models.BooleanField(default=False)
    hour = models.DateTimeField(null=True, unique=True)  # set on public ones
    at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["size"], name="checkpoint_size")]
