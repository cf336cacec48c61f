"""`ersr names intake` as a person types it: exit codes, words, and a folder that is whole or not there whatever happens."""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from ersr.client.command import app
from ersr.client.command import names as command
from ersr.names import folder
from tests.house.tree import ROOT


def run(*words: str | Path) -> Result:
    return CliRunner().invoke(app, ["names", "intake", *map(str, words)])


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "list.txt"
    made.write_text("# Conficker\nb.com\nA[.]com.\na.com\nwww.a.com\nc.net\nd.org\n", encoding="utf-8")
    return made


def tree(top: Path) -> dict[str, bytes]:
    return {str(p.relative_to(top)): p.read_bytes() for p in sorted(top.rglob("*")) if p.is_file()}


def test_a_list_becomes_a_folder(file: Path, tmp_path: Path) -> None:
    """The four things that screening and proofs read, and the same told on the terminal."""
    told = run(file, "--tld", "com", "--tld", ".ORG", "--out", tmp_path / "out", "--json")
    assert told.exit_code == 0, told.output
    held = tree(tmp_path / "out")
    assert set(held) == {"list.parquet", "refused.csv", "slices/com.txt", "slices/org.txt", "summary.json"}
    assert held["slices/com.txt"] == b"a.com\nb.com\n"
    assert held["refused.csv"] == b"line,text,reason\n5,www.a.com,deeper\n6,c.net,other_tld\n"
    summary = json.loads(held["summary.json"])
    assert list(summary) == ["lines", "accepted", "names", "duplicates", "refused", "tlds", "digest", "content_digest"]
    assert summary | {"folder": str(tmp_path / "out"), "new": True} == json.loads(told.stdout)
    assert summary["content_digest"] == summary["digest"]
    assert (summary["lines"], summary["accepted"], summary["names"], summary["duplicates"]) == (6, 3, 3, 1)
    again = run(file, "--tld", "com", "--tld", "org", "--out", tmp_path / "other")
    assert "Accepted      3" in again.stdout
    assert "1 deeper" in again.stdout
    assert tree(tmp_path / "other") == held


def test_the_same_content_again_touches_nothing(file: Path, tmp_path: Path) -> None:
    words = (file, "--tld", "com", "--out", tmp_path / "out")
    assert run(*words).exit_code == 0
    before = {p: p.stat().st_mtime_ns for p in (tmp_path / "out").rglob("*")}
    told = run(*words, "--json")
    assert (told.exit_code, json.loads(told.stdout)["new"]) == (0, False)
    assert {p: p.stat().st_mtime_ns for p in (tmp_path / "out").rglob("*")} == before


def test_another_version_is_told_before_it_is_adopted(file: Path, tmp_path: Path) -> None:
    """What would be added and removed is said, and nothing is changed without --replace; other counts alone need none."""
    words = (file, "--tld", "com", "--out", tmp_path / "out")
    assert run(*words).exit_code == 0
    before = tree(tmp_path / "out")
    file.write_text("b.com\nb.com\nx.com\ny.com\n", encoding="utf-8")
    told = run(*words)
    assert told.exit_code == 2
    assert "Added 2 (first x.com), removed 1 (first a.com), kept 1." in told.stderr
    assert "--replace" in told.stderr
    assert tree(tmp_path / "out") == before
    told = run(*words, "--replace", "--json")
    assert (told.exit_code, json.loads(told.stdout)["changes"]) == (0, {"added": 2, "removed": 1, "kept": 1})
    assert tree(tmp_path / "out")["slices/com.txt"] == b"b.com\nx.com\ny.com\n"
    file.write_text("b.com\nx.com\ny.com\n", encoding="utf-8")
    assert run(*words).exit_code == 0
    assert json.loads(tree(tmp_path / "out")["summary.json"])["duplicates"] == 0
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []


def test_a_folder_that_is_no_list_is_left_alone(file: Path, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "letter.txt").write_text("dear")
    told = run(file, "--tld", "com", "--out", tmp_path / "home")
    assert (told.exit_code, tree(tmp_path / "home")) == (2, {"letter.txt": b"dear"})
    assert "It is no list." in told.stderr
    told = run(file, "--tld", "com", "--out", tmp_path / "home", "--replace")
    assert (told.exit_code, tree(tmp_path / "home")) == (2, {"letter.txt": b"dear"})


def test_no_entry_accepted_ends_with_1_and_says_where_the_reasons_are(file: Path, tmp_path: Path) -> None:
    told = run(file, "--tld", "info", "--out", tmp_path / "out")
    assert told.exit_code == 1
    assert f"Why, entry by entry: {tmp_path / 'out' / 'refused.csv'}" in told.stderr
    assert len((tmp_path / "out" / "refused.csv").read_text().splitlines()) == 7


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"# remark\n",
        b"\xff\xfe\xff",
        b"a.com\0",
        gzip.compress(b"a.com\n" * 99, mtime=0)[:-5],
        gzip.compress(b"a" * 80_000_000, mtime=0),
    ],
)
def test_a_file_that_cannot_be_read_ends_with_2_and_leaves_nothing(data: bytes, tmp_path: Path) -> None:
    """Alone and after a good one: the sentence names the file, and there is no folder."""
    (tmp_path / "bad.gz").write_bytes(data)
    (tmp_path / "good.txt").write_bytes(b"a.com\n")
    for files in (["bad.gz"], ["good.txt", "bad.gz"]):
        told = run(*(tmp_path / name for name in files), "--tld", "com", "--out", tmp_path / "out")
        assert (told.exit_code, told.stdout) == (2, "")
        assert "Nothing was written." in told.stderr
        assert {p.name for p in tmp_path.iterdir()} == {"bad.gz", "good.txt"}
    assert "bad.gz: " in told.stderr


@pytest.mark.parametrize("words", [("--tld", "co.uk"), ("--tld", ""), ("--tld", "c m"), ()])
def test_wrong_usage_ends_with_2(words: tuple[str, ...], file: Path, tmp_path: Path) -> None:
    told = run(file, *words, "--out", tmp_path / "out")
    assert (told.exit_code, (tmp_path / "out").exists()) == (2, False)
    assert run(tmp_path / "absent", "--tld", "com", "--out", tmp_path / "out").exit_code == 2
    assert run(file, "--tld", "com", "--out", file / "below").exit_code == 2


def test_several_files_are_one_list_and_refusals_say_which(file: Path, tmp_path: Path) -> None:
    more = tmp_path / "more.csv.gz"
    more.write_bytes(gzip.compress("\ufeffdomain,note\r\nz.com,\r\nb.com,x\r\nü_.com,\r\n".encode()))
    told = run(file, more, "--tld", "com", "--out", tmp_path / "out", "--json")
    assert (told.exit_code, json.loads(told.stdout)["names"]) == (0, 3)
    assert (tmp_path / "out" / "refused.csv").read_text(encoding="utf-8").splitlines()[::4] == [
        "line,text,reason,file",
        f'4,"ü_.com,",character,{more}',
    ]


def test_without_polars_one_sentence_says_what_to_install(file: Path, tmp_path: Path) -> None:
    """The base installation, as it is."""
    told = subprocess.run(
        [ROOT / ".venv-base/bin/ersr", "names", "intake", file, "--tld", "com", "--out", tmp_path / "out"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 2
    assert "pip install ersr[lists]" in told.stderr
    assert len(told.stderr.splitlines()) == 2
    assert command.names.info.help


#: Dies with -9 at the call of os.fsync or os.rename that it is told, before it is done; then goes on as it would.
DYING = """
import os, signal, sys
call, left = sys.argv.pop(1), int(sys.argv.pop(1))
real = getattr(os, call)
def dying(*words, **more):
    global left
    if not left:
        os.kill(os.getpid(), signal.SIGKILL)
    left -= 1
    return real(*words, **more)
setattr(os, call, dying)
"""
COMMAND = "from ersr.client.command import app\napp(['names', 'intake', *sys.argv[1:]])"
FOLDER = """
from pathlib import Path
from ersr.names import folder
with folder.building(Path(sys.argv[1])) as made:
    (made / "slices").mkdir()
    for name in ("one", "two", "slices/three"):
        (made / name).write_text(sys.argv[2])
    folder.settle(made, Path(sys.argv[1]), replace=True)
"""


def killed(program: str, *words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", DYING + program, *map(str, words)], capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("before", ["", "old"])
@pytest.mark.parametrize(
    ("call", "times"), [("fsync", 0), ("fsync", 3), ("fsync", 5), ("fsync", 99), ("rename", 0), ("rename", 1)]
)
def test_a_kill_in_mid_write_leaves_a_whole_folder_or_none(call: str, times: int, before: str, tmp_path: Path) -> None:
    """At each step: afterwards the folder is the old one, the new one, or absent; and the next run is whole and clean."""
    out = tmp_path / "out"

    def whole(text: str) -> dict[str, bytes]:
        return {name: text.encode() for name in ("one", "slices/three", "two")}

    if before:
        assert killed(FOLDER, "fsync", "99", out, before).returncode == 0
    died = killed(FOLDER, call, str(times), out, "new")
    survives = times == 99 or (times == 1 and call == "rename" and not before)
    assert died.returncode == (0 if survives else -signal.SIGKILL), died.stderr
    held = tree(out) if out.exists() else {}
    # The last fsync is of the folder around: by then the name is there. Between two renames neither is.
    late = (call, times) == ("fsync", 5)
    assert held == (
        whole("new") if survives or late else whole("old") if before and (call, times) != ("rename", 1) else {}
    )
    assert killed(FOLDER, "fsync", "99", out, "new").returncode == 0
    assert tree(out) == whole("new")
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_a_killed_command_leaves_no_folder_and_the_next_one_is_whole(file: Path, tmp_path: Path) -> None:
    words = (file, "--tld", "com", "--out", tmp_path / "out")
    assert killed(COMMAND, "rename", "0", *words).returncode == -signal.SIGKILL
    assert not (tmp_path / "out").exists()
    assert len(list(tmp_path.glob(".out.unfinished-*/summary.json"))) == 1
    assert run(*words).exit_code == 0
    assert {p.name for p in tmp_path.iterdir()} == {"list.txt", "out"}


def test_what_a_living_process_fills_is_not_swept_away(tmp_path: Path) -> None:
    with folder.building(tmp_path / "out") as made:
        (made / "x").write_text("1")
        with folder.building(tmp_path / "out") as other:
            assert other != made
        assert (made / "x").exists()
        assert not other.exists()
    assert list(tmp_path.iterdir()) == []
    assert os.listdir(tmp_path) == []
