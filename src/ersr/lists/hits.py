"""The hits of a screening: a file of the store (hits.csv of names/screening.py), read by pages without becoming rows.

Beside it lies the same as Parquet, made when it is asked for and not there: a page needs fifty rows of half a million.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings

from ersr.core.screening import HITS
from ersr.files import store
from ersr.lists.models import NameList, Screening

if TYPE_CHECKING:
    from polars import DataFrame, LazyFrame, Series

MEDIA_TYPE = "text/csv"
HEADS = ("name", "class", "rank", "ns")


def read(digest: str) -> DataFrame:
    """name, class, rank, ns and tld of every hit, worst first; from the stored file, whose digest is compared."""
    import polars

    path = store.path(digest)
    types = {"name": polars.String, "class": polars.String, "rank": polars.Int64, "ns": polars.String}
    return polars.read_csv(path, schema=types).with_columns(tld=polars.col("name").str.split(".").list.last(), ns=polars.col("ns").fill_null(""))


def on_list(found: DataFrame, row: NameList) -> DataFrame:
    """Those whose names are on the newest version of the list."""
    return found.join(names_now(row).to_frame(), on="name", how="semi", maintain_order="left")


def names_now(row: NameList) -> Series:
    import polars

    from ersr.lists.queries import latest

    return polars.read_parquet(store.path(latest(row).file_id), columns=["name"])["name"].unique(maintain_order=True)


@dataclass(frozen=True)
class Row:
    name: str
    kind: str
    rank: int | None
    hosts: str
    tld: str


@dataclass(frozen=True)
class Sought:
    """A part of the hits: empty text means all."""

    kind: str = ""
    tld: str = ""
    search: str = ""


def page(screening: Screening, sought: Sought, *, offset: int, limit: int) -> list[Row]:
    """Rows from `offset` on, worst first."""
    found = _part(screening, sought).slice(offset, limit).select("name", "class", "rank", "ns", "tld").collect()
    return [Row(*row) for row in found.iter_rows()]


def count(screening: Screening, sought: Sought) -> int:
    """How many there are in all; without a search the row knows."""
    import polars

    if sought.search:
        return int(_part(screening, sought).select(polars.len()).collect().item())
    kinds = [sought.kind] if sought.kind else [one.value for one in HITS]
    tlds = [sought.tld] if sought.tld else list(screening.tlds)
    return sum(screening.tlds.get(tld, {}).get(kind, 0) for tld in tlds for kind in kinds)


def rows(digest: str) -> Iterator[tuple[Any, ...]]:
    """As HEADS, worst first; an empty text where a name has no rank."""
    found = read(digest).select(HEADS)
    return ((name, kind, "" if rank is None else rank, ns) for name, kind, rank, ns in found.iter_rows())


def _part(screening: Screening, sought: Sought) -> LazyFrame:
    import polars

    found = _scan(screening)
    if sought.kind:
        found = found.filter(polars.col("class") == sought.kind)
    if sought.tld:
        found = found.filter(polars.col("tld") == sought.tld)
    if sought.search:
        found = found.filter(polars.col("name").str.contains(sought.search, literal=True))
    return found


def _scan(screening: Screening) -> LazyFrame:
    import polars

    assert screening.hits_id is not None, "only of a screening that is done"
    kept = Path(settings.ERSR_HOME) / "hits" / f"{screening.hits_id}.parquet"
    if not kept.is_file():
        kept.parent.mkdir(exist_ok=True, mode=0o700)
        part = kept.with_name(f".{kept.name}.{secrets.token_hex(6)}")
        read(screening.hits_id).write_parquet(part, compression="zstd", compression_level=3, row_group_size=50_000)
        os.replace(part, kept)
    return polars.scan_parquet(kept)
