"""A name list as a file: Parquet as names/folder.py describes it, stored by the digest of its bytes.

A list is a file and not rows of a table (docs/architecture.md): millions of rows would hold the database's lock for half a
minute. polars is imported where it is used, so that the base installation can do without it.
"""

from __future__ import annotations

import hashlib
import io
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from ersr.core.errors import Refusal
from ersr.core.tongue import said
from ersr.names.records import stored_records

if TYPE_CHECKING:
    import polars

COLUMN = "name"
#: Rows that are held at once where a list of millions is gone through.
ROWS = 250_000


@dataclass(frozen=True)
class Count:
    """Of a stored list: unique names, TLD -> names (sorted), and both digests as names/intake.py has them."""

    names: int
    tlds: dict[str, int]
    digest: str
    content_digest: str


def count(file: Path) -> Count:
    names, tlds, digest, content = 0, Counter[str](), hashlib.sha256(), hashlib.sha256()
    for piece in _pieces(file):
        names += len(piece)
        tlds.update(dict(piece.str.split(".").list.last().value_counts().iter_rows()))
        digest.update(as_lines(piece))
    for lines in stored_records(file):
        content.update(lines)
    return Count(names, dict(sorted(tlds.items())), digest.hexdigest(), content.hexdigest())


def without(file: Path, names: Iterable[str], out: Path) -> tuple[int, list[str]]:
    """Writes the list less these names, with all their windows; how many rows are left, and which of the names were not there."""
    import polars

    gone = polars.DataFrame({COLUMN: sorted(set(names))}, schema={COLUMN: polars.String})
    frame = polars.read_parquet(file)
    absent = gone.join(frame, on=COLUMN, how="anti")[COLUMN].sort().to_list()
    kept = frame.join(gone, on=COLUMN, how="anti", maintain_order="left")
    kept.write_parquet(out, compression="zstd", compression_level=1, statistics=True, row_group_size=100_000)
    return kept.height, absent


class Lines:
    """The unique names, all or those under one TLD, in order, each followed by LF: some hundred thousand at a time. `size` in bytes,
    known before the first, so that whoever is sent them sees whether they are whole."""

    def __init__(self, file: Path, tld: str | None = None) -> None:
        import polars

        self._pieces, self._end = _pieces(file), "" if tld is None else f".{tld}"
        name = polars.col(COLUMN)
        try:
            told = polars.scan_parquet(file).select(COLUMN).filter(name.ne_missing(name.shift(1)), name.str.ends_with(self._end))
            self.size = int(told.select(name.str.len_bytes().sum() + polars.len()).collect().item())
        except (polars.exceptions.PolarsError, OSError) as error:
            raise damaged() from error

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> bytes:
        names = next(self._pieces)
        kept = names.filter(names.str.ends_with(self._end))
        return as_lines(kept) if len(kept) else next(self)


def holds(file: Path, name: str) -> bool:
    """Whether the canonical `name` is on the list, exactly."""
    import polars

    try:
        return polars.scan_parquet(file).filter(polars.col(COLUMN) == name).select(polars.len()).collect().item() > 0
    except (polars.exceptions.PolarsError, OSError) as error:
        raise damaged() from error


def found(file: Path, text: str, most: int) -> tuple[list[str], int]:
    """The first `most` names that hold `text`, in order, and how many there are; as long as one look through the file takes."""
    first: list[str] = []
    count = 0
    for names in _pieces(file):
        hits = names.filter(names.str.contains(text, literal=True))
        count += len(hits)
        if len(first) < most:
            first += hits.head(most - len(first)).to_list()
    return first, count


def as_lines(names: polars.Series) -> bytes:
    """Each name followed by LF."""
    with io.BytesIO() as out:
        names.to_frame().write_csv(out, include_header=False, quote_style="never")
        return out.getvalue()


def _pieces(file: Path) -> Iterator[polars.Series]:
    """The names, each once however many windows it has, in order."""
    import polars

    try:
        frame = polars.scan_parquet(file).select(COLUMN)
        count = frame.select(polars.len()).collect().item()
        last = None
        for start in range(0, count, ROWS):
            names = frame.slice(start, ROWS).collect().to_series()
            before = names.shift(1)
            before = before if last is None else before.fill_null(last)
            last = names[-1]
            yield names.filter(names.ne_missing(before))
    except (polars.exceptions.PolarsError, OSError) as error:
        raise damaged() from error


def damaged() -> Refusal:
    return Refusal("damaged", said("A stored name list cannot be read: its file is no Parquet."))
