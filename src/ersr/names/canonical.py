"""Entries of a name list become canonical names: lower-case A-labels, exactly one label under a TLD of the request.

Each entry has one outcome and, if refused, one reason (codes in core/reasons.py). Rules: UTS 46 mapping and IDNA 2008 as
the `idna` package has them, STD 3, labels of 1 to 63 octets, names of at most 253. Plain LDH names, nearly all of every
real list, take a path without `idna`, which does some ten thousand names a second.
"""

from __future__ import annotations

import enum
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass

import idna

from ersr.core.errors import Refusal
from ersr.core.tongue import said

#: Longer entries are never names and are not worth decoding: punycode takes time by the square of a label.
LONGEST_ENTRY = 1_000
#: What of a refused entry is kept for the page that shows it.
KEPT = 255

_LABEL = re.compile(r"(?!..--)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)
_PLAIN = re.compile(r"([a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)\.([a-z0-9-]+)", re.ASCII)
_DEFANGED = str.maketrans({"\u3002": ".", "\uff0e": ".", "\uff61": "."})  # the other dots of IDNA
_BRACKETED = ("[.]", "(.)", "{.}")
_EDGE = "\ufeff"  # some editors leave the mark of byte order in the middle of joined files


class Kind(enum.StrEnum):
    """What became of an entry."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    REFUSED = "refused"


@dataclass(frozen=True)
class Outcome:
    """`name` is canonical and there unless refused; `reason` is a code of core/reasons.py and there only if refused."""

    kind: Kind
    name: str = ""
    reason: str = ""


def canonical(text: str, tlds: Iterable[str]) -> Outcome:
    """One entry by itself, so never a duplicate. `tlds` are those of the request (A-labels, any case)."""
    return judge(text.strip(), _clean(tlds))


def digest(names: Iterable[str]) -> str:
    """SHA-256 (hex) over the sorted unique names, each followed by LF: `LC_ALL=C sort -u names.txt | sha256sum`."""
    return hashlib.sha256("".join(f"{name}\n" for name in sorted(set(names))).encode("ascii")).hexdigest()


def to_ascii(text: str) -> tuple[str, str]:
    """(name, "") or ("", reason): mended and encoded, at whatever depth and under whatever TLD."""
    text = text.strip().strip(_EDGE).strip()
    if len(text) > LONGEST_ENTRY:
        return "", "name_long"
    for dot in _BRACKETED:
        text = text.replace(dot, ".")
    text = text.translate(_DEFANGED).removesuffix(".")
    if any(char.isspace() for char in text):
        return "", "space"
    if "/" in text:
        return "", "url"
    if "*" in text:
        return "", "wildcard"
    labels = text.split(".")
    if len(labels) == 1:
        return "", "no_name"
    if "" in labels:
        return "", "empty_label"
    if text.isascii():  # what idna says of it, label by label, in a fiftieth of the time
        if len(text) > 253 or not all(map(_fine, labels)):
            return "", _why(labels)
        return text.lower(), ""
    try:
        name = idna.encode(text, uts46=True, std3_rules=True).decode("ascii")
    except (idna.IDNAError, UnicodeError):
        return "", _why(labels)
    return name, ""


def judge(text: str, under: frozenset[str]) -> Outcome:
    """As `canonical`, for a text without white space around it and TLDs in lower case."""
    lowered = text.lower() if text.isascii() else ""
    found = _PLAIN.fullmatch(lowered)
    if found and found[2] in under and lowered[2:4] != "--":
        return Outcome(Kind.ACCEPTED, lowered)
    name, reason = to_ascii(text)
    if not reason:
        reason = _place(name, under)
    return Outcome(Kind.REFUSED, reason=reason) if reason else Outcome(Kind.ACCEPTED, name)


def _place(name: str, under: frozenset[str]) -> str:
    """The reason why a well-formed name is not one label under one of the TLDs, or nothing."""
    rest = name.partition(".")[2]
    if rest in under:
        return ""
    if name in under:
        return "no_name"
    while rest:
        rest = rest.partition(".")[2]
        if rest in under:
            return "deeper"
    return "other_tld"


def _why(labels: list[str]) -> str:
    """Why `idna` would not have a name: the first label that it refuses by itself tells, else the whole is too long."""
    for label in labels:
        if not _fine(label):
            lowered = label.lower()
            if len(label) > 63:
                return "label_long"
            if lowered.startswith("xn--"):
                return "a_label"
            if lowered.startswith("-") or lowered.endswith("-") or lowered[2:4] == "--":
                return "hyphen"
            return "label_long" if _too_long(label) else "character"
    return "name_long"


def _fine(label: str) -> bool:
    """Whether `idna` takes the label by itself; of one that is ASCII and no A-label, the rules of LDH tell the same, sooner."""
    if label.isascii() and label[:4].lower() != "xn--":
        return bool(_LABEL.fullmatch(label.lower()))
    try:
        idna.encode(label, uts46=True, std3_rules=True)
    except (idna.IDNAError, UnicodeError):
        return False
    return True


def _too_long(label: str) -> bool:
    """Whether a U-label's A-label has more than 63 octets; the label has failed already, and this may be why."""
    if label.isascii():
        return False
    try:
        mapped = idna.uts46_remap(label, std3_rules=True)
    except (idna.IDNAError, UnicodeError):
        return False
    return len(b"xn--" + mapped.encode("punycode")) > 63


def tlds_of(texts: Iterable[str]) -> tuple[str, ...]:
    """TLDs as a person gives them (any case, U-labels, a dot in front) as sorted A-labels; Refusal("invalid") for another thing."""
    found = set()
    for text in texts:
        name, reason = to_ascii(f"a.{text.strip().lstrip('.')}")
        if reason or name.count(".") != 1:
            raise Refusal("invalid", said("{text} is no TLD. Give one label, such as com.", text=repr(text)))
        found.add(name[2:])
    return tuple(sorted(found))


def _clean(tlds: Iterable[str]) -> frozenset[str]:
    if isinstance(tlds, str):
        raise TypeError("tlds is a collection of TLDs, not one text")
    return frozenset(tld.lower().strip(".") for tld in tlds)
