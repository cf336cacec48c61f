"""Going on after a loss (docs/adr/0007-after-loss.md).

A ledger that lost its last entries cannot grow under its old name: it would sign two different trees of the same size. So the
old log ends with the last checkpoint known of it, on record and in public, and a new log with a key and a name of its own
begins with the entries that are left. The first new entry says what was lost, why, and who went on.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction

from ersr.core.errors import Refusal
from ersr.ledger import fsck, sequence
from ersr.ledger.append import append
from ersr.ledger.models import Checkpoint, Event, Tree
from ersr.proof import note, rekey
from ersr.proof.keys import CheckpointKey


@dataclass(frozen=True)
class Loss:
    """What is known of it. `kept` is the last checkpoint of the old log, or None if none is left to us; sizes count entries."""

    size: int
    root: str
    kept: note.SignedCheckpoint | None

    @property
    def words(self) -> str:
        if self.kept is None:
            return (
                f"The ledger has {self.size} entries. How many it had before is not known: no later checkpoint is kept."
            )
        lost = f"{self.size} to {self.kept.checkpoint.size - 1}"
        return (
            f"The ledger has {self.size} entries; the last checkpoint was signed for {self.kept.checkpoint.size}. "
            f"Entries {lost} are lost: receipts for them still show what the old log held, and lead to nothing in the new one."
        )


def loss() -> Loss:
    """Refuses unless exactly this happened: the tree is whole, and shorter than what was signed, or nobody knows."""
    tree = Tree.objects.filter(pk=1).first()
    said = sequence.is_prefix()
    if not said or tree is None:
        raise Refusal(
            "not_now", "No loss is known: the ledger continues the last signed checkpoint. Start the service."
        )
    path, kept = Path(settings.ERSR_LAST_CHECKPOINT), None
    if path.exists():
        kept = note.SignedCheckpoint.parse(path.read_text(encoding="utf-8"))
        if kept.signed_by(sequence.installed_keys().key_set()) is None or kept.checkpoint.size <= tree.size:
            raise Refusal("damaged", f"This is no loss but something worse, and is not gone over: {said}")
    if found := [one for one in fsck.problems() if one != said]:
        raise Refusal("damaged", f"The ledger that is left is not whole: {found[0]}.")
    return Loss(tree.size, sequence._frontier(tree).root.hex(), kept)


def resume(*, by: str, reason: str, now: datetime) -> Loss:
    """Ends the old log, begins the new one, records it as its first new entry and signs a checkpoint over it.

    Whatever moment it is killed at, the service goes on to refuse to start, and running it again finishes it.
    """
    if not by.strip() or not reason.strip():
        raise Refusal("invalid", "Say who goes on (--by) and why entries were lost (--reason): both stay on record.")
    if (begun := _begun()) is not None:
        while sequence.run(now):
            pass
        return begun
    found = loss()
    if found.kept is not None:
        _archive(found.kept)
    old, new = _new_log(found, now)
    facts = {
        "reason": reason.strip(),
        "log_ended": old.log_origin,
        "log_begun": new.log_origin,
        "entries_left": found.size,
        "root_left": found.root,
        "checkpoint": found.kept.text if found.kept else "",
        "entries_signed": found.kept.checkpoint.size if found.kept else -1,
    }
    with transaction.atomic():
        append("ledger.resumed", subject="ledger", by=by.strip(), now=now, facts=facts)
        append("key.retired", subject=f"key:{old.kid[:40]}", by=by.strip(), now=now, facts={"kid": old.kid})
        append("key.introduced", subject=f"key:{new.kid[:40]}", by=by.strip(), now=now, facts={"kid": new.kid})
    while sequence.run(now):
        pass
    return found


def _last(kept: note.SignedCheckpoint | None) -> note.SignedCheckpoint:
    """The old log's last word as far as it is known here: the kept checkpoint, else the newest one of the database."""
    return kept or note.SignedCheckpoint.parse(Checkpoint.objects.order_by("-size", "-pk")[0].text)


def _new_log(found: Loss, now: datetime) -> tuple[CheckpointKey, CheckpointKey]:
    """(ended, begun). Does nothing if a run that was killed has done it."""
    keys, origin = sequence.installed_keys(), _last(found.kept).checkpoint.origin
    if keys.checkpoint_signer.log_origin == origin:
        made = rekey.new_log(Path(settings.ERSR_KEYS), rekey.next_origin(origin, now), now=now)
        sequence._keys.cache_clear()
        return made
    by_origin = {key.log_origin: key for key in keys.key_set().checkpoint}
    return by_origin[origin], by_origin[keys.checkpoint_signer.log_origin]


def _begun() -> Loss | None:
    """What a run recorded that was killed before it had signed the new log's first checkpoint."""
    origin = sequence.installed_keys().checkpoint_signer.log_origin
    last = next(iter(ended()), None)
    if (
        last is None
        or last["log_begun"] != origin
        or Checkpoint.objects.filter(text__startswith=f"{origin}\n").exists()
    ):
        return None
    kept = note.SignedCheckpoint.parse(last["checkpoint"]) if last["checkpoint"] else None
    return Loss(last["entries_left"], last["root_left"], kept)


def _archive(kept: note.SignedCheckpoint) -> None:
    """The old log's last word stays beside the new one's, for ever."""
    folder = Path(settings.ERSR_LAST_CHECKPOINT).with_name("ended-logs")
    folder.mkdir(exist_ok=True)
    name = f"{kept.checkpoint.size}-{kept.checkpoint.root.hex()[:16]}"
    (folder / name).write_text(kept.text, encoding="utf-8")


def ended() -> list[dict[str, Any]]:
    """For everybody's eyes: each log that ended by a loss, newest first: when, by whom, and the facts of `resume`."""
    rows = Event.objects.filter(subject="ledger", kind="ledger.resumed", body__isnull=False).select_related("body").order_by("-pk")
    records = [(row.at, json.loads(bytes(row.body.record))) for row in rows]
    return [{"at": at, "by": record["by"], **record["facts"]} for at, record in records]
