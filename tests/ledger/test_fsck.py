"""fsck names each kind of tampering, and is silent otherwise. The triggers are lifted: the thief has the password."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.conf import settings

from ersr.ledger import fsck, guard, sequence
from ersr.ledger.models import Checkpoint, Event, EventBody, Leaf, Pending, Redaction, Tile, Tree
from ersr.ledger.redact import redact
from ersr.proof import tlog
from tests.ledger.growing import NOW, event, events, sequence_all

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("keys")]


@pytest.fixture
def ledger(db: None, keys: None) -> list[Event]:
    """260 events: a full tile, a partial one, a second level; grown in three steps; one public checkpoint."""
    made = events(3)
    sequence_all()
    made += events(255)
    sequence_all()
    made += events(2)
    sequence_all()
    sequence.publish_hourly(NOW)
    assert list(fsck.problems()) == []
    return made


def body_bytes(made: list[Event]) -> str:
    body = EventBody.objects.get(event=made[4])
    EventBody.objects.filter(event=made[4]).update(record=bytes(body.record).replace(b'"n":1', b'"n":9'))
    return f"event {made[4].pk}: the bytes do not match the commitment"


def body_that_is_no_json(made: list[Event]) -> str:
    EventBody.objects.filter(event=made[4]).update(record=b"\xff{")
    return f"event {made[4].pk}: the bytes do not match the commitment"


def salt_cut_short(made: list[Event]) -> str:
    EventBody.objects.filter(event=made[4]).update(salt=b"short")
    return f"event {made[4].pk}: the bytes do not match the commitment"


def body_and_commitment(made: list[Event]) -> str:
    """The careful forger: new bytes with a commitment that fits. The leaf tells."""
    salt, record = b"\x05" * 32, bytes(made[4].body.record).replace(b'"n":1', b'"n":9')
    EventBody.objects.filter(event=made[4]).update(salt=salt, record=record)
    Event.objects.filter(pk=made[4].pk).update(commitment=tlog.entry(salt, record))
    return f"leaf 4: the hash does not match event {made[4].pk}"


def commitment(made: list[Event]) -> str:
    Event.objects.filter(pk=made[4].pk).update(commitment=b"\x01" * 32)
    return f"event {made[4].pk}: the bytes do not match the commitment"


def subject(made: list[Event]) -> str:
    Event.objects.filter(pk=made[4].pk).update(subject="somebody else's")
    return f"event {made[4].pk}: kind, subject or time differ from the record"


def time_of_an_event(made: list[Event]) -> str:
    Event.objects.filter(pk=made[4].pk).update(at=NOW - timedelta(days=3))
    return f"event {made[4].pk}: kind, subject or time differ from the record"


def leaf(made: list[Event]) -> str:
    Leaf.objects.filter(index=4).update(hash=b"\x01" * 32)
    return f"leaf 4: the hash does not match event {made[4].pk}"


def two_leaves_swapped(made: list[Event]) -> str:
    four, five = Leaf.objects.get(index=4), Leaf.objects.get(index=5)
    Leaf.objects.filter(index=4).update(hash=five.hash)
    Leaf.objects.filter(index=5).update(hash=four.hash)
    return f"leaf 5: the hash does not match event {made[5].pk}"


def body_deleted(made: list[Event]) -> str:
    EventBody.objects.filter(event=made[4]).delete()
    return f"event {made[4].pk} lost its body without a redaction"


def redaction_without_erasure(made: list[Event]) -> str:
    Redaction.objects.create(event=made[4], reason="pretended", by="nobody", at=NOW)
    return f"event {made[4].pk} was redacted and still has its body"


def leaf_deleted(made: list[Event]) -> str:
    Leaf.objects.filter(index=4).delete()
    return "the leaves' numbers have gaps or doubles"


def leaf_deleted_and_its_event_forgotten(made: list[Event]) -> str:
    Leaf.objects.filter(index=4).delete()
    return f"event {made[4].pk} is nowhere"


def leaf_doubled(made: list[Event]) -> str:
    """The same hash stands twice: the second place needs an event, which then does not fit."""
    extra = event(9999)
    Pending.objects.filter(event=extra).delete()
    Leaf.objects.create(index=260, event=extra, hash=Leaf.objects.get(index=4).hash)
    return "the tree says 260 leaves, there are 261"


def leaf_and_pending(made: list[Event]) -> str:
    Pending.objects.create(event=made[4])
    return f"event {made[4].pk} is in the tree and pending too"


def pending_row_lost(made: list[Event]) -> str:
    extra = event(9999)
    Pending.objects.filter(event=extra).delete()
    return f"event {extra.pk} is nowhere"


def tree_size(made: list[Event]) -> str:
    Tree.objects.update(size=259)
    return "the tree says 259 leaves, there are 260"


def frontier(made: list[Event]) -> str:
    tree = Tree.objects.get()
    Tree.objects.update(frontier=b"\x01" * 32 + bytes(tree.frontier)[32:])
    return "the tree's frontier is not that of the leaves"


def leaf_tile(made: list[Event]) -> str:
    tile = Tile.objects.get(level=0, index=0, width=256)
    Tile.objects.filter(pk=tile.pk).update(hashes=b"\x01" * 32 + bytes(tile.hashes)[32:])
    return "tile 0/0 (256 wide) differs from the leaves"


def narrow_old_tile(made: list[Event]) -> str:
    """Nothing reads it any more except who holds an old checkpoint."""
    Tile.objects.filter(level=0, index=0, width=3).update(hashes=b"\x01" * 96)
    return "tile 0/0 (3 wide) differs from the leaves"


def upper_tile(made: list[Event]) -> str:
    Tile.objects.filter(level=1, index=0, width=1).update(hashes=b"\x01" * 32)
    return "tile 1/0 (1 wide) differs from the leaves"


def invented_tile(made: list[Event]) -> str:
    Tile.objects.create(level=2, index=0, width=1, hashes=b"\x01" * 32)
    return "tile 2/0 (1 wide) differs from the leaves"


def tile_lost(made: list[Event]) -> str:
    Tile.objects.filter(level=0, index=1).delete()
    return "The ledger's tile 0/1 is missing. Run ersr-service fsck."


def checkpoint_text(made: list[Event]) -> str:
    head = Checkpoint.objects.filter(public=False).latest("pk")
    Checkpoint.objects.filter(pk=head.pk).update(text=head.text.replace("\n260\n", "\n261\n"))
    return f"checkpoint {head.pk} is not signed by a known key"


def checkpoint_unreadable(made: list[Event]) -> str:
    head = Checkpoint.objects.latest("pk")
    Checkpoint.objects.filter(pk=head.pk).update(text="nonsense")
    return f"checkpoint {head.pk} cannot be read"


def checkpoint_size(made: list[Event]) -> str:
    head = Checkpoint.objects.latest("pk")
    Checkpoint.objects.filter(pk=head.pk).update(size=3)
    return f"checkpoint {head.pk}: size or root differ from the signed text"


def checkpoint_outside(made: list[Event]) -> str:
    settings.ERSR_LAST_CHECKPOINT.write_text("nonsense", encoding="utf-8")
    return f"{settings.ERSR_LAST_CHECKPOINT} is damaged"


def history_rewritten(made: list[Event]) -> str:
    """The whole tree anew over a changed event, without the key: only the signed checkpoints tell."""
    salt, record = b"\x05" * 32, bytes(made[4].body.record).replace(b'"n":1', b'"n":9')
    EventBody.objects.filter(event=made[4]).update(salt=salt, record=record)
    Event.objects.filter(pk=made[4].pk).update(commitment=tlog.entry(salt, record))
    Tile.objects.all().delete()
    hashes = [tlog.leaf_hash(bytes(e.commitment)) for e in Event.objects.order_by("pk")]
    Leaf.objects.filter(index=4).update(hash=hashes[4])
    grown, tiles = tlog.append(tlog.Frontier(), hashes, lambda *_: b"")
    Tile.objects.bulk_create(Tile(level=t.level, index=t.index, width=t.width, hashes=t.hashes) for t in tiles)
    Tree.objects.update(frontier=b"".join(grown.hashes))
    return "the last signed checkpoint is not a prefix of the tree: the ledger was changed."


TAMPERINGS: list[Callable[[list[Event]], str]] = [
    body_bytes, body_that_is_no_json, salt_cut_short, body_and_commitment, commitment, subject, time_of_an_event, leaf,
    two_leaves_swapped, body_deleted, redaction_without_erasure, leaf_deleted, leaf_deleted_and_its_event_forgotten,
    leaf_doubled, leaf_and_pending, pending_row_lost, tree_size, frontier, leaf_tile, narrow_old_tile, upper_tile,
    invented_tile, tile_lost, checkpoint_text, checkpoint_unreadable, checkpoint_size, checkpoint_outside, history_rewritten,
]  # fmt: skip


@pytest.mark.parametrize("tamper", TAMPERINGS, ids=lambda t: t.__name__)
def test_fsck_names_the_tampering(ledger: list[Event], tamper: Callable[[list[Event]], str]) -> None:
    """One sentence says what is wrong and where; nothing raises, whatever the rows hold."""
    with guard.lifted():
        expected = tamper(ledger)
    found = list(fsck.problems())
    assert any(expected in sentence for sentence in found), found
    assert not any("trigger" in sentence for sentence in found)


def test_fsck_is_silent_after_growth_redaction_and_public_checkpoints(ledger: list[Event]) -> None:
    redact(ledger[7].pk, by="ada", reason="order", now=NOW)
    sequence_all()
    for hour in range(3):
        sequence.publish_hourly(NOW + timedelta(hours=hour))
    assert list(fsck.problems()) == []
    assert Event.objects.count() == 261
