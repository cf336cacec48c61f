"""GET /health: 200 while the database answers, else 503. Says nothing about requests."""

from __future__ import annotations

from django.db import DatabaseError, connection
from django.http import HttpRequest, JsonResponse


def health(_request: HttpRequest) -> JsonResponse:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return JsonResponse({"ok": False, "what": "the database does not answer"}, status=503)
    return JsonResponse({"ok": True})
