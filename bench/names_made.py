"""A list like those of botnets, made: the same bytes for the same seed, on every machine.

    python -m bench.names_made FILE [--entries 6000000] [--seed 2009]

Names of random letters under 43 TLDs, one a line; two in a hundred lines are dirty, of each kind of DIRT about as many.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Callable
from pathlib import Path

#: Country codes among them, two of them IDN: as many as Necurs used.
TLDS = (
    "ac", "bit", "biz", "bz", "cc", "ch", "cm", "cn", "co", "com", "cx", "de", "eu", "ga", "im", "in", "info", "ir", "jp", "ki", "kz", "la", "me", "mn", "ms",
    "mu", "mx", "net", "nf", "nu", "org", "pro", "pw", "ru", "sc", "sh", "so", "su", "to", "tv", "us", "xn--p1ai", "xn--fiqs8s",
)  # fmt: skip
_LETTERS = bytes(97 + value % 26 for value in range(256))
_BLOCK = 100_000

#: What people and machines make of a name: kind -> (label, TLD) to line.
DIRT: dict[str, Callable[[str, str], str]] = {
    "a_label": lambda label, tld: f"xn--{label}.{tld}",
    "a_label_good": lambda label, tld: f"xn--{label[:6]}-kva.{tld}",
    "angle": lambda label, tld: f"<{label}.{tld}>",
    "blank": lambda label, tld: "",
    "capitals": lambda label, tld: f"{label}.{tld}".upper(),
    "comma": lambda label, tld: f"{label}.{tld},2009-03-02",
    "deeper": lambda label, tld: f"www.{label}.{tld}",
    "defanged": lambda label, tld: f"{label}[.]{tld}",
    "defanged_braces": lambda label, tld: f"{label}{{.}}{tld}",
    "defanged_round": lambda label, tld: f"{label}(.){tld}",
    "dot_in_front": lambda label, tld: f".{label}.{tld}",
    "dot_last": lambda label, tld: f"{label}.{tld}.",
    "dots": lambda label, tld: f"{label}..{tld}",
    "hyphen_first": lambda label, tld: f"-{label}.{tld}",
    "hyphens": lambda label, tld: f"{label[:2]}--{label}.{tld}",
    "ideographic_dot": lambda label, tld: f"{label}。{tld}",
    "label_long": lambda label, tld: f"{label * 10}.{tld}",
    "mark_inside": lambda label, tld: f"\ufeff{label}.{tld}",
    "name_long": lambda label, tld: f"{'.'.join([label] * 40)}.{tld}",
    "no_tld": lambda label, tld: label,
    "other_tld": lambda label, tld: f"{label}.example",
    "port": lambda label, tld: f"{label}.{tld}:8080",
    "remark": lambda label, tld: f"# {label}.{tld}",
    "space_around": lambda label, tld: f"  {label}.{tld}\t",
    "space_inside": lambda label, tld: f"{label} .{tld}",
    "twice": lambda label, tld: f"aaaaaaa{label[:2]}.{tld}",
    "u_label": lambda label, tld: f"{label}ü.{tld}",
    "underscore": lambda label, tld: f"_{label}.{tld}",
    "url": lambda label, tld: f"hxxp://{label}[.]{tld}/gate.php",
    "wildcard": lambda label, tld: f"*.{label}.{tld}",
}


def lines(entries: int, *, seed: int = 2009, dirty: float = 0.02) -> list[str]:
    """A block's worth of lines at most; the next block has another seed."""
    draw = random.Random(seed)
    letters = draw.randbytes(entries * 20).translate(_LETTERS).decode()
    lengths = draw.choices(range(7, 21), k=entries)
    tlds = draw.choices(TLDS, k=entries)
    made = [
        f"{letters[at : at + long]}.{tld}"
        for at, long, tld in zip(range(0, entries * 20, 20), lengths, tlds, strict=True)
    ]
    kinds = list(DIRT.values())
    for place, at in enumerate(sorted(draw.sample(range(entries), int(entries * dirty)))):
        label, _, tld = made[at].partition(".")
        made[at] = kinds[place % len(kinds)](label, tld)
    return made


def write(file: Path, entries: int = 6_000_000, *, seed: int = 2009) -> None:
    with file.open("w", encoding="utf-8", newline="\n") as out:
        for block in range(0, entries, _BLOCK):
            out.writelines(f"{line}\n" for line in lines(min(_BLOCK, entries - block), seed=seed * 1_000_003 + block))


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("file", type=Path)
    asked.add_argument("--entries", type=int, default=6_000_000)
    asked.add_argument("--seed", type=int, default=2009)
    given = asked.parse_args()
    write(given.file, given.entries, seed=given.seed)


if __name__ == "__main__":
    main()
