"""Intake as a plain loop over lines: what names/intake.py must come to, written apart from it, with nothing shared but the reasons.

Slow and short on purpose. Everything is in memory; files are small here, and told by their bytes.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
import re
import zlib
from collections import Counter
from datetime import UTC, datetime

import idna
from backports import zstd

from ersr.core.reasons import REASONS

LDH = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?", re.ASCII)
MOMENT = re.compile(r"\d{4}-\d\d-\d\d(?:[Tt ]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d))?", re.ASCII)


def text_of(data: bytes) -> str:
    """ValueError for what is no text, or cannot be unpacked."""
    try:
        return _text_of(data)
    except (EOFError, OSError, zlib.error, zstd.ZstdError) as error:
        raise ValueError(error) from error


def _text_of(data: bytes) -> str:
    if data[:2] == b"\x1f\x8b":
        data = gzip.decompress(data)
    elif data[:4] == b"\x28\xb5\x2f\xfd":
        data = zstd.decompress(data)
    text = data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    if "\0" in text:
        raise ValueError("not text")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def name_of(text: str, tlds: set[str]) -> tuple[str, str]:
    """(name, "") or ("", reason)."""
    text = text.strip().strip("\ufeff").strip()
    if len(text) > 1_000:
        return "", "name_long"
    for dot in ("[.]", "(.)", "{.}", "\u3002", "\uff0e", "\uff61"):
        text = text.replace(dot, ".")
    text = text.removesuffix(".")
    if any(c.isspace() for c in text):
        return "", "space"
    if "/" in text:
        return "", "url"
    if "*" in text:
        return "", "wildcard"
    labels = text.split(".")
    if len(labels) == 1:
        return "", "no_name"
    if not all(labels):
        return "", "empty_label"
    # LDH names under our TLDs are what they are in lower case; the other test holds this line against idna.
    if text.isascii() and len(labels) == 2 and labels[1].lower() in tlds and len(labels[0]) < 64:
        lower = labels[0].lower()
        if LDH.fullmatch(lower) and lower[2:4] != "--":
            return text.lower(), ""
    try:
        name = idna.encode(text, uts46=True, std3_rules=True).decode()
    except (idna.IDNAError, UnicodeError):
        return "", why(labels)
    parts = name.split(".")
    if parts[-1] not in tlds:
        return "", "other_tld"
    return ("", "deeper") if len(parts) > 2 else (name, "")


def why(labels: list[str]) -> str:
    for label in labels:
        try:
            idna.encode(label, uts46=True, std3_rules=True)
        except (idna.IDNAError, UnicodeError):
            pass
        else:
            continue
        if len(label) > 63:
            return "label_long"
        if label[:4].lower() == "xn--":
            return "a_label"
        if label[0] == "-" or label[-1] == "-" or label[2:4] == "--":
            return "hyphen"
        try:
            mapped = idna.uts46_remap(label, std3_rules=True)
        except (idna.IDNAError, UnicodeError):
            return "character"
        return (
            "label_long" if len("xn--") + len(mapped.encode("punycode")) > 63 and not label.isascii() else "character"
        )
    return "name_long"


def moment(text: str) -> str:
    """The one way to write it, "" for none; ValueError."""
    if not text:
        return ""
    if not MOMENT.fullmatch(text):
        raise ValueError(text)
    text = text.upper().replace(" ", "T")
    date, _, rest = text.partition("T")
    clock, offset = (
        (rest[:-1], "+00:00") if rest.endswith("Z") else (rest[:-6], rest[-6:]) if rest else ("00:00:00", "+00:00")
    )
    whole, _, fraction = clock.partition(".")
    fraction = fraction.rstrip("0")
    if len(fraction) > 6 or int(offset[1:3]) > 23 or int(offset[4:]) > 59:
        raise ValueError(text)
    try:
        utc = datetime.fromisoformat(f"{date}T{whole}{offset}").astimezone(UTC)
    except OverflowError as error:
        raise ValueError(text) from error
    return utc.replace(tzinfo=None).isoformat() + (f".{fraction}" if fraction else "") + "Z"


def window_of(begins: str, ends: str) -> tuple[str, str] | None:
    try:
        begins, ends = moment(begins), moment(ends)
    except ValueError:
        return None
    # A fraction is longer, so that text alone would not be in the order of time.
    ordered = (
        not begins
        or not ends
        or begins[:-1].ljust(26, ".").replace(".", "\0") < ends[:-1].ljust(26, ".").replace(".", "\0")
    )
    return (begins, ends) if ordered else None


def taken(files: list[tuple[str, bytes]], tlds: set[str]) -> tuple[dict, list[tuple], set[tuple[str, str, str]]]:
    """(summary, rows of refused.csv, entries). ValueError: no text, or no entries."""
    lines, refused, entries, accepted = 0, [], set(), 0
    for file, data in files:
        form, count = "", 0
        columns: list[str] = []
        for number, raw in enumerate(text_of(data).split("\n"), start=1):
            long = len(raw) > 65_536
            line = raw[:65_536].strip()
            if not line or line[0] in "#;":
                continue
            if not form:
                form = "json" if line[0] == "{" else "plain"
                columns = [] if form == "json" else [c.strip().lower() for c in next(csv.reader([line]), [])]
                if {"domain", "name", "fqdn"} & set(columns):
                    form = "csv"
                    continue
            count += 1
            name, reason, begins, ends = line, "", "", ""
            if long:
                reason = "name_long"
            elif form == "csv":
                cells = [cell.strip() for cell in next(csv.reader([line]), [])]
                row: dict[str, str] = {}
                for column, cell in zip(columns, cells, strict=False):
                    row.setdefault(column, cell)
                key = next(k for k in ("domain", "name", "fqdn") if k in columns)
                if len(cells) > len(columns) or key not in row:
                    reason = "row"
                else:
                    name, begins, ends = row[key], row.get("valid_from", ""), row.get("valid_until", "")
            elif form == "json":
                try:
                    found = json.loads(line)
                    key = next(k for k in ("domain", "name", "fqdn") if k in found)
                    name, begins, ends = found[key], found.get("valid_from"), found.get("valid_until")
                    begins, ends = "" if begins is None else begins.strip(), "" if ends is None else ends.strip()
                    name = name.strip()
                except (ValueError, RecursionError, StopIteration, TypeError, AttributeError):
                    reason = "row"
            if not reason:
                name, reason = name_of(name, tlds)
            window = window_of(begins, ends) if not reason else None
            if window is None:
                reason = reason or "window"
                assert reason in REASONS
                refused.append((number, line[:255], reason, *([file] if len(files) > 1 else [])))
            else:
                accepted += 1
                entries.add((name, *window))
        if not count:
            raise ValueError("no entries")
        lines += count
    names = sorted({name for name, _, _ in entries})
    records = [name if not begins + ends else f"{name},{begins},{ends}" for name, begins, ends in sorted(entries)]
    summary = {
        "lines": lines,
        "accepted": len(entries),
        "names": len(names),
        "duplicates": accepted - len(entries),
        "refused": dict(sorted(Counter(row[2] for row in refused).items())),
        "tlds": dict(sorted(Counter(name.partition(".")[2] for name in names).items())),
        "digest": digest(names),
        "content_digest": digest(records),
    }
    return summary, refused, entries


def digest(lines: list[str]) -> str:
    return hashlib.sha256("".join(f"{line}\n" for line in lines).encode()).hexdigest()


def refused_csv(rows: list[tuple], several: bool = False) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["line", "text", "reason", *(["file"] if several else [])])
    writer.writerows(rows)
    return out.getvalue().encode()
