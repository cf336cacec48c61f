"""The night's list: names shaped like Conficker's from a seeded generator, and the four real ones that hide among them.

No list of real malware ships with the demonstration. The generator only imitates the shape (5 to 11 letters under eight TLDs);
the four legitimate names are those that the list of March 2009 hit by chance (The Register, 2 March 2009).
"""

from __future__ import annotations

import random
import string

TLDS = ("biz", "cc", "cn", "com", "info", "net", "org", "ws")
LEGITIMATE = ("jogli.com", "praat.org", "qhflh.com", "wnsux.com")
COUNT = 7_750
SEED = 20_090_402


def made(count: int = COUNT, seed: int = SEED) -> list[str]:
    """`count` different names in the order in which the generator draws them."""
    draw = random.Random(seed)
    found: dict[str, None] = {}
    while len(found) < count:
        label = "".join(draw.choice(string.ascii_lowercase) for _ in range(draw.randrange(5, 12)))
        name = f"{label}.{TLDS[draw.randrange(len(TLDS))]}"
        if name not in LEGITIMATE:
            found[name] = None
    return list(found)


def filed() -> bytes:
    """The file as the registry has it: the made names with the four legitimate ones among them, in no order."""
    names = [*made(), *LEGITIMATE]
    random.Random(SEED + 1).shuffle(names)
    return "".join(f"{name}\n" for name in names).encode("ascii")


def popularity(size: int = 2_000) -> bytes:
    """A made popularity list, `rank,name` a line: the four legitimate names, and otherwise names that no generator here draws."""
    draw = random.Random(SEED + 2)
    first, second = (
        ("river", "stone", "cloud", "maple", "harbor", "violet"),
        ("shop", "news", "mail", "travel", "bank", "games"),
    )
    names = [f"{draw.choice(first)}-{draw.choice(second)}-{place}.com" for place in range(size - len(LEGITIMATE))]
    for rank, name in zip((212, 388, 1_004, 1_377), LEGITIMATE, strict=True):
        names.insert(rank - 1, name)
    return "".join(f"{rank},{name}\n" for rank, name in enumerate(names, start=1)).encode("ascii")
