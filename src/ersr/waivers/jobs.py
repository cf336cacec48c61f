"""Hashes large lists before their root is asked for. Notes on the row how far it is; no case changes by that."""

from __future__ import annotations

from ersr.core.errors import Refusal
from ersr.jobs.queue import GiveUp, job
from ersr.waivers import trees
from ersr.waivers.models import ListTree

#: Records between two notes of how far it is: about a second.
NOTED = 500_000


@job("list_tree", long=True)
def list_tree(subject: str) -> None:
    """What a worker that was killed had hashed is hashed again: some seconds."""
    row = ListTree.objects.select_related("version__of").filter(pk=int(subject)).first()
    if row is None or row.root:
        return
    noted = 0

    def heard(done: int) -> None:
        nonlocal noted
        if done - noted >= NOTED:
            noted = done
            ListTree.objects.filter(pk=row.pk).update(hashed=done)

    try:
        made = trees.rooted(row.version, bytes(row.secret), heard)
    except Refusal as refusal:
        ListTree.objects.filter(pk=row.pk).update(problem=refusal.message[:2000])
        raise GiveUp(refusal.message) from refusal
    ListTree.objects.filter(pk=row.pk).update(root=made.root, records=made.records, hashed=made.records)
