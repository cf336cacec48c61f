"""`ersr names covers`, `ersr names prove` and `ersr verify --name`: docs/how-to/names.md, typed word for word, and what it does not show."""

from __future__ import annotations

import dataclasses
import io
import json
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ersr.client.command import app
from ersr.core.terms import AgreementTerms, NamesTerms
from ersr.names import folder as folders
from ersr.names import intake, records
from ersr.proof import membership, sdjwt
from tests.client.test_session import fits, steps
from tests.house.tree import ROOT
from tests.proof import samples

LIST = "name,valid_from,valid_until\njogli.com,,\nwnsux.com,2026-11-15,2026-12-13\nagd1.com,,\n"


def listed(place: Path, text: str) -> records.Records:
    with folders.building(place) as made:
        intake.take([("names.csv", io.BytesIO(text.encode()))], ["com", "org"], made)
        folders.settle(made, place)
    return records.open_folder(place)


@pytest.fixture
def place(tmp_path: Path, mine, signed_at, monkeypatch) -> Path:
    """What a registry's engineer has: the list, its key, the waiver, the authority's keys."""
    with listed(tmp_path / "list", LIST) as found:
        key, tiles = membership.seal(found, found.digest, bytes(range(32)), mine.checkpoint_signer)
    (tmp_path / "list" / "records.map").unlink()
    key.write(tmp_path / "list-key.json")
    told = json.loads((tmp_path / "list" / "summary.json").read_text())
    terms = dataclasses.replace(
        samples.WAIVER,
        names=NamesTerms(told["digest"], 3, tiles.root.hex(), told["content_digest"], 3),
        agreements=(AgreementTerms("base", "2023-04-30", samples.WAIVER.dated, ("com", "org")),),
        lines=tuple(dataclasses.replace(line, tlds=("com",)) for line in samples.WAIVER.lines),
    )
    token = sdjwt.issue(terms, issued_at=signed_at, issuer="https://srw.example", signer=mine.signer)
    (tmp_path / "waiver.token").write_text(token)
    (tmp_path / "keys.json").write_bytes(mine.key_set().to_json())
    monkeypatch.delenv("ERSR_KEYS", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str):
    return CliRunner().invoke(app, arguments)


def test_the_guide_says_what_happens(place: Path):
    text = (ROOT / "docs/how-to/names.md").read_text(encoding="utf-8")
    session = steps(text[text.index("## Is a name covered?") : text.index("## What a proof is made of")])
    assert len(session) == 7
    for command, expected in session:
        words, asks, _ = command.partition("; echo $?")
        words, aside, _ = words.partition(" >")
        done = run(*shlex.split(words)[1:])
        said = (done.stderr if aside else done.output).splitlines() + ([str(done.exit_code)] if asks else [])
        assert fits(expected, said), f"$ {command}\n{done.output}"
        assert asks or done.exit_code in (0, 1)


def test_covers_tells_programs_list_window_tld_and_act(place: Path):
    done = run("names", "covers", "list", "WNSUX.com", "a b", "--at", "2026-11-20T00:00:00Z", "--json")
    told = json.loads(done.stdout)
    summary = json.loads((place / "list/summary.json").read_text())
    assert (done.exit_code, told["list"], told["at"]) == (1, summary["content_digest"], "2026-11-20T00:00:00Z")
    first, second = told["names"]
    assert (first["name"], first["tld"], first["covered"], first["listed"]) == ("wnsux.com", "com", True, True)
    assert first["window"] == {"from": "2026-11-15T00:00:00Z", "until": "2026-12-13T00:00:00Z"}
    assert (second["covered"], second["name"], "space" in second["why"]) == (False, "", True)
    act = ("--waiver", "waiver.token", "--keys", "keys.json", "--at", "2026-11-20T00:00:00Z", "--json")
    told = json.loads(run("names", "covers", "list", "jogli.com", *act, "--action", "transfer").stdout)
    assert (told["action"], told["waiver"]) == ("transfer", "W-2026-3310222-T")
    assert told["names"][0]["why"] == "W-2026-3310222-T has no line for this action."
    assert run("names", "covers", "list", "jogli.com", *act, "--action", "create").exit_code == 0


def test_a_waiver_counts_for_its_own_list_and_by_trusted_keys_alone(place: Path, theirs):
    act = ("--action", "create", "--waiver", "waiver.token")
    assert run("names", "covers", "list", "jogli.com", *act).exit_code == 3
    (place / "theirs.json").write_bytes(theirs.key_set().to_json())
    done = run("names", "covers", "list", "jogli.com", *act, "--keys", "theirs.json")
    assert (done.exit_code, "among the keys you trust" in done.stderr) == (1, True)
    listed(place / "other", "jogli.com\n").close()
    done = run("names", "covers", "other", "jogli.com", *act, "--keys", "keys.json")
    assert (done.exit_code, "holds another list" in done.stderr) == (1, True)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["covers", "list", "jogli.com", "--action", "create"], "go together"),
        (["covers", "list", "jogli.com", "--at", "noon"], "--at"),
        (["covers", ".", "jogli.com"], "holds no list"),
        (["prove", "list", "jogli.com", "--list-key", "keys.json"], "list key"),
        (["prove", "list", "a b.com", "--list-key", "list-key.json"], "is no name"),
        (["prove", "list", "jogli.com", "--list-key", "list-key.json", "--window", "2026"], "FROM,UNTIL"),
    ],
)
def test_wrong_usage_is_told(place: Path, arguments: list[str], words: str):
    done = run("names", *arguments)
    assert (done.exit_code, words in done.stderr) == (2, True), done.stderr


@pytest.mark.parametrize("name", ["praat.org", "wnsux.com"])
def test_what_is_not_on_the_list_cannot_be_proved(place: Path, name: str):
    """Neither a name, nor a name with another window."""
    done = run("names", "prove", "list", name, "--list-key", "list-key.json", "--window", "2026-11-15,2026-12-14")
    assert (done.exit_code, "nothing to prove" in done.stderr) == (1, True)
    assert not done.stdout


def test_a_list_key_in_the_lists_folder_is_refused(place: Path):
    """The folder is passed on; with the key in it, everybody who has it could try names against proofs."""
    (place / "list" / "list-key.json").write_bytes((place / "list-key.json").read_bytes())
    done = run("names", "prove", "list", "jogli.com", "--list-key", "list/list-key.json")
    assert (done.exit_code, "lies in the list's folder" in done.stderr) == (2, True)


def test_another_lists_key_proves_nothing(place: Path):
    listed(place / "other", "a.com\nb.com\njogli.com\n").close()
    done = run("names", "prove", "other", "jogli.com", "--list-key", "list-key.json")
    assert (done.exit_code, "another list's" in done.stderr) == (2, True)


def test_of_several_windows_one_is_chosen(place: Path, mine):
    with listed(place / "two", "name,valid_from,valid_until\na.com,2026-01-01,\na.com,,2025-01-01\n") as found:
        key, _ = membership.seal(found, found.digest, bytes(32), mine.checkpoint_signer)
    key.write(place / "two.json")
    prove = ("names", "prove", "two", "a.com", "--list-key", "two.json")
    done = run(*prove)
    assert (done.exit_code, ",2025-01-01T00:00:00Z or 2026-01-01T00:00:00Z," in done.stderr) == (2, True)
    done = run(*prove, "--window", "2026-01-01,")
    assert done.stdout == membership.Proof.parse(done.stdout).text
    told = json.loads(run(*prove, "--window", ",2025-01-01", "--json").stdout)
    assert (told["record"], told["index"], told["size"], told["file"]) == ("a.com,,2025-01-01T00:00:00Z", 0, 2, None)
    assert membership.Proof.parse(told["proof"]).holds_for(told["record"].encode())


@pytest.mark.parametrize(
    "arguments",
    [
        ["waiver.token", "--name", "jogli.com"],
        ["waiver.token", "--waiver", "waiver.token"],
        ["waiver.token", "--window", ","],
        ["waiver.token", "waiver.token", "--name", "jogli.com", "--waiver", "waiver.token"],
        ["waiver.token", "--name", "jogli.com", "--waiver", "waiver.token", "--names", "list/slices/com.txt"],
        ["waiver.token", "--name", "a b", "--waiver", "waiver.token"],
    ],
)
def test_a_name_without_waiver_or_with_more_than_one_proof_is_wrong_usage(place: Path, arguments: list[str]):
    assert run("verify", *arguments, "--keys", "keys.json").exit_code == 2


def test_a_token_is_no_answer_about_a_name(place: Path):
    done = run("verify", "waiver.token", "--name", "jogli.com", "--waiver", "waiver.token", "--keys", "keys.json")
    assert (done.exit_code, "says nothing of the name" in done.stdout) == (3, True)
