from __future__ import annotations

from ersr.files import store
from ersr.incidents.models import Incident
from ersr.lists.models import Hit, ListVersion, NameList, PopularityList
from ersr.names import listfile


def latest(row: NameList) -> ListVersion:
    found = row.versions.order_by("-version").first()
    assert found is not None, "a list is made with its first version"
    return found


def latest_versions(incident: Incident) -> list[ListVersion]:
    """The newest version of every list, by list number."""
    return [latest(row) for row in incident.lists.all()]


def unanswered(incident: Incident) -> list[Hit]:
    return list(Hit.objects.select_related("of").filter(of__incident=incident, answer="").order_by("rank", "name"))


def names_of(version: ListVersion) -> list[str]:
    return listfile.read(store.get(version.file_id))


def unsettled_lists() -> list[NameList]:
    """Lists of incidents with a request that is not closed or withdrawn (the reverse relation is the room above's)."""
    return list(NameList.objects.exclude(incident__requests__state__in=("closed", "withdrawn")).distinct())


def popularity() -> PopularityList | None:
    return PopularityList.objects.order_by("-imported_at", "-pk").first()
