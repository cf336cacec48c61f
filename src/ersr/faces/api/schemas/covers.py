"""What the API tells of one name under one instrument."""

from __future__ import annotations

from ninja import Schema

from ersr.faces.api.schemas.kinds import Moment


class WindowOut(Schema):
    """Half-open; an open side is null."""

    begins: Moment | None
    ends: Moment | None


class CoversOut(Schema):
    """Whether an instrument covers a name at `at`, and why. `actions`: the granted acts that are covered; `list`: the digest of the covered
    names; `window`: the one that `at` lies in, null for a name that is listed at all times."""

    waiver: str
    name: str
    tld: str
    at: Moment
    covered: bool
    why: str
    actions: list[str]
    list: str | None
    window: WindowOut | None
    removed_at: Moment | None
