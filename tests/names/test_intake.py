"""Intake of whole lists: the fast path comes to what the plain loop comes to, on everything that people and machines send."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
import os
import re
import subprocess
import tracemalloc
from pathlib import Path

import idna
import polars
import pytest
from backports import zstd
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from bench import names_made
from ersr.core.errors import Refusal
from ersr.names import intake, reading, versions
from ersr.names.canonical import tlds_of
from ersr.names.windows import record
from tests.oracles import plain_intake

TLDS = ("co", "com", "org", "xn--p1ai")


def taken(
    folder: Path, *files: bytes, tlds: tuple[str, ...] = TLDS, block: int = reading.BLOCK
) -> tuple[dict, bytes, list[tuple]]:
    """(summary, refused.csv, rows of list.parquet) of a fresh folder; slices and digests are held against the list here."""
    made = folder / f"made-{len(list(folder.iterdir()))}"
    made.mkdir()
    before, intake.BLOCK = intake.BLOCK, block
    try:
        summary = intake.take([(f"{n}.txt", io.BytesIO(data)) for n, data in enumerate(files)], tlds, made)
    finally:
        intake.BLOCK = before
    told = json.loads((made / "summary.json").read_bytes())
    assert told == json.loads(summary.json())
    frame = polars.read_parquet(made / "list.parquet")
    rows = [tuple(value or "" for value in (*row, None, None)[:3]) for row in frame.iter_rows()]
    assert rows == sorted(set(rows))
    names = sorted({row[0] for row in rows})
    assert {p.name: p.read_bytes() for p in (made / "slices").iterdir()} == {
        f"{tld}.txt": "".join(f"{name}\n" for name in names if name.endswith(f".{tld}")).encode()
        for tld in told["tlds"]
    }
    assert told["content_digest"] == hashlib.sha256("".join(f"{record(*row)}\n" for row in rows).encode()).hexdigest()
    assert told["lines"] == told["accepted"] + told["duplicates"] + sum(told["refused"].values())
    return told, (made / "refused.csv").read_bytes(), rows


def agree(folder: Path, *files: bytes, block: int = reading.BLOCK) -> dict:
    """Fast path and plain loop, side by side: the same counts, digests, rows and bytes; or both refuse."""
    try:
        summary, refused, entries = plain_intake.taken([(f"{n}.txt", data) for n, data in enumerate(files)], set(TLDS))
    except ValueError:
        with pytest.raises(Refusal) as raised:
            taken(folder, *files, block=block)
        assert raised.value.code == "unfit"
        return {}
    told, text, rows = taken(folder, *files, block=block)
    assert told == summary
    assert text == plain_intake.refused_csv(refused, len(files) > 1)
    assert rows == sorted(entries)
    return told


labels = st.one_of(
    st.from_regex(r"[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True),
    st.from_regex(r"[A-Za-z0-9-]{1,8}", fullmatch=True),
    st.sampled_from(
        [
            "xn--bcher-kva",
            "XN--BCHER-KVA",
            "xn--a",
            "xn--",
            "bücher",
            "БГ",
            "ﬁ",
            "ß",
            "K",
            "İ",
            "a‌b",
            "א1",
            "1א",
            "é" * 40,
            "☃",
            "a_b",
            "",
            "-a",
            "a-",
            "ab--c",
        ]
    ),
    st.integers(60, 66).map("a".__mul__),
    st.text(max_size=4),
)
dots = st.sampled_from([".", ".", ".", "[.]", "(.)", "{.}", "。", "．", "..", " ."])
tails = st.sampled_from(["com", "com", "org", "co", "COM", "net", "рф", "xn--p1ai", "XN--P1AI", "a.com", "c_m", "com-"])
spaces = st.sampled_from(["", "", "", " ", "\t", "\xa0", "\x1f", "\u2003", "\ufeff", "\x85"])
names = st.builds(
    "{3}{0}{1}{2}{4}{5}".format, labels, dots, tails, spaces, st.sampled_from(["", "", ".", "[.]", ".."]), spaces
)
others = st.sampled_from(
    [
        "",
        "# note",
        ";x",
        " # y",
        "http://a.com/b",
        "*.com",
        "com",
        ".",
        "{",
        '"a.com"',
        "a.com,b.com",
        "\x0b",
        "\x1f",
        "a\x1fb.com",
        "x" * 70_000,
        " " * 70_000 + "a.com",
        "#" + "y" * 70_000,
        "a." * 600 + "com",
        "name",
    ]
)
lines = st.lists(st.one_of(names, names, names, others, st.text(max_size=10)), max_size=12)
ends = st.sampled_from(["\n", "\r\n", "\r"])
encodings = st.sampled_from(["utf-8", "utf-8-sig", "utf-16"])
packings = st.sampled_from([bytes, gzip.compress, zstd.compress])
few = settings(
    max_examples=int(os.environ.get("ERSR_TEST_EXAMPLES", "60")),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def packed(rows: list[str], end: str, encoding: str, pack) -> bytes:
    return pack(end.join(rows).encode(encoding, errors="replace"))


@few
@given(lines, ends, encodings, packings, st.sampled_from([64, 10**6]))
@example(["a.com", "\ufeffb_.com", "\ufeffc.com"], "\n", "utf-8", bytes, 64)
@example(["# only", "", "; remarks"], "\n", "utf-8", bytes, 64)
@example(["K.com", "ﬁ.com", "a。com。"], "\r", "utf-16", gzip.compress, 64)
@example([" " * 70_000 + "a.com", "b.com", "é" * 200_000], "\n", "utf-8", bytes, 64)
def test_the_fast_path_comes_to_what_the_loop_comes_to(tmp_path, rows, end, encoding, pack, block):
    """One entry a line, of every kind of dirt, in every packing, wherever the blocks end."""
    agree(tmp_path, packed(rows, end, encoding, pack), block=block)


bounds = st.one_of(
    st.sampled_from(["", "", "2026-03-01", "2026-03-02", "2026-03-01T00:00:00Z", "2026-03-01t02:00:00+02:00", "2026-03-01 00:00:00Z", "2026-03-01T00:00:00.500Z",
                     "2026-03-01T00:00:00.5000000Z", "2026-03-01T00:00:00.0000001Z", "2026-02-30", "0001-01-01T00:00:00+01:00", "9999-12-31T23:59:59-01:00", "2026-03-01T00:00:60Z",
                     "2026-03-01T24:00:00Z", "2026-03-01T00:00:00-00:00", "2026-03-01T00:00:00+24:00", "tomorrow", "1772323200", " 2026-03-03 "]),
    st.dates().map(str), st.datetimes().map(lambda d: d.isoformat() + "Z"), st.text(max_size=5),
)  # fmt: skip


def csv_line(cells: list[str]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="").writerow([cell.replace("\n", " ").replace("\r", " ") for cell in cells])
    return out.getvalue()


@few
@given(
    st.sampled_from([["domain"], ["name", "valid_from", "valid_until"], ["Rank", " FQDN ", "valid_until"], ["valid_from", "fqdn", "domain", "valid_until"], ["name", "name", "x"]]),
    st.lists(st.one_of(st.lists(st.one_of(names, bounds), max_size=5), st.tuples(names, bounds, bounds).map(list)), max_size=10),
    st.lists(st.text(max_size=12), max_size=2), ends, encodings, packings,
)  # fmt: skip
def test_csv_comes_to_what_the_loop_comes_to(tmp_path, header, rows, raw, end, encoding, pack):
    """With the columns wherever they stand, quotes, rows too short and too long, and windows of every kind."""
    agree(tmp_path, packed([csv_line(header), *map(csv_line, rows), *raw], end, encoding, pack), block=64)


values = st.one_of(names, bounds, st.none(), st.integers(), st.just(["a.com"]), st.just("\ud800.com"))


@few
@given(
    st.lists(st.one_of(
        st.dictionaries(st.sampled_from(["domain", "name", "fqdn", "valid_from", "valid_until", "x"]), values).map(json.dumps),
        st.tuples(names, bounds, bounds).map(lambda row: json.dumps(dict(zip(("name", "valid_from", "valid_until"), row, strict=True)), ensure_ascii=False)),
        st.sampled_from(["[]", "1", '"a.com"', "{", "[" * 2000, '{"name": "a.com"} x', "", "# x"]), st.text(max_size=8),
    ), max_size=8), ends, encodings, packings,
)  # fmt: skip
def test_json_lines_come_to_what_the_loop_comes_to(tmp_path, rows, end, encoding, pack):
    agree(tmp_path, packed(['{"name": "a.com"}', *rows], end, encoding, pack), block=64)


@few
@given(
    st.lists(st.binary(max_size=200), min_size=1, max_size=3),
    st.sampled_from([b"", b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"\xff\xfe", b"\xef\xbb\xbf", b"{", b"name,valid_from\n"]),
)
def test_any_bytes_are_taken_or_refused_in_words(tmp_path, pieces, head):
    """No file crashes the readers, alone or among others."""
    agree(tmp_path, *(head + piece for piece in pieces), block=64)


def test_a_file_that_repeats_itself_takes_no_more_room(tmp_path, monkeypatch):
    """Names that came before are let go on the way; counts and digests stay those of the loop."""
    monkeypatch.setattr(intake, "WAITING", 20)
    asked = []
    monkeypatch.setattr(
        intake, "_without_repeats", lambda parts, real=intake._without_repeats: asked.append(1) or real(parts)
    )
    rows = [
        "name,valid_from,valid_until",
        *(f"{'ab'[n % 2]}{n % 7}.com,{'2026-03-01' if n % 3 else ''}," for n in range(200)),
    ]
    assert agree(tmp_path, "\n".join(rows).encode(), b"a1.com\nb1.com\n" * 30, block=64)["accepted"] == 28
    assert len(asked) > 2


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "no names"),
        (b"# only a remark\n\n", "no names"),
        (b"name,valid_from\n", "no names"),
        (gzip.compress(b"", mtime=0), "no names"),
        (b"a.com\n\xff.com\n", "not text"),
        (b"a.com\0\n", "not text"),
        (b"PK\x03\x04\x14\0\x06", "not text"),
        ("a.com\n".encode("utf-16-le"), "not text"),
        ("a.com\n".encode("utf-16")[:-1], "not text"),
        (gzip.compress(gzip.compress(b"a.com\n", mtime=0), mtime=0), "not text"),
        (gzip.compress(b"a.com\n" * 99, mtime=0)[:-9], "damaged or cut off"),
        (gzip.compress(b"a.com\n", mtime=0) + b"trailing", "damaged or cut off"),
        (zstd.compress(b"a.com\n" * 99)[:-3], "damaged or cut off"),
        (b"\x28\xb5\x2f\xfdgarbage", "damaged or cut off"),
    ],
)
def test_what_is_no_list_is_refused_in_words(tmp_path, data, words):
    with pytest.raises(Refusal, match=words) as refused:
        taken(tmp_path, data)
    assert refused.value.code == "unfit"
    with pytest.raises(Refusal, match=rf"^1\.txt: .*{words}"):
        taken(tmp_path, b"a.com\n", data)


@pytest.mark.parametrize("pack", [gzip.compress, zstd.compress])
@pytest.mark.parametrize("line", [b"a.com\n", b"\n", b"a", b"\0"])
def test_a_bomb_is_left_where_it_is_seen(pack, line):
    """Of 200 MB in a few kB no more is unpacked than the room that any list has, whatever the bomb is made of."""
    bomb = pack(line * (200_000_000 // len(line)))
    assert len(bomb) < 400_000
    blocks: list[int] = []
    with pytest.raises(Refusal, match=r"unpacks to more than 200 times|not text"):
        blocks.extend(map(len, reading.lines_of(io.BytesIO(bomb))))
    unpacked = sum(blocks)
    assert unpacked <= reading.ROOM + reading.BLOCK


def test_a_list_that_packs_well_is_no_bomb(tmp_path):
    """The room is for small files: one name a hundred thousand times is a silly list, and a list."""
    assert taken(tmp_path, gzip.compress(b"a.com\n" * 100_000))[0]["lines"] == 100_000


def test_one_line_without_end_takes_little_memory(tmp_path):
    """A line of a hundred megabytes is one refused entry, and is never held whole."""
    tracemalloc.start()
    text = next(reading.lines_of(_Endless(100_000_000), block=2**20))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 12 * 2**20
    assert len(text) > reading.LONGEST_LINE
    assert agree(tmp_path, b"b.com\n" + b"a" * 3_000_000 + b".com\nc.com\n", block=1000)["refused"] == {"name_long": 1}


class _Endless(io.RawIOBase):
    """So many `a`, without a line's end."""

    def __init__(self, left: int) -> None:
        self.left = left

    def read(self, size: int = -1) -> bytes:
        size = min(size, self.left)
        self.left -= size
        return b"a" * size


@pytest.mark.oracle
def test_slices_and_digest_are_what_coreutils_say(tmp_path):
    """`tr, sort -u, sha256sum` with the real commands, over a made list with 30 kinds of dirt in it."""
    rows = names_made.lines(30_000)
    told = agree(tmp_path, "\n".join(rows).encode())
    assert told["lines"] == sum(1 for row in rows if row and row[0] != "#")
    assert len(told["refused"]) >= 4
    clean = [row for row in rows if re.fullmatch(r"[a-z]{1,63}\.com", row)]
    _, refused, _ = taken(tmp_path, "\n".join(clean).encode())
    assert refused == b"line,text,reason\n"
    slices = sorted(tmp_path.glob("made-*/slices/com.txt"), key=lambda p: p.stat().st_mtime)[-1]
    text = "".join(f"{row}\n" for row in clean).encode()
    judged = subprocess.run(["sh", "-c", "LC_ALL=C sort -u"], input=text, stdout=subprocess.PIPE, check=True).stdout
    assert slices.read_bytes() == judged
    summary = json.loads((slices.parent.parent / "summary.json").read_bytes())
    assert (
        summary["digest"]
        == subprocess.run(["sha256sum"], input=judged, stdout=subprocess.PIPE, check=True).stdout.split()[0].decode()
    )


@pytest.mark.oracle
@few
@given(st.lists(names, max_size=12))
def test_idna_is_the_law_line_by_line(tmp_path, rows):
    """What is accepted is what idna.encode says, and exactly one label under a TLD of the request."""
    rows = [
        row
        for row in rows
        if row.strip() and row.strip()[0] not in "#;" and len(row) < 900 and not set(row) & {"\n", "\r", "\0"}
    ]
    if not rows or reading.form_of(rows[0].strip()).kind != "plain":
        return
    wanted = set()
    for row in rows:
        text = row.strip().strip("\ufeff").strip()
        for dot in ("[.]", "(.)", "{.}"):
            text = text.replace(dot, ".")
        try:
            name = idna.encode(text.removesuffix("."), uts46=True, std3_rules=True).decode()
        except (idna.IDNAError, UnicodeError):
            continue
        if name.partition(".")[2] in TLDS and not any(c.isspace() for c in text):
            wanted.add(name)
    assert {row[0] for row in taken(tmp_path, "\n".join(rows).encode())[2]} == wanted


def test_the_made_list_is_the_same_each_time_and_dirty_in_many_ways():
    made = names_made.lines(3_000)
    assert made == names_made.lines(3_000)
    assert made != names_made.lines(3_000, seed=1)
    assert len(names_made.DIRT) >= 20
    assert len(set(names_made.TLDS)) == 43
    clean = sum(
        1 for row in made if re.fullmatch(r"[a-z]{7,20}\.[a-z0-9-]+", row) and row.partition(".")[2] in names_made.TLDS
    )
    assert clean == pytest.approx(3_000 * 0.98, abs=3)


def test_tlds_of_any_length_and_script(tmp_path):
    """No TLD is too long for the fast path, and one that ends like another is another."""
    tlds = tlds_of(["CO", ".com", "рф", "international", "x" * 63])
    assert tlds == ("co", "com", "international", "xn--p1ai", "x" * 63)
    rows = [
        "a.co",
        "a.com",
        "a.рф",
        "a.XN--P1AI",
        "a.international",
        f"a.{'x' * 63}",
        f"{'a' * 63}.{'x' * 63}",
        "a.ternational",
        "a.xcom",
    ]
    told, _, found = taken(tmp_path, "\n".join(rows).encode(), tlds=tlds)
    assert [row[0] for row in found] == sorted(
        ["a.co", "a.com", "a.international", "a.xn--p1ai", f"a.{'x' * 63}", f"{'a' * 63}.{'x' * 63}"]
    )
    assert told["refused"] == {"other_tld": 2}
    for wrong in ("", "co.uk", "c m", "*", "-", "x" * 64):
        with pytest.raises(Refusal, match="no TLD"):
            tlds_of([wrong])


def test_label_order_is_not_name_order(tmp_path):
    """`-` comes before `.`, and names alike in their first eight characters are sorted by the rest."""
    rows = [
        "a.com",
        "a-b.com",
        "a-.com",
        "a0.com",
        "samestart2.com",
        "samestart1.com",
        "samestart.co",
        "samestart.com",
        "samestart1.com",
        "b.com",
    ]
    assert [row[0] for row in taken(tmp_path, "\n".join(rows).encode())[2]] == [
        "a-b.com", "a.com", "a0.com", "b.com", "samestart.co", "samestart.com", "samestart1.com", "samestart2.com",
    ]  # fmt: skip
    few_alike = [
        *(f"0{n:07}.com" for n in range(200)),
        "00000100b.org",
        "00000100-b.com",
        "00000100.co",
        "00000100-b.com",
    ]
    assert [row[0] for row in taken(tmp_path, "\n".join(few_alike).encode())[2]] == sorted(set(few_alike))
    many = [f"update{n % 500:04}.{tld}" for n in range(999, 0, -1) for tld in ("org", "com", "co")]
    assert [row[0] for row in taken(tmp_path, "\n".join(many).encode())[2]] == sorted(set(many))


def test_windows_make_entries_of_their_own(tmp_path):
    """The same name in two windows is two entries and one name; digests are over names, and over records."""
    rows = b"""domain,valid_from,valid_until
a.com,2026-03-01,2026-04-01
a.com,2026-03-01T02:00:00+02:00,2026-04-01T00:00:00Z
a.com,2026-04-01,
b.com,,2026-04-01
c.com,,
d.com,2026-04-01,2026-03-01
e.com,2026-04-01,2026-04-01
"""
    told, refused, entries = taken(tmp_path, rows)
    assert entries == [
        ("a.com", "2026-03-01T00:00:00Z", "2026-04-01T00:00:00Z"), ("a.com", "2026-04-01T00:00:00Z", ""), ("b.com", "", "2026-04-01T00:00:00Z"), ("c.com", "", ""),
    ]  # fmt: skip
    assert (told["lines"], told["accepted"], told["names"], told["duplicates"], told["refused"]) == (
        7,
        4,
        3,
        1,
        {"window": 2},
    )
    assert told["digest"] == hashlib.sha256(b"a.com\nb.com\nc.com\n").hexdigest()
    records = b"a.com,2026-03-01T00:00:00Z,2026-04-01T00:00:00Z\na.com,2026-04-01T00:00:00Z,\nb.com,,2026-04-01T00:00:00Z\nc.com\n"
    assert told["content_digest"] == hashlib.sha256(records).hexdigest()
    assert [row["line"] for row in csv.DictReader(io.StringIO(refused.decode()))] == ["7", "8"]


def test_versions_are_compared_entry_by_entry(tmp_path):
    old = polars.DataFrame({"name": ["a.com", "b.com", "c.com"]})
    new = polars.DataFrame(
        {
            "name": ["b.com", "b.com", "d.com"],
            "valid_from": [None, "2026-03-01T00:00:00Z", None],
            "valid_until": [None, None, None],
        },
        schema_overrides={"valid_until": polars.String},
    )
    changes = versions.compare(old, new)
    assert changes.counts() == {"added": 2, "removed": 2, "kept": 1}
    assert changes.added.rows() == [("b.com", "2026-03-01T00:00:00Z", None), ("d.com", None, None)]
    assert changes.removed["name"].to_list() == ["a.com", "c.com"]
    assert changes.words() == "Added 2 (first b.com), removed 2 (first a.com), kept 1."
    assert versions.compare(new, new).none
    assert versions.between(tmp_path / "absent", tmp_path) is None
