"""Finds markers in whatever an answer holds: text, markup, JSON, headers, PDF, token, receipt."""

from __future__ import annotations

import base64
import binascii
import functools
import hashlib
import html
import re
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from tests.leak.markers import Mark

_WORD = re.compile(r"(?=(zq[a-z]{12}))")
_NUMBER = re.compile(r"(?=(4479[0-9]{8}))")
_TAGS = re.compile(r"<[^>]*>")
_PACKED = re.compile(r"[A-Za-z0-9+/_-]{24,}={0,2}")
_DROP = str.maketrans("", "", "-()\u00ad\u200b\u2060")


def compact(text: str) -> str:
    """Small letters without space: a number in groups and a word broken over two lines are found too."""
    return "".join(text.lower().translate(_DROP).split())


class Finder:
    """Looks for all markers at once."""

    def __init__(self, marks: dict[str, Mark]) -> None:
        self.marks = marks
        shaped = re.compile(r"zq[a-z]{12}|4479[0-9]{8}")
        self.others = [text for text in marks if not shaped.fullmatch(text)]

    def _in(self, text: str) -> set[str]:
        found = set(_WORD.findall(text)) | set(_NUMBER.findall(text))
        found |= {other for other in self.others if other in text}
        return found & self.marks.keys()

    def in_text(self, text: str, *, markup: bool = False) -> set[str]:
        """`markup`: also with tags taken out and entities put in, so that <b>a</b>b is ab."""
        found = self._in(compact(text))
        if markup:
            found |= self._in(compact(html.unescape(_TAGS.sub("", text))))
        if "%" in text:
            found |= self._in(compact(unquote(text)))
        for packed in _PACKED.findall(text):
            found |= self._in(compact(_opened(packed)))
        return found

    def in_bytes(self, data: bytes, media_type: str) -> set[str]:
        if data.startswith(b"%PDF"):
            return set().union(*(self.in_text(text) for text in pdf_texts(data)))
        return self.in_text(data.decode("utf-8", "replace"), markup="html" in media_type)

    def in_answer(self, answer: Any) -> Iterator[tuple[str, str]]:
        """(marker, where it stood: body or headers)."""
        head = "\n".join(f"{name}: {value}" for name, value in answer.items())
        head += "\n".join(morsel.OutputString() for morsel in answer.cookies.values())
        yield from ((text, "headers") for text in self.in_text(head))
        yield from ((text, "body") for text in self.in_bytes(body(answer), answer.get("Content-Type", "")))


def body(answer: Any) -> bytes:
    """Of a stream what it had when it was first asked for."""
    if not answer.streaming:
        return answer.content
    if not hasattr(answer, "read_once"):
        answer.read_once = b"".join(answer.streaming_content)
    return answer.read_once


@functools.lru_cache(maxsize=4096)
def _opened(packed: str) -> str:
    """What base64 (either alphabet) holds, as text: disclosures, records, cursors."""
    plain = packed.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4)).decode("utf-8", "replace")
    except binascii.Error:
        return ""


_pdfs: dict[str, list[str]] = {}


def pdf_texts(data: bytes) -> list[str]:
    """A letter's text as poppler reads it, its document information, and each file inside it."""
    key = hashlib.sha256(data).hexdigest()
    if key not in _pdfs:
        with tempfile.TemporaryDirectory(prefix="ersr-leak-") as folder:
            path = Path(folder) / "letter.pdf"
            path.write_bytes(data)
            inside = Path(folder) / "inside"
            inside.mkdir()
            found = [_run("pdftotext", str(path), "-"), _run("pdfinfo", str(path))]
            _run("pdfdetach", "-saveall", "-o", str(inside), str(path))
            _pdfs[key] = found + [one.read_bytes().decode("utf-8", "replace") for one in inside.iterdir()]
    return _pdfs[key]


def _run(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def told(found: Iterable[str], marks: dict[str, Mark]) -> str:
    return ", ".join(sorted(str(marks[text]) for text in found))
