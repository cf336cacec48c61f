"""The pages, rendered once for the whole folder and served again as they were sent, with the product's own headers and stylesheets."""

from __future__ import annotations

import fcntl
import pickle
from pathlib import Path

import pytest
from django.conf import settings
from django.db import transaction

from ersr import clock
from tests.access import scene
from tests.faces.conftest import site

__all__ = ["pages", "site"]


@pytest.fixture(scope="session")
def pages(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> scene.Pages:
    """Rendered by the worker that comes first; the others wait for it and read what it left."""
    if worker_id == "master":
        return _rendered(request, tmp_path_factory)
    shared = tmp_path_factory.getbasetemp().parent / "access.pages"
    with shared.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not shared.exists():
            made = pickle.dumps(_rendered(request, tmp_path_factory))
            shared.write_bytes(made)
        return pickle.loads(shared.read_bytes())


def _rendered(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> scene.Pages:
    request.getfixturevalue("django_db_setup")
    blocker = request.getfixturevalue("django_db_blocker")
    home: Path = tmp_path_factory.mktemp("access")
    now = clock.real().replace(microsecond=0)
    with pytest.MonkeyPatch.context() as patch, blocker.unblock(), transaction.atomic():
        for name, path in (("HOME", ""), ("FILES", "files"), ("ZONES", "zones"), ("KEYS", "keys"), ("LAST_CHECKPOINT", "checkpoint")):
            patch.setattr(settings, f"ERSR_{name}", home / path)
        patch.setattr(clock, "real", lambda: now)
        collected = scene.collect(now)
        transaction.set_rollback(True)
    return collected
