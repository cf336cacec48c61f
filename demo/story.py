"""Tells what happens, in lines that a person reads: time, who, what. Colours only on a terminal that wants them."""

from __future__ import annotations

import os
import sys
import textwrap
import time
from datetime import UTC, datetime

WIDTH = 118
_INDENT = 33
_TINTS = {"plain": "", "head": "1", "good": "32", "refused": "33", "bad": "1;31", "dim": "2"}


class Story:
    """Lines on standard output; each says how many seconds in it happened."""

    def __init__(self) -> None:
        self.began = time.monotonic()
        self.coloured = sys.stdout.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"

    def _tint(self, text: str, tint: str) -> str:
        return f"\033[{_TINTS[tint]}m{text}\033[0m" if self.coloured and _TINTS[tint] else text

    def chapter(self, title: str) -> None:
        print(f"\n{self._tint(title, 'head')}", flush=True)

    def tell(self, who: str, what: str, tint: str = "plain") -> None:
        """`who` did `what`, now."""
        lines = textwrap.wrap(what, WIDTH - _INDENT, break_long_words=False, break_on_hyphens=False) or [""]
        front = f"{datetime.now(UTC):%H:%M:%S}  {who[:21]:<21}  "
        print(self._tint(front, "dim") + self._tint(lines[0], tint))
        for line in lines[1:]:
            print(" " * len(front) + self._tint(line, tint))
        sys.stdout.flush()

    def good(self, who: str, what: str) -> None:
        self.tell(who, what, "good")

    def refused(self, who: str, what: str) -> None:
        """The product said no, as it should."""
        self.tell(who, f"refused: {what}", "refused")

    def bad(self, what: str) -> None:
        self.tell("", what, "bad")

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.began
