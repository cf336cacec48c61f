"""What becomes of each entry of a block of lines: the rules of canonical.py, done to columns with polars.

Names that are written plainly, nearly all of every real list, are told by one regular expression. What needs mending, or is
under another TLD, is told by a second and a third. The rest goes to canonical.py, one by one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from ersr.names.canonical import KEPT, judge
from ersr.names.reading import LONGEST_LINE, Form, row_of
from ersr.names.windows import window

if TYPE_CHECKING:
    import polars

#: What `str.strip` takes off, and polars by itself would not all.
SPACE = "".join(chr(c) for c in range(0x3001) if chr(c).isspace())
BOUNDS = ("valid_from", "valid_until")
#: (lines, the number of the first, the form of the file, the place of the header in them or -1).
Block = tuple[bytes, int, Form, int]


class Rules:
    """The rules of canonical.py as regular expressions, for these TLDs.

    A label has 1 to 63 of a-z, 0-9 and -, no hyphen at its ends, nor at its third and fourth place; written without looking
    ahead, which the engine that takes linear time cannot.
    """

    def __init__(self, tlds: tuple[str, ...]) -> None:
        self.tlds = tuple(sorted(tlds))
        self.under = frozenset(tlds)

        def label(alnum: str, most: bool) -> str:
            any_ = f"{alnum[:-1]}-]"
            long, less = (f"{any_}{{0,59}}", f"{any_}{{0,58}}") if most else (f"{any_}*", f"{any_}*")
            return f"{alnum}(?:{alnum}|{any_}(?:{alnum}(?:{long}{alnum})?|-{alnum}(?:{less}{alnum})?))?"

        ends = "|".join(self.tlds)
        #: Canonical as it is; for texts of at most 63 octets.
        self.plain = f"^{label('[a-z0-9]', False)}\\.(?:{ends})$"
        wide, dot = label("[A-Za-z0-9]", True), r"(?:\.|\[\.\]|\(\.\)|\{\.\})"
        #: Becomes canonical in lower case, with a plain dot: group 1 and 2 are label and TLD.
        self.mended = f"^({wide}){dot}((?i-u:{ends})){dot}?$"
        #: A name, but not one label under one of the TLDs.
        self.elsewhere = f"^(?:{wide}\\.)+{wide}$"


@dataclass(frozen=True)
class Part:
    """What became of a block: names (and bounds, "" for none) by first character, and rows of refused.csv."""

    entries: int
    names: Mapping[int, polars.DataFrame]
    refused: polars.DataFrame


def judged(pool: ThreadPoolExecutor, most: int, blocks: Iterable[Block], rules: Rules) -> Iterator[Part]:
    """In order; at most `most` blocks at a time, so that memory stays small."""
    waiting: deque[Future[Part]] = deque()
    try:
        for lines, number, form, header in blocks:
            waiting.append(pool.submit(_judge, lines, number, form, header, rules))
            if len(waiting) >= most:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for one in waiting:
            one.cancel()


def _judge(lines: bytes, number: int, form: Form, header: int, rules: Rules) -> Part:
    import polars as pl

    all_lines = _series(lines)
    if form.kind == "plain":
        quick = (all_lines.str.contains(rules.plain) & (all_lines.str.len_bytes() <= 63)).fill_null(False)
        names = [pl.DataFrame({"name": all_lines.filter(quick)})]
    else:
        quick = pl.Series([False]).new_from_index(0, len(all_lines))
        names = []
    rest = (
        pl.DataFrame({"text": all_lines, "quick": quick})
        .with_row_index("line")
        .filter(~pl.col("quick") & pl.col("text").is_not_null() & (pl.col("line") != header if header >= 0 else True))
        .select(line=pl.col("line").cast(pl.Int64) + number, text="text")
        .with_columns(long=pl.col("text").str.len_chars() > LONGEST_LINE)
        .with_columns(
            text=pl.when("long").then(pl.col("text").str.head(LONGEST_LINE)).otherwise("text").str.strip_chars(SPACE)
        )
        .filter(pl.col("text").str.contains("^[^#;]"))
    )
    entries = rest.height + sum(frame.height for frame in names)
    if form.kind == "plain":
        rest = rest.with_columns(name=pl.col("text"))
    else:
        rest = _rows(rest, form)
    good, bad = _sorted_out(rest, rules)
    names.append(good)
    return Part(entries, _buckets(pl.concat(names, how="diagonal"), rules), bad)


def _series(lines: bytes) -> polars.Series:
    """One text a line; null for an empty one."""
    import polars as pl

    if b"\x1f" in lines or lines.startswith(b"\xef\xbb\xbf"):  # what the reader of CSV would take for its own
        return pl.Series(lines.decode().split("\n")[:-1], dtype=pl.String)
    return pl.read_csv(lines, has_header=False, separator="\x1f", quote_char=None, schema={"text": pl.String})["text"]


def _rows(lines: polars.DataFrame, form: Form) -> polars.DataFrame:
    """`name` and bounds of lines of CSV or JSON; a null name where the line is no row."""
    import polars as pl

    plain = pl.lit(False)
    if form.kind == "csv":
        plain = ~pl.col("text").str.contains('"', literal=True)
    easy = lines.filter(plain)
    cells = pl.col("text").str.split(",")
    fits = cells.list.len().is_between(form.columns[0] + 1, form.width)
    told = [
        pl.when(fits).then(cells.list.get(at, null_on_oob=True).fill_null("").str.strip_chars(SPACE)).alias(name)
        if at >= 0
        else pl.lit("").alias(name)
        for name, at in zip(("name", *BOUNDS), form.columns, strict=True)
    ]
    easy = easy.with_columns(told)
    hard = lines.filter(~plain)
    found = [row_of(text, form) or (None, None, None) for text in hard["text"]]
    columns = {name: [row[at] for row in found] for at, name in enumerate(("name", *BOUNDS))}
    # A lone surrogate, which JSON can write and UTF-8 cannot: no name and no bound has one, whatever stands in its place.
    made = {
        name: pl.Series([v and v.encode(errors="replace").decode() for v in values], dtype=pl.String)
        for name, values in columns.items()
    }
    return pl.concat([easy, hard.with_columns(**made)]).with_columns(pl.col(BOUNDS).fill_null(""))


def _sorted_out(rows: polars.DataFrame, rules: Rules) -> tuple[polars.DataFrame, polars.DataFrame]:
    """(names with their bounds if any, rows of refused.csv): of entries that are not plainly canonical, or have bounds."""
    import polars as pl

    name = pl.col("name")
    rows = rows.with_columns(
        reason=pl.when("long").then(pl.lit("name_long")).when(name.is_null()).then(pl.lit("row")),
        mended=~pl.col("long") & name.str.contains(rules.mended),
    ).with_columns(
        reason=pl.when(
            pl.col("reason").is_null()
            & ~pl.col("mended")
            & name.str.contains(rules.elsewhere)
            & (name.str.len_bytes() <= 253)
        )
        .then(
            pl.when(
                (name.str.count_matches(".", literal=True) > 1)
                & name.str.extract(r"([^.]*)$").str.to_lowercase().is_in(list(rules.under))
            )
            .then(pl.lit("deeper"))
            .otherwise(pl.lit("other_tld"))
        )
        .otherwise("reason"),
        found=pl.when("mended").then(
            pl.concat_str(
                name.str.extract(rules.mended, 1), pl.lit("."), name.str.extract(rules.mended, 2)
            ).str.to_lowercase()
        ),
    )
    unclear = pl.col("reason").is_null() & pl.col("found").is_null()
    told = [judge(text, rules.under) for text in rows.filter(unclear)["name"]]
    if told:
        one_by_one = rows.filter(unclear).with_columns(
            found=pl.Series([one.name or None for one in told], dtype=pl.String),
            reason=pl.Series([one.reason or None for one in told], dtype=pl.String),
        )
        rows = pl.concat([rows.filter(~unclear), one_by_one])
    columns = ["found"]
    if BOUNDS[0] in rows.columns and rows.select(pl.any_horizontal((pl.col(BOUNDS) != "").any())).item():
        rows = _windows(rows)
        columns += BOUNDS
    good = rows.filter(pl.col("reason").is_null()).select(columns).rename({"found": "name"})
    bad = (
        rows.filter(pl.col("reason").is_not_null()).sort("line").select("line", pl.col("text").str.head(KEPT), "reason")
    )
    return good, bad


_window = lru_cache(maxsize=100_000)(window)


def _windows(rows: polars.DataFrame) -> polars.DataFrame:
    """Bounds written the one way. Real lists have few windows for many names, so that each is read once."""
    import polars as pl

    pairs = rows.select(BOUNDS).unique()
    read = [_window(begins, ends) for begins, ends in pairs.iter_rows()]
    known = pairs.with_columns(
        a=pl.Series([one[0] if one else None for one in read], dtype=pl.String),
        b=pl.Series([one[1] if one else None for one in read], dtype=pl.String),
    )
    wrong = pl.col("reason").is_null() & pl.col("a").is_null()
    return rows.join(known, on=BOUNDS, how="left").with_columns(
        reason=pl.when(wrong).then(pl.lit("window")).otherwise("reason"), valid_from="a", valid_until="b"
    )


def _buckets(names: polars.DataFrame, rules: Rules) -> Mapping[int, polars.DataFrame]:
    """By first character, with two columns more: `start`, the first eight octets as a number in the order of text, and `tld`, the
    place in rules.tlds. Here the texts are still near to each other in memory; later each look at one costs four times as much."""
    import polars as pl

    octets = pl.col("name").cast(pl.Binary)
    start = pl.col("name").str.head(8).str.pad_end(8, "\0").cast(pl.Binary)
    tld = octets.bin.slice(pl.col("name").str.find(".", literal=True) + 1).cast(pl.String)
    parts = (
        names.with_columns(
            start=start.bin.reinterpret(dtype=pl.UInt64, endianness="big"),
            tld=tld.cast(pl.Enum(rules.tlds)).to_physical(),
        )
        .with_columns(first=(pl.col("start") // 2**56).cast(pl.UInt8))
        .partition_by("first", include_key=False, as_dict=True)
    )
    return {int(key[0]): frame for key, frame in parts.items()}
