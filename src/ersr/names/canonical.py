"""Entries of a name list become canonical names: lower-case A-labels, exactly one label under a TLD of the request.

Each entry has one outcome and, if refused, one reason (codes in core/reasons.py). Rules: UTS 46 mapping and IDNA 2008 as
the `idna` package has them, STD 3, labels of 1 to 63 octets, names of at most 253. Plain LDH names, nearly all of every
real list, take a path without `idna`, which does some ten thousand names a second.
"""

from __future__ import annotations

import enum
import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import idna

from ersr.core.errors import Refusal
from ersr.core.reasons import sentence

#: The most entries of one list, for now.
LIMIT = 200_000
#: Longer entries are never names and are not worth decoding: punycode takes time by the square of a label.
LONGEST_ENTRY = 1_000
#: What of a refused entry is kept for the page that shows it.
KEPT = 255

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


@dataclass(frozen=True)
class RefusedRow:
    """`line` counts from 1, remarks and blank lines included; `text` as sent, without white space around it, cut at 255."""

    line: int
    text: str
    reason: str


@dataclass(frozen=True)
class Intake:
    """A list as taken in. lines == accepted + duplicates + refused entries; remarks and blank lines are not entries.

    `accepted` counts unique names, which `names` has in order; `refused` counts by reason and `tlds` by TLD, both sorted.
    """

    lines: int
    accepted: int
    duplicates: int
    refused: Mapping[str, int]
    refused_rows: tuple[RefusedRow, ...]
    names: list[str]
    tlds: Mapping[str, int]
    digest: str
    under: tuple[str, ...]

    def sentences(self, most: int | None = None) -> list[str]:
        """Why entries were refused, one sentence an entry: all of them, or the first `most`."""
        return [sentence(row.reason, line=row.line, text=row.text, tlds=self.under) for row in self.refused_rows[:most]]


def canonical(text: str, tlds: Iterable[str]) -> Outcome:
    """One entry by itself, so never a duplicate. `tlds` are those of the request (A-labels, any case)."""
    return _judge(text.strip(), _clean(tlds))


def intake(data: bytes | str | Iterable[str], tlds: Iterable[str], *, limit: int = LIMIT) -> Intake:
    """A whole list, as bytes (UTF-8, with or without byte order mark, any line ends), as text, or line by line.

    Lines that begin with `#` or `;` are remarks. Raises Refusal("unfit") for what is no text or has no
    entries, Refusal("too_large") for more than `limit` entries.
    """
    under = _clean(tlds)
    seen: set[str] = set()
    rows: list[RefusedRow] = []
    lines = 0
    plain, add = _PLAIN.fullmatch, seen.add
    for number, line in enumerate(_lines(data), start=1):
        text = line.strip()
        if not text or text[0] in "#;":
            continue
        lines += 1
        if lines > limit:
            raise Refusal("too_large", f"This list has more than {limit:,} entries. Send it as several lists.")
        # the path of nearly every entry; _judge comes to the same end, only later
        found = plain(text)
        if found and found[2] in under and text[2:4] != "--":
            add(text)
            continue
        outcome = _judge(text, under)
        if outcome.kind is Kind.REFUSED:
            rows.append(RefusedRow(number, text[:KEPT], outcome.reason))
        else:
            add(outcome.name)
    if not lines:
        raise Refusal("unfit", "This list has no names. Send a text file with one name a line.")
    names = sorted(seen)
    per_tld = Counter(name.partition(".")[2] for name in names)
    return Intake(
        lines=lines,
        accepted=len(names),
        duplicates=lines - len(rows) - len(names),
        refused=dict(sorted(Counter(row.reason for row in rows).items())),
        refused_rows=tuple(rows),
        names=names,
        tlds=dict(sorted(per_tld.items())),
        digest=digest(names),
        under=tuple(sorted(under)),
    )


def digest(names: Iterable[str]) -> str:
    """SHA-256 (hex) over the sorted unique names, each followed by LF: `LC_ALL=C sort -u names.txt | sha256sum`."""
    return hashlib.sha256("".join(f"{name}\n" for name in sorted(set(names))).encode("ascii")).hexdigest()


def to_ascii(text: str) -> tuple[str, str]:
    """(name, "") or ("", reason): mended and encoded, at whatever depth and under whatever TLD."""
    text = text.strip().strip(_EDGE).strip()
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
    if len(text) > LONGEST_ENTRY:
        return "", "name_long"
    try:
        name = idna.encode(text, uts46=True, std3_rules=True).decode("ascii")
    except (idna.IDNAError, UnicodeError):
        return "", _why(labels)
    return name, ""


def _judge(text: str, under: frozenset[str]) -> Outcome:
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
        try:
            idna.encode(label, uts46=True, std3_rules=True)
        except (idna.IDNAError, UnicodeError):
            lowered = label.lower()
            if len(label) > 63:
                return "label_long"
            if lowered.startswith("xn--"):
                return "a_label"
            if lowered.startswith("-") or lowered.endswith("-") or lowered[2:4] == "--":
                return "hyphen"
            return "label_long" if _too_long(label) else "character"
    return "name_long"


def _too_long(label: str) -> bool:
    """Whether a U-label's A-label has more than 63 octets; the label has failed already, and this may be why."""
    try:
        mapped = idna.uts46_remap(label, std3_rules=True)
    except (idna.IDNAError, UnicodeError):
        return False
    return len(b"xn--" + mapped.encode("punycode")) > 63


def _clean(tlds: Iterable[str]) -> frozenset[str]:
    if isinstance(tlds, str):
        raise TypeError("tlds is a collection of TLDs, not one text")
    return frozenset(tld.lower().strip(".") for tld in tlds)


def _lines(data: bytes | str | Iterable[str]) -> Iterator[str]:
    if isinstance(data, str):
        data = data.encode("utf-8", "replace")
    if not isinstance(data, bytes):
        yield from data
        return
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise Refusal("unfit", "This file is UTF-16. Save it as UTF-8, one name a line, and send it again.")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        words = f"This file is not UTF-8 text (line {line}). Send a plain text file with one name a line."
        raise Refusal("unfit", words) from error
    if "\0" in text:
        raise Refusal("unfit", "This file is not text. Send a plain text file with one name a line.")
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    yield from text.split("\n")
