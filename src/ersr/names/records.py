"""A list's records as one mapped file: exact look-up by name, and the lines in order for the list's tree.

A record is a line of what `content_digest` is taken over, without LF: `name`, or `name,from,until` with a window. The file holds
the lines as they are, where each begins, and chains by CRC-32 that lead to a name's lines; the name itself is always compared, so
two names of one hash are never one. It is made once beside the list, from nothing but the list, and believed as the list is:
whoever can write into the folder can change both.

Processes that open it share its pages; of its own each holds next to nothing, whatever the list's size.
"""

from __future__ import annotations

import hashlib
import json
import mmap
import os
import struct
import sys
import tempfile
from array import array
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import accumulate, islice
from operator import add, lt
from pathlib import Path
from typing import BinaryIO, Self
from zlib import crc32

from ersr.core.coverage import ABSENT, ALWAYS, Listing
from ersr.core.errors import Refusal
from ersr.core.tongue import said
from ersr.names.folder import LIST, MAP, SUMMARY

#: magic with the order of bytes, content digest, records, buckets, bytes of the lines; then lines, places, chains, heads
_HEAD = struct.Struct("=32s32sQQQ")
_MAGIC = f"ersr records 1 {sys.byteorder}\n".encode().ljust(32, b"\0")
_HEAD_SIZE = _HEAD.size
_ENDS = b"\n,"  # what stands behind a name in a line
_ROWS = 250_000


def open_folder(folder: Path, file: Path | None = None) -> Records:
    """The records of a list's folder; their map (`file`, or records.map in the folder) is made if it is not there or is not this list's.

    Refuses ("unfit") a folder that holds no list, ("damaged") one whose list is not what its summary says.
    """
    folder = Path(folder)
    file = Path(file) if file else folder / MAP
    try:
        digest = str(json.loads((folder / SUMMARY).read_bytes())["content_digest"])
    except (OSError, ValueError, KeyError, TypeError):
        raise Refusal(
            "unfit", said("{folder} holds no list: give the folder that ersr names intake made.", folder=str(folder))
        ) from None
    try:
        found = Records(file)
    except (OSError, Refusal):
        found = None
    if found is None or found.digest != digest:
        if found is not None:
            found.close()
        write(stored_records(folder / LIST), file, digest=digest)
        found = Records(file)
    return found


def stored_records(file: Path) -> Iterator[bytes]:
    """The list as its records, many lines at a time."""
    import polars

    try:
        frame = polars.scan_parquet(file)
        columns = frame.collect_schema().names()
        if "valid_from" in columns:
            begins, ends = (polars.col(column).fill_null("") for column in ("valid_from", "valid_until"))
            window = (
                polars.when((begins == "") & (ends == ""))
                .then(polars.lit(""))
                .otherwise(polars.format(",{},{}", begins, ends))
            )
            frame = frame.select(polars.col("name") + window)
        count = frame.select(polars.len()).collect().item()
        for start in range(0, count, _ROWS):
            rows = frame.slice(start, _ROWS).collect().to_series().to_list()
            yield "\n".join([*rows, ""]).encode()
    except (polars.exceptions.PolarsError, OSError) as error:
        raise Refusal("damaged", said("A stored name list cannot be read: its file is no Parquet.")) from error


def write(pieces: Iterable[bytes], file: Path, *, digest: str | None = None) -> str:
    """The map of sorted lines, in one piece or not at all; returns their content digest (SHA-256, hex).

    Each piece is whole lines, each with its LF. Refuses ("damaged") lines that are not sorted and unique or have another digest than the one
    given, ("too_large") four gigabytes and more, ("unfit") a folder that cannot be written to.
    """
    try:
        descriptor, made = tempfile.mkstemp(dir=file.absolute().parent, prefix=f".{file.name}.")
    except OSError as error:
        raise Refusal(
            "unfit",
            said(
                "{file} cannot be made: {why}. Say where the map of the list may lie.",
                file=str(file),
                why=error.strerror or "",
            ),
        ) from error
    try:
        with os.fdopen(descriptor, "wb") as out:
            found = _write(pieces, out)
            if digest not in (None, found):
                raise Refusal(
                    "damaged", said("The list is not what its summary says: its records have another digest.")
                )
            out.flush()
            os.fsync(out.fileno())
        os.chmod(made, 0o644)
        os.replace(made, file)
    except BaseException:
        os.unlink(made)
        raise
    return found


def _write(pieces: Iterable[bytes], out: BinaryIO) -> str:
    out.write(bytes(_HEAD.size))
    digest, size, before = hashlib.sha256(), 0, b""
    places, hashes = array("I"), array("I")
    for piece in pieces:
        lines = piece[:-1].split(b"\n")
        if piece[-1:] != b"\n" or not before < lines[0] or not all(map(lt, lines, islice(lines, 1, None))):
            raise Refusal("damaged", said("The list's records are not sorted and unique."))
        before = lines[-1]
        if size + len(piece) >= 2**32:
            raise Refusal("too_large", said("The records of one list have less than four gigabytes."))
        places.extend(map(add, accumulate(map(len, lines[:-1]), initial=size), range(len(lines))))
        hashes.extend(map(crc32, (line.partition(b",")[0] for line in lines) if b"," in piece else lines))
        size += len(piece)
        digest.update(piece)
        out.write(piece)
    places.append(size)
    count = len(hashes)
    buckets = max(count, 1)
    heads, chains = array("I", bytes(4 * buckets)), array("I", bytes(4 * count))
    for rank in range(count - 1, -1, -1):  # from the last, so that a chain begins with a name's first line
        bucket = hashes[rank] % buckets
        chains[rank] = heads[bucket]
        heads[bucket] = rank + 1
    out.write(bytes(-(_HEAD.size + size) % 8))
    for column in (places, chains, heads):
        out.write(column)
    out.seek(0)
    out.write(_HEAD.pack(_MAGIC, digest.digest(), count, buckets, size))
    return digest.hexdigest()


class Records:
    """An open map. `digest` is the list's content digest (hex), `size` the number of records. Refuses ("damaged") what is none."""

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        with self.path.open("rb") as file:
            head = file.read(_HEAD.size).ljust(_HEAD.size, b"\0")
            magic, digest, self.size, self._buckets, held = _HEAD.unpack(head)
            start = _HEAD.size + held + -(_HEAD.size + held) % 8
            cells = (self.size + 1, self.size, self._buckets)
            if magic != _MAGIC or self._buckets < 1 or os.fstat(file.fileno()).st_size != start + 4 * sum(cells):
                raise Refusal("damaged", said("{file} is no map of a list's records.", file=str(path)))
            self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self.digest = digest.hex()
        whole = memoryview(self._map)
        self._views = [whole]
        for count in cells:
            self._views.append(whole[start : start + 4 * count].cast("I"))
            start += 4 * count
        _, self._places, self._chains, self._heads = self._views

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        for view in reversed(self._views):
            view.release()
        self._map.close()

    def whole(self) -> bool:
        """Whether the lines are still those of `digest`: reads them all, some tenths of a second for millions."""
        return hashlib.sha256(self._views[0][self.place(0) : self.place(self.size)]).hexdigest() == self.digest

    def find(self, name: str) -> Listing:
        """What the list says of the canonical `name`: exactly that one, whatever other names have its hash."""
        key = name.encode()
        lines, length = self._map, len(key)
        rank = self._heads[crc32(key) % self._buckets]
        while rank:
            start = self._places[rank - 1] + _HEAD_SIZE
            end = start + length
            if lines[start:end] == key and (stop := lines[end]) in _ENDS:
                return ALWAYS if stop == 10 else _listing(self._following(rank - 1, key))
            rank = self._chains[rank - 1]
        return ABSENT

    def of(self, name: str) -> dict[bytes, int]:
        """record -> its place in the list, counted from 0, for each record of the canonical `name`; empty if it is not listed."""
        key = name.encode()
        rank = self._heads[crc32(key) % self._buckets]
        while rank:
            if found := self._following(rank - 1, key):
                return {record: rank - 1 + n for n, record in enumerate(found)}
            rank = self._chains[rank - 1]
        return {}

    def _following(self, rank: int, key: bytes) -> list[bytes]:
        """The records of `key` from `rank` on."""
        rows = []
        while rank < self.size and (row := self.lines(rank, rank + 1)[0]).partition(b",")[0] == key:
            rows.append(row)
            rank += 1
        return rows

    def place(self, rank: int) -> int:
        """Where in the file a record begins; for `size`, where the last one ends."""
        return _HEAD.size + self._places[rank]

    def lines(self, first: int, last: int) -> list[bytes]:
        """The records from `first` up to `last`, without it and without their LF."""
        return self._map[self.place(first) : self.place(last) - 1].split(b"\n") if first < last else []


def _listing(records: list[bytes]) -> Listing:
    rows = [record.decode().split(",") for record in records]
    return Listing(True, tuple((_moment(begins), _moment(ends)) for _, begins, ends in rows))


def _moment(text: str) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
