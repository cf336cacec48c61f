"""Pages of a list: ?limit= and ?cursor=. A cursor names the last item seen, so what is added meanwhile shifts nothing."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, TypeVar

from django.db.models import Q, QuerySet
from pydantic import Field

from ersr.core.errors import FieldError, Refusal, invalid

T = TypeVar("T")

Limit = Annotated[int, Field(ge=1, le=500, description="At most so many items.")]
Cursor = Annotated[str, Field(max_length=200, description="`next` of the page before.")]


def _seal(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode("ascii").rstrip("=")


def _open(cursor: str) -> Any:
    try:
        return json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, binascii.Error):
        raise _wrong() from None


def by_key(rows: QuerySet[Any], limit: int, cursor: str, *, newest_first: bool = False) -> tuple[list[Any], str | None]:
    """Rows by primary key and the cursor of the next page, None after the last."""
    rows = rows.order_by("-pk" if newest_first else "pk")
    if cursor:
        last = _key(_open(cursor))
        rows = rows.filter(pk__lt=last) if newest_first else rows.filter(pk__gt=last)
    found = list(rows[: limit + 1])
    return found[:limit], (_seal(found[limit - 1].pk) if len(found) > limit else None)


def by_columns(
    rows: QuerySet[Any], columns: Mapping[str, type], limit: int, cursor: str
) -> tuple[list[Any], str | None]:
    """The same for rows in the order of these columns, whole numbers and times, of which the last tells all rows apart."""
    if cursor:
        last = _open(cursor)
        if not isinstance(last, list) or len(last) != len(columns):
            raise _wrong()
        after, equal = Q(), Q()
        for (column, kind), value in zip(columns.items(), last, strict=True):
            value = _moment(value) if kind is datetime else _key(value)
            after |= equal & Q(**{f"{column}__gt": value})
            equal &= Q(**{column: value})
        rows = rows.filter(after)
    found = list(rows.order_by(*columns)[: limit + 1])
    if len(found) <= limit:
        return found, None
    told = [getattr(found[limit - 1], column) for column in columns]
    return found[:limit], _seal([v.isoformat() if isinstance(v, datetime) else v for v in told])


def _moment(value: Any) -> datetime:
    try:
        found = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise _wrong() from None
    if found.tzinfo is None or not 2000 <= found.year < 9000:  # beyond, no database reckons with it
        raise _wrong()
    return found


def _key(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**63:
        raise _wrong()
    return value


def _wrong() -> Refusal:
    return invalid(FieldError("cursor", "Send `next` of the page before, unchanged"))


def by_offset(limit: int, cursor: str) -> tuple[int, str]:
    """(where this page begins, the cursor of the next): for what never changes, such as a stored file."""
    offset = _key(_open(cursor)) if cursor else 0
    if offset > 2**40:
        raise _wrong()
    return offset, _seal(offset + limit)


def by_place(rows: Sequence[T], key: Callable[[T], list[Any]], limit: int, cursor: str) -> tuple[list[T], str | None]:
    """Rows that are sorted by `key` already: for what is put together in Python, such as a history."""
    if cursor:
        last = _open(cursor)
        try:
            rows = [row for row in rows if key(row) > last]
        except TypeError:
            raise _wrong() from None
    return list(rows[:limit]), (_seal(key(rows[limit - 1])) if len(rows) > limit else None)
