"""Zone files as CZDS delivers them: gzip or plain, one record a line: name, ttl, class, type, data.

`chunks` reads such a file in whole lines with bounded memory. `Reader` finds the NS records in them by the rules of master files
(RFC 1035 section 5.1): any case, TAB or spaces, remarks, ttl and class left out or in the other order, a line that begins with
white space and goes on with the owner before it, parentheses, quotes, escapes, $ORIGIN. It takes a microsecond a line;
names/sieve.py keeps from it the lines that cannot matter.
"""

from __future__ import annotations

import hashlib
import io
import re
import zlib
from collections.abc import Generator
from pathlib import Path
from typing import IO, Any

from ersr.core.errors import Refusal
from ersr.core.tongue import said

#: Bytes that are looked at in one go; a zone is never in memory as a whole.
CHUNK = 12 << 20
#: No record of 65,535 octets is longer than this in writing.
LONGEST_LINE = 1 << 20

_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"?|;.*|[()]|(?:[^ \t\r\v\f"();\\]|\\.|\\$)+', re.DOTALL)
_TTL = re.compile(rb"(?:[0-9]+[smhdwSMHDW]?)+")
_ESCAPED = re.compile(rb"\\([0-9]{3}|.)", re.DOTALL)
_CLASSES = (b"in", b"ch", b"hs", b"cs")
_SPECIAL = b'"();\\$@\v\f'
_PLAIN_LETTERS = frozenset(b"abcdefghijklmnopqrstuvwxyz0123456789-_")


class _Digested(io.RawIOBase):
    """The bytes of a file as they are read, and their SHA-256 so far."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file, self.hash, self.size = file, hashlib.sha256(), 0

    def readable(self) -> bool:
        return True

    def readinto(self, room: Any) -> int:
        data = self.file.read(len(room))
        room[: len(data)] = data
        self.hash.update(data)
        self.size += len(data)
        return len(data)


class ZoneFile:
    """A zone file on disk. After `chunks` has ended, `sha256` and `size` are those of the file as it lies there."""

    def __init__(self, path: Path, piece: int = CHUNK) -> None:
        self.path, self.piece, self.sha256, self.size = path, piece, "", 0

    def chunks(self) -> Generator[bytes, None, None]:
        """Whole lines, each ended by LF, about `piece` bytes at a time.

        Raises Refusal("unfit") for a file that cannot be read, is no whole gzip file or has a line that no record can have.
        """
        from isal import igzip  # of [lists]; a third of zlib's time

        try:
            with self.path.open("rb", buffering=0) as file:
                raw = _Digested(file)
                head = file.read(2)
                file.seek(0)
                source: Any = (
                    igzip.IGzipFile(fileobj=io.BufferedReader(raw, 1 << 20), mode="rb") if head == b"\x1f\x8b" else raw
                )
                yield from self._lines(source, self.piece)
                while raw.read(1 << 20):  # padding after the last member belongs to the file too
                    pass
                self.sha256, self.size = raw.hash.hexdigest(), raw.size
        except (zlib.error, EOFError, igzip.BadGzipFile, igzip.isal_zlib.error) as error:
            raise Refusal(
                "unfit",
                said(
                    "{file} is damaged or cut off: it is no whole gzip file ({why}). Fetch it again.",
                    file=self.path.name,
                    why=str(error),
                ),
            ) from error
        except OSError as error:
            raise Refusal(
                "unfit", said("{file} cannot be read ({why}).", file=self.path.name, why=error.strerror or str(error))
            ) from error

    def _lines(self, source: Any, size: int) -> Generator[bytes, None, None]:
        rest = b""
        first = True
        while data := source.read(size):
            if first:
                data, first = data.removeprefix(b"\xef\xbb\xbf"), False
            end = data.rfind(b"\n") + 1
            if not end:
                rest += data
                if len(rest) > LONGEST_LINE + size:
                    break
                continue
            if len(rest) > LONGEST_LINE:
                break
            yield b"".join((rest, memoryview(data)[:end]))
            rest = data[end:]
        if len(rest) > LONGEST_LINE:
            raise Refusal(
                "unfit",
                said("{file} has a line of more than a million bytes: it is no zone file.", file=self.path.name),
            )
        if rest:
            yield rest + b"\n"


class Reader:
    """Reads lines of one zone, piece after piece, and knows between them what a line may refer to.

    Names it gives are lower case and end with a dot.
    """

    def __init__(self, tld: str) -> None:
        self.apex = tld.encode("ascii") + b"."
        self.origin = self.apex
        self.owner = b""
        self.held: list[bytes] | None = None  # tokens of a record whose parenthesis is open
        self.held_owner = False  # whether the first of them is its owner
        self.belongs = False  # whether some owner was at or under the apex

    def delegations(self, lines: bytes) -> list[tuple[str, str]]:
        """(owner, name server) of each NS record of class IN."""
        found: list[tuple[bytes, bytes]] = []
        plain = self.held is None and not any(mark in lines for mark in _MARKS)
        under = b"." + self.apex
        for line in lines.split(b"\n"):
            if plain:
                parts = line.split(None, 5)
                if not parts:
                    continue
                if (
                    len(parts) >= 5
                    and parts[0][-1] == 46
                    and line[0] not in b" \t"
                    and parts[1].isdigit()
                    and parts[2].lower() == b"in"
                ):
                    self.owner = parts[0].lower()
                    if not self.belongs:
                        self.belongs = self.owner == self.apex or self.owner.endswith(under)
                    if parts[3].lower() == b"ns":
                        found.append((self.owner, self._absolute(parts[4])))
                    continue
            self._line(line, found)
            if not self.belongs:
                self.belongs = self.owner == self.apex or self.owner.endswith(under)
        return [(_text(owner), _text(host)) for owner, host in found]

    def _line(self, line: bytes, found: list[tuple[bytes, bytes]]) -> None:
        tokens = [token for token in _TOKEN.findall(line) if token[:1] != b";"]
        own = line[:1] not in (b" ", b"\t", b"\r", b"")
        if self.held is not None:
            tokens, own = self.held + tokens, self.held_owner
        if tokens.count(b"(") > tokens.count(b")"):
            self.held, self.held_owner = tokens[:64], own  # what of a record matters stands at its beginning
            return
        self.held = None
        tokens = [token for token in tokens if token not in (b"(", b")")]
        if not tokens:
            return
        if own and tokens[0][:1] == b"$":
            self._directive([token.lower() for token in tokens])
            return
        if own:
            self.owner = self._absolute(tokens.pop(0))
        kind = b""
        in_class = True
        while tokens:
            token = tokens.pop(0)
            kind = token.lower()
            if kind in _CLASSES:
                in_class = kind == b"in"
            elif not _TTL.fullmatch(kind):
                break
        if kind == b"ns" and in_class and tokens and self.owner:
            found.append((self.owner, self._absolute(tokens[0])))

    def _directive(self, tokens: list[bytes]) -> None:
        if tokens[0] == b"$origin" and len(tokens) > 1:
            self.origin = self._absolute(tokens[1])
        elif tokens[0] != b"$ttl":
            raise Refusal(
                "unfit",
                said(
                    "This zone file has {word}, which is not followed: give the zone with all records written out.",
                    word=_text(tokens[0]),
                ),
            )

    def _absolute(self, name: bytes) -> bytes:
        if name == b"@":
            return self.origin
        name = name.lower()
        if b"\\" in name:
            name = _ESCAPED.sub(_unescaped, name)
        if name[-1:] == b"." and name[-2:-1] != b"\\":
            return name
        return name + (b"." if self.origin != b"." else b"") + self.origin


_MARKS = tuple(bytes([mark]) for mark in _SPECIAL)


def _unescaped(match: re.Match[bytes]) -> bytes:
    r"""`\097` and `\a` are the letter a; what is no letter of a host name stays escaped, so that no dot is taken for another."""
    word = match[1]
    octet = int(word) if len(word) == 3 else word[0]
    if octet > 255:
        return match[0]
    letter = bytes([octet]).lower()
    if letter[0] in _PLAIN_LETTERS:
        return letter
    return b"\\" + letter if 33 <= octet < 127 and not letter.isdigit() else b"\\%03d" % octet


def _text(name: bytes) -> str:
    try:
        return name.decode("ascii")
    except UnicodeDecodeError:
        return "".join(chr(octet) if octet < 128 else f"\\{octet:03d}" for octet in name)
