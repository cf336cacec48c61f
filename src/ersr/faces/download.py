"""Bytes to keep, never to show: whatever is in a file, it never runs in our pages' name."""

from __future__ import annotations

from collections.abc import Iterator

from django.http import HttpResponse, HttpResponseBase, StreamingHttpResponse

from ersr.names.listfile import Lines

LONGEST_NAME = 200


def download(data: bytes | Iterator[bytes], media_type: str, name: str) -> HttpResponseBase:
    """An attachment in a sandbox, never sniffed; pieces are streamed. Of the name only plain letters, digits and . _ - go into the
    header."""
    response = HttpResponse(data, content_type=media_type) if isinstance(data, bytes) else StreamingHttpResponse(data, content_type=media_type)
    if isinstance(data, Lines):
        response["Content-Length"] = str(data.size)
    safe = "".join(c if c.isascii() and (c.isalnum() or c in "._-") else "_" for c in name)[-LONGEST_NAME:]
    response["Content-Disposition"] = f'attachment; filename="{safe}"'
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response
