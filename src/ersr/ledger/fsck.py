"""Is the ledger whole? Recomputes everything from the stored bytes and compares; repairs nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator

from ersr.core.errors import Refusal
from ersr.core.terms import rfc3339
from ersr.ledger import guard, sequence
from ersr.ledger.models import Checkpoint, Event, EventBody, Leaf, Pending, Redaction, Tile, Tree
from ersr.proof import note, tlog


def problems() -> Iterator[str]:
    """One sentence per defect; nothing if all is well. What cannot be read is a defect too, never an exception."""
    for name in sorted(guard.missing()):
        yield f"trigger {name} is missing: run ersr-service migrate"
    leaves = {leaf.event_id: leaf for leaf in Leaf.objects.all().iterator()}
    yield from _events(leaves)
    ordered = sorted(leaves.values(), key=lambda leaf: leaf.index)
    if [leaf.index for leaf in ordered] != list(range(len(ordered))):
        yield "the leaves' numbers have gaps or doubles"
        return
    tree = Tree.objects.filter(pk=1).first()
    size = tree.size if tree else 0
    if size != len(ordered):
        yield f"the tree says {size} leaves, there are {len(ordered)}"
        return
    hashes = [bytes(leaf.hash) for leaf in ordered]
    node = tlog.nodes_of(hashes)
    if tree and bytes(tree.frontier) != b"".join(_frontier(size, node)):
        yield "the tree's frontier is not that of the leaves"
    yield from _tiles(size, hashes, node)
    yield from _checkpoints(size, node)
    if said := sequence.is_prefix():
        yield said


def _events(leaves: dict[int, Leaf]) -> Iterator[str]:
    redacted = set(Redaction.objects.values_list("event_id", flat=True))
    bodies = {b.event_id: b for b in EventBody.objects.all().iterator()}
    pending = set(Pending.objects.values_list("event_id", flat=True))
    for event in Event.objects.order_by("pk").iterator():
        body = bodies.get(event.pk)
        if body is None and event.pk not in redacted:
            yield f"event {event.pk} lost its body without a redaction"
        elif body is not None and event.pk in redacted:
            yield f"event {event.pk} was redacted and still has its body"
        elif body is not None:
            yield from _body(event, body)
        leaf = leaves.get(event.pk)
        if (leaf is None) == (event.pk not in pending):
            yield f"event {event.pk} is {'nowhere' if leaf is None else 'in the tree and pending too'}"
        if leaf is not None and tlog.leaf_hash(bytes(event.commitment)) != bytes(leaf.hash):
            yield f"leaf {leaf.index}: the hash does not match event {event.pk}"


def _body(event: Event, body: EventBody) -> Iterator[str]:
    salt, data = bytes(body.salt), bytes(body.record)
    if len(salt) != tlog.SALT or tlog.entry(salt, data) != bytes(event.commitment):
        yield f"event {event.pk}: the bytes do not match the commitment"
        return
    record = json.loads(data)  # they are the bytes that append.py wrote
    if (record["kind"], record["subject"], record["at"]) != (event.kind, event.subject, rfc3339(event.at)):
        yield f"event {event.pk}: kind, subject or time differ from the record"


def _frontier(size: int, node: tlog.Node) -> Iterator[bytes]:
    """Roots of the full subtrees of a tree of `size` leaves, largest first."""
    start = 0
    for level in reversed(range(size.bit_length())):
        if size >> level & 1:
            yield node(level, start >> level)
            start += 1 << level


def _tiles(size: int, hashes: list[bytes], node: tlog.Node) -> Iterator[str]:
    """Every stored tile, also the narrow ones that newer ones replaced, and whether a needed one is missing."""
    for tile in Tile.objects.order_by("level", "index", "width").iterator():
        first, last = tile.index * tlog.TILE, tile.index * tlog.TILE + tile.width
        full = size >> 8 * tile.level
        expected = [node(8 * tile.level, place) for place in range(first, last)] if last <= full else []
        if bytes(tile.hashes) != b"".join(expected) or not expected:
            yield f"tile {tile.level}/{tile.index} ({tile.width} wide) differs from the leaves"
    try:
        stored = tlog.tree_root(size, tlog.nodes_from_tiles(size, sequence.read_tile))
    except Refusal as problem:
        yield problem.message
        return
    if stored != tlog.root(hashes):
        yield "the tiles do not carry the leaves' tree"


def _checkpoints(size: int, node: tlog.Node) -> Iterator[str]:
    public = sequence.installed_keys().key_set()
    for checkpoint in Checkpoint.objects.order_by("pk").iterator():
        try:
            signed = note.SignedCheckpoint.parse(checkpoint.text)
        except Refusal as problem:
            yield f"checkpoint {checkpoint.pk} cannot be read: {problem.message}"
            continue
        if signed.signed_by(public) is None:
            yield f"checkpoint {checkpoint.pk} is not signed by a known key"
        if (signed.checkpoint.size, signed.checkpoint.root) != (checkpoint.size, bytes(checkpoint.root)):
            yield f"checkpoint {checkpoint.pk}: size or root differ from the signed text"
        if signed.checkpoint.size > size or tlog.tree_root(signed.checkpoint.size, node) != signed.checkpoint.root:
            yield f"checkpoint {checkpoint.pk} ({checkpoint.size} entries) is not a prefix of the tree"
