"""`ersr verify` from the outside: exit codes, keys, output."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from ersr.client.command import app


@pytest.fixture
def folder(tmp_path, documents, mine, theirs, monkeypatch):
    """A folder with one document of each kind, our keys and theirs; no key is pinned."""
    for name, data in documents.items():
        (tmp_path / name).write_bytes(data)
    (tmp_path / "keys.json").write_bytes(mine.key_set().to_json())
    (tmp_path / "theirs.json").write_bytes(theirs.key_set().to_json())
    monkeypatch.delenv("ERSR_KEYS", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str):
    return CliRunner().invoke(app, ["verify", *arguments])


KINDS = ("letter", "token", "presentation", "receipt", "checkpoint")


def test_authentic_documents_exit_0(folder):
    done = run(*KINDS, "--keys", "keys.json", "--at", "2026-12-01T00:00:00Z")
    assert done.exit_code == 0
    assert done.stdout.count("AUTHENTIC") == 5
    assert "in force at 2026-12-01T00:00:00Z" in done.stdout
    assert done.stderr == ""


@pytest.mark.parametrize("at", ["2020-01-01T00:00:00Z", "2040-01-01T00:00:00Z"])
def test_upcoming_and_ended_exit_0(folder, at):
    assert run("letter", "--keys", "keys.json", "--at", at).exit_code == 0


@pytest.mark.parametrize("kind", KINDS)
def test_one_changed_byte_exits_1_and_says_what_to_do(folder, kind):
    data = bytearray((folder / kind).read_bytes())
    data[len(data) // 2] ^= 1
    (folder / kind).write_bytes(data)
    done = run(kind, "--keys", "keys.json")
    assert done.exit_code == 1
    assert "FORGED OR DAMAGED" in done.stdout
    assert "Do not act on it" in done.stderr


@pytest.mark.parametrize("kind", KINDS)
def test_another_installations_keys_exit_1(folder, kind):
    assert run(kind, "--keys", "theirs.json").exit_code == 1


def test_keys_are_never_taken_from_the_document_so_none_exits_3(folder):
    done = run("letter")
    assert done.exit_code == 3
    assert "no keys to judge it with" in done.stdout
    assert "--keys FILE" in done.stderr


def test_pinned_keys_are_used_and_given_ones_go_before_them(folder, monkeypatch):
    pinned = folder / "home" / ".config" / "ersr" / "keys.json"
    pinned.parent.mkdir(parents=True)
    pinned.write_bytes((folder / "keys.json").read_bytes())
    assert run("letter").exit_code == 0
    monkeypatch.setenv("ERSR_KEYS", "theirs.json")
    assert run("letter").exit_code == 1
    assert run("letter", "--keys", "keys.json").exit_code == 0
    monkeypatch.setenv("ERSR_KEYS", "missing.json")
    assert run("letter").exit_code == 2


def test_wrong_usage_exits_2(folder):
    (folder / "bad.json").write_bytes((folder / "keys.json").read_bytes() + b"\n")
    for arguments in (
        (),
        ("missing",),
        ("letter", "--keys", "bad.json"),
        ("letter", "--at", "today"),
        ("letter", "--loud"),
    ):
        done = run(*arguments)
        assert done.exit_code == 2, arguments
        assert done.stderr


def test_what_is_no_document_of_ours_exits_3(folder):
    assert run("keys.json", "--keys", "keys.json").exit_code == 3


def test_the_worst_of_several_files_decides(folder):
    (folder / "forged").write_bytes((folder / "letter").read_bytes()[:-1])
    assert run("letter", "forged", "keys.json", "--keys", "keys.json").exit_code == 1
    assert run("letter", "keys.json", "--keys", "keys.json").exit_code == 3


def test_json_is_one_object_with_every_verdict(folder):
    done = run("letter", "receipt", "--json", "--keys", "keys.json", "--at", "2026-12-01T00:00:00Z")
    told = json.loads(done.stdout)
    assert told["outcome"] == "authentic"
    assert [file["kind"] for file in told["files"]] == ["letter", "receipt"]
    assert told["files"][0]["state"] == "in force"
    assert told["files"][0]["at"] == "2026-12-01T00:00:00Z"


def test_a_list_of_names_that_is_not_the_covered_one_exits_1(folder):
    (folder / "names.txt").write_text("jogli.com\n")
    done = run("letter", "--keys", "keys.json", "--names", "names.txt")
    assert done.exit_code == 1
    assert "this is not the list of names" in done.stdout


def test_the_real_command_runs_plain_without_a_terminal(folder):
    """No colour codes in a pipe; the whole line, whatever its width."""
    done = subprocess.run(
        [sys.executable, "-m", "ersr.client.command", "verify", "letter", "--keys", "keys.json"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "\x1b" not in done.stdout
    assert re.search(r"names with the SHA-256 digest [0-9a-f]{64}$", done.stdout, re.MULTILINE)


def test_no_control_character_reaches_the_terminal(folder):
    (folder / "a\x1b[2Jb").write_bytes(b"x")
    done = run("a\x1b[2Jb", "--keys", "keys.json")
    assert "\x1b" not in done.stdout
