"""What the store holds. The bytes lie under their digest on disk; a row says what they are."""

from __future__ import annotations

from django.db import models


class StoredFile(models.Model):
    """Trusted for: size and media type as we measured them. The name is the sender's and is never used as a path."""

    digest = models.CharField(max_length=64, primary_key=True)  # SHA-256, hex
    size = models.BigIntegerField()
    media_type = models.CharField(max_length=100)
    stored_at = models.DateTimeField()
