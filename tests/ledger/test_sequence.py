"""The sequencer, checkpoints inside and outside the database, receipts."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection, transaction

from ersr.core.errors import Refusal
from ersr.ledger import fsck, sequence
from ersr.ledger.append import append
from ersr.ledger.models import Checkpoint, Event, Leaf, Pending, Tile, Tree
from ersr.ledger.redact import redact
from ersr.proof import keys, note, tlog
from ersr.proof.verify import verify
from tests.ledger.growing import NOW, bare_events, event, events, sequence_all

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("keys")]


def leaf_hashes() -> list[bytes]:
    return [bytes(h) for h in Leaf.objects.order_by("index").values_list("hash", flat=True)]


def kept() -> note.SignedCheckpoint:
    return note.SignedCheckpoint.parse(Path(settings.ERSR_LAST_CHECKPOINT).read_text(encoding="utf-8"))


def test_an_empty_ledger_signs_nothing() -> None:
    assert sequence.run(NOW) == 0
    sequence.publish_hourly(NOW)
    assert not Checkpoint.objects.exists()
    assert sequence.is_prefix() == ""
    assert list(fsck.problems()) == []


def test_2500_events_take_three_batches_and_each_gets_one_place_in_order() -> None:
    """At most 1,000 a batch; one checkpoint after each; the root is that of all leaves, reckoned anew."""
    bare_events(2500)
    assert [sequence.run(NOW) for _ in range(4)] == [1000, 1000, 500, 0]
    assert list(Leaf.objects.order_by("index").values_list("index", flat=True)) == list(range(2500))
    by_event = list(Leaf.objects.order_by("event_id").values_list("index", flat=True))
    assert by_event == list(range(2500)), "what was appended first stands first"
    assert not Pending.objects.exists()
    heads = list(Checkpoint.objects.order_by("pk"))
    assert [head.size for head in heads] == [1000, 2000, 2500]
    hashes = leaf_hashes()
    for head in heads:
        assert bytes(head.root) == tlog.root(hashes[: head.size])
        assert note.SignedCheckpoint.parse(head.text).signed_by(sequence.installed_keys().key_set())


@pytest.mark.parametrize("steps", [(255, 1, 1), (256,), (1,) * 8, (200, 100, 300), (513, 255)])
def test_tiles_that_fill_up_carry_the_tree(steps: tuple[int, ...]) -> None:
    """Across the width of 256: full tiles, partial ones and a second level, in whatever batches they grew."""
    for step in steps:
        bare_events(step)
        sequence.run(NOW)
    size = sum(steps)
    hashes = leaf_hashes()
    node = tlog.nodes_from_tiles(size, sequence.read_tile)
    assert tlog.tree_root(size, node) == tlog.root(hashes)
    for place in range(size // 256):
        assert sequence.read_tile(0, place, 256) == b"".join(hashes[256 * place : 256 * place + 256])
        assert sequence.read_tile(1, 0, place + 1)[32 * place :][:32] == tlog.root(hashes[256 * place :][:256])
    assert sequence.is_prefix() == ""


def test_a_third_level_of_tiles_at_65536(monkeypatch: pytest.MonkeyPatch) -> None:
    """From one big tree, laid down at once, the sequencer crosses the width of 65,536 leaves by itself."""
    hashes = [tlog.leaf_hash(b"%d" % n) for n in range(65_500)]
    frontier, tiles = tlog.append(tlog.Frontier(), hashes, lambda *_: b"")
    Tile.objects.bulk_create(Tile(level=t.level, index=t.index, width=t.width, hashes=t.hashes) for t in tiles)
    Tree.objects.create(pk=1, size=frontier.size, frontier=b"".join(frontier.hashes))
    for _ in range(2):
        bare_events(50)
        assert sequence.run(NOW) == 50
    hashes += leaf_hashes()
    head = Checkpoint.objects.order_by("-size").first()
    assert head
    assert head.size == len(hashes) == 65_600
    assert bytes(head.root) == tlog.root(hashes)
    assert sequence.read_tile(2, 0, 1) == tlog.root(hashes[:65_536])
    node = tlog.nodes_from_tiles(head.size, sequence.read_tile)
    for index in (0, 255, 256, 65_499, 65_535, 65_536, 65_599):
        proof = tlog.inclusion_proof(index, head.size, node)
        assert tlog.verify_inclusion(hashes[index], index, head.size, proof, bytes(head.root))


def test_every_size_up_to_300_proves_every_leaf() -> None:
    """One event at a time: at each size the first, the last and a wandering leaf are in, and the old tree is a prefix."""
    bare_events(300)
    hashes: list[bytes] = []
    roots: list[bytes] = [tlog.EMPTY_ROOT]
    before, sequence.BATCH = sequence.BATCH, 1
    try:
        for size in range(1, 301):
            assert sequence.run(NOW) == 1
            hashes = (
                leaf_hashes() if size % 50 == 0 or size < 9 else [*hashes, bytes(Leaf.objects.get(index=size - 1).hash)]
            )
            head = Checkpoint.objects.get(size=size)
            root = bytes(head.root)
            assert root == tlog.root(hashes)
            node = tlog.nodes_from_tiles(size, sequence.read_tile)
            for index in {0, size - 1, size * 7 % size, size // 2, size // 3}:
                proof = tlog.inclusion_proof(index, size, node)
                assert tlog.verify_inclusion(hashes[index], index, size, proof, root)
            old = size // 2 or size
            assert tlog.verify_consistency(
                old, size, roots[old] if old < size else root, root, tlog.consistency_proof(old, size, node)
            )
            roots.append(root)
    finally:
        sequence.BATCH = before


def test_receipts_of_all_events_verify_before_and_after_growth() -> None:
    """A receipt is bytes, salt, proof and checkpoint. Asked for late it is the same: it does not tell how much came after."""
    made = events(5)
    with pytest.raises(Refusal) as early:
        sequence.receipt_for(made[0])
    assert early.value.code == "pending"
    sequence_all()
    keyset = sequence.installed_keys().key_set()
    first = {e.pk: sequence.receipt_for(e) for e in made}
    bare_events(400)
    sequence_all()
    for e in made:
        receipt = sequence.receipt_for(e)
        assert receipt == first[e.pk], "whoever holds one could watch the ledger grow"
        assert verify(receipt, keyset, at=NOW, name="receipt.json").outcome == "authentic"
        assert base64.b64decode(json.loads(receipt)["record"]) == bytes(e.body.record)
        changed = receipt.replace(b'"record":"e', b'"record":"f')
        assert changed != receipt
        assert verify(changed, keyset, at=NOW, name="receipt.json").outcome == "forged"


def test_a_receipt_of_an_erased_record_is_refused_in_words() -> None:
    made = event(1)
    sequence_all()
    redact(made.pk, by="ada", reason="order", now=NOW)
    with pytest.raises(Refusal, match="erased on purpose"):
        sequence.receipt_for(Event.objects.get(pk=made.pk))


def test_the_checkpoint_is_signed_after_the_leaves_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    """If signing fails the leaves stay, and the next round signs them; nothing is sequenced twice."""
    bare_events(3)

    def broken(*_: object) -> str:
        raise OSError("the key store is away")

    with monkeypatch.context() as patch:
        patch.setattr(note, "sign_checkpoint", broken)
        with pytest.raises(OSError, match="key store"):
            sequence.run(NOW)
    assert (Leaf.objects.count(), Checkpoint.objects.count()) == (3, 0)
    assert sequence.run(NOW) == 0
    assert Checkpoint.objects.get().size == 3


@pytest.mark.django_db(transaction=True)
def test_no_signature_covers_leaves_that_a_rollback_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    bare_events(3)

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("power cut")

    monkeypatch.setattr(Tree, "save", broken)
    with pytest.raises(RuntimeError, match="power cut"):
        sequence.run(NOW)
    assert (Leaf.objects.count(), Tile.objects.count(), Pending.objects.count()) == (0, 0, 3)
    assert not Checkpoint.objects.exists()
    assert not Path(settings.ERSR_LAST_CHECKPOINT).exists()


def test_the_last_checkpoint_is_kept_outside_the_database_as_well() -> None:
    bare_events(2)
    sequence.run(NOW)
    assert kept().checkpoint.size == 2
    bare_events(1)
    sequence.run(NOW)
    assert kept().text == Checkpoint.objects.get(size=3).text
    assert [p.name for p in Path(settings.ERSR_HOME).iterdir() if p.name.startswith("checkpoint")] == ["checkpoint"]


def test_a_public_checkpoint_appears_each_hour_whatever_happened() -> None:
    """Once an hour, also when nothing happened; the growth inside the hour shows nowhere."""
    bare_events(2)
    sequence.run(NOW)
    for minute in (0, 1, 29):
        sequence.publish_hourly(NOW + timedelta(minutes=minute))
    sequence.publish_hourly(NOW + timedelta(hours=1))
    sequence.publish_hourly(NOW + timedelta(hours=2, minutes=29))
    public = list(Checkpoint.objects.filter(public=True).order_by("hour"))
    assert [p.hour for p in public] == [NOW.replace(minute=0) + timedelta(hours=n) for n in range(3)]
    assert [p.size for p in public] == [2, 2, 2]
    bare_events(5)
    sequence.run(NOW + timedelta(hours=2, minutes=29))
    last = sequence.last_public()
    assert last
    assert last.size == 2, "five more events, and the public sees none of them before the hour"


def test_is_prefix_is_silent_while_all_is_well() -> None:
    for count in (1, 300, 7):
        bare_events(count)
        sequence.run(NOW)
        assert sequence.is_prefix() == ""


def test_a_restored_older_database_is_refused() -> None:
    """The checkpoint outside is ahead of the database: going on would fork the ledger."""
    bare_events(3)
    sequence.run(NOW)
    ahead = note.sign_checkpoint(9, b"\x07" * 32, sequence.installed_keys().checkpoint_signer)
    Path(settings.ERSR_LAST_CHECKPOINT).write_text(ahead, encoding="utf-8")
    assert "has 9 entries and the database 3" in sequence.is_prefix()
    assert "older backup" in sequence.is_prefix()


def test_a_foreign_keys_checkpoint_is_refused(tmp_path: Path) -> None:
    bare_events(3)
    sequence.run(NOW)
    mine = sequence.installed_keys()
    theirs = keys.generate(tmp_path / "theirs", "Others", mine.checkpoint_signer.log_origin, now=NOW, development=True)
    root = bytes(Checkpoint.objects.get().root)
    Path(settings.ERSR_LAST_CHECKPOINT).write_text(
        note.sign_checkpoint(3, root, theirs.checkpoint_signer), encoding="utf-8"
    )
    assert "another key" in sequence.is_prefix()


def test_a_changed_tree_is_refused() -> None:
    bare_events(3)
    sequence.run(NOW)
    other = note.sign_checkpoint(3, b"\x07" * 32, sequence.installed_keys().checkpoint_signer)
    Path(settings.ERSR_LAST_CHECKPOINT).write_text(other, encoding="utf-8")
    assert "not a prefix" in sequence.is_prefix()


@pytest.mark.parametrize("content", ["", "nonsense", "srw.test/ledger\n3\n", None])
def test_a_lost_or_damaged_checkpoint_is_refused_in_words(content: str | None) -> None:
    bare_events(3)
    sequence.run(NOW)
    path = Path(settings.ERSR_LAST_CHECKPOINT)
    if content is None:
        path.unlink()
    else:
        path.write_text(content, encoding="utf-8")
    assert str(path) in sequence.is_prefix()
    assert ("is missing" if content is None else "is damaged") in sequence.is_prefix()


def test_the_sequencer_refuses_to_extend_a_tree_that_was_changed() -> None:
    """It reads the stored tiles, and they must carry the frontier's tree."""
    from ersr.ledger import guard

    bare_events(3)
    sequence.run(NOW)
    with guard.lifted():
        tile = Tile.objects.get(level=0, width=3)
        Tile.objects.filter(pk=tile.pk).update(hashes=b"\x01" * 32 + bytes(tile.hashes)[32:])
    bare_events(1)
    with pytest.raises(Refusal, match="stored tiles are not those"):
        sequence.run(NOW)
    assert Leaf.objects.count() == 3


# --- two writers at once ---


@pytest.fixture
def threads() -> Iterator[list[threading.Thread]]:
    started: list[threading.Thread] = []
    yield started
    for thread in started:
        thread.join(30)
        assert not thread.is_alive()


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_an_event_that_commits_late_is_not_lost(threads: list[threading.Thread]) -> None:
    """It drew its number early and commits after later ones were sequenced: "id > last" would never see it."""
    drawn, go_on = threading.Event(), threading.Event()
    late: list[int] = []

    def slow() -> None:
        try:
            with transaction.atomic():
                late.append(append("notification.read", subject="late", by="system", now=NOW).pk)
                drawn.set()
                assert go_on.wait(20)
        finally:
            connection.close()

    threads.append(threading.Thread(target=slow))
    threads[0].start()
    assert drawn.wait(20)
    early = events(3)
    assert late[0] < early[0].pk
    sequence_all()
    assert Leaf.objects.count() == 3
    go_on.set()
    threads[0].join(20)
    sequence_all()
    assert Leaf.objects.get(event_id=late[0]).index == 3
    assert list(fsck.problems()) == []


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_two_sequencers_at_once_give_each_index_once(
    threads: list[threading.Thread], monkeypatch: pytest.MonkeyPatch
) -> None:
    """While events keep coming; nothing is lost, nothing doubled, and the checkpoint outside is the newest."""
    monkeypatch.setattr(sequence, "BATCH", 40)
    monkeypatch.setattr(sequence, "CLOCK_STEP", timedelta(days=999))  # the hours of this test run ahead of its events
    failures: list[BaseException] = []
    appended = threading.Event()

    def guarded(work: object) -> None:
        try:
            work()  # type: ignore[operator]
        except BaseException as problem:  # noqa: BLE001 - the test's thread tells its trouble to the test
            failures.append(problem)
        finally:
            connection.close()

    def sequencing() -> None:
        while sequence.run(NOW) or not appended.is_set():
            pass

    def hourly() -> None:
        hour = 0
        while not appended.is_set():
            hour += 1
            sequence.publish_hourly(NOW + timedelta(hours=hour))

    for work in (sequencing, sequencing, sequencing, hourly):
        thread = threading.Thread(target=guarded, args=(work,))
        threads.append(thread)
        thread.start()
    events(400)
    appended.set()
    for thread in threads:
        thread.join(60)
    assert failures == []
    sequence_all()
    assert sorted(Leaf.objects.values_list("index", flat=True)) == list(range(400))
    assert kept().checkpoint.size == 400
    assert list(fsck.problems()) == []


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_a_slow_signer_never_puts_an_older_checkpoint_over_a_newer_one(
    threads: list[threading.Thread], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two signers: the slow one signs 1 leaf while the fast one has 2. Outside stands the newer one at the end."""
    real, slow_is_signing, go_on = note.sign_checkpoint, threading.Event(), threading.Event()

    def sign(size: int, root: bytes, signer: object) -> str:
        if threading.current_thread() is not threading.main_thread() and size == 1:
            slow_is_signing.set()
            go_on.wait(3)
        return real(size, root, signer)  # type: ignore[arg-type]

    monkeypatch.setattr(note, "sign_checkpoint", sign)
    events(1)

    def slow() -> None:
        try:
            sequence.run(NOW)
        finally:
            connection.close()

    threads.append(threading.Thread(target=slow))
    threads[0].start()
    assert slow_is_signing.wait(20)
    events(1)
    threading.Timer(0.5, go_on.set).start()
    sequence_all()
    go_on.set()
    threads[0].join(20)
    assert kept().checkpoint.size == 2
