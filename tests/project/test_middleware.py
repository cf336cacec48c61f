"""What holds on every page, whatever it shows."""

from __future__ import annotations

import pytest
from django.test import Client

pytestmark = pytest.mark.django_db


def test_a_text_that_no_database_takes_is_refused_on_every_page() -> None:
    """NUL in any field: a sentence that says what to do, not an error of the database."""
    answer = Client().post("/signin", {"email": "a\0b@example.org", "password": "x", "code": "1"})
    assert answer.status_code == 422
    assert "Take out the character" in answer.content.decode()


def test_pages_are_never_cached() -> None:
    assert Client().get("/").headers["Cache-Control"] == "no-store"
