"""The tree over a list's records, hashed by several processes, and kept as tiles small enough to lie beside the key.

Leaf = SHA-256(0x00 || SHA-256(salt || record)), salt = HMAC-SHA-256(secret, record); the tree is that of tlog.py. Only the hashes
of full tiles (256 records) and what is above them are kept, 0.13 bytes a record: a tile's own leaves are hashed again when
they are asked for, which costs a millisecond. Without the secret the tiles tell nothing of the names.

Whoever asks is the process that holds the secret; it gives it to its workers by their standard input, never as an argument.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Protocol, Self

from ersr.core.tongue import said
from ersr.proof import tlog
from ersr.proof.strict import unfit

_MAGIC = b"ersr list tiles 1\n"
_BLOCK = 64  # tiles that are read and hashed in one go
#: Below so many tiles a further process costs more than it saves.
_WORTH = 128


Heard = Callable[[int], None]


class Lines(Protocol):
    """The sorted records, as lines of a file that other processes can read too; names/records.py has them."""

    path: Path
    size: int

    def place(self, rank: int) -> int: ...

    def lines(self, first: int, last: int) -> list[bytes]: ...


def leaves(secret: bytes, records: Sequence[bytes]) -> list[bytes]:
    """The leaf hashes. HMAC is written out (RFC 2104), since the two padded blocks are the same for each record."""
    inner = sha256(bytes(byte ^ 0x36 for byte in secret.ljust(64, b"\0"))).copy
    outer = sha256(bytes(byte ^ 0x5C for byte in secret.ljust(64, b"\0"))).copy
    found = []
    for record in records:
        first, second = inner(), outer()
        first.update(record)
        second.update(first.digest())
        found.append(sha256(b"\0" + sha256(second.digest() + record).digest()).digest())
    return found


def _above(hashes: Sequence[bytes]) -> bytes:
    """The root of a full tile."""
    begun = sha256(b"\1").copy
    while len(hashes) > 1:
        row = []
        pairs = iter(hashes)
        for left, right in zip(pairs, pairs, strict=True):
            node = begun()
            node.update(left + right)
            row.append(node.digest())
        hashes = row
    return hashes[0]


def _hash_range(path: Path | str, secret: bytes, start: int, end: int, heard: Heard | None = None) -> bytes:
    """The roots of the tiles whose lines lie in these bytes of the file: full tiles only. `heard` is told how many records are done."""
    made, rest = [], b""
    with open(path, "rb", buffering=0) as file:
        file.seek(start)
        while start < end:
            data = file.read(min(end - start, _BLOCK * 8192))
            if not data:
                raise unfit(said("The list's file ended before its last record."))
            start += len(data)
            *records, rest = (rest + data).split(b"\n")
            full = len(records) - len(records) % tlog.TILE
            for place in range(0, full, tlog.TILE):
                made.append(_above(leaves(secret, records[place : place + tlog.TILE])))
            rest = b"\n".join([*records[full:], rest])
            if heard is not None:
                heard(len(made) * tlog.TILE)
    if rest:
        raise unfit(said("The list's file does not hold the records that it should."))
    return b"".join(made)


@dataclass(frozen=True)
class Tiles:
    """The root, and rows of hashes of full subtrees: `rows[0]` of 256 leaves each, `rows[1]` of 65,536, and so on."""

    size: int
    root: bytes
    rows: tuple[bytes, ...]

    @classmethod
    def of(cls, lines: Lines, secret: bytes, workers: int | None = None, heard: Heard | None = None) -> Self:
        """Hashes every record, in `workers` processes (without a number: as many as there are processors).

        `heard` is told after every few thousand records how many this process has done.
        """
        row, rows = _first_row(lines, secret, workers, heard), []
        while row:
            rows.append(row)
            cuts = [row[i : i + tlog.HASH] for i in range(0, len(row), tlog.HASH)]
            row = b"".join(_above(cuts[n : n + tlog.TILE]) for n in range(0, len(cuts) - tlog.TILE + 1, tlog.TILE))
        node = cls(lines.size, b"", tuple(rows)).node(lines, secret)
        return cls(lines.size, tlog.tree_root(lines.size, node), tuple(rows))

    def node(self, lines: Lines, secret: bytes) -> tlog.Node:
        """Answers of this tree; leaves are hashed again from the records."""

        def read(level: int, index: int, width: int) -> bytes:
            first = index * tlog.TILE
            if level:
                return self.rows[level - 1][first * tlog.HASH : (first + width) * tlog.HASH]
            return b"".join(leaves(secret, lines.lines(first, first + width)))

        return tlog.nodes_from_tiles(self.size, read)

    def to_bytes(self) -> bytes:
        return b"".join((_MAGIC, self.size.to_bytes(8, "big"), self.root, *self.rows))

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Refuses ("unfit") what `to_bytes` did not write. That the hashes are the list's is for each proof to show."""
        start = len(_MAGIC) + 8
        size, rows = int.from_bytes(data[len(_MAGIC) : start], "big"), []
        root, start, width = data[start : start + tlog.HASH], start + tlog.HASH, size
        while width := width // tlog.TILE:
            rows.append(data[start : start + width * tlog.HASH])
            start += width * tlog.HASH
        found = cls(size, root, tuple(rows))
        if found.to_bytes() != data or len(data) != start:
            raise unfit(said("These are not the tiles of a list."))
        return found


def _first_row(lines: Lines, secret: bytes, workers: int | None, heard: Heard | None) -> bytes:
    """The roots of all full tiles: this process hashes the first part, workers the others."""
    count = lines.size // tlog.TILE
    workers = max(1, min(workers or os.cpu_count() or 1, count // _WORTH))
    marks = [lines.place(count * n // workers * tlog.TILE) for n in range(workers + 1)]
    with ExitStack() as stack:
        begun = []
        for n in range(1, workers):
            begun.append(stack.enter_context(_worker(lines.path, secret, *marks[n : n + 2])))
            stack.callback(begun[-1].kill)
        row = _hash_range(lines.path, secret, *marks[:2], heard) + b"".join(map(_result, begun))
    if len(row) != count * tlog.HASH:
        raise unfit(said("The list's file does not hold the records that it should."))
    return row


def _worker(path: Path, secret: bytes, start: int, end: int) -> subprocess.Popen[bytes]:
    """-P: nothing in the folder in which the command runs is imported. If it ended before it heard the secret, `_result` says so."""
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "ersr.proof.tiles", str(path), str(start), str(end)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        bufsize=0,
    )
    assert process.stdin is not None
    with suppress(BrokenPipeError):
        process.stdin.write(secret)
    return process


def _result(process: subprocess.Popen[bytes]) -> bytes:
    found, _ = process.communicate()
    if process.returncode:
        raise unfit(said("A process that hashed a part of the list was stopped."))
    return found


if __name__ == "__main__":
    given = sys.argv[1:]
    sys.stdout.buffer.write(_hash_range(given[0], sys.stdin.buffer.read(tlog.SALT), int(given[1]), int(given[2])))
