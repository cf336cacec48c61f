"""A file of names becomes what a version of a list needs, outside of any transaction: files in the store, counts, digests, hits.

Small files are taken in while their sender waits, large ones by the worker, which has another process do it. Both ways are the same
names.intake and end in the same rows.
"""

from __future__ import annotations

import csv
import itertools
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO

from ersr.core.errors import Refusal
from ersr.core.reasons import sentence
from ersr.core.tongue import joined, said
from ersr.files import store
from ersr.lists import folders, queries
from ersr.names import folder, intake
from ersr.names.apart import take_apart

#: A plain file of so many bytes is taken in while its sender waits: some 70,000 names, a night of the largest botnets, in a
#: fraction of a second. What is compressed may hold two hundred times as much, so that its size tells nothing.
SMALL = 2**20
_COMPRESSED = (b"\x1f\x8b", b"\x28\xb5\x2f\xfd")
#: Of the refused entries, so many stand on the row for pages; all of them are in the file.
SHOWN = 200

Hits = tuple[int | None, list[tuple[str, int]]]


@dataclass(frozen=True)
class Taken:
    """Files in the store, by digest. `hits`: the popularity list that was looked at, and (name, rank)."""

    summary: intake.Summary
    sent: str
    file: str
    refused_file: str | None
    refused_rows: list[list[int | str]]
    hits: Hits


def is_small(file: BinaryIO, size: int) -> bool:
    head = file.read(4)
    file.seek(0)
    return size <= SMALL and not head.startswith(_COMPRESSED)


def take_small(file: BinaryIO, digest: str, tlds: Sequence[str]) -> Taken:
    """Of a file that is open at its beginning and has that digest. Refusal("unfit") if it is no list, or no name of it can be taken."""

    def fill(made: Path) -> intake.Summary:
        return intake.take([("", file)], tlds, made)

    def sent() -> str:
        file.seek(0)
        return store.keep(file)

    return _taken(digest, tlds, fill, sent)


def take_large(digest: str, tlds: Sequence[str], told: Callable[[int], object]) -> Taken:
    """Of a file in the store. `told` hears how many of its bytes are read."""

    def fill(made: Path) -> intake.Summary:
        return take_apart(store.path(digest), tlds, made, told)

    return _taken(digest, tlds, fill, lambda: digest)


def _taken(
    digest: str, tlds: Sequence[str], fill: Callable[[Path], intake.Summary], sent: Callable[[], str]
) -> Taken:
    with folder.building(folders.taking(digest)) as made:
        summary = fill(made)
        rows = _first(made / folder.REFUSED)
        if not summary.names:
            why = (sentence(str(code), line=int(line), text=str(text), tlds=tuple(tlds)) for line, text, code in rows[:3])
            raise Refusal("unfit", said("No name in this file can be taken in. {reasons}", reasons=joined(" ", why)))
        hits = hits_of(made / folder.LIST)
        taken = Taken(
            summary, sent(), _kept(made / folder.LIST), _kept(made / folder.REFUSED) if summary.refused else None, rows, hits
        )
        folders.settle(made, asdict(summary))
    return taken


def _first(refused: Path) -> list[list[int | str]]:
    with refused.open(encoding="utf-8", newline="") as file:
        rows = itertools.islice(csv.reader(file), 1, SHOWN + 1)
        return [[int(line), text, code] for line, text, code in rows]


def _kept(path: Path) -> str:
    with path.open("rb") as file:
        return store.keep(file)


def hits_of(file: Path) -> Hits:
    """What the names of list.parquet meet on the newest popularity list, the most visited first."""
    import polars

    popular = queries.popularity()
    if popular is None:
        return None, []
    names = polars.scan_parquet(file).select("name").unique()
    found = names.join(polars.scan_parquet(folders.ranks(popular)), on="name").sort("rank", "name").collect()
    return popular.pk, list(found.select("name", "rank").iter_rows())
