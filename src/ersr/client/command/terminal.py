"""What the commands say, and how: results on stdout, everything else on stderr; one JSON document with --json.

Nothing that a service or a document says reaches the terminal unread: control characters, also those that turn the reading
direction, become U+FFFD. Colours and progress bars appear only on a terminal; NO_COLOR takes the colours away.
"""

from __future__ import annotations

import getpass
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn
from rich.text import Text

from ersr.client.command.exits import Exit
from ersr.client.sending import Told
from ersr.core.say import WEEKDAYS, aware, say

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of text.")]


@dataclass
class Failed(Exception):
    """The command cannot go on, for a reason on this side. `advice`: what to do next."""

    code: Exit
    words: str
    advice: str = ""


def printable(text: str) -> str:
    """No control character of a document or a service ever reaches the terminal."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def lines_of(text: str) -> list[str]:
    """A long text as lines that can be printed."""
    return [printable(line) for line in text.splitlines()]


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def say_here(text: str) -> str:
    """A time of the service in UTC, and beside it as this machine's clock shows it."""
    at = moment(text)
    told, here = say(at), aware(at).astimezone()
    if not here.utcoffset():
        return told
    day = "" if here.date() == aware(at).date() else f"{WEEKDAYS[here.weekday()][:3]} "
    return f"{told} ({day}{here:%H:%M} {here.tzname()} here)"


class Terminal:
    """One for each run; the group of commands makes it, commands ask for it with `of`."""

    def __init__(self, address: str) -> None:
        self.address = address  # of the service, as given with --service or in the environment
        self.as_json = False
        self.ref = ""  # of the request that is acted on

    @staticmethod
    def of(ctx: typer.Context, as_json: bool = False) -> Terminal:
        found: Terminal = ctx.find_root().obj
        found.as_json = found.as_json or as_json
        return found

    # results

    def tell(self, value: Any, *text: str | Text | None) -> None:
        """The result: `value` with --json, else the lines of `text`."""
        if self.as_json:
            print(json.dumps(value, indent=2))
            return
        console = Console(soft_wrap=True, highlight=False, markup=False, emoji=False)
        for line in text:
            if line is not None:
                console.print(line if isinstance(line, Text) else printable(line))

    # beside it

    def note(self, *words: str) -> None:
        """Something for the person, not for the program that reads stdout."""
        for word in words:
            print(printable(word), file=sys.stderr)

    @property
    def asks(self) -> bool:
        """Whether somebody sits there who can be asked."""
        return sys.stdin.isatty() and sys.stderr.isatty()

    def ask(self, question: str) -> str:
        """One line from the keyboard. The question goes to stderr, so that stdout stays a program's."""
        print(printable(question), end=" ", file=sys.stderr, flush=True)
        line = sys.stdin.readline()
        if not line:
            raise Failed(Exit.USAGE, "The input ended before all questions were answered: nothing was sent.")
        return line.strip()

    def ask_long(self, question: str) -> str:
        """Lines until an empty one."""
        self.note(f"{question} (End with an empty line.)")
        lines = []
        while line := self.ask(">"):
            lines.append(line)
        return "\n".join(lines)

    def ask_hidden(self, question: str) -> str:
        return getpass.getpass(f"{printable(question)} ", stream=sys.stderr).strip()

    @contextmanager
    def progress(self, what: str, total: int | None = None) -> Iterator[Told]:
        """A bar on stderr while bytes flow; nothing at all where stderr is no terminal."""
        console = Console(stderr=True)
        columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
        with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
            task = bar.add_task(printable(what), total=total)
            yield lambda done, whole: bar.update(task, completed=done, total=whole or total)


def rows(found: Sequence[tuple[str, str | Sequence[str]]]) -> list[Text]:
    """Facts in pairs; a value of several lines stands below itself, one without any is left out."""
    made = []
    for label, value in found:
        lines = lines_of(value) if isinstance(value, str) else [printable(line) for line in value]
        for n, line in enumerate(lines):
            made.append(Text.assemble((f"{label if n == 0 else '':<14}", "bold"), line))
    return made


def columns(heads: Sequence[str], found: Sequence[Sequence[str]]) -> list[Text]:
    """A table as aligned text; the last column is as long as it likes."""
    cells = [[printable(str(cell)) for cell in row] for row in found]
    widths = [max(len(head), *(len(row[n]) for row in cells)) for n, head in enumerate(heads)] if cells else []
    if not cells:
        return []

    def line(row: Sequence[str]) -> str:
        return "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()

    return [Text(line(heads), "bold"), *(Text(line(row)) for row in cells)]


def problem_json(code: Exit, words: str, advice: str, more: Mapping[str, Any]) -> str:
    return json.dumps({**more, "detail": words, "exit": int(code), "next": advice})
