"""A stored list is counted, searched and made shorter in its file; whatever is no list is refused."""

from __future__ import annotations

import hashlib
from pathlib import Path

import polars
import pytest

from ersr.core.errors import Refusal
from ersr.names import listfile
from ersr.names.canonical import digest
from tests.names import generator

NAMES = generator.generated()


def stored(path: Path, names: list[str], **columns: list[str | None]) -> Path:
    polars.DataFrame({"name": names, **columns}, schema=dict.fromkeys(["name", *columns], polars.String)).write_parquet(path)
    return path


def test_a_list_is_counted_as_its_names_digest(tmp_path: Path) -> None:
    """Without windows both digests are those of `sort -u | sha256sum`."""
    told = listfile.count(stored(tmp_path / "list", sorted(NAMES)))
    assert (told.names, told.digest, told.content_digest) == (len(NAMES), digest(NAMES), digest(NAMES))
    assert sum(told.tlds.values()) == len(NAMES)
    assert list(told.tlds) == sorted(told.tlds)


def test_windows_count_in_the_digest_of_the_content_alone(tmp_path: Path) -> None:
    bounds: dict[str, list[str | None]] = {
        "valid_from": [None, "2026-01-01T00:00:00Z", None], "valid_until": [None, None, "2026-02-01T00:00:00Z"],
    }  # fmt: skip
    told = listfile.count(stored(tmp_path / "list", ["a.com", "b.com", "b.com"], **bounds))
    assert (told.names, told.tlds, told.digest) == (2, {"com": 2}, digest(["a.com", "b.com"]))
    records = b"a.com\nb.com,2026-01-01T00:00:00Z,\nb.com,,2026-02-01T00:00:00Z\n"
    assert told.content_digest == hashlib.sha256(records).hexdigest()
    kept, absent = listfile.without(tmp_path / "list", ["a.com"], tmp_path / "less")
    assert (kept, absent, polars.read_parquet(tmp_path / "less").rows()) == (
        2, [], [("b.com", bounds["valid_from"][1], None), ("b.com", None, bounds["valid_until"][2])],
    )  # fmt: skip


def test_names_are_taken_out_and_those_that_are_not_there_are_told(tmp_path: Path) -> None:
    filed = stored(tmp_path / "list", sorted(generator.filed()))
    assert listfile.without(filed, generator.LEGITIMATE, tmp_path / "less") == (len(NAMES), [])
    assert polars.read_parquet(tmp_path / "less")["name"].to_list() == sorted(NAMES)
    assert listfile.without(tmp_path / "less", ["zz.zz", *generator.LEGITIMATE, NAMES[0]], tmp_path / "more") == (
        len(NAMES) - 1, sorted(["zz.zz", *generator.LEGITIMATE]),
    )  # fmt: skip


@pytest.mark.parametrize("data", [b"", b"no parquet"])
def test_a_damaged_file_is_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "list").write_bytes(data)
    for read in (lambda file: list(listfile.Lines(file)), listfile.count, lambda file: listfile.found(file, "a", 1)):
        with pytest.raises(Refusal) as refused:
            read(tmp_path / "list")
        assert refused.value.code == "damaged"


def test_presence_is_exact(tmp_path: Path) -> None:
    import polars

    polars.DataFrame({"name": sorted([*NAMES, "example.com"])}).write_parquet(tmp_path / "list")
    for name in ("example.com", NAMES[7]):
        assert listfile.holds(tmp_path / "list", name)
    for name in ("example.co", "www.example.com", "", "EXAMPLE.com"):
        assert not listfile.holds(tmp_path / "list", name)


def test_the_generator_is_the_same_each_time() -> None:
    assert generator.generated() == NAMES
    assert len(set(generator.filed())) == 7754
    assert set(generator.filed()) - set(NAMES) == set(generator.LEGITIMATE)
    assert generator.generated(10, seed=1) != generator.generated(10, seed=2)
