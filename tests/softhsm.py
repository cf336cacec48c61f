"""Tokens of SoftHSM for the tests: one store for a process and those that it starts, gone when it ends."""

from __future__ import annotations

import atexit
import functools
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from ersr.proof.hardware import Place

PIN = "4711-4711-4711"
#: Each test that logs in has a token of its own: a module allows one log-in per process and token.
LABELS = ("case", "csr", "empty", "scenario", "threads", "workers", "wrong")


def module() -> str:
    """Debian's module; without it the tests fail and say what to install."""
    places = [Path("/usr/lib/softhsm/libsofthsm2.so"), *Path("/usr/lib").glob("*/softhsm/libsofthsm2.so")]
    found = next((place for place in places if place.exists()), None)
    assert found, "no SoftHSM here: install the package softhsm2 (make setup does, as root)"
    return str(found)


@functools.cache
def store() -> Path:
    """A folder with every token; SOFTHSM2_CONF names it from now on. Made before the module starts, which looks once."""
    folder = Path(tempfile.mkdtemp(prefix="ersr-softhsm-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    (folder / "tokens").mkdir()
    (folder / "conf").write_text(f"directories.tokendir = {folder / 'tokens'}\nlog.level = ERROR\n")
    os.environ["SOFTHSM2_CONF"] = str(folder / "conf")
    for label in LABELS:
        words = ["softhsm2-util", "--init-token", "--free", "--label", label, "--so-pin", "12345678", "--pin", PIN]
        subprocess.run(words, check=True, capture_output=True)
    return folder


def place(label: str, *, pin: str = PIN, key: str = "srw-signing") -> Place:
    store()
    return Place(module(), label, key, pin)
