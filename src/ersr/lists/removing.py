"""A list without some of its names: made before the transaction that adopts it, since millions of names take seconds."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ersr.core.errors import FieldError, invalid
from ersr.core.tongue import said
from ersr.files import store
from ersr.lists import hits, queries
from ersr.lists.models import ListVersion, NameList
from ersr.names import listfile


@dataclass(frozen=True)
class Without:
    """What a version's row needs. The files are in the store, without a row until somebody adopts them. `of`: the key of the version
    that it leaves; `seen`: of the screening that the names are from, if they are; `file_of_removed`: of whole groups, which may be many."""

    of: int
    file: str
    told: listfile.Count
    removed: Sequence[str]
    seen: int | None = None
    file_of_removed: str | None = None


def without_names(row: NameList, names: Sequence[str]) -> Without:
    """The newest version without these names; all of them must be on it."""
    version = queries.latest(row)
    file, told, absent = _made(version, names, "names")
    if absent:
        raise invalid(FieldError("names", said("Not on list {number}: {absent}", number=row.number, absent=', '.join(absent[:5]))))
    return Without(version.pk, file, told, sorted(names))


def without_groups(row: NameList, groups: Iterable[tuple[str, str]]) -> Without | None:
    """The newest version without the names of these (class, TLD); None if none of them is on it any more."""
    import polars

    version, seen = queries.latest(row), queries.screened(row)
    if seen is None or seen.hits_id is None:
        return None
    wanted = polars.DataFrame(list(groups), schema={"class": polars.String, "tld": polars.String}, orient="row")
    gone = set(hits.read(seen.hits_id).join(wanted, on=("class", "tld"), how="semi")["name"])
    file, told, absent = _made(version, gone, "groups")
    removed = sorted(gone.difference(absent))
    if not removed:
        return None
    return Without(version.pk, file, told, removed, seen.pk, store.keep("".join(f"{name}\n" for name in removed).encode("ascii")))


def _made(version: ListVersion, names: Iterable[str], field: str) -> tuple[str, listfile.Count, list[str]]:
    """The file without the names, in the store; what is in it; and which of the names were not there."""
    with tempfile.NamedTemporaryFile() as out:
        kept, absent = listfile.without(store.path(version.file_id), names, Path(out.name))
        if not kept:
            raise invalid(FieldError(field, said("This would leave the list empty: deny the line instead")))
        return store.keep(out), listfile.count(Path(out.name)), absent
