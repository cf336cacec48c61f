"""A list as it comes, from any file: gzip, zstd or plain; UTF-8 or UTF-16; whatever ends its lines. In bounded memory.

The file's own bytes say what it is, never its name. What comes out are blocks of whole lines in UTF-8, each line followed by LF.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import importlib
import io
import json
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

from ersr.core.errors import Refusal
from ersr.core.tongue import number as figure
from ersr.core.tongue import said

#: Bytes of one block, about; the longest line may be added to it. Small, since a file of blank lines has as many lines.
BLOCK = 4 * 2**20
#: Characters of a line that count: what is longer is no entry of a list, and is judged by its beginning.
LONGEST_LINE = 65_536
#: A compressed file is a bomb if it unpacks to more than RATIO times its size, once that is more than ROOM bytes. Lists of
#: random names shrink to a half, of one name again and again to a hundredth.
RATIO, ROOM = 200, 64 * 2**20

Told = Callable[[int], object]


def lines_of(file: BinaryIO, told: Told | None = None, block: int = BLOCK) -> Iterator[bytes]:
    """Blocks of whole lines. Refusal("unfit"): no text, damaged, a bomb. `told` hears how many bytes of the file are read.

    Of a line that is longer than a block, the first LONGEST_LINE characters and more come out, but not all of it.
    """
    counted = _Counted(file, told)
    raw = io.BufferedReader(counted, 2**20)
    try:
        yield from _cut(_decoded(_unpacked(raw, counted), block), block)
    except UnicodeDecodeError as error:
        raise Refusal(
            "unfit", said("This file is not text in UTF-8 or UTF-16. Send a plain text file with one name a line.")
        ) from error
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise Refusal("unfit", said("This compressed file is damaged or cut off. Send it again.")) from error
    finally:
        raw.detach()


class _Counted(io.RawIOBase):
    """Passes on, and counts what was read."""

    def __init__(self, file: BinaryIO, told: Told | None) -> None:
        self.file, self.told, self.done = file, told, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        got = self.file.read(len(buffer)) or b""
        buffer[: len(got)] = got
        self.done += len(got)
        if self.told and got:
            self.told(self.done)
        return len(got)


def _unpacked(raw: io.BufferedReader, counted: _Counted) -> Callable[[int], bytes]:
    """How to read the next bytes of what the file holds."""
    head = raw.peek(4)[:4]
    if head[:2] == b"\x1f\x8b":
        source: BinaryIO = gzip.GzipFile(fileobj=raw)  # type: ignore[assignment]
        damaged: tuple[type[Exception], ...] = ()
    elif head == b"\x28\xb5\x2f\xfd":
        ZstdFile, ZstdError = _zstd()
        source, damaged = ZstdFile(raw), (ZstdError,)
    else:
        return raw.read
    done = 0

    def read(size: int) -> bytes:
        nonlocal done
        try:
            got = source.read(size)
        except damaged as error:
            raise EOFError from error
        done += len(got)
        if done > max(ROOM, RATIO * counted.done):
            raise Refusal(
                "unfit",
                said(
                    "This compressed file unpacks to more than {times} times its size, as no list of names does. Send it uncompressed.",
                    times=figure(RATIO),
                ),
            )
        return got

    return read


def _zstd() -> tuple[Any, type[Exception]]:
    """Of the standard library from 3.14 on, else its backport."""
    for module in ("compression.zstd", "backports.zstd"):
        try:
            found = importlib.import_module(module)
        except ImportError:
            continue
        return found.ZstdFile, found.ZstdError
    raise Refusal(
        "unfit",
        said("This file is compressed with zstd, which is not installed here. Install it: pip install ersr[lists]"),
    )


def _decoded(read: Callable[[int], bytes], block: int) -> Iterator[bytes]:
    """UTF-8 without byte order mark; whether UTF-8 really is, is seen where lines are whole."""
    first = read(block)
    if first.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        decoder = codecs.getincrementaldecoder("utf-16")()
        piece = first
        while piece:
            yield decoder.decode(piece).encode()
            piece = read(block)
        yield decoder.decode(b"", final=True).encode()
        return
    yield first.removeprefix(codecs.BOM_UTF8)
    while piece := read(block):
        yield piece


def _cut(pieces: Iterator[bytes], block: int) -> Iterator[bytes]:
    held = b""
    for piece in pieces:
        held += piece
        # An LF may follow a CR at the very end, so that one ends no line yet.
        end = max(held.rfind(b"\n"), held.rfind(b"\r", 0, -1))
        if end >= 0:
            yield _checked(held[: end + 1])
            held = held[end + 1 :]
        elif len(held) > 2 * max(block, 8 * LONGEST_LINE):
            # Not in the middle of a character: a decoder that waits for more keeps back what is incomplete.
            held = codecs.getincrementaldecoder("utf-8")().decode(held[: max(block, 8 * LONGEST_LINE)]).encode()
    if held:
        yield _checked(held)


def _checked(lines: bytes) -> bytes:
    if b"\r" in lines:
        lines = lines.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    if b"\0" in lines:
        raise Refusal("unfit", said("This file is not text. Send a plain text file with one name a line."))
    if not lines.isascii():
        lines.decode()
    return lines if lines.endswith(b"\n") else lines + b"\n"


NAME_KEYS, WINDOW_KEYS = ("domain", "name", "fqdn"), ("valid_from", "valid_until")


@dataclass(frozen=True)
class Form:
    """What an entry looks like: kind "plain", "csv" or "json"; of CSV, which columns hold name, from and until (-1: none) of how many."""

    kind: str
    columns: tuple[int, int, int] = (0, -1, -1)
    width: int = 1


def form_of(line: str) -> Form:
    """By the first line that is no remark: `{` begins JSON lines, a header with a column for names CSV; else one entry a line."""
    if line.startswith("{"):
        return Form("json")
    cells = [cell.strip().lower() for cell in cells_of(line)]
    name = next((cells.index(key) for key in NAME_KEYS if key in cells), None)
    if name is None:
        return Form("plain")
    bounds = [cells.index(key) if key in cells else -1 for key in WINDOW_KEYS]
    return Form("csv", (name, bounds[0], bounds[1]), len(cells))


def cells_of(line: str) -> list[str]:
    """A line of CSV (RFC 4180, but a cell ends where its line does)."""
    try:
        return next(csv.reader([line]), [])
    except csv.Error:
        return []


Row = tuple[str, str, str] | None


def row_of(line: str, form: Form) -> Row:
    """(name, from, until) of a line of CSV or JSON, "" for no bound; None if it is no row with a name."""
    return _from_json(line) if form.kind == "json" else _from_csv(line, form)


def _from_csv(line: str, form: Form) -> Row:
    cells = cells_of(line)
    if len(cells) > form.width or len(cells) <= form.columns[0]:
        return None
    name, begins, ends = (cells[at].strip() if 0 <= at < len(cells) else "" for at in form.columns)
    return name, begins, ends


def _from_json(line: str) -> Row:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(row, dict):
        return None
    values: Sequence[object] = [next((row[k] for k in NAME_KEYS if k in row), None), *(row.get(k) for k in WINDOW_KEYS)]
    name, begins, ends = ("" if value is None and at else value for at, value in enumerate(values))
    if not (isinstance(name, str) and isinstance(begins, str) and isinstance(ends, str)):
        return None
    return name.strip(), begins.strip(), ends.strip()
