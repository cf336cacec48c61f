"""`make demo`, as a newcomer runs it: one case, its result, and the result checked again with our own hands."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

#: It needs Chromium for its pictures, so the browser part runs it, once.
pytestmark = pytest.mark.browser

ROOT = Path(__file__).resolve().parent.parent.parent
ERSR = ROOT / ".venv-base" / "bin" / "ersr"
DOCUMENTS = (
    "receipt.json",
    "checkpoint",
    "waiver.pdf",
    "waiver.sd-jwt",
    "authorisation.pdf",
    "authorisation.sd-jwt",
    "fee-reduction.pdf",
    "fee-reduction.sd-jwt",
)


@dataclass(frozen=True)
class Played:
    out: Path
    code: int
    lines: list[str]
    errors: str

    @property
    def told(self) -> dict:
        return json.loads(self.lines[-1])


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Played:
    """The demonstration, played once for this file, with the caller's settings out of its way."""
    folder = tmp_path_factory.mktemp("demo")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("ERSR_", "DJANGO_", "PYTEST_"))}
    environment["TMPDIR"] = str(folder)
    done = subprocess.run(
        [sys.executable, "-m", "demo", "--out", str(folder / "out")],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=150, check=False,
    )  # fmt: skip
    return Played(folder / "out", done.returncode, done.stdout.strip().splitlines(), done.stderr)


def test_it_ends_with_one_line_that_says_what_was_checked(played: Played) -> None:
    """Each yes in it was found in this run; the exit code says the same."""
    assert played.code == 0, played.errors + "\n".join(played.lines[-30:])
    wanted = {
        "names": 7750,
        "receipt_verified": True,
        "waiver_verified": True,
        "tampered_rejected": True,
        "ledger_verified": True,
        "names_digest_matches": True,
        "mail_carries_no_content": True,
    }
    assert {key: played.told[key] for key in wanted} == wanted


def test_the_readers_commands_in_the_readme_run_as_written(played: Played) -> None:
    """Each line that tells how to check a document, run in the folder that the demonstration leaves."""
    told = (ROOT / "README.md").read_text(encoding="utf-8")
    commands = re.findall(r"^    ((?:ersr verify|LC_ALL=C) .*)$", told, re.M)
    assert len(commands) >= 3
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = {"PATH": path, "HOME": str(played.out), "LANG": "C.UTF-8"}
    for command in commands:
        done = subprocess.run(
            ["/bin/sh", "-c", command], cwd=played.out, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        assert re.search("AUTHENTIC" if command.startswith("ersr") else "^[0-9a-f]{64} ", done.stdout), command


def test_it_leaves_the_documents_and_pictures_only_in_screens(played: Played) -> None:
    left = {path.name for path in played.out.iterdir()}
    assert left == {*DOCUMENTS, "keys.json", "names.txt", "screens"}
    assert not (played.out / "waiver.sd-jwt").read_bytes().endswith(b"\n")
    pictures = list((played.out / "screens").iterdir())
    assert len(pictures) == played.told["screens"] >= 10
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in pictures)


def test_the_names_have_the_signed_digest_and_not_the_four(played: Played) -> None:
    """By coreutils; the verifier says the same of the file."""
    names = played.out / "names.txt"
    command = f"LC_ALL=C sort -u {names} | sha256sum"
    digest = subprocess.run(command, shell=True, capture_output=True, text=True, check=True).stdout.split()[0]
    assert verify(played.out, "waiver.sd-jwt", "--names", "names.txt") == 0
    held = names.read_text("ascii").splitlines()
    assert len(held) == len(set(held)) == 7750
    assert not {"jogli.com", "praat.org", "qhflh.com", "wnsux.com"} & set(held)
    assert (
        digest
        in subprocess.run(
            [ERSR, "verify", "waiver.sd-jwt", "--keys", "keys.json"],
            cwd=played.out,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
    )
    names_less = played.out / "less.txt"
    names_less.write_text("".join(f"{name}\n" for name in held[1:]), "ascii")
    assert verify(played.out, "waiver.sd-jwt", "--names", "less.txt") == 1
    names_less.unlink()


def verify(folder: Path, *words: str) -> int:
    command = [str(ERSR), "verify", *words, "--keys", "keys.json", "--json"]
    return subprocess.run(command, cwd=folder, capture_output=True, check=False).returncode


@pytest.mark.parametrize("name", DOCUMENTS)
def test_each_document_is_authentic_and_a_changed_one_is_not(played: Played, name: str, tmp_path: Path) -> None:
    (tmp_path / "keys.json").write_bytes((played.out / "keys.json").read_bytes())
    data = bytearray((played.out / name).read_bytes())
    (tmp_path / name).write_bytes(data)
    assert verify(tmp_path, name) == 0
    for at in (len(data) // 3, len(data) - 2):
        changed = bytearray(data)
        changed[at] ^= 4
        (tmp_path / name).write_bytes(changed)
        assert verify(tmp_path, name) == 1


def test_the_story_tells_what_was_refused(played: Played) -> None:
    """The refusals are half of what the demonstration shows."""
    text = " ".join(" ".join(played.lines).split())
    for words in (
        "This number changed 6 days ago",
        "You proposed this decision, so somebody else must",
        "There is nothing here. Check the reference",
        "The code is not right",
        "Your delegation does not cover",
    ):
        assert f"refused: {words}" in text
    assert "\033" not in text, "colours are for terminals"


def test_nothing_that_it_started_is_left(played: Played) -> None:
    """Its folder is gone, and no process still has it open as its own."""
    assert [path.name for path in played.out.parent.iterdir() if path.name.startswith("ersr-demo-")] == []
    left = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "environ").read_bytes()
        except OSError:
            continue
        if f"ERSR_HOME={played.out.parent}".encode() in words:
            left.append(process.name)
    assert left == []
