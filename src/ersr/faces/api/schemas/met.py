"""What comes out about the names that a list would hit, for staff."""

from __future__ import annotations

from typing import Any

from ninja import Schema

from ersr.faces.api.schemas.kinds import Moment


class HitOut(Schema):
    name: str
    rank: int
    answer: str
    reason: str
    answered_by: str | None
    answered_at: Moment | None


class Hits(Schema):
    items: list[HitOut]
    next: str | None


class MetOut(Schema):
    """One hit: `kind` is its class, `rank` where its class has one; `ns`: its name servers, by spaces."""

    name: str
    kind: str
    rank: int | None
    ns: str


class Met(Schema):
    items: list[MetOut]
    next: str | None


class GroupOut(Schema):
    """Hits of one class under one TLD; `answer` is kept, removed or empty."""

    kind: str
    tld: str
    names: int
    answer: str
    reason: str
    answered_by: str | None
    answered_at: Moment | None


class ScreeningOut(Schema):
    """`classes` and `tlds` are those of the newest screening that is done, of `version`; `hits` is the SHA-256 of its hits.csv."""

    state: str
    problem: str
    done: int
    units: int
    version: int | None
    classes: dict[str, int]
    tlds: dict[str, dict[str, int]]
    inputs: dict[str, Any]
    hits: str | None
    at: Moment | None
    groups: list[GroupOut]
