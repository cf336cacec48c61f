"""Which names of a slice a zone delegates: a sieve in front of the slow reader.

For nearly every line of a zone the first field alone tells that it cannot matter: it is a whole name, not one of the slice. The sieve reads
just that field, for millions of lines a second, and hands on the lines of names that are in the slice; names/zonefile.py
judges those. Where the first field might not be the owner as it would be compared (white space in front, a relative name, parentheses, quotes,
escapes, a directive, a byte that is no ASCII) it hands on the whole piece. It takes for granted no order, no case and no separator.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ersr.core.errors import Refusal
from ersr.core.tongue import said
from ersr.names.zonefile import Reader, ZoneFile

if TYPE_CHECKING:
    from polars import DataFrame, Series

#: Bytes around the place where a row is expected by its number.
_NEAR = 64 << 10
#: Pieces that are read ahead: two being sieved, two waiting.
_AHEAD = 4


@dataclass(frozen=True)
class Sieved:
    """Lines that may matter; `owner` is the last one of the piece. `lines` is None where the sieve cannot tell."""

    lines: bytes | None
    owner: bytes = b""


def delegations(
    names: Series, tld: str, zone: ZoneFile, *, threads: int = 2, tell: Callable[[int], None] | None = None
) -> DataFrame:
    """(name, host), both without the last dot, each pair once, for the `names` that have NS records of their own.

    `names`: the slice's names, sorted. `tell` hears how many bytes of the zone were looked at. Raises Refusal("unfit") for a
    file that is no zone, or is another zone.
    """
    import polars

    dotted = (names + ".").rename("name").sort()
    reader, found = Reader(tld), []
    sieve = Sieve(dotted, tld)
    done = 0
    with closing(_in_order(sieve, zone, threads)) as pieces:
        for piece, sieved in pieces:
            if sieved.lines is None or reader.held is not None:
                pairs = reader.delegations(piece)
            else:
                pairs = reader.delegations(sieved.lines) if sieved.lines else []
                reader.owner = sieved.owner
            if pairs:
                frame = polars.DataFrame(pairs, schema={"name": polars.String, "host": polars.String}, orient="row")
                found.append(frame.join(dotted.to_frame(), on="name", how="semi"))
            done += len(piece)
            if tell:
                tell(done)
    if reader.held is not None:
        raise Refusal(
            "unfit", said("{file} ends inside a parenthesis: it is cut off. Fetch it again.", file=zone.path.name)
        )
    if not (reader.belongs or sieve.belongs):
        raise Refusal(
            "unfit", said("{file} has no record of .{tld}: it is another zone, or none.", file=zone.path.name, tld=tld)
        )
    empty = polars.DataFrame(schema={"name": polars.String, "host": polars.String})
    whole = polars.concat([empty, *found]).unique()
    return whole.with_columns(polars.all().str.strip_suffix("."))


def _in_order(sieve: Sieve, zone: ZoneFile, threads: int) -> Generator[tuple[bytes, Sieved], None, None]:
    """Each piece with what the sieve says of it, in the order of the file; reading goes on beside that."""
    with closing(zone.chunks()) as pieces, ThreadPoolExecutor(threads) as sieving, ThreadPoolExecutor(1) as reading:
        waiting: deque[tuple[bytes, Future[Sieved]]] = deque()
        coming = reading.submit(next, pieces, b"")
        while piece := coming.result():
            coming = reading.submit(next, pieces, b"")
            waiting.append((piece, sieving.submit(sieve, piece)))
            if len(waiting) == _AHEAD:
                first, sieved = waiting.popleft()
                yield first, sieved.result()
        for first, sieved in waiting:
            yield first, sieved.result()


class Sieve:
    """Called with whole lines, by several threads at once if need be; every call stands alone."""

    def __init__(self, dotted: Series, tld: str) -> None:
        self.slice, self.apex = _Slice(dotted), f"{tld}."
        #: Whether spaces divide fields too, as learnt from the pieces before; not to know costs time and nothing else.
        self.blanks = False
        #: Whether some owner was the TLD or under it.
        self.belongs = False

    def __call__(self, piece: bytes) -> Sieved:

        if not piece.isascii() or any(mark in piece for mark in (b'"', b"(", b")", b"\\")):
            return Sieved(None)
        blanks = self.blanks
        text = piece.replace(b" ", b"\t") if blanks else piece
        first = _first_fields(text)
        change = (first != first.shift()).fill_null(True)
        rows, owners = change.arg_true(), first.filter(change)
        if first.null_count() or not owners.str.ends_with(".").all() or ((marks := _marks(owners)) and marks != "A"):
            if not blanks and b" " in piece:
                self.blanks = True
                return self(piece)
            if b"\n\t" in text or text[:1] == b"\t":
                return Sieved(None)
            kept = (owners.is_not_null() & ~owners.str.starts_with(";") & (owners != "\r")).fill_null(False)
            rows, owners = rows.filter(kept), owners.filter(kept)
            if not len(owners):
                return Sieved(b"")
            if not owners.str.ends_with(".").all() or _marks(owners).strip("A"):
                return Sieved(None)
            marks = _marks(owners)
        lowered = owners.str.to_lowercase() if marks else owners
        last = str(lowered[-1]).encode()
        if not self.belongs and (lowered.str.ends_with(f".{self.apex}") | (lowered == self.apex)).any():
            self.belongs = True  # and never False again: another thread may have found one
        places = self.slice.places(lowered)
        if not len(places):
            return Sieved(b"", last)
        return Sieved(_picked(piece, owners.gather(places).to_list(), rows.gather(places).to_list(), len(first)), last)


class _Slice:
    """The names of a slice, made for one question: which of millions of owners are among them."""

    def __init__(self, names: Series) -> None:
        import polars

        for seed in range(64):
            hashes = names.hash(seed)
            if hashes.n_unique() == len(
                hashes
            ):  # so that the one name of an equal hash is the only one to compare with
                break
        else:
            raise AssertionError("names that are different have the same hash whatever its seed")
        self.seed = seed
        order = hashes.arg_sort()
        self.hashes, self.names = hashes.gather(order), names.gather(order)
        # 32 places a name, so that three of a hundred strangers come through to the comparison
        self.mask = (1 << min(27, max(12, len(names).bit_length() + 5))) - 1
        taken = (hashes & self.mask).cast(polars.UInt32).unique()
        self.taken = polars.repeat(False, self.mask + 1, eager=True).scatter(taken, True)

    def places(self, owners: Series) -> Series:
        """Where among `owners` names of the slice stand. The strings are compared; hashes only sort out."""
        import polars

        if not len(self.names):
            return polars.Series(dtype=polars.UInt32)
        hashes = owners.hash(self.seed)
        rows = self.taken.gather((hashes & self.mask).cast(polars.UInt32)).arg_true()
        hashes, owners = hashes.gather(rows), owners.gather(rows)
        at = self.hashes.search_sorted(hashes).clip(0, len(self.hashes) - 1)
        return rows.filter(self.names.gather(at) == owners)


def _first_fields(text: bytes) -> Series:
    """What stands in front of the first TAB of each line; null for a line without."""
    import polars

    scanned = polars.scan_csv(
        text, schema={"owner": polars.String}, has_header=False, separator="\t", quote_char=None, truncate_ragged_lines=True, extra_columns="ignore"
    )  # fmt: skip
    return scanned.collect()["owner"]


def _marks(owners: Series) -> str:
    """What in the owners asks for a second look: a blank, a remark, a CR, capitals (A)."""
    text = owners.str.join("").item() or ""
    return "".join(mark for mark in " ;\r" if mark in text) + ("A" if text.lower() != text else "")


def _picked(piece: bytes, owners: list[str], rows: list[int], total: int) -> bytes:
    """The lines of these owners. Each stands for a run of lines; rows are numbers of their first lines, in order, of `total`."""
    often = {owner for owner, times in Counter(owners).items() if times > 1}
    per_row = len(piece) / total
    picked: list[bytes] = []
    end = 0
    for owner, row in zip(owners, rows, strict=True):
        raw = owner.encode()
        start = -1
        if owner not in often:
            near = max(end, int(row * per_row) - _NEAR)
            start = _find(piece, raw, near, near + 2 * _NEAR)
        if start < 0:
            start = _find(piece, raw, end, len(piece))
        while start > end and _has(piece, raw, back := piece.rfind(b"\n", end, start - 1) + 1 or end):
            start = back
        end = start
        while _has(piece, raw, end):
            end = piece.index(b"\n", end) + 1
        picked.append(piece[start:end])
    return b"".join(picked)


def _has(piece: bytes, owner: bytes, place: int) -> bool:
    """Whether a line with this owner begins there."""
    return piece.startswith(owner, place) and piece[place + len(owner) : place + len(owner) + 1] in (
        b"\t",
        b" ",
        b"\n",
        b"\r",
    )


def _find(piece: bytes, owner: bytes, start: int, stop: int) -> int:
    """Where the first line with this owner begins, at `start` (the beginning of a line, or in its middle) or later."""
    if (start == 0 or piece[start - 1] == 10) and _has(piece, owner, start):
        return start
    while (start := piece.find(b"\n" + owner, start, stop)) >= 0:
        start += 1
        if _has(piece, owner, start):
            return start
    return -1
