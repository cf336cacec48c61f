"""Name lists shaped like Conficker's, the same for the same seed: no real list ships with the tests."""

from __future__ import annotations

import random
from collections.abc import Sequence

#: Conficker B's TLDs.
TLDS = ("biz", "cc", "cn", "com", "info", "net", "org", "ws")
#: What Conficker's list of March 2009 hit by chance, among them an airline (The Register, 2 March 2009).
LEGITIMATE = ("jogli.com", "praat.org", "qhflh.com", "wnsux.com")
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


def generated(count: int = 7_750, *, tlds: Sequence[str] = TLDS, seed: int = 2009) -> list[str]:
    """`count` distinct names of 5 to 11 random letters, in the order drawn, none of them a legitimate one."""
    draw = random.Random(seed)
    names: dict[str, None] = {}
    while len(names) < count:
        name = f"{''.join(draw.choices(_LETTERS, k=draw.randint(5, 11)))}.{draw.choice(tlds)}"
        if name not in LEGITIMATE:
            names[name] = None
    return list(names)


def filed(count: int = 7_750, *, tlds: Sequence[str] = TLDS, seed: int = 2009) -> list[str]:
    """As `generated`, with the four legitimate names put in at drawn places: `count` + 4 names."""
    names = generated(count, tlds=tlds, seed=seed)
    draw = random.Random(seed + 1)
    for name in LEGITIMATE:
        names.insert(draw.randint(0, len(names)), name)
    return names


def popularity(seed: int = 2009, others: int = 500) -> bytes:
    """A made-up popularity list, `rank,name` a line, that holds the four legitimate names and no generated one."""
    draw = random.Random(seed + 2)
    names = {f"{''.join(draw.choices(_LETTERS, k=13))}.com" for _ in range(others)}
    ordered = sorted(names)
    draw.shuffle(ordered)
    for place, name in zip((40, 130, 220, 310), LEGITIMATE, strict=True):
        ordered.insert(place, name)
    return "".join(f"{rank},{name}\n" for rank, name in enumerate(ordered, start=1)).encode()
