"""What the demonstration checks of its own result: with the base installation, with coreutils, and with a changed byte."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from collections.abc import Iterable, Sequence
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from demo.installation import ROOT, Installation, Stopped

#: What `pip install ersr` gives, without the service; tools/setup.sh makes it.
ERSR = ROOT / ".venv-base" / "bin" / "ersr"


def ersr() -> list[str]:
    """The verifier of the base installation."""
    if not ERSR.exists():
        raise Stopped(
            f"{ERSR} is missing: run `make setup`. The demonstration verifies with the base installation only."
        )
    return [str(ERSR)]


def verify(folder: Path, *words: str) -> tuple[int, dict[str, Any]]:
    """`ersr verify WORDS --keys keys.json --json` in `folder`: exit code and what it printed."""
    # No variable and no pinned key of the caller may help.
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(folder), "LC_ALL": "C.UTF-8"}
    command = [*ersr(), "verify", *words, "--keys", "keys.json", "--json"]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False)
    try:
        return done.returncode, json.loads(done.stdout)
    except ValueError:
        raise Stopped(f"ersr verify said no JSON: {done.stderr.strip()[-500:]}") from None


def authentic(folder: Path, *names: str) -> list[dict[str, Any]]:
    """The verdicts on files that must all be authentic; empty if one is not."""
    code, told = verify(folder, *names)
    good = code == 0 and told["outcome"] == "authentic" and all(f["outcome"] == "authentic" for f in told["files"])
    return told["files"] if good and len(told["files"]) == len(names) else []


def rejects_changes(folder: Path, names: Sequence[str]) -> bool:
    """True if a copy of each file with one byte changed is found forged, and the command ends with 1."""
    copies = []
    for name in names:
        data = bytearray((folder / name).read_bytes())
        data[len(data) // 2] ^= 1
        copies.append(folder / f"changed-{name}")
        copies[-1].write_bytes(data)
    try:
        code, told = verify(folder, *(copy.name for copy in copies))
    finally:
        for copy in copies:
            copy.unlink()
    return code == 1 and len(told["files"]) == len(names) > 0 and all(f["outcome"] == "forged" for f in told["files"])


def signed_digest(token: Path) -> str:
    """The digest of the names in a token, read from its disclosures and from nothing else; empty if it has none."""
    for part in token.read_text("ascii").split("~")[1:-1]:
        row = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
        if len(row) == 3 and row[1] == "names":
            return row[2]["digest"]
    return ""


def sha256_of_names(path: Path) -> str:
    """LC_ALL=C sort -u names.txt | sha256sum, by coreutils and nothing of ours."""
    sort = subprocess.run(
        ["sort", "-u", str(path)], env={"LC_ALL": "C", "PATH": "/usr/bin:/bin"}, capture_output=True, check=True
    )
    digest = subprocess.run(
        ["sha256sum"], input=sort.stdout, env={"PATH": "/usr/bin:/bin"}, capture_output=True, check=True
    )
    return digest.stdout.decode("ascii").split()[0]


def ledger(installation: Installation) -> str:
    """What fsck says of a whole ledger; empty, with its complaint on standard error, if it is not."""
    try:
        return installation.run("fsck")
    except Stopped as stopped:
        print(stopped, file=sys.stderr)
        return ""


def telling(mails: Iterable[EmailMessage], address: str, secrets: Iterable[str]) -> list[str]:
    """What is wrong with mails: each must carry a link to us, and none a word of a request's content."""
    wrong = []
    secrets = list(secrets)
    for mail in mails:
        text = f"{mail['subject']}\n{mail.get_content()}"
        if f"{address}/" not in text:
            wrong.append(f"the mail to {mail['to']} carries no link")
        wrong += [f"the mail to {mail['to']} tells {word!r}" for word in secrets if word.lower() in text.lower()]
    return wrong
