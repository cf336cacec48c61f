"""What is read of a list is read from its file: in pieces, or as the first few names that fit."""

from __future__ import annotations

import hashlib
from pathlib import Path

import polars
import pytest

from ersr.core.lifecycle import State
from ersr.files import store
from ersr.lists import queries
from ersr.lists.models import ListVersion
from ersr.names import listfile
from ersr.requests import actions
from tests.names import generator
from tests.requests.steps import begin

NAMES = sorted([*generator.generated(400), "alpha.biz", "alphabet.biz", "zulu.net"])


@pytest.fixture
def version(db: None, monkeypatch: pytest.MonkeyPatch) -> ListVersion:
    monkeypatch.setattr(listfile, "ROWS", 100)  # so that pieces meet in the middle of this list too
    c = begin()
    return actions.add_list(c.ref, "\n".join(NAMES).encode(), title="x", by=c.w.filer, now=c.w.now)[0]


def test_the_lines_have_the_lists_digest_and_come_in_pieces(version: ListVersion) -> None:
    lines = queries.lines_of(version)
    pieces = list(lines)
    assert lines.size == sum(map(len, pieces))
    assert len(pieces) > 3
    assert b"".join(pieces).decode().split() == NAMES
    assert hashlib.sha256(b"".join(pieces)).hexdigest() == version.digest


def test_lines_of_a_tld_are_its_names_and_no_others(version: ListVersion) -> None:
    assert b"".join(queries.lines_of(version, "biz")) == "".join(f"{n}\n" for n in NAMES if n.endswith(".biz")).encode()
    assert list(queries.lines_of(version, "z")) == [], "a TLD is a label, not an ending"


def test_names_are_found_by_a_part_and_counted(version: ListVersion) -> None:
    assert queries.found(version, "alpha", 100) == (["alpha.biz", "alphabet.biz"], 2)
    assert queries.found(version, "alpha", 1) == (["alpha.biz"], 2)
    assert queries.found(version, "", 150) == (NAMES[:150], len(NAMES))
    assert queries.found(version, ".*", 5) == ([], 0), "as it stands, no pattern"
    assert queries.found(version, "a", 0) == ([], sum("a" in name for name in NAMES))


@pytest.mark.once
def test_a_name_with_several_windows_is_told_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where one piece ends and the next begins."""
    monkeypatch.setattr(listfile, "ROWS", 2)
    names = ["a.biz", "b.biz", "b.biz", "b.biz", "b.biz", "c.biz"]
    bounds = [None, None, "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z", "2026-03-01T00:00:00Z", None]
    polars.DataFrame({"name": names, "valid_from": bounds, "valid_until": [None] * 6}).write_parquet(tmp_path / "list")
    assert b"".join(listfile.Lines(tmp_path / "list")) == b"a.biz\nb.biz\nc.biz\n"
    assert listfile.found(tmp_path / "list", "b.b", 5) == (["b.biz"], 1)


def test_a_file_that_was_altered_is_refused_before_the_first_piece(version: ListVersion) -> None:
    file = store.path(version.file_id)
    file.write_bytes(file.read_bytes()[:-1] + b"\0")
    with pytest.raises(Exception, match="altered"):
        queries.lines_of(version)


def test_what_was_taken_out_one_by_one_and_by_groups_is_told_together(db: None) -> None:
    c = begin().to(State.DECIDING)
    made = actions.remove_names(c.ref, 1, ["bravo.com"], reason="A real site", by=c.w.security, now=c.w.now)
    assert queries.taken_out(made) == ["bravo.com"]
    made.removed_file = store.put(b"alpha.biz\ncharlie.net\n", "text/plain", now=c.w.now)
    assert queries.taken_out(made) == ["alpha.biz", "bravo.com", "charlie.net"]
    first = ListVersion.objects.get(version=1)
    assert queries.taken_out(first) == []
    for name, out in (("alpha.biz", True), ("bravo.com", True), ("lpha.biz", False), ("charlie.ne", False)):
        assert (queries.listing(first, [first, made], name).removed_at is not None) == out
