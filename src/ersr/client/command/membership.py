"""`ersr names covers` and `ersr names prove`: is this name covered, and how does somebody without the list see it? Offline."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from ersr.client.command.exits import Exit
from ersr.client.command.names import require_polars
from ersr.client.command.terminal import AsJson, Failed, Terminal, columns
from ersr.client.command.verifying import Keys, moment_at, record_of, trusted
from ersr.core import coverage
from ersr.core.coverage import ABSENT, Coverage
from ersr.core.errors import Refusal
from ersr.core.terms import Terms, rfc3339
from ersr.names import canonical, records, windows
from ersr.proof import membership
from ersr.proof.verify import signed

Folder = Annotated[
    Path,
    typer.Argument(metavar="DIR", help="A list's folder, as ersr names intake made it.", exists=True, file_okay=False),
]
Map = Annotated[
    Path | None,
    typer.Option(
        "--map",
        metavar="FILE",
        help=f"Where the list's map lies or is made, if not in DIR ({records.MAP}). It is made once, in seconds.",
    ),
]


def covers(
    ctx: typer.Context,
    folder: Folder,
    asked: Annotated[list[str], typer.Argument(metavar="NAME...", help="Names, in any spelling that intake takes.")],
    at: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="When the act is done, such as 2026-11-14T11:07:00Z. Without it: now."),
    ] = None,
    waiver: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="The signed letter or token: say whether it covers an act, not only whether the name is on the list.",
            exists=True,
            dir_okay=False,
        ),
    ] = None,
    action: Annotated[str, typer.Option(metavar="ACTION", help="With --waiver: the act, such as create.")] = "",
    keys: Keys = None,
    map_file: Map = None,
    as_json: AsJson = False,
) -> None:
    """Tell of each NAME whether it is covered, and why or why not.

    Exit code: 0 all are covered; 1 at least one is not; 2 wrong usage, or DIR holds no list.

    --json prints {"list" (content digest), "waiver", "action", "at", "names": [{"asked", "name", "tld", "covered", "why", "listed",
    "window": {"from", "until"}}]}; `window` is null for a name that is listed at all times, or not at that time.
    """
    terminal = Terminal.of(ctx, as_json)
    require_polars()
    moment = moment_at(at)
    if (waiver is None) != (not action):
        raise typer.BadParameter("--waiver and --action go together.")
    with records.open_folder(folder, map_file) as found:
        terms = _terms(folder, waiver, keys) if waiver else None
        answers = [_answer(found, text, moment, terms, action) for text in asked]
        digest = found.digest
    terminal.tell(
        {
            "list": digest,
            "waiver": terms.reference if terms else None,
            "action": action or None,
            "at": rfc3339(moment),
            "names": answers,
        },
        *columns(
            ("Name", "Covered", "Why"),
            [(row["name"] or row["asked"], "yes" if row["covered"] else "no", row["why"]) for row in answers],
        ),
    )
    if not all(row["covered"] for row in answers):
        raise typer.Exit(Exit.FORGED)


def prove(
    ctx: typer.Context,
    folder: Folder,
    name: Annotated[str, typer.Argument(metavar="NAME")],
    list_key: Annotated[
        Path,
        typer.Option(
            metavar="FILE", help="list-key.json of this list, from the authority.", exists=True, dir_okay=False
        ),
    ],
    window: Annotated[
        str | None,
        typer.Option(metavar="FROM,UNTIL", help="Which window, where the name has several; either side may be empty."),
    ] = None,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Where the proof goes. Without it: stdout.")] = None,
    map_file: Map = None,
    as_json: AsJson = False,
) -> None:
    """Write the proof that NAME is on the list, for somebody who does not have the list. It tells nothing of the other names.

    The first proof of a list hashes all of it; what was hashed is kept beside the list key (FILE.tiles).

    Who gets it checks it: ersr verify PROOF --name NAME [--window FROM,UNTIL] --waiver FILE --keys FILE

    --json prints {"name", "record", "index", "size", "list" (content digest), "file", "proof"}.
    """
    terminal = Terminal.of(ctx, as_json)
    require_polars()
    text = record_of(name, None)
    wanted = record_of(name, window) if window is not None else None
    if list_key.resolve().is_relative_to(folder.resolve()):
        raise Failed(
            Exit.USAGE,
            f"{list_key} lies in the list's folder: whoever gets the folder could try names against each proof.",
            "Keep the list key elsewhere.",
        )
    key = membership.ListKey.parse(list_key.read_bytes())
    with records.open_folder(folder, map_file) as found:
        placed = found.of(text)
        if not placed:
            raise Failed(Exit.FORGED, f"{text} is not on this list: nothing to prove.")
        if wanted is None and len(placed) > 1:
            raise Failed(
                Exit.USAGE,
                f"{text} has {len(placed)} windows on this list.",
                "Say which with --window: " + " or ".join(row.partition(b",")[2].decode() or "," for row in placed),
            )
        record = wanted.encode() if wanted is not None else next(iter(placed))
        if record not in placed:
            raise Failed(Exit.FORGED, f"{text} is on this list, but not with the window {window}: nothing to prove.")
        tiles = membership.tiles_beside(found, key, list_key.with_name(f"{list_key.name}.tiles"))
        proof = membership.prove(found, placed[record], key, tiles)
        digest = found.digest
    if out:
        out.write_text(proof.text, encoding="utf-8")
    told = {
        "name": text, "record": record.decode(), "index": proof.index, "size": tiles.size, "list": digest,
        "file": str(out) if out else None, "proof": proof.text,
    }  # fmt: skip
    if not as_json and not out:
        typer.echo(proof.text, nl=False)
    else:
        terminal.tell(told, f"{record.decode()} is record {proof.index} of {tiles.size}. The proof is in {out}.")


def _no_name(text: str, reason: str) -> str:
    return f'"{text}" is no name as lists have them ({reason}).'


def _terms(folder: Path, waiver: Path, keys: Path | None) -> Terms:
    """What the waiver says, if a trusted key signed it and the folder's list is the one that it covers."""
    key_set = trusted(keys)
    if key_set is None:
        raise Failed(
            Exit.CANNOT_TELL,
            "There are no keys to judge the waiver with.",
            "Give the authority's keys with --keys FILE.",
        )
    try:
        terms = signed(waiver.read_bytes(), key_set)[0].terms()
    except Refusal as refusal:
        raise Failed(
            Exit.FORGED, f"{waiver}: {refusal.message}", "Do not act on it. Check it by itself: ersr verify FILE"
        ) from refusal
    held = json.loads((folder / "summary.json").read_bytes())
    if terms.names is not None and terms.names.of_records != held.get("content_digest"):
        same = ", with other windows" if terms.names.digest == held.get("digest") else ""
        raise Failed(
            Exit.FORGED,
            f"{folder} holds another list than the one that {terms.reference} covers{same}.",
            f"Take the list with the content digest {terms.names.of_records}.",
        )
    return terms


def _answer(found: records.Records, text: str, at: datetime, terms: Terms | None, action: str) -> dict[str, Any]:
    name, reason = canonical.to_ascii(text)
    tld = name.rpartition(".")[2]
    listing = ABSENT if reason else found.find(name)
    if reason:
        answer = Coverage(False, _no_name(text, reason))
    elif terms is None:
        answer = coverage.on_list(listing, at)
    else:
        answer = coverage.covers(terms, acted_at=at, action=action, tld=tld, listing=listing)
    window = listing.window(at)
    return {
        "asked": text,
        "name": name,
        "tld": tld,
        "covered": answer.covered,
        "why": answer.why,
        "listed": listing.listed,
        "window": window
        and {side: moment and windows.written(moment) for side, moment in zip(("from", "until"), window, strict=True)},
    }
