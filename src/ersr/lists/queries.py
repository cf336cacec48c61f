from __future__ import annotations

import csv
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from django.db.models import Count, Exists, OuterRef, QuerySet, Sum

from ersr.core.coverage import Listing
from ersr.core.screening import Class
from ersr.core.tongue import joined, said, said_n
from ersr.files import store
from ersr.incidents.models import Incident
from ersr.lists import folders
from ersr.lists.models import Hit, HitGroup, ListVersion, NameList, PopularityList, Screening
from ersr.names import listfile, records
from ersr.names.folder import MAP
from ersr.names.records import Records

#: A list's map is made while somebody waits for a page, if the list has no more names than this.
MAPPED_AT_ONCE = 50_000
LINES_A_PIECE = 100_000


def latest(row: NameList) -> ListVersion:
    found = row.versions.order_by("-version").first()
    assert found is not None, "a list is made with its first version"
    return found


def _newest() -> QuerySet[ListVersion]:
    """The newest version of every list."""
    later = ListVersion.objects.filter(of=OuterRef("of"), version__gt=OuterRef("version"))
    return ListVersion.objects.filter(~Exists(later))


def latest_versions(incident: Incident) -> list[ListVersion]:
    """The newest version of every list, by list number."""
    return list(_newest().filter(of__incident=incident).select_related("of").order_by("of__number"))


def names_counts(incidents: Iterable[int]) -> dict[int, int]:
    """incident's key -> how many names its lists hold now; nothing for an incident without a list."""
    rows = _newest().filter(of__incident__in=list(incidents)).order_by()
    return dict(rows.values_list("of__incident").annotate(Sum("names")))


@dataclass(frozen=True)
class Unanswered:
    """What must be answered or known before anything is granted or signed. Every class of hits counts: a name that somebody sinkholes
    already is an answer less to give only if they agree, and a whole class is answered in one go.

    A screening that failed does not count, since a zone file that is broken must not hold up an answer that is due tonight; the pages
    of the list and of the decision say that it failed.
    """

    names: int  # popular ones, answered one by one
    groups: int
    screenings: int  # still under way

    def __bool__(self) -> bool:
        return bool(self.names or self.groups or self.screenings)

    def words(self, way_out: str) -> str:
        """The sentences of a refusal; `way_out` says what is to be done about hits, where there are any."""
        told = [
            said_n("{n} name that stands on a popularity list is unanswered.", "{n} names that stand on a popularity list are unanswered.", self.names) if self.names else "",
            said_n("{n} group of hits is unanswered.", "{n} groups of hits are unanswered.", self.groups) if self.groups else "",
            said_n("{n} list is still being held against the zones.", "{n} lists are still being held against the zones.", self.screenings) if self.screenings else "",
            way_out if self.names or self.groups else said("Wait until that is done."),
        ]  # fmt: skip
        return joined(" ", [sentence for sentence in told if sentence])


def open_groups() -> QuerySet[HitGroup]:
    return HitGroup.objects.filter(answer="", names__gt=0)


def unanswered(incident: Incident) -> Unanswered:
    """Counted by the database, three statements however many lists and hits there are."""
    return Unanswered(
        names=Hit.objects.filter(of__incident=incident, answer="").count(),
        groups=open_groups().filter(of__incident=incident).count(),
        screenings=Screening.objects.filter(version__of__incident=incident, state="waiting").values("version__of").distinct().count(),
    )


#: Class -> "" (waits), "kept" or "removed" -> names.
Met = dict[Class, Counter[str]]


def met(incident: Incident) -> dict[int, Met]:
    """list's key -> what its names met and what was answered, worst class first. Counted by the database, in two statements."""
    rows = list(HitGroup.objects.filter(of__incident=incident, names__gt=0).order_by().values_list("of", "kind", "answer").annotate(Sum("names")))
    alone = Hit.objects.filter(of__incident=incident).order_by().values_list("of", "answer").annotate(Count("pk"))
    rows += [(of, Class.POPULAR, answer, count) for of, answer, count in alone]
    found: dict[int, Met] = defaultdict(dict)
    for of, kind, answer, count in sorted(rows, key=lambda row: list(Class).index(row[1])):
        found[of].setdefault(Class(kind), Counter())[answer] += count
    return found


def screenings_failed(incident: Incident) -> list[Screening]:
    """Of each list whose newest screening failed: that one."""
    later = Screening.objects.filter(version__of=OuterRef("version__of"), pk__gt=OuterRef("pk"))
    rows = Screening.objects.filter(~Exists(later), version__of__incident=incident, state="failed")
    return list(rows.select_related("version__of").order_by("version__of__number"))


def newest_screening(row: NameList) -> Screening | None:
    return Screening.objects.filter(version__of=row).select_related("version").order_by("-pk").first()


def screened(row: NameList) -> Screening | None:
    """The newest screening that is done: groups and pages speak of its hits."""
    return Screening.objects.filter(version__of=row, state="done").exclude(hits=None).select_related("version").order_by("-pk").first()


def first_unanswered(incident: Incident) -> int:
    """Number of the first list with a hit that waits for an answer; 1 where none does."""
    of = {"of": OuterRef("pk")}
    asks = Exists(Hit.objects.filter(answer="", **of)) | Exists(open_groups().filter(**of))
    row = incident.lists.filter(asks).order_by("number").first()
    return row.number if row else 1


def lines_of(version: ListVersion, tld: str | None = None) -> listfile.Lines:
    """The unique names, of one TLD (A-label) or of all, sorted, each followed by LF, in pieces; all of them have the list's digest.

    Refusal("damaged") now and not later, if the stored file is not what its row says.
    """
    return listfile.Lines(store.path(version.file_id), tld)


def refused(version: ListVersion) -> Iterator[Sequence[str]]:
    """(line, text, reason) of every entry that the version's file lost, in order; of lists older than `refused_file` the first 200."""
    if version.refused_file_id is None:
        yield from ([str(cell) for cell in row] for row in version.refused_rows)
        return
    with store.path(version.refused_file_id).open(encoding="utf-8", newline="") as file:
        rows = csv.reader(file)
        next(rows, None)
        yield from rows


def found(version: ListVersion, text: str, most: int) -> tuple[list[str], int]:
    """The first `most` names that hold `text` (as it stands, in lower case), in order, and how many there are."""
    return listfile.found(store.path(version.file_id), text, most)


def exactly(version: ListVersion, name: str) -> Listing:
    """What the version says of the canonical name: by its map, or where a large list has none yet, by a look through its file, which does
    not tell windows."""
    if version.names <= MAPPED_AT_ONCE or (folders.place(version) / MAP).is_file():
        with records_of(version) as lines:
            return lines.find(name)
    return Listing(listfile.holds(store.path(version.file_id), name))


def records_lines(version: ListVersion) -> Iterator[bytes]:
    """The records (`name`, or `name,from,until`), sorted, each followed by LF, in pieces: they have the version's content digest."""
    with records_of(version) as lines:
        for start in range(0, lines.size, LINES_A_PIECE):
            yield b"\n".join([*lines.lines(start, min(start + LINES_A_PIECE, lines.size)), b""])


def taken_out_count(version: ListVersion) -> int:
    """How many names this version left out of the one before."""
    return len(version.removed) + (store.get(version.removed_file_id).count(b"\n") if version.removed_file_id else 0)


def taken_out(version: ListVersion) -> list[str]:
    """The names that this version left out of the one before, sorted."""
    told = store.get(version.removed_file_id).decode("ascii").split() if version.removed_file_id else []
    return sorted({*version.removed, *told})


def records_of(version: ListVersion) -> Records:
    """The version's records as its tree is made of them, mapped and shared; to be closed. Takes seconds if nobody asked before."""
    return records.open_folder(folders.folder_of(version))


def listing(signed: ListVersion, versions: Iterable[ListVersion], name: str) -> Listing:
    """What the `signed` version says of the canonical name, and which of the `versions` of its list took it out."""
    removed = min((v.made_at for v in versions if _took_out(v, name)), default=None)
    with records_of(signed) as lines:
        return lines.find(name)._replace(removed_at=removed)


def _took_out(version: ListVersion, name: str) -> bool:
    if name in version.removed:
        return True
    return bool(version.removed_file_id) and f"\n{name}\n".encode() in b"\n" + store.get(version.removed_file_id)


def unsettled_lists() -> list[NameList]:
    """Lists of incidents with a request that is not closed or withdrawn (the reverse relation is the room above's)."""
    return list(NameList.objects.exclude(incident__requests__state__in=("closed", "withdrawn")).distinct())


def popularity() -> PopularityList | None:
    return PopularityList.objects.order_by("-imported_at", "-pk").first()
