"""Database sessions that know whose they are, so that a person can list and end them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore

from ersr import clock


class SessionStore(DatabaseStore):
    @classmethod
    def get_model_class(cls) -> type:
        from ersr.people.models import Session

        return Session

    def create_model_instance(self, data: dict[str, Any]) -> Any:
        row = super().create_model_instance(data)
        found = data.get("_auth_user_id")
        row.person_id = int(found) if found else None
        row.began_at = self._began(data)
        row.seen_at = clock.real()
        row.agent = str(data.get("agent", ""))[:200]
        return row

    def _get_session_from_db(self) -> Any:
        """None too for a session of somebody in which nothing happened for ERSR_IDLE_SECONDS. That it lives is noted once a
        minute: a note, and no event."""
        row = super()._get_session_from_db()
        if row is None or row.person_id is None or row.seen_at is None:
            return row
        now = clock.real()
        if now - row.seen_at >= timedelta(seconds=settings.ERSR_IDLE_SECONDS):
            row.delete()
            self._session_key = None
            return None
        if now - row.seen_at >= timedelta(minutes=1):
            self.get_model_class().objects.filter(pk=row.pk).update(seen_at=now)
        return row

    @staticmethod
    def _began(data: dict[str, Any]) -> Any:
        from datetime import datetime

        began = data.get("began")
        return datetime.fromisoformat(began) if began else None
