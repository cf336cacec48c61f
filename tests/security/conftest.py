"""The small world and its visitors, as the tests of pages have them."""

from __future__ import annotations

from tests.faces.conftest import visit, world

__all__ = ["visit", "world"]
