"""Database sessions that know whose they are, so that a person can list and end them."""

from __future__ import annotations

from typing import Any

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

    @staticmethod
    def _began(data: dict[str, Any]) -> Any:
        from datetime import datetime

        began = data.get("began")
        return datetime.fromisoformat(began) if began else None
