"""The repository's files, as the house tests see them."""

from __future__ import annotations

import ast
import os
import subprocess
from functools import lru_cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PACKAGE = ROOT / "src" / "ersr"

#: Folders that are never part of the repository.
OUTSIDE = {
    ".git",
    ".venv",
    ".venv-base",
    "node_modules",
    "__pycache__",
    "demo-out",
    "bench-out",
    "var",
    "build",
    ".hypothesis",
}


@lru_cache
def tracked_files() -> tuple[Path, ...]:
    """What git tracks, or would after `git add`; without git, everything that is not known to be made here."""
    if (ROOT / ".git").exists():
        # safe.directory: a clone may belong to somebody else than the user that runs the tests.
        command = [
            "git",
            "-c",
            f"safe.directory={ROOT}",
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ]
        listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
        names = [name for name in listed.split("\0") if name]
    else:
        names = []
        for folder, folders, files in os.walk(ROOT):
            folders[:] = [name for name in folders if name not in OUTSIDE and not name.endswith(".egg-info")]
            names += [os.path.relpath(Path(folder) / name, ROOT) for name in files]
    return tuple(path for name in sorted(names) if (path := ROOT / name).is_file())


def source_files(*endings: str) -> list[Path]:
    """Files of the product itself, without migrations, which Django writes."""
    return [
        path
        for path in tracked_files()
        if path.is_relative_to(PACKAGE) and path.suffix in endings and "migrations" not in path.parts
    ]


def python_files() -> list[Path]:
    return [path for path in tracked_files() if path.suffix == ".py"]


@lru_cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def room(path: Path) -> str:
    """`requests/actions.py` for src/ersr/requests/actions.py."""
    return str(path.relative_to(PACKAGE))
