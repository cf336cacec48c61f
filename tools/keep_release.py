"""Keeps what an installation of a release leaves behind, so that later releases can prove that they take it over.

    .venv/bin/python -m tools.keep_release COMMIT tests/project/previous

Plays the demonstration's case with that commit's own code, once on SQLite and once on PostgreSQL, stops it, and writes for each
an archive DATABASE.tar.xz: database.sql, home/ (files, DEVELOPMENT keys, checkpoint, secret), documents/, people.json. Everything
in it is made up for the demonstration; its keys and passwords open nothing else.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sqlite3
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def play(folder: Path, database: str) -> None:
    """Runs inside the old release's code: `demo` and `ersr` are that commit's."""
    from demo.case import Case
    from demo.installation import Installation
    from demo.opening import prepare
    from demo.people import keep
    from demo.screens import Camera
    from demo.story import Story

    story = Story()
    with Installation(folder / "home") as installation:
        if database:
            installation.environment["ERSR_DATABASE_URL"] = database
        players = prepare(installation, story)
        documents = folder / "documents"
        documents.mkdir()
        Case(players, story, Camera(documents, installation.address, players), documents).play()
        (documents / "keys.json").write_bytes(players["night"].api.keys())
        time.sleep(2)  # the last event gets its place in the tree, the last mail leaves
        keep(players, folder / "people.json")
        for player in players.values():
            player.api.close()


def dump(folder: Path, database: str) -> None:
    """database.sql, as the database's own tool writes it."""
    goal, file = folder / "database.sql", folder / "home" / "ersr.sqlite3"
    if database:
        from tests.postgres import binaries

        words = [str(binaries() / "pg_dump"), "--no-owner", "--no-privileges", f"--file={goal}", database]
        subprocess.run(words, check=True)
    else:
        connection = sqlite3.connect(file)
        goal.write_text("\n".join(connection.iterdump()) + "\n", encoding="utf-8")
        connection.close()


def _nobodys(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member


def archive(folder: Path, goal: Path) -> None:
    """Only what an operator would have to keep, and who could sign in."""
    home = {"files", "keys", "checkpoint", "secret"}
    for path in (folder / "home").iterdir():
        if path.name not in home:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    with tarfile.open(goal, "w:xz") as out:
        for name in ("database.sql", "home", "documents", "people.json"):
            out.add(folder / name, name, filter=_nobodys)


def keep_one(release: Path, goal: Path, database: str) -> None:
    with tempfile.TemporaryDirectory(prefix="ersr-keep-") as made:
        folder = Path(made)
        environment = os.environ | {"PYTHONPATH": f"{release / 'src'}{os.pathsep}{release}"}
        command = [sys.executable, str(Path(__file__).resolve()), "--inside", str(folder), database]
        subprocess.run(command, cwd=release, env=environment, check=True)
        dump(folder, database)
        archive(folder, goal)


def main() -> None:
    if sys.argv[1:2] == ["--inside"]:
        # Python puts this file's folder first on the path; nothing of this release may be found before the old one's.
        del sys.path[0]
        play(Path(sys.argv[2]), sys.argv[3])
        return
    parser = argparse.ArgumentParser(prog="python -m tools.keep_release", description=__doc__)
    parser.add_argument("commit")
    parser.add_argument("folder", type=Path)
    given = parser.parse_args()
    from tests.postgres import postgres

    given.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="ersr-release-") as made:
        release = Path(made)
        tree = subprocess.run(["git", "archive", given.commit], cwd=ROOT, capture_output=True, check=True).stdout
        subprocess.run(["tar", "-x", "-C", made], input=tree, check=True)
        keep_one(release, given.folder.resolve() / "sqlite.tar.xz", "")
        with postgres() as database:
            keep_one(release, given.folder.resolve() / "postgresql.tar.xz", database)


if __name__ == "__main__":
    main()
