"""The folder with zone files (ERSR_ZONES), which the operator fills, and what lies beside the zones in it.

Trusted for: what is delegated, as of the file's day. Whoever can write there can make a registered name look free, and learns nothing
of any list. Nothing here writes; a file that is fetched anew goes into its place by rename, so that none is read half.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from django.conf import settings

from ersr.names.screening import Beside

#: TLD (A-label) and how the file is packed; CZDS calls them so.
_ZONE = re.compile(r"([a-z0-9-]{2,63})\.(?:zone|txt)(?:\.gz)?", re.ASCII)
#: The names of what `Beside` takes; popularity is imported by staff (lists/models.PopularityList).
BESIDE = {"reserved": "reserved.txt", "allow": "allow.txt", "sinkholes": "sinkhole-ns.txt", "registered": "registered.txt"}
_LOOK = 1 << 16


@dataclass(frozen=True)
class Zone:
    """One zone file: `at` is when it was last written, which for CZDS is its day."""

    tld: str
    path: Path
    size: int
    at: datetime


@dataclass(frozen=True)
class There:
    """What is in the folder now. `zones`: TLD -> its newest file."""

    zones: dict[str, Zone] = field(default_factory=dict)
    beside: dict[str, Path] = field(default_factory=dict)

    def taken(self, popular: Path | None = None) -> Beside:
        return Beside(popular=popular, **self.beside)


def place() -> Path:
    return Path(settings.ERSR_ZONES)


def there() -> There:
    """A look at the folder's names alone; no file is opened. A folder that is not there has no zones."""
    zones: dict[str, Zone] = {}
    beside = {}
    for path in _files():
        if path.name in BESIDE.values():
            beside[next(kind for kind, name in BESIDE.items() if name == path.name)] = path
        elif known := _ZONE.fullmatch(path.name):
            told = path.stat()
            found = Zone(known[1], path, told.st_size, datetime.fromtimestamp(told.st_mtime, UTC))
            if found.tld not in zones or found.at > zones[found.tld].at:
                zones[found.tld] = found
    return There(dict(sorted(zones.items())), beside)


def _files() -> list[Path]:
    try:
        return sorted(path for path in place().iterdir() if path.is_file() and not path.name.startswith("."))
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return []


def problems() -> Iterator[str]:
    """A sentence for each file that a screening could not use, as far as its beginning shows it."""
    folder = place()
    if folder.exists():
        try:
            next(folder.iterdir(), None)
        except OSError as error:
            yield f"ERSR_ZONES, {folder}, cannot be read ({error.strerror}): no list is screened against a zone."
    for path in _files():
        if path.name not in BESIDE.values() and not _ZONE.fullmatch(path.name):
            yield f"{path} is no zone by its name: call it TLD.zone.gz, or take it away."
            continue
        try:
            with path.open("rb") as file:
                begin = file.read(_LOOK)
            if begin[:2] == b"\x1f\x8b":
                begin = zlib.decompressobj(31).decompress(begin, _LOOK)
            if path.name in BESIDE.values():
                begin[: begin.rfind(b"\n") + 1].decode("utf-8-sig")
            elif not begin.strip():
                yield f"{path} is empty: a screening against it is refused. Fetch it again."
        except (OSError, zlib.error, UnicodeDecodeError) as error:
            yield f"{path} cannot be read ({getattr(error, 'strerror', None) or error}): a screening that needs it fails."
