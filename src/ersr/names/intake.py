"""A whole list, fast: files of millions of entries become a sorted list, counts, digests, and a folder that holds them.

tests/oracles/plain_intake.py is the same as a loop, written apart, and both come to the same bytes.

Blocks of lines are judged by a few threads (outcomes.py). Names fall into buckets by their first character, so that each bucket is
sorted, written and digested by itself. (Labels are not in the order of names: `-` comes before `.`, which is why names are
sorted and not labels.)
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from ersr.core.errors import Refusal
from ersr.core.tongue import said
from ersr.names import folder as folders
from ersr.names.outcomes import BOUNDS, Block, Part, Rules, judged
from ersr.names.reading import BLOCK, LONGEST_LINE, Form, form_of, lines_of

if TYPE_CHECKING:
    import polars

THREADS = max(2, min(8, os.cpu_count() or 2))
#: Lines that are plainly remarks or blank: a file may have millions before its first entry.
_REMARKS = re.compile(rb"(?:[ \t]*(?:[#;][^\n]*)?\n)*+")
#: So many names wait to be sorted before those that came twice are let go, however often a file repeats itself.
WAITING = 16_000_000


@dataclass(frozen=True)
class Summary:
    """What was taken in: lines == accepted + duplicates + the refused. Keys of mappings are sorted.

    lines: entries, so no remarks. accepted: unique pairs of name and window; names: unique names. digest: SHA-256 (hex) over the
    sorted unique names, each followed by LF; content_digest: the same over windows.record.
    """

    lines: int
    accepted: int
    names: int
    duplicates: int
    refused: Mapping[str, int]
    tlds: Mapping[str, int]
    digest: str
    content_digest: str

    def json(self) -> bytes:
        """As it stands in summary.json."""
        return (json.dumps(asdict(self), indent=2) + "\n").encode()


def take(
    sources: Sequence[tuple[str, BinaryIO]],
    tlds: Sequence[str],
    into: Path,
    told: Callable[[int], object] | None = None,
) -> Summary:
    """Reads the sources (what a person calls each, and its bytes), and fills the empty folder `into` as names/folder.py says.

    `tlds` are A-labels in lower case. `told` hears how many bytes were read so far. Refusal("unfit") for what is no list, with the
    source's name in front if there are several.
    """
    rules = Rules(tuple(tlds))
    entries, refused, parts = 0, Counter[str](), list[Part]()
    waiting, most = 0, WAITING
    with (into / folders.REFUSED).open("wb") as out, ThreadPoolExecutor(THREADS) as pool:
        out.write(b"line,text,reason,file\n" if len(sources) > 1 else b"line,text,reason\n")
        before = 0
        for name, file in sources:
            done, count = 0, 0

            def heard(read: int, before: int = before) -> None:
                nonlocal done
                done = read
                if told:
                    told(before + read)

            try:
                for part in judged(pool, THREADS + 1, _blocks(file, heard), rules):
                    count += part.entries
                    if part.refused.height:
                        refused.update(dict(part.refused["reason"].value_counts().iter_rows()))
                        rows = part.refused.with_columns(file=_text(name)) if len(sources) > 1 else part.refused
                        rows.write_csv(out, include_header=False)
                    parts.append(part)
                    waiting += part.entries
                    if waiting > most:
                        parts = [_without_repeats(parts)]
                        waiting = sum(frame.height for frame in parts[0].names.values())
                        most = WAITING + 2 * waiting
                if not count:
                    raise Refusal("unfit", said("This list has no names. Send a text file with one name a line."))
            except Refusal as error:
                if len(sources) == 1:
                    raise
                raise Refusal(error.code, said("{file}: {words}", file=name, words=error.message)) from error
            entries, before = entries + count, before + done
        found = _settled(pool, parts, into, rules.tlds)
    summary = Summary(
        lines=entries,
        accepted=found.accepted,
        names=found.names,
        duplicates=entries - refused.total() - found.accepted,
        refused=dict(sorted(refused.items())),
        tlds=dict(sorted(found.tlds.items())),
        digest=found.digest.hexdigest(),
        content_digest=found.content.hexdigest(),
    )
    (into / folders.SUMMARY).write_bytes(summary.json())
    return summary


# --- from a file to blocks


def _blocks(file: BinaryIO, told: Callable[[int], object]) -> Iterator[Block]:
    form: Form | None = None
    number = 1
    for lines in lines_of(file, told, BLOCK):
        header = -1
        if form is None and (place := _first(lines)) is not None:
            line, at = place
            form = form_of(line)
            header = at if form.kind == "csv" else -1
        yield lines, number, form or Form("plain"), header
        number += lines.count(b"\n")


def _first(lines: bytes) -> tuple[str, int] | None:
    """The first line that is no remark, and its place."""
    begin, place = 0, 0
    while begin < len(lines):
        if (end := _REMARKS.match(lines, begin).end()) > begin:  # type: ignore[union-attr]
            begin, place = end, place + lines.count(b"\n", begin, end)
            continue
        end = lines.find(b"\n", begin)
        line = lines[begin : min(end, begin + 4 * LONGEST_LINE)].decode(errors="ignore")[:LONGEST_LINE].strip()
        if line and line[0] not in "#;":
            return line, place
        begin, place = end + 1, place + 1
    return None


def _without_repeats(parts: list[Part]) -> Part:
    import polars as pl

    firsts = sorted({first for part in parts for first in part.names})
    held = {first: [part.names[first] for part in parts if first in part.names] for first in firsts}
    return Part(
        0,
        {first: pl.concat(frames, how="diagonal").unique() for first, frames in held.items()},
        parts[0].refused.clear(),
    )


# --- to the folder


@dataclass
class _Found:
    accepted: int = 0
    names: int = 0
    tlds: Counter[str] = field(default_factory=Counter)
    digest: Any = field(default_factory=hashlib.sha256)
    content: Any = field(default_factory=hashlib.sha256)


def _settled(pool: ThreadPoolExecutor, parts: list[Part], into: Path, tlds: Sequence[str]) -> _Found:
    """Writes slices and list, bucket by bucket in order, and lets go of the parts."""
    import polars as pl

    found, kept = _Found(), []
    (into / folders.SLICES).mkdir()
    windowed = any(BOUNDS[0] in frame.columns for part in parts for frame in part.names.values())
    firsts = sorted({first for part in parts for first in part.names})
    buckets = [[part.names[first] for part in parts if first in part.names] for first in firsts]
    parts.clear()
    for bucket in pool.map(_with_windows if windowed else _without_windows, buckets):
        found.accepted += bucket.rows.height
        found.names += bucket.names.height
        found.digest.update(bucket.lines)
        found.content.update(bucket.records)
        for key, count, text in bucket.slices:
            found.tlds[tlds[key]] += count
            with (into / folders.SLICES / f"{tlds[key]}.txt").open("ab") as out:
                out.write(text)
        kept.append(bucket.rows)
    frame = pl.concat(kept, rechunk=False) if kept else pl.DataFrame(schema={"name": pl.String})
    frame.write_parquet(
        into / folders.LIST, compression="zstd", compression_level=1, statistics=True, row_group_size=100_000
    )
    return found


class _Bucket:
    """`rows` for the list, `names` with their TLD's place, both unique and in order; and what is written of them."""

    def __init__(self, rows: polars.DataFrame, names: polars.DataFrame, records: bytes | None = None) -> None:
        self.rows, self.names = rows, names
        self.lines = _as_lines(names.select("name"))
        self.records = self.lines if records is None else records
        parts = names.partition_by("tld", as_dict=True, include_key=False, maintain_order=True)
        self.slices = [(int(key[0]), frame.height, _as_lines(frame)) for key, frame in parts.items()]


def _without_windows(frames: list[polars.DataFrame]) -> _Bucket:
    """Sorted by the first eight octets as a number, a sixth of the work; where these are alike, the text decides."""
    import polars as pl

    rows = pl.concat(frames)
    frames.clear()
    rows = rows.sort("start")
    alike = rows["start"] == rows["start"].shift(1)
    unsure = (alike | alike.shift(-1)).fill_null(False).arg_true()
    if len(unsure) > rows.height // 8:
        rows = rows.sort("name")
    elif len(unsure):
        right = rows.select("name", "tld")[unsure].sort("name")
        name, tld = (rows[column].scatter(unsure, right[column]) for column in ("name", "tld"))
        rows = pl.DataFrame({"name": name, "tld": tld})
    rows = rows.select("name", "tld").filter(pl.col("name").ne_missing(pl.col("name").shift(1)))
    return _Bucket(rows.select("name"), rows)


def _with_windows(frames: list[polars.DataFrame]) -> _Bucket:
    import polars as pl

    rows = pl.concat(frames, how="diagonal")
    frames.clear()
    missing = [pl.lit("").alias(bound) for bound in BOUNDS if bound not in rows.columns]
    rows = rows.with_columns(missing).with_columns(pl.col(BOUNDS).fill_null("")).select("name", *BOUNDS, "tld")
    rows = rows.unique().sort("name", *BOUNDS)
    name, begins, ends = (pl.col(column) for column in ("name", *BOUNDS))
    whole = pl.concat_str(name, begins, ends, separator=",")
    records = _as_lines(rows.select(pl.when((begins == "") & (ends == "")).then(name).otherwise(whole)))
    names = rows.select("name", "tld").filter(name.ne_missing(name.shift(1)))
    bounds = [pl.when(pl.col(bound) != "").then(bound).alias(bound) for bound in BOUNDS]
    return _Bucket(rows.select("name", *bounds), names, records)


def _as_lines(one: polars.DataFrame) -> bytes:
    """A column of text, each followed by LF."""
    import io

    with closing(io.BytesIO()) as out:
        one.write_csv(out, include_header=False, quote_style="never")
        return out.getvalue()


def _text(value: str) -> polars.Expr:
    import polars as pl

    return pl.lit(value.encode(errors="replace").decode(), dtype=pl.String)
