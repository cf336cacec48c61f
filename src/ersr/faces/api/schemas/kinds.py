"""What goes in and comes out as JSON. Times out are RFC 3339 in UTC with whole seconds; times in need their zone.

What is a rule of the product (which answers, which choices) is not repeated here: core/filing.py and the actions say it, with
every wrong field at once. These only say of what type a field is.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from ninja import Schema
from pydantic import AfterValidator, AwareDatetime, ConfigDict, Field, PlainSerializer, WithJsonSchema

from ersr.core.terms import rfc3339


def _utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC).replace(microsecond=0)
    except OverflowError:
        raise ValueError("this time lies outside the calendar") from None


Moment = Annotated[
    datetime,
    PlainSerializer(rfc3339, return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time"}, mode="serialization"),
]
MomentIn = Annotated[AwareDatetime, AfterValidator(_utc)]
#: A row's own number; the bound is what every database holds.
Id = Annotated[int, Field(ge=1, le=2**31 - 1)]
Text = Annotated[str, Field(max_length=20_000)]


class Body(Schema):
    """A field that nobody asked for is refused: it is a slip of the pen, and dropping it would hide it."""

    model_config = ConfigDict(extra="forbid")
