"""`ersr verify`. It works offline, in the base installation, and believes only keys that were given or pinned."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from ersr.client.command.terminal import printable
from ersr.core.errors import Refusal
from ersr.core.terms import rfc3339
from ersr.names import windows
from ersr.names.canonical import to_ascii
from ersr.proof.keys import KeySet, SigningKey
from ersr.proof.membership import Claim
from ersr.proof.strict import moment_of
from ersr.proof.verify import Outcome, Verdict
from ersr.proof.verify import verify as judge

PINNED = "~/.config/ersr/keys.json"
_HEADS = {
    Outcome.AUTHENTIC: ("AUTHENTIC", "bold green"),
    Outcome.FORGED: ("FORGED OR DAMAGED", "bold red"),
    Outcome.CANNOT_TELL: ("CANNOT TELL", "bold yellow"),
}
_NEXT = {
    Outcome.FORGED: "Do not act on it. Ask the authority for the document again, and compare your keys file with the one that "
    "the authority publishes.",
    Outcome.CANNOT_TELL: f"Give the authority's keys with --keys FILE, or pin them in $ERSR_KEYS or {PINNED}.",
}

Keys = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help=f"The authority's keys.json. Without it: $ERSR_KEYS, then {PINNED}.",
        exists=True,
        dir_okay=False,
        readable=True,
    ),
]


def verify(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE...",
            help="Signed letters (PDF), tokens, receipts, checkpoints; one proof that a name is on a list.",
            exists=True,
            dir_okay=False,
            readable=True,
        ),
    ],
    keys: Keys = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")] = False,
    at: Annotated[
        str | None,
        typer.Option(
            metavar="TIME", help="Tell the state at this time, such as 2026-11-14T11:07:00Z. Without it: now."
        ),
    ] = None,
    names: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="A list of names to hold against the signed digest.",
            exists=True,
            dir_okay=False,
            readable=True,
        ),
    ] = None,
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="With a proof: the name that it is said to prove. Needs --waiver.")
    ] = None,
    window: Annotated[
        str | None,
        typer.Option(metavar="FROM,UNTIL", help="With --name: the window that is proved; either side may be empty."),
    ] = None,
    waiver: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="With --name: the signed letter or token on whose list the name is said to be.",
            exists=True,
            dir_okay=False,
            readable=True,
        ),
    ] = None,
) -> None:
    """Tell whether each FILE is authentic, what it covers, from when to when, and what could not be checked.

    A proof that a name is on a list (ersr names prove) is judged with --name and --waiver: it is authentic only if the list's checkpoint
    is, the waiver is, and the waiver covers that very list.

    Exit code: 0 all authentic (upcoming and ended ones included); 1 at least one forged or damaged, or signed by no key that you
    trust; 2 wrong usage; 3 cannot tell (no keys, or none of our documents).

    --json prints {"outcome", "files": [{"name", "kind", "outcome", "why", "reference", "key": {"kid", "holder", "trusted_from",
    "trusted_until"}, "signed_at", "covers", "period": {"acts_from", "effective_from", "ends_at"}, "state", "at", "withheld",
    "warnings", "unchecked"}]}; times are RFC 3339 in UTC.
    """
    moment = moment_at(at)
    if (name is None) != (waiver is None) or (window is not None and name is None):
        raise typer.BadParameter("--name and --waiver go together, and --window goes with them.")
    if name is not None and (len(files) > 1 or names is not None):
        raise typer.BadParameter("With --name, give one proof, and no list.")
    claim = Claim(record_of(name, window), waiver.read_bytes()) if name is not None and waiver is not None else None
    given, listed = trusted(keys), names.read_bytes() if names else None
    verdicts = [judge(file.read_bytes(), given, at=moment, name=str(file), names=listed, claim=claim) for file in files]
    outcome = next(
        o for o in (Outcome.FORGED, Outcome.CANNOT_TELL, Outcome.AUTHENTIC) if any(v.outcome is o for v in verdicts)
    )
    if as_json:
        typer.echo(json.dumps({"outcome": outcome.value, "files": [v.to_json() for v in verdicts]}, indent=2))
    else:
        _print(verdicts)
    if outcome in _NEXT:
        typer.echo(f"ersr: {_NEXT[outcome]}", err=True)
    raise typer.Exit(outcome.exit_code)


def moment_at(at: str | None) -> datetime:
    """The time of --at, or now."""
    try:
        return moment_of(at, "--at") if at else datetime.now(UTC)
    except Refusal as refusal:
        raise typer.BadParameter(refusal.message, param_hint="--at") from refusal


def record_of(name: str, window: str | None) -> str:
    """The record of NAME and --window as typed; else wrong usage."""
    text, reason = to_ascii(name)
    if reason:
        raise typer.BadParameter(f'"{name}" is no name as lists have them ({reason}).')
    if window is None:
        return text
    begins, comma, ends = window.partition(",")
    bounds = windows.window(begins.strip(), ends.strip()) if comma else None
    if bounds is None:
        hint = "A window is FROM,UNTIL: dates, or times such as 2026-03-01T00:00:00Z; either may be empty."
        raise typer.BadParameter(hint, param_hint="--window")
    return windows.record(text, *bounds)


def trusted(given: Path | None) -> KeySet | None:
    """The key set that was given or pinned; None when there is none. A file that is no key set is wrong usage."""
    file = given
    if file is None and (pinned := os.environ.get("ERSR_KEYS")):
        file = Path(pinned)
        if not file.is_file():
            raise typer.BadParameter(f"$ERSR_KEYS names {file}, which is not a file.")
    if file is None:
        file = Path(PINNED).expanduser()
        if not file.is_file():
            return None
    try:
        return KeySet.parse(file.read_bytes())
    except Refusal as refusal:
        message = f"{file} is not a key set that can be trusted. {refusal.message} Fetch it again from the authority."
        raise typer.BadParameter(message, param_hint="--keys") from refusal


def _print(verdicts: list[Verdict]) -> None:
    console = Console(soft_wrap=True, highlight=False)
    for place, verdict in enumerate(verdicts):
        if place:
            console.print()
        head, style = _HEADS[verdict.outcome]
        console.print(Text.assemble((head, style), printable(f"  {verdict.name} ({verdict.kind.value})")))
        for label, rows in _rows(verdict):
            for n, row in enumerate(rows):
                console.print(Text.assemble((f"  {label if n == 0 else '':<12}", "bold"), printable(row)))


def _rows(verdict: Verdict) -> list[tuple[str, list[str]]]:
    rows: list[tuple[str, list[str]]] = [("Why", [verdict.why] if verdict.why else [])]
    rows.append(("Reference", [verdict.reference] if verdict.reference else []))
    if verdict.key is not None:
        holder = verdict.key.authority if isinstance(verdict.key, SigningKey) else f"log {verdict.key.log_origin}"
        since = f"trusted since {_time(verdict.key.valid_from)}, until {_time(verdict.key.valid_until)}"
        rows.append(("Key", [f"{verdict.key.kid} ({holder})", since]))
    if verdict.signed_at:
        rows.append(("Signed", [_time(verdict.signed_at)]))
    rows.append(("Covers", list(verdict.covers)))
    if verdict.period and verdict.state:
        acts_from, effective_from, ends_at = map(_time, verdict.period)
        rows.append(("Period", [f"acts from {acts_from}; in force from {effective_from}; ends at {ends_at}"]))
        rows.append(("State", [f"{verdict.state.value} at {_time(verdict.at)}"]))
    rows.append(("Note", list(verdict.warnings)))
    rows.append(("Not checked", [f"- {row}" for row in verdict.unchecked]))
    return rows


def _time(moment: datetime) -> str:
    return rfc3339(moment)
