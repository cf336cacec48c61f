"""Is the ledger whole? Recomputes everything from the stored bytes and compares; repairs nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator

from ersr.ledger import guard, sequence
from ersr.ledger.models import Checkpoint, Event, EventBody, Leaf, Pending, Redaction, Tile, Tree
from ersr.proof import note, tlog


def problems() -> Iterator[str]:
    """One sentence per defect; nothing if all is well."""
    for name in sorted(guard.missing()):
        yield f"trigger {name} is missing: run ersr-service migrate"
    redacted = set(Redaction.objects.values_list("event_id", flat=True))
    bodies = {b.event_id: b for b in EventBody.objects.all().iterator()}
    pending = set(Pending.objects.values_list("event_id", flat=True))
    leaves = {leaf.event_id: leaf for leaf in Leaf.objects.all().iterator()}
    for event in Event.objects.order_by("pk").iterator():
        body = bodies.get(event.pk)
        if body is None:
            if event.pk not in redacted:
                yield f"event {event.pk} lost its body without a redaction"
        else:
            if tlog.entry(bytes(body.salt), bytes(body.record)) != bytes(event.commitment):
                yield f"event {event.pk}: the bytes do not match the commitment"
            record = json.loads(bytes(body.record))
            if (record["kind"], record["subject"]) != (event.kind, event.subject):
                yield f"event {event.pk}: kind or subject differ from the record"
        leaf = leaves.get(event.pk)
        if (leaf is None) == (event.pk not in pending):
            yield f"event {event.pk} is {'nowhere' if leaf is None else 'in the tree and pending too'}"
        if leaf is not None and tlog.leaf_hash(bytes(event.commitment)) != bytes(leaf.hash):
            yield f"leaf {leaf.index}: the hash does not match event {event.pk}"
    ordered = sorted(leaves.values(), key=lambda leaf: leaf.index)
    if [leaf.index for leaf in ordered] != list(range(len(ordered))):
        yield "the leaves' numbers have gaps or doubles"
        return
    tree = Tree.objects.filter(pk=1).first()
    size = tree.size if tree else 0
    if size != len(ordered):
        yield f"the tree says {size} leaves, there are {len(ordered)}"
        return
    node = tlog.nodes_of([bytes(leaf.hash) for leaf in ordered])
    stored = tlog.nodes_from_tiles(size, sequence.read_tile)
    if size and tlog.tree_root(size, node) != tlog.tree_root(size, stored):
        yield "the tiles do not carry the leaves' tree"
    for tile in Tile.objects.filter(level=0).iterator():
        expected = b"".join(bytes(leaf.hash) for leaf in ordered[tile.index * 256 : tile.index * 256 + tile.width])
        if bytes(tile.hashes) != expected:
            yield f"tile 0/{tile.index} ({tile.width} wide) differs from the leaves"
    public = sequence.installed_keys().key_set()
    for checkpoint in Checkpoint.objects.order_by("pk").iterator():
        signed = note.SignedCheckpoint.parse(checkpoint.text)
        if signed.signed_by(public) is None:
            yield f"checkpoint {checkpoint.pk} is not signed by a known key"
        if signed.checkpoint.size > size or tlog.tree_root(signed.checkpoint.size, node) != signed.checkpoint.root:
            yield f"checkpoint {checkpoint.pk} ({checkpoint.size} entries) is not a prefix of the tree"
    if said := sequence.is_prefix():
        yield said
