"""How far a large file of names is."""

from __future__ import annotations

from ninja import Schema

from ersr.faces.api.schemas.kinds import Moment


class UploadOut(Schema):
    """A large file of names on its way to a list. `state`: waiting, taken or refused; `path`: where to look again."""

    reference: str
    number: int
    path: str
    title: str
    state: str
    size: int
    read: int
    percent: int
    stopped: bool
    made_at: Moment
    ended_at: Moment | None
    problem: str
    list: int | None = None
    version: int | None = None
    digest: str | None = None
    new: bool | None = None
    lines: int | None = None
    names: int | None = None
    duplicates: int | None = None
    refused: dict[str, int] | None = None
