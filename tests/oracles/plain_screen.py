"""Screening as anybody would write it first: octet by octet, record by record, with sets. Slow, and shares nothing but core.

tests/names/test_screening.py holds what the product does against this.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from ersr.core.screening import Class

Name = tuple[bytes, ...]
_CLASSES = {b"IN", b"CH", b"HS", b"CS"}


def delegated(zone: bytes, tld: str) -> dict[Name, set[Name]]:
    """Each owner of NS records of class IN, with its name servers; names are tuples of labels in lower case."""
    origin: Name = (tld.encode(),)
    owner: Name | None = None
    found: dict[Name, set[Name]] = {}
    for words, indented in _records(zone.removeprefix(b"\xef\xbb\xbf")):
        words = list(words)
        if not indented and words[0].startswith(b"$"):
            if words[0].upper() == b"$ORIGIN" and len(words) > 1:
                origin = _name(words[1], origin)
            continue
        if not indented:
            owner = _name(words.pop(0), origin)
        internet = True
        while words and (words[0].upper() in _CLASSES or _is_time(words[0])):
            word = words.pop(0).upper()
            if word in _CLASSES:
                internet = word == b"IN"
        if owner and len(words) > 1 and words[0].upper() == b"NS" and internet:
            found.setdefault(owner, set()).add(_name(words[1], origin))
    return found


def _records(zone: bytes) -> Iterator[tuple[list[bytes], bool]]:
    """(words, whether the record began with white space); parentheses join lines, remarks and empty lines are gone."""
    words: list[bytes] = []
    word = b""
    depth = 0
    indented = fresh = True
    quoted = remark = False
    place = 0
    while place < len(zone):
        one = zone[place : place + 1]
        place += 1
        if one == b"\n":
            if word:
                words.append(word)
            word, quoted, remark = b"", False, False
            if depth <= 0:
                if words:
                    yield words, indented
                words, depth, fresh = [], 0, True
            continue
        if fresh:
            indented, fresh = one in (b" ", b"\t", b"\r"), False
        if remark:
            continue
        if one == b"\\":
            word += one + zone[place : place + 1].replace(b"\n", b"")
            place += zone[place : place + 1] != b"\n"
        elif quoted:
            word += one
            if one == b'"':
                words.append(word)
                word, quoted = b"", False
        elif one in (b" ", b"\t", b"\r", b"\v", b"\f", b";", b"(", b")", b'"'):
            if word:
                words.append(word)
            word = b""
            remark, quoted = one == b";", one == b'"'
            depth += (one == b"(") - (one == b")")
            if quoted:
                word = one
        else:
            word += one
    if word:
        words.append(word)
    if words:
        yield words, indented


def _is_time(word: bytes) -> bool:
    digits = b""
    for octet in word.lower():
        if chr(octet).isdigit():
            digits += b"0"
        elif chr(octet) in "smhdw" and digits:
            digits = b""
        else:
            return False
    return word[:1].isdigit()


def _name(word: bytes, origin: Name) -> Name:
    if word == b"@":
        return origin
    labels, label, place = [], b"", 0
    while place < len(word):
        one = word[place : place + 1]
        if one == b"\\" and word[place + 1 : place + 4].isdigit() and int(word[place + 1 : place + 4]) < 256:
            label, place = label + bytes([int(word[place + 1 : place + 4])]), place + 4
        elif one == b"\\":
            label, place = label + word[place + 1 : place + 2], place + 2
        elif one == b".":
            labels.append(label.lower())
            label, place = b"", place + 1
        else:
            label, place = label + one, place + 1
    if label:
        return (*labels, label.lower(), *origin)
    return tuple(labels)


def screened(
    slices: Mapping[str, Iterable[str]], zones: Mapping[str, bytes], popular: Mapping[str, int] = {}, reserved: Iterable[str] = (),
    allow: Iterable[str] = (), sinkholes: Iterable[str] = (), registered: Iterable[str] = (),
) -> tuple[list[tuple[str, str, str, str]], dict[str, dict[str, int]]]:  # fmt: skip
    """(rows of hits.csv in order, {tld: {class: names}} without zeros)."""
    reserved, allow, sinkholes, registered = set(reserved), set(allow), set(sinkholes), set(registered)
    rows, counts = [], {}
    for tld, names in slices.items():
        served = delegated(zones[tld], tld) if tld in zones else {}
        for name in names:
            hosts = {b".".join(host).decode() for host in served.get(tuple(name.encode().split(b".")), ())}
            if name in allow:
                one = Class.ALLOWED
            elif name in popular:
                one = Class.POPULAR
            elif name in reserved:
                one = Class.RESERVED
            elif hosts:
                one = Class.SINKHOLED if hosts <= sinkholes else Class.REGISTERED
            elif name in registered:
                one = Class.REGISTERED
            else:
                one = Class.UNREGISTERED if tld in zones else Class.UNSCREENED
            per = counts.setdefault(tld, {})
            per[one.value] = per.get(one.value, 0) + 1
            if one not in (Class.UNREGISTERED, Class.UNSCREENED):
                rank = popular.get(name)
                key = (list(Class).index(one), rank is None, rank or 0, tld, name)
                rows.append((key, (name, one.value, str(rank or ""), " ".join(sorted(hosts)))))
    return [row for _, row in sorted(rows)], counts
