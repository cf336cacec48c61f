"""Going on after a loss: on record, under another name, and whole whatever moment it is killed at."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client

from ersr.core.errors import Refusal
from ersr.ledger import fsck, resume, sequence
from ersr.ledger.models import Checkpoint, Event, Leaf, Tree
from ersr.proof import note, rekey
from ersr.proof.keys import KeySet
from ersr.proof.note import SignedCheckpoint
from tests import world as worlds
from tests.ledger.growing import NOW, event, events, sequence_all

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("keys")]


def kept() -> SignedCheckpoint:
    return SignedCheckpoint.parse(Path(settings.ERSR_LAST_CHECKPOINT).read_text(encoding="utf-8"))


def lose(entries: int = 4) -> SignedCheckpoint:
    """The log had signed more than the database now has."""
    signer = sequence.installed_keys().checkpoint_signer
    text = note.sign_checkpoint(Tree.objects.get().size + entries, bytes(range(32)), signer)
    Path(settings.ERSR_LAST_CHECKPOINT).write_text(text, encoding="utf-8")
    return kept()


def go_on() -> resume.Loss:
    return resume.resume(by="ada@authority.example", reason="the disk died", now=NOW)


def assert_resumed(old: SignedCheckpoint, *, signed: int) -> None:
    assert sequence.is_prefix() == ""
    assert list(fsck.problems()) == []
    keys = KeySet.parse((Path(settings.ERSR_KEYS) / "keys.json").read_bytes())
    assert kept().signed_by(keys)
    assert kept().checkpoint.origin != old.checkpoint.origin
    assert old.signed_by(keys), "what the old log signed can be checked for ever"
    assert len(keys.checkpoint) == 2
    (told,) = resume.ended()
    assert (told["log_ended"], told["log_begun"]) == (old.checkpoint.origin, kept().checkpoint.origin)
    assert (told["entries_signed"], told["reason"], told["by"]) == (signed, "the disk died", "ada@authority.example")
    assert Event.objects.filter(kind="ledger.resumed").count() == 1


def test_a_loss_is_on_record_and_the_new_log_stands() -> None:
    before = events(3)
    sequence_all()
    receipts = [sequence.receipt_for(one) for one in before]
    old = lose()
    found = go_on()
    assert "Entries 3 to 6 are lost" in found.words
    assert_resumed(old, signed=7)
    assert resume.ended()[0]["checkpoint"] == old.text
    assert [sequence.receipt_for(one) for one in before] == receipts, "receipts for what is left stay as they are"
    with pytest.raises(Refusal, match="No loss is known"):
        go_on()


def test_no_two_checkpoints_of_one_log_have_the_same_size() -> None:
    """The tree grows past the size at which the old log ended, twice lost: the names differ."""
    events(3)
    sequence_all()
    lose(1)
    go_on()
    events(3)
    sequence_all()
    lose(1)
    resume.resume(by="ada", reason="again", now=NOW + timedelta(seconds=30))
    events(3)
    sequence_all()
    heads = [SignedCheckpoint.parse(text).checkpoint for text in Checkpoint.objects.values_list("text", flat=True)]
    assert len({(head.origin, head.size) for head in heads}) == len(
        {(head.origin, head.size, head.root) for head in heads}
    )
    assert len({head.origin for head in heads}) == 3
    assert all(head.origin.count("/from-") <= 1 for head in heads)
    assert list(fsck.problems()) == []


def test_without_any_checkpoint_the_loss_is_said_to_be_unknown() -> None:
    events(2)
    sequence_all()
    old = kept()
    Path(settings.ERSR_LAST_CHECKPOINT).unlink()
    assert "is not known" in go_on().words
    assert_resumed(old, signed=-1)


@pytest.mark.parametrize("step", ["archive", "keys written", "key renamed", "recorded", "sequenced", "signed"])
def test_killed_at_any_moment_it_is_refused_and_can_be_finished(step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """One event, one new log, whatever was done before; and until it is finished the service does not start."""
    events(3)
    sequence_all()
    old = lose()

    class Killed(BaseException): ...

    def kill(*_: object, **__: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        where: dict[str, tuple[object, str]] = {
            "archive": (rekey, "new_log"), "keys written": (rekey.os, "replace"), "key renamed": (resume, "append"),
            "recorded": (sequence, "run"), "sequenced": (sequence, "_sign_head"), "signed": (sequence, "_keep_outside"),
        }  # fmt: skip
        module, name = where[step]
        if step == "keys written":
            real = rekey.os.replace
            patch.setattr(
                rekey.os,
                "replace",
                lambda a, b: (
                    kill() if Path(b).name == "checkpoint.pem" and Path(a).name == "checkpoint-next.pem" else real(a, b)
                ),
            )
        else:
            patch.setattr(module, name, kill)
        with pytest.raises(Killed):
            go_on()
    sequence._keys.cache_clear()
    if step != "signed" or sequence.is_prefix():
        assert sequence.is_prefix() != ""
    go_on()
    assert_resumed(old, signed=7)


def test_what_is_worse_than_a_loss_is_not_gone_over() -> None:
    """Another tree of the same size, a damaged checkpoint, a ledger that is not whole."""
    events(3)
    sequence_all()
    lose(0)
    with pytest.raises(Refusal, match="something worse"):
        go_on()
    lose()
    Path(settings.ERSR_LAST_CHECKPOINT).write_text(kept().text.replace("\n7\n", "\n8\n"), encoding="utf-8")
    with pytest.raises(Refusal, match="something worse"):
        go_on()
    lose()
    event()
    sequence_all_despite()
    with pytest.raises(Refusal, match="not whole"):
        go_on()
    assert not Event.objects.filter(kind="ledger.resumed").exists()


def sequence_all_despite() -> None:
    """A leaf too many, as somebody writes it who goes past the sequencer."""
    Leaf.objects.create(index=99, event=Event.objects.latest("pk"), hash=bytes(32))


def test_who_and_why_must_be_said() -> None:
    events(1)
    sequence_all()
    lose()
    with pytest.raises(Refusal, match="Say who"):
        resume.resume(by="ada", reason=" ", now=NOW)


def test_everybody_sees_that_a_log_ended() -> None:
    """Auditors on the ledger's page, everybody on the page of keys: both names, the sizes, the reason, the last checkpoint."""
    w = worlds.build()
    w.sequence()
    old = lose()
    resume.resume(by="ada", reason="the <disk> died", now=w.now)
    auditor = Client()
    from tests.faces.conftest import credentials

    assert auditor.post("/signin", credentials(w, w.auditor)).status_code == 302
    for page in (Client().get("/keys"), auditor.get("/ledger")):
        text = page.content.decode()
        assert old.checkpoint.origin in text
        assert kept().checkpoint.origin in text
        assert f"{old.checkpoint.size} entries" in text
        assert "the &lt;disk&gt; died" in text
        assert old.text.splitlines()[2] in text.replace("&#x27;", "'")
