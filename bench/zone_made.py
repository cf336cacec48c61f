"""A made-up zone as CZDS delivers zones, shaped like .com, and a list that meets it: the same bytes for the same seed.

    python -m bench.zone_made FOLDER [--delegations 20000000] [--names 6000000] [--tlds 43] [--seed 1]

leaves FOLDER/com.zone.gz and FOLDER/list/ (slices/TLD.txt and summary.json, as intake leaves them). 20 million delegations make
about 41 million records and 2 GB: two name servers each, one in 40 with DS, one in 50 with glue under its own name, one RRSIG and
NSEC3 in 100; in the order of the labels, in lower case, fields divided by TAB. One name in 50 of the .com slice is delegated.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import itertools
import json
import queue
import random
import threading
from collections.abc import Iterator
from pathlib import Path

LETTERS = "abcdefghijklmnopqrstuvwxyz"
FIRST = "0123456789" + LETTERS
#: Bytes to letters, nearly evenly; now and then a digit or a hyphen stands in a name.
_AS_LETTERS = bytes(
    ord("-") if n == 255 else ord("0") + n % 10 if n > 247 else ord(LETTERS[n % 26]) for n in range(256)
)
_ORIGIN = (
    "com.\t900\tin\tsoa\ta.gtld-servers.net. nstld.verisign-grs.com. 1762300800 1800 900 604800 900\n"
    + "".join(f"com.\t172800\tin\tns\t{one}.gtld-servers.net.\n" for one in "abcdefghijklm")
    + "com.\t86400\tin\tdnskey\t257 3 13 tx8EZRAd2+K/DJRV0S+hbBzaRPS/G6JVNBitHzqpsGlz8huE61Ms9ANe\n"
)


def labels(count: int, seed: int) -> Iterator[list[str]]:
    """About `count` different labels in order, in pieces that begin with the same two characters."""
    draw = random.Random(seed)
    heads = [a + b for a in FIRST for b in FIRST]
    each, over = divmod(count, len(heads))
    for place, head in enumerate(heads):
        wanted = each + (place < over)
        text = draw.randbytes(14 * wanted).translate(_AS_LETTERS).decode()
        longs = draw.randbytes(wanted)
        found = {f"{head}{text[14 * n : 14 * n + 4 + longs[n] % 10]}x" for n in range(wanted)}
        yield sorted(found)


def zone(count: int, seed: int) -> Iterator[tuple[str, list[str]]]:
    """(text, labels) in pieces; the whole is the zone."""
    draw = random.Random(seed + 1)
    hosts = [
        f"ns{{}}.{''.join(draw.choices(LETTERS, k=draw.randint(4, 11)))}.{draw.choice(('com', 'net'))}."
        for _ in range(4_000)
    ]
    pairs = [f"\t172800\tin\tns\t{one.format(1)}\n|\t172800\tin\tns\t{one.format(2)}\n".split("|") for one in hosts]
    yield _ORIGIN, []
    for piece in labels(count, seed):
        lines = []
        numbers = draw.randbytes(2 * len(piece))
        for n, label in enumerate(piece):
            number = numbers[2 * n] << 8 | numbers[2 * n + 1]
            first, second = pairs[number % 4_000]
            name = f"{label}.com."
            lines.append(f"{name}{first}{name}{second}")
            if number % 50 == 7:
                lines.append(f"ns1.{name}\t172800\tin\ta\t192.0.2.{number % 256}\n")
            if number % 40 == 9:
                lines.append(f"{name}\t86400\tin\tds\t{number} 13 2 {number * 2654435761 % 2**64:064X}\n")
            if number % 200 == 11:
                lines.append(
                    f"{name}\t86400\tin\trrsig\tDS 13 2 86400 20261201000000 20261124000000 {number} com. {label}Aa+/{label}==\n"
                )
                lines.append(f"{number:032x}.com.\t86400\tin\tnsec3\t1 1 0 - {number:032X} NS DS RRSIG\n")
        yield "".join(lines), piece


def write_zone(path: Path, count: int, seed: int = 1) -> list[str]:
    """Writes the gzip file; gives every 997th label, for a list that meets the zone."""
    waiting: queue.Queue[bytes | None] = queue.Queue(4)

    def compress() -> None:
        with path.open("wb") as file, gzip.GzipFile("", "wb", 6, file, mtime=0) as out:
            while (text := waiting.get()) is not None:
                out.write(text)

    thread = threading.Thread(target=compress)
    thread.start()
    some: list[str] = []
    for text, piece in zone(count, seed):
        waiting.put(text.encode())
        some += piece[:: max(1, min(997, len(piece)))] if piece else []
        some += piece[500::53] if piece else []
    waiting.put(None)
    thread.join()
    return some


def write_list(folder: Path, names: int, tlds: int, known: list[str], seed: int = 1) -> None:
    """slices/TLD.txt and summary.json as intake leaves them, all TLDs of one size; .com holds some `known` labels."""
    draw = random.Random(seed + 2)
    under = sorted(
        {"com", *("".join(pair) for pair in itertools.islice(itertools.product("qwz", "acegikmo", "bdfhj"), tlds - 1))}
    )
    (folder / "slices").mkdir(parents=True, exist_ok=True)
    each = names // len(under)
    counts, digest = {}, hashlib.sha256()
    every: list[str] = []
    for tld in under:
        text = draw.randbytes(12 * each).translate(_AS_LETTERS).decode()
        found = {f"a{text[12 * n : 12 * n + 6 + n % 6]}q{n % 10}.{tld}" for n in range(each)}
        if tld == "com":
            found |= {f"{label}.com" for label in known[: max(1, each // 50)]}
        ordered = sorted(found)
        counts[tld] = len(ordered)
        (folder / "slices" / f"{tld}.txt").write_text("".join(f"{name}\n" for name in ordered))
        every += ordered
    for name in sorted(every):
        digest.update(f"{name}\n".encode())
    told = {
        "lines": len(every),
        "accepted": len(every),
        "names": len(every),
        "duplicates": 0,
        "refused": {},
        "tlds": counts,
    }
    told |= {"digest": digest.hexdigest(), "content_digest": digest.hexdigest()}
    (folder / "summary.json").write_text(json.dumps(told, indent=2) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    for name, many in (("delegations", 20_000_000), ("names", 6_000_000), ("tlds", 43), ("seed", 1)):
        parser.add_argument(f"--{name}", type=int, default=many)
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    known = write_zone(given.folder / "com.zone.gz", given.delegations, given.seed)
    random.Random(given.seed).shuffle(known)
    write_list(given.folder / "list", given.names, given.tlds, known, given.seed)


if __name__ == "__main__":
    main()
