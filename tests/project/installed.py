"""Whole installations on disk, worked by the real command: for what needs processes, real files and a database of its own."""

from __future__ import annotations

import atexit
import functools
import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import psycopg
from django.conf import settings

ROOT = Path(__file__).resolve().parent.parent.parent
SERVICE = Path(sys.executable).with_name("ersr-service")

#: What each program given to `python` begins with.
BEGIN = """
import django; django.setup()
from django.conf import settings
settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
from ersr import clock
from ersr.ledger import sequence
"""


@dataclass
class Installed:
    """A home folder and a database of the kind that this part of the tests runs on (or SQLite, if asked for)."""

    home: Path
    database: str = ""
    more: dict[str, str] = field(default_factory=dict)

    @classmethod
    def fresh(cls, home: Path, *, sqlite: bool = False, template: Installed | None = None) -> Installed:
        """An empty one, or a copy of `template` that shares nothing with it."""
        if template is not None:
            shutil.copytree(template.home, home)
        else:
            home.mkdir()
        if sqlite or "postgresql" not in settings.DATABASES["default"]["ENGINE"]:
            return cls(home)
        name = f"ersr_{uuid.uuid4().hex}"
        copied = f" TEMPLATE {template.database.rpartition('/')[2]}" if template and template.database else ""
        with psycopg.connect(_server("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}{copied}")  # type: ignore[arg-type]
        return cls(home, _server(name))

    @property
    def environment(self) -> dict[str, str]:
        """Nothing of the caller's installation; the tests' authority."""
        mine = {k: v for k, v in os.environ.items() if not k.startswith(("ERSR_", "DJANGO_", "PYTEST_"))}
        return {
            **mine,
            "PATH": f"{SERVICE.parent}:{os.environ['PATH']}",
            "DJANGO_SETTINGS_MODULE": "ersr.project.settings",
            "ERSR_HOME": str(self.home),
            "ERSR_AUTHORITY": str(ROOT / "tests" / "authority.toml"),
            "ERSR_MODE": "test",
            "ERSR_SECRET_KEY": "for tests only, and for nothing that outlives them",
            **({"ERSR_DATABASE_URL": self.database} if self.database else {}),
            **self.more,
        }

    def run(self, *words: object, ok: bool = True) -> str:
        """One `ersr-service` command to its end: what it said. AssertionError unless it ended well (`ok=False`: badly)."""
        return self._to_its_end(["ersr-service", *map(str, words)], ok)

    def shell(self, line: str, ok: bool = True) -> str:
        """A line as somebody types it; other programs than ours are started as they are."""
        words = shlex.split(line.replace("$ERSR_HOME", str(self.home)))
        if words[0] == "ersr-service":
            return self.run(*words[1:], ok=ok)
        return subprocess.run(words, capture_output=True, text=True, check=True).stdout

    def python(self, program: str, ok: bool = True) -> str:
        return self._to_its_end(["-c", BEGIN + program], ok)

    def start(self, *words: str, out: IO[bytes] | None = None) -> subprocess.Popen[bytes]:
        """A process that goes on: `ersr-service` with these words, or `-c` and a program. What it says goes to `out`."""
        command = [sys.executable, "-c", BEGIN + words[1]] if words[0] == "-c" else [str(SERVICE), *words]
        return subprocess.Popen(
            command, env=self.environment, cwd=ROOT, stdout=out or subprocess.PIPE, stderr=out or subprocess.PIPE
        )

    def _to_its_end(self, words: Sequence[str], ok: bool) -> str:
        with tempfile.TemporaryDirectory(prefix="ersr-said-") as folder:
            out, err = Path(folder) / "out", Path(folder) / "err"
            code = _ask({"argv": list(words), "env": self.environment, "out": str(out), "err": str(err)})
            said, wrong = out.read_text(), err.read_text()
        assert (code == 0) is ok, f"{words} ended with {code}:\n{said}{wrong}"
        assert "Traceback" not in wrong, wrong
        assert '"failure"' not in wrong, wrong
        return said + wrong


@functools.cache
def _zygote() -> subprocess.Popen[str]:
    """One for this run; it ends when its standard input does."""
    command = [sys.executable, "-m", "tests.project.zygote"]
    made = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    atexit.register(made.communicate)
    assert made.stdout
    assert made.stdout.readline() == "ready\n"
    return made


def _ask(words: dict[str, object]) -> int:
    there = _zygote()
    assert there.stdin
    assert there.stdout
    there.stdin.write(json.dumps(words) + "\n")
    there.stdin.flush()
    return int(there.stdout.readline())


def _server(name: str) -> str:
    here = settings.DATABASES["default"]
    return f"postgresql://{here['USER']}:{here['PASSWORD']}@{here['HOST']}:{here['PORT']}/{name}"
