"""The map of a list's records: exact whatever the hashes do, whole or absent, and made again when it is not the list's."""

from __future__ import annotations

import io
import json
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ersr.core.coverage import ABSENT, ALWAYS, Listing
from ersr.core.errors import Refusal
from ersr.names import folder, intake, records

NAMES = st.from_regex(r"[a-c0-1](?:[a-c0-1-]{0,3}[a-c0-1])?\.(?:com|net|co)", fullmatch=True)
BOUND = st.sampled_from(["", "2026-03-01T00:00:00Z", "2026-03-02T00:00:00Z", "2026-03-02T00:00:00.5Z"])
WINDOWS = st.tuples(BOUND, BOUND)


def lines_of(rows: set[tuple[str, str, str]]) -> list[bytes]:
    return sorted((f"{n},{a},{b}" if a or b else n).encode() + b"\n" for n, a, b in rows)


def made(file: Path, lines: list[bytes]) -> records.Records:
    records.write([b"".join(lines[i : i + 5]) for i in range(0, len(lines), 5)], file)
    return records.Records(file)


def moment(text: str) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


@pytest.fixture(scope="module")
def file(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("map") / "records.map"


@pytest.mark.parametrize("one_hash", [False, True])
@settings(max_examples=40, deadline=None)
@given(rows=st.sets(st.tuples(NAMES, *[BOUND] * 2), min_size=1, max_size=40), others=st.lists(NAMES, max_size=20))
def test_each_name_is_found_with_its_windows_and_no_other_is(file, one_hash, rows, others):
    """Also when all names have one hash: a name is never covered by looking like another."""
    with pytest.MonkeyPatch.context() as patch:
        if one_hash:
            patch.setattr(records, "crc32", lambda key: 7)
        lines = lines_of(rows)
        with made(file, lines) as found:
            for name in {name for name, _, _ in rows} | set(others):
                windows = sorted((a, b) for n, a, b in rows if n == name)
                if not windows:
                    wanted = ABSENT
                elif ("", "") in windows:
                    wanted = ALWAYS
                else:
                    wanted = Listing(True, tuple((moment(a), moment(b)) for a, b in windows))
                assert found.find(name) == wanted, name
                places = {line[:-1]: n for n, line in enumerate(lines) if line[:-1].split(b",")[0] == name.encode()}
                assert found.of(name) == places
            assert found.lines(0, found.size) == [line[:-1] for line in lines]


@pytest.mark.parametrize("asked", ["", "a", "a.co", "a.comm", "b.com", "a.com\n", "a.com,", "xa.com", "a.com,2026-03-01T00:00:00Z,"])
def test_what_only_looks_like_a_listed_name_is_not_listed(tmp_path, asked):
    with made(tmp_path / "m", [b"a.com\n", b"aa.com\n", b"b.net,2026-03-01T00:00:00Z,\n"]) as found:
        assert found.find(asked) == ABSENT
        assert found.of(asked) == {}


def test_an_empty_list_has_no_name(tmp_path):
    with made(tmp_path / "m", []) as found:
        assert (found.size, found.find("a.com"), found.lines(0, 0)) == (0, ABSENT, [])


@pytest.mark.parametrize("pieces", [[b"b.com\na.com\n"], [b"a.com\na.com\n"], [b"b.com\n", b"a.com\n"], [b"a.com\nb.com"]])
def test_lines_that_are_not_sorted_and_whole_are_refused_and_leave_nothing(tmp_path, pieces):
    with pytest.raises(Refusal, match="not sorted and unique"):
        records.write(pieces, tmp_path / "m")
    assert list(tmp_path.iterdir()) == []


def listed(tmp_path: Path, text: str) -> Path:
    """A folder as intake makes it; what it held before goes."""
    with folder.building(tmp_path / "list") as made:
        intake.take([("names.csv", io.BytesIO(text.encode()))], frozenset({"com", "net"}), made, lambda done: None)
        folder.settle(made, tmp_path / "list", replace=True)
    return tmp_path / "list"


def test_the_map_is_made_from_what_intake_left_and_made_again_for_another_list(tmp_path):
    """Windows and all: its lines are those of the content digest, as sha256sum sees them."""
    text = "name,valid_from,valid_until\nb.com,2026-03-01,\na.net,,\nb.com,,2026-02-01\na-.com,,\na.com,2026-01-01T01:00:00+01:00,2026-01-02\n"
    place = listed(tmp_path, text)
    digest = json.loads((place / "summary.json").read_text())["content_digest"]
    with records.open_folder(place) as found:
        lines = [b"a.com,2026-01-01T00:00:00Z,2026-01-02T00:00:00Z", b"a.net", b"b.com,,2026-02-01T00:00:00Z", b"b.com,2026-03-01T00:00:00Z,"]
        assert found.lines(0, found.size) == lines
        assert found.find("b.com").window(datetime(2026, 2, 1, tzinfo=UTC)) is None
        assert found.digest == digest
    told = subprocess.run("sha256sum", input=b"".join(line + b"\n" for line in lines), capture_output=True, check=True).stdout
    assert told.split()[0].decode() == digest
    kept = (place / records.MAP).stat()
    records.open_folder(place).close()
    assert (place / records.MAP).stat() == kept, "a map that fits is not made again"
    listed(tmp_path, text)
    assert folder.same(place, place)
    records.open_folder(place).close()
    listed(tmp_path, "name\nz.com\n")
    with records.open_folder(place) as found:
        assert found.lines(0, found.size) == [b"z.com"]


def test_the_same_list_again_is_the_same_in_spite_of_its_map(tmp_path):
    """The map is no part of the list: with it or without it, nothing new came in."""
    place = listed(tmp_path, "name\na.com\n")
    records.open_folder(place).close()
    again = tmp_path / "again"
    again.mkdir()
    second = listed(again, "name\na.com\n")
    assert folder.same(place, second)


def test_a_damaged_map_is_refused_and_in_a_folder_made_again(tmp_path):
    place = listed(tmp_path, "name\na.com\nb.com\n")
    records.open_folder(place).close()
    file = place / records.MAP
    whole = file.read_bytes()
    for broken in (b"", whole[:50], whole[:-1], whole + b"\0", b"x" + whole[1:], whole[:72] + b"\xff" * 8 + whole[80:]):
        file.write_bytes(broken)
        with pytest.raises(Refusal, match="no map"):
            records.Records(file)
        with records.open_folder(place) as found:
            assert found.find("b.com").listed
        assert file.read_bytes() == whole


def test_a_list_that_is_not_what_its_summary_says_is_refused(tmp_path):
    place = listed(tmp_path, "name\na.com\nb.com\n")
    told = json.loads((place / "summary.json").read_text())
    (place / "summary.json").write_text(json.dumps(told | {"content_digest": "0" * 64}))
    with pytest.raises(Refusal, match="another digest"):
        records.open_folder(place)
    assert not (place / records.MAP).exists()
    (place / "list.parquet").write_bytes(b"PAR1")
    with pytest.raises(Refusal, match="no Parquet"):
        records.open_folder(place)
    with pytest.raises(Refusal, match="holds no list"):
        records.open_folder(tmp_path)


def test_where_the_folder_takes_no_file_the_map_lies_elsewhere(tmp_path):
    place = listed(tmp_path, "name\na.com\n")
    with records.open_folder(place, tmp_path / "elsewhere.map") as found:
        assert found.find("a.com").listed
    assert not (place / records.MAP).exists()
    with pytest.raises(Refusal, match="Say where the map"):
        records.open_folder(place, tmp_path / "absent" / "m")
