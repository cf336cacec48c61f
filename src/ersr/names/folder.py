"""A folder that is whole or not there at all, and what the folder of a list holds.

    summary.json   counts and digests (intake.Summary)
    slices/        TLD.txt: the unique names under that TLD, sorted, each followed by LF
    refused.csv    line,text,reason; with several files also file
    list.parquet   `name`; where a window was given also `valid_from` and `valid_until`

The columns of list.parquet are text (polars.String). `valid_from` and `valid_until` are both there or both absent, written as
in names/windows.py (2026-03-01T00:00:00Z), null where there is no bound. Rows are unique and in the order of their record
(windows.record), which is the order of name, from, until with null as "". A name stands once for each of its windows.
"""

from __future__ import annotations

import filecmp
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ersr.core.errors import Refusal
from ersr.core.tongue import said

try:
    import fcntl
except ImportError:  # Windows: what a killed process left stays there
    fcntl = None  # type: ignore[assignment]

#: Made beside the list by names/records.py from nothing but the list, and so no part of what the folder holds.
MAP = "records.map"
SUMMARY, SLICES, REFUSED, LIST = "summary.json", "slices", "refused.csv", "list.parquet"


@contextmanager
def building(target: Path) -> Iterator[Path]:
    """An empty folder beside `target`, to be filled and handed to `settle`; gone at the end if it was not.

    What a killed process left of the same target is removed first; what a living one fills is locked by it, and stays.
    """
    target = target.absolute()
    target.parent.mkdir(parents=True, exist_ok=True)
    for left in target.parent.glob(f".{_escaped(target.name)}.unfinished-*"):
        handle = _locked(left)
        if handle is not None:
            shutil.rmtree(left, ignore_errors=True)
            os.close(handle)
    made = target.parent / f".{target.name}.unfinished-{secrets.token_hex(6)}"
    made.mkdir()
    handle = _locked(made)
    try:
        yield made
    finally:
        if handle is not None:
            os.close(handle)
        shutil.rmtree(made, ignore_errors=True)


def settle(made: Path, target: Path, *, replace: bool = False) -> bool:
    """The filled folder becomes `target`: on disk, under its name, at once. False: `target` had the same bytes and is untouched.

    Refusal("conflict") if `target` is there with other content; with `replace` it goes instead (for a moment neither is there).
    """
    target = target.absolute()
    if target.exists() or target.is_symlink():
        if same(made, target):
            return False
        if not replace:
            raise Refusal("conflict", said("{folder} is there already and holds something else.", folder=str(target)))
    _to_disk(made)
    if target.exists() or target.is_symlink():
        old = target.parent / f".{target.name}.unfinished-{secrets.token_hex(6)}"
        os.rename(target, old)
        os.rename(made, target)
        _sync(target.parent)
        shutil.rmtree(old) if old.is_dir() and not old.is_symlink() else old.unlink()
    else:
        os.rename(made, target)
        _sync(target.parent)
    return True


def same(one: Path, other: Path) -> bool:
    """Whether both folders hold the same files with the same bytes, the map left aside."""
    files, others = ({p.relative_to(top): p for p in top.rglob("*") if not p.is_dir() and p.name != MAP} for top in (one, other))
    return files.keys() == others.keys() and all(
        filecmp.cmp(p, others[name], shallow=False) for name, p in files.items()
    )


def _escaped(name: str) -> str:
    return "".join(f"[{c}]" if c in "*?[" else c for c in name)


def _locked(folder: Path) -> int | None:
    """A handle that holds the folder's lock for as long as this process lives; None if another one holds it."""
    if fcntl is None:
        return None
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        return None
    return handle


def _to_disk(top: Path) -> None:
    """All files, then all folders: a name must not be on disk before what it names."""
    for place, _, names in os.walk(top, topdown=False):
        for name in names:
            _sync(Path(place, name))
        _sync(Path(place))


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
