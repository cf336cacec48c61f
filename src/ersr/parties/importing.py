"""Reads a file of parties, agreements, TLDs and contacts: TOML, or CSV with one kind a file (docs/reference/import.md).

Pure: no database. Everything that is wrong is said at once, each mistake by its line and field.
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from ersr.core.errors import FieldError, Refusal
from ersr.core.filing import phone
from ersr.names.canonical import to_ascii

#: kind -> the fields that an entry must have, and those that it may leave out (what is held then stays).
FIELDS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "party": (("key", "kind", "name"), ("address", "jurisdiction")),
    "agreement": (("key", "operator", "family", "version", "dated"), ()),
    "tld": (("name", "agreement"), ("rsp",)),
    "contact": (("party", "name", "source", "as_of"), ("roles", "email", "numbers")),
}
#: The field of a CSV header that tells the kind, looked for in this order.
_TELLS = (("kind", "party"), ("operator", "agreement"), ("agreement", "tld"), ("party", "contact"))
#: What names an entry: two entries of one file with the same are a mistake.
IDENTITY = {"party": ("key",), "agreement": ("key",), "tld": ("name",), "contact": ("party", "name")}
KINDS = ("originator", "registrar", "registry_operator", "rsp")
_LONGEST = {"name": 200, "address": 300, "jurisdiction": 100, "family": 40, "version": 40, "source": 200, "roles": 200}
_KEY_LENGTH = {"party": 60, "agreement": 80}
_KEY = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_EMAIL = re.compile(r"[^@\s,;<>]+@[^@\s,;<>.]+(?:\.[^@\s,;<>.]+)+")
LARGEST = 16 * 2**20


@dataclass(frozen=True)
class Place:
    """Where an entry stands: `lines` has the line of each field as far as it could be found, "" is the entry's own."""

    file: str
    entry: str  # "contact 3 (northlight, Legal)"
    lines: Mapping[str, int]

    def wrong(self, name: str, sentence: str) -> FieldError:
        line = self.lines.get(name) or self.lines.get("")
        at = f"{self.file}, line {line}" if line else self.file
        return FieldError(f"{line or 0}:{name}", f"{at}, {self.entry}, {name}: {sentence}")


@dataclass
class Entry:
    """One party, agreement, TLD or contact. `values` holds only what the file says, canonical once `clean` has run:
    dates as `date`, TLDs as A-labels, numbers as {E.164 number: since}."""

    kind: str
    values: dict[str, Any]
    place: Place

    @property
    def identity(self) -> tuple[str, ...]:
        return tuple(str(self.values.get(f, "")) for f in IDENTITY[self.kind])


@dataclass
class Sheet:
    """What a file says. `complete`: contacts that it leaves out, of parties whose contacts it names, are to be removed."""

    digest: str
    complete: bool = False
    entries: dict[str, list[Entry]] = field(default_factory=lambda: {kind: [] for kind in FIELDS})


def read(path: Path, *, today: date) -> Sheet:
    """The file's entries, canonical. Raises Refusal("unfit") for what cannot be read and Refusal("invalid") for mistakes."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise Refusal("unfit", f"{path} cannot be read: {error.strerror}.") from error
    if len(raw) > LARGEST:
        raise Refusal("too_large", f"{path.name} has {len(raw):,} bytes; at most {LARGEST:,} are read.")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise Refusal("unfit", f"{path.name}, line {line}: this is not UTF-8. Save the file as UTF-8.") from error
    readers: dict[str, Callable[[str, str, Sheet], list[FieldError]]] = {".toml": _toml, ".csv": _csv}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise Refusal("unfit", f"{path.name} ends neither in .toml nor in .csv, so nobody knows how to read it.")
    sheet = Sheet(hashlib.sha256(raw).hexdigest())
    errors = reader(text, path.name, sheet)
    for entries in sheet.entries.values():
        seen: dict[tuple[str, ...], Entry] = {}
        for entry in entries:
            errors += clean(entry, today=today)
            first = seen.setdefault(entry.identity, entry)
            if first is not entry and all(entry.identity):
                at = first.place.lines.get("")
                name = IDENTITY[entry.kind][-1]
                errors.append(
                    entry.place.wrong(name, "stands in this file twice" + (f"; first in line {at}." if at else "."))
                )
    if errors:
        raise Refusal("invalid", "\n".join(e.message for e in errors), fields=tuple(errors))
    if not any(sheet.entries.values()):
        raise Refusal("unfit", f"{path.name} holds no party, agreement, TLD or contact.")
    return sheet


# ---- TOML


def _toml(text: str, name: str, sheet: Sheet) -> list[FieldError]:
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise Refusal("unfit", f"{name} is not TOML: {error}.") from error
    errors = []
    complete = raw.pop("complete", False)
    if not isinstance(complete, bool):
        errors.append(FieldError("complete", f"{name}, complete: write true or false, not {complete!r}."))
    sheet.complete = complete is True
    for kind, rows in raw.items():
        if kind not in FIELDS:
            errors.append(
                FieldError(kind, f"{name}, {kind}: there is no such table; there are {', '.join(FIELDS)} and complete.")
            )
            continue
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            errors.append(FieldError(kind, f"{name}, {kind}: write each one under [[{kind}]]."))
            continue
        found = list(_lines_of(text, kind))
        for number, row in enumerate(rows, start=1):
            lines = found[number - 1] if len(found) == len(rows) else {}
            called = ", ".join(str(row[f]) for f in IDENTITY[kind] if f in row) or "unnamed"
            sheet.entries[kind].append(Entry(kind, dict(row), Place(name, f"{kind} {number} ({called})", lines)))
    return errors


def _lines_of(text: str, kind: str) -> Iterator[dict[str, int]]:
    """The line of each [[kind]] header ("") and of the fields below it. tomllib tells none, so they are looked for."""
    current: dict[str, int] | None = None
    for number, line in enumerate(text.split("\n"), start=1):
        bare = line.strip()
        if re.match(r"\[\[\s*[\"']?" + kind + r"[\"']?\s*\]\]", bare):
            if current is not None:
                yield current
            current = {"": number}
        elif re.match(r"\[\[\s*[\"']?" + kind + r"[\"']?\s*\.\s*[\"']?numbers", bare) and current is not None:
            current.setdefault("numbers", number)
        elif bare.startswith("[[") and current is not None:
            yield current
            current = None
        elif current is not None and (found := re.match(r"[\"']?([A-Za-z0-9_-]+)[\"']?\s*=", bare)):
            current.setdefault(found[1], number)
    if current is not None:
        yield current


# ---- CSV


def _csv(text: str, name: str, sheet: Sheet) -> list[FieldError]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = [cell.strip() for cell in next(reader, [])]
        kind = next((kind for tell, kind in _TELLS if tell in header), None)
        if kind is None:
            told = " (the cells must be parted by commas)" if ";" in "".join(header) else ""
            raise Refusal("unfit", f"{name}, line 1: no header of a party, an agreement, a TLD or a contact{told}.")
        needed, optional = FIELDS[kind]
        known = {*needed, *optional, *(("number", "since") if kind == "contact" else ())} - {"numbers"}
        errors = [
            FieldError(f"1:{c}", f"{name}, line 1, {c}: a {kind} has no such field.") for c in header if c not in known
        ]
        errors += [
            FieldError(f"1:{c}", f"{name}, line 1, {c}: this column is missing.") for c in needed if c not in header
        ]
        if len(set(header)) < len(header):
            errors.append(FieldError("1:", f"{name}, line 1: a column stands there twice."))
        if ("number" in header) != ("since" in header):
            errors.append(FieldError("1:number", f"{name}, line 1: number and since come together."))
        if errors:
            return errors
        began = reader.line_num + 1
        for cells in reader:
            line, began = began, reader.line_num + 1
            if not any(cell.strip() for cell in cells):
                continue
            row = dict(zip(header, (cell.strip() for cell in cells), strict=False))
            called = ", ".join(row.get(f, "") for f in IDENTITY[kind]) or "unnamed"
            place = Place(name, f"{kind} ({called})", {"": line})
            if len(cells) != len(header):
                errors.append(place.wrong("row", f"has {len(cells)} cells, and the header has {len(header)}."))
            elif kind == "contact":
                errors += _add_contact_row(row, place, sheet)
            else:
                sheet.entries[kind].append(Entry(kind, row, place))
    except csv.Error as error:
        raise Refusal("unfit", f"{name}, line {reader.line_num}: this is not CSV: {error}.") from error
    return errors


def _add_contact_row(row: dict[str, str], place: Place, sheet: Sheet) -> list[FieldError]:
    """A contact has one row a number; what the rows say beside the number must agree."""
    number, since = row.pop("number", None), row.pop("since", None)
    known = next((e for e in sheet.entries["contact"] if all(e.values[f] == row[f] for f in ("party", "name"))), None)
    errors = []
    if known is None:
        known = Entry("contact", {**row, **({"numbers": []} if number is not None else {})}, place)
        sheet.entries["contact"].append(known)
    else:
        first = known.place.lines[""]
        errors = [
            place.wrong(
                f, f"{row[f]!r} here and {known.values[f]!r} in line {first}: the rows of a contact must agree."
            )
            for f in row
            if row[f] != known.values[f]
        ]
    if number or since:
        known.values["numbers"].append({"number": number, "since": since, "_line": place.lines[""]})
    return errors


# ---- what a value must be


def clean(entry: Entry, *, today: date) -> list[FieldError]:
    """Makes the values canonical in place; the mistakes, all of them."""
    needed, optional = FIELDS[entry.kind]
    wrong = entry.place.wrong
    errors = [wrong(f, "is missing.") for f in needed if f not in entry.values]
    errors += [wrong(f, f"a {entry.kind} has no such field.") for f in entry.values if f not in (*needed, *optional)]
    # numbers come last: they are held against as_of
    for name, value in sorted(entry.values.items(), key=lambda item: item[0] == "numbers"):
        if name == "numbers":
            found, mistakes = _numbers(value, entry, today)
            entry.values[name] = found
            errors += mistakes
        elif name in ("dated", "as_of"):
            day, said = _day(value, today)
            entry.values[name] = day
            errors += [wrong(name, said)] if said else []
        elif name in needed or name in optional:
            cleaned, said = _text(entry.kind, name, value, needed=name in needed)
            entry.values[name] = cleaned
            errors += [wrong(name, said)] if said else []
    return errors


def _text(kind: str, name: str, value: Any, *, needed: bool) -> tuple[str, str]:
    """(canonical text, "") or ("", what would be right)."""
    if not isinstance(value, str):
        return "", f"write a text in quotes, not {value!r}."
    text = " ".join(value.split())
    if not text:
        return "", "must not be empty." if needed else ""
    if not all(c.isprintable() for c in text):
        return "", "has a character that cannot be printed."
    if (kind, name) == ("tld", "name"):
        label = text.lstrip(".")
        mended, reason = to_ascii(f"a.{label}") if "." not in label else ("", "deeper")
        tld = mended.removeprefix("a.")
        return (
            (tld, "") if not reason and not tld.isdigit() else ("", f"{text!r} is no TLD: write one label, like com.")
        )
    if name in ("key", "operator", "agreement", "rsp", "party"):
        longest = _KEY_LENGTH[
            "agreement" if name == "agreement" or (kind == "agreement" and name == "key") else "party"
        ]
        right = _KEY.fullmatch(text) and len(text) <= longest
        return (
            (text, "") if right else ("", f"{text!r} is no key: small letters, digits and hyphens, at most {longest}.")
        )
    if (kind, name) == ("party", "kind"):
        if text == "authority":
            return "", "the authority comes from the authority file, not from an import."
        return (text, "") if text in KINDS else ("", f"{text!r} is none of {', '.join(KINDS)}.")
    if name == "email":
        return (text, "") if _EMAIL.fullmatch(text) and len(text) <= 254 else ("", f"{text!r} is no e-mail address.")
    longest = 120 if (kind, name) == ("contact", "name") else _LONGEST[name]
    return (text, "") if len(text) <= longest else ("", f"has {len(text)} characters; at most {longest} fit.")


def _day(value: Any, today: date) -> tuple[date | None, str]:
    if isinstance(value, str):
        try:
            value = date.fromisoformat(value.strip())
        except ValueError:
            return None, f"{value!r} is no day: write it as 2026-11-15."
    if type(value) is not date:
        return None, f"{value!r} is no day: write it as 2026-11-15."
    return (value, "") if value <= today else (value, f"{value} lies in the future.")


def _numbers(value: Any, entry: Entry, today: date) -> tuple[dict[str, date], list[FieldError]]:
    """number -> since, from a list of {number, since}; a CSV's rows bring their own line along."""
    if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
        return {}, [entry.place.wrong("numbers", 'write [{number = "+32 2 555 01 42", since = 2023-02-03}].')]
    found: dict[str, date] = {}
    errors: list[FieldError] = []
    for nth, row in enumerate(value, start=1):
        line = row.pop("_line", None)

        def wrong(name: str, sentence: str, line: int | None = line, nth: int = nth) -> FieldError:
            if line:
                return Place(entry.place.file, entry.place.entry, {"": line}).wrong(name, sentence)
            return entry.place.wrong("numbers", f"number {nth}, {name}: {sentence}")

        errors += [wrong(name, "a number has no such field.") for name in row if name not in ("number", "since")]
        said = row.get("number") or ""
        number = phone(said) if isinstance(said, str) else ""
        if not number:
            errors.append(wrong("number", f"{said!r} is no number with a country code, like +32 2 555 01 42."))
        elif number in found:
            errors.append(wrong("number", f"{number} stands there twice."))
        since, problem = _day(row.get("since") or "", today)
        as_of = entry.values.get("as_of")
        if not problem and since and isinstance(as_of, date) and since > as_of:
            problem = f"{since} comes after as_of, {as_of}: a list knows no day later than its own."
        if problem:
            errors.append(wrong("since", problem))
        if number and since:
            found[number] = since
    return found, errors
