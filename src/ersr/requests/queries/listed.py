"""Name lists across requests, as far as a person sees the requests and is told of the versions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Q, QuerySet

from ersr.core.lifecycle import State
from ersr.lists.models import ListVersion, NameList
from ersr.people.models import Person
from ersr.requests.models import Request
from ersr.requests.queries.seeing import requests_visible_to


@dataclass(frozen=True)
class Listed:
    """A list of a request with the version that the person is told of."""

    request: Request
    list: NameList
    version: ListVersion


def versions_told_to(person: Person, request: Request, row: NameList) -> list[ListVersion]:
    """Newest first. A filer sees the list as filed until the answer is there: what is taken out is work under way."""
    return _told(person, request, list(row.versions.select_related("made_by").order_by("-version")))


def _told(person: Person, request: Request, versions: list[ListVersion]) -> list[ListVersion]:
    told = person.is_staff_member or State(request.state) in (State.EXECUTED, State.SERVED, State.CLOSED)
    return versions if told else versions[-1:]


def lists_visible_to(person: Person, search: str = "") -> QuerySet[Request, tuple[int, int]]:
    """(request's key, list's key) of every list of a request that the person sees, newest request first; `search` looks into titles and
    references."""
    wanted = Q(incident__lists__isnull=False)
    if search:
        wanted &= Q(reference__icontains=search) | Q(incident__lists__title__icontains=search)
    rows = requests_visible_to(person).select_related(None).filter(wanted)
    return rows.order_by("-received_at", "-pk", "incident__lists__number").values_list("pk", "incident__lists")


def listed(person: Person, keys: Iterable[tuple[int, int]]) -> list[Listed]:
    """The rows of such keys, in their order, read all at once. The keys come from `lists_visible_to`."""
    keys = list(keys)
    requests = requests_visible_to(person).in_bulk([request for request, _ in keys])
    versions: defaultdict[int, list[ListVersion]] = defaultdict(list)
    rows = ListVersion.objects.filter(of__in={key for _, key in keys}).select_related("of").order_by("-version")
    for row in rows:
        versions[row.of_id].append(row)
    found = []
    for request, key in keys:
        version = _told(person, requests[request], versions[key])[0]
        found.append(Listed(requests[request], version.of, version))
    return found
