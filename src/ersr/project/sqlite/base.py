"""Django's SQLite backend with another way of waiting for whoever writes.

SQLite looks whether its lock is free after pauses that grow to 100 ms. So on a busy database the lock lies idle half of the time,
and whoever has waited longest looks least often: of eight callers one waited 4 s while half of the machine did nothing. Here one
thread of each process looks every 2 ms, and the others queue behind it.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db.backends.sqlite3 import base

#: Held by the thread of this process that looks for the lock.
_LOOKS = threading.Lock()
#: Seconds between two looks; a short transaction takes ten times as long.
_PAUSE = 0.002
#: What takes the lock when no transaction is open. Reads never wait (WAL).
_WRITES = ("BEGIN IMMEDIATE", "DELETE", "INSERT", "UPDATE")


class DatabaseWrapper(base.DatabaseWrapper):
    """Takes OPTIONS["timeout"], seconds, as Django's does: after that "database is locked" is raised."""

    def create_cursor(self, name: str | None = None) -> _Cursor:
        return self.connection.cursor(factory=_Cursor)

    def get_new_connection(self, conn_params: dict[str, Any]) -> _Connection:
        return super().get_new_connection(conn_params | {"factory": _Connection})


class _Connection(sqlite3.Connection):
    def __init__(self, *words: Any, timeout: float = 5.0, **more: Any) -> None:
        super().__init__(*words, timeout=timeout, **more)
        self.timeout = timeout

    @contextmanager
    def looking(self) -> Iterator[None]:
        """Only here SQLite does not wait by itself."""
        self.execute("PRAGMA busy_timeout = 0")
        try:
            yield
        finally:
            self.execute(f"PRAGMA busy_timeout = {self.timeout * 1000:.0f}")


class _Cursor(base.SQLiteCursorWrapper):
    connection: _Connection

    def execute(self, query: str, params: Any = None) -> Any:
        if self.connection.in_transaction or not query.startswith(_WRITES):
            return super().execute(query, params)
        until = time.monotonic() + self.connection.timeout
        if not _LOOKS.acquire(timeout=self.connection.timeout):
            raise sqlite3.OperationalError("database is locked")
        try:
            with self.connection.looking():
                while True:
                    try:
                        return super().execute(query, params)
                    except sqlite3.OperationalError as error:
                        if "locked" not in str(error) or time.monotonic() > until:
                            raise
                    time.sleep(_PAUSE)
        finally:
            _LOOKS.release()
