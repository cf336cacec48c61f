"""A ledger with keys and nothing else: no parties, no people."""

from __future__ import annotations

import shutil

import pytest
from django.conf import settings

from ersr.ledger import sequence
from tests import world as worlds


@pytest.fixture
def keys(_home: None) -> None:
    sequence._keys.cache_clear()
    shutil.copytree(worlds._key_folder(), settings.ERSR_KEYS, dirs_exist_ok=True)
