"""`ersr names`: lists of millions of names on this machine, with no service to ask. Needs the extra `lists`."""

from __future__ import annotations

import importlib.util
import json
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any

import typer

from ersr.client.command import screening
from ersr.client.command.exits import Exit
from ersr.client.command.terminal import AsJson, Failed, Terminal, rows
from ersr.core.errors import Refusal
from ersr.names import folder as folders
from ersr.names import versions
from ersr.names.canonical import tlds_of

names = typer.Typer(no_args_is_help=True, help="Take in and screen lists of millions of names, on this machine.")
names.command()(screening.screen)


def require_polars() -> None:
    """Says what to install where the extra is missing."""
    if importlib.util.find_spec("polars") is None:
        raise Failed(
            Exit.USAGE,
            "This needs what the extra `lists` installs, and it is not there.",
            "Install it: pip install ersr[lists]",
        )


@names.command()
def intake(
    ctx: typer.Context,
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE...",
            exists=True,
            dir_okay=False,
            readable=True,
            help="One entry a line, CSV with a header, or JSON lines; also gzip or zstd.",
        ),
    ],
    tld: Annotated[list[str], typer.Option(metavar="TLD", help="A TLD whose names are taken in; once for each.")],
    out: Annotated[
        Path,
        typer.Option(metavar="DIR", help="The folder that is made: summary.json, slices/, refused.csv, list.parquet."),
    ],
    replace: Annotated[bool, typer.Option("--replace", help="Adopt this version where DIR holds another one.")] = False,
    as_json: AsJson = False,
) -> None:
    """Bring lists of names into one form, count them, and say of each entry that is refused why.

    Exit code: 0 taken in, however many entries were refused; 1 no entry accepted; 2 a file cannot be read, or wrong usage. DIR is whole
    or not there. The same content again changes nothing; where DIR holds another version, it says what would change, and asks
    for --replace.

    --json prints what summary.json holds, and beside it `folder`, `new` (false if DIR held the same) and, where an older version was replaced,
    `changes` {"added", "removed", "kept"}.
    """
    terminal = Terminal.of(ctx, as_json)
    require_polars()
    from ersr.names.intake import take

    try:
        tlds = tlds_of(tld)
    except Refusal as refusal:
        raise typer.BadParameter(refusal.message, param_hint="--tld") from refusal
    changes = None
    with ExitStack() as opened:
        try:
            sources = [(str(file), opened.enter_context(file.open("rb"))) for file in files]
            size = sum(file.stat().st_size for file in files)
            told = opened.enter_context(terminal.progress("Taking in", size))
            made = opened.enter_context(folders.building(out))
            summary = take(sources, tlds, made, lambda done: told(done, size))
            try:
                new = folders.settle(made, out)
            except Refusal:
                changes = versions.between(out, made)
                new = folders.settle(made, out, replace=changes is not None and (replace or changes.none))
        except Refusal as refusal:
            raise _failed(refusal, out, changes) from refusal
        except OSError as error:
            where = f"{error.filename}: " if error.filename else ""
            raise Failed(
                Exit.USAGE, f"{where}{error.strerror or error}.", "Nothing was written. Mend that, and run it again."
            ) from error
    told_changes: dict[str, Any] = {"changes": changes.counts()} if changes is not None and new else {}
    terminal.tell(
        json.loads(summary.json()) | {"folder": str(out), "new": new} | told_changes,
        *rows([
            ("Entries", f"{summary.lines:,}"),
            ("Accepted", f"{summary.accepted:,}"),
            ("Names", f"{summary.names:,}"),
            ("Duplicates", f"{summary.duplicates:,}"),
            ("Refused", [f"{count:,} {reason}" for reason, count in summary.refused.items()] or "0"),
            ("TLDs", [f"{count:,} .{name}" for name, count in summary.tlds.items()]),
            ("Digest", summary.digest),
            ("With windows", summary.content_digest if summary.content_digest != summary.digest else ""),
            ("Changes", changes.words() if told_changes and changes else ""),
            ("Folder", str(out) if new else f"{out} (held the same already)"),
        ]),
    )  # fmt: skip
    if not summary.accepted:
        raise Failed(Exit.FORGED, "No entry was accepted.", f"Why, entry by entry: {out / folders.REFUSED}")


def _failed(refusal: Refusal, out: Path, changes: versions.Changes | None) -> Failed:
    if refusal.code == "conflict":
        if changes is None:
            return Failed(
                Exit.USAGE, f"{refusal.message} It is no list.", "Give another folder with --out. Nothing was written."
            )
        return Failed(
            Exit.USAGE,
            f"{out} holds another version of a list. {changes.words()}",
            "To adopt the new one: the same command with --replace. Nothing was written.",
        )
    return Failed(Exit.USAGE, str(refusal.message), "Nothing was written.")
