"""What a signed writing says of its list, and whether a file that somebody holds is that list. No names are needed for either."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, NamedTuple

from ersr.core.tongue import number, said, said_n

_NAMES, _WINDOWS = "names with the SHA-256 digest", "windows with the SHA-256 digest"


class Held(NamedTuple):
    """`right`: whether the file is the covered list; None where the writing shows no digest. `words` say so, `unchecked` what it leaves open."""

    right: bool | None
    words: str
    unchecked: tuple[str, ...] = ()


def names_digest(data: bytes) -> tuple[str, int]:
    """Digest (hex) and number of the lines in a file, as `LC_ALL=C sort -u FILE | sha256sum` and `wc -l` give them."""
    rows = sorted(set(data.removesuffix(b"\n").split(b"\n"))) if data else []
    return hashlib.sha256(b"".join(row + b"\n" for row in rows)).hexdigest(), len(rows)


def words(names: Mapping[str, Any]) -> tuple[str, ...]:
    """Of the claim `names`: how many and which; of a list with windows these too."""
    told = (said("{size} names with the SHA-256 digest {digest}", size=number(names["size"]), digest=names["digest"]),)
    if "content_digest" not in names:
        return told
    return (*told, said(
        "Each only within its windows of time: {records} windows with the SHA-256 digest {digest}", records=number(names["records"]), digest=names["content_digest"],
    ))  # fmt: skip


def held(covers: tuple[str, ...], data: bytes) -> Held:
    """The file held against what `words` said: the names, or of a list with windows its lines `name,from,until`."""
    digest, size = names_digest(data)
    signed = next((row for row in covers if _NAMES in row), None)
    windows = next((row for row in covers if _WINDOWS in row), None)
    if signed is None:
        return Held(None, said("It discloses no digest of names, so the list of names cannot be held against it."))
    if windows is not None and windows.endswith(f"{_WINDOWS} {digest}"):
        return Held(True, said("The list of {size} windows that you gave is the covered one", size=number(size)))
    if not signed.endswith(f"{_NAMES} {digest}"):
        wrong = said(
            "The document itself is authentic, but this is not the list of names that it covers: this one has {names} and the "
            "digest {digest}.",
            names=said_n("{n} name", "{n} names", size), digest=digest,
        )  # fmt: skip
        return Held(False, wrong)
    found = said("The list of {size} names that you gave is the covered one", size=number(size))
    if windows is None:
        return Held(True, found)
    return Held(True, found, (said("in which windows of time each name is covered: the file that you gave has none, its lines name,from,until would"),))
