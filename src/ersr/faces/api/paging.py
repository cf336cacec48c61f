"""Pages of a list: ?limit= and ?cursor=. A cursor names the last item seen, so what is added meanwhile shifts nothing."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from typing import Annotated, Any, TypeVar

from django.db.models import QuerySet
from pydantic import Field

from ersr.core.errors import FieldError, invalid

T = TypeVar("T")

Limit = Annotated[int, Field(ge=1, le=500, description="At most so many items.")]
Cursor = Annotated[str, Field(max_length=200, description="`next` of the page before.")]


def _seal(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode("ascii").rstrip("=")


def _open(cursor: str) -> Any:
    try:
        return json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, binascii.Error):
        raise invalid(FieldError("cursor", "Send `next` of the page before, unchanged")) from None


def by_key(rows: QuerySet[Any], limit: int, cursor: str, *, newest_first: bool = False) -> tuple[list[Any], str | None]:
    """Rows by primary key and the cursor of the next page, None after the last."""
    rows = rows.order_by("-pk" if newest_first else "pk")
    if cursor:
        last = _open(cursor)
        if isinstance(last, bool) or not isinstance(last, int) or not 0 <= last < 2**63:
            raise invalid(FieldError("cursor", "Send `next` of the page before, unchanged"))
        rows = rows.filter(pk__lt=last) if newest_first else rows.filter(pk__gt=last)
    found = list(rows[: limit + 1])
    return found[:limit], (_seal(found[limit - 1].pk) if len(found) > limit else None)


def by_place(rows: Sequence[T], key: Callable[[T], list[Any]], limit: int, cursor: str) -> tuple[list[T], str | None]:
    """Rows that are sorted by `key` already: for orders that no index holds, such as the desk's."""
    if cursor:
        last = _open(cursor)
        try:
            rows = [row for row in rows if key(row) > last]
        except TypeError:
            raise invalid(FieldError("cursor", "Send `next` of the page before, unchanged")) from None
    return list(rows[:limit]), (_seal(key(rows[limit - 1])) if len(rows) > limit else None)
