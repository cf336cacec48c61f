"""Files of names on their way to a list: whoever sees the request's lists sees how far they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ersr.core.errors import not_found
from ersr.jobs import queue
from ersr.lists.models import Upload
from ersr.people.models import Person
from ersr.requests.models import Request
from ersr.requests.queries.seeing import requests_visible_to


@dataclass(frozen=True)
class OnItsWay:
    """`number` counts the incident's uploads from 1. `stopped`: it waits, and nobody tries any more."""

    number: int
    upload: Upload
    stopped: bool

    @property
    def percent(self) -> int:
        """Of the bytes; an empty file is read."""
        size = self.upload.file.size
        return 100 * self.upload.read // size if size else 100


def upload_of(request: Request, number: int) -> OnItsWay:
    found = request.incident.uploads.select_related("file", "version__of", "made_by")[max(number - 1, 0) : max(number, 0)].first()
    if found is None:
        raise not_found()
    return _on_its_way(request, number, found)


def _on_its_way(request: Request, number: int, upload: Upload) -> OnItsWay:
    waits = upload.state == "waiting"
    return OnItsWay(number, upload, waits and not queue.is_open("take_list", f"{request.reference}:{number}"))


def uploads_of(request: Request, states: Sequence[str] = ("waiting",)) -> list[OnItsWay]:
    """Oldest first."""
    found = enumerate(request.incident.uploads.select_related("file"), start=1)
    return [_on_its_way(request, number, upload) for number, upload in found if upload.state in states]


def uploads_visible_to(person: Person) -> list[tuple[Request, OnItsWay]]:
    """Files on their way to a list, and those that came to nothing, of the 20 newest requests with any."""
    told = ("waiting", "refused")
    rows = requests_visible_to(person).filter(incident__uploads__state__in=told).distinct().order_by("-pk")[:20]
    return [(row, way) for row in rows for way in uploads_of(row, told)]
