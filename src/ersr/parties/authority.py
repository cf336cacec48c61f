"""The authority's own settings: one TOML file named by ERSR_AUTHORITY. No silent default: a missing answer is refused."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from django.conf import settings

from ersr.core.deadlines import Calendar
from ersr.core.errors import FieldError, Refusal, invalid

_TEXTS = ("name", "key", "short", "address", "jurisdiction", "duty_number", "log_origin")
_WORDS = ("use_of_filing", "no_admission", "confidentiality", "publication", "reporting", "disposition")


@dataclass(frozen=True)
class Authority:
    """Shapes: texts are one paragraph each; `duty_number` is written as it is to be read; `conditions` are sentences."""

    name: str
    key: str
    short: str  # "ICANN"
    address: str
    jurisdiction: str
    duty_number: str
    log_origin: str
    calendar: Calendar
    use_of_filing: str
    no_admission: str
    confidentiality: str
    publication: str
    reporting: str
    disposition: str
    conditions: tuple[str, ...]
    demonstration: bool


def parse(raw: dict[str, Any]) -> Authority:
    errors = [FieldError(f, f'authority file: {f!r} is missing: write {f} = "...".') for f in _TEXTS if not raw.get(f)]
    words = raw.get("words", {})
    errors += [FieldError(f"words.{f}", f"authority file: words.{f} is missing.") for f in _WORDS if not words.get(f)]
    if not raw.get("calendar"):
        errors.append(
            FieldError(
                "calendar", "authority file: [calendar] is missing: name, zone, version and closures are needed."
            )
        )
    if errors:
        raise invalid(*errors)
    return Authority(
        **{f: raw[f] for f in _TEXTS},
        **{f: words[f] for f in _WORDS},
        calendar=Calendar.parse(raw["calendar"]),
        conditions=tuple(words.get("conditions", ())),
        demonstration=bool(raw.get("demonstration", False)),
    )


@lru_cache(maxsize=4)
def _read(path: str, _changed: float) -> Authority:
    return parse(tomllib.loads(Path(path).read_text(encoding="utf-8")))


def authority() -> Authority:
    """The file's content, read again when it changes."""
    path = settings.ERSR_AUTHORITY
    if not path:
        raise Refusal(
            "invalid", "ERSR_AUTHORITY names no file: set it to the authority file (docs/how-to/authority.md)."
        )
    try:
        return _read(path, Path(path).stat().st_mtime)
    except FileNotFoundError:
        raise Refusal("invalid", f"ERSR_AUTHORITY names {path}, which does not exist.") from None
