"""A backup: one moment of the database, the files that its rows name, the public keys and the checkpoint of that moment.

Why a format of our own and neither SQLite's backup nor pg_dump: one code and one test for both databases, no client program
of the right version on the machine, and a backup of one kind of database fills the other. The rows are plain JSON lines, so
that somebody can read them without us.

Never in a backup: private keys and ERSR_SECRET_KEY. A backup travels; whoever had one with keys could sign waivers.

The folder is whole or absent: everything is written beside it and renamed last. Rows are read first and files after: the
store only grows, so whatever a row names is there.
"""

from __future__ import annotations

import base64
import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from django.db import connection, models
from django.db.migrations.loader import MigrationLoader

from ersr.core.errors import Refusal
from ersr.core.terms import rfc3339
from ersr.files import store
from ersr.ledger import sequence
from ersr.ledger.models import Checkpoint, Leaf, Pending, Tree
from ersr.proof import note, tlog
from ersr.proof.keys import KeySet

FORMAT = 1
MANIFEST = "manifest.json"
#: What every manifest has, beside what is only said for people.
PARTS = ("files", "keys", "ledger", "made_at", "migrations", "tables")
#: Filled by Django after each migration; nothing of ours refers to them.
DERIVED = {"auth", "contenttypes"}
#: Told what is being done, how many steps are done and how many there are.
Tell = Callable[[str, int, int], None]


def _silent(_what: str, _done: int, _of: int) -> None: ...


@dataclass
class _Writer:
    """Writes files below `folder` and remembers size and SHA-256 of each."""

    folder: Path
    written: dict[str, dict[str, Any]] = field(default_factory=dict)

    def put(self, name: str, pieces: Iterator[bytes]) -> None:
        path, digest, size = self.folder / name, hashlib.sha256(), 0
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as out:
            for piece in pieces:
                out.write(piece)
                digest.update(piece)
                size += len(piece)
            out.flush()
            os.fsync(out.fileno())
        self.written[name] = {"sha256": digest.hexdigest(), "size": size}


def make(folder: Path, *, now: datetime, tell: Tell = _silent) -> dict[str, Any]:
    """Makes the backup and returns its manifest. `folder` must not exist, or be empty. Refuses a store that lacks a file."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise Refusal("already", f"{folder} is not empty: give a folder that does not exist yet.")
    partial = folder.with_name(f"{folder.name}.partial")
    with _alone(partial):
        try:
            found = _write(_Writer(partial), now, tell)
            os.sync()
            os.replace(partial, folder)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise
    return found


@contextmanager
def _alone(partial: Path) -> Iterator[None]:
    """An empty folder that nobody else writes into. What a killed backup left there is thrown away."""
    partial.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle = os.open(partial, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Refusal("busy", f"Another backup is being written to {partial}.") from None
        for left in partial.iterdir():
            shutil.rmtree(left) if left.is_dir() else left.unlink()
        yield
    finally:
        os.close(handle)


@contextmanager
def _moment() -> Iterator[None]:
    """One moment of the database, for reading; it keeps no writer waiting."""
    postgres = connection.vendor == "postgresql"
    with connection.cursor() as cursor:
        cursor.execute("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY" if postgres else "BEGIN DEFERRED")
        try:
            yield
        finally:
            cursor.execute("ROLLBACK")


def applied() -> list[tuple[str, str]]:
    """Every migration that the database has seen, sorted."""
    return sorted(MigrationLoader(connection).applied_migrations)


def tables(migrations: list[tuple[str, str]]) -> list[type[models.Model]]:
    """The models as they were after these migrations, many-to-many tables included."""
    loader = MigrationLoader(connection)
    if strange := [name for name in migrations if name not in loader.graph.nodes]:
        raise Refusal(
            "not_now", f"This release does not know the migration {strange[0][0]} {strange[0][1]}: use a newer one."
        )
    found = loader.project_state(migrations).apps.get_models(include_auto_created=True)
    return [model for model in found if model._meta.app_label not in DERIVED]


def _write(out: _Writer, now: datetime, tell: Tell) -> dict[str, Any]:
    with _moment():
        migrations = applied()
        held = tables(migrations)
        counts: dict[str, int] = {}
        for number, model in enumerate(held):
            table = model._meta.db_table
            tell("tables", number, len(held))
            counts[table] = 0
            out.put(f"rows/{table}.jsonl", _rows(model, counts))
        ledger = _ledger(out)
        digests = sorted(
            next(m for m in held if m._meta.label == "files.StoredFile")._base_manager.values_list("pk", flat=True)
        )
    for number, digest in enumerate(digests):
        tell("files", number, len(digests))
        out.put(f"files/{digest[:2]}/{digest}", iter([store.get(digest)]))
    keys = sequence.installed_keys().key_set()
    out.put("keys.json", iter([keys.to_json()]))
    manifest = {
        "format": FORMAT,
        "made_at": rfc3339(now),
        "release": version("ersr"),
        "database": connection.vendor,
        "migrations": [list(name) for name in migrations],
        "tables": counts,
        "ledger": ledger,
        "keys": [key.kid for key in keys.all],
        "files": dict(sorted(out.written.items())),
    }
    out.put(MANIFEST, iter([json.dumps(manifest, indent=1, sort_keys=True).encode() + b"\n"]))
    return manifest


def _rows(model: type[models.Model], counts: dict[str, int]) -> Iterator[bytes]:
    """First the names of the columns, then a row a line."""
    names = [column.attname for column in model._meta.concrete_fields]
    yield json.dumps(names).encode() + b"\n"
    for row in model._base_manager.order_by("pk").values_list(*names).iterator(chunk_size=1000):
        counts[model._meta.db_table] += 1
        yield json.dumps([_plain(value) for value in row], ensure_ascii=False).encode() + b"\n"


def _plain(value: Any) -> Any:
    """As JSON has it; the field's own `to_python` reads it again, to the last microsecond."""
    if isinstance(value, bytes | memoryview):
        return base64.b64encode(bytes(value)).decode("ascii")
    if isinstance(value, datetime | date):
        return value.isoformat()
    return value


def _ledger(out: _Writer) -> dict[str, Any]:
    """Size and root of the tree, and the newest checkpoint of this moment: a file of its own if there is one."""
    tree = Tree.objects.filter(pk=1).first() or Tree()
    last = Checkpoint.objects.order_by("-size", "-pk").first()
    if last is not None:
        out.put("checkpoint", iter([last.text.encode()]))
    return {
        "size": tree.size,
        "root": sequence._frontier(tree).root.hex(),
        "checkpoint": last.size if last else 0,
        "pending": Pending.objects.count(),
    }


# --- looking at one


def manifest_of(folder: Path) -> dict[str, Any]:
    try:
        found = json.loads((folder / MANIFEST).read_bytes())
    except (OSError, ValueError):
        raise Refusal("unfit", f"{folder} is no backup: it has no {MANIFEST} that can be read.") from None
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise Refusal("unfit", f"{folder} has a format that this release does not know; it knows format {FORMAT}.")
    if lacking := [name for name in PARTS if name not in found]:
        raise Refusal("unfit", f"{MANIFEST} in {folder} is damaged: it has no {lacking[0]}.")
    return found


def problems(folder: Path, *, tell: Tell = _silent) -> Iterator[str]:
    """One sentence per defect of the backup itself; nothing if it can be restored."""
    manifest = manifest_of(folder)
    wanted = manifest["files"]
    there = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()} - {MANIFEST}
    yield from (f"{name} is missing" for name in sorted(set(wanted) - there))
    yield from (f"{name} is not in the manifest" for name in sorted(there - set(wanted)))
    whole = sorted(there & set(wanted))
    for number, name in enumerate(whole):
        tell("files", number, len(whole))
        with (folder / name).open("rb") as content:
            if hashlib.file_digest(content, "sha256").hexdigest() != wanted[name]["sha256"]:
                yield f"{name} was altered"
                return
    if there == set(wanted):
        yield from _tree(folder, manifest)


def _tree(folder: Path, manifest: dict[str, Any]) -> Iterator[str]:
    """Whether the leaves carry the tree, and the tree the checkpoint that a key of this backup signed."""
    table = Leaf._meta.db_table
    leaves = {row["index"]: base64.b64decode(row["hash"]) for row in rows_of(folder, table)}
    hashes = [leaves[index] for index in sorted(leaves)]
    if (
        sorted(leaves) != list(range(manifest["ledger"]["size"]))
        or tlog.root(hashes).hex() != manifest["ledger"]["root"]
    ):
        yield "the leaves do not carry the tree that the manifest names"
        return
    if "checkpoint" not in manifest["files"]:
        return
    try:
        keys = KeySet.parse((folder / "keys.json").read_bytes())
        signed = note.SignedCheckpoint.parse((folder / "checkpoint").read_text(encoding="utf-8"))
    except (Refusal, UnicodeDecodeError) as problem:
        yield f"keys.json or the checkpoint cannot be read: {problem}"
        return
    head = signed.checkpoint
    if signed.signed_by(keys) is None:
        yield "the checkpoint is not signed by a key of this backup"
    elif head.size > len(hashes) or tlog.root(hashes[: head.size]) != head.root:
        yield "the checkpoint is not a prefix of the tree"


def rows_of(folder: Path, table: str) -> Iterator[dict[str, Any]]:
    with (folder / "rows" / f"{table}.jsonl").open(encoding="utf-8") as lines:
        names = json.loads(next(lines))
        for line in lines:
            yield dict(zip(names, json.loads(line), strict=True))
