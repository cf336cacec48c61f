from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crash.running import Running
from tests.postgres import Cluster, cluster

WRITERS = {"sqlite": 4, "postgresql": 16}


@pytest.fixture(scope="module")
def server_of_the_database() -> Iterator[Cluster]:
    """PostgreSQL as in production: what it says is committed is on the disk."""
    with cluster() as made:
        yield made


def _opened(folder: Path, url: str, writers: int) -> Iterator[Running]:
    running = Running(folder, url, writers=writers)
    yield running
    try:
        # Also that the checkpoint outside the database is a prefix of the tree: once wrong, it would stay so.
        assert "nothing keeps the service from starting" in running.service("check")
        assert running.end(running.worker) == running.end(running.server) == 0, "SIGTERM ends both cleanly"
    finally:
        running.close()
        gc.collect()  # what httpx left open (test_sqlite.py) is told here, and not in whichever test comes next


@pytest.fixture(scope="module")
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One installation a module, on the module's database; tests leave it whole, with server and worker running."""
    name: str = request.module.DATABASE
    folder = tmp_path_factory.mktemp(name)
    url = f"sqlite://{folder}/ersr.sqlite3"
    if name == "postgresql":
        url = request.getfixturevalue("server_of_the_database").url
    yield from _opened(folder, url, WRITERS[name])


@pytest.fixture(autouse=True)
def _left_whole(running: Running) -> Iterator[None]:
    """After each test: fsck is clean, server and worker live."""
    yield
    gc.collect()
    running.assert_whole()
    assert running.server.poll() is None
    assert running.worker.poll() is None
