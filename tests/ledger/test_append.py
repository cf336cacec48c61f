"""The only way in: bytes, salt, commitment, all in the action's own transaction."""

from __future__ import annotations

import hashlib
import json

import pytest
import rfc8785
from django.db import transaction

from ersr.core.events import EVENTS
from ersr.ledger import sequence
from ersr.ledger.append import append
from ersr.ledger.models import Event, EventBody, Leaf, Pending
from tests.ledger.growing import NOW, event, sequence_all

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("keys")]


def test_the_commitment_is_the_hash_of_salt_and_bytes_and_the_leaf_is_rfc_6962s() -> None:
    """Recomputed here with hashlib alone: SHA-256(salt || bytes), then SHA-256(0x00 || that)."""
    made = event(7)
    sequence_all()
    body = EventBody.objects.get(event=made)
    salt, record = bytes(body.salt), bytes(body.record)
    assert len(salt) == 32
    entry = hashlib.sha256(salt + record).digest()
    assert bytes(Event.objects.get(pk=made.pk).commitment) == entry
    assert bytes(Leaf.objects.get(event=made).hash) == hashlib.sha256(b"\x00" + entry).digest()


def test_the_record_is_canonical_json_of_what_happened() -> None:
    made = event(7)
    record = bytes(EventBody.objects.get(event=made).record)
    told = json.loads(record)
    assert told == {
        "at": "2026-11-16T09:30:00Z",
        "by": "system",
        "facts": {"n": 7},
        "kind": "notification.read",
        "subject": "notification:7",
    }
    assert rfc8785.dumps(told) == record


def test_the_same_fact_twice_has_two_salts_so_that_a_leaf_cannot_be_guessed() -> None:
    first, second = event(1), event(1)
    assert bytes(first.body.record) == bytes(second.body.record)
    assert bytes(first.body.salt) != bytes(second.body.salt)
    assert bytes(first.commitment) != bytes(second.commitment)


def test_an_unknown_kind_is_a_defect_of_the_caller() -> None:
    with transaction.atomic(), pytest.raises(LookupError, match=r"core/events\.py"):
        append("request.granted_somehow", subject="x", by="system", now=NOW)
    assert not Event.objects.exists()


@pytest.mark.parametrize("kind", sorted(EVENTS))
def test_every_kind_of_the_vocabulary_can_be_appended(kind: str) -> None:
    """Also the longest word fits its column, which only PostgreSQL minds."""
    with transaction.atomic():
        append(kind, subject="SRW-2026-4821003-K", by="system", now=NOW)
    assert Event.objects.get().kind == kind


@pytest.mark.django_db(transaction=True)
def test_an_event_outside_a_transaction_is_refused() -> None:
    """Else the evidence could commit without the change, or the change without the evidence."""
    with pytest.raises(RuntimeError, match="inside the action's transaction"):
        append("notification.read", subject="x", by="system", now=NOW)
    assert not Event.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_rolled_back_action_leaves_no_evidence() -> None:
    def action() -> None:
        with transaction.atomic():
            append("notification.read", subject="x", by="system", now=NOW)
            raise ArithmeticError("the action breaks after its event")

    with pytest.raises(ArithmeticError):
        action()
    assert (Event.objects.count(), EventBody.objects.count(), Pending.objects.count()) == (0, 0, 0)
    assert sequence.run(NOW) == 0
