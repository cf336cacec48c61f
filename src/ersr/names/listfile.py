"""A name list as a file: Parquet with one column `name`, sorted and unique, stored by the digest of its bytes.

A list is a file and not rows of a table (docs/architecture.md): millions of rows would hold the database's lock for half a
minute. polars is imported where it is used, so that the base installation can do without it.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from itertools import pairwise

from ersr.core.errors import Refusal

COLUMN = "name"


def write(names: Iterable[str]) -> bytes:
    """Parquet of the sorted unique names; the same names give the same bytes with the same release of polars."""
    import polars

    frame = polars.DataFrame({COLUMN: sorted(set(names))}, schema={COLUMN: polars.String})
    out = io.BytesIO()
    frame.write_parquet(out, compression="zstd", compression_level=3, statistics=True, row_group_size=100_000)
    return out.getvalue()


def read(data: bytes) -> list[str]:
    """The names, in order; refuses a file that `write` did not make."""
    import polars

    try:
        frame = polars.read_parquet(io.BytesIO(data))
    except (polars.exceptions.PolarsError, OSError) as error:
        raise Refusal("damaged", "A stored name list cannot be read: its file is no Parquet.") from error
    if frame.schema != polars.Schema({COLUMN: polars.String}):
        raise Refusal("damaged", f"A stored name list has other columns than {COLUMN!r}: {frame.columns}.")
    names = frame[COLUMN].to_list()
    if None in names or any(a >= b for a, b in pairwise(names)):
        raise Refusal("damaged", "A stored name list is not sorted and unique.")
    return names


def without(names: Sequence[str], removed: Iterable[str]) -> list[str]:
    """The sorted names less the removed ones; refuses to remove what is not there, since that is a slip of the pen."""
    gone = set(removed)
    if missing := sorted(gone.difference(names)):
        raise Refusal("invalid", f"{missing[0]} is not on this list, so it cannot be taken out.")
    return sorted(set(names) - gone)


def names_txt(names: Iterable[str]) -> bytes:
    """The list for people: sorted unique names, each followed by LF; its SHA-256 is the list's digest."""
    return "".join(f"{name}\n" for name in sorted(set(names))).encode("ascii")
