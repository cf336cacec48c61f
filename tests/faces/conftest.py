"""What tests of pages stand on: the small world, and visitors who signed in through the page like anybody else.

Transactional tests (live_server) are emptied with the ledger's triggers lifted: tests/conftest.py.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from ersr import clock
from ersr.people.models import Person
from tests import world as worlds

Visit = Callable[..., Client]


@pytest.fixture
def world(db: None) -> worlds.World:
    """Ten minutes ago, so that what the story does lies before what the pages call now."""
    return worlds.build(clock.now().replace(microsecond=0) - timedelta(minutes=10))


@pytest.fixture
def visit(world: worlds.World) -> Visit:
    """visit(person): a browser without scripts in which this person is signed in; visit(): a stranger's."""

    def opened(person: Person | None = None, **words: object) -> Client:
        client = Client(HTTP_USER_AGENT="Test browser", **words)  # type: ignore[arg-type]
        if person is not None:
            answer = client.post("/signin", credentials(world, person))
            assert answer.status_code == 302, answer.content.decode()
        return client

    return opened


def credentials(world: worlds.World, person: Person) -> dict[str, str]:
    return {"email": person.email, "password": worlds.PASSWORD, "code": world.code(person)}


@dataclass
class Site:
    """The small world behind a live server, for real browsers."""

    world: worlds.World
    address: str


@pytest.fixture
def site(transactional_db: None, live_server: Any) -> Site:
    return Site(worlds.build(clock.now().replace(microsecond=0) - timedelta(minutes=10)), live_server.url)
