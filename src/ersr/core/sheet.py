"""Tables as files for spreadsheets: CSV of RFC 4180 in which no cell is a formula (OWASP, CSV injection)."""

from __future__ import annotations

import csv
import io
import itertools
from collections.abc import Iterable, Iterator, Sequence

#: What a spreadsheet takes for the beginning of a formula, or skips to find one.
STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\0")
#: Rows that are written at once.
PIECE = 5_000


def cell(value: object) -> str:
    """The text of a cell; one that a spreadsheet would run gets an apostrophe in front, which it does not show."""
    text = str(value)
    return f"'{text}" if text.startswith(STARTS) else text


def as_csv(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    """UTF-8, CRLF, quoted where needed. Numbers that are negative become texts too: ours never are."""
    return b"".join(csv_pieces(heads, rows))


def csv_pieces(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[bytes]:
    """The same in pieces of some thousand rows, for what may have millions."""
    left = itertools.chain([heads], ([cell(value) for value in row] for row in rows))
    while piece := list(itertools.islice(left, PIECE)):
        out = io.StringIO(newline="")
        csv.writer(out, lineterminator="\r\n").writerows(piece)
        yield out.getvalue().encode("utf-8")
