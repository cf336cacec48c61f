"""Is this name on that list? Exact matches only: a name is never covered by looking like another."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence


def present(names: Sequence[str], name: str) -> bool:
    """Whether the canonical `name` is one of the sorted `names`, exactly."""
    place = bisect_left(names, name)
    return place < len(names) and names[place] == name
