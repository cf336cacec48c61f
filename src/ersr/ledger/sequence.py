"""The sequencer: gives pending events their place in the tree, in batches, after the fact.

Invariants: the `tree` row is locked before pending rows are read, so two sequencers never assign the same index; pending
rows are read by what is there, never by "id > last" (an event that commits late would be lost); the checkpoint is signed
after the commit, so a signature never covers leaves that a rollback takes away; whoever signs holds the `tree` row, so that
of two signers the slower one never puts an older checkpoint over a newer one.
"""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path

from django.conf import settings
from django.db import transaction

from ersr.core.errors import Refusal
from ersr.core.tongue import said
from ersr.ledger.models import Checkpoint, Event, EventBody, Leaf, Pending, Tile, Tree
from ersr.proof import keys, note, receipt, tlog
from ersr.proof.hardware import Place

BATCH = 1000
#: A clock that is put right may step back by so much; more, and times in the ledger would contradict its order.
CLOCK_STEP = timedelta(seconds=60)


@lru_cache(maxsize=2)
def _keys(folder: str, place: Place | None) -> keys.Keys:
    try:
        return keys.load(Path(folder), place)
    except ValueError as error:  # what the cryptography package says of a file that is no key
        raise Refusal("unfit", "A private key cannot be read: it was altered, or it is none.") from error


def installed_keys() -> keys.Keys:
    return _keys(str(settings.ERSR_KEYS), settings.ERSR_PKCS11)


def read_tile(level: int, index: int, width: int) -> bytes:
    """A stored tile at least `width` wide, cut to it."""
    rows = (
        Tile.objects.filter(level=level, index=index, width__gte=width)
        .order_by("width")
        .values_list("hashes", flat=True)
    )
    found = rows.first()
    if found is None:
        raise Refusal("damaged", said("The ledger's tile {level}/{index} is missing. Run ersr-service fsck.", level=level, index=index))
    return bytes(found)[: width * 32]


def _frontier(tree: Tree) -> tlog.Frontier:
    data = bytes(tree.frontier)
    return tlog.Frontier(tree.size, tuple(data[i : i + 32] for i in range(0, len(data), 32)))


def run(now: datetime) -> int:
    """Sequences one batch; returns how many events got their place. Signs a checkpoint if the tree is ahead of the last."""
    moved = 0
    if Pending.objects.exists():
        with transaction.atomic():
            Tree.objects.get_or_create(pk=1)
            tree = Tree.objects.select_for_update().get(pk=1)
            _require_forward(tree, now)
            waiting = list(Pending.objects.select_related("event").order_by("pk")[:BATCH])
            if waiting:
                hashes = [tlog.leaf_hash(bytes(p.event.commitment)) for p in waiting]
                frontier, tiles = tlog.append(_frontier(tree), hashes, read_tile)
                Leaf.objects.bulk_create(
                    Leaf(index=tree.size + place, event=p.event, hash=leaf)
                    for place, (p, leaf) in enumerate(zip(waiting, hashes, strict=True))
                )
                Tile.objects.bulk_create(
                    Tile(level=t.level, index=t.index, width=t.width, hashes=t.hashes) for t in tiles
                )
                Pending.objects.filter(pk__in=[p.pk for p in waiting]).delete()
                tree.size, tree.frontier = frontier.size, b"".join(frontier.hashes)
                tree.save()
                moved = len(waiting)
    _sign_head(now)
    return moved


def _sign_head(now: datetime) -> None:
    """A checkpoint, if the tree is ahead of the last one. Runs after the leaves' commit."""
    if not _behind():
        return
    with transaction.atomic():
        tree = Tree.objects.select_for_update().get(pk=1)
        if _behind():
            _store(tree, now=now)


def _behind() -> bool:
    size = Tree.objects.filter(pk=1).values_list("size", flat=True).first() or 0
    last = Checkpoint.objects.order_by("-size").values_list("size", flat=True).first() or 0
    return size > last


def _store(tree: Tree, *, now: datetime, hour: datetime | None = None) -> Checkpoint:
    """Call with the `tree` row locked."""
    _require_forward(tree, now)
    root = _frontier(tree).root
    text = note.sign_checkpoint(tree.size, root, installed_keys().checkpoint_signer)
    row = Checkpoint.objects.create(size=tree.size, root=root, text=text, public=hour is not None, hour=hour, at=now)
    _keep_outside(text)
    return row


def _require_forward(tree: Tree, now: datetime) -> None:
    """Neither a clock that was put back nor a database that was exchanged under a running worker makes it sign backwards."""
    last = Checkpoint.objects.order_by("-pk").values_list("at", flat=True).first()
    if last is not None and now < last - CLOCK_STEP:
        raise Refusal("not_now", f"The clock was put back: the last checkpoint was signed at {last.isoformat()}.")
    path = Path(settings.ERSR_LAST_CHECKPOINT)
    if path.exists():
        origin, size = path.read_text(encoding="utf-8").split("\n")[:2]
        if origin == installed_keys().checkpoint_signer.log_origin and int(size) > tree.size:
            raise Refusal(
                "damaged",
                f"The last signed checkpoint has {size} entries, the tree {tree.size}: the database is another.",
            )


def _keep_outside(text: str) -> None:
    """The last signed checkpoint, outside the database too: a restored older backup is refused at start-up."""
    path = Path(settings.ERSR_LAST_CHECKPOINT)
    # One name, so that a crash leaves no heap: who holds the `tree` row is the only one to write it.
    temporary = path.with_name(f"{path.name}.new")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
    os.replace(temporary, path)


def publish_hourly(now: datetime) -> bool:
    """A public checkpoint for the current hour, once, whether or not anything happened. False while there is no tree yet."""
    hour = now.replace(minute=0, second=0, microsecond=0)
    if Checkpoint.objects.filter(hour=hour).exists():
        return True
    if not Tree.objects.filter(pk=1, size__gt=0).exists():
        return False
    with transaction.atomic():
        tree = Tree.objects.select_for_update().get(pk=1)
        if not Checkpoint.objects.filter(hour=hour).exists():  # another worker may have been first
            _store(tree, now=now, hour=hour)
    return True


def receipt_for(event: Event) -> bytes:
    """The receipt of a sequenced event, the same bytes whenever it is asked for; Refusal "pending" until it is sequenced.

    Against the first checkpoint that holds it, not the newest: else whoever has one receipt could ask for it again and again
    and watch the ledger grow, which tells that something happens (house, section 4).
    """
    leaf = Leaf.objects.filter(event=event).first()
    head = Checkpoint.objects.filter(size__gt=leaf.index).order_by("size", "pk").first() if leaf else None
    if leaf is None or head is None:
        raise Refusal("pending", said("Filed. The seal follows within a few seconds: load this again."))
    body = EventBody.objects.filter(event=event).first()
    if body is None:
        raise Refusal("lapsed", said("The bytes of this record were erased on purpose, so no receipt can be made any more."))
    node = tlog.nodes_from_tiles(head.size, read_tile)
    proof = tlog.inclusion_proof(leaf.index, head.size, node)
    return receipt.make_receipt(bytes(body.record), bytes(body.salt), leaf.index, proof, head.text)


def last_public() -> Checkpoint | None:
    return Checkpoint.objects.filter(public=True).order_by("-hour").first()


def is_prefix() -> str:
    """Empty if the checkpoint kept outside the database is a prefix of the tree, else the sentence that says what is wrong."""
    path = Path(settings.ERSR_LAST_CHECKPOINT)
    if not path.exists():
        if Checkpoint.objects.exists():
            return (
                f"{path} is missing although checkpoints were signed: put the last one there before starting. If it is lost, "
                "`ersr-service resume-after-loss` is the way on."
            )
        return ""
    try:
        kept = note.SignedCheckpoint.parse(path.read_text(encoding="utf-8"))
    except (Refusal, UnicodeDecodeError) as problem:
        return f"{path} is damaged: {problem}"
    if kept.signed_by(installed_keys().key_set()) is None:
        return f"{path} was signed with another key than this installation's."
    tree = Tree.objects.filter(pk=1).first()
    size = tree.size if tree else 0
    if kept.checkpoint.size > size:
        return (
            f"the last signed checkpoint has {kept.checkpoint.size} entries and the database {size}: an older backup was "
            "restored, and going on would fork the ledger. Restore a newer one; if there is none, `ersr-service "
            "resume-after-loss` says on record what was lost and goes on under a new name."
        )
    try:
        found = tlog.tree_root(kept.checkpoint.size, tlog.nodes_from_tiles(size, read_tile))
    except Refusal as problem:
        return problem.message
    if found != kept.checkpoint.root:
        return "the last signed checkpoint is not a prefix of the tree: the ledger was changed."
    return ""
