"""Triggers that refuse UPDATE and DELETE on evidence, on both databases. Installed after every migrate, checked at start-up.

They stop a mistake and a careless administrator, not a thief with the database password: against that stands the tree.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction

#: table -> operations that are refused without exception. On PostgreSQL TRUNCATE as well: it passes by the row triggers.
GUARDED = {
    "ledger_checkpoint": ("UPDATE", "DELETE"),
    "ledger_event": ("UPDATE", "DELETE"),
    "ledger_eventbody": ("UPDATE", "DELETE"),  # DELETE passes when a Redaction names the event
    "ledger_leaf": ("UPDATE", "DELETE"),
    "ledger_pending": ("UPDATE",),
    "ledger_redaction": ("UPDATE", "DELETE"),
    "ledger_tile": ("UPDATE", "DELETE"),
}


def _name(table: str, operation: str) -> str:
    return f"guard_{table}_{operation.lower()}"


def _triggers() -> list[tuple[str, str]]:
    """(table, operation) of every trigger that should stand on this kind of database."""
    found = [(table, operation) for table, operations in GUARDED.items() for operation in operations]
    if connection.vendor == "postgresql":
        found += [(table, "TRUNCATE") for table in GUARDED]
    return found


def _expected() -> set[str]:
    return {_name(table, operation) for table, operation in _triggers()}


def install(**_signal: object) -> None:
    """Idempotent. Connected to post_migrate, because Django rebuilds SQLite tables and loses their triggers."""
    postgres = connection.vendor == "postgresql"
    tables = set(connection.introspection.table_names())
    with transaction.atomic(), connection.cursor() as cursor:
        if postgres:
            cursor.execute(
                "CREATE OR REPLACE FUNCTION guard_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
                "IF TG_TABLE_NAME = 'ledger_eventbody' AND TG_OP = 'DELETE' THEN IF EXISTS "
                "(SELECT 1 FROM ledger_redaction r WHERE r.event_id = OLD.event_id) THEN RETURN OLD; END IF; END IF; "
                "RAISE EXCEPTION 'the ledger is append-only: % on % refused', TG_OP, TG_TABLE_NAME; END $$"
            )
        for table, operation in _triggers():
            if table not in tables:
                continue
            name = _name(table, operation)
            if postgres:
                each = "STATEMENT" if operation == "TRUNCATE" else "ROW"
                cursor.execute(f"DROP TRIGGER IF EXISTS {name} ON {table}")
                cursor.execute(
                    f"CREATE TRIGGER {name} BEFORE {operation} ON {table} FOR EACH {each} EXECUTE FUNCTION guard_refuse()"
                )
            else:
                unless = (
                    "WHEN NOT EXISTS (SELECT 1 FROM ledger_redaction r WHERE r.event_id = OLD.event_id)"
                    if (table, operation) == ("ledger_eventbody", "DELETE")
                    else ""
                )
                cursor.execute(f"DROP TRIGGER IF EXISTS {name}")
                cursor.execute(
                    f"CREATE TRIGGER {name} BEFORE {operation} ON {table} {unless} BEGIN "
                    f"SELECT RAISE(ABORT, 'the ledger is append-only: {operation} on {table} refused'); END"
                )


def missing() -> set[str]:
    """Names of the triggers that should stand and do not."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgenabled = 'O'")
        else:
            cursor.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        return _expected() - {row[0] for row in cursor.fetchall()}


@contextmanager
def lifted() -> Iterator[None]:
    """For tests that must empty the tables. Refuses outside test mode."""
    from django.conf import settings

    if settings.ERSR_MODE != "test":
        raise RuntimeError("triggers are lifted in tests only")
    with connection.cursor() as cursor:
        for table, operation in _triggers():
            on = f" ON {table}" if connection.vendor == "postgresql" else ""
            cursor.execute(f"DROP TRIGGER IF EXISTS {_name(table, operation)}{on}")
    try:
        yield
    finally:
        install()
