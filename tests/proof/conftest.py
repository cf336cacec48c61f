"""Keys and terms that the proof tests share. Nothing here is secret and nothing leaves the temporary folder."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from ersr.proof import keys
from tests.proof import samples
from tests.proof.documents import Documents, make


@pytest.fixture(scope="session")
def mine(tmp_path_factory) -> keys.Keys:
    """The keys of the installation under test."""
    folder = tmp_path_factory.mktemp("mine") / "keys"
    return keys.generate(folder, "Example Names Authority", "log.example/srw", now=samples.MADE, development=True)


@pytest.fixture(scope="session")
def theirs(tmp_path_factory) -> keys.Keys:
    """Another installation's keys: same names, other numbers."""
    folder = tmp_path_factory.mktemp("theirs") / "keys"
    return keys.generate(folder, "Example Names Authority", "log.example/srw", now=samples.MADE, development=True)


@pytest.fixture(scope="session")
def signed_at() -> datetime:
    return datetime(2026, 11, 16, 17, 37, 12, tzinfo=UTC)


@pytest.fixture(scope="session")
def documents(mine, signed_at) -> Documents:
    """One signed document of each kind, for the plain waiver."""
    return make(samples.WAIVER, mine, signed_at)
