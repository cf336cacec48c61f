"""What comes in: JSON bodies and files, read so that nothing reaches a database that it cannot hold."""

from __future__ import annotations

import json
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from ninja import UploadedFile
from ninja.parser import Parser

from ersr.core.errors import FieldError, Refusal, invalid
from ersr.core.filing import unstorable


def _unfit(value: Any) -> bool:
    """Whether a text in it holds NUL (PostgreSQL takes none) or half a surrogate pair (no text at all)."""
    if isinstance(value, str):
        return unstorable(value)
    if isinstance(value, dict):
        return any(_unfit(k) or _unfit(v) for k, v in value.items())
    return isinstance(value, list) and any(_unfit(v) for v in value)


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


class StrictParser(Parser):
    """JSON as RFC 8259 has it, without NaN, and texts that can be stored."""

    def parse_body(self, request: HttpRequest) -> Any:
        try:
            body = json.loads(request.body, parse_constant=_no_constant)
        except (ValueError, RecursionError):
            raise invalid(FieldError("body", "The body is not JSON")) from None
        if _unfit(body):
            raise invalid(FieldError("body", "A text holds a character that cannot be stored (NUL, half a pair)"))
        return body

    def parse_querydict(self, data: Any, list_fields: list[str], request: HttpRequest) -> Any:
        for key in data:
            if _unfit([v for v in data.getlist(key) if isinstance(v, str)]):
                raise invalid(FieldError(key, "A text holds a character that cannot be stored (NUL, half a pair)"))
        return super().parse_querydict(data, list_fields, request)


def taken(file: UploadedFile, limit: int | None = None) -> bytes:
    """The file's bytes, if it is not too large to be looked at at all; without `limit` that of a piece of evidence."""
    limit = settings.ERSR_EVIDENCE_LIMIT if limit is None else limit
    if (file.size or 0) > limit:
        raise Refusal("too_large", f"The file has {file.size or 0:,} bytes; at most {limit:,} are taken.")
    return file.read()
