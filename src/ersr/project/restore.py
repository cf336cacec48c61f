"""Fills an empty installation from a backup: all of it or nothing. It never decides that nothing was lost.

The keys must be in place before: they are in no backup. The schema is brought to the backup's own migrations first; an
empty schema is still an empty installation. Then all rows come in one transaction, in which the ledger is recomputed as well.
"""

from __future__ import annotations

import itertools
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.color import no_style
from django.db import connection, models, transaction
from django.db.migrations.executor import MigrationExecutor

from ersr.core.errors import Refusal
from ersr.files import store
from ersr.ledger import fsck, guard, sequence
from ersr.project import backup
from ersr.project.backup import Tell

BATCH = 500


def restore(folder: Path, *, tell: Tell = backup._silent) -> list[str]:
    """Restores and returns the sentences that say what to do next. A Refusal leaves the database empty."""
    if found := list(itertools.islice(backup.problems(folder, tell=tell), 5)):
        raise Refusal("unfit", f"{folder} cannot be restored: {'; '.join(found)}.")
    manifest = backup.manifest_of(folder)
    wanted = sorted((app, name) for app, name in manifest["migrations"])
    held = backup.tables(wanted)
    _require_keys(manifest)
    _bring_schema(wanted)
    for model in held:
        if model._base_manager.exists():
            raise Refusal(
                "already",
                f"The database is not empty ({model._meta.db_table} has rows): restore never replaces anything. "
                "Give an empty one in ERSR_DATABASE_URL.",
            )
    digests = [name for name in manifest["files"] if name.startswith("files/")]
    for number, name in enumerate(digests):
        tell("files", number, len(digests))
        store.keep((folder / name).read_bytes())
    _fill(folder, held, tell)
    return _next(folder)


def _require_keys(manifest: dict[str, Any]) -> None:
    try:
        known = {key.kid for key in sequence.installed_keys().key_set().all}
    except (Refusal, OSError) as problem:
        raise Refusal(
            "not_now", f"Put the keys back into {settings.ERSR_KEYS} first; they are in no backup. ({problem})"
        ) from None
    if missing := [kid for kid in manifest["keys"] if kid not in known]:
        raise Refusal(
            "unfit",
            f"The keys in {settings.ERSR_KEYS} are not those of this backup: {missing[0]} is not among them. Put the right ones "
            "there.",
        )


def _bring_schema(wanted: list[tuple[str, str]]) -> None:
    if newer := sorted(set(backup.applied()) - set(wanted)):
        raise Refusal(
            "already",
            f"The database knows the migration {' '.join(newer[0])}, the backup does not. Give an empty database.",
        )
    executor = MigrationExecutor(connection)
    nodes = executor.loader.graph.node_map
    executor.migrate([name for name in wanted if not {child.key for child in nodes[name].children} & set(wanted)])
    guard.install()


def _fill(folder: Path, held: list[type[models.Model]], tell: Tell) -> None:
    with connection.constraint_checks_disabled(), transaction.atomic():
        for number, model in enumerate(held):
            tell("tables", number, len(held))
            made = _rows(folder, model)
            while batch := list(itertools.islice(made, BATCH)):
                model._base_manager.bulk_create(batch)
        with connection.cursor() as cursor:
            for statement in connection.ops.sequence_reset_sql(no_style(), held):
                cursor.execute(statement)
        connection.check_constraints()
        kept = sequence.is_prefix()
        if found := [said for said in fsck.problems() if said != kept]:
            raise Refusal(
                "damaged", f"The ledger in this backup is not whole: {'; '.join(found[:5])}. Nothing was restored."
            )


def _rows(folder: Path, model: type[models.Model]) -> Iterator[models.Model]:
    columns = {column.attname: column for column in model._meta.concrete_fields}
    for row in backup.rows_of(folder, model._meta.db_table):
        yield model(**{name: None if value is None else columns[name].to_python(value) for name, value in row.items()})


def _next(folder: Path) -> list[str]:
    said = []
    migrations = MigrationExecutor(connection)
    if migrations.migration_plan(migrations.loader.graph.leaf_nodes()):
        said.append("This release is newer than the backup: run `ersr-service migrate`.")
    kept = Path(settings.ERSR_LAST_CHECKPOINT)
    if (folder / "checkpoint").exists() and not kept.exists():
        copy = f"cp {shlex.quote(str(folder / 'checkpoint'))} {shlex.quote(str(kept))}"
        said.append(
            "No signed checkpoint is kept here, so nobody can tell from here whether the ledger had been longer. If the service was "
            f"stopped before this backup was made, nothing was lost: {copy}. If you have a later checkpoint, put that there. If "
            "neither, entries may be lost: `ersr-service resume-after-loss` says so on record and goes on."
        )
    elif problem := sequence.is_prefix():
        said.append(problem)
    return said
