"""One crawled world for all tests of this folder: it takes longer to make than to look at. Every visit is undone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import transaction

from ersr import clock
from ersr.ledger import sequence
from tests import world as worlds
from tests.leak import cases
from tests.leak.crawl import plain
from tests.leak.routes import Filler, in_urlconf
from tests.leak.visitors import Visitor

#: Who must not notice that somebody else has filed.
OUTSIDE = ("anybody", "stranger")


@dataclass
class Ground:
    scene: cases.Scene
    visitors: dict[str, Visitor]
    now: datetime
    before: dict[tuple[str, str], Any] = field(default_factory=dict)  # (who, address) -> answer, while there was one case

    def noticed(self, only: str = "") -> list[str]:
        """Answers to outsiders that changed when others filed; `only`: one address."""
        changed = []
        for (key, address), told in self.before.items():
            if only in ("", address) and plain(self.visitors[key].send("GET", address), "") != told:
                changed.append(f"{key} at {address}")
        return changed


def _addresses(scene: cases.Scene) -> list[str]:
    filler = Filler(scene)
    return [r.address(f) for r in in_urlconf() if "openapi" not in r.pattern for f, _ in filler.fillings(r, "stranger")]


def _build(now: datetime) -> Ground:
    w = worlds.build(now - timedelta(minutes=50))  # verification words count for an hour
    scene = cases.begin(w)
    cases.play(scene, "own")
    cases.belongings(scene)
    cases.draft(scene, "stranger")
    visitors = {key: Visitor(scene, reader) for key, reader in scene.readers().items()}
    w.sequence()
    sequence.publish_hourly(w.now)
    ground = Ground(scene, visitors, now)
    for address in _addresses(scene):
        for key in OUTSIDE:
            ground.before[key, address] = plain(visitors[key].send("GET", address), "")
    for stop in sorted(cases.STOPS, key=lambda one: one in ("received", "verifying")):
        cases.play(scene, stop)
    cases.draft(scene, "filer")
    w.sequence()
    assert w.now < now
    return ground


def _settle(patch: pytest.MonkeyPatch, home: Path) -> None:
    for name, path in (("HOME", ""), ("FILES", "files"), ("KEYS", "keys"), ("LAST_CHECKPOINT", "checkpoint")):
        patch.setattr(settings, f"ERSR_{name}", home / path)


@pytest.fixture(scope="package")
def _ground(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Ground, Path]]:
    request.getfixturevalue("django_db_setup")
    blocker = request.getfixturevalue("django_db_blocker")
    home = tmp_path_factory.mktemp("leak")
    patch = pytest.MonkeyPatch()
    _settle(patch, home)
    now = clock.real().replace(microsecond=0)
    patch.setattr(clock, "real", lambda: now)
    with blocker.unblock(), transaction.atomic():
        yield _build(now), home
        transaction.set_rollback(True)
    patch.undo()


@pytest.fixture
def ground(_ground: tuple[Ground, Path], _home: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ground]:
    """The world in its own home, not the test's (tests/conftest.py); whatever a test does to it is undone."""
    _settle(monkeypatch, _ground[1])
    with transaction.atomic():
        yield _ground[0]
        transaction.set_rollback(True)
