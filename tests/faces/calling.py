"""Calls the API in the tests as one person: Django's test client with a bearer token."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from ersr import clock
from ersr.people import actions as people
from ersr.people.models import Person

ALL = ("read", "write", "sign", "admin")


class Caller:
    """`get` and `post` paths below /api/v1; answers are Django's, with `.json()`."""

    def __init__(self, person: Person | None, scopes: tuple[str, ...] = ALL) -> None:
        self.http = Client()
        self.headers: dict[str, str] = {}
        if person is not None:
            row, self.token = people.make_token(
                person, name="test", scopes=scopes, lasts=timedelta(days=1), now=clock.real()
            )
            self.token_id = row.pk
            self.headers = {"Authorization": f"Bearer {self.token}"}

    def get(self, path: str, **query: Any) -> Any:
        return self.http.get(f"/api/v1/{path}", query, headers=self.headers)

    def post(self, path: str, body: Any = None, *, key: str = "", files: Mapping[str, Any] | None = None) -> Any:
        """`files`: name -> bytes or (file name, bytes); the body's fields then go as form fields."""
        headers = self.headers | ({"Idempotency-Key": key} if key else {})
        if files is None:
            return self.http.post(
                f"/api/v1/{path}", json.dumps({} if body is None else body), "application/json", headers=headers
            )
        sent: dict[str, Any] = dict(body or {})
        for name, file in files.items():
            file_name, data = file if isinstance(file, tuple) else ("names.txt", file)
            sent[name] = SimpleUploadedFile(file_name, data)
        return self.http.post(f"/api/v1/{path}", sent, headers=headers)

    def delete(self, path: str) -> Any:
        return self.http.delete(f"/api/v1/{path}", headers=self.headers)


def good(answer: Any, status: int = 200) -> Any:
    """The answer's JSON, if it is what was wanted; else the assertion shows what came."""
    assert answer.status_code == status, (answer.status_code, answer.content[:2000])
    return answer.json() if answer.content and "json" in answer["Content-Type"] else answer.content


def refused(answer: Any, status: int, code: str) -> Any:
    """The problem, if it is the one that was wanted."""
    assert answer.status_code == status, (answer.status_code, answer.content[:2000])
    assert answer["Content-Type"] == "application/problem+json"
    told = answer.json()
    assert (told["status"], told["code"]) == (status, code), told
    assert set(told) - {"who_can"} == {"type", "title", "status", "detail", "code", "errors"}
    return told
