"""What the database itself refuses, on SQLite and on PostgreSQL."""

from __future__ import annotations

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction

from ersr.core.errors import Refusal
from ersr.ledger import fsck, guard
from ersr.ledger.models import Checkpoint, Event, EventBody, Leaf, Pending, Redaction, Tile
from ersr.ledger.redact import redact
from tests.ledger.growing import NOW, event, events, refused, sequence_all

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("keys")]

#: table -> a column that an UPDATE could change
COLUMNS = {
    "ledger_checkpoint": "size",
    "ledger_event": "subject",
    "ledger_eventbody": "event_id",
    "ledger_leaf": "index",
    "ledger_pending": "event_id",
    "ledger_redaction": "reason",
    "ledger_tile": "width",
}
ROW_DELETES = sorted(table for table, operations in guard.GUARDED.items() if "DELETE" in operations)


@pytest.fixture
def filled(db: None, keys: None) -> None:
    """At least one row in every guarded table."""
    first, *_ = events(3)
    sequence_all()
    redact(first.pk, by="system", reason="erased by order", now=NOW)  # its own event stays pending


@pytest.mark.parametrize("table", sorted(guard.GUARDED))
@pytest.mark.usefixtures("filled")
def test_raw_updates_are_refused(table: str) -> None:
    column = COLUMNS[table]
    assert "append-only" in refused(f'UPDATE {table} SET "{column}" = "{column}"')


@pytest.mark.parametrize("table", ROW_DELETES)
@pytest.mark.usefixtures("filled")
def test_raw_deletes_are_refused(table: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {table}")
        before = cursor.fetchone()[0]
    assert before
    assert "append-only" in refused(f"DELETE FROM {table}")
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {table}")
        assert cursor.fetchone()[0] == before


@pytest.mark.postgresql
@pytest.mark.parametrize("table", sorted(guard.GUARDED))
@pytest.mark.usefixtures("filled")
def test_truncate_is_refused(table: str) -> None:
    """It fires no row trigger: one statement would empty the evidence."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # else the rows just inserted are what keeps TRUNCATE away
    assert "append-only" in refused(f"TRUNCATE {table} CASCADE")


@pytest.mark.parametrize("model", [Checkpoint, Event, EventBody, Leaf, Redaction, Tile])
@pytest.mark.usefixtures("filled")
def test_the_orm_is_refused_too(model: type) -> None:
    """QuerySet.update, bulk_update, save of a changed row, delete: none goes round the triggers."""
    field = next(f.name for f in model._meta.concrete_fields if not f.primary_key and not f.is_relation)
    row = model.objects.order_by("pk").last()
    attempts = [
        lambda: model.objects.filter(pk=row.pk).update(**{field: getattr(row, field)}),
        lambda: model.objects.bulk_update([row], [field]),
        lambda: row.save(force_update=True),
        lambda: model.objects.filter(pk=row.pk)._raw_delete("default"),
    ]
    for attempt in attempts:
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            attempt()


@pytest.mark.usefixtures("filled")
def test_replacing_a_row_is_refused() -> None:
    """SQLite's INSERT OR REPLACE deletes without a word unless recursive triggers are on; PostgreSQL has ON CONFLICT."""
    leaf = Leaf.objects.order_by("index").first()
    assert leaf
    if connection.vendor == "sqlite":
        said = refused(
            "INSERT OR REPLACE INTO ledger_leaf (\"index\", event_id, hash) VALUES (%s, %s, x'00')",
            leaf.index,
            leaf.event_id,
        )
    else:
        said = refused(
            'INSERT INTO ledger_leaf ("index", event_id, hash) VALUES (%s, %s, %s) '
            'ON CONFLICT ("index") DO UPDATE SET hash = excluded.hash',
            leaf.index, leaf.event_id, b"0",
        )  # fmt: skip
    assert "append-only" in said
    assert bytes(Leaf.objects.get(index=leaf.index).hash) == bytes(leaf.hash)


@pytest.mark.usefixtures("filled")
def test_bulk_create_that_updates_conflicts_is_refused() -> None:
    row = Event.objects.order_by("pk").first()
    assert row
    row.subject = "something else"
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        Event.objects.bulk_create([row], update_conflicts=True, unique_fields=["id"], update_fields=["subject"])


def test_a_pending_row_may_go_but_never_change() -> None:
    """The sequencer takes it away; nothing may point it at another event."""
    one, two = event(1), event(2)
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        Pending.objects.filter(event=one).update(event=two)
    Pending.objects.filter(event=one).delete()
    assert list(Pending.objects.values_list("event_id", flat=True)) == [two.pk]


def test_no_trigger_is_missing_after_migrate() -> None:
    assert guard.missing() == set()


@pytest.mark.parametrize("name", sorted(guard._name(t, o) for t, os in guard.GUARDED.items() for o in os))
def test_missing_names_a_dropped_trigger_and_migrate_puts_it_back(name: str) -> None:
    """Start-up and fsck say which one; `migrate` is the way back."""
    table = name.removeprefix("guard_").rsplit("_", 1)[0]
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TRIGGER {name}" + (f" ON {table}" if connection.vendor == "postgresql" else ""))
    assert guard.missing() == {name}
    assert f"trigger {name} is missing: run ersr-service migrate" in list(fsck.problems())
    call_command("migrate", interactive=False, verbosity=0)
    assert guard.missing() == set()


def test_triggers_are_lifted_in_tests_only(settings: object) -> None:
    settings.ERSR_MODE = "production"  # type: ignore[attr-defined]
    with pytest.raises(RuntimeError, match="in tests only"), guard.lifted():
        pass
    assert guard.missing() == set()


def test_a_body_goes_only_with_its_redaction() -> None:
    """Erasure is possible, on record, and never for a body that the redaction does not name."""
    first, second, third = events(3)
    sequence_all()
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        EventBody.objects.filter(event=first).delete()
    redact(first.pk, by="ada@icann.example", reason="Order of a court", now=NOW)
    assert not EventBody.objects.filter(event=first).exists()
    for kept in (second, third):
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            EventBody.objects.filter(event=kept).delete()
    assert Leaf.objects.filter(event=first).exists(), "the leaf stays"
    told = Event.objects.get(kind="ledger.redacted")
    assert b"Order of a court" in bytes(told.body.record)
    sequence_all()
    assert list(fsck.problems()) == []


@pytest.mark.parametrize(
    ("reason", "again", "code"), [(" ", False, "invalid"), ("why", True, "already"), ("why", None, "not_found")]
)
def test_a_redaction_is_refused(reason: str, again: bool | None, code: str) -> None:
    """Without a reason, twice, or of what is not there."""
    made = event(1)
    if again:
        redact(made.pk, by="ada", reason="first", now=NOW)
    with pytest.raises(Refusal) as refusal:
        redact(made.pk if again is not None else made.pk + 99, by="ada", reason=reason, now=NOW)
    assert refusal.value.code == code
    assert Redaction.objects.count() == bool(again)
